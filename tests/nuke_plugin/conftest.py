"""The plugin in the stand-in Nuke, on a real shot, with the real engine."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import relip
from relip import jobs

sys.path.insert(0, str(Path(__file__).parent))

from desk_making import Desk  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "nuke_plugin"
GIZMOS = ROOT / "gizmos"
HOST = ROOT / "tests" / "nuke_host"

#: Optimiser steps: enough to run every line.
STEPS = 4

#: Seconds that a test waits for the engine: many times what it takes, for a machine that is busy.
PATIENCE = 300.0


def _import_host() -> ModuleType:
    if str(HOST) not in sys.path:
        sys.path.insert(0, str(HOST))
    return importlib.import_module("nuke_host")


@pytest.fixture
def plugin_module() -> Iterator[Callable[[str], ModuleType]]:
    """Imports a module of the plugin that needs no Nuke: ``plugin_module("phones")``."""
    before = set(sys.modules)
    sys.path.insert(0, str(PLUGIN))
    try:
        yield lambda name: importlib.import_module(f"relip_nuke.{name}")
    finally:
        sys.path.remove(str(PLUGIN))
        for name in set(sys.modules) - before:
            if name.split(".")[0] == "relip_nuke":
                del sys.modules[name]


class Nuke:
    """One running stand-in with the plugin, and what tests do with it."""

    def __init__(self, **options: Any) -> None:
        package = _import_host()
        self.host = package.Host(**options).start()
        for name, module in _plugin.items():
            sys.modules[name] = module
            if hasattr(module, "nuke"):
                module.nuke = sys.modules["nuke"]
        try:
            self.host.boot(PLUGIN)
        except BaseException:
            self.host.stop()
            raise

    @property
    def api(self) -> Any:
        """The module ``nuke``."""
        return sys.modules["nuke"]

    def plugin(self, name: str) -> Any:
        """A module of the plugin."""
        return importlib.import_module(f"relip_nuke.{name}")

    def node(self, name: str) -> Any:
        found = self.api.toNode(name)
        assert found is not None, f"no node {name}"
        return found

    def press(
        self, node: str, button: str, *, timeout: float = PATIENCE, fine: bool = True
    ) -> None:
        """Press a button and let the main loop run until the engine has ended."""
        state = self.plugin("state")
        self.host.said.clear()
        self.host.press(node, button)
        self.settle(timeout)
        assert not state._running
        if fine:
            assert not self.messages, self.messages

    def settle(self, timeout: float = PATIENCE) -> None:
        """Let the main loop run until no job of the engine is left."""

        def idle() -> bool:
            busy = [t for t in threading.enumerate() if t.name in JOBS]
            return not busy and self.host.jobs.empty()

        self.host.pump(until=idle, timeout=timeout)

    @property
    def messages(self) -> list[str]:
        """What the artist was told."""
        return [text for kind, text in self.host.said if kind == "message"]

    def state(self, node: str) -> str:
        return str(self.node(node)["state"].value())

    def rgb(self, node: str, frame: int) -> np.ndarray:
        """Red, green and blue over the format ``[shape=(h, w, 3)]``, the top row first."""
        return np.stack([self.channel(node, frame, f"rgba.{c}") for c in RGB], -1)

    def channel(self, node: str, frame: int, name: str) -> np.ndarray:
        """A channel of a node's picture over its format, the top row first."""
        image = self.host.picture(self.node(node), frame)
        size = (0, 0, image.format.width(), image.format.height())
        return image.get(name, size)[::-1]

    def stop(self) -> None:
        mine = {n: m for n, m in sys.modules.items() if n.split(".")[0] == "relip_nuke"}
        if "relip_nuke.state" in mine:
            mine["relip_nuke.state"]._running.clear()  # type: ignore[attr-defined]
            mine["relip_nuke.state"]._failed.clear()  # type: ignore[attr-defined]
        self.host.stop()
        for name in mine:
            sys.modules.pop(name, None)
        _plugin.update(mine)


#: The plugin's modules between two Nukes. Their engine, which takes seconds to start, stays warm.
_plugin: dict[str, ModuleType] = {}


@pytest.fixture(scope="session", autouse=True)
def _engine_ends() -> Iterator[None]:
    yield
    if "relip_nuke.engine" in _plugin:
        _plugin["relip_nuke.engine"].stop()  # type: ignore[attr-defined]


RGB = ("red", "green", "blue")

