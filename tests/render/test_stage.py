"""The train and render stages: what they refuse, what the patches hold, what drives them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import render_making

from relip.errors import FaceError, ModelError, StageMissingError
from relip.plate import read_exr
from relip.progress import Progress
from relip.render import rig as rig_module
from relip.render import stage, train_stage
from relip.render.drive import driven_controls, driven_lines
from relip.render.rig import FEATURES, OPENING, UNIT
from relip.shot import Shot
from relip.speech import MOUTH_CONTROLS, write_mouth_csv
from relip.track import pose
from relip.track import stage as track_stage

QUIET = Progress("none")


def test_patch_files(finished_shot: Path):
    shot = Shot.open(finished_shot)
    for frame in (1001, 1025):
        channels, (x, y), display, metadata = read_exr(stage.patch_path(shot, frame))
        assert display == (240, 240)
        assert set(channels) == {
            "R", "G", "B", "A", "raw.R", "raw.G", "raw.B", "stmap.R", "stmap.G",
        }  # fmt: skip
        height, width = channels["A"].shape
        # the data window is the patch, not the whole frame
        assert x > 0 and y > 0 and width < 200 and height < 200
        alpha = channels["A"]
        assert alpha.min() == 0 and alpha.max() == 1
        for c in "RGB":
            wanted = (channels[f"raw.{c}"] * alpha).astype(np.float16).astype(np.float32)
            # raw is rounded to half before it is multiplied here, after it there
            np.testing.assert_allclose(channels[c], wanted, atol=2e-3, rtol=2e-3)
            assert (channels[c][alpha == 0] == 0).all()
        assert metadata["relip/colourspace"] == "ACEScg"


@pytest.mark.parametrize("layers", [(), ("raw",), ("stmap",)])
def test_layers_can_be_left_out(shot_copy: Path, layers: tuple[str, ...]):
    shot = Shot.open(shot_copy).change(render={"layers": layers})
    assert stage.run(shot, [1004], progress=QUIET).done == [1004]
    channels = read_exr(stage.patch_path(shot, 1004))[0]
    assert {c.split(".")[0] for c in channels} == {"R", "G", "B", "A", *layers}


def test_a_stage_that_is_missing_is_named(shot_copy: Path):
    shot = Shot.open(shot_copy)
    for name, command in (("speech", "speech"), ("model", "train"), ("track", "track")):
        shutil.rmtree(shot.path(name))
        with pytest.raises(StageMissingError, match=f"relip {command}"):
            stage.run(shot, [1004], progress=QUIET)


def test_a_damaged_model(shot_copy: Path):
    shot = Shot.open(shot_copy)
    path = train_stage.model_path(shot)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="damaged"):
        stage.run(shot, [1004], progress=QUIET)


def test_too_few_frames_to_learn_from(shot_copy: Path):
    shot = Shot.open(shot_copy)
    before = train_stage.model_path(shot).read_bytes()
    with pytest.raises(FaceError, match="frames to learn from: only 5;"):
        train_stage.run(shot.change(train={"frames": "1001-1005"}), progress=QUIET)
    assert train_stage.model_path(shot).read_bytes() == before


def test_no_frame_to_learn_from(shot_copy: Path):
    """Frames are asked for in which no face is: said so, not a crash."""
    import dataclasses

    shot = Shot.open(shot_copy)
    track = track_stage.load(shot)
    visible = track.visible.copy()
    visible[:10] = False
    landmarks, transform = track.landmarks.copy(), track.transform.copy()
    landmarks[:10] = np.nan
    transform[:10] = np.nan
    dataclasses.replace(track, visible=visible, landmarks=landmarks, transform=transform).save(
        shot.path("track", "track.npz")
    )
    with pytest.raises(FaceError, match="frames to learn from: only 0;"):
        train_stage.run(shot.change(train={"frames": "1001-1010"}), progress=QUIET)


def test_onto():
    matte = np.arange(12, dtype=np.float32).reshape(3, 4)
    for at in ((5, 6), (3, 4), (8, 9), (100, 0), (-50, 5)):
        found = stage.onto(matte, at, (6, 7), (5, 6))
        assert found.shape == (6, 7)
        big = np.zeros((300, 300), np.float32)
        big[100 + at[1] : 103 + at[1], 100 + at[0] : 104 + at[0]] = matte
        np.testing.assert_array_equal(found, big[106:112, 105:112])


# --- sampling -----------------------------------------------------------------------------------


def test_rare_shapes_come_more_often():
    track = render_making.make_track(100)
    rows = np.arange(100)
    weight = train_stage.shape_sampling(track, rows)
    assert weight.sum() == pytest.approx(1) and weight.min() > 0
    lines = rig_module.track_lines(track).reshape(100, -1)
    opening = lines @ FEATURES[OPENING] / UNIT
    # half of the frames have closed lips; the wide open ones are few
    assert weight[opening > 0.1].mean() > 1.3 * weight[opening < 0.005].mean()
    still = train_stage.shape_sampling(track, np.zeros(8, int))
    np.testing.assert_allclose(still, 1 / 8)


# --- drives -------------------------------------------------------------------------------------


def test_drive_track_is_the_shots_own_lines(finished_shot: Path):
    shot = Shot.open(finished_shot).change(render={"drive": "track"})
    track = track_stage.load(shot)
    rig = stage.load_rig(train_stage.model_path(shot))
    assert driven_controls(shot) is None
    np.testing.assert_array_equal(driven_lines(shot, track, rig), rig_module.track_lines(track))


def test_drive_speech_opens_as_the_curves_say(finished_shot: Path):
    shot = Shot.open(finished_shot)
    track = track_stage.load(shot)
    rig = stage.load_rig(train_stage.model_path(shot))
    controls = driven_controls(shot)
    assert controls is not None
    asked = (controls[:, MOUTH_CONTROLS.index("jawOpen")]
             * (1 - controls[:, MOUTH_CONTROLS.index("mouthClose")]))  # fmt: skip
    lines = driven_lines(shot, track, rig)
    seen = rig.measure(lines, pose.pose_curves(track))
    np.testing.assert_allclose(seen, asked, atol=1e-4)
    assert asked.max() > 0.3


def test_articulation_scales_the_opening(finished_shot: Path):
    shot = Shot.open(finished_shot)
    plain, half, none = (
        driven_controls(shot.change(render={"articulation": a})) for a in (1.0, 0.5, 0.0)
    )
    jaw, close = MOUTH_CONTROLS.index("jawOpen"), MOUTH_CONTROLS.index("mouthClose")
    np.testing.assert_allclose(half[:, jaw], plain[:, jaw] / 2)
    assert not none[:, jaw].any()
    # closures stay closures
    np.testing.assert_array_equal(half[:, close], plain[:, close])
    loud = driven_controls(shot.change(render={"articulation": 2.0}))
    np.testing.assert_allclose(loud[:, jaw], np.clip(2 * plain[:, jaw], 0, 1))


def test_drive_csv(finished_shot: Path, tmp_path: Path):
    shot = Shot.open(finished_shot)
    curves = np.random.default_rng(0).uniform(0, 1, (40, len(MOUTH_CONTROLS)))
    path = tmp_path / "mouth.csv"
    write_mouth_csv(path, shot.frames, curves)
    found = driven_controls(shot.change(render={"drive": "csv", "csv": str(path)}))
    np.testing.assert_allclose(found, curves, atol=1e-4)
