"""Named points of the face as a Tracker4 node."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from relip.handoff import values
from relip.handoff.coordinates import to_nuke
from relip.handoff.nk import Node
from relip.handoff.scene import Scene, point_track
from relip.track import points, square

#: The columns of a track as Nuke 8 to 16 write them: kind, editable, width, name.
COLUMNS = (
    (5, 1, 20, "enable", "e"),
    (3, 1, 75, "name", "name"),
    (2, 1, 58, "track_x", "track_x"),
    (2, 1, 58, "track_y", "track_y"),
    (2, 1, 63, "offset_x", "offset_x"),
    (2, 1, 63, "offset_y", "offset_y"),
    (4, 1, 27, "T", "T"),
    (4, 1, 27, "R", "R"),
    (4, 1, 27, "S", "S"),
    (2, 0, 45, "error", "error"),
    (1, 1, 0, "error_min", "error_min"),
    (1, 1, 0, "error_max", "error_max"),
    (1, 1, 0, "pattern_x", "pattern_x"),
    (1, 1, 0, "pattern_y", "pattern_y"),
    (1, 1, 0, "pattern_r", "pattern_r"),
    (1, 1, 0, "pattern_t", "pattern_t"),
    (1, 1, 0, "search_x", "search_x"),
    (1, 1, 0, "search_y", "search_y"),
    (1, 1, 0, "search_r", "search_r"),
    (1, 1, 0, "search_t", "search_t"),
    (2, 1, 0, "key_track", "key_track"),
    (2, 1, 0, "key_search_x", "key_search_x"),
    (2, 1, 0, "key_search_y", "key_search_y"),
    (2, 1, 0, "key_search_r", "key_search_r"),
    (2, 1, 0, "key_search_t", "key_search_t"),
    (2, 1, 0, "key_track_x", "key_track_x"),
    (2, 1, 0, "key_track_y", "key_track_y"),
    (2, 1, 0, "key_track_r", "key_track_r"),
    (2, 1, 0, "key_track_t", "key_track_t"),
    (2, 1, 0, "key_centre_offset_x", "key_centre_offset_x"),
    (2, 1, 0, "key_centre_offset_y", "key_centre_offset_y"),
)

#: Half a pattern box and half a search box, as shares of the face width.
PATTERN = 0.06
SEARCH = 0.12


def tracker_node(
    scene: Scene, chosen: Mapping[str, tuple[int, ...]], *, reference: int | None = None
) -> Node:
    """A Tracker4 with one track for each point.

    Frames without a face have no key, and the track is switched off there.

    Parameters
    ----------
    scene : Scene
    chosen : mapping of str to tuple of int
        From :func:`relip.handoff.scene.choose_points`.
    reference : int, optional
        The node's reference frame; by default the visible frame in the middle.

    Returns
    -------
    Node
    """
    reference = scene.check_reference(reference)
    # boxes are counted in stored pixels, and square as shown
    size = square.to_plate(np.full(2, scene.track.face_width), scene.track.aspect)
    (px, py), (sx, sy) = (
        [max(round(float(share * side)), 4) for side in size] for share in (PATTERN, SEARCH)
    )
    boxes = [-sx, -sy, sx, sy, -px, -py, px, py]
    # the columns name the pattern box first; a row holds the larger box first, as Nuke writes it
    first = scene.frames[0]
    enable = values.switch(scene.frames, scene.track.visible)
    rigid = {name for name, marks in chosen.items() if set(marks) <= set(points.RIGID)}
    rows = []
    for name, landmarks in chosen.items():
        # a transform made in Nuke follows the head; only without any rigid point, all that is there
        used = name in rigid if rigid else True
        several = used and len(rigid or chosen) > 1
        places = to_nuke(point_track(scene.track, landmarks), scene.form)[scene.track.visible]
        x, y = (values.curve(scene.visible_frames, column) for column in places.T)
        cells = [
            f"{{{enable or f'curve K x{first} 1'}}}",
            f'"{name}"',
            f"{{{x}}}",
            f"{{{y}}}",
            f"{{curve K x{first} 0}}",
            f"{{curve K x{first} 0}}",
            *(str(int(flag)) for flag in (used, several, several)),
            f"{{curve x{first} 0}}",
            *("1", "0"),
            *(str(edge) for edge in boxes),
            *["{}"] * 11,
        ]
        assert len(cells) == len(COLUMNS)
        rows.append(f" {{ {' '.join(cells)}  }} ")
    head = "\n".join(
        f"{{ {kind} {editable} {size} {name} {label} 1 }} "
        for kind, editable, size, name, label in COLUMNS
    )
    tracks = (
        f" {{ 1 {len(COLUMNS)} {len(rows)} }} \n{{ {head}\n}} \n{{ \n" + "\n".join(rows) + "\n} \n"
    )
    return Node(
        "Tracker4",
        f"Tracker_{scene.name}",
        knobs={
            "tracks": tracks,
            "reference_frame": str(reference),
            "label": scene.label,
        },
        inputs=[None],
    )
