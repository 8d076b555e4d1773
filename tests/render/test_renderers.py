"""Renderers of others': described, verified, shown on what terms, and run like the shot's own."""

from __future__ import annotations

import hashlib
import json
import threading
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from relip import pipeline
from relip.errors import AudioError, ModelError, SettingError
from relip.plate import read_exr
from relip.progress import Progress
from relip.render import catalogue, mel, stage
from relip.render.canonical import Window
from relip.render.catalogue import find_model, read_models
from relip.render.external import ExternalDrawer, square_of
from relip.render.mel96 import Mel96
from relip.render.network_file import load_network
from relip.render.renderers import Crop, Sources, View, make_renderer
from relip.shot import Shot
from relip.speech.audio import Audio
from relip.track import geometry
from relip.track import stage as track_stage

CPU = torch.device("cpu")
QUIET = Progress("none")


class LipGenerator(torch.nn.Module):
    """A network of the family's shape, small, with random weights.

    Sound in, faces in, a face out: the masked face's own pixels, and below
    them something that depends on the sound.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sound = torch.nn.Linear(80 * 16, 12)
        self.first = torch.nn.Conv2d(6, 12, 5, stride=4, padding=2)
        self.last = torch.nn.ConvTranspose2d(12, 3, 4, stride=4)

    def forward(self, heard: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
        said = self.sound(heard.flatten(1))[:, :, None, None]
        drawn = self.last(torch.tanh(self.first(faces) + said))
        return torch.sigmoid(drawn + 2 * faces[:, 3:] - 1)


class HalfSize(torch.nn.Module):
    """A network of another family: it gives a smaller picture."""

    def forward(self, heard: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
        return faces[:, :3, ::2, ::2] + heard.mean()


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "lips.pt"
    example = torch.zeros(1, 1, 80, 16), torch.zeros(1, 6, 96, 96)
    torch.jit.trace(LipGenerator().eval(), example).save(str(path))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def describe(path: Path, model: Path, **more: Any) -> Path:
    """A models.toml with one renderer."""
    import tomli_w

    entry = {
        "name": "lips", "adapter": "mel96", "file": str(model), "format": "torchscript",
        "sha256": sha256(model), "licence": "Studio internal", "commercial": False,
    }  # fmt: skip
    path.write_text(tomli_w.dumps({"renderer": [entry | more]}))
    return path


def noise_sources(seconds: float = 2.0) -> Sources:
    samples = 0.1 * np.random.default_rng(0).standard_normal(int(16000 * seconds))
    audio = Audio(samples.astype(np.float32), 16000, seconds, 16000, 1)
    return Sources(audio, 0.0, Fraction(25), range(1001, 1041), lambda: np.zeros((40, 10)))


def view(frame: int = 1010, size: int = 96) -> View:
    rng = np.random.default_rng(1)
    return View(frame, rng.uniform(size=(size, size, 3)).astype(np.float32), np.zeros((478, 2)))


# --- the sound ------------------------------------------------------------------------------------


def slaney(hertz: float) -> float:
    """Mel number of a frequency, after Slaney's Auditory Toolbox."""
    if hertz < 1000:
        return 3 * hertz / 200
    return 15 + 27 * np.log(hertz / 1000) / np.log(6.4)


