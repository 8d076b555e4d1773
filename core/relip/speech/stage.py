"""The speech stage: dialogue → speech/phones.TextGrid and speech/mouth.csv."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from relip import records
from relip.errors import AudioError, InputError, mended
from relip.progress import Progress
from relip.records import StageReport
from relip.shot import Shot
from relip.speech.espeak import espeak_version

if TYPE_CHECKING:
    from relip.speech import Alignment, Audio, Style

NAME = "speech"
VERSION = 9

#: Said of what was recognised.
DRAFT = "made without a transcript: a draft, closures may be missing; give --text for exact lips"

#: Said while the artist's phones are in use.
_THEIRS = "the phones are the artist's: overrides/phones.TextGrid"

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
    d, own = shot.settings.dialogue, shot.settings.speech
    return records.fingerprint(
        NAME,
        VERSION,
        records.file_fingerprint(shot.resolve(d.audio)) if d.audio else None,
        records.file_fingerprint(shot.resolve(d.text)) if d.text else None,
        d.language,
        records.file_fingerprint(shot.resolve(own.lexicon)) if own.lexicon else None,
        [own.transcriber, own.model] if not d.text else None,
    )


def curves_key(shot: Shot) -> str:
    """Fingerprint of everything the computed curves depend on."""
    d = shot.settings.dialogue
    override = shot.override("phones.TextGrid")
    own = shot.settings.speech
    production = calibrates(shot)
    return records.fingerprint(
        align_key(shot),
        [own.smoothing, list(own.gain)],
        [records.file_fingerprint(p) for p in production] if production else None,
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
        report.notes = [*old.get("notes", []), *_older_espeak(report.data)]
        return report
    progress.start(NAME, 2)
    data = dict(old.get("data", {})) if aligned else {}
    notes: list[str] = [n for n in old.get("notes", []) if n != _THEIRS] if aligned else []
    if not aligned:
        audio = speech.load_audio(shot.resolve(d.audio))
        if speech.is_silent(audio):
            raise AudioError(
                f"{d.audio}: the recording is silent (nothing above {speech.SILENCE_DBFS:g} dBFS)",
                mend="check the file and its channel",
            )
        alignment = _align(shot, audio)
        notes = list(alignment.warnings)
        data = {
            "method": alignment.method,
            "rung": alignment.rung,
            "draft": alignment.draft,
            "confidence": alignment.confidence,
            "language": d.language,
            "words": len([w for w in alignment.words if w.label]),
            "word_confidence": speech.word_table(alignment),
            "duration": round(alignment.duration, 3),
        }
        if alignment.method == "align" and d.language != "en" and (version := espeak_version()):
            data["espeak"] = version
        if alignment.draft:
            notes.append(DRAFT)
        speech.write_textgrid(grid_path, alignment)
    # what the file says, to its last digit, now as in every later run
    with mended("delete it and run relip speech again"):
        alignment = speech.read_textgrid(grid_path)
    progress.step()
    check_length(shot, alignment.duration)
    override = shot.override("phones.TextGrid")
    if override:
        alignment = read_phones(shot)
        notes.append(_THEIRS)
    style, learnt = _style(shot, force=force, old=old, notes=notes)
    curves = speech.mouth_curves(
        alignment, frames=shot.frames, rate=shot.rate, offset=d.offset, style=style
    )
    speech.write_mouth_csv(csv_path, shot.frames, curves)
    progress.step()
    report.done = list(shot.frames)
    if learnt is not None:
        data["calibration"] = learnt
    else:
        data.pop("calibration", None)
    report.data, report.notes = data, [*notes, *_older_espeak(data)]
    records.write_record(
        folder,
        {
            "stage": NAME,
            "align_key": want_align,
            "key": want_curves,
            "state": "done",
            "settings": {k: shot.settings.to_dict()[k] for k in ("dialogue", "speech")},
            "data": data,
            "notes": notes,
            "versions": records.versions(),
        },
    )
    progress.finish()
    return report


def _older_espeak(data: dict[str, Any]) -> list[str]:
    """A note where the words were pronounced by another espeak-ng than this machine's.

    The version is no part of :func:`align_key`: a machine of the farm may have another one, or
    none, and must find the shot's alignment up to date.
    """
    made = data.get("espeak")
    here = espeak_version() if made else None
    if here is None or here == made:
        return []
    return [
        f"aligned with the pronunciations of espeak-ng {made}, here is {here}: "
        "relip speech --force aligns anew"
    ]


def _align(shot: Shot, audio: Audio) -> Alignment:
    from relip import speech

    d, own = shot.settings.dialogue, shot.settings.speech
    return speech.align_with(
        audio,
        text_path=shot.resolve(d.text) if d.text else None,
        lang=d.language,
        lexicon_path=shot.resolve(own.lexicon) if own.lexicon else None,
        transcriber=own.transcriber,
        model=own.model,
    )


def calibrates(shot: Shot) -> list[Path]:
    """The files that calibration looks at; none when it is not wanted or not possible yet."""
    d = shot.settings.dialogue
    track = shot.path("track", "track.npz")
    if not (shot.settings.speech.calibrate and d.production_audio and track.exists()):
        return []
    return [shot.resolve(d.production_audio), track]


def _style(
    shot: Shot, *, force: bool, old: dict[str, Any], notes: list[str]
) -> tuple[Style, dict[str, Any] | None]:
    """How the actor speaks, and the calibration's record where there was one."""
    from relip import speech
    from relip.speech.calibrate import actor_visemes, calibrate, hear
    from relip.track.facetrack import FaceTrack

    own, d = shot.settings.speech, shot.settings.dialogue
    style = speech.Style(smoothing=own.smoothing, gain=speech.parse_gains(own.gain))
    notes[:] = [n for n in notes if not n.startswith("calibration: ")]
    if not (own.calibrate and d.production_audio):
        return style, None
    files = calibrates(shot)
    if not files:
        notes.append("calibration: waits for the track stage; the generic mouth shapes are used")
        return style, None
    key = records.fingerprint(
        "calibrate",
        VERSION,
        [records.file_fingerprint(p) for p in files],
        [d.language, str(shot.rate)],
    )
    learnt = old.get("data", {}).get("calibration")
    if force or not learnt or learnt.get("key") != key:
        track = FaceTrack.load(files[1])
        audio = speech.load_audio(files[0])
        lips = np.where(track.visible, track.lip_opening(), np.nan)
        first = int(track.frames[0])
        found = calibrate(
            audio,
            hear(audio, text=None, lang=d.language),
            lips,
            range(first, first + len(lips)),
            shot.rate,
        )
        learnt = {"key": key, **found.to_dict()}
    notes.append(f"calibration: {learnt['reason']}")
    if learnt["accepted"]:
        style = replace(style, visemes=actor_visemes([(n, v) for n, v in learnt["jaw"]]))
    return style, learnt


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
    from relip.speech.script import read_script

    return read_script(shot.resolve(name)).text


