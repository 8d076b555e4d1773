"""What ``import nuke`` gives: the functions, classes and constants the plugin may use."""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import callbacks, curves, faults, flags, formats, knobs, menus, nodes, progress, tcl
from .faults import fault
from .state import host

if TYPE_CHECKING:
    from .app import Host

# Nodes


def createNode(typ: str, knobs: str = "", inpanel: bool = True) -> nodes.Node:
    return host().create_node(typ, knobs, inpanel)


def toNode(s: str) -> nodes.Node | None:
    if not isinstance(s, str):
        raise TypeError("toNode takes a name")
    return host().find_node(s)


def thisNode() -> nodes.Node:
    found = [n for n, _ in host().context if n is not None]
    return found[-1] if found else host().groups[-1]


def thisKnob() -> knobs.Knob:
    if not host().context or host().context[-1][1] is None:
        fault("thisKnob outside of a knob's callback or script")
    return host().context[-1][1]  # type: ignore[return-value]


def thisGroup() -> nodes.Group:
    return host().groups[-1]


def thisParent() -> nodes.Group | None:
    return thisNode()._parent


def thisClass() -> str:
    return thisNode().Class()


def thisRoot() -> nodes.Root:
    return host().root


def thisView() -> str:
    return "main"


def root() -> nodes.Root:
    return host().root


def allNodes(
    filter: str | None = None, group: nodes.Group | None = None, recurseGroups: bool = False
) -> list[nodes.Node]:
    top = host().groups[-1] if group is None else group
    found: list[nodes.Node] = []
    for node in top._nodes:
        if filter is None or node._class_name == filter:
            found.append(node)
        if recurseGroups and isinstance(node, nodes.Group):
            found += allNodes(filter, node, True)
    return found


def selectedNodes(filter: str | None = None) -> list[nodes.Node]:
    found = [n for n in reversed(host().groups[-1]._nodes) if n.isSelected()]
    return [n for n in found if filter is None or n._class_name == filter]


def selectedNode() -> nodes.Node:
    found = selectedNodes()
    if not found:
        raise ValueError("no node selected")
    return found[0]


def selectAll() -> None:
    for node in host().groups[-1]._nodes:
        node.setSelected(True)


def delete(n: nodes.Node) -> None:
    if not isinstance(n, nodes.Node):
        raise TypeError("delete takes a node")
    host().delete(n)


def exists(s: str) -> bool:
    if host().find_node(s) is not None:
        return True
    name, _, knob = s.rpartition(".")
    node = host().find_node(name) if name else None
    return node is not None and knob in node._knobs


def nodeCopy(s: str) -> None:
    from .writing import selection

    chosen = [n for n in host().groups[-1]._nodes if n.isSelected()]
    if not chosen:
        raise RuntimeError("nothing is selected")
    text = selection(chosen, host().version_text())
    if s == "%clipboard%":
        host().clipboard = text
    else:
        Path(s).write_text(text, encoding="utf-8")


def nodePaste(s: str) -> nodes.Node | None:
    if s == "%clipboard%":
        return host().paste(host().clipboard)
    if "\\" in s:
        fault(f"nodePaste({s!r}): Tcl reads the backslash as something else; use /")
    path = Path(s)
    if not path.is_file():
        raise RuntimeError(f"{s}: no such file")
    return host().paste(path.read_text(encoding="utf-8"), str(path))


def scriptReadText(s: str) -> None:
    host().paste(s, "scriptReadText")


def scriptReadFile(s: str) -> None:
    nodePaste(s)


def autoplace(n: nodes.Node) -> None:
    n.autoplace()


def connectViewer(inputNum: int, node: nodes.Node) -> None:
    if not host().gui:
        fault("connectViewer in a terminal Nuke")
    viewers = [n for n in host().root._nodes if n._class_name == "Viewer"]
    viewer = viewers[0] if viewers else host().create("Viewer", host().root)
    viewer.setInput(inputNum, node)


class _NodeConstructor:
    """nuke.nodes.X."""

    def __init__(self, class_name: str) -> None:
        self._class_name = class_name

    def __call__(self, **knobs_given: Any) -> nodes.Node:
        running = host()
        running.check_thread(f"nuke.nodes.{self._class_name}")
        node = running.create(self._class_name)
        inputs = knobs_given.pop("inputs", [])
        name = knobs_given.pop("name", None)
        if name is not None:
            node.setName(name)
        for i, source in enumerate(inputs):
            if source is not None and not node.setInput(i, source):
                fault(f"nuke.nodes.{self._class_name}: it has no input {i}")
        for key, value in knobs_given.items():
            node[key].setValue(value)
        running.created(node)
        return node


