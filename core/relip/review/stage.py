"""The review stage: metrics.json, sheet.png, curves.png, preview.mp4 and report.html.

Nothing is read from ``comp/``: the finished frames are composed again from
plate and patches, so that a dubbed movie can be reviewed too.
"""

from __future__ import annotations

import contextlib
import html
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from relip import records
from relip.blend import stage as blend_stage
from relip.errors import ShotError
from relip.frames import format_range
from relip.plate import BadFrame, Colour
from relip.plate.prefetch import prefetch
from relip.progress import Progress
from relip.records import StageReport
from relip.render.mix import drives_used
from relip.review import measure, sheet
from relip.review.choice import choose
from relip.shot import Shot
from relip.speech import closures, opening
from relip.speech import stage as speech_stage
from relip.track import stage as track_stage
from relip.track.facetrack import FaceTrack
from relip.track.picture import detection_picture

NAME = "review"
VERSION = 5

#: The speech stage's picture in the review's folder.
SPEECH_PICTURE = "speech.png"

#: Frames on the contact sheet.
SHEET_FRAMES = 12

#: Longer side of the preview movie, pixels.
PREVIEW_SIDE = 720


def run(shot: Shot, *, progress: Progress, force: bool = False) -> StageReport:
    """Measure and show the finished shot.

    Raises
    ------
    StageMissingError
        If the shot is not rendered.
    """
    report = StageReport(NAME)
    folder = shot.stage_folder("review")
    track = track_stage.load(shot)
    frames = list(shot.frames)
    visible = [f for f in frames if track.editable[track.index(f)]]
    key = review_key(shot)
    old = records.read_record(folder)
    if not force and old.get("key") == key and (folder / "report.html").exists():
        report.kept = frames
        report.data = old.get("data", {})
        return report
    chosen = sheet_frames(shot, track)
    columns: list[list[np.ndarray]] = []
    outside = 0.0

    def pictures() -> Any:
        nonlocal outside
        colour = Colour()
        with (
            shot.open_plate() as plate,
            Preview(shot, folder / "preview.mp4", track.aspect) as preview,
        ):
            for picture in prefetch(plate.iter(frames, on_error="mark")):
                if isinstance(picture, BadFrame):
                    if not picture.skipped:
                        report.failed[picture.frame] = picture.reason
                    preview.repeat()
                    continue
                try:
                    patch = blend_stage.read_patch(shot, picture.frame, plate)
                except ShotError as exc:
                    report.failed[picture.frame] = str(exc)
                    patch = None
                shown = plate8 = detection_picture(picture.rgb, plate, colour)
                if patch is not None:
                    rgb, alpha, origin = patch
                    comp = blend_stage.over(
                        picture.rgb, rgb, alpha, origin, mix=shot.settings.blend.mix
                    )
                    outside = max(outside, outside_difference(comp, picture.rgb, alpha, origin))
                    shown = detection_picture(comp, plate, colour)
                preview.write(shown)
                if picture.frame in chosen:
                    centre = _face_at(track, picture.frame)
                    half = 0.75 * track.face_width
                    why = f"comp {picture.frame}: {chosen[picture.frame]}"
                    columns.append(
                        [
                            sheet.face_tile(each, centre, half, label, track.aspect)
                            for each, label in (
                                (plate8, f"plate {picture.frame}"),
                                (shown, why),
                            )
                        ]
                    )
                yield picture.frame, shown

    data: dict[str, Any] = {}
    curves_picture = None
    # the dialogue's curves are what was asked for only where they alone drive
    # closed here when it is interrupted: the preview is dropped while Python still stands
    with contextlib.closing(pictures()) as shown:
        if drives_used(shot) == ("speech",):
            sync = measure.measure_sync(shot, shown, progress, len(frames))
            data["sync"] = sync.to_dict()
            curves_picture = folder / "curves.png"
            plot_sync(curves_picture, sync)
            _plot_dialogue(shot, folder / SPEECH_PICTURE)
        else:
            progress.start(NAME, len(frames))
            for _ in shown:
                progress.step()
            progress.finish()
    data["max_difference_outside_matte"] = outside
    edited = set(visible)
    data["passed_through"] = [f for f in frames if f not in edited]
    why = track_stage.reasons(shot)
    data["passed_through_because"] = {str(f): why[f] for f in data["passed_through"] if f in why}
    sheet.write_png(folder / "sheet.png", sheet.assemble(columns))
    records.write_json(folder / "metrics.json", data)
    write_report(shot, folder, data, curves_picture)
    records.write_record(
        folder, {"stage": NAME, "key": key, "data": data, "versions": records.versions()}
    )
    report.done = frames
    report.data = data
    return report


