"""Recognisers of a studio's own, by the entry point group ``relip.transcribers``.

A plug-in's entry point names a function ``make(model: str) -> transcriber``;
the transcriber takes the recording (:class:`relip.speech.Audio`, 16 kHz mono)
and a language code, and returns the words as text. One adapter is built in:
``faster-whisper``, for a model in a folder that the user names. Nothing is
ever fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from relip.errors import ModelError, SettingError
from relip.speech.audio import Audio

GROUP = "relip.transcribers"

#: Recording and language code in, text out.
Transcriber = Callable[[Audio, str], str]


def find_transcriber(name: str, model: str = "") -> Transcriber:
    """The transcriber of a name.

    Parameters
    ----------
    name : str
        ``faster-whisper``, or the name of an installed entry point.
    model : str
        Path or name of its model, whatever the plug-in makes of it.

    Raises
    ------
    SettingError
        If no plug-in has the name; the message lists those there are.
    ModelError
        If the plug-in cannot be loaded or lacks its model.
    """
    points = {p.name: p for p in metadata.entry_points(group=GROUP)}
    if name in points:
        try:
            return points[name].load()(model)
        except (ModelError, SettingError):
            raise
        except Exception as error:  # another's code: whatever it raises is told by its name
            raise ModelError(
                f"the transcriber {name!r} ({points[name].value}) cannot be loaded: "
                f"{type(error).__name__}: {error}",
                mend="mend or uninstall the plug-in, or leave --transcriber out",
            ) from None
    if name == "faster-whisper":
        return _faster_whisper(model)
    known = ", ".join(sorted({*points, "faster-whisper"}))
    raise SettingError(f"the transcriber {name!r} is unknown", mend=f"installed: {known}")


def _faster_whisper(model: str) -> Transcriber:
    if not model:
        raise SettingError(
            "the transcriber faster-whisper needs a model",
            mend="name the folder of a CTranslate2 Whisper model with --speech-model",
        )
    folder = Path(model).expanduser()
    if not (folder / "model.bin").is_file():
        raise ModelError(
            f"{folder} holds no CTranslate2 model (no model.bin)",
            mend="convert one with ct2-transformers-converter, or name its folder",
        )
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise ModelError(
            f"faster-whisper cannot be loaded: {error}", mend="pip install faster-whisper"
        ) from None
    try:
        whisper = WhisperModel(str(folder), device="cpu", compute_type="int8")
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(f"the model in {folder} cannot be loaded: {error}") from None

    def hear(audio: Audio, language: str) -> str:
        # Whisper calls Mandarin zh.
        code = {"cmn": "zh"}.get(language, language.split("-")[0])
        segments, _ = whisper.transcribe(audio.samples, language=code, beam_size=5)
        return " ".join(segment.text.strip() for segment in segments)

    return hear
