"""A frame's face against the shot's model."""

from __future__ import annotations

import cv2
import numpy as np

from relip.mask import sight
from relip.mask.appearance import CERTAIN, Appearance
from relip.mask.crop import SMALL


def test_edges_beside_their_place_are_no_occluder():
    """A face whose mesh is pushed by two pixels is strange along its edges, but not with room."""
    rng = np.random.default_rng(5)
    face = cv2.GaussianBlur(rng.random((SMALL, SMALL, 3)).astype(np.float32), (0, 0), 4)
    face = (0.5 + 0.5 * np.sign(face - face.mean((0, 1)))) * [0.5, 0.1, 0.1]
    face = cv2.GaussianBlur(face.astype(np.float32), (0, 0), 0.8)
    area = np.zeros((SMALL, SMALL), bool)
    area[20:100, 20:100] = True
    count = int(area.sum())
    model = Appearance(
        area, face[area], np.zeros((0, count, 3), np.float32),
        np.full((count, 3), 0.02, np.float32), np.full(count, 3, np.float32), np.ones(count, bool),
    )  # fmt: skip
    pushed = np.roll(face, (1, 2), axis=(0, 1))
    pushed[50:60, 50:60] = 0.9  # what is no part of the face stays as strange as it is
    seen = sight.Sight(
        pushed[area], face[area], np.ones(count, np.float32), np.zeros((SMALL, SMALL, 2))
    )
    plain, roomy = (model.picture(seen.strange(model, room)) for room in (0, 3))
    patch = np.zeros_like(area)
    patch[50:60, 50:60] = True
    inner = np.zeros_like(area)
    inner[24:96, 24:96] = True
    assert (plain[inner & ~patch] > CERTAIN).mean() > 0.1
    assert roomy[inner & ~patch].max() < sight.SUSPECT
    assert (roomy[patch] > CERTAIN).all()
    assert (roomy <= plain + 1e-5).all()