class _Nodes:
    """nuke.nodes."""

    def __getattr__(self, name: str) -> _NodeConstructor:
        if name.startswith("_"):
            raise AttributeError(name)
        host().node_class(name)
        return _NodeConstructor(name)


# The script


def scriptOpen(filename: str) -> None:
    host().open(filename)


def scriptClear(ignoreUnsavedChanges: bool = False) -> None:
    host()._clear()


def scriptClose(ignoreUnsavedChanges: bool = False) -> bool:
    host().call("OnScriptClose", host().root)
    host()._clear()
    return True


def scriptSave(filename: str | None = None) -> bool:
    name = filename or host().root._knobs["name"]._text
    if not name:
        raise RuntimeError("the script has no name yet")
    host().save(name)
    return True


def scriptSaveAs(filename: str | None = None, overwrite: int = -1) -> None:
    if filename is None:
        fault("scriptSaveAs without a name asks the artist")
    if Path(filename).exists() and overwrite != 1:
        if not host().gui:
            raise RuntimeError(f"{filename} exists")
        if not host().ask("scriptSaveAs", f"Overwrite {filename}?"):
            return
    host().save(filename)


def scriptName() -> str:
    name = host().root._knobs["name"]._text
    if not name:
        raise RuntimeError("the script has no name yet")
    return str(name)


def script_directory() -> str:
    name = host().root._knobs["name"]._text
    return os.path.dirname(name) if name else ""


def modified(state: bool | None = None) -> bool:
    if state is not None:
        host().modified = bool(state)
    return host().modified


def frame(f: int | None = None) -> int:
    if f is not None:
        host().set_frame(f)
    return int(host().frame_now)


def addFormat(s: str) -> formats.Format:
    made = formats.from_text(s)
    if not made.name():
        fault(f"addFormat({s!r}): a format has a name")
    host().formats[made.name()] = made
    return made


def _formats() -> list[formats.Format]:
    return list(host().formats.values())


def layers(node: nodes.Node | None = None) -> list[str]:
    if node is None:
        return list(host().layers.known)
    return list(dict.fromkeys(c.split(".")[0] for c in node.channels()))


def channels(node: nodes.Node | None = None) -> list[str]:
    if node is not None:
        return node.channels()
    return [c for layer in host().layers.known for c in host().layers.channels(layer)]


def views() -> list[str]:
    return ["main"]


def filename(node: nodes.Node, i: int | None = None) -> str | None:
    """The file of a node; with nuke.REPLACE the frame number is filled in."""
    found = node._knobs.get("file")
    if not isinstance(found, knobs.File_Knob):
        return None
    if i is None:
        return found._evaluate(host().frame_now) or None
    if i != flags.REPLACE:
        fault(f"filename({i}) is not known to this host")
    return found.evaluate() or None


def value(knob: str, default: str | None = None) -> str:
    found = host().find_knob(knob, None)
    if found is None:
        if default is not None:
            return default
        raise RuntimeError(f"{knob}: no such knob")
    return host().path_text(knob, None, host().frame_now)


def numvalue(knob: str, default: float | None = None) -> float:
    found = host().find_knob(knob, None)
    if found is None:
        if default is not None:
            return default
        raise RuntimeError(f"{knob}: no such knob")
    return found._number(host().frame_now)


def expression(s: str) -> float:
    from .expressions import Scope, evaluate

    def look(path: str, at: float) -> float:
        return host().path_number(path, thisNode(), at)

    return float(evaluate(s, Scope(host().frame_now, look, lambda at: at)))


def _tcl(cmd: str, *args: str) -> str:
    line = " ".join([cmd, *(tcl.quote(a) for a in args)])
    return knobs.evaluate_text(f"[{line}]", thisNode(), host().frame_now)


def sample(
    node: nodes.Node, channel: str, x: float, y: float, dx: float = 1, dy: float = 1
) -> float:
    return node.sample(channel, x, y, dx, dy)


# Rendering


def execute(
    nameOrNode: Any,
    start: int | None = None,
    end: int | None = None,
    incr: int | None = None,
    views: list[str] | None = None,
    continueOnError: bool = False,
) -> None:
    node = host().find_node(nameOrNode) if isinstance(nameOrNode, str) else nameOrNode
    if not isinstance(node, nodes.Node):
        raise RuntimeError(f"{nameOrNode}: no such node")
    if views not in (None, ["main"], ("main",)):
        fault(f"execute for the views {views}")
    first = host().root.firstFrame() if start is None else int(start)
    last = host().root.lastFrame() if end is None else int(end)
    step = 1 if incr is None else int(incr)
    host().execute([node], range(first, last + 1, step), continue_on_error=continueOnError)