def sheet_frames(shot: Shot, track: FaceTrack) -> dict[int, str]:
    """The frames of the contact sheet, and why each is there."""
    edited = np.array([track.editable[track.index(f)] for f in shot.frames])
    if "speech" in drives_used(shot):
        said = speech_stage.load(shot)
        wanted = opening(said.curves)
        shut = closures(said.alignment, shot.frames, shot.rate, shot.settings.dialogue.offset)
    else:  # what another drive asks for is as a rule as wide where the actor's mouth is
        rows = [track.index(f) for f in shot.frames]
        wanted, shut = track.lip_opening()[rows], []
    return choose(shot.frames, edited, wanted, shut, SHEET_FRAMES)


def _face_at(track: FaceTrack, frame: int) -> np.ndarray:
    """Below the nose ``[shape=(2,)]`` in square pixels.

    Of the nearest frame with a face where it has none.
    """
    seen = np.flatnonzero(track.visible)
    row = seen[np.abs(seen - track.index(frame)).argmin()]
    place: np.ndarray = track.square.landmarks[row, 164, :2]
    return place


def review_key(shot: Shot) -> str:
    """Fingerprint of the patches and curves that a review shows."""
    from relip.records import FrameRecord

    rendered = FrameRecord(shot.path("render"))
    keys = [(rendered.get(f) or {}).get("key") for f in shot.frames]
    overrides = [records.file_fingerprint(p) for p in sorted(shot.path("overrides").glob("*.*"))]
    return records.fingerprint(
        NAME,
        VERSION,
        keys,
        overrides,
        shot.settings.blend.mix,
        records.file_fingerprint(shot.path("speech", "mouth.csv")),
    )


def outside_difference(
    comp: np.ndarray, plate: np.ndarray, alpha: np.ndarray, origin: tuple[int, int]
) -> float:
    """Largest |comp − plate| where the matte is 0."""
    whole = np.zeros(plate.shape[:2], np.float32)
    x, y = origin
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + alpha.shape[1], plate.shape[1]), min(y + alpha.shape[0], plate.shape[0])
    if x1 > x0 and y1 > y0:
        whole[y0:y1, x0:x1] = alpha[y0 - y : y1 - y, x0 - x : x1 - x]
    outside = whole == 0
    a, b = comp[outside], plate[outside]
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return float(np.abs(a - b)[~same].max()) if not same.all() else 0.0


class Preview:
    """A small H.264 movie of the finished frames with the dialogue as its sound."""

    def __init__(self, shot: Shot, path: Path, aspect: float = 1.0) -> None:
        self._shot = shot
        self._aspect = aspect
        self._path = path
        self._writer: Any = None
        self._last: np.ndarray | None = None
        self._owed = 0

    def __enter__(self) -> Preview:
        return self

    def write(self, picture: np.ndarray) -> None:
        """Add one 8-bit frame of the plate's size."""
        from relip.review.preview import PreviewWriter

        self._last = sheet.seen(picture, self._aspect, PREVIEW_SIDE, even=True)
        if self._writer is None:
            height, width = self._last.shape[:2]
            d = self._shot.settings.dialogue
            audio = self._shot.resolve(d.audio) if d.audio else None
            self._writer = PreviewWriter(
                self._path, (width, height), self._shot.rate, audio=audio, offset=d.offset
            )
        for _ in range(self._owed + 1):
            self._writer.write(self._last)
        self._owed = 0

    def repeat(self) -> None:
        """Show the last frame again; before the first one, show that one longer."""
        if self._writer is not None and self._last is not None:
            self._writer.write(self._last)
        else:
            self._owed += 1

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if self._writer is not None:
            self._writer.close(discard=kind is not None)


