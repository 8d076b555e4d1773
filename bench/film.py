"""Every picture format: re-lipped, written, and judged by another library.

    python bench/film.py [--rows exr,integer,movie,speed,memory,colour] [--markdown]

For each format a plate of a few frames is made with OpenImageIO, OpenEXR or
FFmpeg's libraries, given to the blend stage of a real shot folder with a patch
for every frame (``overrides/patch.####.exr``, a soft disc of generated colour),
and written in the plate's own format. What comes out is read by a library that
Relip does not use for it: the OpenEXR package, OpenCV, FFmpeg's DPX decoder.

Columns: ``outside`` is the largest |out - plate| where the matte is 0, over all
channels; ``header`` lists every attribute that differs; ``inside`` counts the
pixels that did change (a bench in which nothing happens shows 0 here).

Movies are compressed anew as a whole, so their pictures cannot be exact: shown
are what FFmpeg says of the new file (picture, sound and timecode) and the error of
the luma outside the matte, both files decoded by FFmpeg alone. The row ``as EXR``
is the same movie finished as a sequence, which is exact. The sound of the new file
is the new dialogue alone, by design.

Of integer files the header is compared, too: DPX byte by byte, TIFF, PNG and JPEG by
what Pillow reads.

``speed``: blend and write of EXR frames against a plain read and write of the
same frames with OpenImageIO, in the same run and on the same threads.
``memory``: peak resident memory of a whole ``relip run`` (track to review, all its
processes) on 4096 x 2160 float EXR.
``colour``: plate to the network's encoding and back on [-0.1, 64] in every scene-linear
space of the built-in config: the largest error of any channel, in half-float steps of
its own value; the same through a working space with other primaries, for comparison.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import shutil
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import OpenEXR
import OpenImageIO as oiio
from dub import watched

from relip.blend import stage as blend_stage
from relip.plate import open_plate, read_exr, write_exr
from relip.progress import Progress
from relip.shot import Shot, ShotSettings

QUIET = Progress("none")
SIZE = (192, 108)
FRAMES = 3
RATE = Fraction(24000, 1001)
CHROMATICITIES = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
COMPRESSIONS = ("none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab")


# ------------------------------------------------------------------------------------------------
# Plates


def picture(size: tuple[int, int], frame: int, channels: int = 3) -> np.ndarray:
    """A moving pattern with noise, below 0 and above 1 in places, (h, w, C) float32."""
    width, height = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    rng = np.random.default_rng(frame)
    planes = [0.5 + 0.6 * np.sin((x * (c + 1) + 7 * frame) / 23) * np.cos(y / 17)
              for c in range(channels)]  # fmt: skip
    out = np.stack(planes, -1) + rng.normal(0, 0.02, (height, width, channels))
    out[:3, :3] = 40.0
    return out.astype(np.float32)


def exr_with_oiio(
    path: Path,
    frame: int,
    *,
    compression: str = "zip",
    kind: str = "half",
    tiled: bool = False,
    size: tuple[int, int] = SIZE,
    origin: tuple[int, int] = (0, 0),
    display: tuple[int, int] | None = None,
) -> None:
    """One part with R, G, B, A and a layer."""
    names = ("R", "G", "B", "A", "diffuse.R", "diffuse.G", "diffuse.B")
    spec = oiio.ImageSpec(*size, len(names), oiio.HALF if kind == "half" else oiio.FLOAT)
    spec.channelnames = names
    spec.alpha_channel = 3
    if kind == "mixed":
        spec.channelformats = (oiio.TypeHalf,) * 4 + (oiio.TypeFloat,) * 3
    spec.x, spec.y = origin
    spec.full_x = spec.full_y = 0
    spec.full_width, spec.full_height = display or size
    if tiled:
        spec.tile_width, spec.tile_height = 32, 16
    _say(spec, frame)
    spec.attribute("compression", compression)
    _write(path, spec, picture(size, frame, len(names)))


def exr_with_openexr(
    path: Path, frame: int, *, compression: int, tiled: bool = False, parts: int = 1
) -> None:
    """What OpenImageIO cannot write: integer ids, a preview, attributes of odd types."""
    made = []
    for number in range(parts):
        own = number == parts - 1
        header = {
            "compression": compression,
            "type": OpenEXR.tiledimage if tiled else OpenEXR.scanlineimage,
            "timeCode": OpenEXR.TimeCode(
                1, 2, 3, frame % 24, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8
            ),
            "framesPerSecond": RATE,
            "chromaticities": CHROMATICITIES,
            "preview": OpenEXR.PreviewImage(np.full((4, 6, 4), 9, np.uint8)),
            "worldToCamera": np.arange(16, dtype=np.float32).reshape(4, 4),
            "owner": "the studio",
        }
        if tiled:
            header["tiles"] = OpenEXR.TileDescription()
            header["tiles"].xSize, header["tiles"].ySize = 32, 16
        rgb = picture(SIZE, frame + number)
        if own:
            rng = np.random.default_rng(frame)
            ids = rng.integers(0, 2**32 - 1, SIZE[::-1], dtype=np.uint32)
            channels = {c: rgb[..., i].astype(np.float16) for i, c in enumerate("RGB")}
            channels |= {"crypto.id": ids, "depth.Z": rgb[..., 0] * np.float32(1000)}
        else:
            channels = {f"layer{number}.{c}": rgb[..., i].copy() for i, c in enumerate("RGB")}
        made.append(OpenEXR.Part(header, channels, f"part{number}"))
    OpenEXR.File(made).write(str(path))


def integers(path: Path, frame: int, *, kind: str, bits: int, channels: int = 3) -> None:
    """A DPX, TIFF, PNG or JPEG."""
    spec = oiio.ImageSpec(*SIZE, channels, kind)
    if channels == 4:
        spec.alpha_channel = 3
    spec.attribute("oiio:BitsPerSample", bits)
    spec.attribute("oiio:UnassociatedAlpha", 1)
    spec.attribute("Artist", "someone")
    spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), (0x01020300 + frame, 0))
    if kind != "float":
        top = 255 if kind == "uint8" else 65535
        codes = np.rint(np.clip(picture(SIZE, frame, channels), 0, 1) * (2**bits - 1))
        pixels: np.ndarray = np.rint(codes / (2**bits - 1) * top).astype(kind)
    else:
        pixels = picture(SIZE, frame, channels)
    _write(path, spec, pixels)


def movie(
    path: Path, *, codec: str, pix_fmt: str, options: dict[str, str] | None = None,
    timecode: str = "", sounds: int = 0, times: list[int] | None = None, size=(256, 144),
    count: int = 12,
) -> None:  # fmt: skip
    """A movie with what is asked for."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, options=options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1
        if times:
            stream.time_base = context.time_base = Fraction(1, 24000)
        if timecode:
            stream.metadata["timecode"] = timecode
        kind = "aac" if path.suffix == ".mp4" else "pcm_s16le"
        tracks = [container.add_stream(kind, rate=48000, layout="mono") for _ in range(sounds)]
        for number in range(count):
            shown = (np.clip(picture(size, number), 0, 1) * 255).astype(np.uint8)
            form = "rgb24"
            if "yuva" in pix_fmt:
                ramp = np.linspace(0, 255, size[0]).astype(np.uint8)[None].repeat(size[1], 0)
                shown, form = np.dstack([shown, np.roll(ramp, 9 * number, 1)]), "rgba"
            frame = av.VideoFrame.from_ndarray(shown, form).reformat(format=pix_fmt)
            frame.pts, frame.time_base = (
                (times[number], Fraction(1, 24000)) if times else (number, 1 / RATE)
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for number, track in enumerate(tracks):
            tone = np.sin(np.arange(24_064) * 0.02 * (number + 1)) * 8000
            for start in range(0, len(tone), 1024):
                piece = tone[None, start : start + 1024].astype(np.int16)
                frame = av.AudioFrame.from_ndarray(piece, "s16", "mono")
                frame.sample_rate, frame.pts = 48000, start
                container.mux(track.encode(frame))
            container.mux(track.encode(None))


def dialogue(path: Path) -> Path:
    """Half a second of the new dialogue, 48 kHz, one channel."""
    samples = (np.sin(np.arange(24_000) * 0.05) * 9000).astype("<i2")
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 48_000, 0, "NONE", ""))
        sound.writeframes(samples.tobytes())
    return path


