"""The edge of an occluder: in the plate's pixels, and between strands of hair."""

from __future__ import annotations

import cv2
import mask_making
import numpy as np
import pytest

from relip.mask import alpha
from relip.mask.crop import SIDE, SMALL
from relip.track import points


@pytest.mark.parametrize("size", [60, 400])
def test_the_edge_is_the_plates(size: int):
    """A disc of known alpha over a textured ground, found one pixel of 128 too small."""
    rng = np.random.default_rng(3)
    ys, xs = np.mgrid[0:size, 0:size] + 0.5
    radius = 0.25 * size
    away = np.hypot(xs - 0.5 * size, ys - 0.5 * size)
    soft = 0.02 * size
    truth = np.clip(0.5 - (away - radius) / soft, 0, 1)
    ground = np.array([180, 140, 120]) + rng.normal(0, 3, (size, size, 3))
    disc = np.array([60, 70, 90]) + rng.normal(0, 3, (size, size, 3))
    picture = disc * truth[..., None] + ground * (1 - truth[..., None])
    centres = (np.arange(SMALL) + 0.5) / SMALL
    gx, gy = np.meshgrid(centres, centres)
    signed = (0.25 - np.hypot(gx - 0.5, gy - 0.5)) * SMALL - 1
    cover = np.clip(signed / 2, -1, 1).astype(np.float32)
    to_crop = np.array([[1 / size, 0, 0], [0, 1 / size, 0.0]])
    found = alpha.refine(cover, picture.astype(np.uint8), to_crop)
    assert np.abs(found - truth).mean() < 0.015
    assert found[truth > 0.98].min() > 0.9
    assert found[away > radius + 0.05 * size].max() == 0


@pytest.mark.parametrize("size", [256, 700])
def test_the_face_is_seen_between_strands(size: int):
    """Three strands that were found as one band; a dark ball as wide as the band stays whole."""
    rng = np.random.default_rng(4)
    xs = (np.arange(size) + 0.5) / size * SMALL
    fine = sum(np.clip(1.8 - np.abs(xs - x), 0, 1) for x in (58.0, 64.5, 71.0))
    truth = np.repeat(fine[None], size, axis=0)
    ys = xs[:, None]
    truth[np.hypot(xs[None] - 64, ys - 100) < 14] = 1
    ground = np.array([190, 145, 120]) + rng.normal(0, 2, (size, size, 3))
    hair = np.array([45, 32, 24]) + rng.normal(0, 2, (size, size, 3))
    picture = hair * truth[..., None] + ground * (1 - truth[..., None])
    # a light on the ball, as of the face
    picture[np.hypot(xs[None] - 64, ys - 100) < 3] = (190, 145, 120)
    centres = np.arange(SMALL) + 0.5
    cover = np.repeat(np.clip(9.0 - np.abs(centres - 64.5), -1, 1)[None], SMALL, axis=0)
    ball = np.hypot(centres[None] - 64, centres[:, None] - 100) < 15
    cover = np.where(ball, 1, cover).astype(np.float32)
    found = alpha.refine(
        cover, picture.astype(np.uint8), np.array([[1 / size, 0, 0], [0, 1 / size, 0]])
    )
    strands = (ys[:, 0] > 10) & (ys[:, 0] < 70)
    kept, wanted = found[strands] > 0.5, truth[strands] > 0.5
    assert (kept & wanted).sum() / (kept | wanted).sum() > 0.8
    assert found[np.hypot(xs[None] - 64, ys - 100) < 10].min() > 0.9