@pytest.mark.parametrize("hertz", [300.0, 900.0, 2000.0, 5000.0])
def test_a_tone_is_heard_in_its_band(hertz: float):
    sound = 0.1 * np.sin(2 * np.pi * hertz * np.arange(16000) / 16000)
    found = mel.mel_spectrogram(sound)
    assert found.shape == (80, 1 + 16000 // 200) and found.dtype == np.float32
    # 80 bands between 55 and 7600 Hz, evenly spaced in mel: corners 0 … 81, band i at corner i + 1
    low, high = slaney(55), slaney(7600)
    wanted = (slaney(hertz) - low) / (high - low) * 81 - 1
    assert found[:, 40].argmax() == pytest.approx(wanted, abs=0.75)


def test_levels_are_decibels():
    """Twice as loud is 6.02 dB, of which 100 are 8; silence is −4."""
    rng = np.random.default_rng(0)
    sound = 1e-3 * rng.standard_normal(16000)
    one, two = (mel.mel_spectrogram(k * sound) for k in (1, 2))
    inside = (one > -3.5) & (two < 3.5)
    assert inside.any()
    step = 20 * np.log10(2) * 8 / 100
    np.testing.assert_allclose((two - one)[inside], step, atol=1e-3)
    assert (mel.mel_spectrogram(np.zeros(8000)) == -4).all()
    loud = mel.mel_spectrogram(1e4 * rng.standard_normal(8000))
    assert loud.max() == 4


def test_preemphasis():
    """A constant sound is what preëmphasis leaves of it: 3 %, 30.5 dB less."""
    scale = mel.MelScale(preemphasis=0.97)
    plain = mel.MelScale(preemphasis=0.0)
    tone = 0.2 * np.sin(2 * np.pi * 60 * np.arange(16000) / 16000)
    with_it, without = (mel.mel_spectrogram(tone, s)[0, 40] for s in (scale, plain))
    gain = abs(1 - 0.97 * np.exp(-2j * np.pi * 60 / 16000))
    assert with_it - without == pytest.approx(20 * np.log10(gain) * 8 / 100, abs=0.02)


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(50)])
def test_a_frame_hears_what_lies_about_its_middle(rate: Fraction):
    columns = np.arange(400, dtype=np.float32)[None].repeat(80, 0)
    for index in (60, 71):
        heard = mel.piece(columns, index, rate, 0.0, -4.0)
        middle = float((index + Fraction(1, 2)) / rate) * 80
        assert heard.shape == (80, 16)
        assert abs(heard[0].mean() + 0.5 - middle) <= 0.5 + 1e-6
        later = mel.piece(columns, index, rate, 0.5, -4.0)
        np.testing.assert_array_equal(later, heard - 40)
    assert (mel.piece(columns, 0, rate, 10.0, -4.0) == -4).all()
    edge = mel.piece(columns, 0, rate, 0.0, -4.0)[0]
    assert (edge[:6] == -4).all() and edge[-1] > 0


# --- the adapter ----------------------------------------------------------------------------------


def adapter(model: Path, tmp_path: Path, **options: Any) -> Mel96:
    entry = read_models(describe(tmp_path / "models.toml", model, options=options))["lips"]
    made = make_renderer(entry, CPU)
    assert isinstance(made, Mel96)
    return made


def test_what_the_network_is_given(model_file: Path, tmp_path: Path):
    """Channels, order of colours, the blackened half and the sound, against a call by hand."""
    made = adapter(model_file, tmp_path)
    sources = noise_sources()
    made.prepare(sources)
    seen = view()
    picture = made.draw(seen)
    face = torch.from_numpy(seen.picture[..., ::-1].copy()).permute(2, 0, 1)
    masked = face.clone()
    masked[:, 48:] = 0
    assert sources.audio is not None
    heard = mel.piece(mel.mel_spectrogram(sources.audio.samples), 9, Fraction(25), 0.0, -4.0)
    network = torch.jit.load(str(model_file))
    with torch.inference_mode():
        wanted = network(torch.from_numpy(heard)[None, None], torch.cat([masked, face])[None])[0]
    np.testing.assert_array_equal(picture, wanted.numpy().transpose(1, 2, 0)[..., ::-1])
    # the sound of another frame says something else
    assert np.abs(made.draw(view(1030)) - picture).max() > 1e-3


def test_a_frame_is_the_same_from_any_thread(model_file: Path, tmp_path: Path):
    made = adapter(model_file, tmp_path)
    made.prepare(noise_sources())
    alone = {f: made.draw(view(f)) for f in range(1001, 1009)}
    found: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda f=f: found.update({f: made.draw(view(f))})) for f in alone
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for f, picture in alone.items():
        np.testing.assert_array_equal(found[f], picture)


@pytest.mark.parametrize(
    "options, word",
    [
        ({"colour": "red"}, "unknown option colour"),
        ({"order": "grb"}, "order"),
        ({"size": 4}, "out of range"),
        ({"crop_centre": 3}, "wrong option"),
        ({"mel": {"bands": 3}}, "wrong option"),
    ],
)
def test_options_that_are_wrong(model_file: Path, tmp_path: Path, options: dict, word: str):
    with pytest.raises(ModelError, match=word):
        adapter(model_file, tmp_path, **options)


