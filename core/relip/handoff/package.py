"""The delivery package: generated pixels alone in multi-layer EXRs, beside the comp, described."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from relip import __version__, records
from relip.errors import OutputError, PlateError, ShotError
from relip.frames import format_range, select_frames
from relip.plate.base import Picture, Plate
from relip.shot import Shot

if TYPE_CHECKING:
    from relip.progress import Progress

FORMAT = "relip-package"
VERSION = 1

#: Compressions that keep every bit of half and float channels; others are written as zip.
_EXACT = ("none", "rle", "zip", "zips", "piz")

#: What the layers hold, in their order.
LAYERS = {
    "rgba": "generated pixels, premultiplied by alpha: comp = rgba + plate × (1 − rgba.A)",
    "raw": "the network's picture, colour-matched, not multiplied by any matte",
    "stmap": "place in the canonical crop of each pixel: red to the right, green up, 0-1",
    "matte": "what may change: 0 to 1, the feather inside",
    "lips": "the lips of the plate, 0 to 1",
    "mouth": "the opening between the lips of the plate, 0 to 1",
    "skin": "the edited region without lips and mouth, 0 to 1",
}

Layers = dict[str, np.ndarray]


def write_package(
    shot: Shot, folder: str | Path, *, frames: str | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Write a delivery package.

    Parameters
    ----------
    shot : Shot
        Run up to blend.
    folder : path
        Made whole or not at all; a package that stands there is replaced,
        anything else is left alone.
    frames : str, optional
        Only these frames.
    progress : Progress, optional

    Returns
    -------
    dict
        The description, as ``package.json`` holds it.

    Raises
    ------
    StageMissingError
        If a frame is not rendered.
    PlateError, ShotError
        If a frame of the plate, a patch or a matte cannot be read.
    OutputError
        If the folder cannot be written, or something else stands there.
    """
    from relip.blend import stage as blend_stage

    name = shot.folder.stem
    chosen = select_frames(frames, shot.frames)
    if progress:
        progress.start("package", len(chosen))
    with _replaced(Path(folder)) as place, shot.open_plate() as plate:
        exact_half = plate.half and shot.settings.blend.mix == 1 and not _has_patches(shot)
        record = records.FrameRecord(shot.path("comp"))
        target = records.read_record(shot.path("comp")).get("target") or ""
        if target == "comp/comp.####.exr":
            target = ""
        passed: list[int] = []
        present: dict[str, list[str]] = {}
        for picture in plate.iter(chosen):
            frame = picture.frame
            layers = read_layers(shot, plate, frame)
            if layers is None:
                passed.append(frame)
            else:
                channels, origin = layers
                write_patch(
                    place / "patch" / f"{name}_patch.{frame:04d}.exr",
                    picture, channels, origin, half=exact_half, colourspace=plate.colourspace,
                )  # fmt: skip
                for channel in channels:
                    layer, _, part = channel.rpartition(".")
                    parts = present.setdefault(layer or "rgba", [])
                    if part not in parts:
                        parts.append(part)
            comp = blend_stage.sequence_path(target, frame) if target else (
                blend_stage.comp_path(shot, frame)
            )  # fmt: skip
            key = blend_stage.frame_key(shot, plate, frame, target)
            _comp(
                shot, plate, picture, place / "comp" / f"{name}_comp.{frame:04d}.exr",
                comp if record.is_current(frame, key, comp) and comp.exists() else None,
            )  # fmt: skip
            if progress:
                progress.step()
        description = _describe(shot, plate, name, chosen, passed, present, exact_half)
        description["files"] = _checksums(place)
        records.write_json(place / "package.json", description)
    if progress:
        progress.finish()
    return description


