"""What the engine needs of the machine, and whether it is there.

``relip doctor`` and ``install.py`` share these checks; ``python -m relip.environment`` prints
them as JSON without anything else of Relip being imported, so that an environment in which the
engine cannot start can still say why.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

OK, WARNING, MISSING = "ok", "warning", "missing"

#: Pythons the engine runs on; the same as ``requires-python`` in pyproject.toml.
PYTHON_VERSIONS = SpecifierSet(">=3.10,<3.13")

#: Distributions that provide the same module: one of a group satisfies a requirement for another.
EQUIVALENT = (frozenset({"opencv-contrib-python", "opencv-contrib-python-headless"}),)

#: Every distribution that installs a package named ``cv2``; two at once overwrite each other.
OPENCV_BUILDS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)

#: The module each distribution is imported as, where the two names differ.
MODULES = {
    "opencv-contrib-python": "cv2",
    "opencolorio": "PyOpenColorIO",
    "openimageio": "OpenImageIO",
    "scikit-image": "skimage",
    "protobuf": "google.protobuf",
    "tomli-w": "tomli_w",
}

#: MediaPipe's own models that the face track loads, relative to the mediapipe package.
FACE_MODELS = (
    "modules/face_landmark/face_landmark_front_cpu.binarypb",
    "modules/face_landmark/face_landmark_with_attention.tflite",
    "modules/face_detection/face_detection_short_range.tflite",
    "modules/face_detection/face_detection_full_range_sparse.tflite",
)

#: The folder searched for optional models is named by this variable, else ``~/.relip/models``.
MODELS_VARIABLE = "RELIP_MODELS"

#: Free bytes below which a warning is given: temporary files of one shot, and memory of one job.
LOW_DISK = 2 * 1024**3
LOW_MEMORY = 4 * 1024**3

#: System libraries whose absence stops an import on Linux, with the Debian package and the mend.
_LIBRARIES = {
    "libGL.so.1": ("libgl1", "mesa-libGL", True),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2", True),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2", True),
    "libSM.so.6": ("libsm6", "libSM", True),
    "libXext.so.6": ("libxext6", "libXext", True),
    "libX11.so.6": ("libx11-6", "libX11", True),
    "libxcb.so.1": ("libxcb1", "libxcb", True),
    "libstdc++.so.6": ("libstdc++6", "libstdc++", False),
    "libgomp.so.1": ("libgomp1", "libgomp", False),
    "libz.so.1": ("zlib1g", "zlib", False),
}


@dataclass(frozen=True)
class Check:
    """One thing the engine needs or can use.

    Parameters
    ----------
    name : str
        What was looked at.
    status : {"ok", "warning", "missing"}
    detail : str
        What was found.
    mend : str
        What to do about it; empty when all is well.
    needed : bool
        Whether the engine cannot work without it.
    """

    name: str
    status: str
    detail: str
    mend: str = ""
    needed: bool = True

    @property
    def fatal(self) -> bool:
        """Whether this stops the engine from working."""
        return self.needed and self.status == MISSING

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)


def explain_import_error(exc: BaseException) -> str:
    """Say how to mend a failed import.

    Parameters
    ----------
    exc : BaseException
        What the import raised, usually ImportError or OSError.

    Returns
    -------
    str
        One line: what is missing and the command that mends it.
    """
    text = " ".join(str(exc).split())
    for library, (debian, redhat, window_system) in _LIBRARIES.items():
        if library in text:
            mend = f"apt-get install {debian} (Red Hat: dnf install {redhat})"
            if window_system:
                mend += ", or use the environment of install.py, whose OpenCV does not need it"
            return f"the system library {library} is missing: {mend}"
    if "numpy.core.multiarray" in text or "compiled using NumPy 1" in text or "_ARRAY_API" in text:
        return (
            "a package here was built against another NumPy: run pip install 'numpy>=1.26.4,<2', "
            "or python3 install.py"
        )
    if "Descriptors cannot be created directly" in text or "google.protobuf" in text:
        return "protobuf does not fit mediapipe: run pip install 'protobuf>=4.25.3,<5'"
    if isinstance(exc, ModuleNotFoundError) and exc.name:
        top = exc.name.split(".")[0]
        distribution = next((d for d, m in MODULES.items() if m == top), top)
        return (
            f"the Python package {distribution} is not installed: run python3 install.py, "
            f"or pip install {distribution}"
        )
    return f"{type(exc).__name__}: {text}: run python3 install.py to make a fresh environment"


def declared_requirements() -> list[Requirement]:
    """The packages the engine declares, with their bounds, for this Python.

    Returns
    -------
    list of packaging.requirements.Requirement
        From pyproject.toml when the engine runs from a checkout, else from the metadata of the
        installed distribution; empty when neither is there.
    """
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    lines: list[str] = []
    if project.is_file() and (project.parent / "core" / "relip").is_dir():
        lines = _read_toml(project)["project"]["dependencies"]
    else:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            lines = importlib.metadata.requires("relip") or []
    requirements = [Requirement(line) for line in lines]
    return [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]


def check_python() -> Check:
    """Whether this Python is one the engine runs on, and 64-bit."""
    detail = f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}"
    fits = PYTHON_VERSIONS.contains(platform.python_version(), prereleases=True)
    if not fits or sys.maxsize <= 2**32:
        return Check("python", MISSING, detail, "use a 64-bit Python 3.10, 3.11 or 3.12")
    return Check("python", OK, detail)


def check_distribution(requirement: Requirement) -> Check:
    """Whether a declared package is installed within its bounds.

    Parameters
    ----------
    requirement : packaging.requirements.Requirement

    Returns
    -------
    Check
        ``missing`` when it is not installed or outside the bounds.
    """
    name = canonicalize_name(requirement.name)
    group = next((g for g in EQUIVALENT if name in g), frozenset({name}))
    for candidate in sorted(group, key=lambda c: c != name):
        version = _installed_version(candidate)
        if version is None:
            continue
        shown = f"{candidate} {version}"
        if requirement.specifier.contains(version, prereleases=True):
            return Check(name, OK, shown)
        return Check(
            name,
            MISSING,
            f"{shown}, but {requirement.specifier} is needed",
            f"run pip install '{candidate}{requirement.specifier}', or python3 install.py",
        )
    mend = f"run pip install '{requirement.name}{requirement.specifier}', or python3 install.py"
    return Check(name, MISSING, "not installed", mend)


def check_import(distribution: str, module: str) -> Check:
    """Whether a module can be imported, with the mend when it cannot.

    Parameters
    ----------
    distribution : str
        Its name for pip.
    module : str
        Its name for ``import``.
    """
    name = f"import {module}"
    try:
        importlib.import_module(module)
    except Exception as exc:  # a broken binary package raises anything
        return Check(name, MISSING, f"cannot be imported: {exc}", explain_import_error(exc))
    return Check(name, OK, f"from {distribution}")


def check_opencv_build() -> Check:
    """Whether exactly one OpenCV build is installed, and whether it needs a window system."""
    builds = {b: v for b in OPENCV_BUILDS if (v := _installed_version(b)) is not None}
    shown = ", ".join(f"{b} {v}" for b, v in builds.items())
    if not builds:
        return Check("opencv build", MISSING, "none installed", "run python3 install.py")
    if len(builds) > 1:
        return Check(
            "opencv build",
            WARNING,
            f"several builds overwrite each other: {shown}",
            "uninstall all of them, then install one; or run python3 install.py",
        )
    kind = "headless" if next(iter(builds)).endswith("headless") else "with windows, needs libGL"
    return Check("opencv build", OK, f"{shown} ({kind})")


def check_torch() -> Check:
    """Torch: build, threads and the devices it can use, with a small product computed."""
    try:
        import torch

        value = float((torch.ones(8, 8) @ torch.ones(8, 8)).sum())
        devices = ["cpu"]
        if torch.cuda.is_available():
            devices += [
                f"cuda:{i} ({torch.cuda.get_device_name(i)})"
                for i in range(torch.cuda.device_count())
            ]
        if torch.backends.mps.is_available():
            devices.append("mps")
        detail = (
            f"{torch.__version__}, {torch.get_num_threads()} threads, devices: {', '.join(devices)}"
        )
    except Exception as exc:
        return Check("devices", MISSING, f"torch fails: {exc}", explain_import_error(exc))
    if value != 512.0:
        return Check("devices", MISSING, f"8x8 ones squared sum to {value}", "reinstall torch")
    return Check("devices", OK, detail)


def check_face_models() -> Check:
    """Whether MediaPipe's wheel carries its face models."""
    name = "face models"
    try:
        import mediapipe

        root = Path(mediapipe.__file__).parent
    except Exception as exc:
        return Check(name, MISSING, f"mediapipe: {exc}", explain_import_error(exc))
    absent = [model for model in FACE_MODELS if not (root / model).is_file()]
    if absent:
        return Check(
            name,
            MISSING,
            f"{', '.join(absent)} not in {root}",
            "run pip install --force-reinstall --no-deps mediapipe==0.10.21",
        )
    return Check(name, OK, "in mediapipe's wheel")


