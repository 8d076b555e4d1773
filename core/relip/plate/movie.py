"""Movies through PyAV, decoded to float R'G'B' without losing bits."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
import cv2
import numpy as np

from relip.errors import ColourError, PlateError
from relip.plate.base import (
    AGAIN,
    MISSING,
    BadFrame,
    Picture,
    Plate,
    Window,
    file_fingerprint,
    spread,
)
from relip.plate.colour import BUILTIN_CONFIG, Colour, default_colour
from relip.plate.movie_index import MovieIndex, movie_index
from relip.plate.yuv import Coding, decode, decode_window, paint

# libav prints to stderr; what matters of it comes back as errors.
av.logging.set_libav_level(av.logging.PANIC)
av.logging.set_level(None)

#: H.273 matrix coefficients that are understood.
_MATRIX = {0: "rgb", 1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}

_PRIMARIES = {1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020", 11: "dci-p3", 12: "display-p3"}
_TRANSFER = {
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    8: "linear",
    13: "srgb",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "pq",
    18: "hlg",
}

#: Names of the encoding in the ACES studio configs and in older ones, by transfer and gamut.
_SPACES = {
    ("video", "709"): (
        "Gamma 2.4 Rec.709 - Texture",
        "Rec.1886 Rec.709 - Display",
        "Output - Rec.709",
    ),
    ("srgb", "709"): ("sRGB - Texture", "srgb_texture", "Utility - sRGB - Texture"),
    ("gamma22", "709"): ("Gamma 2.2 Rec.709 - Texture", "g22_rec709"),
    ("linear", "709"): ("Linear Rec.709 (sRGB)", "lin_rec709"),
    ("linear", "2020"): ("Linear Rec.2020", "lin_rec2020"),
    ("linear", "p3"): ("Linear P3-D65", "lin_p3d65"),
    ("srgb", "p3"): ("sRGB Encoded P3-D65", "srgb_p3d65"),
    ("video", "p3"): ("sRGB Encoded P3-D65", "srgb_p3d65"),
    ("pq", "2020"): ("Rec.2100-PQ - Display", "rec2100_pq_display"),
    ("hlg", "2020"): ("Rec.2100-HLG - Display", "rec2100_hlg_display"),
    ("pq", "p3"): ("ST2084-P3-D65 - Display", "pq_p3d65_display"),
}

_PLANAR = re.compile(r"^yuv(j?)a?(4[0-4][0-4])p(\d*)(le)?$")
_PLANAR_RGB = re.compile(r"^gbra?p(\d*)(le)?$")
_GREY = re.compile(r"^gray(\d*)(le)?$")
_SUBSAMPLING = {
    "444": (0, 0),
    "440": (0, 1),
    "422": (1, 0),
    "420": (1, 1),
    "411": (2, 0),
    "410": (2, 2),
}
_DEPTHS = (8, 9, 10, 12, 14, 16)

#: Rows looked at first to tell two pictures apart: one of this many.
_ROWS_APART = 61


def open_container(path: str, **options: Any) -> Any:
    """Open a movie file for reading.

    Raises
    ------
    PlateError
        If it is missing, not a file, or not a movie.
    """
    if not os.path.exists(path):
        raise PlateError(f"{path} does not exist", mend="check the path")
    if os.path.isdir(path):
        raise PlateError(f"{path} is a folder, not a movie")
    if os.path.getsize(path) == 0:
        raise PlateError(f"{path} is empty", mend="copy it again")
    try:
        # "file:" keeps a name with a colon or a percent sign from being read as something else.
        return av.open("file:" + os.path.abspath(path), metadata_errors="replace", **options)
    except PermissionError:
        raise PlateError(f"{path} may not be read", mend="check its permissions") from None
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PlateError(
            f"{path} is not a movie that can be read ({reason})", mend="give a movie or EXR frames"
        ) from None


def video_stream(container: Any, path: str) -> Any:
    """The first video stream that is not a cover picture.

    Raises
    ------
    PlateError
        If there is none, or none in a codec that is known.
    """
    unknown = False
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            if stream.codec_context is not None:
                return stream
            unknown = True
    if unknown:
        raise PlateError(
            f"{path}: the codec of its video is not known", mend="give it in a common one"
        )
    raise PlateError(f"{path} has no video in it", mend="give the movie with the picture")


def coding_of(format_name: str) -> tuple[str, Coding, bool] | None:
    """How to read pixels of a libav pixel format.

    Returns
    -------
    (str, Coding, bool) or None
        The planar format to ask libav for (the format itself, or one that
        holds the same codes in planes), its coding (matrix and range not yet
        decided), and whether the format's name means full range. None for
        formats that cannot be read exactly.
    """
    name = format_name
    if match := _PLANAR.match(name):
        depth = int(match[3] or 8)
        sub_x, sub_y = _SUBSAMPLING.get(match[2], (-1, -1))
        if sub_x < 0 or depth not in _DEPTHS:
            return None
        return name, Coding(depth, sub_x, sub_y, "bt709", bool(match[1])), bool(match[1])
    if match := _PLANAR_RGB.match(name):
        return name, Coding(int(match[1] or 8), 0, 0, "rgb", True), True
    if match := _GREY.match(name):
        return name, Coding(int(match[1] or 8), 0, 0, "bt709", True, planes=1), False
    try:
        described = av.VideoFormat(name)
    except ValueError:
        return None
    if "f16" in name or "f32" in name or name.startswith(("bayer", "xyz")):
        return None
    depth = max(c.bits for c in described.components)
    depth = next((d for d in _DEPTHS if d >= depth), 16)
    tail = "" if depth == 8 else f"{depth}le"
    if described.is_rgb or described.has_palette or name.startswith("mono"):
        return coding_of("gbrp" + tail)
    if len(described.components) <= 2:
        return coding_of("gray" + tail)
    wide, tall = described.chroma_width(64), described.chroma_height(64)
    kind = next(
        (k for k, (x, y) in _SUBSAMPLING.items() if (64 >> x, 64 >> y) == (wide, tall)), None
    )
    return coding_of(f"yuv{kind}p{tail}") if kind else None


def planes_of(frame: Any, planar: str, coding: Coding) -> list[np.ndarray]:
    """The codes of a libav frame, plane by plane, as :func:`coding_of` says they are held.

    Views of libav's memory, without its padding.
    """
    if frame.format.name != planar:
        frame = frame.reformat(format=planar)
    return [_plane(p, coding.dtype) for p in frame.planes[: coding.planes]]


@dataclass(frozen=True)
class Orientation:
    """A display matrix that only turns and mirrors: quarter turns clockwise, after a mirroring."""

    turns: int
    mirrored: bool

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """The upright picture of a stored one."""
        if self.mirrored:
            picture = cv2.flip(picture, 1)
        return picture if self.turns == 0 else cv2.rotate(picture, _TURN[self.turns])

    def undo(self, picture: np.ndarray) -> np.ndarray:
        """The stored picture of an upright one."""
        if self.turns:
            picture = cv2.rotate(picture, _TURN[4 - self.turns])
        return cv2.flip(picture, 1) if self.mirrored else picture

    def stored_rect(self, rect: Window, width: int, height: int) -> Window:
        """Where a rectangle x0, y0, x1, y1 of the upright picture is stored.

        Parameters
        ----------
        width, height : int
            Of the stored picture.
        """
        x0, y0, x1, y1 = rect
        if self.turns == 1:
            x0, y0, x1, y1 = y0, height - x1, y1, height - x0
        elif self.turns == 2:
            x0, y0, x1, y1 = width - x1, height - y1, width - x0, height - y0
        elif self.turns == 3:
            x0, y0, x1, y1 = width - y1, x0, width - y0, x1
        if self.mirrored:
            x0, x1 = width - x1, width - x0
        return x0, y0, x1, y1


_TURN = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}


class MoviePicture(Picture):
    """A picture of a movie, converted to R'G'B' when it is asked for, and only where.

    Parameters
    ----------
    frame : int
    planes : list of (h, w) uint8 or uint16
        Its codes as they are stored; see :func:`planes_of`.
    coding : Coding
    orientation : Orientation
    half : bool
        Whether its pixels are rounded to half floats.
    alpha_codes : (h, w) uint8 or uint16, optional
    source : str
        The movie, for messages.

    Notes
    -----
    Asking for pixels raises :class:`~relip.errors.PlateError` when they take more memory than
    there is.
    """

    def __init__(
        self,
        frame: int,
        planes: list[np.ndarray],
        coding: Coding,
        orientation: Orientation,
        *,
        half: bool,
        alpha_codes: np.ndarray | None = None,
        source: str = "",
    ) -> None:
        self.frame = frame
        self.spec = None
        self._source = source
        self.planes = planes
        self.coding = coding
        self.orientation = orientation
        self.half = half
        self._alpha_codes = alpha_codes
        self._rgb = None
        self._alpha = None

    @property
    def rgb(self) -> np.ndarray:
        if self._rgb is None:
            with self._enough_memory():
                stored = decode(self.planes, self.coding, half=self.half)
                self._rgb = self.orientation.apply(stored)
        return self._rgb

    @property
    def alpha(self) -> np.ndarray | None:
        if self._alpha is None and self._alpha_codes is not None:
            codes = self._alpha_codes.astype(np.float32)
            top = np.float32((1 << self.coding.depth) - 1)
            self._alpha = self.orientation.apply(codes / top)
        return self._alpha

    @property
    def shape(self) -> tuple[int, int]:
        height, width = self.planes[0].shape
        return (height, width) if self.orientation.turns % 2 == 0 else (width, height)

    def cut(self, x0: int, y0: int, x1: int, y1: int, *, exact: bool = True) -> np.ndarray:
        height, width = self.shape
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if x1 <= x0 or y1 <= y0:
            return np.zeros((max(y1 - y0, 0), max(x1 - x0, 0), 3), np.float32)
        if self._rgb is not None:
            return super().cut(x0, y0, x1, y1)
        rows, columns = self.planes[0].shape
        rect = self.orientation.stored_rect((x0, y0, x1, y1), columns, rows)
        with self._enough_memory():
            found = decode_window(self.planes, self.coding, rect, half=self.half and exact)
            return np.ascontiguousarray(self.orientation.apply(np.ascontiguousarray(found)))

    def sparse(self, height: int, width: int) -> np.ndarray:
        if self._rgb is not None:
            return super().sparse(height, width)
        if self.orientation.turns % 2:
            height, width = width, height
        rows, columns = (
            spread(n, m) for n, m in zip(self.planes[0].shape, (height, width), strict=True)
        )
        coding = self.coding
        part = [self.planes[0][np.ix_(rows, columns)]]
        part += [p[np.ix_(rows >> coding.sub_y, columns >> coding.sub_x)] for p in self.planes[1:]]
        found = decode(part, replace(coding, sub_x=0, sub_y=0), half=self.half)
        return np.ascontiguousarray(self.orientation.apply(found))

    def painted_codes(self, pixels: np.ndarray, origin: tuple[int, int]) -> list[np.ndarray]:
        """The codes with a rectangle painted over, computed near it alone.

        Parameters
        ----------
        pixels : (h, w, 3) float32
            The rectangle, inside the picture; it may be empty.
        origin : (int, int)
            Its left column and top row.
        """
        (x, y), (height, width) = origin, pixels.shape[:2]
        if not pixels.size:
            return self.planes
        rows, columns = self.planes[0].shape
        rect = self.orientation.stored_rect((x, y, x + width, y + height), columns, rows)
        stored = self.orientation.undo(pixels)
        with self._enough_memory():
            return paint(self.planes, self.coding, stored, rect, half=self.half)

    @contextlib.contextmanager
    def _enough_memory(self) -> Iterator[None]:
        try:
            yield
        except (MemoryError, cv2.error) as error:
            if isinstance(error, cv2.error) and error.code != cv2.Error.StsNoMem:
                raise
            raise PlateError(
                f"{self._source} frame {self.frame} takes more memory than there is",
                mend="use a machine that has more",
            ) from None

    def same_pixels(self, other: Picture) -> bool:
        if not isinstance(other, MoviePicture):
            return super().same_pixels(other)
        if self.coding != other.coding:
            return False
        # pictures that differ mostly do so everywhere: some rows tell, without reading all
        return all(
            np.array_equal(one[::step], two[::step])
            for step in (_ROWS_APART, 1)
            for one, two in zip(self.planes, other.planes, strict=True)
        )


def orientation_of(matrix: np.ndarray | None) -> Orientation | None:
    """The orientation a 3x3 display matrix stands for, or None when it is not one of the eight.

    Parameters
    ----------
    matrix : (9,) int, or None
        As libav gives it: a stored point (x, y) is shown at
        ``(a x + c y, b x + d y)``, with ``a, b, c, d`` at places 0, 1, 3, 4.
    """
    if matrix is None:
        return Orientation(0, False)
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    size = max(abs(a), abs(b), abs(c), abs(d))
    if size == 0:
        return Orientation(0, False)
    unit = (round(a / size), round(b / size), round(c / size), round(d / size))
    if any(abs(v / size - u) > 0.01 for v, u in zip((a, b, c, d), unit, strict=True)):
        return None
    known = {
        (1, 0, 0, 1): (0, False),
        (0, 1, -1, 0): (1, False),
        (-1, 0, 0, -1): (2, False),
        (0, -1, 1, 0): (3, False),
        (-1, 0, 0, 1): (0, True),
        (0, -1, -1, 0): (1, True),
        (1, 0, 0, -1): (2, True),
        (0, 1, 1, 0): (3, True),
    }.get(unit)
    return Orientation(*known) if known else None


class MoviePlate(Plate):
    """A movie file. See :class:`relip.plate.base.Plate`.

    Parameters
    ----------
    path : str or Path
    fps : Fraction, optional
        Overrides the movie's rate; the pictures stay the same, one by one.
    colourspace : str, optional
    colour : Colour, optional
        The OCIO config; the environment's by default.
    missing : {"error", "hold", "skip"}
        As :func:`relip.plate.open_plate` has it, for pictures that a movie cut
        short promises and lacks. With ``error`` they are reported one by one.
    interlaced : {"error", "progressive"}
        Whether to refuse an interlaced movie, or take its pictures as whole ones.

    Attributes
    ----------
    timecode : str or None
        Of its first picture.
    """

    kind = "movie"

    def __init__(
        self,
        path: str | Path,
        *,
        fps: Fraction | None = None,
        colourspace: str | None = None,
        colour: Colour | None = None,
        missing: str = "error",
        interlaced: str = "error",
    ) -> None:
        self._missing = missing
        self._interlaced = interlaced
        self._fingerprint: str | None = None
        self.path = str(path)
        self._reader: _Reader | None = None
        self.index: MovieIndex = movie_index_of(self.path)
        self._rate = fps or self.index.rate
        self.frames = range(1, len(self.index.grid) + 1)
        self._describe()
        self._choose_colour(colourspace, colour or default_colour())

    def _describe(self) -> None:
        with open_container(self.path) as container:
            stream = video_stream(container, self.path)
            context = stream.codec_context
            # Decoding puts what the pictures say, which may be nothing, over what the file says.
            filed = context.colorspace, context.color_primaries, context.color_trc
            frame = _first_frame(container, stream, self.path)
            found = coding_of(frame.format.name)
            if found is None:
                raise PlateError(f"{self.path}: pixel format {frame.format.name} is not supported")
            self.planar, coding, named_full = found
            tags = {
                "range": int(frame.color_range) or int(context.color_range),
                "matrix": int(frame.colorspace),
                "primaries": int(frame.color_primaries),
                "transfer": int(frame.color_trc),
            }
            for key, value in (
                ("matrix", filed[0]),
                ("primaries", filed[1]),
                ("transfer", filed[2]),
            ):
                if tags[key] in (2, 0) and not (key == "matrix" and coding.matrix == "rgb"):
                    tags[key] = int(value)
            matrix_name, matrix_from = self._matrix(tags["matrix"], coding, frame.height)
            grey_or_rgb = coding.matrix == "rgb" or coding.planes == 1
            full = named_full or tags["range"] == 2 or (grey_or_rgb and tags["range"] == 0)
            centred = named_full and stream.codec.name == "mjpeg"
            self.coding = Coding(
                coding.depth, coding.sub_x, coding.sub_y, matrix_name, full, centred, coding.planes
            )
            self.tags = tags
            self.display_matrix = _display_matrix(frame)
            turned = orientation_of(self.display_matrix)
            self.orientation = turned or Orientation(0, False)
            self.stored_size = (frame.width, frame.height)
            upright = self.orientation.turns % 2 == 0
            self.width, self.height = self.stored_size if upright else self.stored_size[::-1]
            aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio or Fraction(1)
            self.pixel_aspect = Fraction(aspect) if aspect else Fraction(1)
            shown_aspect = self.pixel_aspect if upright else 1 / self.pixel_aspect
            self.half = self.coding.fits_half
            self.codec = stream.codec.name
            self.pix_fmt = frame.format.name
            self.profile = stream.profile
            notes = []
            if turned is None:
                notes.append("its display matrix is no quarter turn and is ignored")
            if self.index.variable:
                notes.append(f"variable frame rate, conformed to {self.index.rate} fps")
            if len(self.index.grid) > self.index.pictures and not self.index.variable:
                missing = len(self.index.grid) - self.index.pictures
                notes.append(f"cut short: {missing} of its last pictures are missing")
            if frame.interlaced_frame:
                if self._interlaced == "error":
                    raise PlateError(
                        f"{self.path} is interlaced",
                        mend="de-interlace it first (ffmpeg -i IN -vf bwdif OUT), or give "
                        "--interlaced progressive when its pictures are whole ones",
                    )
                notes.append("interlaced; its pictures are taken as whole ones")
            if len(container.streams.audio) > 1:
                notes.append(
                    f"{len(container.streams.audio)} sound streams; where its sound is used, "
                    "the first"
                )
            self.timecode = _timecode(container, stream)
            self.has_alpha = self.pix_fmt == self.planar and self.pix_fmt.startswith("yuva")
            if _has_alpha(self.pix_fmt) and not self.has_alpha:
                notes.append("its alpha channel is not read")
            self.info = {
                "codec": self.codec,
                "profile": self.profile,
                "container": container.format.name,
                "pix_fmt": self.pix_fmt,
                "bit_depth": self.coding.depth,
                "rotation": 90 * self.orientation.turns,
                "mirrored": self.orientation.mirrored,
                "range": "full" if full else "video",
                "range_from": "tag" if tags["range"] or named_full else "default",
                "matrix": matrix_name,
                "matrix_from": matrix_from,
                "primaries": _PRIMARIES.get(tags["primaries"], str(tags["primaries"]))
                if tags["primaries"] not in (0, 2)
                else None,
                "transfer": _TRANSFER.get(tags["transfer"], str(tags["transfer"]))
                if tags["transfer"] not in (0, 2)
                else None,
                "pixel_aspect": float(shown_aspect),
                "rate": str(self._rate),
                "variable_rate": self.index.variable,
                "timecode": self.timecode,
                "duration": round(float(len(self.index.grid) / self.rate), 6),
                "pictures": self.index.pictures,
                "audio": [
                    {"codec": s.codec.name, "rate": s.rate, "channels": s.channels}
                    for s in container.streams.audio
                    if s.codec_context is not None
                ],
                "notes": notes,
            }

    def _matrix(self, tag: int, coding: Coding, height: int) -> tuple[str, str]:
        if coding.matrix == "rgb":
            return "rgb", "format"
        if coding.planes == 1:
            return "bt709", "format"
        if tag == 0 or tag == 2:
            # What players do: high definition was always BT.709.
            return ("bt709" if height >= 720 else "bt601"), "default"
        name = _MATRIX.get(tag)
        if name is None or name == "rgb":
            raise PlateError(f"{self.path}: colour matrix {tag} (ITU-T H.273) is not supported")
        return name, "tag"

    def _choose_colour(self, given: str | None, colour: Colour) -> None:
        if given is not None:
            self.colourspace, self.info["colourspace_from"] = colour.resolve(given), "given"
            return
        transfer, primaries = self.tags["transfer"], self.tags["primaries"]
        gamut = {9: "2020", 11: "p3", 12: "p3"}.get(primaries, "709")
        if transfer in (0, 2, 3):
            if colour.source != BUILTIN_CONFIG:
                by_rule = colour.from_file_rules(self.path)
                if by_rule:
                    self.colourspace, self.info["colourspace_from"] = by_rule, "file rules"
                    return
            encoding, source = "video", "default"
        else:
            encoding = {
                1: "video",
                4: "gamma22",
                6: "video",
                8: "linear",
                13: "srgb",
                14: "video",
                15: "video",
                16: "pq",
                18: "hlg",
            }.get(transfer, "")
            source = "tag"
            if encoding in ("pq", "hlg") and primaries in (0, 2):
                gamut = "2020"
        name = colour.find(*_SPACES.get((encoding, gamut), ()))
        if name is None:
            label = f"transfer {_TRANSFER.get(transfer, transfer)}, primaries {primaries}"
            raise ColourError(
                f"{self.path}: the OCIO config {colour.name} has no colourspace for its tags "
                f"({label})",
                mend="give one with --colourspace",
            )
        self.colourspace, self.info["colourspace_from"] = name, source

    def picture_of(self, number: int, frame: Any) -> MoviePicture:
        """Frame ``number`` of a decoded libav frame.

        Raises
        ------
        PlateError
            If it is of another size or pixel format than the movie.
        """
        if frame.format.name != self.pix_fmt or (frame.width, frame.height) != self.stored_size:
            raise PlateError("its size or pixel format changes here")
        return MoviePicture(
            number,
            planes_of(frame, self.planar, self.coding),
            self.coding,
            self.orientation,
            half=self.half,
            alpha_codes=_plane(frame.planes[3], self.coding.dtype) if self.has_alpha else None,
            source=self.path,
        )

    def read(self, frame: int) -> Picture:
        self._check([frame])
        reader = self._reader
        if reader is None:
            reader = self._reader = _Reader(self)
        result = reader.picture(frame, self._picture(frame))
        if isinstance(result, str):
            raise PlateError(f"{self.path} frame {frame} cannot be read: {result}", mend=AGAIN)
        return result

    def iter(
        self, frames: Iterable[int] | None = None, *, on_error: str = "raise"
    ) -> Iterator[Any]:
        chosen = self._select(frames, on_error)
        return self._pictures(chosen, on_error)

    def _pictures(self, chosen: list[int] | range, on_error: str) -> Iterator[Any]:
        reader = _Reader(self)
        try:
            for frame in chosen:
                place = self._picture(frame)
                result = reader.picture(frame, place)
                if self._missing == "skip" and not 0 <= place < self.index.pictures:
                    yield BadFrame(frame, MISSING, skipped=True)
                elif isinstance(result, str):
                    if on_error == "raise":
                        raise PlateError(
                            f"{self.path} frame {frame} cannot be read: {result}", mend=AGAIN
                        )
                    yield BadFrame(frame, result)
                else:
                    yield result
        finally:
            reader.close()

    def _picture(self, frame: int) -> int:
        """Number of the picture that a frame shows."""
        place = int(self.index.grid[frame - 1])
        if self._missing != "hold" or 0 <= place < self.index.pictures:
            return place
        before = self.index.grid[: frame - 1]
        there = before[(before >= 0) & (before < self.index.pictures)]
        return int(there[-1]) if len(there) else 0

    def fingerprint(self, frame: int | None = None) -> str:
        if self._fingerprint is None:
            self._fingerprint = file_fingerprint(self.path)
        return self._fingerprint

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def movie_index_of(path: str) -> MovieIndex:
    """:func:`relip.plate.movie_index.movie_index`, with errors that name the file."""
    if not os.path.exists(path):
        raise PlateError(f"{path} does not exist", mend="check the path")
    try:
        return movie_index(path)
    except OSError as error:
        raise PlateError(f"{path}: {error.strerror or error}") from None


class _Reader:
    """Decodes pictures of a movie, forward from the last one where that is shortest.

    A picture is good when its packets and those of all pictures since the
    preceding key picture decoded without an error: what follows a damaged
    picture is predicted from it. Damage that the codec cannot notice stays
    unnoticed: HEVC without picture hashes decodes wrong bits to wrong pixels.
    """

    def __init__(self, plate: MoviePlate) -> None:
        self._plate = plate
        self._index = plate.index
        self._container: Any = None
        self._frames: Iterator[Any] | None = None
        self._next = 0
        self._held: tuple[int, Any] | None = None
        self._missing = range(0)

    def picture(self, shown: int, number: int) -> MoviePicture | str:
        """Picture ``number`` (from 0) as frame ``shown``, or why it cannot be read."""
        if not 0 <= number < self._index.pictures:
            return "the file ends before it"
        if self._held is not None and self._held[0] == number:
            return self._result(shown, self._held[1])
        if number in self._missing:
            return "it is damaged"
        if self._frames is None or not self._near(number):
            self._start(number)
        for found, frame in self._frames or ():
            self._next = found + 1
            if found < number:
                continue
            self._held = (found, frame)
            break
        else:
            self._frames = None
            self._next, self._held = self._index.pictures, None
            return "it is damaged"
        if found > number:
            # Not among what the decoder gave: damaged. What came instead is kept for its turn.
            self._missing = range(number, found)
            return "it is damaged"
        return self._result(shown, frame)

    def close(self) -> None:
        self._frames, self._held = None, None
        if self._container is not None:
            self._container.close()
            self._container = None

    def _result(self, shown: int, frame: Any) -> MoviePicture | str:
        if isinstance(frame, str):
            return frame
        try:
            return self._plate.picture_of(shown, frame)
        except PlateError as error:
            return error.message
        except MemoryError:
            return "it takes more memory than there is"

    def _near(self, number: int) -> bool:
        """Whether decoding on reaches ``number`` no later than starting afresh would."""
        if self._held is not None and self._held[0] > number:
            return False
        if number < self._next:
            return False
        return self._index.pts is None or self._key(number) <= self._next

    def _key(self, number: int) -> int:
        """The last key picture at or before ``number``, or 0."""
        assert self._index.pts is not None
        keys = self._index.keys
        place = int(np.searchsorted(keys, self._index.pts[number], side="right")) - 1
        return int(np.searchsorted(self._index.pts, keys[place])) if place >= 0 else 0

    def _start(self, number: int) -> None:
        """Place the decoder at a key picture from which ``number`` can be reached."""
        pts = self._index.pts
        self._held = None
        if pts is not None and number > 0:
            key = self._key(number)
            targets = [int(pts[key])]
            earlier = self._index.keys[self._index.keys < pts[key]]
            if len(earlier):
                targets.append(int(earlier[-1]))
            for target in targets:
                self._open()
                stream = video_stream(self._container, self._plate.path)
                try:
                    self._container.seek(target, stream=stream, backward=True, any_frame=False)
                except (av.FFmpegError, OSError):
                    continue
                frames = self._decode(stream)
                first = next(frames, None)
                if first is not None and first[0] <= key:
                    self._frames = _chain(first, frames)
                    self._next = first[0]
                    return
        self._open()
        self._frames = self._decode(video_stream(self._container, self._plate.path))
        self._next = 0

    def _open(self) -> None:
        self.close()
        self._container = open_container(self._plate.path)

    def _decode(self, stream: Any) -> Iterator[tuple[int, Any]]:
        """Pictures in the order they are shown: (number, frame, or why it is damaged)."""
        stream.thread_type = "AUTO"
        # Damage that the decoder notices is an error, not a picture with a patch over it.
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
        # HEVC passes over a damaged picture without a word and predicts from what it lacks.
        gaps_tell = stream.codec.name == "hevc"
        expected: int | None = None
        pts = self._index.pts
        counted = 0
        damaged: str | None = None
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                packet = None
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.EOFError:
                return
            except (av.FFmpegError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                damaged = f"damaged, or after a damaged picture ({reason})"
                continue
            for frame in frames:
                if pts is None:
                    number, counted = counted, counted + 1
                else:
                    if frame.pts is None:
                        continue
                    number = int(np.searchsorted(pts, frame.pts))
                    if number >= len(pts) or pts[number] != frame.pts:
                        continue
                if gaps_tell and expected is not None and number > expected:
                    damaged = "after a damaged picture"
                expected = number + 1
                if frame.key_frame:
                    damaged = None
                if frame.is_corrupt and damaged is None:
                    damaged = "damaged, or after a damaged picture"
                yield number, damaged or frame


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _plane(plane: Any, dtype: type) -> np.ndarray:
    """A libav plane as an array."""
    flat: np.ndarray = np.frombuffer(plane, dtype)
    rows = flat.reshape(-1, plane.line_size // flat.itemsize)
    return rows[: plane.height, : plane.width]


def _first_frame(container: Any, stream: Any, path: str) -> Any:
    """The first picture that decodes."""
    reason = "no picture in it can be decoded"
    tried = 0
    try:
        for packet in container.demux(stream):
            try:
                for frame in packet.decode():
                    return frame
            except av.EOFError:
                break
            except (av.FFmpegError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                tried += 1
                if tried > 500:
                    break
    except av.FFmpegError as error:
        reason = getattr(error, "strerror", None) or str(error)
    raise PlateError(f"{path} cannot be decoded: {reason}")


def _timecode(container: Any, stream: Any) -> str | None:
    """The first picture's timecode, from wherever the container keeps it."""
    for metadata in (stream.metadata, container.metadata, *(s.metadata for s in container.streams)):
        for key in ("timecode", "TIMECODE"):
            if value := metadata.get(key):
                return str(value)
    return None


def _display_matrix(frame: Any) -> np.ndarray | None:
    from av.sidedata.sidedata import Type

    data = frame.side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return None
    return np.frombuffer(bytes(data), np.int32)[:9].copy()


def _has_alpha(name: str) -> bool:
    return name.startswith(("yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya", "ayuv", "vuya"))
