"""Every export by its name, with the options it takes: what ``relip export`` and Nuke call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relip.errors import UsageError
from relip.frames import format_range
from relip.shot import Shot

if TYPE_CHECKING:
    from relip.handoff.nk import Node
    from relip.progress import Progress

#: The Nuke whose scripts are written; later ones read them.
NUKE_VERSION = "13.2 v8"

#: Exports and the options that each takes besides ``frames``.
TARGETS: dict[str, tuple[str, ...]] = {
    "tracker": ("points", "reference"),
    "cornerpin": ("direction", "reference", "size"),
    "transform": ("direction", "reference"),
    "roto": ("shapes",),
    "stmap": ("direction", "size", "source"),
    "gridwarp": ("direction", "grid"),
    "curves": (),
    "read": ("pictures", "script", "raw"),
    "usd": ("focal_length", "film_width"),
    "json": ("points",),
    "package": (),
}

#: Directions of each export that has them, the default first.
DIRECTIONS = {
    "cornerpin": ("uncrop", "crop", "stabilise", "matchmove"),
    "transform": ("matchmove", "stabilise"),
    "stmap": ("both", "crop", "uncrop"),
    "gridwarp": ("matchmove", "stabilise"),
}

#: Suffixes of the file that is written; a package is a folder.
SUFFIXES: dict[str, tuple[str, ...]] = {
    "usd": (".usd", ".usda", ".usdc"),
    "json": (".json",),
    "package": (),
}


@dataclass(frozen=True)
class Options:
    """What an export may be told; None is the export's own default.

    Attributes
    ----------
    frames : str or None
        A frame range inside the shot.
    points : sequence of str or None
        Names of :data:`relip.handoff.scene.NAMED_POINTS`, landmark numbers, or ``all``.
    shapes : sequence of {"lips", "mouth", "jaw"} or None
    pictures : sequence of {"plate", "mask", "patch", "comp"} or None
    direction : str or None
        See :data:`DIRECTIONS`.
    reference : int or None
        The frame in which nothing is moved.
    size : int or None
        Side of the canonical crop in pixels.
    source : {"track", "render"} or None
        Where STMaps come from: computed, or the layers of the patches.
    grid : (int, int) or None
        Grid lines across and up.
    script : bool or None
        A whole script with a Root instead of nodes to paste.
    raw : bool or None
        Reads without colour conversion.
    focal_length, film_width : float or None
        Of the camera of a USD, millimetres.
    """

    frames: str | None = None
    points: Sequence[str] | None = None
    shapes: Sequence[str] | None = None
    pictures: Sequence[str] | None = None
    direction: str | None = None
    reference: int | None = None
    size: int | None = None
    source: str | None = None
    grid: tuple[int, int] | None = None
    script: bool | None = None
    raw: bool | None = None
    focal_length: float | None = None
    film_width: float | None = None

    def check(self, to: str) -> None:
        """Refuse options that the export does not take.

        Raises
        ------
        UsageError
        """
        for each in fields(self):
            if getattr(self, each.name) is None or each.name == "frames":
                continue
            if each.name not in TARGETS[to]:
                option = "--" + each.name.replace("_", "-")
                takes = ", ".join("--" + o.replace("_", "-") for o in TARGETS[to]) or "none"
                raise UsageError(
                    f"{option} does nothing for --to {to}",
                    mend=f"leave it out; its own options: {takes}",
                )
        if self.direction is not None and self.direction not in DIRECTIONS[to]:
            raise UsageError(
                f"direction {self.direction!r} for --to {to}",
                mend=f"use {', '.join(DIRECTIONS[to])}",
            )
        if self.source not in (None, "track", "render"):
            raise UsageError(f"source {self.source!r}", mend="use track or render")


@dataclass
class Exported:
    """What an export wrote.

    Attributes
    ----------
    to : str
    files : list of Path
        The one that was asked for first.
    frames, faceless : str
        Frame ranges: written, and of them without a face.
    notes : list of str
    """

    to: str
    files: list[Path] = field(default_factory=list)
    frames: str = ""
    faceless: str = ""
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able values."""
        return {
            "to": self.to,
            "file": str(self.files[0]),
            "files": [str(f) for f in self.files],
            "frames": self.frames,
            "faceless": self.faceless,
            "notes": self.notes,
        }