def _say(spec: Any, frame: int) -> None:
    spec.attribute("PixelAspectRatio", 2.0)
    spec.attribute("framesPerSecond", oiio.TypeDesc("rational"), (24000, 1001))
    spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), (0x01020300 + frame, 0))
    spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), CHROMATICITIES)
    spec.attribute("nuke/input/filename", "/show/sh010/plate.exr")
    spec.attribute("camera/iso", 800)


def _write(path: Path, spec: Any, pixels: np.ndarray) -> None:
    output = oiio.ImageOutput.create(str(path))
    fine = output.open(str(path), spec) and output.write_image(pixels) and output.close()
    assert fine, output.geterror()


# ------------------------------------------------------------------------------------------------
# Re-lipping


def shot_with_patches(folder: Path, plate: Path, **settings: str) -> tuple[Shot, dict[int, Any]]:
    """A shot folder whose patches are the artist's; and the matte of each frame."""
    shot = Shot.create(folder, ShotSettings.from_dict({"plate": {"path": str(plate), **settings}}))
    mattes = {}
    with shot.open_plate() as opened:
        width, height = opened.width, opened.height
        y, x = np.mgrid[:height, :width].astype(np.float32)
        for frame in shot.frames:
            centre = (0.5 * width + frame % 7, 0.55 * height)
            distance = np.hypot((x - centre[0]) / width, (y - centre[1]) / height)
            alpha = np.clip((0.2 - distance) / 0.06, 0, 1).astype(np.float16).astype(np.float32)
            rows = np.flatnonzero(alpha.any(1))
            columns = np.flatnonzero(alpha.any(0))
            box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            colour = np.stack([0.3 + 0.3 * np.sin(x / 5 + c + frame) for c in range(3)], -1)
            patch = {c: (colour[..., i] * alpha)[box] for i, c in enumerate("RGB")}
            write_exr(
                shot.path("overrides", f"patch.{frame:04d}.exr"),
                patch | {"A": alpha[box]},
                display=(width, height),
                origin=(int(columns[0]), int(rows[0])),
                half=opened.half,
            )
            mattes[frame] = alpha
    return shot, mattes


