"""``relip align AUDIO``: speech alone, no shot."""

from __future__ import annotations

import argparse
from pathlib import Path

from relip.commands.common import add_common
from relip.commands.result import Result
from relip.errors import AudioError, TranscriptError


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser."""
    text = "align a recording with its transcript: a Praat TextGrid"
    parser = subparsers.add_parser("align", help=text, description=text)
    parser.add_argument("audio", metavar="AUDIO", help="a recording, or a movie's sound")
    parser.add_argument("--text", metavar="FILE", help="its transcript, plain text")
    parser.add_argument("--lang", default="en", metavar="L", help="its language (default: en)")
    parser.add_argument("-o", "--out", required=True, metavar="OUT.TextGrid")
    parser.add_argument("--plot", metavar="OUT.png", help="draw waveform, phones and mouth curves")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Align."""
    from fractions import Fraction

    from relip import speech
    from relip.frames import frames_for_duration

    text = None
    if args.text:
        try:
            text = Path(args.text).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as exc:
            reason = getattr(exc, "strerror", None) or "not UTF-8"
            raise TranscriptError(
                f"{args.text}: cannot be read as text: {reason}", mend="check --text"
            ) from None
    audio = speech.load_audio(args.audio)
    if speech.is_silent(audio):
        raise AudioError(f"{args.audio}: the recording is silent", mend="check the file")
    alignment = speech.align(audio, text=text, lang=args.lang)
    speech.write_textgrid(args.out, alignment)
    if args.plot:
        rate = Fraction(100)
        frames = range(0, max(frames_for_duration(audio.duration, rate), 1))
        curves = speech.mouth_curves(alignment, frames=frames, rate=rate)
        speech.plot_speech(args.plot, audio, alignment, frames, rate, curves)
    words = [w for w in alignment.words if w.label]
    data = {
        "out": args.out,
        "method": alignment.method,
        "rung": alignment.rung,
        "draft": alignment.draft,
        "confidence": alignment.confidence,
        "words": [[w.label, w.start, w.end] for w in words],
        "warnings": list(alignment.warnings),
    }
    lines = [f"{args.out}: {len(words)} words, {alignment.method} ({alignment.rung})"]
    lines += [f"warning: {w}" for w in alignment.warnings]
    return Result(data, "\n".join(lines))