def plot_sync(path: Path, sync: measure.Sync) -> None:
    """Driving opening, tracked opening and closures over the frames, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(13, 3.2), dpi=100)
    # one scale for all frames, so that the two lie on one another as well as they can
    size = float(np.dot(sync.driven, sync.driven))
    scale = float(np.dot(sync.seen, sync.driven)) / size if size > 0 else 0.0
    scale = scale if scale > 0 else max(float(np.max(sync.seen, initial=0)), 1e-6)
    axis.plot(sync.frames, sync.driven, label="driving curve", color="#1b6ca8", lw=1.4)
    axis.plot(
        sync.frames,
        sync.seen / scale,
        label=f"tracked in the comp (1: {100 * scale:.1f} % of the face width)",
        color="#d1495b",
        lw=1.1,
    )
    for closure in sync.closures:
        colour = "#2e8b57" if closure["closed"] else "#c00000"
        axis.axvspan(
            min(closure["frames"]) - 0.5, max(closure["frames"]) + 0.5, color=colour, alpha=0.25
        )
    axis.set_xlabel("frame (bands: p b m, green where the lips close)")
    axis.set_ylabel("lip opening")
    axis.set_title(f"r = {sync.r:.3f}, lag {sync.lag} frames", loc="left", fontsize=10)
    # above the curves, not over them
    axis.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=8, frameon=False, borderpad=0
    )
    axis.margins(x=0.01)
    figure.tight_layout()
    with records.atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
    plt.close(figure)


def _words(shot: Shot) -> str:
    """The words in the colours of their confidence, and the picture of the speech stage."""
    from relip.speech import word_table
    from relip.speech.stage import read_phones

    if not (shot.path("review") / SPEECH_PICTURE).exists():
        return ""
    spans = [
        f'<span class="{w["colour"] or ""}" title="{w["start"]:.2f} s'
        + (f', chance to be right {w["confidence"]:.2f}"' if w["confidence"] is not None else '"')
        + f">{html.escape(w['word'])}</span>"
        for w in word_table(read_phones(shot))
    ]
    return (
        "<h2>Words</h2>\n<p>" + "\n".join(spans) + "</p>\n"
        f'<img src="{SPEECH_PICTURE}" alt="waveform, words, phones and mouth controls">'
    )


def _told(value: Any) -> str:
    """A value of a record as people read it: no brackets, four digits."""
    if isinstance(value, dict):
        return ", ".join(f"{str(k).replace('_', ' ')} {_told(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(map(_told, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plot_dialogue(shot: Shot, path: Path) -> None:
    """Waveform, words in the colours of their confidence, phones and curves."""
    from relip.speech import load_audio, plot_speech

    dialogue = shot.settings.dialogue
    if not dialogue.audio:
        return
    said = speech_stage.load(shot)
    # the phones are read from a file, which does not say how they were found
    told = records.read_record(shot.path("speech")).get("data", {})
    plot_speech(
        path,
        load_audio(shot.resolve(dialogue.audio)),
        replace(
            said.alignment,
            method=str(told.get("method", said.alignment.method)),
            rung=str(told.get("rung", said.alignment.rung)),
        ),
        shot.frames,
        shot.rate,
        said.curves,
        dialogue.offset,
    )


def write_report(shot: Shot, folder: Path, data: dict[str, Any], curves: Path | None) -> None:
    """Write ``report.html``: what to look at first, then every figure of the stages, folded up."""
    figures = []
    notes = []
    for stage in ("speech", "track", "model"):
        record = records.read_record(shot.path(stage))
        for name, value in (record.get("data") or {}).items():
            if name == "word_confidence":  # shown in colours
                continue
            figures.append((f"{stage}: {name.replace('_', ' ')}", _told(value)))
        notes += [(f"{stage}: note", note) for note in record.get("notes") or []]
    plot = '<h2>Lips</h2>\n<img src="curves.png" alt="lip opening over time">' if curves else ""
    page = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Relip review: {html.escape(shot.folder.name)}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1480px;
  padding: 0 1rem; background: #1c1d1f; color: #e6e6e6 }}
h1, h2, summary {{ font-weight: 600 }} img, video {{ max-width: 100%; border-radius: 4px }}
.top {{ display: flex; flex-wrap: wrap; gap: 0 2rem }} .top table {{ flex: 1 1 24rem; margin: 0 }}
.top video {{ max-height: 26rem; align-self: flex-start }}
table {{ border-collapse: collapse; margin: 1rem 0; align-self: flex-start }}
th {{ text-align: left; font-weight: 500; padding: .2rem 2rem .2rem 0; color: #a9b0b8 }}
td {{ padding: .2rem 0; font-variant-numeric: tabular-nums }} th, td {{ vertical-align: top }}
summary {{ font-size: 1.5em; margin: 1.2rem 0; cursor: pointer }}
.green {{ color: #6fcf7f }} .amber {{ color: #f2b04a }} .red {{ color: #ff6b5e; font-weight: 600 }}
</style>
<h1>{html.escape(shot.folder.name)}</h1>
<div class="top">
<video src="preview.mp4" controls loop></video>
{_table([*_verdicts(data), *notes])}
</div>
<h2>Plate and comp</h2>
<img src="sheet.png" alt="contact sheet">
{plot}
{_words(shot)}
<details><summary>Figures of the stages</summary>
{_table(figures)}
</details>
</html>
"""
    with records.atomic_write(folder / "report.html") as handle:
        handle.write(page)


def _verdicts(data: dict[str, Any]) -> list[tuple[str, str]]:
    """What was measured of the finished frames, in words."""
    rows = []
    sync = data.get("sync")
    if sync:
        rows += [
            (
                "lip opening against the drive",
                f"r = {sync['opening_r']:.3f}, lag {sync['lag_frames']}",
            ),
            ("p b m closed within ±1 frame", f"{sync['closures_closed']} of {sync['closures']}"),
            (
                "silences over 0.3 s at rest",
                "no silence is so long"
                if not sync["silences"]
                else f"{sync['silence_frames_at_rest_percent']} % of frames",
            ),
        ]
    rows.append(("largest change outside the matte", f"{data['max_difference_outside_matte']:g}"))
    passed = data["passed_through"]
    rows.append(("frames passed through", format_range(passed) if passed else "none"))
    because = data.get("passed_through_because", {})
    for reason in dict.fromkeys(because.values()):
        where = format_range(int(f) for f, why in because.items() if why == reason)
        rows.append((f"passed through: {reason}", where))
    return rows


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "\n".join(
        f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in rows
    )
    return f"<table>\n{cells}\n</table>"
