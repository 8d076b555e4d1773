"""Shot: what to do, and the shot folder on disk."""

from __future__ import annotations

import dataclasses
import os
import reprlib
import sys
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from relip import containment, pathmap, records
from relip.errors import (
    FrameRangeError,
    InputError,
    PlateError,
    SettingError,
    ShotError,
    reason,
)
from relip.frames import format_range, frames_for_duration, parse_range, parse_rate

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable

    from relip.plate import Plate

FORMAT_VERSION = 1
SUFFIX = ".relip"

DRIVES = ("speech", "track", "csv", "video")
QUALITIES = ("draft", "default", "final")

#: Minutes of training of each quality on two laptop-class cores, for the help texts.
QUALITY_MINUTES = {"draft": 2, "default": 11, "final": 32}

#: Sides of the picture the network draws; 0: by the width of the face.
CROPS = (0, 256, 512)
WHEN_LONGER = ("error", "trim", "pingpong")
LAYERS = ("raw", "stmap")
POLICIES = ("error", "hold", "skip")
INTERLACED = ("error", "progressive")
OVERRIDES = ("replace", "multiply")


@dataclass(frozen=True)
class PlateSettings:
    """Which pictures: a movie, or a sequence (``name.####.exr``)."""

    path: str = ""
    frames: str = ""
    fps: str = ""
    colourspace: str = ""
    missing: str = "error"
    duplicates: str = "hold"
    interlaced: str = "error"

    def check(self) -> None:
        _choice("plate.missing", self.missing, POLICIES)
        _choice("plate.duplicates", self.duplicates, POLICIES)
        _choice("plate.interlaced", self.interlaced, INTERLACED)


@dataclass(frozen=True)
class DialogueSettings:
    """What is said: the new recording, its transcript and where it begins (seconds)."""

    audio: str = ""
    text: str = ""
    language: str = "en"
    production_audio: str = ""
    offset: float = 0.0
    when_longer: str = "error"

    def check(self) -> None:
        _choice("dialogue.when_longer", self.when_longer, WHEN_LONGER)
        _inside("dialogue.offset", self.offset, -86400, 86400)


@dataclass(frozen=True)
class SpeechSettings:
    """How the dialogue is heard and spoken; see ``relip.speech.Style``."""

    smoothing: float = 1.0
    gain: tuple[str, ...] = ()
    lexicon: str = ""
    calibrate: bool = True
    transcriber: str = ""
    model: str = ""

    def check(self) -> None:
        from relip.speech.curves import parse_gains

        _inside("speech.smoothing", self.smoothing, 0.0, 3.0)
        parse_gains(self.gain)


@dataclass(frozen=True)
class TrackSettings:
    """Whose face, and how it is followed.

    ``face`` is ``X,Y@FRAME`` or a box ``X0,Y0,X1,Y1@FRAME`` in plate pixels
    from the top left, by default the largest; ``ramp`` the frames over which
    the edit comes and goes where the plate passes through; ``backend`` the
    landmark model; ``pixel_aspect`` the width over the height of the plate's
    pixels as shown, where its header is wrong or says nothing (0: as it says).
    """

    face: str = ""
    ramp: int = 5
    backend: str = "auto"
    pixel_aspect: float = 0.0

    def check(self) -> None:
        from relip.track import square
        from relip.track.backend import BACKENDS
        from relip.track.people import parse_choice

        parse_choice(self.face)
        _inside("track.ramp", self.ramp, 0, 100)
        _choice("track.backend", self.backend, BACKENDS)
        if self.pixel_aspect:
            _inside("track.pixel_aspect", self.pixel_aspect, square.LEAST, square.MOST)


