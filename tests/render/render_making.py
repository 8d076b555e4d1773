"""A small shot to learn from: a painted face whose mouth is dark where it is open."""

from __future__ import annotations

import cv2
import face_making
import numpy as np

from relip.mask.coverage import fill
from relip.mask.region import make_region
from relip.render import rig as rig_module
from relip.render.canonical import Window
from relip.render.encoding import Encoding
from relip.render.examples import Examples
from relip.render.model import ShotModel
from relip.render.network import ShotNet
from relip.render.rig import N_INNER, N_OUTER
from relip.shot import MaskSettings
from relip.track.facetrack import FaceTrack

#: Side of the crop: small, so that a step takes some milliseconds.
CROP = 96
PAD = 8
SKIN, LIP, MOUTH = (0.72, 0.52, 0.42), (0.62, 0.30, 0.30), (0.12, 0.05, 0.05)


def paint(lines: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Skin, lips and an open mouth ``[shape=(height, width, 3)]`` for lines in pixels."""
    width, height = size
    picture = np.full((height, width, 3), SKIN, np.float32)
    picture *= np.linspace(0.9, 1.1, width, dtype=np.float32)[None, :, None]
    for part, colour in (
        (lines[:N_OUTER], LIP),
        (lines[N_OUTER : N_OUTER + N_INNER], MOUTH),
    ):
        cover = fill(part, size)[..., None]
        picture = picture * (1 - cover) + np.array(colour, np.float32) * cover
    return cv2.GaussianBlur(picture, (0, 0), 0.7)


def make_track(n: int = 24, talking: float = 1.0) -> FaceTrack:
    """A face that talks fast, so that few frames hold open and closed lips."""
    return face_making.make_track(face_making.make_shot(n, talking=talking).landmarks)


def make_examples(n: int = 24, crop: int = CROP, talking: float = 1.0) -> Examples:
    """Examples as :func:`relip.render.examples.collect` cuts them, without a plate."""
    track = make_track(n, talking)
    outline = make_region(track, MaskSettings()).outline
    window = Window.for_outlines(outline, crop)
    own = rig_module.track_lines(track)
    lines, outlines, corners, pictures = [], [], [], []
    for row in range(n):
        placed = window.on(outline[row])
        lines.append(placed.to_pixels(own[row]))
        outlines.append(placed.to_pixels(outline[row]))
        corners.append([placed.x, placed.y])
        size = (window.width + 2 * PAD, window.height + 2 * PAD)
        pictures.append(paint(lines[-1] + PAD, size).astype(np.float16))
    return Examples(
        frames=track.frames.copy(),
        pictures=np.stack(pictures),
        lines=np.stack(lines),
        outlines=np.stack(outlines),
        corners=np.array(corners),
        plates=np.zeros(n, np.int64),
        window=window,
        pad=PAD,
        mean=np.array(SKIN, np.float32),
    )


def make_model(*, trained: bool = True, seed: int = 0) -> tuple[ShotModel, FaceTrack]:
    """A model whose network draws something (random weights), or nothing (fresh)."""
    import torch

    track = make_track()
    outline = make_region(track, MaskSettings()).outline
    torch.manual_seed(seed)
    network = ShotNet().placed(torch.device("cpu"))
    if trained:
        for value in network.out.parameters():
            torch.nn.init.normal_(value, std=0.02)
    model = ShotModel(
        network=network.eval(),
        rig=rig_module.fit(track),
        window=Window.for_outlines(outline, 256),
        encoding=Encoding("sRGB", "sRGB", 0.0, 1.0),
        mean=np.array(SKIN, np.float32),
    )
    return model, track
