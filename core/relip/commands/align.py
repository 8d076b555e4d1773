"""``relip align AUDIO``: speech alone, no shot."""

from __future__ import annotations

import argparse
from pathlib import Path

from relip.commands.common import add_common, add_hearing, add_speaking
from relip.commands.result import Result
from relip.errors import AudioError, SettingError


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser."""
    text = "align a recording with its transcript: a Praat TextGrid"
    parser = subparsers.add_parser("align", help=text, description=text)
    parser.add_argument("audio", metavar="AUDIO", help="a recording, or a movie's sound")
    parser.add_argument(
        "--text", metavar="FILE", help="its transcript: plain text, SRT, VTT; or TextGrid, Rhubarb"
    )
    parser.add_argument(
        "--lang", default="en", metavar="L", help="its language: en, es, ja, cmn ... (default: en)"
    )
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="OUT.TextGrid",
        help="or .tsv, .rhubarb.json (Rhubarb), .json (all that is known), .srt, .vtt",
    )
    add_hearing(parser.add_argument_group("hearing"))
    group = parser.add_argument_group("mouth curves")
    group.add_argument("--curves", metavar="FILE", help="write them: .csv, or .nk for Nuke")
    group.add_argument("--fps", default="24", metavar="RATE", help="their frame rate (default: 24)")
    group.add_argument(
        "--first", type=int, default=1001, metavar="N", help="their first frame (default: 1001)"
    )
    add_speaking(group)
    parser.add_argument("--plot", metavar="OUT.png", help="draw waveform, phones and mouth curves")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Align."""
    from fractions import Fraction

    from relip import speech
    from relip.frames import frames_for_duration, parse_rate
    from relip.speech.stage import DRAFT

    style = speech.Style(args.articulation, args.smoothing, speech.parse_gains(args.gain))
    rate = parse_rate(args.fps)
    curves_kind = Path(args.curves).suffix.lower() if args.curves else ""
    if args.curves and curves_kind not in (".csv", ".nk"):
        raise SettingError(f"{args.curves}: curves are written as .csv or .nk")
    audio = speech.load_audio(args.audio)
    if speech.is_silent(audio):
        raise AudioError(f"{args.audio}: the recording is silent", mend="check the file")
    alignment = speech.align_with(
        audio,
        text_path=Path(args.text) if args.text else None,
        lang=args.lang,
        lexicon_path=Path(args.lexicon) if args.lexicon else None,
        transcriber=args.transcriber or "",
        model=args.speech_model or "",
    )
    speech.write_alignment(args.out, alignment, sound=str(args.audio))
    if args.plot:
        fine = Fraction(100)
        frames = range(0, max(frames_for_duration(audio.duration, fine), 1))
        curves = speech.mouth_curves(alignment, frames=frames, rate=fine, style=style)
        speech.plot_speech(args.plot, audio, alignment, frames, fine, curves)
    if args.curves:
        count = max(frames_for_duration(audio.duration, rate), 1)
        frames = range(args.first, args.first + count)
        curves = speech.mouth_curves(alignment, frames=frames, rate=rate, style=style)
        write = speech.write_nuke_curves if curves_kind == ".nk" else speech.write_mouth_csv
        write(args.curves, frames, curves)
    words = [w for w in alignment.words if w.label]
    data = {
        "out": args.out,
        "method": alignment.method,
        "rung": alignment.rung,
        "draft": alignment.draft,
        "confidence": alignment.confidence,
        "words": [[w.label, w.start, w.end] for w in words],
        "word_confidence": speech.word_table(alignment),
        "warnings": list(alignment.warnings),
    }
    lines = [f"{args.out}: {len(words)} words, {alignment.method} ({alignment.rung})"]
    lines += [DRAFT] if alignment.draft else []
    lines += [f"warning: {w}" for w in alignment.warnings]
    return Result(data, "\n".join(lines))