def executeMultiple(
    nodes: Any, ranges: Any, views: Any = None, continueOnError: bool = False
) -> None:
    for first, last, step in ranges:
        host().execute(list(nodes), range(first, last + 1, step), continue_on_error=continueOnError)


def executing(f: float | None = None) -> bool:
    return host().render_frame is not None


def executeInMainThread(call: Any, args: Any = (), kwargs: Any = None) -> None:
    host().queue_job(call, args, kwargs, wait=False)


def executeInMainThreadWithResult(call: Any, args: Any = (), kwargs: Any = None) -> Any:
    return host().queue_job(call, args, kwargs, wait=True)


def clearRAMCache() -> None:
    host().forget_images()


# Talking


def message(prompt: str) -> None:
    host().say("message", prompt)


def alert(prompt: str) -> None:
    host().say("message", prompt)


def warning(message: str) -> None:
    host().say("warning", message)


def error(message: str) -> None:
    host().say("error", message)


def critical(message: str) -> None:
    host().say("critical", message)


def debug(message: str) -> None:
    host().say("debug", message)


def tprint(*args: Any, sep: str = " ", end: str = "\n", file: Any = None) -> None:
    host().said.append(("tprint", sep.join(str(a) for a in args) + end))


def ask(prompt: str) -> bool:
    return bool(host().ask("ask", prompt))


def askWithCancel(prompt: str) -> bool:
    return bool(host().ask("askWithCancel", prompt))


def choice(title: str, prompt: str, options: list[str], default: int = 0) -> int | None:
    answer = host().ask("choice", prompt)
    return None if answer is None else int(answer)


def getInput(prompt: str, default: str = "") -> str | None:
    answer = host().ask("getInput", prompt)
    return None if answer is None else str(answer)


def getFilename(
    message: str,
    pattern: str = "",
    default: str = "",
    favorites: str = "",
    type: str = "",
    multiple: bool = False,
) -> Any:
    return host().ask("getFilename", message)


def getClipname(prompt: str, pattern: str = "", default: str = "", multiple: bool = False) -> Any:
    return host().ask("getClipname", prompt)


def menu(name: str) -> menus.Menu:
    if not host().gui:
        fault(f"nuke.menu({name!r}) in a terminal Nuke: it has no menus")
    if name not in host().menus:
        fault(f"Nuke has no menu {name!r}; it has {list(host().menus)}")
    return host().menus[name]


def toolbar(name: str, create: bool = True) -> menus.ToolBar | None:
    if not host().gui:
        fault(f"nuke.toolbar({name!r}) in a terminal Nuke: it has none")
    bars = host().toolbars
    if name not in bars and create:
        bars[name] = menus.ToolBar(name)
    return bars.get(name)


def addFavoriteDir(
    name: str,
    directory: str,
    type: int = 0,
    icon: str = "",
    tooltip: str = "",
    key: str = "",
) -> None:
    host().favourites[name] = directory


# Plugins


def pluginAddPath(args: Any, addToSysPath: bool = True) -> None:
    # the file that calls, two frames up: the thread guard stands between
    caller = sys._getframe(2).f_globals.get("__file__")
    for path in args if isinstance(args, (list, tuple)) else [args]:
        found = Path(path)
        if not found.is_absolute():
            if caller is None:
                fault(f"pluginAddPath({path!r}): a relative path outside of a file")
            found = Path(caller).resolve().parent / found
        host().add_plugin_path(str(found), addToSysPath)


def pluginPath() -> list[str]:
    return list(host().plugin_path)


def knobDefault(classknob: str, value: str | None = None) -> str | None:
    fault("knobDefault is not known to this host")


class Undo:
    """nuke.Undo; this host notes what was asked and undoes nothing."""

    def __init__(self, name: str = "") -> None:
        self._name = name

    def __enter__(self) -> Undo:
        host().undo.append(f"begin {self._name}")
        return self

    def __exit__(self, type: Any, value: Any, traceback: Any) -> None:
        host().undo.append("end")

    @staticmethod
    def begin(name: str = "") -> None:
        host().undo.append(f"begin {name}")

    @staticmethod
    def name(name: str = "") -> None:
        host().undo.append(f"name {name}")

    @staticmethod
    def new(name: str = "") -> None:
        host().undo.append(f"new {name}")

    @staticmethod
    def end() -> None:
        host().undo.append("end")

    @staticmethod
    def cancel() -> None:
        host().undo.append("cancel")

    @staticmethod
    def disable() -> None:
        host().undo.append("disable")

    @staticmethod
    def enable() -> None:
        host().undo.append("enable")

    @staticmethod
    def disabled() -> bool:
        states = [u for u in host().undo if u in ("disable", "enable")]
        return bool(states) and states[-1] == "disable"


