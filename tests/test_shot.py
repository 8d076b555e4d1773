"""shot.toml and the shot folder."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from relip.errors import (
    AudioError,
    FrameRangeError,
    InputError,
    PlateError,
    SettingError,
    ShotError,
    TranscriptError,
)
from relip.shot import Shot, ShotSettings


def settings(plate: Path, **groups: dict) -> ShotSettings:
    return ShotSettings.from_dict({"plate": {"path": str(plate)}} | groups)


def test_a_shot_reads_back_what_was_written(tmp_path: Path, demo_sequence, dialogue):
    made = Shot.create(
        tmp_path / "a.relip",
        settings(
            demo_sequence.path,
            dialogue={"audio": str(dialogue.audio), "offset": -0.25, "language": "en"},
            render={"layers": ["raw"], "articulation": 1.5},
            train={"steps": 7, "seed": 3},
        ),
    )
    opened = Shot.open(made.folder)
    assert opened.settings == made.settings
    assert opened.frames == range(1001, 1041) and opened.rate == Fraction(25)
    with (made.folder / "shot.toml").open("rb") as handle:
        assert tomllib.load(handle)["version"] == 1


def test_paths_relative_to_the_shot(tmp_path: Path, demo_sequence):
    (tmp_path / "plates").symlink_to(demo_sequence.path.parent)
    folder = tmp_path / "a.relip"
    shot = Shot.create(folder, settings(Path("..") / "plates" / demo_sequence.path.name))
    assert shot.frames == range(1001, 1041)


def test_change_gives_another_shot_in_the_same_folder(tmp_path: Path, demo_clip):
    shot = Shot(tmp_path, settings(demo_clip.path))
    other = shot.change(render={"drive": "track"}, mask={"grow": 0.1})
    assert (other.settings.render.drive, other.settings.mask.grow) == ("track", 0.1)
    assert shot.settings.render.drive == "speech" and other.folder == shot.folder


def test_a_part_of_the_plate_and_another_rate(tmp_path: Path, demo_clip):
    shot = Shot(tmp_path, ShotSettings.from_dict(
        {"plate": {"path": str(demo_clip.path), "frames": "11-20", "fps": "23.976"}}
    ))  # fmt: skip
    assert shot.frames == range(11, 21) and shot.rate == Fraction(24000, 1001)
    with shot.open_plate() as plate:
        assert [p.frame for p in plate.iter(shot.frames)] == list(range(11, 21))


@pytest.mark.parametrize("frames", ["1-41", "0-5", "1-5,7", "1-9x2"])
def test_frames_that_are_not_one_run_of_the_plate(tmp_path: Path, demo_clip, frames: str):
    with pytest.raises(FrameRangeError) as caught:
        Shot.create(tmp_path / "a.relip", ShotSettings.from_dict(
            {"plate": {"path": str(demo_clip.path), "frames": frames}}
        ))  # fmt: skip
    assert caught.value.mend
    assert not (tmp_path / "a.relip").exists()


def test_pingpong_lengthens_the_shot(tmp_path: Path, demo_clip, dialogue):
    plate = {"path": str(demo_clip.path), "frames": "1-12"}
    sound = {"audio": str(dialogue.audio), "when_longer": "pingpong", "offset": 0.5}
    shot = Shot(tmp_path, ShotSettings.from_dict({"plate": plate, "dialogue": sound}))
    assert shot.frames == range(1, 1 + int(-(-(dialogue.seconds + 0.5) * 25 // 1)))
    with (
        shot.open_plate() as longer,
        shot.change(dialogue={"when_longer": "trim"}).open_plate() as own,
    ):
        turned = longer.read(13).rgb
        assert (turned == own.read(11).rgb).all() and (turned != own.read(13).rgb).any()


@pytest.mark.parametrize(
    ("group", "values"),
    [
        ("nothing", {}),
        ("mask", {"size": 1}),
        ("mask", {"grow": "much"}),
        ("mask", {"grow": 9.0}),
        ("mask", {"feather": True}),
        ("mask", 5),
        ("train", {"quality": "best"}),
        ("train", {"steps": 1.5}),
        ("train", {"steps": -1}),
        ("train", {"device": "tpu"}),
        ("render", {"drive": "hand"}),
        ("render", {"drive": "csv"}),
        ("render", {"layers": "raw"}),
        ("render", {"layers": ["depth"]}),
        ("render", {"articulation": float("nan")}),
        ("dialogue", {"offset": float("nan")}),
        ("dialogue", {"offset": float("inf")}),
        ("dialogue", {"when_longer": "loop"}),
        ("blend", {"mix": 1.5}),
    ],
)
def test_settings_that_are_refused(group: str, values: object):
    with pytest.raises(SettingError, match="in.toml"):
        ShotSettings.from_dict({group: values}, where="in.toml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "not a shot folder"),
        (b"[plate\n", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"version = 99\n", "version 99 is not 1"),
    ],
)
def test_a_damaged_shot_toml(tmp_path: Path, content: bytes | None, words: str):
    if content is not None:
        (tmp_path / "shot.toml").write_bytes(content)
    with pytest.raises(ShotError, match=words) as caught:
        Shot.open(tmp_path)
    assert str(tmp_path) in caught.value.message and caught.value.mend


def test_a_shot_below_a_file(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ShotError, match="not a shot folder"):
        Shot.open(tmp_path / "file" / "a.relip")


def test_what_is_missing_is_said_before_anything_is_written(tmp_path: Path, demo_clip, dialogue):
    cases = [
        (PlateError, {"plate": {"path": str(tmp_path / "no.mp4")}}),
        (AudioError, {"dialogue": {"audio": str(tmp_path / "no.wav")}}),
        (AudioError, {"dialogue": {"production_audio": str(tmp_path / "no.wav")}}),
        (TranscriptError, {"dialogue": {"text": str(tmp_path / "no.txt")}}),
        (InputError, {"render": {"drive": "csv", "csv": str(tmp_path / "no.csv")}}),
    ]
    for kind, groups in cases:
        with pytest.raises(kind, match=str(tmp_path / "no")) as caught:
            Shot.create(
                tmp_path / "a.relip",
                ShotSettings.from_dict({"plate": {"path": str(demo_clip.path)}} | groups),
            )
        assert caught.value.mend
        assert not (tmp_path / "a.relip").exists()


def test_a_witness_and_extra_plates_of_files_have_the_plates_colourspace(
    tmp_path: Path, demo_sequence
):
    """EXR files say nothing of it; as they are tracked they are taken for the plate's."""
    import numpy as np

    from relip.plate import write_exr
    from relip.render.train_stage import _plate_key

    planes = {c: np.zeros((8, 8)) for c in "RGB"}
    write_exr(tmp_path / "actor.0001.exr", planes, display=(8, 8))
    groups = {"drive": {"witness": str(tmp_path / "actor.####.exr")}, "render": {"drive": "video"}}
    given = settings(demo_sequence.path, **groups).to_dict()
    given["plate"]["colourspace"] = "ACEScg"
    given["train"]["extra"] = [str(tmp_path / "actor.####.exr")]
    shot = Shot(tmp_path, ShotSettings.from_dict(given))
    shot.check_inputs()
    assert _plate_key(shot, shot.settings.train.extra[0]) != "absent"
    assert _plate_key(shot, str(tmp_path / "nobody.####.exr")) == "absent"
    given["drive"]["witness"] = str(tmp_path / "nobody.####.exr")
    with pytest.raises(InputError, match="nobody"):
        Shot(tmp_path, ShotSettings.from_dict(given)).check_inputs()


def test_a_sequence_without_a_rate(tmp_path: Path):
    import numpy as np

    from relip.plate import write_exr

    for frame in (1, 2):
        write_exr(
            tmp_path / f"p.{frame:04d}.exr", {c: np.zeros((8, 8)) for c in "RGB"}, display=(8, 8)
        )
    plate = {"path": str(tmp_path / "p.####.exr"), "colourspace": "ACEScg"}
    shot = Shot(tmp_path, ShotSettings.from_dict({"plate": plate}))
    assert shot.frames == range(1, 3)
    with pytest.raises(SettingError, match="--fps"):
        _ = shot.rate
