"""The node classes this host knows: their knobs, defaults and inputs.

Names and defaults are those of Foundry's reference guide and of scripts saved by Nuke. A class or
knob that is missing here is refused; add it only with its documented name and default.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import knobs as k

Make = Callable[[], k.Knob]


def _string(name: str, value: str = "") -> Make:
    return lambda: k.String_Knob(name, name, value)


def _eval(name: str, value: str = "") -> Make:
    return lambda: k.EvalString_Knob(name, name, value)


def _multi(name: str, value: str = "") -> Make:
    return lambda: k.Multiline_Eval_String_Knob(name, name, value)


def _file(name: str) -> Make:
    return lambda: k.File_Knob(name)


def _raw(name: str) -> Make:
    return lambda: k.Raw_Knob(name)


def _script(name: str) -> Make:
    return lambda: k.PythonKnob(name)


def _bool(name: str, value: bool = False) -> Make:
    def make() -> k.Knob:
        knob = k.Boolean_Knob(name)
        knob.setDefaultValue([float(value)])
        return knob

    return make


def _unsigned(name: str, value: int = 0) -> Make:
    def make() -> k.Knob:
        knob = k.Unsigned_Knob(name)
        knob.setDefaultValue([value])
        return knob

    return make


def _enum(name: str, items: str | list[str], value: str | None = None) -> Make:
    words = items.split() if isinstance(items, str) else items

    def make() -> k.Knob:
        knob = k.Enumeration_Knob(name, name, words)
        knob.setDefaultValue([words.index(value) if value else 0])
        return knob

    return make


def _numbers(kind: type[k.Array_Knob], name: str, *values: float) -> Make:
    def make() -> k.Knob:
        knob = kind(name)
        if values:
            given = list(values) if len(values) == knob._size else [values[0]] * knob._size
            knob.setDefaultValue(given)
        return knob

    return make


def _int(name: str, value: float = 0) -> Make:
    return _numbers(k.Int_Knob, name, value)


def _double(name: str, value: float = 0) -> Make:
    return _numbers(k.Double_Knob, name, value)


def _xy(name: str, *values: float) -> Make:
    return _numbers(k.XY_Knob, name, *values)


def _wh(name: str, *values: float) -> Make:
    return _numbers(k.WH_Knob, name, *values)


def _colour(name: str, value: float = 0) -> Make:
    return _numbers(k.AColor_Knob, name, value)


def _channels(name: str, value: str, input: int = 0, mask: bool = True) -> Make:
    def make() -> k.Knob:
        knob = (k.ChannelMask_Knob if mask else k.Channel_Knob)(name, name, input)
        knob._channels = knob._default = value
        return knob

    return make


def _format(name: str) -> Make:
    return lambda: k.Format_Knob(name)


def _button(name: str, script: str = "") -> Make:
    return lambda: k.PyScript_Knob(name, name, script)


class _Colourspaces(k.Enumeration_Knob):
    """Colourspaces: those of Nuke's own config, and any other name that a script brings along.

    Which names exist depends on the OCIO config of the project.
    """

    def Class(self) -> str:
        return "Enumeration_Knob"

    def _from_text(self, text: str) -> None:
        if text and not text.startswith("{") and text not in self._items:
            self._items.append(text)
        super()._from_text(text)


_SPACES = ["default", "linear", "default (linear)", "scene_linear", "raw", "sRGB", "rec709"]
_SPACES += ["Cineon", "Gamma1.8", "Gamma2.2", "ACES - ACEScg", "ACEScg", "ACES2065-1"]
_SPACES += ["Linear Rec.709 (sRGB)", "Utility - Raw", "Raw", "data"]


def _colourspace(name: str) -> Make:
    return lambda: _Colourspaces(name, name, _SPACES)


#: On every node.
COMMON: list[Make] = [
    _string("name"),
    _multi("label"),
    _multi("help"),
    _unsigned("tile_color"),
    _unsigned("gl_color"),
    _string("note_font", "Verdana"),
    _int("note_font_size", 11),
    _unsigned("note_font_color"),
    _bool("hide_input"),
    _bool("selected"),
    _int("xpos"),
    _int("ypos"),
    _file("icon"),
    _int("indicators"),
    _bool("bookmark"),
    _bool("dope_sheet"),
    _script("onCreate"),
    _script("onDestroy"),
    _script("knobChanged"),
    _script("updateUI"),
    _script("autolabel"),
    _bool("panel"),
]
_ENABLED: list[Make] = [
    lambda: k.Disable_Knob("disable"),
    _bool("cached"),
    _bool("postage_stamp"),
    _int("postage_stamp_frame"),
    _bool("useLifetime"),
    _int("lifetimeStart"),
    _int("lifetimeEnd"),
]
_MASK: list[Make] = [
    _channels("maskChannelInput", "none", 0, mask=False),
    _channels("maskChannelMask", "rgba.alpha", 1, mask=False),
    _bool("inject"),
    _bool("invert_mask"),
    _bool("fringe"),
    _double("mix", 1),
]
_UNPREMULT: list[Make] = [_channels("unpremult", "none", 0, mask=False), _bool("invert_unpremult")]
_FILTERS = "Impulse Cubic Keys Simon Rifman Mitchell Parzen Notch Lanczos4 Lanczos6 Sinc4"
_GEOMETRY: list[Make] = [
    _enum("filter", _FILTERS, "Cubic"),
    _bool("clamp"),
    _bool("black_outside", True),
    _double("motionblur"),
    _double("shutter", 0.5),
    _enum("shutteroffset", "centred start end custom", "start"),
    _double("shuttercustomoffset"),
]
_SOURCES = ["black", "white", "red", "green", "blue", "alpha", "red2", "green2", "blue2", "alpha2"]
MERGE_OPERATIONS = (
    "atop average color-burn color-dodge conjoint-over copy difference disjoint-over divide "
    "exclusion from geometric hard-light hypot in mask matte max min minus multiply out over "
    "overlay plus screen soft-light stencil under xor"
)
_BBOX4 = ["union", "intersection", "A", "B"]
_RENDER_SCRIPTS: list[Make] = [
    _script("beforeRender"),
    _script("beforeFrameRender"),
    _script("afterFrameRender"),
    _script("afterRender"),
    _script("renderProgress"),
]


@dataclass(frozen=True)
class NodeClass:
    """What a class of node is."""

    name: str
    knobs: list[Make] = field(default_factory=list)
    minimum: int = 1
    maximum: int = 1
    #: Index of the mask input, or None.
    mask: int | None = None
    #: Whether it makes or passes a picture.
    image: bool = True
    #: Knobs by name whose text is kept without being understood.
    base: str = ""

    @property
    def stem(self) -> str:
        """What its nodes are called, without number."""
        return (self.base or self.name).rstrip("0123456789")


def _plain(name: str, knobs: list[Make] | None = None, **more: Any) -> NodeClass:
    return NodeClass(name, [*(knobs or []), *_ENABLED], **more)


def _masked(name: str, knobs: list[Make], mask: int = 1, maximum: int = 2) -> NodeClass:
    return NodeClass(name, [*knobs, *_MASK, *_ENABLED], 1, maximum, mask)


def _colours(name: str, knobs: list[Make], channels: str = "rgb") -> NodeClass:
    return _masked(name, [_channels("channels", channels), *knobs, *_UNPREMULT])


def _ranges(prefix: str) -> list[Make]:
    return [
        _colour(f"{prefix}saturation", 1),
        _colour(f"{prefix}contrast", 1),
        _colour(f"{prefix}gamma", 1),
        _colour(f"{prefix}gain", 1),
        _colour(f"{prefix}offset", 0),
    ]


_ALL = [
    NodeClass("Root", [], 0, 0, image=False),
    _plain(
        "Read",
        [
            _enum("file_type", ["", "exr", "dpx", "png", "jpeg", "tiff", "mov", "mov64"], ""),
            _file("file"),
            _format("format"),
            _file("proxy"),
            _format("proxy_format"),
            _int("first", 1),
            _int("last", 1),
            _enum("before", "hold loop bounce black"),
            _enum("after", "hold loop bounce black"),
            _enum("frame_mode", ["expression", "start at", "offset"]),
            _string("frame"),
            _int("origfirst", 1),
            _int("origlast", 1),
            _bool("origset"),
            _enum("on_error", ["error", "black", "checkerboard", "nearest frame"]),
            _button("reload"),
            _colourspace("colorspace"),
            _bool("premultiplied"),
            _bool("raw"),
            _bool("auto_alpha"),
            _int("version"),
            _enum("localizationPolicy", "fromAutoLocalizePath on onDemand off"),
            _enum(
                "edge_pixels", ["plate detect", "edge detect", "repeat", "black"], "plate detect"
            ),
            _bool("noprefix"),
            _bool("offset_negative_display_window", True),
        ],
        minimum=0,
        maximum=0,
    ),
    _plain(
        "Write",
        [
            _channels("channels", "rgb"),
            _file("file"),
            _file("proxy"),
            _enum("file_type", ["", "exr", "dpx", "png", "jpeg", "tiff", "mov"], ""),
            _colourspace("colorspace"),
            _bool("raw"),
            _bool("premultiplied"),
            _enum("datatype", ["16 bit half", "32 bit float"]),
            _enum(
                "compression",
                [
                    "none",
                    "RLE",
                    "Zip (1 scanline)",
                    "Zip (16 scanlines)",
                    "PIZ Wavelet (32 scanlines)",
                    "PXR24 (lossy)",
                    "B44 (lossy)",
                    "B44A (lossy)",
                    "DWAA",
                    "DWAB",
                ],
                "Zip (1 scanline)",
            ),
            _enum(
                "metadata",
                [
                    "no metadata",
                    "default metadata",
                    "default metadata and exr/*",
                    "all metadata except input/*",
                    "all metadata",
                ],
                "default metadata",
            ),
            _bool("autocrop"),
            _bool("create_directories"),
            _int("first", 1),
            _int("last", 1),
            _bool("use_limit"),
            _int("render_order", 1),
            _bool("reading"),
            _bool("checkHashOnRead", True),
            _bool("noprefix"),
            _int("version"),
            _string("views", "main"),
            _button("Render"),
            *_RENDER_SCRIPTS,
        ],
    ),
    _plain(
        "Constant",
        [
            _channels("channels", "rgb"),
            _colour("color"),
            _format("format"),
            _int("first", 1),
            _int("last", 1),
        ],
        minimum=0,
        maximum=1,
    ),
    _plain(
        "CheckerBoard2",
        [
            _format("format"),
            _wh("boxsize", 64),
            _numbers(k.AColor_Knob, "color0", 0.1, 0.1, 0.1, 1),
            _numbers(k.AColor_Knob, "color1", 0.5, 0.5, 0.5, 1),
            _numbers(k.AColor_Knob, "color2", 0.1, 0.1, 0.1, 1),
            _numbers(k.AColor_Knob, "color3", 0.5, 0.5, 0.5, 1),
            _numbers(k.AColor_Knob, "linecolor", 1, 1, 1, 1),
            _double("linewidth", 0),
            _numbers(k.AColor_Knob, "centerlinecolor", 1, 1, 0, 1),
            _double("centerlinewidth", 3),
        ],
        minimum=0,
        maximum=1,
    ),
    NodeClass(
        "Merge2",
        [
            _enum("operation", MERGE_OPERATIONS, "over"),
            _bool("screen_alpha"),
            _bool("sRGB"),
            _enum("bbox", _BBOX4),
            _channels("Achannels", "rgba", 1),
            _channels("Bchannels", "rgba", 0),
            _channels("output", "rgba", 0),
            _channels("also_merge", "none", 0),
            _enum("metainput", "B A All"),
            _enum("rangeinput", "B A All", "All"),
            *_MASK,
            *_ENABLED,
        ],
        2,
        100,
        2,
    ),
    _plain(
        "Keymix",
        [
            _channels("channels", "all"),
            _channels("maskChannel", "rgba.alpha", 2, mask=False),
            _bool("invertMask"),
            _double("mix", 1),
            _enum("bbox", ["union", "B side", "A side"]),
        ],
        minimum=3,
        maximum=3,
    ),
    _plain(
        "Shuffle",
        [
            _channels("in", "rgba", 0),
            _channels("in2", "none", 0),
            _channels("out", "rgba", 0),
            _channels("out2", "none", 0),
            *(
                _enum(
                    name,
                    [
                        "black",
                        "white",
                        "red",
                        "green",
                        "blue",
                        "alpha",
                        "red2",
                        "green2",
                        "blue2",
                        "alpha2",
                    ],
                    name.rstrip("2"),
                )
                for name in ("red", "green", "blue", "alpha")
            ),
        ],
    ),
    _plain(
        "Shuffle2",
        [
            _raw("fromInput1"),
            _raw("fromInput2"),
            _channels("in1", "rgba", 0),
            _channels("in2", "none", 0),
            _channels("out1", "rgba", 0),
            _channels("out2", "none", 0),
            _raw("mappings"),
        ],
        maximum=2,
    ),
    NodeClass(
        "Copy",
        [
            *(
                make
                for i in range(4)
                for make in (
                    _channels(f"from{i}", "rgba.alpha" if i == 0 else "none", 1, mask=False),
                    _channels(f"to{i}", "rgba.alpha" if i == 0 else "none", 0, mask=False),
                )
            ),
            _channels("channels", "none", 1),
            _enum("bbox", ["union", "B side", "A side"]),
            *_MASK,
            *_ENABLED,
        ],
        2,
        3,
        2,
    ),
    NodeClass(
        "ChannelMerge",
        [
            _channels("A", "rgba.alpha", 1, mask=False),
            _enum(
                "operation",
                [
                    "absminus",
                    "a if not b",
                    "b if not a",
                    "copy",
                    "difference",
                    "divide",
                    "exclusion",
                    "from",
                    "hypot",
                    "in",
                    "mask",
                    "max",
                    "min",
                    "minus",
                    "multiply",
                    "out",
                    "plus",
                    "screen",
                    "stencil",
                    "union",
                    "xor",
                ],
                "union",
            ),
            _channels("B", "rgba.alpha", 0, mask=False),
            _channels("output", "rgba.alpha", 0, mask=False),
            _enum("bbox", ["union", "B side", "A side"]),
            *_MASK,
            *_ENABLED,
        ],
        2,
        3,
        2,
    ),
    _plain(
        "Premult",
        [_channels("channels", "rgb"), _channels("alpha", "alpha", mask=False), _bool("invert")],
    ),
    _plain(
        "Unpremult",
        [_channels("channels", "rgb"), _channels("alpha", "alpha", mask=False), _bool("invert")],
    ),
    _plain(
        "Remove",
        [
            _enum("operation", "remove keep"),
            _channels("channels", "all"),
            _channels("channels2", "none"),
            _channels("channels3", "none"),
            _channels("channels4", "none"),
        ],
    ),
    _plain(
        "AddChannels",
        [
            _channels("channels", "rgba.alpha"),
            _channels("channels2", "none"),
            _channels("channels3", "none"),
            _channels("channels4", "none"),
            _colour("color"),
            _bool("format_size", True),
        ],
    ),
    NodeClass(
        "STMap",
        [
            _channels("channels", "rgb"),
            _channels("uv", "none", 1),
            _numbers(k.UV_Knob, "offset", 0, 0),
            _numbers(k.UV_Knob, "scale", 1, 1),
            _channels("blur", "none", 1),
            _double("blur_scale", 1),
            _enum("filter", _FILTERS, "Cubic"),
            _bool("clamp"),
            _bool("black_outside", True),
            _channels("maskChannel", "none", 1, mask=False),
            _bool("invertMask"),
            _double("mix", 1),
            *_ENABLED,
        ],
        2,
        2,
    ),
    NodeClass(
        "CornerPin2D",
        [
            *(_xy(f"to{i}") for i in (1, 2, 3, 4)),
            *(_bool(f"enable{i}", True) for i in (1, 2, 3, 4)),
            *(_xy(f"from{i}") for i in (1, 2, 3, 4)),
            _bool("invert"),
            *_GEOMETRY,
            *_ENABLED,
        ],
    ),
    NodeClass(
        "Transform",
        [
            _xy("translate"),
            _double("rotate"),
            _wh("scale", 1),
            _double("skewX"),
            _double("skewY"),
            _enum("skew_order", "XY YX"),
            _xy("center"),
            _bool("invert_matrix"),
            *_GEOMETRY,
            *_ENABLED,
        ],
    ),
    _plain(
        "Crop",
        [
            _numbers(k.BBox_Knob, "box"),
            _double("softness"),
            _bool("reformat"),
            _bool("intersect"),
            _bool("crop", True),
        ],
    ),
    _plain(
        "Reformat",
        [
            _enum("type", ["to format", "to box", "scale"]),
            _format("format"),
            _int("box_width", 200),
            _int("box_height", 200),
            _bool("box_fixed"),
            _double("box_pixel_aspect", 1),
            _wh("scale", 1),
            _enum("resize", "none width height fit fill distort", "width"),
            _bool("center", True),
            _bool("flip"),
            _bool("flop"),
            _bool("turn"),
            _enum("filter", _FILTERS, "Cubic"),
            _bool("clamp"),
            _bool("black_outside"),
            _bool("pbb"),
        ],
    ),
    _masked(
        "Blur",
        [
            _channels("channels", "all"),
            _wh("size", 0),
            _bool("crop", True),
            _enum("filter", "box triangle quadratic gaussian", "gaussian"),
            _double("quality", 15),
        ],
    ),
    _colours(
        "Grade",
        [
            _colour("blackpoint", 0),
            _colour("whitepoint", 1),
            _colour("black", 0),
            _colour("white", 1),
            _colour("multiply", 1),
            _colour("add", 0),
            _colour("gamma", 1),
            _bool("reverse"),
            _bool("black_clamp", True),
            _bool("white_clamp"),
        ],
    ),
    _colours(
        "ColorCorrect",
        [
            *_ranges(""),
            *_ranges("shadows."),
            *_ranges("midtones."),
            *_ranges("highlights."),
            _bool("mix_luminance"),
        ],
    ),
    _colours(
        "Saturation",
        [_double("saturation", 1), _enum("mode", ["Rec 709", "Ccir 601", "Average", "Maximum"])],
    ),
    _colours("Multiply", [_colour("value", 1)]),
    _colours("Add", [_colour("value", 0)]),
    _colours("Gamma", [_colour("value", 1)]),
    _colours(
        "Clamp",
        [
            _colour("minimum", 0),
            _bool("minimum_enable", True),
            _colour("maximum", 1),
            _bool("maximum_enable", True),
            _colour("MinClampTo", 0),
            _bool("MinClampTo_enable"),
            _colour("MaxClampTo", 1),
            _bool("MaxClampTo_enable"),
        ],
        "all",
    ),
    _masked("Invert", [_channels("channels", "all"), _bool("clamp")]),
    _masked("Dilate", [_channels("channels", "all"), _wh("size", 0)]),
    _masked(
        "FilterErode",
        [
            _channels("channels", "rgba.alpha"),
            _wh("size", 1),
            _enum("filter", "box triangle quadratic gaussian", "gaussian"),
        ],
    ),
    _plain("Switch", [_double("which")], minimum=1, maximum=1000),
    NodeClass(
        "Dissolve",
        [_channels("channels", "all"), _double("which"), *_MASK[:5], *_ENABLED],
        2,
        1000,
        2,
    ),
    NodeClass(
        "Roto",
        [
            _channels("output", "alpha"),
            _enum("cliptype", ["no clip", "none", "bbox", "format"], "format"),
            _bool("replace"),
            _enum("premultiply", ["none", "rgb", "rgba"]),
            _raw("curves"),
            _raw("toolbox"),
            _raw("toolbar_brush_hardness"),
            _raw("toolbar_source_transform_scale"),
            _raw("toolbar_source_transform_center"),
            _raw("toolbar_source_transform_translate"),
            _raw("toolbar_lifetime_type"),
            _raw("toolbar_visibility_all"),
            _raw("lifetime_type"),
            _raw("lifetime_start"),
            _raw("lifetime_end"),
            _raw("view"),
            _raw("motionblur_on"),
            _raw("opacity"),
            _raw("color"),
            _raw("feather"),
            _raw("feather_type"),
            _raw("feather_falloff"),
            _raw("blending_mode"),
            _raw("translate"),
            _raw("center"),
            _raw("global_motionblur_on"),
            *_MASK,
            *_ENABLED,
        ],
        1,
        2,
        1,
    ),
    _plain(
        "Text2",
        [
            _eval("message"),
            _numbers(k.BBox_Knob, "box"),
            _raw("font"),
            _raw("font_size"),
            _double("global_font_scale", 1),
            _double("font_size_toolbar", 100),
            _raw("font_width_toolbar"),
            _raw("font_height_toolbar"),
            _enum("xjustify", "left center right justify"),
            _enum("yjustify", "top center bottom baseline"),
            _bool("cliptype"),
            _colour("color", 1),
            _bool("enable_background"),
            _double("background_opacity"),
            _channels("output", "rgba"),
            _raw("transforms"),
            _raw("center"),
            _raw("cursor_position"),
            _raw("animation_layers"),
            _raw("group_animations"),
            _bool("autofit_bbox", True),
            _raw("cursor_initialised"),
            _raw("initial_cursor_position"),
            _raw("leading"),
        ],
        maximum=2,
        mask=1,
    ),
    _plain("Dot"),
    _plain("NoOp"),
    _plain("Input", [_int("number")], minimum=0, maximum=0),
    _plain("Output"),
    NodeClass(
        "BackdropNode",
        [
            _int("bdwidth", 80),
            _int("bdheight", 80),
            _int("z_order"),
            _enum("appearance", "Fill Border"),
        ],
        0,
        0,
        image=False,
    ),
    NodeClass("StickyNote", [], 0, 0, image=False),
    NodeClass(
        "Viewer",
        [
            _raw("frame_range"),
            _raw("frame_range_lock"),
            _int("frame", 1),
            _double("fps", 24),
            _raw("viewerProcess"),
            _raw("monitorOutNDISenderName"),
            _raw("monitorOutOutputTransform"),
            _raw("input_number"),
            _raw("gain"),
            _raw("gamma"),
        ],
        0,
        100,
    ),
    _plain(
        "FrameHold",
        [_double("firstFrame", 0), _double("increment", 0), _button("setToCurrentFrame")],
    ),
    _plain("TimeOffset", [_double("time_offset", 0), _bool("reverse_input"), _raw("time")]),
    NodeClass(
        "Expression",
        [
            *(
                make
                for i in range(4)
                for make in (_string(f"temp_name{i}"), _string(f"temp_expr{i}"))
            ),
            _channels("channel0", "rgba.red", mask=True),
            _channels("channel1", "rgba.green", mask=True),
            _channels("channel2", "rgba.blue", mask=True),
            _channels("channel3", "rgba.alpha", mask=True),
            *(_string(f"expr{i}") for i in range(4)),
            *_MASK,
            *_UNPREMULT,
            *_ENABLED,
        ],
        1,
        2,
        1,
    ),
    _plain(
        "Tracker4",
        [
            _raw("tracks"),
            _int("reference_frame", 1),
            _xy("translate"),
            _double("rotate"),
            _wh("scale", 1),
            _xy("center"),
            _raw("selected_tracks"),
            _enum("transform", ["none", "stabilize", "match-move", "remove jitter", "add jitter"]),
            *_GEOMETRY,
        ],
        minimum=1,
        maximum=1,
        image=False,
    ),
    _plain(
        "GridWarp3",
        [
            _raw("toolbar_visibility_src"),
            _raw("toolbar_visibility_dst"),
            _raw("source_grid_col"),
            _raw("destination_grid_col"),
            _raw("grids_manually_moved"),
            _enum("background", ["on black", "on bg", "on src"]),
            _raw("source_grid_transform_center"),
            _raw("destination_grid_transform_center"),
        ],
        maximum=2,
        image=False,
    ),
    _plain("Group", [], minimum=0, maximum=1000),
    _plain("Gizmo", [], minimum=0, maximum=1000),
]

CLASSES: dict[str, NodeClass] = {c.name: c for c in _ALL}

ROOT: list[Make] = [
    _file("name"),
    _int("first_frame", 1),
    _int("last_frame", 100),
    _int("frame", 1),
    _double("fps", 24),
    _format("format"),
    _format("proxy_format"),
    _bool("lock_range"),
    _string("project_directory"),
    _enum("colorManagement", ["Nuke", "OCIO"]),
    _raw("OCIO_config"),
    _raw("workingSpaceLUT"),
    _raw("monitorLut"),
    _raw("monitorOutLUT"),
    _raw("int8Lut"),
    _raw("int16Lut"),
    _raw("logLut"),
    _raw("floatLut"),
    _raw("defaultViewerLUT"),
    _raw("luts"),
    _raw("views"),
    _bool("proxy"),
    _script("onScriptLoad"),
    _script("onScriptSave"),
    _script("onScriptClose"),
    *_RENDER_SCRIPTS[:4],
]
