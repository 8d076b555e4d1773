"""Drawn frames tracked again: a drawing that is off by a known way is measured as such."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from relip.mask.region import make_region
from relip.progress import Progress
from relip.render import canonical, retrack, rig, train_stage
from relip.render.calibration import N_LIPS
from relip.render.generate import Patch
from relip.render.model import ShotModel
from relip.shot import Shot
from relip.track import stage as track_stage


def measured(finished: Path, monkeypatch: pytest.MonkeyPatch, shift: float):
    """Errors of a network that draws the plate itself, ``shift`` pixels too far right."""
    shot = Shot.open(finished)
    track = track_stage.load(shot)
    region = make_region(track, shot.settings.mask)
    model = ShotModel.load(train_stage.model_path(shot))

    def shifted(model_, rgb, transform, lines, outline, old_lines, *, detail, calibrated):
        assert detail == 0.0 and calibrated is False
        window = model_.window.on(outline)
        x0, y0, x1, y1 = canonical.plate_rect(
            window.from_plate(transform), window, rgb.shape[1], rgb.shape[0]
        )
        move = np.array([[1, 0, shift], [0, 1, 0]], float)
        moved = cv2.warpAffine(rgb, move, rgb.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        return Patch((x0, y0), moved[y0:y1, x0:x1], np.zeros((y1 - y0, x1 - x0, 2), np.float32))

    monkeypatch.setattr(retrack, "generate_patch", shifted)
    monkeypatch.setattr(retrack, "FRAMES", 6)
    with shot.open_plate() as plate:
        frames = list(shot.frames)
        lines, errors = retrack.lip_errors(model, plate, track, region, frames, Progress("none"))
    return lines, errors, track


def test_the_plate_itself_has_no_error(finished_shot: Path, monkeypatch: pytest.MonkeyPatch):
    lines, errors, _ = measured(finished_shot, monkeypatch, 0.0)
    assert lines.shape == (6, rig.N_LINES, 2) and errors.shape == (6, N_LIPS, 2)
    assert np.abs(errors).max() < 0.001 * rig.UNIT


def test_a_shift_is_measured(finished_shot: Path, monkeypatch: pytest.MonkeyPatch):
    _, errors, track = measured(finished_shot, monkeypatch, 2.0)
    off = errors.mean((0, 1)) / rig.UNIT * track.face_width
    assert off[0] == pytest.approx(2.0, abs=0.7)
    assert off[1] == pytest.approx(0.0, abs=0.4)
