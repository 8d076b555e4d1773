"""The pictures of the track: which frames a sheet shows, and words that fit below them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import face_making
import numpy as np
import pytest

from relip.review import sheet, track_pictures
from relip.track import square

FRAMES = 100


def test_where_nothing_is_doubtful_frames_are_spread_evenly():
    track = face_making.make_track(face_making.make_shot(FRAMES).landmarks)
    sure = np.ones(FRAMES)
    track = replace(track, confidence=sure, mix=sure)
    shown = np.array(sorted(track_pictures._frames_to_show(track))) - 1001
    assert len(shown) == track_pictures.SHEET_FRAMES
    assert shown[0] == 0 and shown[-1] == FRAMES - 1 and np.diff(shown).max() <= 5
    # and the doubtful ones are among them where there are such
    confidence = sure.copy()
    confidence[[31, 32, 77]] = 0.4
    doubtful = track_pictures._frames_to_show(replace(track, confidence=confidence))
    assert {1032, 1033, 1078} <= doubtful and len(doubtful) == track_pictures.SHEET_FRAMES


def test_the_bars_words_do_not_touch():
    """Between the words of two bars lies background."""
    track = face_making.make_track(face_making.make_shot(4).landmarks)
    track = replace(track, regions=np.ones_like(track.regions), mix=np.ones(4))
    strip = track_pictures._bars(track, 1, "", 240)[18:30]
    dark = (strip == 24).all((0, 2))
    for edge in (60, 120, 180):
        assert dark[edge - 1 : edge + 3].all(), edge


@pytest.mark.parametrize("aspect", [2.0, 0.8])
def test_a_squeezed_plate_is_drawn_as_it_is_shown(aspect: float):
    """Page, close-up and tile are those of the picture without the squeeze."""
    noise = np.random.default_rng(0).random((260, 320, 3)).astype(np.float32)
    shown = np.round(255 * cv2.GaussianBlur(noise, (0, 0), 6)).astype(np.uint8)
    held = square.columns(shown.astype(np.float32), 0.0, aspect, round(320 / aspect))
    held = np.round(held).astype(np.uint8)
    own = face_making.make_track(face_making.make_shot(2).landmarks)
    squeezed = own.squeezed(aspect)
    for wanted, found in (
        (track_pictures.page(shown, own, 0, ""), track_pictures.page(held, squeezed, 0, "")),
        (
            track_pictures.close_up(shown, own, 0, "", 240),
            track_pictures.close_up(held, squeezed, 0, "", 240),
        ),
        (
            sheet.face_tile(shown, np.array([150.0, 120]), 60, "a"),
            sheet.face_tile(held, np.array([150.0, 120]), 60, "a", aspect),
        ),
    ):
        assert found.shape == wanted.shape
        assert np.abs(found.astype(float) - wanted).mean() < 2.0