def test_a_network_that_does_not_fit(model_file: Path, tmp_path: Path):
    made = adapter(model_file, tmp_path, audio_first=False)
    made.prepare(noise_sources())
    with pytest.raises(ModelError, match="does not take its input"):
        made.draw(view())
    half = tmp_path / "half.pt"
    example = torch.zeros(1, 1, 80, 16), torch.zeros(1, 6, 96, 96)
    torch.jit.trace(HalfSize(), example).save(str(half))
    made = adapter(half, tmp_path)
    made.prepare(noise_sources())
    with pytest.raises(ModelError, match=r"1, 3, 48, 48.*1, 3, 96, 96"):
        made.draw(view())


def test_without_a_sound(model_file: Path, tmp_path: Path):
    made = adapter(model_file, tmp_path)
    silent = Sources(None, 0.0, Fraction(25), range(10), lambda: np.zeros((10, 10)))
    with pytest.raises(AudioError, match="--audio"):
        made.prepare(silent)


def test_the_square():
    shape = np.full((478, 2), 0.5)
    shape[[33, 133, 362, 263]] = [[0.3, 0.4], [0.4, 0.4], [0.6, 0.4], [0.7, 0.4]]
    to = square_of(Crop(96, 1.15, (0.0, 0.23)), shape)
    # 1.15 face widths are the whole crop; 0.23 of them are 0.2 of it
    np.testing.assert_allclose(geometry.apply(to, np.array([[0.5, 0.6]])), [[48, 48]])
    np.testing.assert_allclose(geometry.apply(to, np.array([[0.0, 0.1]])), [[0, 0]], atol=1e-9)


# --- ONNX -----------------------------------------------------------------------------------------


def field(number: int, value: int | bytes) -> bytes:
    """A protobuf field: a number, or bytes with their length."""

    def varint(n: int) -> bytes:
        out = b""
        while n > 127:
            out += bytes([n & 127 | 128])
            n >>= 7
        return out + bytes([n])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx_of_shape(path: Path) -> None:
    """An ONNX file written by hand: the last three channels of the faces plus the sound's mean."""

    def value(name: str, shape: tuple[int, ...]) -> bytes:
        dims = b"".join(field(1, field(1, n)) for n in shape)
        tensor = field(1, 1) + field(2, dims)
        return field(1, name.encode()) + field(2, field(1, tensor))

    def ints(name: str, numbers: list[int]) -> bytes:
        listed = b"".join(field(8, n) for n in numbers)
        return field(5, field(1, name.encode()) + listed + field(20, 7))

    def node(kind: str, inputs: list[str], output: str, extra: bytes = b"") -> bytes:
        named = b"".join(field(1, i.encode()) for i in inputs)
        return field(1, named + field(2, output.encode()) + field(4, kind.encode()) + extra)

    weights = np.zeros((3, 6, 1, 1), "<f4")
    weights[[0, 1, 2], [3, 4, 5]] = 1
    tensor = b"".join(field(1, n) for n in weights.shape) + field(2, 1) + field(8, b"w")
    tensor += field(9, weights.tobytes())
    graph = (
        node("Conv", ["faces", "w"], "face", ints("kernel_shape", [1, 1]))
        + node("GlobalAveragePool", ["mel"], "mean")
        + node("Add", ["face", "mean"], "out")
        + field(2, b"g")
        + field(5, tensor)
        + field(11, value("mel", (1, 1, 80, 16)))
        + field(11, value("faces", (1, 6, 96, 96)))
        + field(12, value("out", (1, 3, 96, 96)))
    )
    opset = field(8, field(2, 11))
    path.write_bytes(field(1, 7) + field(7, graph) + opset)


