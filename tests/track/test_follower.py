"""People followed through cuts, gaps and each other, on real landmarks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from relip.demo import Scene, make_plate
from relip.progress import Progress
from relip.shot import Shot, ShotSettings
from relip.track import geometry, stage
from relip.track.detection import gather
from relip.track.facemesh import FaceMesh
from relip.track.finder import Face
from relip.track.follower import BRIDGE, Follower
from relip.track.points import face_width

SIZE, COUNT = 280, 12


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    scene = Scene(COUNT, size=SIZE)
    return [np.round(scene.render(i) * 255).astype(np.uint8) for i in range(COUNT)]


class Blinking(FaceMesh):
    """Real landmarks, except in pictures that are told to show nothing."""

    blind: tuple[np.ndarray, ...] = ()

    def _unseen(self, picture: np.ndarray) -> bool:
        return any(picture is each for each in self.blind)

    def measure(self, picture: np.ndarray, start: np.ndarray) -> Face | None:
        return None if self._unseen(picture) else super().measure(picture, start)

    def search(self, picture: np.ndarray, **options: Any) -> list[np.ndarray]:
        return [] if self._unseen(picture) else super().search(picture, **options)


@pytest.fixture(scope="module")
def mesh() -> Iterator[Blinking]:
    with Blinking() as mesh:
        yield mesh


def followed(
    mesh: Blinking, pictures: list[np.ndarray], blind: tuple[int, ...] = (), gap: int = 0
) -> Follower:
    follower = Follower(mesh)
    pictures = [p.copy() for p in pictures]
    mesh.blind = tuple(pictures[row] for row in blind)
    for row, picture in enumerate(pictures):
        follower.step(row + (gap if row > len(pictures) // 2 else 0), picture)
    mesh.blind = ()
    follower.finish()
    return follower


@pytest.fixture(scope="module")
def whole(mesh: Blinking, pictures: list[np.ndarray]) -> Follower:
    return followed(mesh, pictures)


def test_one_person_in_every_frame(whole: Follower):
    (person,) = whole.crowd
    assert sorted(person.faces) == list(range(COUNT))
    assert not whole.cuts and not whole.crowded
    motions = np.stack([person.sights[r].motion for r in range(1, COUNT)])
    assert np.isfinite(motions).all()


def test_a_small_face_beside_a_large_one_is_followed(mesh: Blinking, pictures: list[np.ndarray]):
    """From the first frame, though the detectors that see the whole picture miss it."""
    wide = []
    for picture in pictures[:4]:
        canvas = np.full((SIZE, 700, 3), 120, np.uint8)
        canvas[:, :SIZE] = picture
        canvas[90:160, 500:570] = cv2.resize(picture, (70, 70), interpolation=cv2.INTER_AREA)
        wide.append(canvas)
    large, small = sorted(followed(mesh, wide).crowd, key=lambda p: -p.size())
    assert sorted(large.faces) == sorted(small.faces) == [0, 1, 2, 3]
    assert small.faces[3][:, 0].mean() == pytest.approx(535, abs=12)


def test_a_gap_of_a_few_frames_is_bridged(
    mesh: Blinking, pictures: list[np.ndarray], whole: Follower
):
    follower = followed(mesh, pictures, blind=(5, 6, 7))
    (person,) = follower.crowd
    found = gather(person, COUNT, 0)
    assert np.flatnonzero(found.bridged).tolist() == [5, 6, 7]
    true = gather(whole.crowd[0], COUNT, 0).landmarks
    nose = np.linalg.norm(found.landmarks[5:8, 4, :2] - true[5:8, 4, :2], axis=1)
    assert nose.max() < 0.01 * face_width(true[6])


def test_a_longer_gap_is_not(mesh: Blinking, pictures: list[np.ndarray]):
    follower = followed(mesh, pictures, blind=tuple(range(4, 4 + BRIDGE + 1)))
    (person,) = follower.crowd
    assert sorted(person.faces) == [*range(4), *range(5 + BRIDGE, COUNT)]
    follower = followed(mesh, pictures, blind=tuple(range(9, COUNT)))
    assert sorted(follower.crowd[0].faces) == list(range(9))


def test_who_is_found_late_is_followed_back(
    mesh: Blinking, pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
):
    """The detectors see nothing in the first frames; the landmarks do."""
    search = FaceMesh.search
    copies = [p.copy() for p in pictures]

    def hesitant(self: FaceMesh, picture: np.ndarray, **options: Any) -> list[np.ndarray]:
        early = any(picture is each for each in copies[:3])
        return [] if early else search(self, picture, **options)

    monkeypatch.setattr(Blinking, "search", hesitant)
    follower = Follower(mesh)
    for row, picture in enumerate(copies):
        follower.step(row, picture)
    follower.finish()
    (person,) = follower.crowd
    assert sorted(person.faces) == list(range(COUNT))
    assert not any(sight.carried for sight in person.sights.values())
    assert np.isfinite(person.sights[2].motion).all()


def test_after_a_cut_no_flow_and_the_same_person(mesh: Blinking, pictures: list[np.ndarray]):
    """The second scene is the first one closer, mirrored in brightness of its background."""
    closer = []
    for picture in pictures[6:]:
        wide = np.full((SIZE, SIZE * 2, 3), (30, 60, 160), np.uint8)
        wide[:, SIZE // 3 : SIZE // 3 + SIZE] = picture
        closer.append(cv2.resize(wide, (SIZE, SIZE))[:, :, :])
    follower = followed(mesh, [*pictures[:6], *closer])
    assert follower.cuts == [6]
    main = max(follower.crowd, key=lambda p: len(p.faces))
    assert np.isnan(main.sights[6].motion).all() if 6 in main.sights else True


def test_a_frame_that_is_missing_breaks_the_flow_only(mesh: Blinking, pictures: list[np.ndarray]):
    follower = followed(mesh, pictures, gap=1)
    (person,) = follower.crowd
    assert len(person.faces) == COUNT
    first = COUNT // 2 + 2
    assert np.isnan(person.sights[first].motion).all()
    assert np.isfinite(person.sights[first + 1].motion).all()


def two_faces(path: Path) -> Path:
    """A plate with the demo's face twice, one of them tinted and mirrored."""
    import av

    scene = Scene(COUNT, size=SIZE)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 2 * SIZE, SIZE, "yuv420p"
        stream.options = {"crf": "12"}
        for row in range(COUNT):
            one = np.round(scene.render(row) * 255).astype(np.uint8)
            small = cv2.resize(one[:, ::-1], (int(SIZE * 0.8),) * 2, interpolation=cv2.INTER_AREA)
            other = np.full_like(one, 90)
            other[-small.shape[0] :, : small.shape[1]] = small * np.array([0.8, 0.9, 1.0])
            picture = np.concatenate([one, other], axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


def test_two_people_in_turn_each_in_a_shot_of_their_own(tmp_path: Path):
    """One shot folder for each face of one plate; the second may build on the first's comp."""
    plate = two_faces(tmp_path / "two.mp4")
    middles = []
    for name, face in (("a", f"{SIZE // 2},{SIZE // 2}@3"),
                       ("b", f"{SIZE},{SIZE // 4},{2 * SIZE},{SIZE}@3")):  # fmt: skip
        settings = ShotSettings.from_dict({"plate": {"path": str(plate)}, "track": {"face": face}})
        shot = Shot.create(tmp_path / f"{name}.relip", settings)
        report = stage.run(shot, progress=Progress("none"))
        assert report.data["frames_with_several_faces"] == COUNT
        track = stage.load(shot)
        assert track.visible.all()
        middles.append(track.landmarks[:, :, 0].mean(1))
    assert (middles[0] < SIZE).all() and (middles[1] > SIZE).all()


def test_the_same_numbers_again_and_a_cut_makes_two_runs(tmp_path: Path):
    """The stage on a plate with a cut: two runs, no fade between them, twice the same."""
    import av

    plate = make_plate(tmp_path / "one.mp4", n_frames=10, size=SIZE)
    with av.open(str(plate)) as container:
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    shift = geometry.for_opencv(np.array([[0.7, 0, 70.0], [0, 0.7, 60.0]]))
    other = [cv2.warpAffine(f, shift, (SIZE, SIZE), borderValue=(20, 90, 160)) for f in frames]
    path = tmp_path / "cut.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        for frame in [*frames, *other]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))
    shot = Shot.create(tmp_path / "a.relip", ShotSettings.from_dict({"plate": {"path": str(path)}}))
    report = stage.run(shot, progress=Progress("none"))
    track = stage.load(shot)
    assert track.run.tolist() == [0] * 10 + [1] * 10
    assert (track.mix == 1).all() and not report.passed
    assert any(note.startswith("cuts before frames 10") or "cuts before frames 11" in note
               for note in report.notes)  # fmt: skip
    stage.run(shot, progress=Progress("none"), force=True)
    again = stage.load(shot)
    np.testing.assert_array_equal(again.landmarks, track.landmarks)
    np.testing.assert_array_equal(again.transform, track.transform)
    np.testing.assert_array_equal(again.regions, track.regions)
