"""The inside of a finished shot's mouth against its plate's: false teeth, streaks.

    python bench/mouth.py SHOT.relip [--every 8] [--json out.json] [--pictures DIR]

The shot is rendered (``relip render``) and driven by its dialogue; its patches
are put over the plate as the blend stage does it and looked at, in 8-bit
display encoding at plate resolution, with the functions of
``relip.review.mouth``, beside the plate's own frames in the same state:

- closures: every p, b and m of the alignment, in the frames around its middle
  in which the driving lips touch. A frame shows false teeth when what glints in
  the line between the lips, or the line's brightest percentile, is more than in
  any frame of the plate with its lips closed (wanted: 0 frames);
- rest: the same in every eighth other frame whose driving lips touch, most of
  all where the dialogue is silent and the plate speaks (wanted: 0 frames);
- wide: the tenth of the frames with driving lips apart in which they are
  furthest apart. The coherence of the structure tensor inside the opening, and
  the share of frames in which it is above the 95th percentile of the plate's own
  frames that open as wide (wanted: about 5 %). ``upright`` tells upright
  streaks (more than the plate) from bars along the mouth (less).

``--pictures`` writes contact sheets of the mouths: the closures and the wide
frames, each with its figures, marked where it is beyond the plate.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from relip import records
from relip.blend import stage as blend_stage
from relip.errors import StageMissingError
from relip.plate import Colour
from relip.render import stage as render_stage
from relip.render.rig import CLOSED, INNER_LOWER, INNER_UPPER, N_INNER, N_OUTER, UNIT
from relip.review import mouth, sheet
from relip.shot import Shot
from relip.speech import closures
from relip.speech import stage as speech_stage
from relip.track import geometry
from relip.track.picture import detection_picture

#: Share of the open frames that are wide, and how many frames of the plate are compared at least.
WIDE, LEAST = 0.1, 20

#: Half the side of the square around the mouth that is looked at, in face widths.
ROOM = 0.35

#: Kinds of mouths: of the comp and of the plate.
CLOSURE, REST, OPEN, PLATE_CLOSED, PLATE_OPEN = "closure", "rest", "wide", "closed", "open"


@dataclass(frozen=True)
class Mouth:
    """One mouth.

    Attributes
    ----------
    picture : np.ndarray [shape=(h, w, 3), dtype=uint8]
        Display encoded.
    figures : mouth.Seam or mouth.Run
    """

    frame: int
    kind: str
    picture: np.ndarray
    figures: mouth.Seam | mouth.Run


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shot", type=Path)
    parser.add_argument("--every", type=int, default=8, help="look at every Nth frame at rest")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pictures", type=Path, metavar="DIR")
    args = parser.parse_args()
    shot = Shot.open(args.shot)
    inputs = render_stage.load_inputs(shot)
    mouths = look(shot, inputs, choose(shot, inputs, args.every))
    figures = measure(mouths)
    print(json.dumps(figures, indent=1))
    if args.json:
        records.write_json(args.json, figures)
    if args.pictures:
        draw(mouths, args.pictures)
    return 0


def openings(lines: np.ndarray) -> np.ndarray:
    """Mean distance of the inner lips of lines ``[shape=(F, 57, 2)]``, in face widths."""
    return (lines[:, INNER_LOWER, 1] - lines[:, INNER_UPPER, 1]).mean(1) / UNIT


def choose(shot: Shot, inputs: render_stage.Inputs, every: int) -> dict[str, list[int]]:
    """Frames of every kind."""
    track = inputs.track
    frames = np.array(list(shot.frames))
    rows = np.array([track.index(int(f)) for f in frames])
    edited = track.editable[rows] & (track.mix[rows] >= 1)
    new, own = openings(inputs.lines)[rows], openings(inputs.own_lines)[rows]
    touching = edited & (new <= CLOSED)
    at_closures: set[int] = set()
    dialogue = speech_stage.load(shot)
    offset = shot.settings.dialogue.offset
    for _, inside in closures(dialogue.alignment, shot.frames, shot.rate, offset):
        for frame in inside:
            place = int(np.searchsorted(frames, frame))
            for step in (-1, 1):
                at = place
                # the whole run in which the lips touch, no further than a closure is long
                while 0 <= at < len(frames) and abs(at - place) <= 3 and touching[at]:
                    at_closures.add(int(frames[at]))
                    at += step
    rest = [int(f) for f in frames[touching] if int(f) not in at_closures][:: max(every, 1)]
    apart = edited & (new > CLOSED)
    floor = float(np.quantile(new[apart], 1 - WIDE)) if apart.any() else np.inf
    wide = apart & (new >= floor)
    # the plate's frames that open as wide; the nearest to it when they are few
    seen = np.nonzero(track.visible[rows] & np.isfinite(own) & (own > CLOSED))[0]
    alike: list[int] = []
    if wide.any() and len(seen):
        low, high = new[wide].min(), new[wide].max()
        away = np.maximum(np.maximum(low - own[seen], own[seen] - high), 0)
        order = seen[np.argsort(away, kind="stable")]
        alike = sorted(order[: max(int((away == 0).sum()), LEAST)].tolist())
    shut = track.visible[rows] & (own <= CLOSED)
    return {
        CLOSURE: sorted(at_closures),
        REST: rest,
        OPEN: [int(f) for f in frames[wide]],
        PLATE_CLOSED: [int(f) for f in frames[shut]],
        PLATE_OPEN: [int(f) for f in frames[alike]],
    }


def look(shot: Shot, inputs: render_stage.Inputs, chosen: dict[str, list[int]]) -> list[Mouth]:
    """The mouths of those frames, in order, with their figures."""
    track, colour, result = inputs.track, Colour(), []
    wanted = sorted(set().union(*chosen.values()))
    with shot.open_plate() as plate:
        for picture in plate.iter(wanted):
            row = track.index(picture.frame)
            to_plate = geometry.invert(track.transform[row])
            comp: np.ndarray | None = None
            if any(picture.frame in chosen[kind] for kind in (CLOSURE, REST, OPEN)):
                comp = blend_stage.compose(shot, plate, picture)
            for kind, frames in chosen.items():
                if picture.frame not in frames:
                    continue
                of_plate = kind in (PLATE_CLOSED, PLATE_OPEN)
                rgb = picture.rgb if of_plate else comp
                if rgb is None:  # its patch has failed
                    raise StageMissingError(
                        f"{shot.path('render')}: frame {picture.frame} has no patch",
                        mend="run relip render on the shot",
                    )
                lines = (inputs.own_lines if of_plate else inputs.lines)[row]
                lips = geometry.apply(to_plate, lines)[: N_OUTER + N_INNER]
                half = round(ROOM * track.face_width)
                x, y = np.maximum(np.rint(lips.mean(0) - half).astype(int), 0)
                window = (slice(y, y + 2 * half), slice(x, x + 2 * half))
                shown = detection_picture(rgb, plate, colour)[window]
                result.append(
                    _measured(picture.frame, kind, shown, lips - [x, y], track.face_width)
                )
    return result


def _measured(
    frame: int, kind: str, shown: np.ndarray, lips: np.ndarray, face_width: float
) -> Mouth:
    outer, inner = lips[:N_OUTER], lips[N_OUTER:]
    unit = shown.astype(np.float32) / 255
    if kind in (OPEN, PLATE_OPEN):
        return Mouth(frame, kind, shown, mouth.run(unit, inner, face_width))
    return Mouth(frame, kind, shown, mouth.seam(unit, inner, outer, face_width))


def measure(mouths: list[Mouth]) -> dict[str, Any]:
    """Counts and percentiles; None where the plate shows nothing to compare with."""
    shut, alike = _table(mouths, PLATE_CLOSED), _table(mouths, PLATE_OPEN)
    figures: dict[str, Any] = {"plate_closed_frames": len(shut), "plate_wide_frames": len(alike)}
    if len(shut):
        figures["plate_bright_most"], figures["plate_glint_most"] = _round(shut.max(0))
    for kind in (CLOSURE, REST):
        found = _table(mouths, kind)
        beyond = false_teeth(mouths, kind)
        figures[kind] = {
            "frames": len(found),
            "false_teeth": len(beyond) if len(shut) else None,
            "which": beyond,
        }
        if len(found):
            most = _round(found.max(0))
            figures[kind] |= {"bright_most": most[0], "glint_most": most[1]}
    wide = _table(mouths, OPEN)
    figures[OPEN] = {"frames": len(wide)}
    if len(wide) and len(alike):
        low, middle, high = np.percentile(alike, (5, 50, 95), axis=0).T[0]
        figures[OPEN] |= {
            "coherence": _round(np.median(wide[:, :1], axis=0))[0],
            "plate_coherence_p5_p50_p95": _round([low, middle, high]),
            "share_above_plate_p95": _round([float((wide[:, 0] > high).mean())])[0],
            "upright": _round(np.median(wide[:, 1:], axis=0))[0],
            "plate_upright_p5_p50_p95": _round(np.percentile(alike[:, 1], (5, 50, 95))),
            "which": streaky(mouths),
        }
    return figures


def false_teeth(mouths: list[Mouth], kind: str) -> list[int]:
    """Frames whose line between the lips is beyond every closed frame of the plate."""
    shut = _table(mouths, PLATE_CLOSED)
    if not len(shut):
        return []
    most = shut.max(0)
    return [m.frame for m in mouths if m.kind == kind and bool((np.array(m.figures) > most).any())]


def streaky(mouths: list[Mouth]) -> list[int]:
    """Wide frames whose inside runs along one direction more than the plate's."""
    alike = _table(mouths, PLATE_OPEN)
    if not len(alike):
        return []
    high = np.percentile(alike[:, 0], 95)
    return [m.frame for m in mouths if m.kind == OPEN and m.figures[0] > high]