def test_an_onnx_file(tmp_path: Path):
    path = tmp_path / "lips.onnx"
    onnx_of_shape(path)
    entry = read_models(describe(tmp_path / "models.toml", path, format="onnx"))["lips"]
    made = make_renderer(entry, CPU)
    sources = noise_sources()
    made.prepare(sources)
    seen = view()
    assert sources.audio is not None
    heard = mel.piece(mel.mel_spectrogram(sources.audio.samples), 9, Fraction(25), 0.0, -4.0)
    np.testing.assert_allclose(made.draw(seen), seen.picture + heard.mean(), atol=1e-5)


@pytest.mark.parametrize("form", ["torchscript", "onnx"])
def test_files_that_are_no_network(tmp_path: Path, form: str):
    path = tmp_path / "x"
    path.write_bytes(b"no network at all")
    with pytest.raises(ModelError, match="no (TorchScript|ONNX) network"):
        load_network(path, form, CPU, ["mel", "faces"])


# --- models.toml ----------------------------------------------------------------------------------


def test_another_file_is_refused(model_file: Path, tmp_path: Path):
    copy = tmp_path / "lips.pt"
    copy.write_bytes(model_file.read_bytes())
    entry = read_models(describe(tmp_path / "models.toml", copy))["lips"]
    entry.verify()
    copy.write_bytes(copy.read_bytes() + b"x")
    with pytest.raises(ModelError, match="not the model that was described"):
        make_renderer(entry, CPU)
    copy.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        make_renderer(entry, CPU)


@pytest.mark.parametrize(
    "change, word",
    [
        ({"licence": ""}, "licence is missing"),
        ({"commercial": "yes"}, "true or false"),
        ({"sha256": "12"}, "64 hexadecimal"),
        ({"format": "pickle"}, "format is 'pickle'"),
        ({"crop": 3}, "unknown crop"),
        ({"name": "shot"}, "taken"),
        ({"options": 3}, "options"),
    ],
)
def test_descriptions_that_are_wrong(model_file: Path, tmp_path: Path, change: dict, word: str):
    path = describe(tmp_path / "models.toml", model_file, **change)
    with pytest.raises(ModelError, match=word) as caught:
        read_models(path)
    assert str(path) in caught.value.message


def test_a_models_toml_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "models.toml"
    with pytest.raises(ModelError, match="does not exist"):
        read_models(path)
    path.write_text("renderer = 3")
    with pytest.raises(ModelError, match="no list"):
        read_models(path)
    path.write_text("]")
    with pytest.raises(ModelError, match="cannot be read"):
        read_models(path)
    monkeypatch.delenv(catalogue.VARIABLE, raising=False)
    with pytest.raises(SettingError, match="--models"):
        find_model("lips", None)
    path.write_text("")
    monkeypatch.setenv(catalogue.VARIABLE, str(path))
    with pytest.raises(SettingError, match="no renderer 'lips'"):
        find_model("lips", None)


def test_plug_ins(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    entry = read_models(describe(tmp_path / "models.toml", model_file, adapter="mine"))["lips"]
    with pytest.raises(SettingError, match="installed: mel96"):
        make_renderer(entry, CPU)

    class Point:
        name, value = "mine", "studio.lips:make"

        def load(self) -> Any:
            return makers[-1]

    makers: list[Any] = [lambda entry, device: (entry.name, device)]

    monkeypatch.setattr(metadata, "entry_points", lambda group: [Point()])
    assert make_renderer(entry, CPU) == ("lips", CPU)

    def broken(entry: Any, device: Any) -> Any:
        raise RuntimeError("no licence server")

    makers.append(broken)
    with pytest.raises(ModelError, match=r"studio\.lips:make.*no licence server"):
        make_renderer(entry, CPU)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda size: np.zeros((size, size + 1, 3)), r"\(64, 65, 3\) where .*\(64, 64, 3\)"),
        (lambda size: np.full((size, size, 3), np.nan), "not numbers"),
        (lambda size: {}["mouth"], "KeyError: 'mouth'"),
    ],
)
def test_a_plug_in_that_fails_is_told_by_its_name(made: Any, words: str):
    class Lips:
        crop = Crop(64)

        def draw(self, view: View) -> np.ndarray:
            return made(self.crop.size)

    view = View(1010, np.zeros((64, 64, 3), np.float32), np.zeros((478, 2)))
    drawer = ExternalDrawer.of("lips", Lips(), Window(256, 64, 64), np.zeros((478, 2)), "ACEScg")
    with pytest.raises(ModelError, match=f"'lips' failed in frame 1010: .*{words}"):
        drawer._drawn(view)