def check_face_mesh() -> Check:
    """Whether FaceMesh runs: a grey picture must give no face and no error."""
    name = "face mesh"
    try:
        import numpy as np

        with _quiet_stderr():
            from mediapipe.python.solutions.face_mesh import FaceMesh

            with FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
                found = mesh.process(np.full((64, 64, 3), 128, np.uint8)).multi_face_landmarks
    except Exception as exc:
        return Check(name, MISSING, f"does not run: {exc}", explain_import_error(exc))
    if found:
        return Check(name, MISSING, "finds a face in a grey picture", "reinstall mediapipe")
    return Check(name, OK, "runs with refined lips")


def check_speech_model() -> Check:
    """Whether PocketSphinx and its US English model are there and load."""
    name = "speech model"
    try:
        from pocketsphinx import Decoder, get_model_path

        with _quiet_stderr():
            Decoder(lm=None, loglevel="FATAL").get_config()
        return Check(name, OK, str(Path(get_model_path()) / "en-us"))
    except Exception as exc:
        return Check(name, MISSING, f"does not load: {exc}", explain_import_error(exc))


def check_colour() -> Check:
    """Whether OpenColorIO reads its config: the OCIO variable's, else the built-in ACES one."""
    name = "colour"
    path = os.environ.get("OCIO", "")
    try:
        import PyOpenColorIO as ocio

        config = ocio.Config.CreateFromFile(path or "ocio://studio-config-latest")
        spaces = sum(1 for _ in config.getColorSpaces())
        source = f"OCIO={path}" if path else f"built-in {config.getName()}"
    except Exception as exc:
        if path:
            mend = "correct or unset the variable OCIO"
            return Check(name, MISSING, f"OCIO={path} cannot be read: {exc}", mend)
        return Check(name, MISSING, f"no config: {exc}", explain_import_error(exc))
    return Check(name, OK, f"{source}, {spaces} colourspaces")