@pytest.mark.parametrize("size", [220, 330])
def test_a_strand_is_as_wide_as_it_is(size: int):
    """Strands of two to four pixels, of which no pixel or two are wholly hair."""
    pixels = np.arange(size) + 0.5
    truth = np.zeros((size, size), np.float32)
    for place, half in ((0.35, 1.2), (0.5, 1.6), (0.66, 2.0)):
        truth += np.clip(half + 0.5 - np.abs(pixels - place * size), 0, 1).astype(np.float32)
    truth = cv2.GaussianBlur(truth, (0, 0), 0.6)
    rng = np.random.default_rng(8)
    picture = np.array([45, 32, 24]) * truth[..., None]
    picture += np.array([190, 145, 120]) * (1 - truth[..., None])
    picture = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
    small = cv2.resize(truth, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    cover = np.where(cv2.dilate(small, np.ones((3, 3))) > 0.2, 0.5, -0.5).astype(np.float32)
    found = alpha.refine(cover, picture, np.array([[1 / size, 0, 0], [0, 1 / size, 0]]))
    kept, wanted = found > 0.5, truth > 0.5
    assert (kept & wanted).sum() / (kept | wanted).sum() > 0.95


@pytest.mark.parametrize("size", [128, 400])
def test_what_is_no_mixture_keeps_the_edge_that_was_found(size: int):
    """Dark lips beside a grey stick on skin lie between their lightness, and are neither."""
    xs = np.repeat(((np.arange(size) + 0.5) / size * SMALL)[None], size, axis=0)
    ys = xs.T
    stick = np.clip(4.5 - np.abs(xs - 64), 0, 1)
    lips = (np.abs(ys - 64) < 3) & (np.abs(xs - 64) < 9)
    picture = np.where(lips[..., None], [120, 50, 52], np.array([165, 125, 105]))
    picture = picture * (1 - stick[..., None]) + np.array([70, 70, 72]) * stick[..., None]
    rng = np.random.default_rng(6)
    picture = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
    centres = np.arange(SMALL) + 0.5
    cover = np.repeat(np.clip(4.5 - np.abs(centres - 64), -1, 1)[None], SMALL, axis=0)
    found = alpha.refine(
        cover.astype(np.float32), picture, np.array([[1 / size, 0, 0], [0, 1 / size, 0]])
    )
    beside = lips & (np.abs(np.abs(xs - 64) - 6) < 1)
    assert found[beside].mean() < 0.1
    assert found[np.abs(xs - 64) < 3].mean() > 0.95


@pytest.mark.parametrize("size", [200, 512])
def test_a_thin_part_is_followed_to_its_end(size: int):
    """Of a stick before mouth and chin only the upper end was found; a strand beside joins it.

    A fold that it crosses runs another way, and is none of it.
    """
    face = np.median(mask_making.make_track().canonical()[..., :2], axis=0)
    xs = np.repeat(((np.arange(size) + 0.5) / size)[None], size, axis=0)
    ys = xs.T
    middle = face[points.CHIN, 0]
    top = face[0, 1] - 0.12
    stick = (
        np.clip((2.5 / SIDE - np.abs(xs - middle)) * size + 0.5, 0, 1) * (ys > top) * (ys < 0.95)
    )
    slanted = (ys - face[points.CHIN, 1] + 0.18) / 1.3 - (xs - middle)
    strand = (np.abs(slanted) < 2.5 / SIDE) & (xs > middle) & (xs < face[397, 0] + 0.06)
    fold = (np.abs(ys - face[points.CHIN, 1] + 0.08) < 2 / SIDE) & (
        np.abs(xs - middle + 0.06) < 0.06
    )
    dark = np.maximum.reduce([stick, strand, fold])
    picture = np.full((size, size, 3), (165, 125, 105)) * (1 - dark[..., None])
    picture = picture + np.array([40, 38, 36]) * dark[..., None]
    mouth = cv2.fillPoly(
        np.zeros((size, size), np.uint8),
        [np.round(face[list(points.INNER_LIPS)] * size).astype(np.int32)],
        1,
    )
    picture[mouth > 0] = (40, 20, 20)
    noise = np.random.default_rng(7).normal(0, 2, picture.shape)
    picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    centres = (np.arange(SMALL) + 0.5) / SMALL
    upper = (centres > top) & (centres < top + 0.38)
    cover = np.full((SMALL, SMALL), -1, np.float32)
    cover[upper] = np.clip((2.0 / SIDE - np.abs(centres - middle)) * SMALL, -1, 1)
    to_crop = np.array([[1 / size, 0, 0], [0, 1 / size, 0]])
    begun = alpha.refine(cover, picture, to_crop)
    lower = (stick > 0.9) & (ys > top + 0.41) & (ys < 0.94)
    assert begun[lower].max() < 0.1
    found = alpha.continued(begun, picture, to_crop, face, face)
    assert found[lower].mean() > 0.9
    assert found[strand & (xs > middle + 0.02) & (xs < middle + 0.05)].mean() > 0.9
    assert not found[strand & (xs > face[397, 0] + 0.03)].any()
    assert found[fold & (xs < middle - 10 / SIDE)].mean() < 0.1
    assert not (found > begun)[mouth > 0].any()
    # hair that is held beside the face is no occluder's, wherever it is
    held = np.zeros((SIDE, SIDE), np.float32)
    held[:, int(middle * SIDE) + 8 :] = 1
    kept = alpha.continued(begun, picture, to_crop, face, face, held)
    assert not kept[strand & (xs > middle + 12 / SIDE)].any()
    assert kept[lower].mean() > 0.9
    # a few pixels that were found say nothing of all that is joined to them
    cover[centres > top + 0.02] = -1
    begun = alpha.refine(cover, picture, to_crop)
    assert alpha.continued(begun, picture, to_crop, face, face) is begun
    # what is broad is left as it was found
    broad = np.where(np.abs(centres[None] - middle) < 0.1, np.float32(1), np.float32(-1))
    broad = np.repeat(broad, SMALL, axis=0)
    whole = alpha.refine(broad, picture, to_crop)
    assert alpha.continued(whole, picture, to_crop, face, face) is whole
