"""The host itself: one running Nuke."""

from __future__ import annotations

import queue
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import classes, curves, faults, formats, menus, state, tcl, writing
from . import knobs as k
from .callbacks import Callbacks
from .faults import fault
from .layers import Layers
from .nodes import Gizmo, Group, Node, Root, connect_from_text, new_node


class Host:
    """A stand-in for one running Nuke.

    Parameters
    ----------
    gui : bool
        False is ``nuke -t``: no panels, menus or messages, menu.py is not run.
    version : tuple of int
        Major, minor, release.
    """

    def __init__(self, *, gui: bool = True, version: tuple[int, int, int] = (15, 1, 3)) -> None:
        self.gui = gui
        self.version = version
        self.main_thread = threading.get_ident()
        #: Seconds a child thread waits for the main thread before the host calls it hung.
        self.patience = 30.0
        self.callbacks = Callbacks()
        self.plugin_path: list[str] = []
        self.menus = {name: menus.Menu(name) for name in menus.NAMES}
        self.toolbars: dict[str, menus.ToolBar] = {"Nodes": menus.ToolBar("Nodes")}
        #: What nuke.message, warning, error, critical, debug and tprint said: (kind, text).
        self.said: list[tuple[str, str]] = []
        #: Answers for the questions to come: nuke.ask, choice, getInput, getFilename.
        self.answers: list[Any] = []
        self.questions: list[tuple[str, str]] = []
        self.progress: list[Any] = []
        self.undo: list[str] = []
        self.clipboard = ""
        self.favourites: dict[str, str] = {}
        self.jobs: queue.Queue[tuple[Callable[[], Any], Any]] = queue.Queue()
        self.evaluating: set[Any] = set()
        self._gizmo_files: dict[str, tuple[float, tcl.Text]] = {}
        self.module: Any = None
        self.text_interpreter: Any = None
        self._clear()

    # life

    def _clear(self) -> None:
        self.layers = Layers()
        self.new_layers: set[str] = set()
        self.formats = formats.builtin()
        root = new_node(classes.CLASSES["Root"], "Root")
        assert isinstance(root, Root)
        self.root = root
        self.groups: list[Group] = [root]
        self.context: list[tuple[Node | None, k.Knob | None]] = []
        self.modified = False
        self.render_frame: float | None = None
        self._quiet = 0
        self.forget_images()

    def start(self) -> Host:
        """Make this the Nuke that ``import nuke`` finds."""
        from .module import make_modules

        state.start(self)
        self._replaced = {}
        for name, module in make_modules(self).items():
            self._replaced[name] = sys.modules.get(name)
            sys.modules[name] = module
        self.module = sys.modules["nuke"]
        self._modules = set(sys.modules)
        self._sys_path = list(sys.path)
        return self

    def stop(self) -> None:
        """Take it away again, with the modules it loaded from the plugin path."""
        folders = tuple(self.plugin_path)
        for name in set(sys.modules) - self._modules:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if folders and file.startswith(folders):
                del sys.modules[name]
        sys.path[:] = self._sys_path
        for name, module in self._replaced.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
        state.stop(self)

    def __enter__(self) -> Host:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def in_main_thread(self) -> bool:
        """Whether this is the main thread."""
        return threading.get_ident() == self.main_thread

    def check_thread(self, what: str) -> None:
        """Refuse nodes and knobs to any thread but the main one."""
        if not self.in_main_thread():
            fault(f"{what} from a thread; only the main thread may touch Nuke")

    def boot(self, *folders: str | Path) -> None:
        """Start up with these folders on NUKE_PATH: their init.py, then (GUI) their menu.py."""
        self._booting = True
        for folder in reversed(folders):
            self.add_plugin_path(str(folder))
        self._booting = False
        if self.gui:
            for folder in reversed(list(self.plugin_path)):
                self._run_file(Path(folder) / "menu.py")

    def add_plugin_path(self, folder: str, to_sys_path: bool = True) -> None:
        """Put a folder first and run its init.py, unless it is there already."""
        path = Path(folder)
        if not path.is_dir():
            fault(f"pluginAddPath: {folder} is no folder")
        text = path.as_posix()
        if text in self.plugin_path:
            return
        self.plugin_path.insert(0, text)
        if to_sys_path and text not in sys.path:
            sys.path.insert(0, text)
        self._run_file(path / "init.py")

    def _run_file(self, path: Path) -> None:
        if path.is_file():
            code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
            exec(code, {"__name__": "__main__", "__file__": str(path), "nuke": self.module})

    def run_python(self, text: str, node: Node | None, knob: k.Knob | None) -> None:
        """Run a script of a knob or menu with its context."""
        self.context.append((node, knob))
        try:
            inside = isinstance(node, Group)
            if inside:
                self.groups.append(node)  # type: ignore[arg-type]
            try:
                exec(
                    compile(text, "<script>", "exec"), {"__name__": "__main__", "nuke": self.module}
                )
            finally:
                if inside:
                    self.groups.pop()
        finally:
            self.context.pop()

    # time

    @property
    def frame_now(self) -> float:
        """The frame rendered, else the one the viewer stands on."""
        if self.render_frame is not None:
            return self.render_frame
        return self.root._knobs["frame"]._parts[0].value

    def set_frame(self, frame: float) -> None:
        """Move the viewer."""
        self.root._knobs["frame"]._parts[0].value = float(int(frame))

    def root_format(self) -> formats.Format:
        """The script's format."""
        own = self.root._knobs["format"]._format
        return own if own is not None else self.formats["2K_Super_35(full-ap)"]

    # the main loop

    def queue_job(self, call: Any, args: Any, kwargs: Any, wait: bool) -> Any:
        """executeInMainThread and executeInMainThreadWithResult."""
        if not callable(call):
            raise TypeError("executeInMainThread needs something to call")
        name = "executeInMainThreadWithResult" if wait else "executeInMainThread"
        if threading.get_ident() == self.main_thread:
            fault(f"{name} from the main thread hangs Nuke")
        if not self.gui:
            fault(f"{name} in a terminal Nuke: no main loop runs there to take it")
        if not isinstance(args, tuple):
            args = (args,)
        kwargs = {} if kwargs is None else kwargs
        done = threading.Event() if wait else None
        box: list[Any] = []

        def job() -> None:
            try:
                box.append(call(*args, **kwargs))
            except BaseException as exc:
                if done is None:
                    self.said.append(("error", "".join(traceback.format_exception(exc))))
                    faults._faults.append(f"executeInMainThread: {exc!r}")
                else:
                    box.append(exc)
            finally:
                if done is not None:
                    done.set()

        self.jobs.put((job, done))
        if done is None:
            return None
        if not done.wait(self.patience):
            fault(f"{name}: the main thread did not answer within {self.patience} s (a deadlock)")
        if isinstance(box[0], BaseException):
            raise box[0]
        return box[0]

    def pump(self, until: Callable[[], Any] | None = None, timeout: float = 30.0) -> None:
        """Let the main loop run, until something is true; without it, until no call waits.

        Raises
        ------
        HostFault
            If it does not become true in time.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                job, _ = self.jobs.get(timeout=0.0 if until is None else 0.01)
            except queue.Empty:
                if until is None or until():
                    return
                if time.monotonic() > end:
                    fault(f"the main loop ran {timeout} s in vain")
                continue
            job()
            if until is not None and until():
                return

    def press_cancel(self) -> None:
        """Press Cancel on every progress bar that is open."""
        for record in self.progress:
            if record.open:
                record.cancelled = True

    def ask(self, kind: str, prompt: str) -> Any:
        """A dialog that needs an answer; tests put it into ``answers`` first."""
        if not self.gui:
            fault(f"nuke.{kind} in a terminal Nuke: nobody is there to answer")
        self.questions.append((kind, prompt))
        if not self.answers:
            fault(f"nuke.{kind}({prompt!r}): the test has put no answer into host.answers")
        return self.answers.pop(0)

    def say(self, kind: str, text: str) -> None:
        """A message to the artist."""
        if kind == "message" and not self.gui:
            fault(f"nuke.message({text!r}) in a terminal Nuke: nobody reads it")
        if not isinstance(text, str):
            raise TypeError(f"nuke.{kind} takes a string")
        self.said.append((kind, text))

    # finding

    def node_class(self, name: str) -> classes.NodeClass | str:
        """A built-in class, or the file of a gizmo.

        Raises
        ------
        HostFault
            If it is neither.
        """
        if name in classes.CLASSES:
            return classes.CLASSES[name]
        for folder in self.plugin_path:
            path = Path(folder) / f"{name}.gizmo"
            if path.is_file():
                return str(path)
        fault(f"{name}: no such node class, and no {name}.gizmo on the plugin path")

    def free_name(self, group: Group, stem: str, node: Node | None = None) -> str:
        """Stem and the first number that is free, or the node's own."""
        used = {n.name() for n in group._nodes if n is not node}
        number = 1
        while f"{stem}{number}" in used:
            number += 1
        return f"{stem}{number}"

    def find_node(self, path: str, start: Group | None = None) -> Node | None:
        """nuke.toNode: a name below the current group, or a path from the root."""
        if path == "root":
            return self.root
        parts = path.split(".")
        group: Group = start if start is not None else self.groups[-1]
        if parts[0] == "root":
            group, parts = self.root, parts[1:]
        found = self._walk(group, parts)
        if found is None and group is not self.root and start is None:
            found = self._walk(self.root, parts)
        return found

    def _walk(self, group: Group, parts: Sequence[str]) -> Node | None:
        node: Node = group
        for part in parts:
            if not isinstance(node, Group):
                return None
            found = next((n for n in node._nodes if n.name() == part), None)
            if found is None:
                return None
            node = found
        return node

    def _locate(self, path: str, node: Node | None) -> tuple[Node, list[str]]:
        """The node at the head of a knob path, and what follows."""
        parts = path.split(".")
        here: Node = node if node is not None else self.root
        first = True
        while parts:
            word = parts[0]
            if first and word in here._knobs and len(parts) <= 2:
                break
            if word == "this":
                pass
            elif word == "parent":
                here = here._parent if here._parent is not None else self.root
            elif word == "root":
                here = self.root
            elif word == "input" or (word.startswith("input") and word[5:].isdigit()):
                source = here._inputs.get(int(word[5:] or 0))
                if source is None:
                    fault(f"{path!r}: {here.name()} has nothing connected to {word}")
                here = source
            elif not first and word in here._knobs:
                break
            else:
                around = here._parent if here._parent is not None else self.root
                found = (
                    next((n for n in around._nodes if n.name() == word), None) if first else None
                )
                if found is None and isinstance(here, Group):
                    found = next((n for n in here._nodes if n.name() == word), None)
                if found is None:
                    break
                here = found
            first = False
            parts = parts[1:]
        return here, parts

    def nodes_in_expression(self, text: str, node: Node) -> list[Node]:
        """The nodes whose knobs an expression of ``node`` names."""
        found = []
        for path in re.findall(r"[A-Za-z_]\w*(?:\.\w+)+", text):
            here, rest = self._locate(path, node)
            if rest:
                found.append(here)
        return found

    def proxy_scale(self) -> float:
        """How much smaller pictures are: proxy mode makes them half as wide and high."""
        return 0.5 if self.root._knobs["proxy"]._number(self.frame_now) else 1.0

    def path_exists(self, path: str, node: Node | None) -> bool:
        """What ``[exists path]`` gives: whether there is such a node, input or knob."""
        head, _, last = path.rpartition(".")
        if last == "input" or (last.startswith("input") and last[5:].isdigit()):
            here, rest = self._locate(head, node) if head else (node, [])
            if rest or here is None:
                fault(f"[exists {path}]: no node {head!r}")
            return int(last[5:] or 0) in here._inputs
        here, parts = self._locate(path, node)
        if not parts:
            return True
        return ".".join(parts) in here._knobs

    def find_knob(self, path: str, node: Node | None) -> k.Knob | None:
        """The knob at a path, as a link or expression of ``node`` sees it."""
        if isinstance(node, Group):
            head, _, rest = path.partition(".")
            child = next((n for n in node._nodes if n.name() == head), None)
            if child is not None:
                return self.find_knob(rest, child) if rest else None
        here, parts = self._locate(path, node)
        return here._knobs.get(".".join(parts)) if parts else None

    def path_number(
        self,
        path: str,
        node: Node | None,
        frame: float,
        *,
        asker: k.Array_Knob | None = None,
        component: int = 0,
    ) -> float:
        """A knob's number for an expression."""
        here, parts = self._locate(path, node)
        if len(parts) == 1 and parts[0] in ("width", "height") and parts[0] not in here._knobs:
            shape = self.format_of(here)
            return float(shape.width() if parts[0] == "width" else shape.height())
        ends = ("first_frame", "last_frame")
        if len(parts) == 1 and parts[0] in ends and parts[0] not in here._knobs:
            return float(self.range_of(here)[ends.index(parts[0])])
        knob, index = self._knob_and_part(here, parts, path)
        if index is None and isinstance(knob, k.Array_Knob) and knob._size > 1:
            index = component if asker is not None and asker._size > 1 else 0
        return float(knob._number(frame, index))

    def _knob_and_part(self, here: Node, parts: list[str], path: str) -> tuple[k.Knob, int | None]:
        if not parts:
            fault(f"{path!r} names a node where a knob is needed")
        whole = ".".join(parts)
        if whole in here._knobs:
            return self._through(here._knobs[whole]), None
        name, part = ".".join(parts[:-1]), parts[-1]
        if name in here._knobs:
            knob = self._through(here._knobs[name])
            if isinstance(knob, k.Array_Knob):
                if part in list(knob._names[: knob._size]):
                    return knob, list(knob._names).index(part)
                if part.isdigit() and int(part) < knob._size:
                    return knob, int(part)
        fault(f"{path!r}: {here.name()} has no knob {whole!r}")

    def _through(self, knob: k.Knob) -> k.Knob:
        if isinstance(knob, k.Link_Knob):
            return self._through(knob._target())
        return knob

    def path_text(self, path: str, node: Node | None, frame: float) -> str:
        """What ``[value path]`` gives."""
        here, parts = self._locate(path, node)
        knob, index = self._knob_and_part(here, parts, path)
        if isinstance(knob, (k.File_Knob, k.EvalString_Knob)):
            return knob._evaluate(frame)
        if isinstance(knob, k.Enumeration_Knob):
            return knob._at(frame)
        if isinstance(knob, k.Boolean_Knob):
            return "true" if knob._number(frame) else "false"
        if isinstance(knob, k.Array_Knob):
            if index is None and knob._size > 1 and not knob._joined:
                fault(f"[value {path}] of {knob._size} numbers is not known to this host")
            return curves.number(knob._number(frame, index))
        return knob._to_text()

    def filter_filename(self, name: str, node: Node | None) -> str:
        """The name through nuke.addFilenameFilter's functions."""
        cls = node._class_name if node is not None else "*"
        self.context.append((node, None))
        try:
            for call in self.callbacks.of("FilenameFilter", cls):
                changed = call(name)
                if changed is not None:
                    name = changed
        finally:
            self.context.pop()
        return name

    # making

    def create(self, class_name: str, group: Group | None = None) -> Node:
        """A new node in a group, named, without callbacks."""
        group = self.groups[-1] if group is None else group
        found = self.node_class(class_name)
        if isinstance(found, str):
            return self._gizmo(class_name, found, group)
        else:
            if found.name in ("Root", "Gizmo"):
                fault(f"a {found.name} cannot be made so")
            node = new_node(found, class_name)
        self._settle(node, group, node._cls.stem)
        if class_name == "Input":
            taken = [
                int(n._knobs["number"]._parts[0].value)
                for n in group._nodes
                if n._class_name == "Input" and n is not node
            ]
            node._knobs["number"]._parts[0].value = float(
                next(i for i in range(len(taken) + 1) if i not in taken)
            )
        return node

    def _settle(self, node: Node, group: Group, stem: str) -> None:
        node._parent = group
        node._knobs["name"]._text = self.free_name(group, stem)  # type: ignore[attr-defined]
        group._nodes.append(node)
        self.modified = True
        self.forget_images()

    def _gizmo(self, class_name: str, path: str, group: Group) -> Gizmo:
        changed = Path(path).stat().st_mtime
        kept = self._gizmo_files.get(path)
        if kept is None or kept[0] != changed:
            text = tcl.parse(Path(path).read_text(encoding="utf-8"), path=path)
            self._gizmo_files[path] = kept = (changed, text)
        text = kept[1]
        if len(text.nodes) != 1 or text.nodes[0].cls != "Gizmo":
            fault(f"{path}: a gizmo file holds one Gizmo")
        parsed = text.nodes[0]
        for layer in text.layers:
            self.layers.add_text(layer)
            self.new_layers.add(layer.split()[0])
        node = new_node(classes.CLASSES["Gizmo"], class_name)
        assert isinstance(node, Gizmo)
        node._file = path
        # Nuke numbers a gizmo's nodes like any other's: digits at the end of its name go first.
        self._settle(node, group, class_name.rstrip("0123456789"))
        before = {id(o) for o in node._order}
        given = [(n, v) for n, v in parsed.knobs if n != "name"]
        node._read([(n, v) for n, v in given if n not in parsed.links()])
        self.build(parsed.children, node, external=None)
        node._read([(n, v) for n, v in given if n in parsed.links()])
        for knob in node._order:
            if knob._name and (knob._set or id(knob) not in before):
                if isinstance(knob, k.Link_Knob) and not knob._link:
                    continue
                node._baseline[knob._name] = knob._to_text()
            knob._set = False
        return node

    def build(
        self,
        parsed: Sequence[tcl.Parsed],
        group: Group,
        *,
        external: Node | None,
    ) -> list[Node]:
        """Make nodes from parsed text: inner ones first told that they were created."""
        made: dict[int, Node] = {}
        result: list[Node] = []
        for item in parsed:
            if item.cls in ("define_window_layout_xml",):
                continue
            if item.cls == "Root":
                if group is not self.root:
                    fault("a Root inside a group")
                self.root._read(item.knobs)
                continue
            node = self._build_one(item, group, made, external)
            made[id(item)] = node
            result.append(node)
        for node in result:
            self.created(node)
        return result

    def _build_one(
        self, item: tcl.Parsed, group: Group, made: dict[int, Node], external: Node | None
    ) -> Node:
        self.groups.append(group)
        try:
            if item.cls == "Gizmo":
                fault("a Gizmo inside a script: comps hold gizmos by class name")
            node = self.create(item.cls, group)
            if item.cls == "Input":
                node._knobs["number"]._parts[0].value = 0.0
        finally:
            self.groups.pop()
        name = item.knob("name")
        if name is not None and item.clone_of is None:
            node.setName(name)
        if item.clone_of is not None:
            original = made[id(item.clone_of)]
            shared = dict(original._knobs)
            for name in ("name", "xpos", "ypos", "selected"):
                shared[name] = node._knobs[name]
            node._knobs = shared
            node._clones.append(original)
            original._clones.append(node)
            node._read(
                [(n, v) for n, v in item.knobs if n in ("xpos", "ypos", "selected", "inputs")]
            )
        elif item.children or item.cls == "Group":
            assert isinstance(node, Group)
            late = [(n, v) for n, v in item.knobs if n in item.links()]
            node._read([(n, v) for n, v in item.knobs if n != "name" and (n, v) not in late])
            self.build(item.children, node, external=None)
            node._read(late)
        else:
            node._read([(n, v) for n, v in item.knobs if n != "name"])
        connect_from_text(node, item, made, external)
        return node

    def created(self, node: Node) -> None:
        """Run the onCreate callbacks of a node."""
        own = node._knobs["onCreate"]._text
        if own:
            self.run_python(own, node, None)
        self.call("OnCreate", node)

    def call(self, kind: str, node: Node, knob: k.Knob | None = None) -> None:
        """Run the callbacks of a kind for a node."""
        self.context.append((node, knob))
        try:
            for call in self.callbacks.of(kind, node._class_name):
                call()
        finally:
            self.context.pop()

    def create_node(self, class_name: str, knobs: str, inpanel: bool) -> Node:
        """nuke.createNode: connects, selects, shows the panel, runs the callbacks."""
        group = self.groups[-1]
        selected = [n for n in group._nodes if n.isSelected()]
        node = self.create(class_name, group)
        if knobs:
            node.readKnobs(knobs)
        if selected and node.maxInputs():
            last = selected[-1]
            followers = [
                (n, i)
                for n in group._nodes
                for i, source in n._inputs.items()
                if source is last and n is not node and n._class_name != "Viewer"
            ]
            for slot, source in zip(node._slots(), reversed(selected), strict=False):
                node._inputs[slot] = source
            if len(selected) == 1:
                for follower, i in followers:
                    follower._inputs[i] = node
        node.selectOnly()
        self.call("OnUserCreate", node)
        self.created(node)
        if self.gui and inpanel:
            node.showControlPanel()
        return node

    def paste(self, text: str, path: str = "clipboard") -> Node | None:
        """Paste script text into the current group; the new nodes are selected."""
        parsed = tcl.parse(text, path=path)
        group = self.groups[-1]
        selected = [n for n in group._nodes if n.isSelected()]
        for layer in parsed.layers:
            self.layers.add_text(layer)
            self.new_layers.add(layer.split()[0])
        made = self.build(parsed.nodes, group, external=selected[-1] if selected else None)
        for node in group._nodes:
            node.setSelected(node in made)
        return made[-1] if made else None

    def open(self, path: str | Path) -> None:
        """nuke.scriptOpen."""
        file = Path(path)
        if not file.is_file():
            raise RuntimeError(f"{path}: no such file")
        self._clear()
        parsed = tcl.parse(file.read_text(encoding="utf-8"), path=str(path))
        for layer in parsed.layers:
            self.layers.add_text(layer)
            self.new_layers.add(layer.split()[0])
        for item in parsed.nodes:
            if item.cls == "Root":
                self.root._read(item.knobs)
        self.root._knobs["name"]._text = file.as_posix()  # type: ignore[attr-defined]
        self.build([n for n in parsed.nodes if n.cls != "Root"], self.root, external=None)
        self.created(self.root)
        own = self.root._knobs["onScriptLoad"]._text
        if own:
            self.run_python(own, self.root, None)
        self.call("OnScriptLoad", self.root)
        self.modified = False

    def save(self, path: str | Path) -> None:
        """nuke.scriptSaveAs."""
        self.root._knobs["name"]._text = Path(path).as_posix()  # type: ignore[attr-defined]
        own = self.root._knobs["onScriptSave"]._text
        if own:
            self.run_python(own, self.root, None)
        self.call("OnScriptSave", self.root)
        Path(path).write_text(self.to_text(), encoding="utf-8")
        self.modified = False

    def version_text(self) -> str:
        """The version as a script states it."""
        return f"{self.version[0]}.{self.version[1]} v{self.version[2]}"

    def to_text(self) -> str:
        """The script as it would be saved."""
        return writing.script(self.root, self.version_text())

    def delete(self, node: Node) -> None:
        """nuke.delete."""
        group = node._parent
        if group is None or node not in group._nodes:
            raise ValueError("this node is in no script")
        own = node._knobs["onDestroy"]._text
        if own:
            self.run_python(own, node, None)
        self.call("OnDestroy", node)
        for other in group._nodes:
            for i, source in list(other._inputs.items()):
                if source is node:
                    passed = node._inputs.get(0)
                    if passed is None:
                        del other._inputs[i]
                    else:
                        other._inputs[i] = passed
        group._nodes.remove(node)
        node._alive = False
        self.forget_images()

    def group_of_gizmo(self, gizmo: Gizmo) -> Group:
        """Gizmo.makeGroup."""
        assert gizmo._parent is not None
        lines = writing.node_texts(gizmo._nodes)
        parsed = tcl.parse("\n".join(lines) + "\n")
        self.groups.append(gizmo._parent)
        try:
            group = self.create("Group")
        finally:
            self.groups.pop()
        assert isinstance(group, Group)
        for knob in gizmo._order:
            if knob._user:
                copy_text = knob._definition()
                group._read([("addUserKnob", copy_text)])
        self.build(parsed.nodes, group, external=None)
        for knob in gizmo._order:
            name = knob._name
            if name in ("name", "selected", "xpos", "ypos") or not name:
                continue
            if isinstance(knob, (k.PyScript_Knob, k.Text_Knob, k.Link_Knob)):
                continue
            if knob._user or not knob._is_default() or name in gizmo._baseline:
                group._knobs[name]._from_text(knob._to_text())
                group._knobs[name]._set = True
        group._inputs = dict(gizmo._inputs)
        self.created(group)
        return group

    # events

    def knob_changed(self, knob: k.Knob) -> None:
        """A value was set: pictures are out of date, and an open panel tells its callbacks."""
        from . import flags

        self.modified = True
        self.forget_images()
        node = knob._node
        if node is None or not node._shown:
            return
        if self._quiet and not knob._flags & flags.KNOB_CHANGED_RECURSIVE:
            return
        self._tell(node, knob)

    def _tell(self, node: Node, knob: k.Knob) -> None:
        self._quiet += 1
        try:
            own = node._knobs["knobChanged"]._text
            if own:
                self.run_python(own, node, knob)
            self.call("KnobChanged", node, knob)
        finally:
            self._quiet -= 1

    def panel_event(self, node: Node, name: str) -> None:
        """showPanel, hidePanel and inputChange reach knobChanged as knobs of that name."""
        knob = k.Text_Knob(name)
        knob._node = node
        self._tell(node, knob)

    def input_changed(self, node: Node) -> None:
        """A connection changed."""
        self.modified = True
        self.forget_images()
        if node._shown and not self._quiet:
            self.panel_event(node, "inputChange")

    def press(self, node: Node | str, knob: str) -> None:
        """Click a button of a panel."""
        target = self.find_node(node) if isinstance(node, str) else node
        if target is None:
            fault(f"no node {node!r}")
        button = target[knob]
        if not isinstance(button, k.PyScript_Knob):
            fault(f"{target.name()}.{knob} is a {button.Class()}, no button")
        button.execute()
        if target._shown:
            self._tell(target, button)

    def autolabel(self, node: Node) -> str:
        """What stands on the node in the node graph."""
        own = node._knobs["autolabel"]._text
        self.context.append((node, None))
        try:
            if own:
                result = eval(own, {"nuke": self.module})
                if result is not None:
                    return str(result)
            for call in self.callbacks.of("Autolabel", node._class_name):
                result = call()
                if result is not None:
                    return str(result)
        finally:
            self.context.pop()
        label = node._knobs["label"]._evaluate(self.frame_now)
        return f"{node.name()}\n{label}" if label else node.name()

    def update_ui(self, node: Node) -> None:
        """The idle moment in which Nuke redraws."""
        own = node._knobs["updateUI"]._text
        if own:
            self.run_python(own, node, None)
        self.call("UpdateUI", node)

    # pictures

    def forget_images(self) -> None:
        """Something changed."""
        self._images: dict[Any, Any] = {}

    def image_of(self, node: Node, frame: float) -> Any:
        """A node's picture at a frame (see images.image.Image)."""
        from .images import engine

        return engine.image_of(self, node, frame)

    def format_of(self, node: Node) -> formats.Format:
        """A node's format."""
        from .images import engine

        return engine.format_of(self, node)

    def channels_of(self, node: Node) -> list[str]:
        """A node's channels."""
        return list(self.image_of(node, self.frame_now).channels)

    def range_of(self, node: Node) -> tuple[int, int]:
        """A node's frame range."""
        from .images import engine

        return engine.range_of(self, node)

    def error_of(self, node: Node) -> str | None:
        """Why a node has no picture now, or None."""
        from .images import engine

        try:
            self.image_of(node, self.frame_now)
        except engine.RenderError as exc:
            return str(exc)
        return None

    def sample(self, node: Node, channel: str, x: float, y: float, frame: float) -> float:
        """One pixel, as nuke.sample gives it."""
        image = self.image_of(node, frame)
        name = self.layers.one(channel) if "." not in channel else channel
        import math

        px, py = math.floor(x), math.floor(y)
        return float(image.get(name, (px, py, px + 1, py + 1))[0, 0])

    def picture(self, node: Node | str, frame: float) -> Any:
        """A node's picture for a test to look at: see ``images.image.Image.array``."""
        found = self.find_node(node, self.root) if isinstance(node, str) else node
        if found is None:
            fault(f"no node {node!r}")
        return self.image_of(found, frame)

    def execute(
        self, nodes: Sequence[Node], frames: Sequence[int], *, continue_on_error: bool = False
    ) -> None:
        """Render Writes, with the callbacks in Nuke's order."""
        from .images import rendering

        rendering.execute(self, nodes, frames, continue_on_error=continue_on_error)
