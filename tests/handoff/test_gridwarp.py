"""GridWarp3: the grid's places and handles, and the form of its text."""

from __future__ import annotations

import numpy as np
import pytest
from handoff_making import keys_of, make_scene, up

from relip.errors import UsageError
from relip.handoff import nk
from relip.handoff.gridwarp import HEADER, grid_handles, grid_points, gridwarp_node
from relip.track import geometry


def read_grid(text: str, frame: int | None) -> tuple[list[str], np.ndarray]:
    """A grid knob's head, and point, up, down, right, left ``[shape=(rows, columns, 5, 2)]``."""
    words = nk.split_list(text)
    head, (default, body) = words[:6], words[6:]
    assert default.strip() == "default"
    columns, rows = int(head[1]), int(head[2])
    result = []
    for entry in nk.split_list(body):
        point, around = nk.split_list(entry)
        places = [point, *nk.split_list(around)]
        assert len(places) == 5
        for place in places:
            kind, x, y = nk.split_list(place)
            if frame is None:
                assert kind == "2"
                result.append([float(x), float(y)])
            else:
                assert kind == "1"
                result.append([keys_of(x)[frame], keys_of(y)[frame]])
    return head, np.array(result).reshape(rows, columns, 5, 2)


def reread(node: nk.Node) -> nk.Node:
    script = nk.Script([node], version="13.2 v8", header=list(HEADER), paste=True)
    text = script.to_text()
    assert text.startswith("# GridWarp3 written by Relip.") and "medium confidence" in text
    (found,) = nk.parse(text).nodes
    return found


def test_the_grid_goes_with_a_stretched_face_exactly():
    """A thin-plate spline holds every affine deformation: the grid must too."""
    scene = make_scene(9)
    row = scene.visible_frames.index(scene.reference)
    rest = scene.track.canonical()[row]
    stretch = np.stack([np.eye(2) + 0.02 * (i - row) * np.array([[1, 2], [-1, 3]])
                        for i in range(9)])  # fmt: skip
    shift = 0.01 * (np.arange(9) - row)[:, None] * np.array([1.0, -2.0])
    deformed = rest @ stretch.transpose(0, 2, 1) + shift[:, None]
    to_plate = geometry.invert(scene.track.transform)
    scene.track.landmarks[..., :2] = geometry.apply(to_plate, deformed)
    grid = grid_points(scene)
    still = geometry.apply(scene.track.transform[row], grid[row].reshape(-1, 2))
    for i in range(9):
        expected = geometry.apply(to_plate[i], still @ stretch[i].T + shift[i])
        assert np.abs(grid[i].reshape(-1, 2) - expected).max() < 1e-3


def test_the_grid_passes_through_what_the_landmarks_do():
    """A chin that drops takes the grid's crossing on it along, the nose's stays."""
    scene = make_scene(9)
    row = scene.visible_frames.index(scene.reference)
    still = scene.track.canonical()[row]
    drop = np.clip((still[:, 1] - still[2, 1]) / (still[152, 1] - still[2, 1]), 0, 1.2)
    for i in range(9):
        moved = still + np.stack([np.zeros(478), 0.01 * (i - row) * drop**2], -1)
        back = geometry.invert(scene.track.transform[i])
        scene.track.landmarks[i, :, :2] = geometry.apply(back, moved)
    grid = grid_points(scene)
    for i in range(9):
        now = geometry.apply(scene.track.transform[i], grid[i].reshape(-1, 2))
        rest = geometry.apply(scene.track.transform[row], grid[row].reshape(-1, 2))
        share = np.clip((rest[:, 1] - still[2, 1]) / (still[152, 1] - still[2, 1]), 0, 1.2)
        near = (np.abs(rest[:, 0] - still[152, 0]) < 0.15) & (rest[:, 1] < still[152, 1])
        wanted = 0.01 * (i - row) * share**2
        assert near.sum() >= 6
        assert np.abs(now[near, 1] - rest[near, 1] - wanted[near]).max() < 0.002


def test_the_grid_is_regular_at_rest_and_holds_the_region():
    scene = make_scene()
    row = scene.visible_frames.index(scene.reference)
    grid = geometry.apply(scene.track.transform[row], grid_points(scene)[row].reshape(-1, 2))
    grid = grid.reshape(7, 7, 2)
    assert np.ptp(np.diff(grid[:, :, 0], axis=1)) < 1e-6
    assert (np.diff(grid[:, :, 1], axis=0) < 0).all()  # rows go up
    outline = geometry.apply(scene.track.transform[row], scene.outlines()[row, :, 1])
    assert (outline >= grid.min((0, 1)) - 1e-9).all() and (outline <= grid.max((0, 1)) + 1e-9).all()


def test_handles_of_a_straight_grid_are_thirds_of_its_cells():
    points = np.stack(np.meshgrid(np.arange(4) * 6.0, np.arange(3) * 9.0), -1)
    handles = grid_handles(points)
    assert (handles == np.array([[0, 3], [0, -3], [2, 0], [-2, 0]])).all()


@pytest.mark.parametrize("mode", ["matchmove", "stabilise"])
def test_text(mode: str):
    scene = make_scene(hidden=(2,))
    node = reread(gridwarp_node(scene, mode, columns=5, rows=4))
    assert node.cls == "GridWarp3"
    still, moving = "source_grid_col", "destination_grid_col"
    if mode == "stabilise":
        still, moving = moving, still
    placed = up(grid_points(scene, 5, 4))
    row = scene.visible_frames.index(scene.reference)
    head, rest = read_grid(node.knobs[still], None)
    assert head == ["1", "5", "4", "4", "1", "0"]
    assert np.abs(rest[:, :, 0] - placed[row]).max() < 1e-4
    for i in (0, 9):
        _, now = read_grid(node.knobs[moving], scene.visible_frames[i])
        assert np.abs(now[:, :, 0] - placed[i]).max() < 1e-4
        assert np.abs(now[:, :, 1:] - grid_handles(placed[i : i + 1])[0]).max() < 1e-4
    assert (now[:, :, 1, 1] > 0).all() and (now[:, :, 3, 0] > 0).all()  # up, then right


def test_refusals():
    with pytest.raises(UsageError, match="2 to 40"):
        grid_points(make_scene(9), 1, 7)
    with pytest.raises(UsageError, match="matchmove"):
        gridwarp_node(make_scene(9), "crop")


def test_the_text_is_in_braces_as_nuke_writes_it():
    text = nk.Script([gridwarp_node(make_scene(9), columns=2, rows=2)]).to_text()
    assert "\\{" not in text and " source_grid_col {1 2 2 4 1 0\n  {default }\n  {\n" in text