def _table(mouths: Iterable[Mouth], kind: str) -> np.ndarray:
    """Figures of one kind ``[shape=(n, 2)]``, without those that say nothing."""
    rows = np.array([m.figures for m in mouths if m.kind == kind], float).reshape(-1, 2)
    return rows[np.isfinite(rows).all(1)]


def _round(values: Any) -> list[float]:
    return [round(float(v), 3) for v in values]


def draw(mouths: list[Mouth], folder: Path) -> None:
    """Contact sheets: the plate's mouths of a state, then the comp's."""
    marked = {*false_teeth(mouths, CLOSURE), *false_teeth(mouths, REST)}
    for name, kinds, beyond in (
        ("closed", (PLATE_CLOSED, CLOSURE, REST), marked),
        ("wide", (PLATE_OPEN, OPEN), set(streaky(mouths))),
    ):
        tiles = []
        for kind in kinds:
            of_kind = [m for m in mouths if m.kind == kind]
            few = of_kind[:: max(len(of_kind) // 12, 1)] if kind != CLOSURE else of_kind
            few += [m for m in of_kind if m.frame in beyond and m not in few]
            for each in sorted(few, key=lambda m: m.frame):
                half = each.picture.shape[0] / 2
                star = "* " if each.frame in beyond and kind in (CLOSURE, REST, OPEN) else ""
                a, b = each.figures
                label = f"{star}{kind} {each.frame}: {a:.2f} {b:.2f}"
                middle = np.array([each.picture.shape[1] / 2, half])
                tiles.append([sheet.face_tile(each.picture, middle, half * 0.8, label)])
        if tiles:
            folder.mkdir(parents=True, exist_ok=True)
            sheet.write_png(folder / f"mouth.{name}.png", sheet.assemble(tiles))


if __name__ == "__main__":
    sys.exit(main())
