"""A whole run on a scene-linear plate: highlights of 40 and pixels that are no numbers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from relip.blend.stage import comp_path
from relip.mask.coverage import fill
from relip.mask.stage import read_matte
from relip.plate import open_plate, read_exr, write_comp
from relip.render.rig import N_OUTER
from relip.render.stage import load_inputs, patch_path
from relip.shot import Shot
from relip.track import geometry

FRAMES = range(1001, 1011)
PEAK = 40.0


def whole_matte(shot: Shot, frame: int, size: tuple[int, int]) -> np.ndarray:
    """The matte over the display window; size is width, height."""
    found = read_matte(shot, frame, *size)
    assert found is not None
    values, (x, y) = found
    whole = np.zeros(size[::-1], np.float32)
    whole[y : y + values.shape[0], x : x + values.shape[1]] = values
    return whole


def mouths(shot: Shot, frame: int, size: tuple[int, int]) -> np.ndarray:
    """Where the plate's lips and the new ones are."""
    inputs = load_inputs(shot)
    row = inputs.track.index(frame)
    back = geometry.invert(inputs.track.transform[row])
    covered = np.zeros(size[::-1], bool)
    for lines in (inputs.lines[row], inputs.own_lines[row]):
        covered |= fill(geometry.apply(back, lines[:N_OUTER]), size) > 0
    return covered


def cheek(shot: Shot, frame: int, size: tuple[int, int]) -> tuple[int, int]:
    """The pixel that is farthest from the mouth and the matte's edge alike: x, y."""
    inside = whole_matte(shot, frame, size) >= 1
    room = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
    away = cv2.distanceTransform((~mouths(shot, frame, size)).astype(np.uint8), cv2.DIST_L2, 5)
    best = np.minimum(room, away / 2)
    y, x = np.unravel_index(best.argmax(), best.shape)
    return int(x), int(y)


@pytest.fixture(scope="module")
def made(
    finished_shot: Path, demo_sequence, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Shot, dict[int, tuple[int, int]], dict[int, list[tuple[int, int]]]]:
    """A run on ten frames of the demo with a glint on the cheek, and NaN and Inf here and there."""
    folder = tmp_path_factory.mktemp("light")
    plain = Shot.open(finished_shot)
    spots, broken = {}, {}
    with open_plate(demo_sequence.path) as plate:
        size = (plate.width, plate.height)
        for picture in plate.iter(list(FRAMES)):
            frame = picture.frame
            x, y = spots[frame] = cheek(plain, frame, size)
            rgb = picture.rgb.copy()
            ys, xs = np.mgrid[: size[1], : size[0]]
            glow = PEAK * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 1.2)
            rgb = np.maximum(rgb, glow[..., None]).astype(np.float32)
            inside = np.argwhere(mouths(plain, frame, size))
            within = [tuple(inside[len(inside) // 3]), tuple(inside[len(inside) // 2]), (y, x + 9)]
            broken[frame] = [*within, (5, 5), (size[1] - 3, 7)]
            for place, value in zip(broken[frame], [np.nan, np.inf, -np.inf, np.nan, np.inf],
                                    strict=True):  # fmt: skip
                rgb[place] = [value, 0.2, value]
            write_comp(folder / f"p.{frame}.exr", picture, rgb)
    settings = plain.settings.to_dict()
    settings["plate"] |= {"path": str(folder / "p.####.exr"), "frames": ""}
    settings["dialogue"]["when_longer"] = "trim"
    shot = Shot.create(folder / "s.relip", type(plain.settings).from_dict(settings))
    # The artist's matte, so that the spots lie inside it whatever the tracker makes of them.
    (shot.folder / "overrides").mkdir()
    for frame in FRAMES:
        name = f"mask.{frame}.exr"
        shutil.copy(finished_shot / "mask" / name, shot.folder / "overrides" / name)
    reports = shot.run(until="blend")
    assert not any(r.failed for r in reports), [r.failed for r in reports]
    return shot, spots, broken


def test_a_glint_beside_the_mouth_keeps_its_energy(made):
    shot, spots, _ = made
    covered = 0
    with shot.open_plate() as plate:
        size = (plate.width, plate.height)
        for picture in plate.iter(list(FRAMES)):
            x, y = spots[picture.frame]
            box = np.s_[y - 2 : y + 3, x - 2 : x + 3]
            assert picture.rgb[box].max() == PEAK
            assert (whole_matte(shot, picture.frame, size)[box] == 1).all()
            channels, _, _, _ = read_exr(comp_path(shot, picture.frame))
            comp = np.stack([channels[c] for c in "RGB"], -1)
            if mouths(shot, picture.frame, size)[y - 4 : y + 5, x - 4 : x + 5].any():
                covered += 1
                continue
            for channel in range(3):
                after, before = comp[box][..., channel].sum(), picture.rgb[box][..., channel].sum()
                assert after >= before, (picture.frame, channel)
            assert comp[y, x].tolist() == picture.rgb[y, x].tolist()
    assert covered < len(FRAMES) / 2


def test_pixels_that_are_no_numbers_stay_alone(made):
    shot, _, broken = made
    drawn = 0
    with shot.open_plate() as plate:
        size = (plate.width, plate.height)
        for picture in plate.iter(list(FRAMES)):
            channels, _, _, _ = read_exr(comp_path(shot, picture.frame))
            comp = np.stack([channels[c] for c in "RGB"], -1)
            bad = ~np.isfinite(picture.rgb)
            assert set(map(tuple, np.argwhere(bad.any(-1)))) == set(broken[picture.frame])
            assert not (~np.isfinite(comp) & ~bad).any(), "none spread"
            outside = whole_matte(shot, picture.frame, size) == 0
            before, after = (p[outside].astype(np.float16) for p in (picture.rgb, comp))
            assert before.tobytes() == after.tobytes()
            patch, _, _, _ = read_exr(patch_path(shot, picture.frame))
            assert all(np.isfinite(values).all() for values in patch.values())
            drawn += int((comp != picture.rgb)[~bad].sum())
    assert drawn > 1000


def test_the_network_learned_numbers_in_a_log(made):
    from safetensors.numpy import load_file

    from relip.render.encoding import CURVE
    from relip.render.model import ShotModel

    shot, _, _ = made
    encoding = ShotModel.load(shot.path("model", "model.safetensors")).encoding
    assert encoding.working == CURVE and encoding.linear
    weights = load_file(shot.path("model", "model.safetensors"))
    assert all(np.isfinite(v).all() for v in weights.values())


def test_the_run_again_has_nothing_to_do(made, relip: Callable):
    shot, _, _ = made
    ended = relip("run", shot.folder, "--until", "blend", "--progress", "none")
    assert ended.code == 0 and "frames done" not in ended.out, ended