# ------------------------------------------------------------------------------------------------
# Judging


def judge_exr(plate: Path, out: Path, matte: np.ndarray) -> tuple[float, list[str], int]:
    """Largest difference outside the matte, differing attributes, changed pixels inside."""
    worst, said, inside = 0.0, [], 0
    before, after = (OpenEXR.File(str(p), separate_channels=True).parts for p in (plate, out))
    if len(before) != len(after):
        return np.inf, [f"{len(before)} parts become {len(after)}"], 0
    for one, two in zip(before, after, strict=True):
        for name in sorted({*one.header, *two.header}):
            x, y = _plain(one.header.get(name)), _plain(two.header.get(name))
            if x != y:
                said.append(f"{name}: {x} -> {y}" if len(f"{x}{y}") < 60 else name)
        if set(one.channels) != set(two.channels):
            return np.inf, ["channels"], 0
        low, _ = one.header["dataWindow"]
        shown = one.header["displayWindow"][0]
        for name in one.channels:
            x, y = one.channels[name].pixels, two.channels[name].pixels
            if x.dtype != y.dtype or x.shape != y.shape:
                return np.inf, [f"{name}: {x.dtype} -> {y.dtype}"], 0
            outside = np.ones(x.shape, bool)
            if name in "RGB":
                origin = (int(low[0] - shown[0]), int(low[1] - shown[1]))
                outside = _cut(matte, origin, x.shape) == 0
            unsigned = f"u{x.itemsize}"
            differs = x.view(unsigned) != y.view(unsigned)
            if (differs & outside).any():
                gap = np.abs(x.astype(np.float64) - y.astype(np.float64))[differs & outside]
                worst = max(worst, float(np.nanmax(gap)), np.finfo(np.float32).tiny)
            inside += int((differs & ~outside).sum())
    return worst, said, inside


