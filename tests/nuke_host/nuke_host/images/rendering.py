"""nuke.execute: Writes to files, with the callbacks in Nuke's order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..faults import HostFault, fault
from ..nodes import Node
from .engine import FUNCTIONS, Op, RenderError, image_of
from .image import Image, is_empty
from .reading import check_colourspace, resolve

if TYPE_CHECKING:
    from ..app import Host

_COMPRESSION = {
    "none": "none",
    "RLE": "rle",
    "Zip (1 scanline)": "zips",
    "Zip (16 scanlines)": "zip",
    "PIZ Wavelet (32 scanlines)": "piz",
    "PXR24 (lossy)": "pxr24",
    "B44 (lossy)": "b44",
    "B44A (lossy)": "b44a",
    "DWAA": "dwaa",
    "DWAB": "dwab",
}


def _pass(op: Op) -> Image:
    return op.input(0)


FUNCTIONS["Write"] = _pass


def execute(
    host: Host, nodes: Sequence[Node], frames: Sequence[int], *, continue_on_error: bool
) -> None:
    """Render the Writes, one after the other, each with its own callbacks.

    Raises
    ------
    RuntimeError
        If a callback before the render raises, or a node upstream has an error.
    """
    for node in nodes:
        if node._class_name != "Write":
            fault(f"{node.name()}: only Writes can be executed in this host")
        _one(host, node, frames, continue_on_error)


def _one(host: Host, node: Node, frames: Sequence[int], continue_on_error: bool) -> None:
    if host.render_frame is not None:
        fault(f"{node.name()}: a render inside a render")
    disabled = node._knobs["disable"]._number(host.frame_now)
    if disabled:
        raise RuntimeError(f"{node.name()} is disabled")
    _event(host, node, "BeforeRender", "beforeRender")
    if host.proxy_scale() != 1.0:
        fault(f"{node.name()}: a render in proxy mode: pictures of another size")
    for frame in frames:
        host.forget_images()
        host.render_frame = float(frame)
        try:
            _event(host, node, "BeforeFrameRender", "beforeFrameRender")
            try:
                write(Op(host, node, float(frame)))
            except RenderError as exc:
                if not continue_on_error:
                    raise RuntimeError(str(exc)) from exc
            _event(host, node, "AfterFrameRender", "afterFrameRender")
        finally:
            host.render_frame = None
    _event(host, node, "AfterRender", "afterRender")
    host.forget_images()


def _event(host: Host, node: Node, kind: str, knob: str) -> None:
    """A callback; what it raises ends the render."""
    own = node._knobs[knob]._text
    try:
        if own:
            host.run_python(own, node, node._knobs[knob])
        host.call(kind, node)
    except HostFault:
        raise
    except Exception as exc:
        raise RuntimeError(f"{node.name()}.{knob}: {exc}") from exc


def write(op: Op) -> None:
    """Write one frame as EXR.

    The data window is the picture's box, as Nuke writes it.
    """
    import OpenImageIO as oiio

    name = op.knob("file")._file(op.frame)
    if not name:
        raise RenderError(f"{op.node.name()}: no file")
    path = resolve(op, name)
    kind = op.choice("file_type") or path.suffix.lower().lstrip(".")
    if kind != "exr":
        op.refuse(f"writing {kind or 'a file without extension'}")
    check_colourspace(op)
    if op.flag("premultiplied") or op.flag("autocrop"):
        op.refuse("premultiplied or autocrop")
    if not path.parent.is_dir():
        if not op.flag("create_directories"):
            raise RenderError(f"{op.node.name()}: {path.parent}: no such folder")
        path.parent.mkdir(parents=True)
    if not op.connected(0):
        raise RenderError(f"{op.node.name()}: nothing is connected")
    image = image_of(op.host, op.node._inputs[0], op.frame)
    names = [n for n in op.names("channels", image) if n in image.channels]
    wanted = op.names("channels", image)
    if not wanted:
        raise RenderError(f"{op.node.name()}: no channels to write")
    # Nuke writes every channel asked for of a layer that has any; absent ones are black
    layers = {n.split(".")[0] for n in names} or {wanted[0].split(".")[0]}
    names = [n for n in wanted if n.split(".")[0] in layers]
    box = image.box if not is_empty(image.box) else (0, 0, 1, 1)
    x, y, r, t = box
    width, height = image.format.width(), image.format.height()
    half = op.choice("datatype") == "16 bit half"
    spec = oiio.ImageSpec(r - x, t - y, len(names), oiio.HALF if half else oiio.FLOAT)
    spec.channelnames = tuple(op.host.layers.to_exr(n) for n in names)
    spec.x, spec.y = x, height - t
    spec.full_x = spec.full_y = 0
    spec.full_width, spec.full_height = width, height
    spec.attribute("compression", _COMPRESSION[op.choice("compression")])
    spec.attribute("PixelAspectRatio", image.format.pixelAspect())
    for key in ("framesPerSecond", "smpte:TimeCode"):
        if key in image.metadata:
            spec.attribute(
                key,
                oiio.TypeDesc("rational" if key == "framesPerSecond" else "timecode"),
                image.metadata[key],
            )
    pixels = np.stack([image.get(n, box)[::-1] for n in names], -1)
    # beside its place and renamed, as Nuke does
    beside = Path(f"{path}.tmp.exr")
    out = oiio.ImageOutput.create(str(beside))
    if out is None or not out.open(str(beside), spec):
        raise RenderError(f"{op.node.name()}: {path} cannot be written")
    if not out.write_image(np.ascontiguousarray(pixels)):
        raise RenderError(f"{op.node.name()}: {path}: {out.geterror()}")
    out.close()
    os.replace(beside, path)
