"""What relip doctor says of Nuke's side."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from relip import registration
from relip.environment import OK, WARNING, Check

ROOT = Path(__file__).resolve().parents[1]


def by_name(environ: dict[str, str]) -> dict[str, Check]:
    return {check.name: check for check in registration.checks(environ)}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A plugin and one gizmo as install.py --studio copies them."""
    root = tmp_path / "relip – 0.1"
    shutil.copytree(ROOT / "nuke_plugin", root / "nuke_plugin")
    (root / "gizmos").mkdir()
    (root / "gizmos" / "A_v1_0.gizmo").write_bytes(b"Gizmo {\n}\n")
    digest = hashlib.sha256(b"Gizmo {\n}\n").hexdigest()
    (root / "gizmos" / "gizmos.toml").write_text(
        f'[[gizmo]]\nclass = "A_v1_0"\nfile = "A_v1_0.gizmo"\nsha256 = "{digest}"\n'
    )
    return root


def registered(folder: Path, plugin: str) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    line = f"import nuke; nuke.pluginAddPath({ascii(plugin)})  {registration.MARK}; it removes it\n"
    (folder / "init.py").write_text("x = 1\n" + line)
    return {"HOME": str(folder.parent), "NUKE_PATH": ""}


def test_all_is_well(tmp_path: Path, release: Path):
    environ = registered(tmp_path / ".nuke", (release / "nuke_plugin").as_posix())
    found = by_name(environ)
    assert [c.status for c in found.values()] == [OK, OK, OK]
    assert str(release / "nuke_plugin") in found["nuke plugin"].detail
    assert str(tmp_path / ".nuke" / "init.py") in found["nuke plugin"].detail
    assert found["nuke gizmos"].detail.startswith("1 as released")
    assert not any(c.needed for c in found.values())


def test_a_studio_s_folder_and_the_plugin_itself_on_nuke_path(tmp_path: Path, release: Path):
    studio = tmp_path / "studio"
    registered(studio, f"../{release.name}/nuke_plugin")
    environ = {"HOME": str(tmp_path), "NUKE_PATH": os.pathsep.join([str(tmp_path), str(studio)])}
    found = registration.find(environ)
    assert found and found.registered and os.path.samefile(found.plugin, release / "nuke_plugin")
    environ["NUKE_PATH"] = str(release / "nuke_plugin")
    assert registration.find(environ) == registration.Found(
        release / "nuke_plugin", "NUKE_PATH", True
    )


def test_what_is_wrong_is_a_warning_with_its_mend(tmp_path: Path, release: Path):
    gone = by_name(registered(tmp_path / ".nuke", "/no/such/folder"))
    assert gone["nuke plugin"].status == WARNING and "install.py --nuke" in gone["nuke plugin"].mend

    environ = registered(tmp_path / ".nuke", (release / "nuke_plugin").as_posix())
    gizmo, manifest = release / "gizmos" / "A_v1_0.gizmo", release / "gizmos" / "gizmos.toml"
    gizmo.write_bytes(b"Gizmo {\n name x\n}\n")
    assert "A_v1_0.gizmo was changed" in by_name(environ)["nuke gizmos"].detail
    gizmo.unlink()
    assert "A_v1_0.gizmo is missing" in by_name(environ)["nuke gizmos"].detail
    for text, word in (("[[gizmo", "damaged"), ("a = 1\n", "damaged")):
        manifest.write_text(text)
        assert word in by_name(environ)["nuke gizmos"].detail
    manifest.unlink()
    assert "is missing" in by_name(environ)["nuke gizmos"].detail

    link = release / "nuke_plugin" / "relip_nuke" / "link.py"
    link.write_text(link.read_text().replace('PROTOCOL = "1.0"', 'PROTOCOL = "2.0"'))
    protocol = by_name(environ)["nuke protocol"]
    assert protocol.status == WARNING and "speaks 2.0" in protocol.detail


def test_without_a_registration_the_checkout_is_told_of(tmp_path: Path):
    found = by_name({"HOME": str(tmp_path), "NUKE_PATH": ""})
    assert found["nuke plugin"].status == OK
    assert "not registered" in found["nuke plugin"].detail


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("linux", "{root}/env/bin/relip"),
        ("osx", "{root}/env/bin/relip"),
        ("windows", "{root}/env/Scripts/relip.exe"),
    ],
)
def test_the_rez_package_is_of_this_version(platform: str, command: str):
    import relip

    text = (ROOT / "nuke_plugin" / "package.py").read_text("utf-8")
    space: dict = {}
    exec(compile(text, "package.py", "exec"), space)
    assert space["version"] == relip.__version__

    class Variable:
        value = ""

        def prepend(self, text: str) -> None:
            self.value = text

    class Env:
        NUKE_PATH = Variable()
        RELIP_ENGINE = ""

    class System:
        pass

    System.platform = platform  # type: ignore[attr-defined]
    aliases: dict[str, str] = {}
    env = Env()
    space.update(env=env, alias=aliases.__setitem__, system=System)
    space["commands"]()
    assert env.NUKE_PATH.value == "{root}" and env.RELIP_ENGINE == "{root}/env"
    assert aliases == {"relip": command}
