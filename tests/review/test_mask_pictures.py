"""``relip review --stage mask``: a movie and a sheet of what the mask stage made."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import cv2
import numpy as np

from relip.mask import stage as mask_stage
from relip.review import mask_pictures
from relip.shot import Shot
from relip.track.facetrack import FaceTrack


def test_the_command(shot_copy: Path, relip, refused):
    ended = relip("review", shot_copy, "--stage", "mask", "--progress", "none")
    assert ended.code == 0, ended
    with av.open(str(shot_copy / "review" / "mask.mp4")) as movie:
        frames = [f.to_ndarray(format="rgb24") for f in movie.decode(video=0)]
    assert len(frames) == 40
    assert frames[0].shape[:2] == (mask_pictures.SIDE + 20, 2 * mask_pictures.SIDE)
    sheet = cv2.imread(str(shot_copy / "review" / "mask.png"))
    assert sheet.shape[1] == 6 * mask_pictures.SIDE // 2
    again = relip("review", shot_copy, "--stage", "mask", "--progress", "none")
    assert "40 up to date" in again.out
    shutil.rmtree(shot_copy / "mask")
    refused(3, ["review", shot_copy, "--stage", "mask"], "masked", "relip mask")


def test_the_matte_is_red_and_the_rest_is_the_plate(shot_copy: Path):
    """Where the matte is 1 the picture goes red, where it is 0 it is the plate."""
    shot = Shot.open(shot_copy)
    track = FaceTrack.load(shot.path("track", "track.npz"))
    frame = int(shot.frames[7])
    grey = np.full((240, 240, 3), 128, np.uint8)
    classes, matted = mask_pictures.close_ups(shot, grey, track, frame, "")
    found = mask_stage.read_matte(shot, frame, 240, 240)
    assert found is not None and found[0].max() == 1
    red, green = matted[:480, :, 0].astype(int), matted[:480, :, 1].astype(int)
    assert (red - green).max() >= 60
    corner = matted[470:478, 2:10]
    assert (corner[..., 0] == corner[..., 1]).all()
    assert np.abs(classes[:480].astype(int) - 128).max() > 30


def test_the_sheet_names_its_colours():
    legend = mask_pictures._legend(1440)
    there = {tuple(c) for c in legend.reshape(-1, 3).tolist()}
    assert {*mask_pictures.COLOURS.values(), mask_pictures._MATTE} <= there
    # the last name ends before the border
    assert (legend[:, -40:] == 24).all()