def _cut(matte: np.ndarray, origin: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """The matte over a data window; 0 where it is outside the display window."""
    out = np.zeros(shape, np.float32)
    height, width = matte.shape
    y0, x0 = max(origin[1], 0), max(origin[0], 0)
    y1, x1 = min(origin[1] + shape[0], height), min(origin[0] + shape[1], width)
    out[y0 - origin[1] : y1 - origin[1], x0 - origin[0] : x1 - origin[0]] = matte[y0:y1, x0:x1]
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, OpenEXR.Channel):
        return (value.name, value.xSampling, value.ySampling, value.pLinear)
    if isinstance(value, OpenEXR.PreviewImage):
        return value.pixels.tolist()
    if isinstance(value, OpenEXR.TileDescription):
        return (value.xSize, value.ySize, str(value.mode))
    if isinstance(value, OpenEXR.Compression):
        return value.name.removesuffix("_COMPRESSION").lower()
    return value if isinstance(value, (int, float)) else str(value)


#: The fields of a DPX header (SMPTE 268M): where they begin, by name.
DPX_FIELDS = {
    0: "magic", 4: "offset", 8: "version", 16: "file size", 20: "ditto", 24: "generic size",
    28: "industry size", 32: "user size", 36: "file name", 136: "creation time", 160: "creator",
    260: "project", 460: "copyright", 660: "key", 664: "reserved", 768: "orientation",
    772: "size", 780: "element", 1408: "offsets", 1432: "source image", 1556: "border",
    1564: "pixel aspect", 1572: "source", 1628: "pixel aspect", 1664: "film", 1732: "film rate",
    1920: "timecode", 1924: "userbits", 1932: "field", 1940: "television rate", 1948: "time",
}  # fmt: skip


def header_diff(plate: Path, out: Path) -> set[str]:
    """Names of what differs in the headers of two files that are no EXR, without OpenImageIO."""
    if plate.suffix == ".dpx":
        one, two = (p.read_bytes()[:2048] for p in (plate, out))
        starts = sorted(DPX_FIELDS)
        differs = set()
        for at in (i for i in range(2048) if one[i] != two[i]):
            differs.add(DPX_FIELDS[max(s for s in starts if s <= at)])
        return differs
    from PIL import Image, UnidentifiedImageError

    heads = []
    for path in (plate, out):
        try:
            image = Image.open(path)
        except UnidentifiedImageError:  # it knows no TIFF of three floats
            return {"not known to Pillow"}
        with image:
            tags = {str(k): str(v) for k, v in getattr(image, "tag_v2", {}).items()}
            heads.append(tags | {str(k): str(v)[:60] for k, v in image.info.items()})
    # where the strips lie and how long they came out is no part of what is said
    own = {"273", "279", "278"}
    return {
        f"{k}: {heads[0].get(k)} -> {heads[1].get(k)}"
        for k in {*heads[0], *heads[1]} - own
        if heads[0].get(k) != heads[1].get(k)
    }


def codes(path: Path) -> np.ndarray:
    """The integers of an image, without OpenImageIO."""
    if path.suffix == ".dpx":
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            depth = max(c.bits for c in frame.format.components)
            # To 16 bits every code stays a code of its own.
            return frame.to_ndarray(format="rgba64le" if depth > 8 else "rgba")
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert found is not None, path
    return found


# ------------------------------------------------------------------------------------------------
# Rows


def exr_rows() -> Iterator[tuple[str, Callable[[Path, int], None]]]:
    for compression in COMPRESSIONS:
        for kind in ("half", "float", "mixed"):
            for tiled in (False, True):
                label = f"EXR {compression} {kind}{' tiled' if tiled else ''}"
                yield label, _bind(exr_with_oiio, compression=compression, kind=kind, tiled=tiled)
    for name in ("zip", "piz", "pxr24"):
        number = getattr(OpenEXR, f"{name.upper()}_COMPRESSION")
        for tiled in (False, True):
            label = f"EXR {name} ids, preview{' tiled' if tiled else ''}"
            yield label, _bind(exr_with_openexr, compression=number, tiled=tiled)
        yield f"EXR {name} 3 parts", _bind(exr_with_openexr, compression=number, parts=3)
    windows = {
        "overscan": {"size": (232, 148), "origin": (-20, -20), "display": SIZE},
        "data inside display": {"size": (150, 80), "origin": (20, 14), "display": SIZE},
        "negative origin, cut": {"size": (170, 90), "origin": (-30, -9), "display": SIZE},
    }
    for label, window in windows.items():
        for tiled in (False, True):
            name = f"EXR {label}{' tiled' if tiled else ''}"
            yield name, _bind(exr_with_oiio, tiled=tiled, **window)


