"""Movies through PyAV as plates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from relip import records
from relip.errors import PlateError
from relip.frames import format_range
from relip.plate import movie_tags
from relip.plate.base import AGAIN, MISSING, BadFrame, Picture, Plate, file_fingerprint
from relip.plate.colour import Colour, default_colour
from relip.plate.movie_container import (
    display_matrix,
    first_frame,
    open_container,
    timecode,
    video_stream,
)
from relip.plate.movie_index import MovieIndex, movie_index
from relip.plate.movie_picture import MoviePicture
from relip.plate.movie_reader import MovieReader
from relip.plate.orientation import Orientation, orientation_of
from relip.plate.pixel_format import coding_of, has_alpha, plane, planes_of
from relip.plate.yuv import Coding


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
        self._reader: MovieReader | None = None
        self.index: MovieIndex = movie_index(self.path)
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
            frame = first_frame(container, stream, self.path)
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
            matrix_name, matrix_from = movie_tags.matrix_of(
                tags["matrix"], coding, frame.height, self.path
            )
            grey_or_rgb = coding.matrix == "rgb" or coding.planes == 1
            full = named_full or tags["range"] == 2 or (grey_or_rgb and tags["range"] == 0)
            centred = named_full and stream.codec.name == "mjpeg"
            self.coding = Coding(
                coding.depth, coding.sub_x, coding.sub_y, matrix_name, full, centred, coding.planes
            )
            self.tags = tags
            self.display_matrix = display_matrix(frame)
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
            elif self.held:
                notes.append(
                    f"frames {format_range(self.held)}: the file has no picture of their own, the "
                    "one before is held"
                )
            if self.index.missing.any():
                missing = int(self.index.missing.sum())
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
            self.timecode = timecode(container, stream)
            self.has_alpha = self.pix_fmt == self.planar and self.pix_fmt.startswith("yuva")
            if has_alpha(self.pix_fmt) and not self.has_alpha:
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
                "primaries": movie_tags.PRIMARIES.get(tags["primaries"], str(tags["primaries"]))
                if tags["primaries"] not in (0, 2)
                else None,
                "transfer": movie_tags.TRANSFER.get(tags["transfer"], str(tags["transfer"]))
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

    @property
    def held(self) -> list[int]:
        """Frames of a constant rate that show the picture before, having none of their own."""
        if self.index.variable:
            return []
        return [f for f, again in zip(self.frames, self.index.held, strict=True) if again]

    def _choose_colour(self, given: str | None, colour: Colour) -> None:
        if given is not None:
            self.colourspace, source = colour.resolve(given), "given"
        else:
            self.colourspace, source = movie_tags.colourspace_of(self.tags, self.path, colour)
        self.info["colourspace_from"] = source

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
            alpha_codes=plane(frame.planes[3], self.coding.dtype) if self.has_alpha else None,
            source=self.path,
        )

    def read(self, frame: int) -> Picture:
        self._check([frame])
        reader = self._reader
        if reader is None:
            reader = self._reader = MovieReader(self.path, self.index, self.picture_of)
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
        reader = MovieReader(self.path, self.index, self.picture_of)
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
            if self.held:
                # what was made of its pictures one by one is made again
                self._fingerprint = records.fingerprint(self._fingerprint, "held")
        return self._fingerprint

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