@dataclass(frozen=True)
class MaskSettings:
    """The edited region; lengths as a share of the face width.

    ``occlusion``: look for what stands before the face and leave it to the plate.
    ``override``: an artist's matte replaces the stage's own, or multiplies it.
    ``parser``: a parsing network of a models.toml (:mod:`relip.mask.external`).
    """

    grow: float = 0.0
    feather: float = 0.045
    jaw: float = 0.10
    sides: float = 0.04
    occlusion: bool = True
    override: str = "replace"
    parser: str = ""

    def check(self) -> None:
        _choice("mask.override", self.override, OVERRIDES)
        _inside("mask.grow", self.grow, -0.1, 0.3)
        _inside("mask.feather", self.feather, 0.005, 0.3)
        _inside("mask.jaw", self.jaw, 0.0, 0.4)
        _inside("mask.sides", self.sides, 0.0, 0.4)


@dataclass(frozen=True)
class TrainSettings:
    """How the shot's network is trained.

    ``frames`` limits what it learns from, ``extra`` names more plates of the
    same actor to learn from, ``model_from`` a shot of the same actor whose
    network it begins with. ``held_out`` is the share of the frames kept back
    for the check at the end; ``patience``, in steps, ends a training early
    that no longer gains on them (0: never). ``preview`` is the seconds
    between two pictures of its progress (0: none). ``crop`` is the side in
    pixels of the picture it draws, 0 to choose 256 or, for a face wider than
    220 pixels, 512. ``precision`` is what it computes in while it is trained:
    ``auto`` is bfloat16 where the device has instructions for it, else float32.
    """

    quality: str = "default"
    steps: int = 0
    frames: str = ""
    seed: int = 0
    device: str = "auto"
    working: str = "auto"
    model_from: str = ""
    extra: tuple[str, ...] = ()
    held_out: float = 0.02
    patience: int = 0
    preview: float = 15.0
    crop: int = 0
    precision: str = "auto"

    def check(self) -> None:
        if self.crop not in CROPS:
            raise SettingError(f"train.crop = {self.crop}", mend="give 0 (by the face), 256 or 512")
        _inside("train.held_out", self.held_out, 0.0, 0.2)
        _inside("train.patience", self.patience, 0, 1_000_000)
        _inside("train.preview", self.preview, 0.0, 3600.0)
        if self.patience and not self.held_out:
            raise SettingError(
                "train.patience needs frames to judge by", mend="set train.held_out above 0"
            )
        _choice("train.quality", self.quality, QUALITIES)
        _choice("train.device", self.device, ("auto", "cpu", "cuda", "mps"))
        _choice("train.precision", self.precision, ("auto", "float32", "bfloat16"))
        _inside("train.steps", self.steps, 0, 1_000_000)


@dataclass(frozen=True)
class RenderSettings:
    """What drives the mouth, which renderer draws it, and which extra layers the patches carry.

    ``renderer`` is ``shot``, the shot's own network, or the name of a model
    in ``models``, a models.toml. ``detail`` says how much of the plate is
    kept under the matte: its skin detail, and itself where the new mouth
    changes nothing; with 0 all is drawn. ``grain`` and ``defocus`` say how
    far the plate's are matched in the patch. ``teeth`` says how much of the fine band
    inside the mouth comes from frames of the shot with the same lips.
    """

    drive: str = "speech"
    csv: str = ""
    articulation: float = 1.0
    detail: float = 1.0
    teeth: float = 1.0
    layers: tuple[str, ...] = LAYERS
    device: str = "auto"
    renderer: str = "shot"
    models: str = ""
    grain: float = 1.0
    defocus: float = 1.0

    def check(self) -> None:
        _inside("render.grain", self.grain, 0.0, 1.0)
        _inside("render.defocus", self.defocus, 0.0, 1.0)
        if not self.renderer:
            raise SettingError("render.renderer is empty", mend="shot is the shot's own network")
        _choice("render.drive", self.drive, DRIVES)
        _inside("render.articulation", self.articulation, 0.0, 2.0)
        _inside("render.detail", self.detail, 0.0, 1.0)
        _inside("render.teeth", self.teeth, 0.0, 1.0)
        for layer in self.layers:
            _choice("render.layers", layer, LAYERS)


