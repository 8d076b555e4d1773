"""Makes the demo: plate, new dialogue with its known phones, and the truth."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from relip.demo.curves import voice_file
from relip.demo.output import write_movie, write_sequence, write_wave
from relip.demo.scene import SIZE, Scene
from relip.errors import SettingError, ShotError
from relip.frames import parse_rate
from relip.progress import Progress
from relip.records import (
    atomic_path,
    file_fingerprint,
    fingerprint,
    output_error,
    read_json,
    write_json,
    write_npz,
)

#: Changes when the pictures change.
_VERSION = 1

#: Seconds of a demo: the plate's voice is 7.18 s long.
SECONDS = 7.2
_LONGEST = 600.0


@dataclass(frozen=True)
class Demo:
    """The files of a demo.

    Attributes
    ----------
    plate : Path
        The movie, H.264 with the plate's voice as AAC.
    audio, text, textgrid : Path
        The new dialogue: 16 kHz wave file, transcript, words and phones with known times.
    truth : Path
        Arrays over the plate's F frames, see :func:`truth_arrays`.
    """

    plate: Path
    audio: Path
    text: Path
    textgrid: Path
    truth: Path


def make_demo(
    folder: str | Path,
    *,
    seconds: float = SECONDS,
    fps: Fraction = Fraction(25),
    size: int = SIZE,
    seed: int = 0,
    progress: Progress | None = None,
) -> Demo:
    """Make the demo in a folder, or find it there already made.

    Parameters
    ----------
    folder : path
        Made if it is missing.
    seconds : float
        Length of the plate; beyond 7.18 s its voice begins again.
    fps : Fraction
    size : int
        Side of the square plate in pixels; the face is a third of it wide.
    seed : int
        Changes the camera's and head's motion and the grain.
    progress : Progress, optional

    Returns
    -------
    Demo

    Raises
    ------
    SettingError
        If the length, rate, size or seed is out of range.
    OutputError
        If the folder cannot be written.
    """
    fps = parse_rate(fps)
    if not 0.04 <= seconds <= _LONGEST:
        raise SettingError(f"a demo of {seconds} s is outside 0.04 to {_LONGEST:g} s")
    scene = Scene(max(1, round(Fraction(seconds) * fps)), fps, size=size, seed=seed)
    folder = Path(folder)
    demo = Demo(
        folder / "plate.mp4",
        folder / "dialogue.wav",
        folder / "dialogue.txt",
        folder / "dialogue.TextGrid",
        folder / "truth.npz",
    )
    made = (demo.plate, demo.audio, demo.text, demo.textgrid, demo.truth)
    key = fingerprint(
        _VERSION, str(fps), size, seed, scene.controls,
        [file_fingerprint(voice_file(f"{v}.{s}")) for v in ("plate", "dialogue")
         for s in ("flac", "txt", "TextGrid")],
    )  # fmt: skip
    record_path = folder / "demo.json"
    if _is_made(record_path, key, made):
        return demo
    try:
        folder.mkdir(parents=True, exist_ok=True)
        record_path.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    progress = progress or Progress("none")
    progress.start("demo", scene.n_frames)
    _write_dialogue(demo)
    write_npz(demo.truth, **truth_arrays(scene))
    write_movie(demo.plate, scene, progress)
    write_json(
        record_path, {"fingerprint": key, "files": {p.name: file_fingerprint(p) for p in made}}
    )
    progress.finish()
    return demo


def make_plate(
    path: str | Path,
    *,
    n_frames: int = 30,
    fps: Fraction = Fraction(25),
    size: int = 360,
    seed: int = 0,
    controls: np.ndarray | None = None,
    faceless_frames: Collection[int] = (),
    exr: bool = False,
    first: int = 1001,
    colourspace: str = "ACEScg",
    half: bool = True,
    truth: str | Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Make a plate alone: small and short by default, for tests.

    Parameters
    ----------
    path : path
        A ``.mp4``; with ``exr`` a pattern such as ``plate.####.exr``.
    n_frames : int
    fps : Fraction
    size : int
        Side of the square picture in pixels; a face needs about 200 to be found.
    seed : int
    controls : ndarray, (n_frames, 10), optional
        Mouth controls; by default those of the plate's own voice.
    faceless_frames : collection of int
        Frames (from 0) in which a flat grey card hides the face; it slides in over the two
        frames before and out over the two after.
    exr : bool
        A scene-linear EXR sequence with time code and metadata, instead of a movie.
    first : int
        Number of the sequence's first file.
    colourspace : str
        The sequence's, for example ``"ACEScg"`` or ``"Linear Rec.709 (sRGB)"``.
    half : bool
        Half floats in the sequence, else floats.
    truth : path, optional
        Where to write the truth as ``.npz``.
    progress : Progress, optional

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    SettingError
        If a number is out of range or the path does not fit the kind of plate.
    OutputError
        If it cannot be written.
    """
    path = Path(path)
    scene = Scene(
        n_frames, parse_rate(fps), size=size, seed=seed, controls=controls,
        faceless_frames=faceless_frames,
    )  # fmt: skip
    if path.suffix.lower() != (".exr" if exr else ".mp4"):
        raise SettingError(f"{path} does not end in {'.exr' if exr else '.mp4'}")
    progress = progress or Progress("none")
    progress.start("demo", n_frames)
    if exr:
        write_sequence(path, scene, progress, first=first, colourspace=colourspace, half=half)
    else:
        write_movie(path, scene, progress)
    if truth is not None:
        write_npz(Path(truth), **truth_arrays(scene))
    progress.finish()
    return path