def integer_rows() -> Iterator[tuple[str, str, Callable[[Path, int], None]]]:
    for bits in (10, 12, 16):
        yield f"DPX {bits} bit log", "dpx", _bind(integers, kind="uint16", bits=bits)
    yield "DPX 10 bit RGBA", "dpx", _bind(integers, kind="uint16", bits=10, channels=4)
    yield "TIFF 16", "tif", _bind(integers, kind="uint16", bits=16)
    yield "TIFF 16 RGBA", "tif", _bind(integers, kind="uint16", bits=16, channels=4)
    yield "TIFF float", "tif", _bind(integers, kind="float", bits=32)
    yield "PNG 8", "png", _bind(integers, kind="uint8", bits=8)
    yield "PNG 16 RGBA", "png", _bind(integers, kind="uint16", bits=16, channels=4)
    yield "JPEG (as EXR)", "jpg", _bind(integers, kind="uint8", bits=8)


MOVIES: dict[str, tuple[str, dict[str, Any]]] = {
    "ProRes 422 HQ": (".mov", {"codec": "prores_ks", "pix_fmt": "yuv422p10le",
                               "options": {"profile": "hq"}, "timecode": "01:00:00:00",
                               "sounds": 2}),
    "ProRes 4444": (".mov", {"codec": "prores_ks", "pix_fmt": "yuv444p10le",
                             "options": {"profile": "4444"}}),
    "ProRes 4444 alpha": (".mov", {"codec": "prores_ks", "pix_fmt": "yuva444p10le",
                                   "options": {"profile": "4444"}}),
    "DNxHR HQX": (".mov", {"codec": "dnxhd", "pix_fmt": "yuv422p10le",
                           "options": {"profile": "dnxhr_hqx"}, "timecode": "10:00:00:00"}),
    "DNxHR HQ": (".mov", {"codec": "dnxhd", "pix_fmt": "yuv422p",
                          "options": {"profile": "dnxhr_hq"}}),
    "H.264 8 bit": (".mp4", {"codec": "libx264", "pix_fmt": "yuv420p", "sounds": 3,
                             "timecode": "10:00:00:00"}),
    "H.264 10 bit": (".mp4", {"codec": "libx264", "pix_fmt": "yuv420p10le"}),
    "HEVC 8 bit": (".mp4", {"codec": "libx265", "pix_fmt": "yuv420p",
                            "options": {"x265-params": "log-level=none"}}),
    "HEVC 10 bit": (".mp4", {"codec": "libx265", "pix_fmt": "yuv420p10le",
                             "options": {"x265-params": "log-level=none"}}),
    "H.264 variable rate": (".mp4", {"codec": "libx264", "pix_fmt": "yuv420p",
                                     "times": [0, 1001, 2002, 4004, 5005, 7007, 8008, 9009,
                                               11011, 12012, 13013, 14014]}),
    "H.264 interlaced": (".mp4", {"codec": "libx264", "pix_fmt": "yuv420p",
                                  "options": {"x264-params": "interlaced=1:tff=1",
                                              "flags": "+ildct+ilme"}}),
}  # fmt: skip


def _bind(make: Callable[..., None], **values: Any) -> Callable[[Path, int], None]:
    return lambda path, frame: make(path, frame, **values)