def check_length(shot: Shot, duration: float) -> None:
    """Refuse a dialogue longer than the picture, unless ``when_longer`` says otherwise.

    Raises
    ------
    AudioError
        Also, whatever it says, if no frame of the picture has any of the dialogue.
    """
    d = shot.settings.dialogue
    picture = float(Fraction(len(shot.frames)) / shot.rate)
    if d.offset >= picture or duration + d.offset <= 0:
        raise AudioError(
            f"{d.audio}: none of the dialogue lies in the plate: it lasts from {d.offset:.2f} s to "
            f"{duration + d.offset:.2f} s, the plate from 0 to {picture:.2f} s",
            mend="correct the offset (seconds into the plate)",
        )
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
    with mended(again):
        frames, columns = speech.read_mouth_csv(csv_path)
        curves = to_shot(shot, frames, columns, np.zeros((len(shot.frames), 10)), str(csv_path))
    override = shot.override("mouth.csv")
    if override:
        with mended("mend or remove the override"):
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
        with mended("mend or remove the override"):
            return speech.read_textgrid(override)
    with mended("delete it and run relip speech again"):
        return speech.read_textgrid(shot.path("speech", "phones.TextGrid"))


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
    InputError
        If none of its frames is in the shot.
    """
    from relip.speech import MOUTH_CONTROLS

    listed = np.asarray(list(frames), int)
    inside = (listed >= shot.frames.start) & (listed < shot.frames.stop)
    if not inside.any():
        raise InputError(
            f"{where}: none of its frames is in the shot ({shot.frames.start}-{shot.frames[-1]})",
            mend="number its rows like the plate's frames",
        )
    result = base.copy()
    rows = listed[inside] - shot.frames.start
    for name, values in columns.items():
        if name in MOUTH_CONTROLS:
            result[rows, MOUTH_CONTROLS.index(name)] = np.asarray(values)[inside]
    return np.clip(result, 0, 1)
