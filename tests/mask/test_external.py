"""A parsing network of others: loaded when its checksum fits, its channels become our classes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from relip.errors import ModelError, SettingError
from relip.mask import external, parsing
from relip.mask.crop import SIDE

ENTRY = """
[[parser]]
name = "thresholds"
file = "net.pt"
format = "{format}"
sha256 = "{sha256}"
licence = "CC0"
commercial = true
size = {size}
[parser.labels]
{labels}
"""
LABELS = "skin = [1]\nlips = [2, 3]\noccluder = [4]"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Channel 1 where red, 2 where green, 4 where blue is high."""
    import torch

    class Thresholds(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            r, g, b = x[:, 0:1], x[:, 1:2], x[:, 2:3]
            zero = torch.zeros_like(r)
            return 20 * torch.cat([zero + 0.5, r, g, zero, b], 1)

    path = tmp_path_factory.mktemp("net") / "net.pt"
    torch.jit.trace(Thresholds(), torch.zeros(1, 3, 64, 64)).save(str(path))
    return path


@pytest.fixture
def describe(network: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes models.toml beside the network and names it in the environment."""

    def write(format: str = "torchscript", sha256: str = "", size: int = 64, labels: str = LABELS):
        digest = sha256 or hashlib.sha256(network.read_bytes()).hexdigest()
        path = network.with_name("models.toml")
        path.write_text(ENTRY.format(format=format, sha256=digest, size=size, labels=labels))
        monkeypatch.setenv(external.VARIABLE, str(path))

    return write


def test_channels_become_classes(describe):
    describe()
    crop = np.zeros((SIDE, SIDE, 3), np.uint8)
    crop[:128, :128, 0] = crop[:128, 128:, 1] = crop[128:, :128, 2] = 255
    chance, labels, cover = external.find_parser("thresholds").load().parse(crop)
    np.testing.assert_allclose(chance.sum(0)[:120], 1, atol=1e-3)
    assert (labels[:120, :120] == parsing.SKIN).all()
    assert (labels[:120, 136:] == parsing.LIPS).all()
    assert (labels[136:, 136:] == parsing.BACKGROUND).all()
    assert cover is not None
    assert (cover[68:, :60] > 0.5).all() and (cover[:60] < -0.5).all()
    assert external.find_parser("thresholds").load().parse(crop * 0)[2] is None


def test_another_file_is_not_run(describe):
    describe(sha256="0" * 64)
    with pytest.raises(ModelError, match="not the model that was described"):
        external.find_parser("thresholds").load()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "pickle"}, "format is 'pickle'"),
        ({"labels": "teeth = [1]"}, "label teeth"),
        ({"labels": "skin = [-1]"}, "label skin"),
        ({"size": 8}, "size is 8"),
        ({"labels": ""}, "labels is missing"),
    ],
)
def test_an_unfit_entry_is_refused(describe, change: dict, words: str):
    describe(**change)
    with pytest.raises(ModelError, match=words):
        external.find_parser("thresholds")


def test_a_network_that_does_not_fit(describe):
    describe(labels="skin = [7]")
    with pytest.raises(ModelError, match="its output has the shape"):
        external.find_parser("thresholds").load().parse(np.zeros((SIDE, SIDE, 3), np.uint8))
    describe(format="onnx")
    with pytest.raises(ModelError, match="no ONNX network"):
        external.find_parser("thresholds").load()


def test_no_such_parser(describe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    describe()
    with pytest.raises(SettingError, match="it has: thresholds"):
        external.find_parser("other")
    monkeypatch.setenv(external.VARIABLE, str(tmp_path / "none.toml"))
    with pytest.raises(ModelError, match="cannot be read"):
        external.find_parser("thresholds")
    monkeypatch.delenv(external.VARIABLE)
    with pytest.raises(SettingError, match="RELIP_MODELS"):
        external.find_parser("thresholds")