def read_layers(shot: Shot, plate: Plate, frame: int) -> tuple[Layers, tuple[int, int]] | None:
    """All layers of a frame over one data window.

    Parameters
    ----------
    shot : Shot
    plate : Plate
    frame : int

    Returns
    -------
    layers : dict of str to np.ndarray [shape=(h, w), dtype=float32]
        ``R``, ``G``, ``B``, ``A``, ``raw.R``, …, ``stmap.R``, ``stmap.G``,
        ``matte.A``, ``lips.A``, ``mouth.A``, ``skin.A``; those there are.
        0 where a layer does not reach.
    origin : (int, int)
        Left column and top row on the plate. None instead of both where the
        plate passes through.
    """
    from relip.blend import stage as blend_stage
    from relip.mask import stage as mask_stage
    from relip.plate import read_exr
    from relip.render.stage import onto, patch_path

    found = blend_stage.read_patch(shot, frame, plate)
    if found is None:
        return None
    rgb, alpha, origin = found
    mix = np.float32(shot.settings.blend.mix)
    if mix != 1:
        rgb, alpha = rgb * mix, alpha * mix
    parts: list[tuple[str, np.ndarray, tuple[int, int]]] = [
        *((c, rgb[..., i], origin) for i, c in enumerate("RGB")),
        ("A", alpha, origin),
    ]
    path = shot.override(f"patch.{frame:04d}.exr") or patch_path(shot, frame)
    channels, at, _, _ = read_exr(path)
    parts += [(n, c, at) for n, c in channels.items() if n.partition(".")[0] in ("raw", "stmap")]
    matte = mask_stage.read_matte(shot, frame, plate.width, plate.height)
    if matte is not None:
        parts.append(("matte.A", matte[0], matte[1]))
    drawn = mask_stage.mask_path(shot, frame)
    if drawn.exists():
        try:
            channels, at, _, _ = read_exr(drawn)
        except PlateError as exc:
            raise ShotError(exc.message, mend="delete it and run relip mask again") from exc
        parts += [(f"{n}.A", channels[n], at) for n in ("lips", "mouth", "skin") if n in channels]
    x0 = max(min(at[0] for _, _, at in parts), 0)
    y0 = max(min(at[1] for _, _, at in parts), 0)
    x1 = min(max(at[0] + v.shape[1] for _, v, at in parts), plate.width)
    y1 = min(max(at[1] + v.shape[0] for _, v, at in parts), plate.height)
    size = (y1 - y0, x1 - x0)
    return {n: onto(v, at, size, (x0, y0)) for n, v, at in parts}, (x0, y0)


