"""Writing a movie like another: its size, rate, pixel format, colour tags and rotation."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import av.logging
import numpy as np

from relip.errors import OutputError
from relip.frames import advance_timecode
from relip.plate.base import Picture
from relip.plate.movie import MoviePlate
from relip.plate.movie_picture import MoviePicture
from relip.plate.sound import AAC_LAYOUTS, AAC_RATES, Sound, Track
from relip.plate.yuv import Coding, encode
from relip.records import atomic_path, output_error

#: Codec of the movie in to the encoder of the movie out.
_ENCODERS = {"h264": "libx264", "hevc": "libx265", "prores": "prores_ks", "dnxhd": "dnxhd"}

#: Quick, and the same file of the same pictures every time: with its macroblock tree x264 reads
#: what is not there (seen with AVX-512), and makes another file now and then.
X264 = {"preset": "veryfast", "x264-params": "mbtree=0"}

#: Visually lossless (50-53 dB measured on 1080p camera footage) and quick: 50-90 ms of one core per
#: 1080p picture. Slower presets make smaller files, not better pictures.
_OPTIONS = {
    "libx264": {"crf": "13", **X264},
    "libx265": {"crf": "12", "preset": "ultrafast", "x265-params": "log-level=none"},
    "prores_ks": {"vendor": "apl0"},
    "dnxhd": {},
}

#: DNxHR profiles by libav's name; the older DNxHD, whose sizes and bit rates are fixed, becomes the
#: one of its depth.
_DNXHR_PROFILES = {
    "DNXHR 444": "dnxhr_444",
    "DNXHR HQX": "dnxhr_hqx",
    "DNXHR HQ": "dnxhr_hq",
    "DNXHR SQ": "dnxhr_sq",
    "DNXHR LB": "dnxhr_lb",
}

#: Below this width and height the encoder of DNxHR refuses pictures.
_DNXHR_LEAST = (256, 120)

_PRORES_PROFILES = {
    "Proxy": "proxy",
    "LT": "lt",
    "Standard": "standard",
    "HQ": "hq",
    "4444": "4444",
    "XQ": "4444xq",
}

_CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}

_TIME_BASE_LIMIT = 90000


def _stored_samples(samples: np.ndarray, form: str) -> np.ndarray:
    """Samples from -1 to 1, interleaved, in a libav format; integers come back as decoded."""
    if form == "flt":
        return np.clip(samples, -1.0, 1.0).T.reshape(1, -1)
    kind = np.int16 if form == "s16" else np.int32
    limits = np.iinfo(kind)
    codes = np.rint(samples.T.astype(np.float64) * -float(limits.min))
    return np.clip(codes, limits.min, limits.max).astype(kind).reshape(1, -1)


class MovieWriter:
    """Writes upright pictures as a movie like ``like``.

    Kept: size, rate, bit depth, chroma subsampling and alpha (as far as the
    encoder has them), colour primaries, transfer, matrix and range, pixel aspect,
    codec family (H.264, HEVC, ProRes; H.264 for all others), and rotation:
    pixels are turned back to how they were stored, and the display matrix is
    set again. The container follows the suffix: ``.mp4``, ``.mov``, ``.mkv``.
    Sound keeps its rate and channels: AAC in mp4, PCM in mov and mkv; it is
    cut or followed by silence to the picture's length.

    Use it in a ``with`` block. The movie is written beside its place and
    renamed when the block ends well; otherwise nothing is left.

    Parameters
    ----------
    path : str or Path
    like : MoviePlate
    audio : str or Path, optional
        The sound; none by default.
    audio_offset : float
        Seconds into the movie at which the sound begins; negative cuts its start.
    frames : int, optional
        How many pictures will come; checked at the end.
    rate : Fraction, optional
        Frames per second; those of ``like`` by default.
    first_frame : int
        Which frame of ``like`` the first picture is; its timecode is that one's.

    Attributes
    ----------
    notes : list of str
        What could not be kept, one line each.
    coding : Coding
        Of the pictures written.
    alpha : bool
        Whether an alpha channel is written.

    Raises
    ------
    OutputError
        If the file cannot be written, or its suffix names no movie.
    AudioError
        If ``audio`` is missing or holds no sound.
    """

    def __init__(
        self,
        path: str | Path,
        like: MoviePlate,
        *,
        audio: str | Path | None = None,
        audio_offset: float = 0.0,
        frames: int | None = None,
        rate: Fraction | None = None,
        first_frame: int = 1,
    ) -> None:
        self.path = Path(path)
        self.notes: list[str] = []
        self._like = like
        self._promised = frames
        self._audio_offset = audio_offset
        self._written = 0
        self._samples = 0
        self._rate = rate or like.rate
        self._first_frame = first_frame
        suffix = self.path.suffix.lower()
        if suffix not in _CONTAINERS:
            raise OutputError(
                f"{path}: {suffix or 'a name without ending'} is not a movie that can be written",
                mend=f"use one of {', '.join(_CONTAINERS)}",
            )
        self._stack = ExitStack()
        try:
            sound = Sound(audio) if audio is not None else None
            if sound is not None:
                self._stack.callback(sound.close)
            self._temporary = self._stack.enter_context(atomic_path(self.path))
            options = {"movflags": "+faststart+write_colr"} if suffix != ".mkv" else {}
            self._container: Any = av.open(
                "file:" + os.path.abspath(self._temporary),
                "w",
                format=_CONTAINERS[suffix],
                options=options,
            )
            self._stack.callback(self._drop)
            self._open_video(suffix)
            self._track: Track | None = None
            if sound is not None:
                self._open_sound(sound, suffix)
        except BaseException as error:
            self._abort(error)
            raise self._explained(error) from error

    def _open_video(self, suffix: str) -> None:
        like = self._like
        encoder = _ENCODERS.get(like.codec, "libx264")
        if encoder == "prores_ks" and suffix == ".mp4":
            encoder = "libx264"
            self.notes.append("ProRes cannot be stored in mp4; written as H.264")
        if encoder == "dnxhd":
            small = any(a < b for a, b in zip(like.stored_size, _DNXHR_LEAST, strict=True))
            if suffix in (".mp4", ".m4v") or small:
                encoder = "libx264"
                self.notes.append("DNxHR cannot be stored so; written as H.264")
        width, height = like.stored_size
        supported = [f.name for f in av.Codec(encoder, "w").video_formats or []]
        name, self.coding = self._pixel_format(encoder, supported, width, height)
        if like.codec not in _ENCODERS:
            self.notes.append(f"codec {like.codec} is written as H.264")
        if self.coding.depth < like.coding.depth:
            self.notes.append(f"{like.coding.depth} bits are written as {self.coding.depth}")
        if (self.coding.sub_x, self.coding.sub_y) != (like.coding.sub_x, like.coding.sub_y):
            self.notes.append(f"pixel format {like.pix_fmt} is written as {name}")
        self.alpha = like.has_alpha and name.replace("yuv", "yuva", 1) in supported
        if self.alpha:
            name = name.replace("yuv", "yuva", 1)
        elif like.has_alpha:
            self.notes.append("its alpha channel cannot be stored so and is left out")
        options = dict(_OPTIONS[encoder])
        if encoder == "prores_ks":
            chosen = _PRORES_PROFILES.get(str(like.profile), "hq")
            options["profile"] = chosen if name.startswith("yuv422") else "4444"
        if encoder == "dnxhd":
            deep = "dnxhr_hqx" if self.coding.depth > 8 else "dnxhr_hq"
            chosen = _DNXHR_PROFILES.get(str(like.profile), deep)
            options["profile"] = "dnxhr_444" if name.startswith("yuv444") else chosen
            if not str(like.profile).startswith("DNXHR"):
                self.notes.append(f"DNxHD is written as {options['profile']}")
        stream = self._container.add_stream(encoder, rate=self._rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, name
        stream.time_base = stream.codec_context.time_base = 1 / self._rate
        context = stream.codec_context
        context.sample_aspect_ratio = like.pixel_aspect
        context.color_range = 2 if self.coding.full else 1
        matrix = like.tags["matrix"]
        if like.coding.matrix == "rgb":
            matrix = 1 if self.coding.matrix != "rgb" else 0
        if like.info["matrix_from"] == "default":
            # Untagged pictures stay untagged, so that every player guesses as it did before.
            matrix = 2
        context.colorspace = matrix
        context.color_primaries = like.tags["primaries"] or 2
        context.color_trc = like.tags["transfer"] or 2
        if encoder == "libx265" and suffix != ".mkv":
            context.codec_tag = "hvc1"
        if like.display_matrix is not None and like.orientation != type(like.orientation)(0, False):
            stream.set_display_matrix([int(v) for v in like.display_matrix])
        timecode = like.timecode and advance_timecode(
            like.timecode, self._first_frame - 1, self._rate
        )
        if timecode and suffix == ".mkv":
            self._container.metadata["timecode"] = timecode
        elif timecode:
            stream.metadata["timecode"] = timecode
        self._stream, self._format = stream, name
        self._frame_tags = (context.color_range, matrix)

    def _pixel_format(
        self, encoder: str, supported: list[str], width: int, height: int
    ) -> tuple[str, Coding]:
        coding = self._like.coding
        sub_x = min(coding.sub_x, 1) if width % 2 == 0 else 0
        sub_y = min(coding.sub_y, 1) if height % 2 == 0 else 0
        if sub_y and not sub_x:
            sub_y = 0
        matrix = coding.matrix if coding.matrix != "rgb" else "bt709"
        depth = next((d for d in (8, 10, 12) if d >= coding.depth), 12)
        if coding.matrix == "rgb":
            depth, sub_x, sub_y = max(depth, 10), 0, 0
        layout = {(0, 0): "444", (1, 0): "422", (1, 1): "420"}[(sub_x, sub_y)]
        if coding.planes == 1 and "gray" in supported:
            layout = "gray"
        depths = sorted((8, 10, 12), key=lambda d: (d < depth, abs(d - depth)))
        for kind in (layout, "422", "444"):
            if width % 2 and kind == "422":
                continue
            for bits in depths:
                tail = "" if bits == 8 else f"{bits}le"
                name = f"gray{tail}" if kind == "gray" else f"yuv{kind}p{tail}"
                if name not in supported:
                    continue
                x, y = {"422": (1, 0), "420": (1, 1)}.get(kind, (0, 0))
                full = coding.full if encoder != "prores_ks" and coding.matrix != "rgb" else False
                grey = 1 if kind == "gray" else 3
                return name, Coding(bits, x, y, matrix, full, False, grey)
        raise OutputError(f"{self.path}: {encoder} has no format for {self._like.pix_fmt}")

    def _open_sound(self, sound: Sound, suffix: str) -> None:
        rate, layout = sound.rate, sound.layout
        if suffix in (".mov", ".mkv"):
            codec, form = ("pcm_s24le", "s32") if sound.deep else ("pcm_s16le", "s16")
        else:
            codec, form = "aac", "flt"
            if rate not in AAC_RATES:
                above = [r for r in AAC_RATES if r >= rate]
                rate = min(above) if above else AAC_RATES[0]
                self.notes.append(f"AAC has no {sound.rate} Hz; the sound is written at {rate} Hz")
            if layout not in AAC_LAYOUTS:
                layout = "mono"
                self.notes.append(
                    f"AAC has no {sound.layout}; the sound is written as the mean of its channels"
                    " (.mov and .mkv keep them all)"
                )
        stream = self._container.add_stream(codec, rate=rate, layout=layout)
        if codec == "aac":
            stream.bit_rate = min(256_000, 128_000 * stream.channels if rate >= 32000 else 96_000)
        stream.codec_context.format = "fltp" if codec == "aac" else form
        stream.time_base = Fraction(1, rate)
        self._track = Track(sound, rate, self._audio_offset)
        self._mixed = layout != sound.layout
        self._sound_rate, self._sound_form, self._sound_layout = rate, form, layout
        self._sound_stream = stream

    def write(self, rgb: np.ndarray, alpha: np.ndarray | None = None) -> None:
        """Add the next picture.

        Parameters
        ----------
        rgb : (H, W, 3) float32
            Upright, in the encoding of ``like``'s colourspace.
        alpha : (H, W) float32, optional
            Upright, 0 to 1; written where :attr:`alpha` says so, opaque when it is not given.

        Raises
        ------
        OutputError
            If the disk is full or the encoder refuses.
        """
        like = self._like
        if rgb.shape != (like.height, like.width, 3):
            raise ValueError(f"picture of shape {rgb.shape}, not {(like.height, like.width, 3)}")
        stored = like.orientation.undo(np.ascontiguousarray(rgb, np.float32))
        self._write_planes(encode(stored, self.coding), alpha)

    def write_painted(
        self,
        picture: Picture,
        pixels: np.ndarray | None = None,
        origin: tuple[int, int] = (0, 0),
    ) -> None:
        """Add a picture, a rectangle of it painted over, its alpha as it is.

        The same movie as :meth:`write` makes of the whole painted picture, in
        less time: where the codes of ``like`` are written, only those near the
        rectangle are computed.

        Parameters
        ----------
        picture : Picture
            One of ``like``'s.
        pixels : (h, w, 3) float32, optional
            The rectangle, inside the picture.
        origin : (int, int)
            Its left column and top row.

        Raises
        ------
        OutputError
            If the disk is full or the encoder refuses.
        """
        if isinstance(picture, MoviePicture) and picture.coding == self.coding:
            codes = picture.planes if pixels is None else picture.painted_codes(pixels, origin)
            self._write_planes(codes, picture.alpha if self.alpha else None)
        else:
            rgb = picture.rgb if pixels is None else picture.painted(pixels, origin)
            self.write(rgb, picture.alpha)

    def _write_planes(self, planes: list[np.ndarray], alpha: np.ndarray | None) -> None:
        like = self._like
        if self.alpha:
            planes = [*planes, self._alpha_codes(alpha)]
        frame = av.VideoFrame(*like.stored_size, self._format)
        for plane, codes in zip(frame.planes, planes, strict=True):
            memory: Any = plane
            target = np.frombuffer(memory, codes.dtype)
            target = target.reshape(-1, plane.line_size // codes.itemsize)
            target[: codes.shape[0], : codes.shape[1]] = codes
        frame.pts, frame.time_base = self._written, 1 / self._rate
        frame.color_range, frame.colorspace = self._frame_tags
        frame.color_primaries = like.tags["primaries"] or 2
        frame.color_trc = like.tags["transfer"] or 2
        try:
            self._container.mux(self._stream.encode(frame))
            self._written += 1
            self._write_sound()
        except (av.FFmpegError, OSError) as error:
            raise self._explained(error) from error

    def _alpha_codes(self, alpha: np.ndarray | None) -> np.ndarray:
        width, height = self._like.stored_size
        top = (1 << self.coding.depth) - 1
        if alpha is None:
            return np.full((height, width), top, self.coding.dtype)
        stored = self._like.orientation.undo(np.ascontiguousarray(alpha, np.float32))
        return np.rint(np.clip(stored, 0.0, 1.0) * top).astype(self.coding.dtype)

    def _write_sound(self) -> None:
        """Bring the sound to the end of the pictures written."""
        if self._track is None:
            return
        due = round(self._written / self._rate * self._sound_rate)
        while self._samples < due:
            count = min(due - self._samples, 1 << 15)
            samples = self._track.take(count)
            if self._mixed:
                samples = samples.mean(axis=0, keepdims=True)
            data = _stored_samples(samples, self._sound_form)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(data), format=self._sound_form, layout=self._sound_layout
            )
            frame.sample_rate = self._sound_rate
            frame.pts, frame.time_base = self._samples, Fraction(1, self._sound_rate)
            self._container.mux(self._sound_stream.encode(frame))
            self._samples += count

    def close(self) -> None:
        """Finish the movie and put it in its place.

        Raises
        ------
        OutputError
            If it cannot be finished, or has not the number of pictures promised.
        """
        try:
            if self._promised is not None and self._written != self._promised:
                raise OutputError(
                    f"{self.path}: {self._written} pictures came of {self._promised}; not written"
                )
            if not self._written:
                raise OutputError(f"{self.path}: a movie without a picture is not written")
            self._container.mux(self._stream.encode(None))
            if self._track is not None:
                self._container.mux(self._sound_stream.encode(None))
            self._container.close()
            self._stack.close()
        except BaseException as error:
            self._abort(error)
            raise self._explained(error) from error

    def _drop(self) -> None:
        with suppress(Exception):
            self._container.close()

    def _abort(self, error: BaseException) -> None:
        with suppress(BaseException):
            self._stack.__exit__(type(error), error, error.__traceback__)

    def _explained(self, error: BaseException) -> BaseException:
        if isinstance(error, av.FFmpegError):
            number = getattr(error, "errno", None) or 0
            reason = getattr(error, "strerror", None) or str(error)
            return output_error(self.path, OSError(number, reason))
        if isinstance(error, OSError):
            return output_error(self.path, error)
        return error

    def __enter__(self) -> MovieWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._abort(error)
