"""USD: the mesh's topology, and the stage reopened."""

from __future__ import annotations

import builtins
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from handoff_making import HEIGHT, WIDTH, make_scene

from relip.errors import InputError, OutputError, UsageError
from relip.handoff.topology import face_triangles, facing, triangles_of
from relip.handoff.usd import FACE_WIDTH, Lens, camera_space, write_usd


def test_triangles_of_small_meshes():
    square = {(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)}
    assert sorted(map(sorted, triangles_of(square))) == [[0, 1, 2], [0, 2, 3]]
    # a triangle with a point inside, within a larger mesh: the outer triangle is no face
    star = {(0, 1), (1, 2), (2, 0), (3, 0), (3, 1), (3, 2)}
    star |= {(4, 0), (4, 1), (5, 1), (5, 2), (6, 2), (6, 0)}
    faces = sorted(map(sorted, triangles_of(star)))
    assert [0, 1, 2] not in faces and len(faces) == 6


def test_the_face_is_one_surface_with_three_holes_wound_alike():
    faces = face_triangles()
    assert faces.shape == (860, 3) and set(faces.ravel()) == set(range(478))
    skin = faces[faces.max(1) < 468]
    assert len(skin) == 852
    edges = Counter((int(f[i]), int(f[(i + 1) % 3])) for f in skin for i in range(3))
    assert max(edges.values()) == 1  # wound alike: no edge is run through twice the same way
    undirected = {tuple(sorted(e)) for e in edges}
    rim = [e for e in undirected if (e in edges) != (e[::-1] in edges)]
    # Euler: points - edges + faces = 1 - holes
    assert 468 - len(undirected) + len(skin) == 1 - 3
    near: dict[int, list[int]] = {}
    for a, b in rim:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    assert all(len(v) == 2 for v in near.values())
    loops = []
    left = set(near)
    while left:
        loop, now = set(), left.pop()
        waiting = [now]
        while waiting:
            now = waiting.pop()
            loop.add(now)
            waiting += [n for n in near[now] if n not in loop]
        left -= loop
        loops.append(loop)
    assert len(loops) == 4  # the outline, two eyes, the mouth
    from relip.track import points

    assert set(points.INNER_LIPS) in loops


def test_faces_turn_towards_the_camera():
    scene = make_scene()
    shape = scene.track.shape
    for faces in (face_triangles(), face_triangles()[:, ::-1]):
        turned = facing(faces, shape)
        a, b, c = (shape[turned[:, i]] for i in range(3))
        area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
        assert (area < 0).mean() > 0.9  # anticlockwise to the eye where y goes down


@pytest.mark.parametrize("pixel_aspect", [1.0, 2.0])
@pytest.mark.parametrize("lens", [Lens(), Lens(85, 24.89)])
def test_through_the_lens_every_point_lies_on_its_landmark(pixel_aspect: float, lens: Lens):
    scene = make_scene(pixel_aspect=pixel_aspect)
    points = camera_space(scene, lens)
    assert (points[..., 2] < 0).all()
    # film millimetres from the optical axis, then pixels of a film back of the plate's shape
    film_height = lens.film_width * HEIGHT / (WIDTH * pixel_aspect)
    x = lens.focal_length * points[..., 0] / -points[..., 2]
    y = lens.focal_length * points[..., 1] / -points[..., 2]
    column = (x / lens.film_width + 0.5) * WIDTH
    row = (0.5 - y / film_height) * HEIGHT
    seen = np.stack([column, row], -1)
    assert np.abs(seen - scene.track.landmarks[..., :2]).max() < 1e-6


