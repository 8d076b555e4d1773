"""A small comp with the plugin, whose engine's answers are written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relip.plate import read_exr, write_exr
from relip.shot import Shot, ShotSettings

WIDTH, HEIGHT = 24, 16
FIRST, LAST = 1001, 1003
FRAMES = range(FIRST, LAST + 1)


class Desk:
    """A comp of the five nodes on a small plate, saved, with a shot that nothing is made of yet."""

    def __init__(self, nuke: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.nuke, self.api, self.comp = nuke, nuke.api, folder / "sh 010.nk"
        self.shot = folder / "relip" / "plate.relip"
        self.asked: list[tuple[str, dict[str, Any]]] = []
        #: What the engine does when it is asked, by method.
        self.does: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.api.addFormat(f"{WIDTH} {HEIGHT} 0 0 {WIDTH} {HEIGHT} 1 small")
        self.api.root()["format"].setValue("small")
        self.api.root()["fps"].setValue(25)
        self.plate = self.constant(0.2, 0.3, 0.4, 0)
        self.plate.setName("Plate1")
        self.plate.setSelected(True)
        nuke.plugin("comp").create_five()
        self.sound, self.words = folder / "new.wav", folder / "new.txt"
        self.sound.write_bytes(b"RIFF")
        self.words.write_text("Five.\n")
        speech = nuke.node("RelipSpeech1")
        speech["audio"].setValue(str(self.sound))
        speech["text"].setValue(str(self.words))
        speech["shot"].setValue(str(self.shot))
        speech["colourspace"].setValue("ACEScg")
        self.make_shot()
        for name in ("Speech", "Track", "Mask", "Render", "Blend"):
            self.node(name)["first_frame"].setValue(FIRST)
            self.node(name)["last_frame"].setValue(LAST)
        self.save()
        monkeypatch.setattr(nuke.plugin("engine"), "run", self._run)

    def make_shot(self, **changed: dict[str, Any]) -> None:
        """Write a shot.toml that says what the panels say."""
        settings: dict[str, Any] = {
            "plate": {"path": "nuke/plate.####.exr", "frames": f"{FIRST}-{LAST}", "fps": "25"},
            "dialogue": {"audio": str(self.sound), "text": str(self.words)},
        }
        for section, values in changed.items():
            settings[section] = {**settings.get(section, {}), **values}
        self.shot.mkdir(parents=True, exist_ok=True)
        Shot(self.shot, ShotSettings.from_dict(settings)).save()

    def _run(self, method: str, params: dict[str, Any], *, title: str, done: Any) -> None:
        self.asked.append((method, params))
        result = self.does.get(method, lambda params: {})(params)
        error = result if isinstance(result, Exception) else None
        done(None if error else result or {}, error)

    @property
    def methods(self) -> list[str]:
        return [p["until"] if m == "run" else m for m, p in self.asked]

    def node(self, family: str) -> Any:
        return self.nuke.node(f"Relip{family}1")

    def state(self, family: str) -> str:
        return str(self.node(family)["state"].value())

    def press(self, family: str, button: str) -> list[str]:
        """Press a button; what the artist is told."""
        self.nuke.host.said.clear()
        self.asked.clear()
        self.nuke.host.press(f"Relip{family}1", button)
        return list(self.nuke.messages)

    def save(self) -> None:
        self.nuke.host.save(self.comp)

    def constant(self, *colour: float) -> Any:
        node = self.api.nodes.Constant()
        node["channels"].setValue("rgba")
        node["color"].setValue(list(colour))
        node["first"].setValue(FIRST)
        node["last"].setValue(LAST)
        return node

    def group(self, source: Any, build: Callable[[Any], Any]) -> Any:
        """A group of the artist's below ``source``, its inside built on its Input."""
        group = self.api.nodes.Group()
        with group:
            self.api.nodes.Output(inputs=[build(self.api.nodes.Input())])
        group.setInput(0, source)
        return group

    def write_masks(self, value: float) -> None:
        """What the mask stage makes."""
        plane = np.full((HEIGHT, WIDTH), value, np.float32)
        for frame in FRAMES:
            path = self.shot / "mask" / f"mask.{frame}.exr"
            path.parent.mkdir(exist_ok=True)
            names = ("matte", "lips", "mouth", "skin")
            write_exr(path, dict.fromkeys(names, plane), display=(WIDTH, HEIGHT))
            self.note(path.parent / "status" / f"{frame}.json", f"{value}")

    def write_patches(self) -> None:
        """What the render stage makes."""
        plane = np.full((HEIGHT, WIDTH), 0.5, np.float32)
        for frame in FRAMES:
            path = self.shot / "render" / f"patch.{frame}.exr"
            path.parent.mkdir(exist_ok=True)
            names = ("R", "G", "B", "A", "raw.R", "raw.G", "raw.B", "stmap.R", "stmap.G")
            write_exr(path, dict.fromkeys(names, plane), display=(WIDTH, HEIGHT))
            self.note(path.parent / "status" / f"{frame}.json", "1")

    @staticmethod
    def note(path: Path, key: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"key": key, "state": "done", "note": ""}))

    def matte_written(self) -> float:
        """The matte that the render would use."""
        return float(read_exr(self.shot / "overrides" / f"mask.{FIRST}.exr")[0]["A"].max())

    def write_below(self, node: Any) -> Any:
        write = self.api.nodes.Write(inputs=[node])
        write["file"].setValue(str(self.comp.parent / "out" / "out.####.exr"))
        write["file_type"].setValue("exr")
        write["raw"].setValue(True)
        write["create_directories"].setValue(True)
        return write
