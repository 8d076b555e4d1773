"""What the dialogue says, from any file that people keep it in, and the alignment to any they want.

Plain text, SRT and WebVTT are transcripts; a TextGrid and Rhubarb's TSV or
JSON already know when each phone is said and are taken as they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from relip.errors import TranscriptError
from relip.records import write_text
from relip.speech import rhubarb, subtitles
from relip.speech.aligner import align
from relip.speech.alignment import Alignment
from relip.speech.asides import spoken
from relip.speech.audio import Audio
from relip.speech.confidence import colour
from relip.speech.pronunciation import read_lexicon
from relip.speech.subtitles import Cue
from relip.speech.textfile import read_text
from relip.speech.textgrid import read_textgrid, write_textgrid
from relip.speech.transcribers import find_transcriber


class Script(NamedTuple):
    """The words, and what the file says about their times.

    Attributes
    ----------
    text : str
    cues : list of Cue
        Subtitles; empty for other files.
    alignment : Alignment or None
        The phones with their times, where the file has them.
    """

    text: str
    cues: list[Cue]
    alignment: Alignment | None


def read_script(path: str | Path) -> Script:
    """Read a transcript of any kind, by the ending of its name.

    Of plain text and subtitles only what is said: see :func:`relip.speech.asides.spoken`.

    Raises
    ------
    TranscriptError, InputError
        If it cannot be read or is empty.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in subtitles.SUFFIXES:
        cues = subtitles.read_subtitles(path)
        return Script(" ".join(c.text for c in cues), cues, None)
    if suffix == ".textgrid":
        found = read_textgrid(path)
        return Script(" ".join(w.label for w in found.words if w.label), [], found)
    if suffix in rhubarb.SUFFIXES:
        return Script("", [], rhubarb.read_rhubarb(path))
    text = read_text(path, TranscriptError, mend="check --text")
    if text.startswith("{\\rtf"):
        raise TranscriptError(f"{path}: RTF, no plain text", mend="save it as plain text in UTF-8")
    if not text.strip():
        raise TranscriptError(
            f"{path}: the transcript is empty", mend="leave --text out or fill it"
        )
    # a text that stands in brackets as a whole is said
    said = spoken(text)
    return Script(said if any(c.isalnum() for c in said) else text, [], None)


def align_with(
    audio: Audio,
    *,
    text_path: Path | None,
    lang: str = "en",
    lexicon_path: Path | None = None,
    transcriber: str = "",
    model: str = "",
) -> Alignment:
    """:func:`relip.speech.align` with its inputs by name.

    Raises
    ------
    RelipError
        As :func:`relip.speech.align`, :func:`read_script`,
        :func:`relip.speech.read_lexicon` and
        :func:`relip.speech.find_transcriber` do.
    """
    script = read_script(text_path) if text_path else None
    if script is not None and script.alignment is not None:
        found = script.alignment
        if abs(found.duration - audio.duration) > 0.5:
            raise TranscriptError(
                f"{text_path} is {found.duration:.2f} s long, the dialogue {audio.duration:.2f} s",
                mend="give the phones of this recording",
            )
        return found
    lexicon = read_lexicon(lexicon_path) if lexicon_path else None
    hears = find_transcriber(transcriber, model) if transcriber and not script else None
    try:
        return align(
            audio,
            text=script.text if script else None,
            cues=script.cues if script else (),
            lang=lang,
            lexicon=lexicon,
            transcriber=hears,
        )
    except TranscriptError as error:
        if text_path is None:
            raise
        raise TranscriptError(f"{text_path}: {error.message}", mend=error.mend) from None


def word_table(alignment: Alignment) -> list[dict[str, Any]]:
    """Every word with its times, its chance to be right and the colour of it."""
    words = [w for w in alignment.words if w.label]
    confidences: list[float | None] = list(alignment.word_confidences)
    confidences = confidences if len(confidences) == len(words) else [None] * len(words)
    return [
        {
            "word": w.label,
            "start": round(w.start, 6),
            "end": round(w.end, 6),
            "confidence": None if c is None else round(c, 3),
            "colour": None if c is None else colour(c),
        }
        for w, c in zip(words, confidences, strict=True)
    ]


def write_alignment(path: str | Path, alignment: Alignment, *, sound: str = "") -> None:
    """Write an alignment in the format that the name asks for.

    ``.TextGrid``, ``.tsv`` (Rhubarb), ``.rhubarb.json`` (Rhubarb), ``.json``
    (all that is known), ``.srt`` or ``.vtt``.

    Raises
    ------
    TranscriptError
        If no format has the ending.
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".textgrid":
        write_textgrid(path, alignment)
    elif suffix == ".tsv" or path.name.lower().endswith(".rhubarb.json"):
        rhubarb.write_rhubarb(path, alignment, sound)
    elif suffix in subtitles.SUFFIXES:
        subtitles.write_subtitles(path, subtitles.subtitle_cues(alignment))
    elif suffix == ".json":
        write_text(path, json.dumps(as_dict(alignment), indent=1, ensure_ascii=False) + "\n")
    else:
        raise TranscriptError(
            f"{path}: no format of phones has the ending {path.suffix!r}",
            mend="use .TextGrid, .tsv, .rhubarb.json, .json, .srt or .vtt",
        )


def as_dict(alignment: Alignment) -> dict[str, Any]:
    """An alignment for JSON."""
    seen = alignment.seen()
    return {
        "duration": round(alignment.duration, 6),
        "method": alignment.method,
        "rung": alignment.rung,
        "draft": alignment.draft,
        "confidence": alignment.confidence,
        "words": word_table(alignment),
        "phones": [
            {
                "phone": p.label,
                "ipa": s.label if s.label != p.label else None,
                "start": round(p.start, 6),
                "end": round(p.end, 6),
            }
            for p, s in zip(alignment.phones, seen, strict=True)
        ],
        "warnings": list(alignment.warnings),
    }
