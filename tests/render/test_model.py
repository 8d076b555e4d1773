"""The shot's model file: the same pixels after reading, and no half-read model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import render_making
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from relip.errors import ModelError, StageMissingError
from relip.render.model import FORMAT, ShotModel
from relip.render.network import INPUTS
from relip.render.rig import Rig


@pytest.fixture(scope="module")
def model() -> ShotModel:
    return render_making.make_model()[0]


@pytest.fixture
def path(model: ShotModel, tmp_path: Path) -> Path:
    path = tmp_path / "model" / "model.safetensors"
    model.save(path, {"steps": 7})
    return path


def parts(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(str(path), "pt") as handle:
        return {k: handle.get_tensor(k) for k in handle.keys()}, handle.metadata()  # noqa: SIM118


def test_roundtrip_is_exact(model: ShotModel, path: Path):
    again = ShotModel.load(path)
    x = torch.randn(1, INPUTS, 32, 48, generator=torch.Generator().manual_seed(0))
    x = x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        assert torch.equal(model.network(x), again.network(x))
        assert model.network(x).any()
    assert not again.network.training
    assert again.encoding == model.encoding
    assert again.window == model.window
    np.testing.assert_array_equal(again.mean, model.mean)
    for name in Rig.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again.rig, name), getattr(model.rig, name))


def test_saved_again_it_is_the_same_file(path: Path, tmp_path: Path):
    other = tmp_path / "other.safetensors"
    ShotModel.load(path).save(other, {"steps": 7})
    # metadata and tensors; their order in the header is the library's
    first, second = parts(path), parts(other)
    assert first[1] == second[1]
    assert first[0].keys() == second[0].keys()
    assert all(torch.equal(v, second[0][k]) for k, v in first[0].items())


def test_notes_are_in_the_file(path: Path):
    description = json.loads(parts(path)[1]["relip"])
    assert description["notes"] == {"steps": 7}
    assert description["format"] == FORMAT
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]


def test_missing(tmp_path: Path):
    with pytest.raises(StageMissingError, match="relip train"):
        ShotModel.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize("keep", [0, 7, 300, 200_000, -5])
def test_damaged(path: Path, keep: int):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match="damaged"):
        ShotModel.load(path)


def test_other_format(path: Path):
    tensors, metadata = parts(path)
    description = json.loads(metadata["relip"]) | {"format": FORMAT + 1}
    save_file(tensors, str(path), {"relip": json.dumps(description)})
    with pytest.raises(ModelError, match=f"format {FORMAT + 1}"):
        ShotModel.load(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window", ["256", 96, 80]),
        ("window", [256, 96]),
        ("window", [256, 96, 0]),
        ("window", [256, True, 80]),
        ("encoding", {"colourspace": 1}),
        ("encoding", {"colourspace": 1, "working": "a", "offset": 0.0, "scale": 1.0}),
        ("encoding", {"colourspace": "a", "working": "a", "offset": 0.0, "scale": 0}),
        ("encoding", {"colourspace": "a", "working": "a", "offset": "0", "scale": 1.0}),
    ],
)
def test_values_of_another_kind(path: Path, name: str, value: object):
    tensors, metadata = parts(path)
    description = json.loads(metadata["relip"]) | {name: value}
    save_file(tensors, str(path), {"relip": json.dumps(description)})
    with pytest.raises(ModelError, match="damaged"):
        ShotModel.load(path)


@pytest.mark.parametrize("name", ["mean", "rig.gain", "network.stem.weight"])
def test_missing_tensor(path: Path, name: str):
    tensors, metadata = parts(path)
    del tensors[name]
    save_file(tensors, str(path), metadata)
    with pytest.raises(ModelError, match="damaged"):
        ShotModel.load(path)


def test_not_a_model_of_ours(path: Path):
    tensors, metadata = parts(path)
    save_file(tensors, str(path))
    with pytest.raises(ModelError, match="damaged"):
        ShotModel.load(path)
    save_file(tensors, str(path), {"relip": "{"})
    with pytest.raises(ModelError, match="damaged"):
        ShotModel.load(path)
    tensors["network.stem.weight"] = tensors["network.stem.weight"][:, :4].contiguous()
    save_file(tensors, str(path), metadata)
    with pytest.raises(ModelError, match="damaged"):
        ShotModel.load(path)