@pytest.mark.parametrize("pixel_aspect", [1.0, 2.0])
def test_the_face_has_the_size_of_a_face_and_its_depth(pixel_aspect: float):
    scene = make_scene(pixel_aspect=pixel_aspect)
    points = camera_space(scene, Lens())
    width = np.linalg.norm(points[:, 454] - points[:, 234], axis=-1)
    # a turned head's cheeks are as far apart as before, but nearer on the picture
    assert np.abs(width - FACE_WIDTH).max() < 0.03 * FACE_WIDTH
    assert (points[:, 1, 2] > points[:, 234, 2]).all()  # the nose is nearer to the camera
    # however the plate holds it, the face is as deep as before
    shown = make_scene().track.landmarks
    deep = np.ptp(points[..., 2], axis=1) / FACE_WIDTH
    wide = np.linalg.norm(shown[:, 454, :2] - shown[:, 234, :2], axis=-1)
    np.testing.assert_allclose(deep, np.ptp(shown[..., 2], axis=1) / wide, rtol=0.05)


def test_the_stage_reopened(tmp_path: Path):
    pytest.importorskip("pxr", reason="usd-core is not installed: pip install relip[usd]")
    from pxr import Usd, UsdGeom

    scene = make_scene(12, hidden=(4, 5))
    for suffix in (".usda", ".usdc", ".usd"):
        path = write_usd(scene, tmp_path / f"face{suffix}")
        stage = Usd.Stage.Open(str(path))
        assert UsdGeom.GetStageUpAxis(stage) == "Y"
        assert UsdGeom.GetStageMetersPerUnit(stage) == 0.01
        assert stage.GetTimeCodesPerSecond() == 24000 / 1001
        assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (1001, 1012)
        assert stage.GetDefaultPrim().GetPath() == "/Relip"
        mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Relip/Face"))
        assert mesh.GetPointsAttr().GetTimeSamples() == scene.visible_frames
        counts = np.array(mesh.GetFaceVertexCountsAttr().Get())
        indices = np.array(mesh.GetFaceVertexIndicesAttr().Get())
        assert (counts == 3).all() and counts.sum() == len(indices)
        fine, why = UsdGeom.Mesh.ValidateTopology(
            mesh.GetFaceVertexIndicesAttr().Get(), mesh.GetFaceVertexCountsAttr().Get(), 478
        )
        assert fine, why
        expected = camera_space(scene, Lens())
        for i, frame in enumerate(scene.visible_frames):
            points = np.array(mesh.GetPointsAttr().Get(frame))
            assert np.array_equal(points, expected[i].astype(np.float32))
            extent = np.array(mesh.GetExtentAttr().Get(frame))
            assert np.array_equal(extent, [points.min(0), points.max(0)])
        shown = [str(mesh.ComputeVisibility(f)) for f in scene.frames]
        assert shown == ["inherited"] * 4 + ["invisible"] * 2 + ["inherited"] * 6
        st = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st")
        assert st.GetInterpolation() == "vertex" and len(st.Get()) == 478
        camera = UsdGeom.Camera(stage.GetPrimAtPath("/Relip/Camera"))
        # the camera's own projection puts the nose on its place on the plate
        frustum = camera.GetCamera(1003).frustum
        matrix = np.array(frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix())
        clip = np.append(np.array(mesh.GetPointsAttr().Get(1003))[1], 1.0) @ matrix
        place = (clip[:2] / clip[3] * [0.5, -0.5] + 0.5) * [WIDTH, HEIGHT]
        assert np.abs(place - scene.track.landmarks[2, 1, :2]).max() < 1e-3


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    scene = make_scene(9)
    with pytest.raises(UsageError, match=".usda"):
        write_usd(scene, tmp_path / "face.obj")
    for focal, film in ((0, 36), (50, 0), (5000, 36)):
        with pytest.raises(UsageError, match="mm"):
            Lens(focal, film)
    real = builtins.__import__

    def refuse(name, *args, **options):
        if name.partition(".")[0] == "pxr":
            raise ImportError("No module named 'pxr'")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match=r"relip\[usd\]"):
        write_usd(scene, tmp_path / "face.usda")
    assert list(tmp_path.iterdir()) == []


def test_a_plate_without_rate_and_a_folder_that_cannot_be_written(tmp_path: Path):
    pytest.importorskip("pxr", reason="usd-core is not installed: pip install relip[usd]")
    with pytest.raises(InputError, match="frame rate"):
        write_usd(replace(make_scene(9), rate=None), tmp_path / "a.usda")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_usd(make_scene(9), tmp_path / "file" / "a.usda")