# --- in a shot ------------------------------------------------------------------------------------


@pytest.fixture
def external(shot_copy: Path, model_file: Path, tmp_path: Path) -> Shot:
    models = describe(tmp_path / "models.toml", model_file)
    return Shot.open(shot_copy).change(render={"renderer": "lips", "models": str(models)})


def test_a_shot_drawn_by_it(external: Shot):
    report = stage.run(external, [1010, 1011], progress=QUIET)
    assert report.done == [1010, 1011] and not report.failed
    assert "commercial use: NO" in report.notes[0] and "Studio internal" in report.notes[0]
    record = json.loads(external.path("render", "record.json").read_text())
    assert record["renderer"]["name"] == "lips" and len(record["renderer"]["sha256"]) == 64
    channels, origin, _, _ = read_exr(stage.patch_path(external, 1010))
    alpha = channels["A"]
    with external.open_plate() as plate:
        rgb = plate.read(1010).rgb
    x, y = origin
    there = rgb[y : y + alpha.shape[0], x : x + alpha.shape[1]]
    raw = np.stack([channels[f"raw.{c}"] for c in "RGB"], -1)
    whole = alpha > 0.99
    # something else was drawn, in about the plate's light
    assert 0.001 < np.abs(raw - there)[whole].mean() < 0.5
    assert np.isfinite(raw).all()
    assert pipeline.run_stage(external, "blend", frames="1010").done == [1010]


def test_any_chunks_give_the_same(external: Shot):
    whole = stage.run(external, list(range(1008, 1014)), progress=QUIET)
    assert len(whole.done) == 6
    kept = {f: stage.patch_path(external, f).read_bytes() for f in range(1008, 1014)}
    for chunk in ([1012], [1009, 1010], [1008, 1011, 1013]):
        stage.run(external, chunk, progress=QUIET, force=True)
    for f, content in kept.items():
        assert stage.patch_path(external, f).read_bytes() == content, f


def test_no_training_is_needed(external: Shot):
    assert "train" not in pipeline.needed(external, "blend")
    import shutil

    shutil.rmtree(external.path("model"))
    assert stage.run(external, [1010], progress=QUIET).done == [1010]
    states = {s.stage: s.state for s in pipeline.status(external)}
    assert "train" not in states and states["render"] == "partial"


def test_another_file_stops_the_shot(external: Shot, tmp_path: Path):
    models = Path(external.settings.render.models)
    text = models.read_text()
    digest = text.split('sha256 = "')[1][:64]
    models.write_text(text.replace(digest, "0" * 64))
    before = stage.patch_path(external, 1010).read_bytes()
    with pytest.raises(ModelError, match="sha256"):
        stage.run(external, [1010], progress=QUIET)
    assert stage.patch_path(external, 1010).read_bytes() == before


def test_what_only_the_shots_own_network_has_counts_for_nothing(external: Shot):
    """Not for the pixels, and so not for the frames' keys."""

    def drawn(shot: Shot) -> tuple[str, bytes]:
        with shot.open_plate() as plate:
            key = stage.load_inputs(shot).key(shot, plate, 1010)
        stage.run(shot, [1010], progress=QUIET, force=True)
        content = read_exr(stage.patch_path(shot, 1010))[0]
        return key, b"".join(content[name].tobytes() for name in sorted(content))

    before = drawn(external)
    for section, values in (
        ("render", {"detail": 0.0}),
        ("render", {"defocus": 0.0}),
        ("render", {"teeth": 0.0}),
        ("train", {"crop": 512}),
    ):
        assert drawn(external.change(**{section: values})) == before, values
    assert drawn(external.change(render={"grain": 0.0})) != before


def test_the_sound_makes_frames_stale(external: Shot):
    with external.open_plate() as plate:
        one = stage.load_inputs(external).key(external, plate, 1010)
        later = external.change(dialogue={"offset": 0.1})
        assert stage.load_inputs(later).key(later, plate, 1010) != one
        assert track_stage.load(external).visible.all()
