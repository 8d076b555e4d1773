"""The demo plate's files: a movie with sound, or a scene-linear EXR sequence."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from relip.demo.curves import voice_file
from relip.demo.scene import Scene
from relip.errors import SettingError
from relip.progress import Progress
from relip.records import atomic_path, output_error

#: x264's quality: grain survives, a second of 640 x 640 takes about 1.6 MB.
_CRF = "12"

LINEAR_709 = "Linear Rec.709 (sRGB)"

#: The scene-linear colourspaces a sequence can have, and what its header says of them:
#: red, green, blue and white as x, y (ITU-R BT.709; Academy TB-2014-004).
CHROMATICITIES = {
    LINEAR_709: [0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290],
    "ACEScg": [0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767],
}

#: Header attributes of the EXR frames that a comp must keep.
_HEADER = {"owner": "Relip demo", "camera": "synthetic", "scene": "demo", "slate": "demo_010"}


def voice(seconds: float) -> tuple[np.ndarray, int]:
    """The plate's voice for a duration, repeated after its end: (n,) float32, and its rate."""
    from relip.speech.audio import load_audio

    sound = load_audio(voice_file("plate.flac"))
    return np.resize(sound.samples, round(seconds * sound.rate)), sound.rate


def write_wave(path: Path, samples: np.ndarray, rate: int) -> None:
    """Write mono samples as a 16-bit wave file, atomically."""
    with atomic_path(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def write_movie(path: Path, scene: Scene, progress: Progress) -> None:
    """Render a scene to H.264 with the voice as its AAC sound, atomically.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    import av

    from relip.plate.movie_writer import X264
    from relip.plate.yuv import Coding, encode

    samples, rate = voice(float(scene.n_frames / scene.fps))
    coding = Coding(8, 1, 1, "bt709", False)
    with atomic_path(path) as temporary:
        try:
            with av.open(str(temporary), "w", format="mp4",
                         options={"movflags": "+faststart+write_colr"}) as container:  # fmt: skip
                picture: Any = container.add_stream(
                    "libx264", rate=scene.fps, options={"crf": _CRF, **X264}
                )
                picture.width = picture.height = scene.size
                picture.pix_fmt = "yuv420p"
                context = picture.codec_context
                context.thread_count = 1  # the same bytes on every machine
                picture.time_base = context.time_base = 1 / scene.fps
                context.color_range = 1
                context.colorspace = context.color_primaries = context.color_trc = 1
                sound: Any = container.add_stream("aac", rate=rate, layout="mono")
                sound.bit_rate = 64_000
                for number in range(scene.n_frames):
                    planes = encode(scene.render(number), coding)
                    frame = av.VideoFrame(scene.size, scene.size, "yuv420p")
                    for plane, codes in zip(frame.planes, planes, strict=True):
                        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(
                            -1, plane.line_size
                        )
                        rows[: codes.shape[0], : codes.shape[1]] = codes
                    frame.pts, frame.time_base = number, 1 / scene.fps
                    frame.color_range, frame.colorspace = 1, 1
                    frame.color_primaries = frame.color_trc = 1
                    container.mux(picture.encode(frame))
                    progress.step()
                container.mux(picture.encode(None))
                block = 1024
                for start in range(0, len(samples), block):
                    part = av.AudioFrame.from_ndarray(
                        np.ascontiguousarray(samples[None, start : start + block]), "fltp", "mono"
                    )
                    part.sample_rate, part.pts = rate, start
                    part.time_base = Fraction(1, rate)
                    container.mux(sound.encode(part))
                container.mux(sound.encode(None))
        except av.FFmpegError as error:
            raise output_error(
                path, OSError(getattr(error, "errno", 0) or 0, str(error))
            ) from error


def write_sequence(
    pattern: Path, scene: Scene, progress: Progress, *, first: int, colourspace: str, half: bool
) -> None:
    """Render a scene to EXR files with time code, rate and camera metadata, each atomically.

    Parameters
    ----------
    pattern : Path
        With a run of ``#`` where the frame number goes.
    scene : Scene
    progress : Progress
    first : int
        Number of the first file.
    colourspace : str
        One of :data:`CHROMATICITIES`.
    half : bool

    Raises
    ------
    SettingError
        If the pattern has no ``#`` or the colourspace is another.
    OutputError
        If a file cannot be written.
    """
    from relip.plate.colour import default_colour
    from relip.plate.exr import write_exr

    digits = pattern.name.count("#")
    if not digits or "#" * digits not in pattern.name:
        raise SettingError(
            f"{pattern} has no place for the frame number", mend="write it as plate.####.exr"
        )
    if colourspace not in CHROMATICITIES:
        raise SettingError(
            f"the demo is not made in colourspace {colourspace!r}",
            mend=f"use one of {', '.join(CHROMATICITIES)}",
        )
    if first < 0 or round(scene.fps) > 39:
        raise SettingError(
            f"frame {first} at {scene.fps} frames per second has no time code",
            mend="begin at 0 or later and stay below 40 frames per second",
        )
    try:
        pattern.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(pattern.parent, error) from error
    for number in range(scene.n_frames):
        linear = _decode_srgb(scene.render(number))
        if colourspace != LINEAR_709:
            linear = default_colour().to_working(linear, LINEAR_709, colourspace)
        metadata = {
            **_HEADER,
            "chromaticities": CHROMATICITIES[colourspace],
            "smpte:TimeCode": _timecode(first + number, scene.fps),
            "framesPerSecond": (scene.fps.numerator, scene.fps.denominator),
            "cameraFocalLength": 50.0 * (1 + number / 1000),
        }
        name = pattern.name.replace("#" * digits, f"{first + number:0{digits}d}")
        write_exr(
            pattern.with_name(name), linear, display=(scene.size, scene.size), half=half,
            metadata=metadata,
        )  # fmt: skip
        progress.step()


def _decode_srgb(code: np.ndarray) -> np.ndarray:
    """Linear light of sRGB codes (IEC 61966-2-1)."""
    code = np.asarray(code, np.float32)
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


def _timecode(frame: int, fps: Fraction) -> tuple[int, int]:
    """Non-drop SMPTE 12M time code of a frame, packed as OpenEXR stores it."""
    base = round(fps)
    seconds, frames = divmod(frame, base)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)

    def decimal(value: int) -> int:
        return value // 10 << 4 | value % 10

    clock = (hours % 24, minutes, seconds, frames)
    return (
        sum(decimal(value) << shift for value, shift in zip(clock, (24, 16, 8, 0), strict=True)),
        0,
    )
