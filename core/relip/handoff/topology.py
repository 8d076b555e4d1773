"""The face mesh's triangles, from the connections that MediaPipe's wheel names.

MediaPipe ships the mesh as a set of connections (edges) without faces. In a
planar mesh a triangle of edges is a face, except one that encloses others:
its three edges have two faces of their own, so that it is the third of each.
What is left has 852 triangles with holes for the eyes and the mouth; the ten
iris points, which no connection ties to the mesh, become two fans.
"""

from __future__ import annotations

import importlib.util
from collections import Counter, deque
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from relip.errors import ModelError
from relip.track import points

#: Faces of the mesh without irises: by Euler's formula for 468 points, 1322 edges and 3 holes.
FACES = 852

#: Centre of each iris; its ring is among MediaPipe's connections.
IRIS_CENTRES = (468, 473)


def load_connections() -> Any:
    """MediaPipe's module of connections, without importing MediaPipe itself (seconds).

    Raises
    ------
    ModelError
        If the wheel is missing or of a kind without it.
    """
    spec = importlib.util.find_spec("mediapipe")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder) / "python" / "solutions" / "face_mesh_connections.py"
        if path.is_file():
            found = importlib.util.spec_from_file_location("_relip_face_connections", path)
            if found and found.loader:
                module = importlib.util.module_from_spec(found)
                found.loader.exec_module(module)
                return module
    raise ModelError(
        "MediaPipe's table of face connections is not installed",
        mend="install mediapipe==0.10.21; relip doctor tells what is missing",
    )


def triangles_of(edges: set[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """The faces of a planar mesh of triangles.

    Parameters
    ----------
    edges : set of (int, int)
        In any direction.

    Returns
    -------
    list of (int, int, int)
        Sorted; neighbours wound alike, as :func:`wind` leaves them.
    """
    near: dict[int, set[int]] = {}
    for a, b in edges:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    found = {
        (a, b, c) if b < c else (a, c, b)
        for a in near
        for b in near[a]
        for c in near[a] & near[b]
        if a < b and a < c
    }
    uses = Counter(edge for face in found for edge in _edges(face))
    return wind(sorted(f for f in found if any(uses[e] < 3 for e in _edges(f))))


def wind(faces: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The same faces, each piece wound like its first one: an edge is run through once each way."""
    by_edge: dict[tuple[int, int], list[int]] = {}
    for index, face in enumerate(faces):
        for edge in _edges(face):
            by_edge.setdefault(edge, []).append(index)
    result = list(faces)
    seen: set[int] = set()
    for start in range(len(faces)):
        if start in seen:
            continue
        seen.add(start)
        queue = deque([start])
        while queue:
            index = queue.popleft()
            a, b, c = result[index]
            for p, q in ((a, b), (b, c), (c, a)):
                for other in by_edge[(min(p, q), max(p, q))]:
                    if other in seen:
                        continue
                    seen.add(other)
                    x, y, z = result[other]
                    if (p, q) in ((x, y), (y, z), (z, x)):
                        result[other] = (x, z, y)
                    queue.append(other)
    return result


def _edges(face: tuple[int, int, int]) -> tuple[tuple[int, int], ...]:
    a, b, c = sorted(face)
    return ((a, b), (b, c), (a, c))


@lru_cache(maxsize=1)
def face_triangles() -> np.ndarray:
    """Triangles over the 478 landmarks ``[shape=(860, 3), dtype=int64]``.

    Wound alike within the face and within each iris; which way is for
    :func:`facing` to say.

    Raises
    ------
    ModelError
        If the installed MediaPipe has no such mesh.
    """
    table = load_connections()
    faces = triangles_of(set(table.FACEMESH_TESSELATION))
    rings = set(table.FACEMESH_LEFT_IRIS) | set(table.FACEMESH_RIGHT_IRIS)
    if len(faces) != FACES or len(rings) != 8:
        raise ModelError(
            f"MediaPipe's face mesh has {len(faces)} triangles, not {FACES}",
            mend="install mediapipe==0.10.21",
        )
    for centre in IRIS_CENTRES:
        ring = [(a, b) for a, b in sorted(rings) if centre < a <= centre + 4]
        faces += wind([(centre, *edge) for edge in ring])
    result = np.array(faces, np.int64)
    assert result.max() < points.COUNT
    return result


def facing(faces: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Faces wound anticlockwise as the camera sees them, their normals towards it.

    Parameters
    ----------
    faces : np.ndarray [shape=(n, 3)]
    shape : np.ndarray [shape=(478, 2)]
        The face as the camera sees it, x right, y down.

    Returns
    -------
    np.ndarray [shape=(n, 3)]
    """
    result = faces.copy()
    for part in (faces[:, 0] < IRIS_CENTRES[0], *(faces[:, 0] == c for c in IRIS_CENTRES)):
        a, b, c = (shape[faces[part, i]] for i in range(3))
        across = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
        if across.sum() > 0:  # clockwise to the eye has a positive area where y goes down
            result[part] = result[part][:, ::-1]
    return result
