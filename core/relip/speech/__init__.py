"""Speech: audio to words and phones, to visemes, to mouth controls.

Importing this package is cheap; PyAV, PocketSphinx, librosa, SciPy and
Matplotlib are loaded by the functions that need them.
"""

from relip.speech.aligner import align
from relip.speech.alignment import Alignment, Interval, silences
from relip.speech.arkit import read_arkit_csv
from relip.speech.audio import SILENCE_DBFS, Audio, is_silent, load_audio
from relip.speech.curves import Style, closures, mouth_curves, opening, parse_gains
from relip.speech.mouth_csv import curves_array, read_mouth_csv, write_mouth_csv
from relip.speech.nuke_curves import read_nuke_curves, write_nuke_curves
from relip.speech.plot import plot_speech
from relip.speech.pronunciation import read_lexicon
from relip.speech.rhubarb import read_rhubarb, write_rhubarb
from relip.speech.script import align_with, word_table, write_alignment
from relip.speech.subtitles import read_subtitles, write_subtitles
from relip.speech.textgrid import format_textgrid, read_textgrid, write_textgrid
from relip.speech.transcribers import find_transcriber
from relip.speech.transcript import normalise
from relip.speech.visemes import MOUTH_CONTROLS, viseme_table

__all__ = [
    "MOUTH_CONTROLS",
    "SILENCE_DBFS",
    "Alignment",
    "Audio",
    "Interval",
    "Style",
    "align",
    "align_with",
    "find_transcriber",
    "read_nuke_curves",
    "read_rhubarb",
    "read_subtitles",
    "word_table",
    "write_alignment",
    "write_nuke_curves",
    "write_rhubarb",
    "write_subtitles",
    "closures",
    "curves_array",
    "format_textgrid",
    "is_silent",
    "load_audio",
    "mouth_curves",
    "normalise",
    "opening",
    "parse_gains",
    "plot_speech",
    "read_arkit_csv",
    "read_lexicon",
    "read_mouth_csv",
    "read_textgrid",
    "silences",
    "viseme_table",
    "write_mouth_csv",
    "write_textgrid",
]