@dataclass(frozen=True)
class DriveSettings:
    """Several drives mixed, and the witness-camera recording that the drive ``video`` follows.

    ``mix`` holds weights (``speech=0.7``, ``video=0.3``); empty: only
    ``render.drive``. ``witness_offset`` is where in the shot the witness
    begins (seconds), ``witness_face`` whose face it is (``X,Y@FRAME``).
    """

    mix: tuple[str, ...] = ()
    witness: str = ""
    witness_offset: float = 0.0
    witness_face: str = ""

    def check(self) -> None:
        from relip.track.people import parse_choice

        parse_mix(self.mix)
        _inside("drive.witness_offset", self.witness_offset, -86400, 86400)
        parse_choice(self.witness_face)


def parse_mix(words: tuple[str, ...]) -> dict[str, float]:
    """Weights of the drives: ``("speech=0.7", "video=0.3")`` as a dictionary.

    Raises
    ------
    SettingError
        If a drive is unknown or named twice, a weight is no number of 0 or
        more, or all are 0.
    """
    found: dict[str, float] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.strip()
        _choice("drive.mix", name, DRIVES)
        try:
            weight = float(text) if equals else 1.0
        except ValueError:
            weight = -1.0
        if not 0 <= weight < float("inf"):
            raise SettingError(
                f"drive.mix {word!r}", mend="write speech=0.7, a weight of 0 or more"
            )
        if name in found:
            raise SettingError(f"drive.mix names {name} twice", mend="give each drive once")
        found[name] = weight
    if found and not sum(found.values()):
        raise SettingError("drive.mix: all weights are 0", mend="give one of them a weight")
    return found


@dataclass(frozen=True)
class BlendSettings:
    """How the patch goes over the plate."""

    mix: float = 1.0

    def check(self) -> None:
        _inside("blend.mix", self.mix, 0.0, 1.0)