class GlobalsEnvironment(dict[str, Any]):
    """nuke.env."""

    def __missing__(self, key: str) -> Any:
        fault(f"nuke.env[{key!r}] is not known to this host")


class CancelledError(Exception):
    """The artist pressed Cancel."""


def _add(kind: str) -> Callable[..., None]:
    default = callbacks.KINDS[kind]
    if kind == "KnobChanged":

        def add(
            call: Any,
            args: Any = (),
            kwargs: Any = None,
            nodeClass: str = default,
            node: Any = None,
        ) -> None:
            if node is not None:
                fault("addKnobChanged for one node is not known to this host")
            host().callbacks.add(kind, call, args, kwargs or {}, nodeClass)

        return add

    def add_plain(call: Any, args: Any = (), kwargs: Any = None, nodeClass: str = default) -> None:
        host().callbacks.add(kind, call, args, kwargs or {}, nodeClass)

    return add_plain


def _remove(kind: str) -> Callable[..., None]:
    default = callbacks.KINDS[kind]
    if kind == "KnobChanged":

        def remove_of(
            call: Any,
            args: Any = (),
            kwargs: Any = None,
            nodeClass: str = default,
            node: Any = None,
        ) -> None:
            if node is not None:
                fault("removeKnobChanged for one node is not known to this host")
            host().callbacks.remove(kind, call, args, kwargs or {}, nodeClass)

        return remove_of

    def remove(call: Any, args: Any = (), kwargs: Any = None, nodeClass: str = default) -> None:
        host().callbacks.remove(kind, call, args, kwargs or {}, nodeClass)

    return remove


_FUNCTIONS: list[Any] = [
    createNode,
    toNode,
    thisNode,
    thisKnob,
    thisGroup,
    thisParent,
    thisClass,
    thisRoot,
    thisView,
    root,
    allNodes,
    selectedNodes,
    selectedNode,
    selectAll,
    delete,
    exists,
    nodeCopy,
    nodePaste,
    scriptReadText,
    scriptReadFile,
    autoplace,
    connectViewer,
    scriptOpen,
    scriptClear,
    scriptClose,
    scriptSave,
    scriptSaveAs,
    scriptName,
    script_directory,
    modified,
    frame,
    addFormat,
    layers,
    channels,
    views,
    filename,
    value,
    numvalue,
    expression,
    sample,
    execute,
    executeMultiple,
    executing,
    clearRAMCache,
    message,
    alert,
    warning,
    error,
    critical,
    debug,
    ask,
    askWithCancel,
    choice,
    getInput,
    getFilename,
    getClipname,
    menu,
    toolbar,
    addFavoriteDir,
    pluginAddPath,
    pluginPath,
]
#: What child threads may call.
_ANY_THREAD: list[Any] = [executeInMainThread, executeInMainThreadWithResult, tprint]