def check_exr() -> Check:
    """Whether a half-float EXR is written and read back unchanged."""
    name = "exr"
    try:
        import numpy as np
        import OpenImageIO as oiio

        pixels = np.linspace(0, 4, 48, dtype=np.float32).reshape(4, 4, 3)
        pixels = pixels.astype(np.float16).astype(np.float32)
        with tempfile.TemporaryDirectory(prefix="relip-doctor-") as folder:
            path = str(Path(folder) / "check.exr")
            image = oiio.ImageBuf(oiio.ImageSpec(4, 4, 3, "half"))
            image.set_pixels(oiio.ROI(), pixels)
            if not image.write(path, "half"):
                raise RuntimeError(image.geterror() or oiio.geterror())
            back = np.asarray(oiio.ImageBuf(path).get_pixels("float"))
        if not np.array_equal(back, pixels):
            raise RuntimeError("the pixels read differ from the pixels written")
    except Exception as exc:
        return Check(name, MISSING, f"does not work: {exc}", explain_import_error(exc))
    return Check(name, OK, f"OpenImageIO {oiio.VERSION_STRING}, half float written and read")


def check_movie() -> Check:
    """Whether PyAV encodes a movie with libx264 and AAC, as ``relip dub`` writes it."""
    name = "movie"
    try:
        import av
        import numpy as np

        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mp4") as movie:
            video = movie.add_stream("libx264", rate=Fraction(24))
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
            sound = movie.add_stream("aac", rate=48000, layout="mono")
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            movie.mux(video.encode(picture))
            movie.mux(video.encode())
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate = 48000
            movie.mux(sound.encode(silence))
            movie.mux(sound.encode())
        buffer.seek(0)
        with av.open(buffer) as movie:
            codecs = [stream.codec_context.name for stream in movie.streams]
        if len(codecs) != 2:
            raise RuntimeError(f"wrote picture and sound, read {codecs}")
    except Exception as exc:
        return Check(name, MISSING, f"does not work: {exc}", explain_import_error(exc))
    return Check(name, OK, f"PyAV {av.__version__}, libx264 and aac")