def export(
    shot: Shot,
    to: str,
    path: str | Path,
    options: Options | None = None,
    *,
    progress: Progress | None = None,
) -> Exported:
    """Write a shot's results for another program.

    Parameters
    ----------
    shot : Shot
    to : str
        One of :data:`TARGETS`.
    path : path
        The file; for ``package`` a folder. What stands there is replaced when
        the new one is whole.
    options : Options, optional
    progress : Progress, optional

    Returns
    -------
    Exported

    Raises
    ------
    UsageError
        If the export, an option or the file's suffix is wrong.
    StageMissingError
        If what is exported is not made yet.
    OutputError
        If it cannot be written.
    """
    options = options or Options()
    if to not in TARGETS:
        raise UsageError(f"export {to!r} is unknown", mend=f"use {', '.join(TARGETS)}")
    options.check(to)
    path = Path(path)
    suffixes = SUFFIXES.get(to, (".nk",))
    if suffixes and path.suffix.lower() not in suffixes:
        raise UsageError(
            f"{path}: the wrong suffix for --to {to}", mend=f"end it in {' or '.join(suffixes)}"
        )
    if to == "package":
        return _package(shot, path, options, progress)
    if to == "read":
        return _read(shot, path, options)
    if to == "curves":
        return _curves(shot, path, options)

    from relip.handoff.scene import Scene, choose_points

    scene = Scene.of(shot, options.frames)
    result = Exported(to, [path], format_range(scene.frames), format_range(scene.faceless_frames))
    result.notes += _stale(shot, "track")
    if scene.faceless_frames:
        result.notes.append(f"no face in frames {result.faceless}: no keys there")
    direction = options.direction or DIRECTIONS.get(to, ("",))[0]
    if to == "json":
        from relip.handoff.plain import write_track

        write_track(scene, path, choose_points(options.points))
    elif to == "usd":
        from relip.handoff.usd import Lens, write_usd

        given = {"focal_length": options.focal_length, "film_width": options.film_width}
        write_usd(scene, path, lens=Lens(**{k: v for k, v in given.items() if v is not None}))
    elif to == "stmap":
        _stmap(shot, scene, path, direction, options, result, progress)
    elif to == "tracker":
        from relip.handoff.tracker import tracker_node

        chosen = choose_points(options.points)
        write_nodes(path, [tracker_node(scene, chosen, reference=options.reference)])
        result.notes.append(f"{len(chosen)} tracks: {', '.join(list(chosen)[:16])}")
    elif to == "cornerpin":
        from relip.handoff.cornerpin import cornerpin_nodes

        write_nodes(
            path,
            cornerpin_nodes(scene, direction, size=options.size, reference=options.reference),
        )
    elif to == "transform":
        from relip.handoff.transform import transform_node

        write_nodes(path, [transform_node(scene, direction, reference=options.reference)])
    elif to == "roto":
        from relip.handoff.roto import SHAPES, roto_node

        write_nodes(path, [roto_node(scene, options.shapes or SHAPES)])
    else:
        from relip.handoff.gridwarp import COLUMNS, HEADER, ROWS, gridwarp_node

        columns, rows = options.grid or (COLUMNS, ROWS)
        node = gridwarp_node(scene, direction, columns=columns, rows=rows)
        write_nodes(path, [node], header=HEADER)
        result.notes.append("GridWarp3 text is undocumented: check it after loading")
    return result


