"""A movie's file: opened, and what it says before its pictures are read."""

from __future__ import annotations

import os
from typing import Any

import av
import av.logging
import numpy as np

from relip.errors import PlateError

# libav prints to stderr; what matters of it comes back as errors.
av.logging.set_libav_level(av.logging.PANIC)
av.logging.set_level(None)


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


def first_frame(container: Any, stream: Any, path: str) -> Any:
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


def timecode(container: Any, stream: Any) -> str | None:
    """The first picture's timecode, from wherever the container keeps it."""
    for metadata in (stream.metadata, container.metadata, *(s.metadata for s in container.streams)):
        for key in ("timecode", "TIMECODE"):
            if value := metadata.get(key):
                return str(value)
    return None


def display_matrix(frame: Any) -> np.ndarray | None:
    """The nine numbers of a frame's display matrix, or None where it has none."""
    from av.sidedata.sidedata import Type

    data = frame.side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return None
    return np.frombuffer(bytes(data), np.int32)[:9].copy()