def check_temporary() -> Check:
    """Free room where temporary files go."""
    name = "temporary files"
    try:
        folder = tempfile.gettempdir()
        free = shutil.disk_usage(folder).free
    except OSError as exc:
        return Check(name, MISSING, str(exc), "set TMPDIR to a folder that can be written")
    detail = f"{_gigabytes(free)} free in {folder}"
    if free < LOW_DISK:
        mend = f"free some room or set TMPDIR; {_gigabytes(LOW_DISK)} is comfortable"
        return Check(name, WARNING, detail, mend)
    return Check(name, OK, detail)


def check_memory() -> Check:
    """Memory that is free for a job."""
    name = "memory"
    try:
        import psutil

        memory = psutil.virtual_memory()
    except Exception as exc:
        return Check(name, WARNING, f"cannot be measured: {exc}", explain_import_error(exc))
    detail = f"{_gigabytes(memory.available)} available of {_gigabytes(memory.total)}"
    if memory.available < LOW_MEMORY:
        return Check(name, WARNING, detail, f"a job uses up to {_gigabytes(LOW_MEMORY)}")
    return Check(name, OK, detail)


def check_writable(folder: Path | None = None) -> Check:
    """Whether a file can be written into ``folder``, the current one by default.

    Parameters
    ----------
    folder : Path, optional
    """
    folder = Path.cwd() if folder is None else folder
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".relip-doctor-"):
            pass
    except OSError as exc:
        mend = "write results elsewhere with -o"
        return Check("current folder", WARNING, f"{folder}: {exc}", mend, needed=False)
    return Check("current folder", OK, f"{folder} can be written", needed=False)


def check_espeak() -> Check:
    """Whether espeak-ng is there, which gives pronunciations for languages other than English."""
    path = shutil.which(os.environ.get("RELIP_ESPEAK") or "espeak-ng")
    if path:
        return Check("espeak-ng", OK, path, needed=False)
    return Check(
        "espeak-ng",
        WARNING,
        "not found; only English pronunciations are built in",
        "apt-get install espeak-ng, brew install espeak-ng, or its installer on Windows",
        needed=False,
    )


def check_landmarker() -> Check:
    """Whether the newer face model stands in the models folder."""
    folder = Path(os.environ.get(MODELS_VARIABLE) or Path.home() / ".relip" / "models")
    path = folder / "face_landmarker.task"
    if path.is_file():
        return Check("face_landmarker.task", OK, str(path), needed=False)
    detail = f"not in {folder}; the models in mediapipe's wheel are used"
    return Check("face_landmarker.task", OK, detail, needed=False)


def all_checks() -> Iterator[Check]:
    """Every check, cheap ones first; nothing raises.

    Yields
    ------
    Check
    """
    yield check_python()
    requirements = declared_requirements()
    if not requirements:
        yield Check("relip", MISSING, "neither installed nor a checkout", "run python3 install.py")
    dependencies = [check_distribution(r) for r in requirements]
    yield from dependencies
    yield check_opencv_build()
    for found in dependencies:
        if found.status == OK:
            module = MODULES.get(found.name, found.name.replace("-", "_"))
            imported = check_import(found.name, module)
            if imported.status != OK:
                yield imported
    works: tuple[Callable[[], Check], ...] = (
        check_torch,
        check_face_models,
        check_face_mesh,
        check_speech_model,
        check_colour,
        check_exr,
        check_movie,
        check_temporary,
        check_memory,
        check_writable,
        check_espeak,
        check_landmarker,
    )
    for check in works:
        yield check()


def _installed_version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _read_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    with path.open("rb") as file:
        return tomllib.load(file)


def _gigabytes(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB"


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Silence native libraries that write to file descriptor 2 past Python's stderr."""
    sys.stderr.flush()
    kept = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


def main() -> int:
    """Print every check as JSON; exit code 5 when something needed is missing."""
    checks = list(all_checks())
    print(json.dumps([check.to_dict() for check in checks], indent=1))
    return 5 if any(check.fatal for check in checks) else 0


if __name__ == "__main__":
    sys.exit(main())
