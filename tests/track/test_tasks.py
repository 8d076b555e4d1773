"""The second backend, where its model is at hand: the same output as the first."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from relip import models
from relip.demo import INNER_LIPS, Scene, make_plate
from relip.errors import ModelError, SettingError
from relip.progress import Progress
from relip.shot import Shot, ShotSettings
from relip.track import backend, stage
from relip.track.facemesh import FaceMesh


@pytest.fixture
def installed(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model of the test data, installed in a folder of the test's own."""
    source = shared / "models" / "face_landmarker.task"
    if not source.is_file():
        pytest.skip(f"no {source}")
    monkeypatch.setenv("RELIP_MODELS", str(tmp_path / "models"))
    return models.fetch(backend.TASK, source)


def test_the_two_backends_agree(installed: Path):
    scene = Scene(2, size=320)
    picture = np.round(scene.render(1) * 255).astype(np.uint8)
    truth = scene.truth(1)
    with backend.open_finder("tasks") as tasks, backend.open_finder("facemesh") as mesh:
        (a,), (b,) = tasks.faces(picture), mesh.faces(picture)
        grey = np.full((200, 200, 3), 128, np.uint8)
        assert tasks.faces(grey) == []
    for face in (a, b):
        assert face.shape == (478, 3)
        away = np.linalg.norm(face[list(INNER_LIPS), :2] - truth.inner_lips, axis=1).mean()
        assert away < 0.025 * truth.face_width
    assert np.linalg.norm(a[:, :2] - b[:, :2], axis=1).mean() < 0.03 * truth.face_width


def test_a_shot_tracked_with_it(installed: Path, tmp_path: Path):
    plate = make_plate(tmp_path / "plate.mp4", n_frames=9, size=280)
    data = {"plate": {"path": str(plate)}, "track": {"backend": "tasks"}}
    shot = Shot.create(tmp_path / "a.relip", ShotSettings.from_dict(data))
    key = stage.key(shot)
    assert key != stage.key(shot.change(track={"backend": "facemesh"}))
    report = stage.run(shot, progress=Progress("none"))
    assert report.data["backend"] == "mediapipe-tasks"
    with open(shot.path("track", "blendshapes.csv"), encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 9 and {"frame", "jawOpen", "mouthClose"} <= set(rows[0])
    assert all(0 <= float(row["jawOpen"]) <= 1 for row in rows)
    shot = shot.change(track={"backend": "facemesh"})
    stage.run(shot, progress=Progress("none"))
    assert not shot.path("track", "blendshapes.csv").exists()


def test_without_its_model_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RELIP_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match="not installed") as caught:
        backend.open_finder("tasks")
    assert "relip models fetch face_landmarker" in str(caught.value.mend)
    (tmp_path / "face_landmarker.task").write_bytes(b"something else")
    with pytest.raises(ModelError, match="SHA-256"):
        backend.open_finder("tasks")


def test_auto_does_not_depend_on_what_lies_about(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "find", lambda name: Path("/there"))
    assert backend.resolve("auto") == "facemesh"
    monkeypatch.setattr(backend, "has_facemesh", lambda: False)
    assert backend.resolve("auto") == "tasks"
    assert models.get(backend.TASK).sha256 in backend.identity("auto")
    monkeypatch.setattr(models, "find", lambda name: None)
    with pytest.raises(ModelError, match="no face models"):
        backend.resolve("auto")
    with pytest.raises(SettingError, match="track.backend"):
        backend.resolve("dlib")


def test_facemesh_is_what_auto_opens():
    assert backend.has_facemesh()
    with backend.open_finder() as finder:
        assert isinstance(finder, FaceMesh)