_KNOBS: list[Any] = [
    knobs.Knob,
    knobs.Array_Knob,
    knobs.String_Knob,
    knobs.EvalString_Knob,
    knobs.Multiline_Eval_String_Knob,
    knobs.File_Knob,
    knobs.Script_Knob,
    knobs.PyScript_Knob,
    knobs.PyCustom_Knob,
    knobs.PythonKnob,
    knobs.Text_Knob,
    knobs.Tab_Knob,
    knobs.Double_Knob,
    knobs.Int_Knob,
    knobs.Unsigned_Knob,
    knobs.ColorChip_Knob,
    knobs.Boolean_Knob,
    knobs.Disable_Knob,
    knobs.Enumeration_Knob,
    knobs.Pulldown_Knob,
    knobs.XY_Knob,
    knobs.XYZ_Knob,
    knobs.UV_Knob,
    knobs.WH_Knob,
    knobs.Scale_Knob,
    knobs.BBox_Knob,
    knobs.Color_Knob,
    knobs.AColor_Knob,
    knobs.Channel_Knob,
    knobs.ChannelMask_Knob,
    knobs.Format_Knob,
    knobs.Link_Knob,
    knobs.AnimationCurve,
    knobs.AnimationKey,
]
_NODES: list[Any] = [
    nodes.Node,
    nodes.Group,
    nodes.Gizmo,
    nodes.Root,
    nodes.BackdropNode,
    nodes.Viewer,
    nodes.FrameRange,
    nodes.Info,
]
_OTHERS: list[Any] = [
    formats.Format,
    progress.ProgressTask,
    menus.Menu,
    menus.MenuItem,
    menus.ToolBar,
    Undo,
    GlobalsEnvironment,
    CancelledError,
]
_CONSTANTS = [
    "DISABLED",
    "NO_ANIMATION",
    "DO_NOT_WRITE",
    "INVISIBLE",
    "STARTLINE",
    "ENDLINE",
    "NO_UNDO",
    "ALWAYS_SAVE",
    "READ_ONLY",
    "KNOB_CHANGED_RECURSIVE",
    "NO_MULTIVIEW",
    "DONT_SAVE_TO_NODEPRESET",
    "EXPAND_TO_WIDTH",
    "TABKNOB",
    "TABBEGINGROUP",
    "TABBEGINCLOSEDGROUP",
    "TABENDGROUP",
    "CONSTANT",
    "LINEAR",
    "SMOOTH",
    "CATMULL_ROM",
    "CUBIC",
    "WRITE_NON_DEFAULT_ONLY",
    "WRITE_ALL",
    "WRITE_USER_KNOB_DEFS",
    "TO_SCRIPT",
    "TO_VALUE",
    "REPLACE",
    "INPUTS",
    "HIDDEN_INPUTS",
    "EXPRESSIONS",
    "PYTHON",
    "SCRIPT",
]


def _main_thread_only(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        host().check_thread(f"nuke.{function.__name__}")
        return function(*args, **kwargs)

    return guarded


class _Module(types.ModuleType):
    """A module that knows exactly its own names."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            faults._faults.append(f"{self.__name__}.{name} is not known to this host")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def make_modules(running: Host) -> dict[str, types.ModuleType]:
    """The modules to put into sys.modules."""
    module: Any = _Module("nuke", "Nuke, as the stand-in host knows it.")
    module.__path__ = []  # a package, as in Nuke
    for function in _FUNCTIONS:
        setattr(module, function.__name__, _main_thread_only(function))
    module.formats = _main_thread_only(_formats)
    module.tcl = _main_thread_only(_tcl)
    for function in _ANY_THREAD:
        setattr(module, function.__name__, function)
    for kind in callbacks.KINDS:
        setattr(module, f"add{kind}", _main_thread_only(_add(kind)))
        setattr(module, f"remove{kind}", _main_thread_only(_remove(kind)))
    for cls in [*_KNOBS, *_NODES, *_OTHERS]:
        setattr(module, cls.__name__, cls)
    for name in _CONSTANTS:
        setattr(module, name, getattr(flags, name))
    major, minor, release = running.version
    text = f"{major}.{minor}v{release}"
    module.GUI = running.gui
    module.INTERACTIVE = running.gui
    module.NUKE_VERSION_MAJOR = major
    module.NUKE_VERSION_MINOR = minor
    module.NUKE_VERSION_RELEASE = release
    module.NUKE_VERSION_STRING = text
    module.NUKE_VERSION_PHASE = ""
    module.NUKE_VERSION_PHASENUMBER = 0
    module.NUM_CPUS = 2
    module.THREADS = 2
    module.EXE_PATH = f"/usr/local/Nuke{text}/Nuke{major}.{minor}"
    module.PLUGIN_EXT = "so"
    module.rawArgs = [module.EXE_PATH] if running.gui else [module.EXE_PATH, "-t"]
    module.nodes = _Nodes()
    module.env = GlobalsEnvironment(
        {
            "gui": running.gui,
            "interactive": running.gui,
            "NukeVersionMajor": major,
            "NukeVersionMinor": minor,
            "NukeVersionRelease": release,
            "NukeVersionString": text,
            "NukeVersionPhase": "",
            "ExecutablePath": module.EXE_PATH,
            "PluginExt": "so",
            "LINUX": sys.platform.startswith("linux"),
            "MACOS": sys.platform == "darwin",
            "WIN32": sys.platform == "win32",
            "nukex": False,
            "studio": False,
            "hiero": False,
            "assist": False,
            "ple": False,
            "indie": False,
            "nc": False,
            "numCPUs": 2,
            "threads": 2,
        }
    )
    return {"nuke": module}


__all__ = ["curves", "make_modules"]
