"""Rez package of Relip: ``cd nuke_plugin && rez build --install``, then ``rez env relip nuke``.

The build runs install.py: the engine's own environment and a copy of plugin and
gizmos go into the package. Only NUKE_PATH changes in the artist's environment;
the engine is a process of its own, so none of its packages meet Nuke's.
"""

name = "relip"

version = "0.1.0"

description = (
    "Re-sync an actor's mouth in an existing shot to new dialogue, and change nothing else"
)

authors = ["The Relip developers"]

# Weak: whoever asks for relip alone gets the command line.
requires = ["~nuke-14+"]

tools = ["relip"]

build_command = (
    'python3 "$REZ_BUILD_SOURCE_PATH/../install.py"'
    ' --env "$REZ_BUILD_INSTALL_PATH/env" --studio "$REZ_BUILD_INSTALL_PATH"'
)


def commands() -> None:
    """What ``rez env relip`` changes."""
    env.NUKE_PATH.prepend("{root}")  # type: ignore[name-defined]  # noqa: F821
    env.RELIP_ENGINE = "{root}/env"  # type: ignore[name-defined]  # noqa: F821
    windows = system.platform == "windows"  # type: ignore[name-defined]  # noqa: F821
    beside = "Scripts/relip.exe" if windows else "bin/relip"
    alias("relip", "{root}/env/" + beside)  # type: ignore[name-defined]  # noqa: F821
