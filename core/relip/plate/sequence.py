"""Image sequences through OpenImageIO."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from relip.errors import ColourError, PlateError
from relip.frames import format_range, parse_range
from relip.plate.base import (
    AGAIN,
    MISSING,
    BadFrame,
    Part,
    Picture,
    PictureSpec,
    Plate,
    file_fingerprint,
)
from relip.plate.colour import BUILTIN_CONFIG, Colour, default_colour
from relip.plate.exr import check_size, file_stamp, open_image, place
from relip.plate.opening import IMAGE_SUFFIXES
from relip.plate.yuv import round_half

_HASHES = re.compile(r"#+")
_PERCENT = re.compile(r"%(0\d+)?d")
_RANGE = re.compile(r"(?<![0-9])(-?\d+--?\d+(?:[x:]\d+)?)(?=\.[A-Za-z0-9]+$)")
_NUMBERED = re.compile(r"^(?P<head>.*?)(?P<number>(?:(?<=[._])-)?\d+)(?P<tail>\.[A-Za-z0-9]+)$")

#: Gamuts that EXR chromaticities name: red, green, blue, white (x, y), and the linear colourspace.
_CHROMATICITIES = [
    ((0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767), ("ACES2065-1", "lin_ap0")),
    ((0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767), ("ACEScg", "lin_ap1")),
    (
        (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
        ("Linear Rec.709 (sRGB)", "lin_rec709", "lin_srgb"),
    ),
    ((0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.3290), ("Linear Rec.2020", "lin_rec2020")),
    ((0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.3290), ("Linear P3-D65", "lin_p3d65")),
]

#: Suffixes of files whose integers are display pictures.
_DISPLAY_SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".tga", ".bmp", ".webp", ".jp2"}
_SRGB = ("sRGB - Texture", "srgb_texture", "sRGB Encoded Rec.709 (sRGB)", "sRGB")


#: What renderers and compositors call the part that holds the picture.
_MAIN_PARTS = ("rgba", "rgb", "beauty", "main", "combined", "c", "rgba.main")


def find_files(
    path: str | Path, wanted: list[int] | None = None, *, complete: bool = True
) -> tuple[dict[int, str], range]:
    """The files of a sequence.

    Parameters
    ----------
    path : str or Path
        As :func:`relip.plate.open_plate` takes it.
    wanted : list of int, optional
        The frames needed; by default those the pattern names, or all there are.
    complete : bool
        Refuse a sequence that lacks frames.

    Returns
    -------
    files : dict of int to str
        Frame number to file, for all frames that have one.
    frames : range

    Raises
    ------
    PlateError
        If there are none, some are missing (names their frames), or a folder
        holds several sequences.
    """
    text = str(path)
    if os.path.isdir(text):
        head, width, tail = _only_sequence(text)
        label = text
    elif os.path.isfile(text):
        match = _NUMBERED.match(os.path.basename(text))
        if match is None:
            if wanted not in (None, [1]):
                raise PlateError(f"{text} is one picture, frame 1")
            return {1: text}, range(1, 2)
        folder = os.path.dirname(text)
        head = os.path.join(folder, match["head"])
        width, tail = _width(match["number"]), match["tail"]
        label = f"{head}{'#' * width}{tail}"
    else:
        head, width, tail, named = _parse(text)
        label = text
        wanted = named if wanted is None else wanted
    files = _matching(head, width, tail)
    if not files:
        try:
            os.listdir(os.path.dirname(head) or ".")
        except PermissionError:
            raise PlateError(
                f"{label}: its folder may not be read", mend="check its permissions"
            ) from None
        except OSError:
            pass
        raise PlateError(f"{label} matches no file", mend="check the folder, name and padding")
    if wanted is None:
        wanted = _regular(sorted(files))
    missing = [f for f in wanted if f not in files]
    if len(missing) == len(wanted) or (missing and complete):
        raise PlateError(
            f"{label} lacks frames {_short(format_range(missing))}",
            mend=f"it has {_short(format_range(files))}; give those with --frames, or say with "
            "--missing what to do (hold, skip)",
        )
    return {f: files[f] for f in wanted if f in files}, _as_range(wanted, label)


def _parse(text: str) -> tuple[str, int, str, list[int] | None]:
    """Head, padding, tail and named frames of a pattern."""
    folder, name = os.path.split(text)
    if found := list(_HASHES.finditer(name)):
        match = found[-1]
        width, named = len(match[0]), None
        # name.1001-1100####.exr and name.####.exr
    elif found := list(_PERCENT.finditer(name)):
        match = found[-1]
        width, named = int(match[1] or 1), None
    elif match_range := _RANGE.search(name):
        match, named = match_range, parse_range(match_range[1])
        digits = re.match(r"-?(\d+)", match_range[1])
        assert digits is not None
        width = _width(digits[1])
    elif _NUMBERED.match(name) or not os.path.splitext(name)[1]:
        raise PlateError(f"{text} does not exist", mend="check the path")
    else:
        raise PlateError(
            f"{text} does not exist", mend="a sequence is written name.####.exr or name.%04d.exr"
        )
    return os.path.join(folder, name[: match.start()]), width, name[match.end() :], named


def _width(number: str) -> int:
    """Padding of a number in a file name: its length, or 1 when that may just be its size."""
    digits = number.lstrip("-")
    return len(digits) if digits.startswith("0") or len(digits) >= 4 else 1


def _matching(head: str, width: int, tail: str) -> dict[int, str]:
    folder, start = os.path.split(head)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return {}
    files: dict[int, str] = {}
    pattern = re.compile(re.escape(start) + r"(-?)(\d+)" + re.escape(tail) + r"\Z")
    for name in sorted(names, key=lambda n: (len(n), n)):
        match = pattern.match(name)
        if match is None:
            continue
        digits = match[2]
        number = int(match[1] + digits)
        if len(digits) < width:
            continue
        if len(digits) > width and digits.startswith("0") and (width > 1 or number in files):
            # Of 7 and 0007, a single # means the former.
            continue
        files[number] = os.path.join(folder, name)
    return files


def _only_sequence(folder: str) -> tuple[str, int, str]:
    groups: dict[tuple[str, str], list[str]] = {}
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise PlateError(f"{folder}: {error.strerror or error}") from None
    for name in names:
        if name.startswith(".") or os.path.splitext(name)[1].lower() not in IMAGE_SUFFIXES:
            continue
        match = _NUMBERED.match(name)
        key = (match["head"], match["tail"]) if match else (name, "")
        groups.setdefault(key, []).append(match["number"] if match else "")
    if not groups:
        raise PlateError(f"{folder} holds no images", mend="give a movie or a folder of frames")
    if len(groups) > 1:
        shown = ", ".join(f"{h}{'#' if t else ''}{t}" for h, t in sorted(groups)[:4])
        raise PlateError(f"{folder} holds several sequences ({shown})", mend="name one of them")
    (head, tail), numbers = next(iter(groups.items()))
    if not tail:
        raise PlateError(f"{folder} holds one image without a number", mend=f"name it: {head}")
    # A padded 0001 among 1001 tells the padding.
    width = max((len(n.lstrip("-")) for n in numbers if n.lstrip("-").startswith("0")), default=1)
    return os.path.join(folder, head), width, tail


def _regular(frames: list[int]) -> list[int]:
    """All frames from the first to the last in the step most of them keep."""
    if len(frames) < 3:
        return frames if len(frames) < 2 else list(range(frames[0], frames[-1] + 1))
    steps = np.diff(frames)
    step = int(steps[0])
    if step > 1 and bool(np.all(steps == step)):
        return frames
    return list(range(frames[0], frames[-1] + 1))


def _as_range(frames: list[int], label: str) -> range:
    step = frames[1] - frames[0] if len(frames) > 1 else 1
    span = range(frames[0], frames[-1] + 1, step)
    if list(span) != frames:
        raise PlateError(f"{label}: frames {_short(format_range(frames))} are not one run")
    return span


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


class SequencePlate(Plate):
    """An image sequence, or one image. See :class:`relip.plate.base.Plate`.

    Parameters
    ----------
    path : str or Path
    fps : Fraction, optional
        Overrides the files' rate.
    colourspace : str, optional
    frames : list of int, optional
        Which frames; all there are by default.
    colour : Colour, optional
        The OCIO config; the environment's by default.
    missing : {"error", "hold", "skip"}
        As :func:`relip.plate.open_plate` has it.

    Attributes
    ----------
    files : dict of int to str
        Frame number to file.
    held : dict of int to int
        Frames that the plate lacks, and the frame shown in their place.
    skipped : frozenset of int
        Frames that the plate lacks and that are left out.
    """

    kind = "sequence"

    def __init__(
        self,
        path: str | Path,
        *,
        fps: Fraction | None = None,
        colourspace: str | None = None,
        frames: list[int] | None = None,
        colour: Colour | None = None,
        missing: str = "error",
    ) -> None:
        self.path = str(path)
        self.files, self.frames = find_files(path, frames, complete=missing == "error")
        lacking = [f for f in self.frames if f not in self.files]
        self.held = _held(self.files, lacking) if missing == "hold" else {}
        self.files |= {f: self.files[source] for f, source in self.held.items()}
        self.skipped = frozenset(lacking) if missing == "skip" else frozenset()
        try:
            self._describe(colourspace, colour or default_colour(), fps, lacking)
        except UnicodeDecodeError:
            raise PlateError(
                f"{self.path}: a header holds text that is not UTF-8",
                mend="the file is damaged: copy it again",
            ) from None

    def _describe(
        self, colourspace: str | None, colour: Colour, fps: Fraction | None, lacking: list[int]
    ) -> None:
        first, headers, part, channels, format_name = _first_good(list(self.files.values()))
        header = headers[part]
        self.width, self.height = header.full_width, header.full_height
        types = {_channel_type(header, c) for c in channels}
        bits = header.get_int_attribute("oiio:BitsPerSample", 0)
        self.half = types <= {"half", "uint8"} or (types == {"uint16"} and 0 < bits <= 10)
        self._rate = fps or _rate(header)
        aspect = header.get_float_attribute("PixelAspectRatio", 1.0)
        self.info: dict[str, Any] = {
            "codec": format_name,
            "pix_fmt": "/".join(sorted(types)),
            "bit_depth": bits or {"half": 16, "float": 32, "uint16": 16}.get(min(types), 8),
            "compression": header.get_string_attribute("compression") or None,
            "channels": list(header.channelnames),
            "parts": len(headers),
            "data_window": [
                header.x - header.full_x,
                header.y - header.full_y,
                header.width,
                header.height,
            ],
            "rotation": 0,
            "pixel_aspect": aspect or 1.0,
            "rate": str(self._rate) if self._rate else None,
            "duration": float(len(self.frames) / self._rate) if self._rate else None,
            "timecode": header.get_string_attribute("smpte:TimeCode") or None,
            "audio": [],
            "notes": [
                f"frames {format_range(lacking)} are missing: "
                + ("left out" if self.skipped else "the frame before is held")
            ]
            if lacking
            else [],
        }
        self._choose_colour(colourspace, colour, header, first, types)

    def _choose_colour(
        self, given: str | None, colour: Colour, header: Any, first: str, types: set[str]
    ) -> None:
        name: str | None
        if given is not None:
            name, source = colour.resolve(given), "given"
        elif name := _from_metadata(header, colour, types):
            source = "metadata"
        elif colour.source != BUILTIN_CONFIG and (name := colour.from_file_rules(first)):
            source = "file rules"
        elif os.path.splitext(first)[1].lower() in _DISPLAY_SUFFIXES and not types & {
            "half",
            "float",
            "double",
        }:
            name, source = colour.find(*_SRGB), "default"
        else:
            name, source = None, ""
        if name is None:
            raise ColourError(
                f"{self.path} does not say its colourspace",
                mend="give it with --colourspace, for example ACEScg",
            )
        self.colourspace, self.info["colourspace_from"] = name, source

    def read(self, frame: int) -> Picture:
        self._check([frame])
        if frame in self.skipped:
            raise PlateError(f"{self.path} frame {frame} is {MISSING}")
        try:
            return self._load(frame)
        except UnicodeDecodeError:
            raise PlateError(
                f"{self.files[frame]} frame {frame} cannot be read: text that is not UTF-8",
                mend="the file is damaged: copy it again",
            ) from None
        except MemoryError:
            raise PlateError(
                f"{self.files[frame]} frame {frame} takes more memory than there is",
                mend="render on a machine with more; or, if it is not that large, "
                "the file is damaged: copy it again",
            ) from None
        except PlateError as error:
            raise PlateError(
                f"{self.path} frame {frame} cannot be read: {error.message}",
                mend=error.mend or AGAIN,
            ) from None

    def _load(self, frame: int) -> Picture:
        path = self.files[frame]
        stamp = file_stamp(path)
        image = open_image(path)
        try:
            headers, part, channels = _layout(image, path)
            header = headers[part]
            if (header.full_width, header.full_height) != (self.width, self.height):
                raise PlateError(
                    f"{os.path.basename(path)} is {header.full_width}x{header.full_height}, "
                    f"the sequence {self.width}x{self.height}"
                )
            exact = image.format_name() == "openexr"
            parts = [
                Part(each, _stored(image, number, each, path, exact))
                for number, each in enumerate(headers)
            ]
            spec = PictureSpec(image.format_name(), parts, part, channels, path, stamp)
        finally:
            image.close()
        with np.errstate(over="ignore"):  # a double beyond the largest float is infinite
            rgb = parts[part].pixels[..., list(channels)].astype(np.float32)
        if len(channels) == 1:
            rgb = np.repeat(rgb, 3, axis=2)
        rgb = np.ascontiguousarray(place(rgb, spec.origin, self.width, self.height))
        if self.half:
            rgb = round_half(rgb)
        return Picture(frame, rgb, spec)

    def iter(
        self, frames: Iterable[int] | None = None, *, on_error: str = "raise"
    ) -> Iterator[Any]:
        chosen = self._select(frames, on_error)
        return self._pictures(chosen, on_error)

    def _pictures(self, chosen: Iterable[int], on_error: str) -> Iterator[Any]:
        for frame in chosen:
            if frame in self.skipped:
                # Left out in every mode: that is what was asked for.
                yield BadFrame(frame, MISSING, skipped=True)
                continue
            try:
                picture = self.read(frame)
            except PlateError as error:
                if on_error == "raise":
                    raise
                yield BadFrame(frame, error.message)
                continue
            yield picture

    def fingerprint(self, frame: int | None = None) -> str:
        if frame is not None:
            self._check([frame])
            return "absent" if frame in self.skipped else file_fingerprint(self.files[frame])
        digest = hashlib.blake2b(digest_size=16)
        for number in self.frames:
            digest.update(f"{number}:{self.fingerprint(number)};".encode())
        return digest.hexdigest()

    def close(self) -> None:
        pass


def _held(files: dict[int, str], lacking: list[int]) -> dict[int, int]:
    """The frame to show for each that is not there: the one before, else the first."""
    there = np.array(sorted(files))
    places = np.maximum(np.searchsorted(there, lacking, side="right") - 1, 0)
    return {f: int(there[p]) for f, p in zip(lacking, places, strict=True)}


def _first_good(files: list[str]) -> tuple[str, list[Any], int, tuple[int, ...], str]:
    """The first file whose header can be read: a damaged one must not stop the others."""
    trouble: PlateError | None = None
    for path in files:
        try:
            image = open_image(path)
            try:
                headers, part, channels = _layout(image, path)
                return path, headers, part, channels, image.format_name()
            finally:
                image.close()
        except PlateError as error:
            trouble = trouble or error
        except UnicodeDecodeError:
            trouble = trouble or PlateError(
                f"{path} holds text that is not UTF-8", mend="the file is damaged: copy it again"
            )
    assert trouble is not None
    raise trouble


def _layout(image: Any, path: str) -> tuple[list[Any], int, tuple[int, ...]]:
    """Headers of all parts, the part that holds R, G and B, and their places in it."""
    headers = []
    number = 0
    while True:
        header = image.spec(number)
        if header.width == 0 or header.nchannels == 0:
            break
        headers.append(header)
        number += 1
    if any(h.deep for h in headers):
        raise PlateError(f"{path} is a deep image", mend="flatten it")
    check_size(path, headers)
    # Plain R, G and B of any part come before a layer's; among several such parts (renderers that
    # name the part, not the channels) the one that is called the picture, else the first.
    ranked = []
    for number, header in enumerate(headers):
        names = [n.lower() for n in header.channelnames]
        layers = list(dict.fromkeys(n.rpartition(".")[0] + "." for n in names))
        named = header.get_string_attribute("oiio:subimagename").lower()
        for rank, prefix in enumerate(["", "rgba.", "rgb.", *layers]):
            for trio in (("r", "g", "b"), ("red", "green", "blue")):
                wanted = [prefix + c for c in trio]
                if all(w in names for w in wanted):
                    main = rank == 0 and named in _MAIN_PARTS
                    places = tuple(names.index(w) for w in wanted)
                    ranked.append(((min(rank, 3), not main, number, rank), number, places))
    if ranked:
        return headers, *min(ranked)[1:]
    for number, header in enumerate(headers):
        names = [n.lower() for n in header.channelnames]
        if "ry" in names or "by" in names:
            continue
        if header.nchannels <= 2 or "y" in names:
            return headers, number, (names.index("y") if "y" in names else 0,)
    shown = ", ".join(headers[0].channelnames[:6]) if headers else "none"
    raise PlateError(
        f"{path} has no channels R, G, B (it has {shown})",
        mend="render the picture into R, G and B",
    )


def _channel_type(header: Any, channel: int) -> str:
    return str(header.channelformat(channel))


def _stored(image: Any, part: int, header: Any, path: str, bits: bool) -> np.ndarray:
    """All channels of a part; with ``bits`` unsigned integers as their bits in float32."""
    names = [_channel_type(header, c) for c in range(header.nchannels)]
    integers = [c for c, t in enumerate(names) if bits and t in ("uint", "uint32")]
    dtype = "float" if integers else _held_type(header)
    pixels = image.read_image(part, 0, 0, header.nchannels, dtype)
    if pixels is not None:
        pixels = pixels.reshape(header.height, header.width, header.nchannels)
        for channel in integers:
            codes = image.read_image(part, 0, channel, channel + 1, "uint")
            if codes is None:
                pixels = None
                break
            # Assigned as integers: a float could lose the payload of what looks like a NaN.
            pixels.view(np.uint32)[..., channel] = codes.reshape(header.height, header.width)
    if pixels is None:
        reason = (image.geterror() or "unknown reason").strip().splitlines()[0]
        raise PlateError(f"{os.path.basename(path)}: {reason}")
    return pixels


def _held_type(header: Any) -> str:
    """The type that holds every channel of a part exactly."""
    types = {_channel_type(header, c) for c in range(header.nchannels)}
    if types == {"half"}:
        return "half"
    return "double" if types & {"uint", "uint32", "int", "int32", "double"} else "float"


def _rate(header: Any) -> Fraction | None:
    for name in ("framesPerSecond", "FramesPerSecond", "dpx:FrameRate", "dpx:TemporalFrameRate"):
        value = next((a.value for a in header.extra_attribs if a.name == name), None)
        if value is None:
            continue
        if isinstance(value, (tuple, list)) and len(value) == 2 and value[1]:
            rate: Fraction | None = Fraction(int(value[0]), int(value[1]))
        else:
            rate = _plain_rate(value)
        if rate is not None and 1 <= rate <= 1000:
            return rate
    return None


def _plain_rate(value: Any) -> Fraction | None:
    """A rate from a number: NTSC ones are stored as rounded floats."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not 1 <= number <= 1000:
        return None
    exact: Fraction
    for exact in (Fraction(round(number)), Fraction(round(number) * 1000, 1001)):
        if abs(number - exact) < 0.004:
            return exact
    return Fraction(number).limit_denominator(1001)


def _from_metadata(header: Any, colour: Colour, types: set[str]) -> str | None:
    """The colourspace a header names, in the config's words."""
    interop = header.get_string_attribute("colorInteropID")
    if interop and (name := colour.find(interop)):
        return name
    floats = bool(types & {"half", "float"})
    said = header.get_string_attribute("oiio:ColorSpace")
    # OpenImageIO says lin_rec709 of every EXR, and sRGB of every PNG, that says nothing.
    if said and not floats and said.lower() not in ("srgb", "srgb_rec709_scene", "lin_rec709"):
        name = colour.find(said)
        if name:
            return name
    primaries = next((a.value for a in header.extra_attribs if a.name == "chromaticities"), None)
    if floats and primaries is not None and len(primaries) == 8:
        for known, names in _CHROMATICITIES:
            if max(abs(float(a) - b) for a, b in zip(primaries, known, strict=True)) < 2e-3:
                return colour.find(*names)
        return None
    if floats and header.get_int_attribute("acesImageContainerFlag", 0) == 1:
        return colour.find("ACES2065-1", "lin_ap0")
    return None
