"""The speech stage: dialogue → speech/phones.TextGrid and speech/mouth.csv."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from relip import records
from relip.errors import AudioError, RelipError, SettingError, TranscriptError
from relip.progress import Progress
from relip.records import StageReport
from relip.shot import Shot

if TYPE_CHECKING:
    from relip.speech import Alignment

NAME = "speech"
VERSION = 1

#: A dialogue may outlast the picture by this many seconds of silence-or-reverb tail.
TAIL_SECONDS = 0.05


@dataclass(frozen=True)
class Dialogue:
    """What the shot says, as later stages see it: the artist's word where there is one.

    Attributes
    ----------
    alignment : relip.speech.Alignment
    curves : np.ndarray [shape=(F, 10)]
        Mouth controls per frame of the shot.
    """

    alignment: Alignment
    curves: np.ndarray


def align_key(shot: Shot) -> str:
    """Fingerprint of everything the alignment depends on."""
    d = shot.settings.dialogue
    return records.fingerprint(
        NAME,
        VERSION,
        records.file_fingerprint(shot.resolve(d.audio)) if d.audio else None,
        records.file_fingerprint(shot.resolve(d.text)) if d.text else None,
        d.language,
    )


def curves_key(shot: Shot) -> str:
    """Fingerprint of everything the computed curves depend on."""
    d = shot.settings.dialogue
    override = shot.override("phones.TextGrid")
    return records.fingerprint(
        align_key(shot),
        d.offset,
        d.when_longer,
        [shot.frames.start, shot.frames.stop],
        str(shot.rate),
        records.file_fingerprint(override) if override else None,
    )


def run(shot: Shot, *, progress: Progress, force: bool = False) -> StageReport:
    """Align the dialogue and make the mouth curves.

    Raises
    ------
    AudioError
        If the recording is missing, unreadable, empty, silent, or longer
        than the plate and ``when_longer`` is ``error``.
    TranscriptError
        If the transcript does not match.
    """
    from relip import speech

    report = StageReport(NAME)
    folder = shot.stage_folder("speech")
    grid_path, csv_path = folder / "phones.TextGrid", folder / "mouth.csv"
    d = shot.settings.dialogue
    if not d.audio:
        raise AudioError(f"{shot.folder}: shot.toml names no dialogue", mend="set dialogue.audio")
    old = records.read_record(folder)
    want_align, want_curves = align_key(shot), curves_key(shot)
    aligned = not force and old.get("align_key") == want_align and grid_path.exists()
    if aligned and old.get("key") == want_curves and csv_path.exists():
        report.kept = list(shot.frames)
        report.data = old.get("data", {})
        report.notes = old.get("notes", [])
        return report
    progress.start(NAME, 2)
    data = dict(old.get("data", {})) if aligned else {}
    notes: list[str] = list(old.get("notes", [])) if aligned else []
    if aligned:
        with _mended("delete it and run relip speech again"):
            alignment = speech.read_textgrid(grid_path)
    else:
        audio = speech.load_audio(shot.resolve(d.audio))
        text = read_transcript(shot)
        if speech.is_silent(audio):
            raise AudioError(
                f"{d.audio}: the recording is silent (nothing above {speech.SILENCE_DBFS:g} dBFS)",
                mend="check the file and its channel",
            )
        alignment = speech.align(audio, text=text, lang=d.language, progress=None)
        notes = list(alignment.warnings)
        data = {
            "method": alignment.method,
            "rung": alignment.rung,
            "draft": alignment.draft,
            "confidence": alignment.confidence,
            "words": len([w for w in alignment.words if w.label]),
            "duration": round(alignment.duration, 3),
        }
        if alignment.draft:
            notes.append(
                "made without a transcript: a draft, closures may be missing;"
                " give --text for exact lips"
            )
        speech.write_textgrid(grid_path, alignment)
    progress.step()
    check_length(shot, alignment.duration)
    override = shot.override("phones.TextGrid")
    if override:
        alignment = read_phones(shot)
        notes.append("the phones are the artist's: overrides/phones.TextGrid")
    curves = speech.mouth_curves(alignment, frames=shot.frames, rate=shot.rate, offset=d.offset)
    speech.write_mouth_csv(csv_path, shot.frames, curves)
    progress.step()
    report.done = list(shot.frames)
    report.data, report.notes = data, notes
    records.write_record(
        folder,
        {
            "stage": NAME,
            "align_key": want_align,
            "key": want_curves,
            "state": "done",
            "settings": shot.settings.to_dict()["dialogue"],
            "data": data,
            "notes": notes,
            "versions": records.versions(),
        },
    )
    progress.finish()
    return report


def read_transcript(shot: Shot) -> str | None:
    """The transcript's text, None when none was given.

    Raises
    ------
    TranscriptError
        If the file is missing, not text, or empty.
    """
    name = shot.settings.dialogue.text
    if not name:
        return None
    path = shot.resolve(name)
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise TranscriptError(f"{path}: no such file", mend="check --text") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise TranscriptError(
            f"{path}: cannot be read as UTF-8 text: {exc}", mend="save it as plain text"
        ) from None
    if not text.strip():
        raise TranscriptError(
            f"{path}: the transcript is empty", mend="leave --text out or fill it"
        )
    return text


def check_length(shot: Shot, duration: float) -> None:
    """Refuse a dialogue longer than the picture, unless ``when_longer`` says otherwise.

    Raises
    ------
    AudioError
    """
    d = shot.settings.dialogue
    picture = float(Fraction(len(shot.frames)) / shot.rate)
    if d.when_longer == "error" and duration + d.offset > picture + TAIL_SECONDS:
        raise AudioError(
            f"{d.audio}: the dialogue ends at {duration + d.offset:.2f} s, the plate at "
            f"{picture:.2f} s",
            mend="shorten it, or use --when-longer trim (cut it) or pingpong (play the plate "
            "back and forth)",
        )


def load(shot: Shot) -> Dialogue:
    """Alignment and curves as the render stage uses them, overrides applied.

    ``overrides/mouth.csv`` replaces, in the frames it lists, the controls it has.

    Raises
    ------
    StageMissingError
        If the speech stage was not run.
    """
    from relip import speech
    from relip.errors import StageMissingError

    csv_path = shot.path("speech", "mouth.csv")
    grid_path = shot.override("phones.TextGrid") or shot.path("speech", "phones.TextGrid")
    if not csv_path.exists() or not grid_path.exists():
        raise StageMissingError(
            f"{csv_path}: the mouth curves are not made yet", mend="run relip speech on the shot"
        )
    again = "delete it and run relip speech again"
    with _mended(again):
        frames, columns = speech.read_mouth_csv(csv_path)
        curves = to_shot(shot, frames, columns, np.zeros((len(shot.frames), 10)), str(csv_path))
    override = shot.override("mouth.csv")
    if override:
        with _mended("mend or remove the override"):
            frames, columns = speech.read_mouth_csv(override)
            curves = to_shot(shot, frames, columns, curves, str(override))
    return Dialogue(read_phones(shot), curves)


def read_phones(shot: Shot) -> Alignment:
    """The phones, the artist's where there are any.

    Raises
    ------
    InputError
        If the TextGrid is damaged.
    """
    from relip import speech

    override = shot.override("phones.TextGrid")
    if override:
        with _mended("mend or remove the override"):
            return speech.read_textgrid(override)
    with _mended("delete it and run relip speech again"):
        return speech.read_textgrid(shot.path("speech", "phones.TextGrid"))


@contextlib.contextmanager
def _mended(mend: str) -> Iterator[None]:
    """Errors of the block that do not say how to mend them say ``mend``."""
    try:
        yield
    except RelipError as exc:
        exc.mend = exc.mend or mend
        raise


def to_shot(
    shot: Shot,
    frames: Iterable[int],
    columns: dict[str, np.ndarray],
    base: np.ndarray,
    where: str,
) -> np.ndarray:
    """Put the columns of a mouth CSV over ``base`` in the frames that it lists.

    Raises
    ------
    SettingError
        If none of its frames is in the shot.
    """
    from relip.speech import MOUTH_CONTROLS

    listed = np.asarray(list(frames), int)
    inside = (listed >= shot.frames.start) & (listed < shot.frames.stop)
    if not inside.any():
        raise SettingError(
            f"{where}: none of its frames is in the shot ({shot.frames.start}-{shot.frames[-1]})",
            mend="number its rows like the plate's frames",
        )
    result = base.copy()
    rows = listed[inside] - shot.frames.start
    for name, values in columns.items():
        if name in MOUTH_CONTROLS:
            result[rows, MOUTH_CONTROLS.index(name)] = np.asarray(values)[inside]
    return np.clip(result, 0, 1)