def run_exr(folder: Path) -> Iterator[list[str]]:
    for label, make in exr_rows():
        here = _empty(folder)
        for frame in range(1001, 1001 + FRAMES):
            make(here / f"p.{frame}.exr", frame)
        shot, mattes = shot_with_patches(here / "a.relip", here / "p.####.exr")
        report = blend_stage.run(shot, list(shot.frames), progress=QUIET)
        found = [
            judge_exr(here / f"p.{f}.exr", blend_stage.comp_path(shot, f), mattes[f])
            for f in shot.frames
        ]
        assert not report.failed, report.failed
        header = sorted({s for _, said, _ in found for s in said})
        yield [label, f"{max(f[0] for f in found):g}", "; ".join(header) or "same",
               f"{min(f[2] for f in found)}"]  # fmt: skip


def run_integer(folder: Path) -> Iterator[list[str]]:
    for label, suffix, make in integer_rows():
        here = _empty(folder)
        for frame in range(1001, 1001 + FRAMES):
            make(here / f"p.{frame}.{suffix}", frame)
        spaces = {"dpx": "ARRI LogC4", "tif": "ACEScg" if "float" in label else ""}
        space = spaces.get(suffix, "")
        shot, mattes = shot_with_patches(
            here / "a.relip", here / f"p.####.{suffix}", colourspace=space
        )
        own = suffix if suffix != "jpg" else "exr"
        target = str(here / f"out.####.{own}")
        report = blend_stage.run(shot, list(shot.frames), progress=QUIET, target=target)
        assert not report.failed, report.failed
        worst, inside, kinds = 0.0, 10**9, set()
        heads: set[str] = set()
        for frame in shot.frames:
            matte = mattes[frame] == 0
            if suffix == "jpg":
                with open_plate(here / f"p.{frame}.jpg") as plate:
                    before = plate.read(frame).rgb
                channels, _, _, _ = read_exr(here / f"out.{frame}.exr")
                after = np.stack([channels[c] for c in "RGB"], -1)
                kinds.add("codes of the plate as half floats")
            else:
                before = codes(here / f"p.{frame}.{suffix}")
                after = codes(here / f"out.{frame}.{suffix}")
                kinds.add(f"{before.dtype} -> {after.dtype}")
                heads.update(
                    header_diff(here / f"p.{frame}.{suffix}", here / f"out.{frame}.{suffix}")
                )
            gap = np.abs(before.astype(np.float64) - after.astype(np.float64)).max(-1)
            worst = max(worst, float(gap[matte].max()))
            inside = min(inside, int((gap[~matte] > 0).sum()))
        kinds.add("header: " + (", ".join(sorted(heads)) or "same"))
        yield [label, f"{worst:g}", "; ".join(sorted(kinds)), f"{inside}"]


def run_movie(folder: Path) -> Iterator[list[str]]:
    for label, (suffix, values) in MOVIES.items():
        here = _empty(folder)
        plate_path, out = here / f"p{suffix}", here / f"out{suffix}"
        movie(plate_path, **values)
        if "interlaced" in label:
            try:
                open_plate(plate_path).close()
                yield [label, "opened!", "", ""]
            except Exception as error:
                yield [label, "refused", str(error).partition(": ")[0].rpartition("/")[2], ""]
            continue
        shot, mattes = shot_with_patches(here / "a.relip", plate_path)
        sound = dialogue(here / "new.wav")
        report = blend_stage.write_movie(shot, out, audio=sound, progress=QUIET)
        assert not report.failed, report.failed
        said = _probe(plate_path), _probe(out)
        differs = [
            f"{k}: {said[0][k]} -> {said[1][k]}" for k in said[0] if said[0][k] != said[1][k]
        ]
        errors, changed = luma_errors(plate_path, out, mattes, shot.frames.start), 0
        with open_plate(plate_path) as plate, open_plate(out) as again:
            notes = [n for n in plate.info["notes"] if "variable" in n] + report.notes
            alphas = [(plate.read(f).alpha, again.read(f).alpha) for f in shot.frames]
            if alphas[0][0] is not None:
                gap = max(float(np.abs(a - b).max()) for a, b in alphas)
                notes.append(f"alpha to {gap:.4f}")
            for frame in shot.frames:
                gap = np.abs(plate.read(frame).rgb - again.read(frame).rgb)
                changed += int((gap.max(-1) > 0.05)[mattes[frame] > 0.5].sum())
        level = f"{-10 * np.log10(np.mean(errors)):.1f} dB" if errors else "other pictures"
        yield [label, level, "; ".join(differs + notes) or "same", f"{changed}"]
        blend_stage.run(shot, list(shot.frames), progress=QUIET)
        worst, inside = 0.0, 10**9
        with open_plate(plate_path) as plate:
            for picture_ in plate.iter():
                name = blend_stage.comp_path(shot, picture_.frame)
                read = OpenEXR.File(str(name), separate_channels=True).parts[0].channels
                after = np.stack([read[c].pixels for c in "RGB"], -1).astype(np.float32)
                gap = np.abs(after - picture_.rgb).max(-1)
                matte = mattes[picture_.frame]
                worst = max(worst, float(gap[matte == 0].max()))
                inside = min(inside, int((gap[matte > 0] > 0).sum()))
        yield [f"{label} as EXR", f"{worst:g}", str(read["R"].pixels.dtype), f"{inside}"]


