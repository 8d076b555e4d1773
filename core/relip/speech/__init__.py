"""Speech: audio to words and phones, to visemes, to mouth controls.

Importing this package is cheap; PyAV, PocketSphinx, librosa, SciPy and
Matplotlib are loaded by the functions that need them.
"""

from relip.speech.aligner import align
from relip.speech.alignment import Alignment, Interval, silences
from relip.speech.arkit import read_arkit_csv
from relip.speech.audio import SILENCE_DBFS, Audio, is_silent, load_audio
from relip.speech.curves import closures, mouth_curves, opening
from relip.speech.mouth_csv import curves_array, read_mouth_csv, write_mouth_csv
from relip.speech.plot import plot_speech
from relip.speech.textgrid import format_textgrid, read_textgrid, write_textgrid
from relip.speech.transcript import normalise
from relip.speech.visemes import MOUTH_CONTROLS, viseme_table

__all__ = [
    "MOUTH_CONTROLS",
    "SILENCE_DBFS",
    "Alignment",
    "Audio",
    "Interval",
    "align",
    "closures",
    "curves_array",
    "format_textgrid",
    "is_silent",
    "load_audio",
    "mouth_curves",
    "normalise",
    "opening",
    "plot_speech",
    "read_arkit_csv",
    "read_mouth_csv",
    "read_textgrid",
    "silences",
    "viseme_table",
    "write_mouth_csv",
    "write_textgrid",
]