#: The threads in which the plugin's client waits for the engine.
JOBS = {f"relip {method}" for method in jobs.JOBS}


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout's engine as an executable."""
    if os.name == "nt":
        pytest.skip("the engine here is a shell script")
    path = tmp_path_factory.mktemp("engine") / "relip"
    source = Path(relip.__file__).parents[1]
    path.write_text(
        "#!/bin/sh\nexport OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1\n"
        f'PYTHONPATH={source} exec {sys.executable} -m relip "$@"\n'
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def nukes(engine: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Nuke]]:
    """Starts Nukes with the plugin: ``nukes()``, ``nukes(gui=False)``; one runs at a time."""
    monkeypatch.setenv("RELIP_ENGINE", str(engine))
    package = _import_host()
    faults = importlib.import_module("nuke_host.faults")
    faults.forget()
    running: list[Nuke] = []

    def make(**options: Any) -> Nuke:
        while running:
            running.pop().stop()
        try:
            running.append(Nuke(**options))
        except package.NoTcl as exc:
            pytest.skip(str(exc))
        return running[-1]

    yield make
    while running:
        running.pop().stop()
    found = faults.recorded()
    faults.forget()
    assert not found, "Nuke was used in a way that the stand-in refuses:\n" + "\n".join(found)


@dataclass(frozen=True)
class Comp:
    """A comp on disk: the five nodes on the demo plate, everything made, and its shot."""

    path: Path
    shot: Path
    plate: Path
    first: int
    last: int


def build_five(nuke: Nuke, comp: Path, plate: Path, audio: Path, text: Path) -> None:
    """What an artist does: a Read, the menu's five nodes, the dialogue, Make shot."""
    comp.parent.mkdir(parents=True, exist_ok=True)
    nuke.host.save(comp)
    api = nuke.api
    read = api.createNode("Read", inpanel=False)
    read["file"].fromUserText(str(plate))
    read["first"].setValue(1001)
    read["last"].setValue(1040)
    read["raw"].setValue(True)
    api.root()["fps"].setValue(25)
    api.root()["format"].setValue(read["format"].value())
    read.setSelected(True)
    menu_command(nuke, "five nodes").invoke()
    speech = nuke.node("RelipSpeech1")
    speech["audio"].setValue(str(audio))
    speech["text"].setValue(str(text))
    speech["colourspace"].setValue("ACEScg")
    nuke.node("RelipRender1")["steps"].setValue(STEPS)


def menu_command(nuke: Nuke, words: str) -> Any:
    """The menu's entry whose name holds ``words``."""
    menu = nuke.api.menu("Nodes").menu("Relip")
    found = [item for item in menu.items() if words in item.name()]
    assert len(found) == 1, [item.name() for item in menu.items()]
    return found[0]


@pytest.fixture(scope="session")
def made_comp(
    tmp_path_factory: pytest.TempPathFactory,
    engine: Path,
    finished_shot: Path,
    demo_sequence: Any,
    dialogue: Any,
) -> Comp:
    """The comp that the menu built and Update finished. ``comp`` gives a copy to change.

    Its shot folder begins as a copy of the finished shot, so that no time goes into making the
    same frames again: Make shot and Update find nothing to do in it but what differs.
    """
    folder = tmp_path_factory.mktemp("made")
    package = _import_host()
    old = os.environ.get("RELIP_ENGINE")
    os.environ["RELIP_ENGINE"] = str(engine)
    try:
        nuke = Nuke()
    except package.NoTcl as exc:
        pytest.skip(str(exc))
    try:
        path = folder / "comps" / "sh010_v001.nk"
        shot = path.parent / "relip" / "plate.relip"
        shutil.copytree(finished_shot, shot)
        build_five(nuke, path, demo_sequence.path, dialogue.audio, dialogue.text)
        nuke.node("RelipSpeech1")["shot"].setValue(
            "[file dirname [value root.name]]/relip/plate.relip"
        )
        nuke.press("RelipSpeech1", "make_shot")
        nuke.press("RelipBlend1", "update")
        nuke.host.save(path)
    finally:
        nuke.stop()
        if old is None:
            del os.environ["RELIP_ENGINE"]
        else:
            os.environ["RELIP_ENGINE"] = old
    return Comp(path, shot, demo_sequence.path, 1001, 1040)


@pytest.fixture
def comp(made_comp: Comp, tmp_path: Path) -> Comp:
    """A copy of the finished comp and its shot; the shot's folder moves with the comp."""
    folder = tmp_path / "comps"
    shutil.copytree(made_comp.path.parent, folder)
    path = folder / made_comp.path.name
    shot = folder / made_comp.shot.relative_to(made_comp.path.parent)
    return Comp(path, shot, made_comp.plate, made_comp.first, made_comp.last)


@pytest.fixture
def nuke(nukes: Callable[..., Nuke], comp: Comp) -> Nuke:
    """A Nuke with its interface, the finished comp open."""
    started = nukes()
    started.host.open(comp.path)
    return started


@pytest.fixture
def desk(nukes: Callable[..., Nuke], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A comp of the five nodes whose engine does only what the test says."""
    return Desk(nukes(), tmp_path, monkeypatch)