def truth_arrays(scene: Scene) -> dict[str, np.ndarray]:
    """The truth of all F frames of a scene, float64, positions in plate pixels.

    Returns
    -------
    dict
        ``controls`` (F, 10); ``opening`` (F,) the inner lips' gap at their centre;
        ``inner_lips`` and ``outer_lips`` (F, 20, 2) and ``jaw`` (F, 21, 2), whose FaceMesh
        indices are in ``inner_lips_index``, ``outer_lips_index`` and ``jaw_index``; ``rigid``
        (F, 2, 3) still coordinates of the upper face to the plate; ``face_width`` (F,);
        ``covered`` (F,) how much of the face the card hides; ``fps`` (2,) numerator and
        denominator.
    """
    from relip.demo.portrait import INNER_LIPS, JAW, OUTER_LIPS

    frames = [scene.truth(i) for i in range(scene.n_frames)]
    names = ("controls", "opening", "inner_lips", "outer_lips", "jaw", "rigid", "face_width",
             "covered")  # fmt: skip
    arrays = {name: np.array([getattr(f, name) for f in frames], np.float64) for name in names}
    arrays["inner_lips_index"] = np.array(INNER_LIPS)
    arrays["outer_lips_index"] = np.array(OUTER_LIPS)
    arrays["jaw_index"] = np.array(JAW)
    arrays["fps"] = np.array((scene.fps.numerator, scene.fps.denominator))
    return arrays


def _write_dialogue(demo: Demo) -> None:
    from relip.speech.audio import load_audio

    sound = load_audio(voice_file("dialogue.flac"))
    write_wave(demo.audio, sound.samples, sound.rate)
    for target in (demo.text, demo.textgrid):
        with atomic_path(target) as temporary:
            shutil.copyfile(voice_file(target.name), temporary)


def _is_made(record_path: Path, key: str, made: tuple[Path, ...]) -> bool:
    try:
        record = read_json(record_path)
    except ShotError:
        return False
    if not isinstance(record, dict) or record.get("fingerprint") != key:
        return False
    files = record.get("files")
    return isinstance(files, dict) and all(
        path.is_file() and files.get(path.name) == file_fingerprint(path) for path in made
    )