def write_nodes(path: Path, nodes: list[Node], *, header: Sequence[str] = ()) -> None:
    """Write nodes as text to paste: the first goes to what is selected.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    from relip.handoff.nk import Script, write

    whole = any(node.cls == "Root" for node in nodes)
    write(
        Script(nodes, version=NUKE_VERSION, header=list(header), paste=not whole),
        path,
    )


def _stale(shot: Shot, stage: str) -> list[str]:
    """A note when a stage's result is no longer what its inputs would give."""
    from relip import records
    from relip.speech import stage as speech_stage
    from relip.track import stage as track_stage

    key = track_stage.key(shot) if stage == "track" else speech_stage.curves_key(shot)
    if records.read_record(shot.path(stage)).get("key") == key:
        return []
    return [
        f"{stage} is stale: an input or an override changed; run relip {stage} and export again"
    ]


def _stmap(
    shot: Shot,
    scene: Any,
    path: Path,
    direction: str,
    options: Options,
    result: Exported,
    progress: Progress | None,
) -> None:
    from relip.handoff import stmap

    size = options.size
    gathered = options.source == "render"
    if gathered:
        if options.direction not in (None, "uncrop"):
            raise UsageError(
                f"--source render has no maps for --direction {options.direction}",
                mend="the patches hold uncrop; leave --source out to compute the others",
            )
        direction = "uncrop"
    directions = ("crop", "uncrop") if direction == "both" else (direction,)
    if progress:
        progress.start("stmap", len(directions) * len(scene.visible_frames))
    nodes: list[Node] = []
    for each in directions:
        name = f"{path.stem}_{each}"
        pattern = str(path.absolute().parent / name / f"{name}.####.exr")
        if gathered:
            frames = scene.visible_frames
            written = stmap.gather_maps(shot, frames, pattern, progress=progress)
        else:
            written = stmap.write_maps(scene, pattern, each, size=size, progress=progress)
        result.files += written
        nodes += stmap.stmap_nodes(scene, pattern, each, size=size)
    write_nodes(path, nodes)
    if progress:
        progress.finish()
    if not gathered:
        result.notes.append(f"the crop is {scene.crop_size(size)} pixels square")


def _curves(shot: Shot, path: Path, options: Options) -> Exported:
    from relip.frames import select_frames
    from relip.handoff.curves import curves_node, shot_curves
    from relip.handoff.scene import node_name

    chosen = select_frames(options.frames, shot.frames)
    rows = [frame - shot.frames.start for frame in chosen]
    curves = {name: column[rows] for name, column in shot_curves(shot).items()}
    node = curves_node(f"RelipMouth_{node_name(shot.folder.stem)}", chosen, curves)
    write_nodes(path, [node])
    result = Exported("curves", [path], format_range(chosen))
    result.notes += _stale(shot, "speech")
    if shot.override("mouth.csv"):
        result.notes.append("with the artist's curves: overrides/mouth.csv")
    return result


def _read(shot: Shot, path: Path, options: Options) -> Exported:
    from relip.handoff.reads import PICTURES, read_nodes

    if options.frames:
        raise UsageError(
            "--frames does nothing for --to read", mend="leave it out: a Read has the shot's range"
        )
    nodes, notes = read_nodes(
        shot, options.pictures or PICTURES, whole=bool(options.script), raw=bool(options.raw)
    )
    write_nodes(path, nodes)
    frames = format_range(shot.frames)
    return Exported("read", [path], frames, notes=notes)


def _package(shot: Shot, path: Path, options: Options, progress: Progress | None) -> Exported:
    from relip import pipeline
    from relip.handoff.package import write_package

    notes = [
        f"{each.stage} is {each.state}: {each.note or 'run relip run on the shot'}"
        for each in pipeline.status(shot)
        if each.state != "up to date"
    ]
    made = write_package(shot, path, frames=options.frames, progress=progress)
    files = [path, path / "package.json", *(path / name for name in made["files"])]
    return Exported("package", files, made["frames"], made["plate_passes_through"], notes)
