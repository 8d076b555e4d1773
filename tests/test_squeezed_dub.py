"""The whole job on an anamorphic plate: its picture is the one of the plate without the squeeze."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from exr_layers import whole_layers

from relip.demo import make_plate
from relip.mask.region import make_region
from relip.plate import write_exr
from relip.render import retrack
from relip.render.canonical import Window, crop_size
from relip.render.generate import cut_frame, generate_patch
from relip.render.model import ShotModel
from relip.render.rig import track_lines
from relip.render.train_stage import model_path
from relip.shot import Shot, ShotSettings
from relip.track import square
from relip.track import stage as track_stage
from relip.track.facemesh import FaceMesh

#: The demo plate's side, its frames and the squeeze: a face of 100 pixels, stored in 50.
SIZE, FRAMES, ASPECT = 320, 12, 2.0


def colour(channels: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack([channels[c] for c in "RGB"], -1).astype(np.float32)


def shown(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def dubs(tmp_path_factory: pytest.TempPathFactory, dialogue) -> dict[str, Shot]:
    """A plate looked at, and the plate squeezed by two dubbed."""
    folder = tmp_path_factory.mktemp("dubs")
    for name in ("square", "squeezed"):
        (folder / name).mkdir()
    make_plate(folder / "square" / "p.####.exr", n_frames=FRAMES, size=SIZE, exr=True)
    for path in sorted((folder / "square").glob("*.exr")):
        picture = cv2.resize(
            colour(whole_layers(path)), (round(SIZE / ASPECT), SIZE), interpolation=cv2.INTER_AREA
        )
        write_exr(
            folder / "squeezed" / path.name, picture, display=picture.shape[1::-1], half=True,
            pixel_aspect=ASPECT,
        )  # fmt: skip
    made = {}
    for name in ("square", "squeezed"):
        settings = {
            "plate": {
                "path": str(folder / name / "p.####.exr"), "fps": "25", "colourspace": "ACEScg",
            },
            "dialogue": {
                "audio": str(dialogue.audio), "text": str(dialogue.text), "when_longer": "trim",
            },
            "train": {"steps": 4},
        }  # fmt: skip
        made[name] = Shot.create(folder / f"{name}.relip", ShotSettings.from_dict(settings))
        made[name].run(until="review" if name == "squeezed" else "mask")
    return made


def test_the_region_is_that_of_the_picture(dubs: dict[str, Shot]):
    for frame in list(dubs["square"].frames)[::3]:
        files = [shot.path("mask", f"mask.{frame}.exr") for shot in dubs.values()]
        own, found = map(whole_layers, files)
        for name, least in (("matte", 0.97), ("skin", 0.93), ("lips", 0.85)):
            a, b = own[name], shown(found[name])
            assert np.minimum(a, b).sum() > least * np.maximum(a, b).sum(), name


def test_the_patch_is_that_of_the_picture(dubs: dict[str, Shot]):
    """One network draws the mouth of another frame on both plates."""
    model = ShotModel.load(model_path(dubs["squeezed"]))
    for frame, other in ((1003, 1009), (1009, 1003)):
        patches, crops = [], []
        for shot in dubs.values():
            track = track_stage.load(shot)
            region, lines = make_region(track, shot.settings.mask), track_lines(track)
            row = track.index(frame)
            with shot.open_plate() as plate:
                picture = plate.read(frame)
                place = track.transform[row], lines[track.index(other)], region.outline[row]
                patch = generate_patch(model, picture, *place, lines[row], 0.0)
                cut = cut_frame(model.window, model.encoding, picture, place[0], place[2])
            assert patch is not None and cut is not None
            whole = np.full((*picture.shape, 3), np.nan, np.float32)
            (x, y), (height, width) = patch.origin, patch.raw.shape[:2]
            whole[y : y + height, x : x + width] = patch.raw
            patches.append(whole if shot is dubs["square"] else shown(whole))
            crops.append(cut.crop)
        matte = whole_layers(dubs["square"].path("mask", f"mask.{frame}.exr"))["matte"] > 0.5
        # a network of so few steps draws checks at the crop's pixels: what is broader than these
        soft = [cv2.GaussianBlur(np.nan_to_num(p), (0, 0), 4) for p in patches]
        assert -10 * np.log10(np.mean(np.square(soft[0] - soft[1])[matte])) > 33
        # what the network is shown is the face as it is seen
        assert np.abs(crops[0] - crops[1]).mean() < 0.02


def test_nothing_outside_the_matte_changes(dubs: dict[str, Shot]):
    shot = dubs["squeezed"]
    for frame in list(shot.frames)[::4]:
        plate = shot.resolve(shot.settings.plate.path).parent / f"p.{frame}.exr"
        before, after = whole_layers(plate), whole_layers(shot.path("comp", f"comp.{frame}.exr"))
        outside = whole_layers(shot.path("render", f"patch.{frame}.exr"))["A"] == 0
        assert 0.5 < outside.mean() < 0.98
        for name in before:
            np.testing.assert_array_equal(before[name][outside], after[name][outside])
    with shot.open_plate() as plate:
        assert plate.info["pixel_aspect"] == ASPECT
    import OpenImageIO as oiio

    for path in ("comp/comp", "render/patch", "mask/mask"):
        image = oiio.ImageInput.open(f"{shot.path(path)}.1001.exr")
        assert image.spec().get_float_attribute("PixelAspectRatio") == ASPECT
        image.close()


def test_the_review_shows_it_as_it_is_meant_to_be_seen(dubs: dict[str, Shot]):
    import av

    shot = dubs["squeezed"]
    with av.open(str(shot.path("review", "preview.mp4"))) as movie:
        first = next(movie.decode(video=0)).to_ndarray(format="rgb24")
    assert first.shape == (SIZE, SIZE, 3)
    with FaceMesh() as mesh:
        (face,) = mesh.faces(first)
        sheet = cv2.imread(str(shot.path("review", "sheet.png")))[:240, :240, ::-1]
        (on_sheet,) = mesh.faces(np.ascontiguousarray(sheet))
    own = track_stage.load(dubs["square"]).landmarks[0]
    for seen in (face, on_sheet):
        assert proportion(seen) == pytest.approx(proportion(own), rel=0.03)
    data = json.loads(shot.path("review", "metrics.json").read_text())
    assert data["max_difference_outside_matte"] == 0
    assert data["passed_through"] == []
    assert data["sync"]["frames"] == FRAMES  # found again in all of them


def proportion(face: np.ndarray) -> float:
    """How wide a face is by its height."""
    width, height = (
        float(np.linalg.norm(face[a, :2] - face[b, :2])) for a, b in ((454, 234), (152, 10))
    )
    return width / height


def test_windows_are_those_of_the_picture(dubs: dict[str, Shot]):
    """The network's, and what a tracker is shown of the plate."""
    boxes, windows = [], []
    for shot in dubs.values():
        track = track_stage.load(shot)
        outline = make_region(track, shot.settings.mask).outline
        windows.append(Window.for_outlines(outline, crop_size(track.face_width)))
        with shot.open_plate() as plate:
            box = retrack.around(track, 2, plate.width, plate.height)
        boxes.append(square.to_square(np.reshape(box, (2, 2)), track.aspect))
    assert windows[0] == windows[1]
    np.testing.assert_allclose(boxes[0], boxes[1], atol=5)