@dataclass(frozen=True)
class ShotSettings:
    """All of ``shot.toml``; immutable, validated once."""

    plate: PlateSettings = field(default_factory=PlateSettings)
    dialogue: DialogueSettings = field(default_factory=DialogueSettings)
    speech: SpeechSettings = field(default_factory=SpeechSettings)
    track: TrackSettings = field(default_factory=TrackSettings)
    mask: MaskSettings = field(default_factory=MaskSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    render: RenderSettings = field(default_factory=RenderSettings)
    drive: DriveSettings = field(default_factory=DriveSettings)
    blend: BlendSettings = field(default_factory=BlendSettings)

    def __post_init__(self) -> None:
        for group in dataclasses.fields(self):
            check = getattr(getattr(self, group.name), "check", None)
            if check:
                check()
        mixed = parse_mix(self.drive.mix) or {self.render.drive: 1.0}
        if mixed.get("video") and not self.drive.witness:
            raise SettingError(
                "the drive video has no recording: drive.witness is empty",
                mend="give it with --witness",
            )
        if mixed.get("csv") and not self.render.csv:
            raise SettingError(
                "the drive csv has no curves: render.csv is empty", mend="give it with --csv"
            )

    @classmethod
    def from_dict(cls, data: dict[str, Any], *, where: str = "shot.toml") -> ShotSettings:
        """Build settings from nested dictionaries.

        Parameters
        ----------
        data : dict
            ``{"plate": {...}, "dialogue": {...}, ...}``.
        where : str
            Named in messages.

        Returns
        -------
        ShotSettings

        Raises
        ------
        SettingError
            On an unknown name, a wrong type or a value out of range.
        """
        groups = {f.name: f for f in dataclasses.fields(cls)}
        made: dict[str, Any] = {}
        for name, values in data.items():
            if name == "version":
                continue
            if name not in groups:
                raise SettingError(
                    f"{where}: unknown section [{name}]", mend=f"known: {', '.join(groups)}"
                )
            kind = cast("Callable[[], Any]", groups[name].default_factory)
            if not isinstance(values, dict):
                raise SettingError(
                    f"{where}: {name} must be a section [{name}]", mend=f"write [{name}]"
                )
            defaults = kind()
            known = {f.name for f in dataclasses.fields(defaults)}
            checked = {}
            for key, value in values.items():
                if key not in known:
                    raise SettingError(
                        f"{where}: unknown setting {name}.{key}",
                        mend=f"known: {', '.join(sorted(known))}",
                    )
                checked[key] = _coerce(f"{where}: {name}.{key}", value, getattr(defaults, key))
            made[name] = dataclasses.replace(defaults, **checked)
        try:
            return cls(**made)
        except SettingError as exc:
            raise type(exc)(f"{where}: {exc.message}", mend=exc.mend) from None

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionaries, ready for TOML."""
        return dataclasses.asdict(self)


#: Whole numbers of a setting lie below it: what follows counts in floats, too.
_LARGEST = 1 << 53

#: Values in messages, long ones cut.
_SHOWN = reprlib.Repr()
_SHOWN.maxstring = 80


def _coerce(where: str, value: Any, default: Any) -> Any:
    if isinstance(default, bool) or isinstance(value, bool):
        good = isinstance(value, bool) and isinstance(default, bool)
    elif isinstance(default, float):
        good = isinstance(value, float) or (isinstance(value, int) and abs(value) < _LARGEST)
        value = float(value) if good else value
    elif isinstance(default, tuple):
        good = isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)
        value = tuple(value) if good else value
    else:
        good = isinstance(value, type(default))
        if isinstance(value, int):
            good = good and abs(value) < _LARGEST
    texts = value if isinstance(value, tuple) else (value,)
    if any(isinstance(text, str) and "\0" in text for text in texts):
        raise SettingError(f"{where} holds a zero byte", mend="write it without")
    if not good:
        raise SettingError(
            f"{where} is {_SHOWN.repr(value)}",
            mend=f"it must be of the kind of its default, {default!r}",
        )
    return value


def _choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingError(f"{name} is {value!r}", mend=f"use one of {', '.join(known)}")


def _inside(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingError(f"{name} is {value:g}", mend=f"it must lie between {low:g} and {high:g}")


class Shot:
    """A shot folder.

    Use :meth:`create` or :meth:`open`; then :meth:`run`.

    Attributes
    ----------
    folder : Path
    settings : ShotSettings
    """

    def __init__(self, folder: Path, settings: ShotSettings) -> None:
        self.folder = Path(folder)
        self.settings = settings

    @classmethod
    def create(cls, folder: str | Path, settings: ShotSettings) -> Shot:
        """Make (or rewrite the description of) a shot folder.

        Parameters
        ----------
        folder : path
        settings : ShotSettings

        Returns
        -------
        Shot

        Raises
        ------
        OutputError
            If the folder cannot be written.
        InputError
            If the plate cannot be opened, or a file that is named is missing.
        """
        shot = cls(Path(folder), settings)
        shot.frames  # noqa: B018  opens the plate: a shot without pictures is refused at once
        shot.check_inputs()
        shot.save()
        return shot

    @classmethod
    def open(cls, folder: str | Path) -> Shot:
        """Open a shot folder; its ``shot.toml`` names it, too.

        Raises
        ------
        ShotError
            If there is no readable ``shot.toml``.
        """
        folder = Path(folder)
        if folder.name == "shot.toml" and folder.is_file():
            folder = folder.parent
        path = folder / "shot.toml"
        try:
            data = tomllib.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise ShotError(
                f"{folder}: not a shot folder (no shot.toml)", mend="make one with relip new"
            ) from None
        except (OSError, ValueError, RecursionError) as exc:
            raise ShotError(
                f"{path}: cannot be read: {reason(exc)}",
                mend="mend it, or make the shot again: relip new",
            ) from None
        if data.get("version", FORMAT_VERSION) != FORMAT_VERSION:
            raise ShotError(
                f"{path}: version {data.get('version')!r} is not {FORMAT_VERSION}",
                mend="open it with the Relip that made it",
            )
        return cls(folder, ShotSettings.from_dict(data, where=str(path)))

    def save(self) -> None:
        """Write ``shot.toml``."""
        import tomli_w

        data = {"version": FORMAT_VERSION, **self.settings.to_dict()}
        with records.atomic_write(self.folder / "shot.toml") as handle:
            handle.write("# A Relip shot. Paths are absolute or relative to this folder.\n")
            handle.write(tomli_w.dumps(data))

    def change(self, **groups: dict[str, Any]) -> Shot:
        """The same shot with some settings replaced: ``shot.change(render={"drive": "track"})``."""
        data = self.settings.to_dict()
        for name, values in groups.items():
            data[name] = {**data[name], **values}
        return Shot(self.folder, ShotSettings.from_dict(data))

    def resolve(self, path: str) -> Path:
        """A path of ``shot.toml`` as an absolute path, mapped (:mod:`relip.pathmap`).

        Raises
        ------
        InputError
            If it is a path of another system that no rule maps.
        """
        given = Path(pathmap.mapped(path)).expanduser()
        # realpath: "new.relip/../plate.mp4" cannot be opened while the folder is not there yet.
        return given if given.is_absolute() else Path(os.path.realpath(self.folder / given))

    def input_files(self) -> list[Path]:
        """The files the description names; of a sequence its first one."""
        from relip.plate.opening import IMAGE_SUFFIXES

        s = self.settings
        plate = self.resolve(s.plate.path)
        if plate.is_dir() or plate.suffix.lower() in IMAGE_SUFFIXES:
            from relip.plate.sequence import find_files

            files, _ = find_files(plate, complete=s.plate.missing == "error")
            first = self.frames.start
            plate = Path(files[first] if first in files else next(iter(files.values())))
        d = s.dialogue
        named = (
            *(d.audio, d.text, d.production_audio, s.speech.lexicon, s.render.csv),
            *(s.drive.witness, *s.train.extra),
        )
        return [plate, *(self.resolve(name) for name in named if name)]

    def check_inputs(self) -> None:
        """See that what the shot names is there, before any work.

        The dialogue, its transcript, the controls, and the place of the face.

        Raises
        ------
        AudioError, TranscriptError, InputError
            If one is missing; of the transcript and the lexicon also if they cannot be read.
        FaceError
            If the plate has not the place where the face is said to be.
        """
        from relip.speech.audio import audio_file
        from relip.speech.stage import read_transcript

        d = self.settings.dialogue
        sounds = {"the dialogue": d.audio, "the production sound": d.production_audio}
        for what, name in sounds.items():
            if name:
                audio_file(self.resolve(name), what)
        read_transcript(self)
        if self.settings.speech.lexicon:
            from relip.speech.pronunciation import read_lexicon

            read_lexicon(self.resolve(self.settings.speech.lexicon))
        csv = self.settings.render.csv
        if csv and self._drives("csv") and not self.resolve(csv).is_file():
            raise InputError(
                f"the mouth controls {self.resolve(csv)} do not exist", mend="check --csv"
            )
        witness = self.settings.drive.witness
        # as they are tracked: files without a colourspace of their own have the plate's
        space = self.settings.plate.colourspace
        if witness and self._drives("video"):
            self._check_pictures(witness, "--witness", space)
        for name in self.settings.train.extra:
            self._check_pictures(name, "train.extra", space)
        self._check_face()

    def _check_face(self) -> None:
        """See that the plate has the place that ``track.face`` points at."""
        from relip.track.people import check_choice, parse_choice

        face = self.settings.track.face
        if parse_choice(face) is not None:
            with self._open_file() as plate:
                size = plate.width, plate.height
            check_choice(face, self.frames, size, self.settings.plate.path)

    def _drives(self, name: str) -> bool:
        """Whether a drive has a part in the settings."""
        mixed = parse_mix(self.settings.drive.mix) or {self.settings.render.drive: 1.0}
        return bool(mixed.get(name))

    def _check_pictures(self, name: str, option: str, colourspace: str) -> None:
        """See that a movie or a sequence, in a colourspace, is there and can be opened."""
        from relip.plate import open_plate
        from relip.plate.opening import IMAGE_SUFFIXES

        path = self.resolve(name)
        sequence = path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES
        space = colourspace if sequence and colourspace else None
        try:
            open_plate(path, colourspace=space, interlaced="progressive").close()
        except InputError as exc:
            raise type(exc)(exc.message, mend=exc.mend or f"check {option}") from None

    def stage_folder(self, name: str) -> Path:
        """A stage's folder inside the shot, made when it is not there.

        Raises
        ------
        OutputError
            If it cannot be made, or is a link that leads out of the shot.
        """
        folder = containment.inside(self.folder / name, self.folder)
        containment.inside(folder / "status", self.folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise records.output_error(folder, exc) from exc
        records.sweep(folder)
        records.sweep(folder / "status")
        return folder

    def path(self, *parts: str) -> Path:
        """A path inside the shot folder."""
        return self.folder.joinpath(*parts)

    def override(self, name: str) -> Path | None:
        """The artist's file in ``overrides/``, None when there is none."""
        path = self.folder / "overrides" / name
        return path if path.exists() else None

    def open_plate(self) -> Plate:
        """Open the plate (the caller closes it); each thread opens its own.

        With ``when_longer = "pingpong"`` and a dialogue longer than the
        plate, it is the plate played back and forth.
        """
        plate = self._open_file()
        try:
            own, count, _ = self._facts
            if count > len(own):
                from relip.plate import PingPongPlate

                return PingPongPlate(plate, own, count)
        except BaseException:
            plate.close()
            raise
        return plate

    def _open_file(self) -> Plate:
        from relip.plate import open_plate

        s = self.settings.plate
        if not s.path:
            raise ShotError(f"{self.folder}: shot.toml names no plate")
        return open_plate(
            self.resolve(s.path),
            fps=parse_rate(s.fps) if s.fps else None,
            colourspace=s.colourspace or None,
            missing=s.missing,
            interlaced=s.interlaced,
        )

    @cached_property
    def _facts(self) -> tuple[range, int, Fraction | None]:
        """The plate's frames that are used, how many the shot has, and its rate."""
        with self._open_file() as plate:
            available = plate.frames
            try:
                rate: Fraction | None = plate.rate
            except PlateError:
                rate = None
        wanted = self.settings.plate.frames
        own = available
        if wanted:
            frames = parse_range(wanted)
            own = range(frames[0], frames[-1] + 1)
            if frames != list(own):
                raise FrameRangeError(
                    f"plate.frames {wanted!r}: a shot is one run of frames, without gaps",
                    mend="write it as 1001-1100",
                )
            outside = [f for f in frames if f not in available]
            if outside:
                raise FrameRangeError(
                    f"{self.settings.plate.path}: frames {format_range(outside)} are outside the "
                    f"plate, which has {available[0]}-{available[-1]}",
                    mend="give frames that it has",
                )
        return own, max(len(own), self._frames_of_dialogue(rate)), rate

    def _frames_of_dialogue(self, rate: Fraction | None) -> int:
        """Frames that the dialogue needs when the plate is to be played back and forth; else 0."""
        d = self.settings.dialogue
        if d.when_longer != "pingpong" or not d.audio or rate is None:
            return 0
        from relip.speech import load_audio

        return frames_for_duration(load_audio(self.resolve(d.audio)).duration + d.offset, rate)

    @property
    def frames(self) -> range:
        """The shot's frames."""
        own, count, _ = self._facts
        return range(own.start, own.start + count)

    @property
    def rate(self) -> Fraction:
        """Frames per second.

        Raises
        ------
        SettingError
            If the plate does not tell and no rate was given.
        """
        rate = self._facts[2]
        if rate is None:
            raise SettingError(
                f"{self.settings.plate.path}: an image sequence that names no frame rate",
                mend="give --fps with its name (--fps 24000/1001), or to the shot: "
                "relip set SHOT.relip plate.fps=24000/1001",
            )
        return rate

    def run(self, *, until: str = "review", frames: str | None = None, **options: Any) -> list[Any]:
        """Run every stale stage in order; see :func:`relip.pipeline.run`."""
        from relip import pipeline

        return pipeline.run(self, until=until, frames=frames, **options)