def luma_errors(plate: Path, out: Path, mattes: dict[int, np.ndarray], first: int) -> list[float]:
    """Mean squared error of the luma outside the matte, codes over their range, picture by picture.

    Only FFmpeg decodes. A movie that was conformed has other pictures: nothing is compared.
    """
    found = []
    with av.open(str(plate)) as one, av.open(str(out)) as two:
        pictures = [[_luma(f) for f in c.decode(video=0)] for c in (one, two)]
    if len(pictures[0]) != len(pictures[1]):
        return []
    for number, (before, after) in enumerate(zip(*pictures, strict=True)):
        outside = mattes[first + number] == 0
        found.append(float(np.square(before - after)[outside].mean()))
    return found


def _luma(frame: Any) -> np.ndarray:
    """The plane Y over the range of its codes, (h, w)."""
    plane, bits = frame.planes[0], frame.format.components[0].bits
    kind = np.uint8 if bits == 8 else np.dtype("<u2")
    rows = np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width]
    return rows.astype(np.float64) / (2**bits - 1)


def _probe(path: Path) -> dict[str, Any]:
    """What FFmpeg's libraries say of a movie."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        timecode = next(
            (s.metadata["timecode"] for s in container.streams if "timecode" in s.metadata), None
        )
        return {
            "codec": stream.codec.name,
            "profile": stream.profile,
            "pixel format": context.pix_fmt,
            "size": (stream.width, stream.height),
            "rate": str(stream.average_rate) if stream.frames else None,
            "frames": stream.frames,
            "timecode": timecode,
            "matrix": int(context.colorspace),
            "primaries": int(context.color_primaries),
            "transfer": int(context.color_trc),
            "sounds": [(s.codec.name, s.rate, s.channels) for s in container.streams.audio],
        }


def run_speed(folder: Path, repeats: int = 3) -> Iterator[list[str]]:
    cases = {
        "1920x1080 half zip RGBA+3": ((1920, 1080), "half", "zip", 12),
        "1920x1080 half piz RGBA+3": ((1920, 1080), "half", "piz", 12),
        "1920x1080 half dwaa RGBA+3": ((1920, 1080), "half", "dwaa", 8),
        "4096x2160 float zip RGBA+3": ((4096, 2160), "float", "zip", 4),
    }
    for label, (size, kind, compression, count) in cases.items():
        here = _empty(folder)
        for frame in range(1001, 1001 + count):
            exr_with_oiio(here / f"p.{frame}.exr", frame, size=size, kind=kind,
                          compression=compression)  # fmt: skip
        shot, _ = shot_with_patches(here / "a.relip", here / "p.####.exr")
        plain, blend = [], []
        for _ in range(repeats):
            start = time.perf_counter()
            for frame in shot.frames:
                image = oiio.ImageInput.open(str(here / f"p.{frame}.exr"))
                spec = image.spec()
                pixels = image.read_image(spec.format if kind == "half" else "float")
                image.close()
                _write(here / f"again.{frame}.exr", spec, pixels)
            plain.append(time.perf_counter() - start)
            start = time.perf_counter()
            blend_stage.run(shot, list(shot.frames), progress=QUIET, force=True)
            blend.append(time.perf_counter() - start)
        a, b = min(plain) / count, min(blend) / count
        yield [label, f"{a / b:.2f}", f"plain {1000 * a:.0f} ms, blend + write {1000 * b:.0f} ms",
               "ratio"]  # fmt: skip


def run_memory(folder: Path) -> Iterator[list[str]]:
    from relip.demo import make_plate

    here = _empty(folder)
    count = 8
    make_plate(here / "face.####.exr", n_frames=count, size=1080, exr=True, half=False)
    names = ("R", "G", "B", "A")
    for frame in range(1001, 1001 + count):
        channels, _, _, _ = read_exr(here / f"face.{frame}.exr")
        canvas = picture((4096, 2160), frame, 4) * 0.2
        face = np.stack([channels[c] for c in "RGB"], -1)
        height, width = face.shape[:2]
        canvas[500 : 500 + height, 1500 : 1500 + width, :3] = face
        spec = oiio.ImageSpec(4096, 2160, 4, oiio.FLOAT)
        spec.channelnames = names
        _say(spec, frame)
        spec.attribute("compression", "zip")
        _write(here / f"p.{frame}.exr", spec, canvas)
        (here / f"face.{frame}.exr").unlink()
    settings = {
        "plate": {"path": str(here / "p.####.exr")},
        "render": {"drive": "track"},
        "train": {"steps": 4},
    }
    shot = here / "a.relip"
    Shot.create(shot, ShotSettings.from_dict(settings))
    command = [sys.executable, "-m", "relip", "run", str(shot), "--progress", "none"]
    with contextlib.redirect_stdout(sys.stderr):
        seconds, peak = watched(command, 2)
    # The kernel's own figure of the largest process, which no sampling misses.
    peak = max(peak, 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    comps = len(list((shot / "comp").glob("comp.*.exr")))
    assert comps == count and (shot / "review" / "report.html").exists()
    yield [f"4096x2160 float RGBA, {count} frames: track, mask, train, render, blend, review",
           f"{peak / 1e9:.2f} GB", f"{seconds:.0f} s", ""]  # fmt: skip


def run_colour(folder: Path) -> Iterator[list[str]]:
    from relip.plate import default_colour
    from relip.render.encoding import Encoding

    rng = np.random.default_rng(0)
    greys = np.repeat(np.linspace(-0.1, 64, 60_001)[:, None], 3, axis=1)
    dark = np.repeat(np.linspace(-0.1, 0.1, 60_001)[:, None], 3, axis=1)
    colours = rng.uniform(0, 1, (120_000, 3)) ** 6 * 64.1 - 0.1
    plate = np.concatenate([greys, dark, colours]).astype(np.float16).astype(np.float32)[None]
    exponent = np.floor(np.log2(np.maximum(np.abs(plate), 2.0**-14)))
    step = np.maximum(2.0 ** (exponent - 10), 2.0**-24)
    colour = default_colour()
    for name in colour.names():
        if not colour.is_linear(name):
            continue
        found = []
        for working in ("auto", "ACEScct"):
            encoding = Encoding.choose(name, working)
            back = encoding.decode(encoding.encode(plate))
            found.append(float((np.abs(back - plate) / step).max()))
        yield [name, f"{found[0]:.4f}", f"through ACEScct primaries: {found[1]:.3f}", "steps"]


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


KINDS = {
    "exr": run_exr,
    "integer": run_integer,
    "movie": run_movie,
    "speed": run_speed,
    "memory": run_memory,
    "colour": run_colour,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default=",".join(KINDS), help="which kinds of rows")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    args = parser.parse_args()
    head = ["format", "outside", "header, or what it is", "inside"]
    print(f"| {' | '.join(head)} |\n|{'---|' * 4}" if args.markdown else "\t".join(head))
    with tempfile.TemporaryDirectory(prefix="relip-film-") as scratch:
        for kind in args.rows.split(","):
            for row in KINDS[kind](Path(scratch) / "work"):
                print(f"| {' | '.join(row)} |" if args.markdown else "\t".join(row), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"\npeak memory of the bench itself: {peak / 1e6:.2f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
