"""overrides/track.json: points and the mouth moved, the alignment replaced."""

from __future__ import annotations

import json
from pathlib import Path

import face_making
import numpy as np
import pytest

from relip.errors import ShotError
from relip.track import geometry, overrides, points

FRAMES = range(1001, 1021)


def written(path: Path, data: object) -> Path:
    target = path / "track.json"
    target.write_text(json.dumps(data))
    return target


def test_the_whole_mouth_moves_between_key_frames(tmp_path: Path):
    path = written(tmp_path, {"offsets": {"1005": {"mouth": [0, 0]}, "1009": {"mouth": [8, -4]}}})
    found = overrides.read_offsets(path, FRAMES)
    lips = list(points.LIPS)
    np.testing.assert_allclose(found[6, lips], np.tile([4, -2], (len(lips), 1)))
    np.testing.assert_allclose(found[[0, 19]][:, lips[0]], [[0, 0], [8, -4]])
    ring = found[19, list(points.AROUND_MOUTH)]
    assert (ring[:, 0] > 0).all() and (ring[:, 0] < 8).all()
    assert not found[:, [1, 33, 152, 234]].any()


def test_named_points_and_numbers_add_up(tmp_path: Path):
    path = written(
        tmp_path, {"offsets": {"1001": {"lip_middle": [1, 0], "13": [0, 2], "all": [10, 10]}}}
    )
    found = overrides.read_offsets(path, FRAMES)
    np.testing.assert_allclose(found[3, 13], [11, 12])
    np.testing.assert_allclose(found[3, 14], [11, 10])
    np.testing.assert_allclose(found[3, 200], [10, 10])


def test_a_name_that_is_none_is_refused_with_those_that_are(tmp_path: Path):
    path = written(tmp_path, {"offsets": {"1001": {"lip": [1, 0]}}})
    with pytest.raises(ShotError, match="not a track override") as caught:
        overrides.read_offsets(path, FRAMES)
    assert "lip_upper" in str(caught.value.mend) and "mouth" in str(caught.value.mend)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"offsets": [1, 2]}, '"offsets" is [1, 2], not an object'),
        ({"offsets": {"1001": 5}}, '"offsets", "1001" is 5, not an object'),
        ({"offsets": {"first": {}}}, '"offsets", "first" is not under a frame number'),
        (
            {"offsets": {"1001": {"mouth": "left"}}},
            '"offsets", "1001", "mouth" is "left", not two numbers of pixels',
        ),
        (
            {"offsets": {"1001": {"mouth": {"x": 1}}}},
            '"offsets", "1001", "mouth" is an object, not two numbers of pixels',
        ),
        ({"offsets": {"1001": {"13": [1, [2]]}}}, '"13" is a list of 2, not two numbers of pixels'),
        ({"offsets": {"1001": {"13": [1, "2"]}}}, '"13" is [1, "2"], not two numbers of pixels'),
        ({"offsets": {"1001": {"13": None}}}, '"13" is missing or null, not two numbers'),
        ({"offsets": {"1001": {"ear": [1, 2]}}}, 'there is no point "ear"'),
        ({}, '"offsets" is missing or null, not an object'),
        ([1], "it is [1], not an object"),
    ],
)
def test_what_stands_where_and_what_is_expected_is_told(tmp_path: Path, data: object, said: str):
    """Never Python's own words for it: a TypeError tells an artist nothing."""
    path = written(tmp_path, data)
    with pytest.raises(ShotError) as caught:
        overrides.read_offsets(path, FRAMES)
    assert caught.value.message.startswith(f"{path}: not a track override: ")
    assert said in caught.value.message and '{"offsets": {"1001"' in str(caught.value.mend)


def test_a_track_that_is_no_track_is_told(tmp_path: Path):
    path = written(tmp_path, {"alignment": {"tracks": {"nose": {"1001": {"x": 1}}}}})
    with pytest.raises(ShotError) as caught:
        overrides.read_tracks(path, FRAMES)
    assert '"tracks", "nose", "1001" is an object, not two numbers' in caught.value.message


def moving() -> tuple[np.ndarray, np.ndarray]:
    """The exact alignment of a shot (F, 2, 3), and one with jitter."""
    shot = face_making.make_shot(len(FRAMES), turning=0)
    exact = np.stack([geometry.invert(r) for r in shot.rigid])
    rng = np.random.default_rng(0)
    rough = exact.copy()
    rough[:, :, 2] += rng.normal(0, 0.02, (len(exact), 2))
    return exact, rough


def still_places(exact: np.ndarray, place: tuple[float, float]) -> np.ndarray:
    return geometry.apply(geometry.invert(exact), np.array([[place]]).repeat(len(exact), 0))[:, 0]


def test_two_tracks_hold_the_head_still():
    exact, rough = moving()
    tracks = {"a": still_places(exact, (-0.3, -0.1)), "b": still_places(exact, (0.4, 0.2))}
    found, used = overrides.realign(rough, tracks)
    assert used.all()
    nose = still_places(exact, (0.0, 0.3))
    before = geometry.apply(rough, nose[:, None])[:, 0]
    after = geometry.apply(found, nose[:, None])[:, 0]
    assert after.std(0).max() < 1e-9 < 0.01 < before.std(0).min()
    # in the place where the shot's own alignment has them
    assert np.linalg.norm(after.mean(0) - [0, 0.3]) < 0.02


def test_one_track_holds_its_place():
    exact, rough = moving()
    place = still_places(exact, (0.1, 0.2))
    found, _ = overrides.realign(rough, {"a": place})
    assert geometry.apply(found, place[:, None])[:, 0].std(0).max() < 1e-9
    np.testing.assert_array_equal(found[..., :2], rough[..., :2])


def test_frames_that_no_track_reaches_keep_their_own():
    exact, rough = moving()
    place = still_places(exact, (0.1, 0.2))
    place[10:] = np.nan
    rough[3] = np.nan
    found, used = overrides.realign(rough, {"a": place})
    np.testing.assert_array_equal(found[10:], rough[10:])
    assert np.isnan(found[3]).all()
    assert used.tolist() == [r < 10 and r != 3 for r in range(len(FRAMES))]


def test_tracks_are_read_from_the_file(tmp_path: Path):
    path = written(
        tmp_path,
        {"alignment": {"from": "x.nk", "tracks": {"nose": {"1002": [5, 6], "900": [0, 0]}}}},
    )
    found = overrides.read_tracks(path, FRAMES)
    assert found is not None and list(found) == ["nose"]
    np.testing.assert_array_equal(found["nose"][1], [5, 6])
    assert np.isnan(found["nose"]).sum() == 2 * (len(FRAMES) - 1)
    # such a file needs no offsets, and one with offsets no tracks
    assert not overrides.read_offsets(path, FRAMES).any()
    assert overrides.read_tracks(written(tmp_path, {"offsets": {}}), FRAMES) is None


@pytest.mark.parametrize(
    "alignment",
    [[], {}, {"tracks": {}}, {"tracks": {"a": []}}, {"tracks": {"a": {"1001": [1]}}},
     {"tracks": {"a": {"x": [1, 2]}}}, {"tracks": {"a": {"5": [1, 2]}}},
     {"tracks": {"a": {"1001": [1, None]}}}, "nose"],
)  # fmt: skip
def test_other_alignments_are_refused(tmp_path: Path, alignment: object):
    path = written(tmp_path, {"alignment": alignment})
    with pytest.raises(ShotError, match=r"track\.json: its alignment is not understood"):
        overrides.read_tracks(path, FRAMES)
