"""Synthetic voices whose phone times are known: material for ``bench/speech.py``.

    python bench/voices.py FOLDER [--languages it,fr,...]

Writes, for every sentence of ``sentences.csv``, a WAV file and a CSV of its
phones (seconds, seconds, IPA) spoken by eSpeak NG, and, where Debian's festival
voices for Italian, Czech, Finnish, Russian and English are installed, by them.
Nothing of it is part of Relip: the voices are GPL or of mixed licences, and are
made anew on each machine. This file runs as a process of its own.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import ctypes.util
import re
import shutil
import subprocess
import sys
import wave
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSION = "1"

#: eSpeak's voices where they are not called like the language.
ESPEAK = {"en": "en-us", "cmn": "cmn-latn-pinyin"}
#: Variants of the voices: male, female.
VARIANTS = ("", "+f2")

#: Festival's voices: language, its name, encoding of its text.
FESTIVAL = (
    ("it", "voice_lp_diphone", "iso-8859-15"),
    ("it", "voice_pc_diphone", "iso-8859-15"),
    ("cs", "voice_czech_dita", "iso-8859-2"),
    ("fi", "voice_suo_fi_lj_diphone", "iso-8859-15"),
    ("fi", "voice_hy_fi_mv_diphone", "iso-8859-15"),
    ("ru", "voice_msu_ru_nsh_clunits", "utf-8"),
    ("en", "voice_kal_diphone", "ascii"),
    ("en", "voice_cmu_us_slt_arctic_hts", "ascii"),
)


class _Id(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
_PHONEME, _TERMINATED = 7, 0


class Espeak:
    """The eSpeak NG library, for its phoneme events."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise RuntimeError("libespeak-ng is not installed")
        self.lib = ctypes.CDLL(name)
        self.rate = self.lib.espeak_Initialize(2, 0, None, 3)  # synchronous; phonemes as IPA
        self.samples = bytearray()
        self.events: list[tuple[float, str]] = []
        self._hear = _CALLBACK(self._callback)
        self.lib.espeak_SetSynthCallback(self._hear)

    def _callback(self, samples, count: int, events) -> int:  # type: ignore[no-untyped-def]
        if samples and count > 0:
            self.samples += ctypes.string_at(samples, 2 * count)
        index = 0
        while events[index].type != _TERMINATED:
            event = events[index]
            if event.type == _PHONEME:
                raw = ctypes.string_at(ctypes.addressof(event) + _Event.id.offset, 8).split(b"\0")[
                    0
                ]
                self.events.append((event.audio_position / 1000, raw.decode("utf-8", "ignore")))
            index += 1
        return 0

    def say(self, text: str, voice: str) -> tuple[bytes, list[tuple[float, float, str]]]:
        """16-bit samples and phones."""
        self.samples, self.events = bytearray(), []
        if self.lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(f"eSpeak has no voice {voice}")
        data = text.encode() + b"\0"
        self.lib.espeak_Synth(data, len(data), 0, 1, 0, 1, None, None)
        self.lib.espeak_Synchronize()
        end = len(self.samples) / 2 / self.rate
        starts = [t for t, _ in self.events] + [end]
        phones = [
            (start, stop, label)
            for (start, label), stop in zip(self.events, starts[1:], strict=True)
            if stop > start
        ]
        return bytes(self.samples), phones


def festival(text: str, voice: str, encoding: str, wav: Path) -> list[tuple[float, float, str]]:
    """Let festival speak; its phones in its own letters."""
    segments = wav.with_suffix(".seg")
    script = wav.with_suffix(".scm")
    quoted = text.replace('"', "").replace("«", "").replace("»", "")
    script.write_bytes(
        (
            f'({voice})\n(set! u (utt.synth (Utterance Text "{quoted}")))\n'
            f'(utt.save.wave u "{wav}" "riff")\n(utt.save.segs u "{segments}")\n'
        ).encode(encoding)
    )
    subprocess.run(
        ["festival", "--batch", str(script)], check=True, capture_output=True, timeout=60
    )
    phones = []
    last = 0.0
    for line in segments.read_text("latin-1").splitlines():
        parts = line.split()
        if len(parts) >= 3 and re.fullmatch(r"[\d.]+", parts[0]):
            phones.append((last, float(parts[0]), parts[2]))
            last = float(parts[0])
    script.unlink()
    segments.unlink()
    return phones


def _write(path: Path, phones: list[tuple[float, float, str]], text: str, spoken: str) -> None:
    with open(path, "w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(("start", "end", "phone"))
        writer.writerows((f"{a:.6f}", f"{b:.6f}", p) for a, b, p in phones)
    path.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
    path.with_suffix(".said").write_text(spoken + "\n", encoding="utf-8")


def main() -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--languages")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    chosen = options.languages.split(",") if options.languages else None
    with open(HERE / "sentences.csv", encoding="utf-8") as handle:
        rows = [r for r in csv.DictReader(handle) if not chosen or r["language"] in chosen]
    numbers: dict[str, int] = {}
    voice: Espeak | None = None
    try:
        voice = Espeak()
    except (RuntimeError, OSError) as error:
        print(f"no eSpeak voices: {error}", file=sys.stderr)
    for row in rows:
        lang, text = row["language"], row["text"]
        number = numbers[lang] = numbers.get(lang, 0) + 1
        if voice is not None:
            said = text
            if lang == "cmn":
                from pypinyin import Style, pinyin

                tones = pinyin(text, style=Style.TONE3, neutral_tone_with_five=True)
                said = " ".join(t[0] for t in tones).replace("v", "ü")
            for variant in VARIANTS:
                name = f"{lang}_espeak{variant.replace('+', '_')}_{number}.csv"
                path = options.folder / name
                if path.exists():
                    continue
                samples, phones = voice.say(said, ESPEAK.get(lang, lang) + variant)
                with wave.open(str(path.with_suffix(".wav")), "wb") as out:
                    out.setparams((1, 2, voice.rate, 0, "NONE", ""))
                    out.writeframes(samples)
                _write(path, phones, text, said)
        if shutil.which("festival"):
            for language, name, encoding in FESTIVAL:
                path = options.folder / f"{lang}_festival_{name[6:]}_{number}.csv"
                if language != lang or path.exists():
                    continue
                try:
                    phones = festival(text, name, encoding, path.with_suffix(".wav"))
                except (subprocess.SubprocessError, UnicodeEncodeError, OSError) as error:
                    print(f"{path.name}: not made: {error}", file=sys.stderr)
                    path.with_suffix(".wav").unlink(missing_ok=True)
                    continue
                _write(path, phones, text, text)


if __name__ == "__main__":
    main()