def write_patch(
    path: Path,
    picture: Picture,
    channels: Layers,
    origin: tuple[int, int],
    *,
    half: bool,
    colourspace: str,
) -> None:
    """Write a frame's layers with the plate's windows, compression and metadata.

    Parameters
    ----------
    path : Path
    picture : Picture
        The plate's frame.
    channels : dict of str to np.ndarray [shape=(h, w)]
        See :func:`read_layers`.
    origin : (int, int)
        Of the data window on the display window.
    half : bool
        Whether half floats hold the generated pixels exactly. The map is
        float always, mattes are half always.
    colourspace : str

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    import OpenImageIO as oiio

    from relip.plate.exr import store, undated

    height, width = next(iter(channels.values())).shape
    exr = picture.spec is not None and picture.spec.format == "openexr"
    if exr and picture.spec is not None:
        spec = picture.spec.header.copy()
        kind = spec.get_string_attribute("compression").partition(":")[0]
        if kind not in _EXACT:
            spec.attribute("compression", "zip")
            spec.erase_attribute("openexr:dwaCompressionLevel")
        # the plate's channels and its rectangle of tiles are not the patch's
        for name in ("oiio:ColorSpace", "oiio:subimagename", "name"):
            spec.erase_attribute(name)
        spec.tile_width = spec.tile_height = spec.tile_depth = 0
    else:
        rows, columns = picture.rgb.shape[:2]
        spec = oiio.ImageSpec()
        spec.full_width, spec.full_height = columns, rows
        spec.attribute("compression", "zip")
    spec.x, spec.y = spec.full_x + origin[0], spec.full_y + origin[1]
    spec.width, spec.height, spec.depth = width, height, 1
    names = list(channels)
    spec.nchannels = len(names)
    spec.channelnames = tuple(names)
    spec.alpha_channel = names.index("A")
    spec.z_channel = -1
    spec.format = oiio.TypeFloat
    spec.channelformats = tuple(
        oiio.TypeHalf if _as_half(name, half) else oiio.TypeFloat for name in names
    )
    spec.attribute("relip/layer", "generated pixels, premultiplied")
    spec.attribute("relip/colourspace", colourspace)
    spec.attribute("relip/version", __version__)
    undated(spec)
    pixels = np.empty((height, width, len(names)), np.float32)
    for i, values in enumerate(channels.values()):
        pixels[..., i] = values
    store(path, spec, pixels)


def _as_half(name: str, half: bool) -> bool:
    layer = name.rpartition(".")[0]
    if layer == "stmap":
        return False
    return half if layer in ("", "raw") else True


def _comp(shot: Shot, plate: Plate, picture: Picture, path: Path, finished: Path | None) -> None:
    """The comp of a frame: the finished file, or made now."""
    from relip.blend import stage as blend_stage
    from relip.plate import write_comp

    if finished is not None:
        with records.atomic_path(path) as temporary:
            shutil.copyfile(finished, temporary)
        return
    rgb = blend_stage.compose(shot, plate, picture)
    write_comp(path, picture, picture.rgb if rgb is None else rgb, half=plate.half)


def _has_patches(shot: Shot) -> bool:
    """Whether the artist gave patches of their own, in whatever type."""
    return any(shot.path("overrides").glob("patch.*.exr"))


def _describe(
    shot: Shot,
    plate: Plate,
    name: str,
    frames: list[int],
    passed: list[int],
    present: dict[str, list[str]],
    half: bool,
) -> dict[str, Any]:
    from relip.errors import RelipError
    from relip.plate import default_colour

    colour = default_colour()
    try:
        rate: str | None = str(shot.rate)
    except RelipError:
        rate = None
    model = shot.path("model", "model.safetensors")
    layers = {
        layer: {
            "channels": [c if layer == "rgba" else f"{layer}.{c}" for c in present[layer]],
            "type": "half" if _as_half("A" if layer == "rgba" else f"{layer}.A", half) else "float",
            "premultiplied": layer == "rgba",
            "is": text,
        }
        for layer, text in LAYERS.items()
        if layer in present
    }
    return {
        "format": FORMAT,
        "version": VERSION,
        "shot": name,
        "relip": __version__,
        "frames": format_range(frames),
        "plate_passes_through": format_range(passed),
        "rate": rate,
        "timecode": plate.info.get("timecode"),
        "width": plate.width,
        "height": plate.height,
        "pixel_aspect": plate.info.get("pixel_aspect") or 1.0,
        "colourspace": {"name": plate.colourspace, "config": colour.name},
        "plate": {"path": shot.settings.plate.path, "fingerprint": plate.fingerprint()},
        "patch": {
            "files": f"patch/{name}_patch.####.exr",
            "data_window": "cropped to what was generated",
            "layers": layers,
        },
        "comp": {
            "files": f"comp/{name}_comp.####.exr",
            "is": "patch.rgba + plate × (1 − patch.A), in float32, stored in the plate's type",
            "outside": "the plate bit for bit",
        },
        "mix": shot.settings.blend.mix,
        "model": {"sha256": _sha256(model)} if model.exists() else None,
        "settings": shot.settings.to_dict(),
        "versions": records.versions(),
    }


def _checksums(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    return {
        p.relative_to(folder).as_posix(): {"sha256": _sha256(p), "bytes": p.stat().st_size}
        for p in files
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        digest = hashlib.sha256()
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """A new folder that takes the place of ``folder`` when the block ends well.

    Raises
    ------
    OutputError
        If something other than a package stands there, or nothing can be
        written there.
    """
    folder = Path(os.path.abspath(folder))
    if folder.exists():
        described: Any = None
        with contextlib.suppress(ShotError, OSError):
            described = records.read_json(folder / "package.json") if folder.is_dir() else None
        ours = isinstance(described, dict) and described.get("format") == FORMAT
        if not ours and not (folder.is_dir() and not any(folder.iterdir())):
            raise OutputError(
                f"{folder} exists and is no package by Relip", mend="name another folder"
            )
    tag = f"{os.getpid()}-{os.urandom(4).hex()}"
    fresh = folder.with_name(f".{folder.name}.{tag}")
    old = folder.with_name(f".{folder.name}.{tag}.old")
    try:
        fresh.mkdir(parents=True)
        yield fresh
        if folder.exists():
            folder.rename(old)
        try:
            fresh.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    except OSError as exc:
        raise records.output_error(folder, exc) from exc
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
