"""Models that are not shipped: listed, fetched with their checksum verified, refused otherwise."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from relip import models
from relip.errors import InputError, ModelError, OutputError, UsageError

CONTENT = b"the weights" * 1000


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> models.Model:
    """A model that is published in a folder, and a models folder of the test's own."""
    source = tmp_path / "published" / "small.task"
    source.parent.mkdir()
    source.write_bytes(CONTENT)
    model = models.Model(
        "small", "for tests", "small.task", source.as_uri(), hashlib.sha256(CONTENT).hexdigest(),
        len(CONTENT), "CC0", "here",
    )  # fmt: skip
    monkeypatch.setattr(models, "known", lambda: {"small": model})
    monkeypatch.setenv("RELIP_MODELS", str(tmp_path / "models"))
    return model


def test_fetched_and_found(published: models.Model, tmp_path: Path):
    assert models.find("small") is None
    there = models.fetch("small")
    assert there == tmp_path / "models" / "small.task" and there.read_bytes() == CONTENT
    assert models.require("small") == there
    stamp = there.stat().st_mtime_ns
    assert models.fetch("small") == there and there.stat().st_mtime_ns == stamp


def test_from_a_file(published: models.Model, tmp_path: Path):
    mine = tmp_path / "mine.bin"
    mine.write_bytes(CONTENT)
    assert models.fetch("small", mine).read_bytes() == CONTENT
    with pytest.raises(InputError, match="nothing"):
        models.find("small").unlink()  # type: ignore[union-attr]
        models.fetch("small", tmp_path / "nothing")


@pytest.mark.parametrize("wrong", [b"", CONTENT + b"x", CONTENT[:-1], b"<html>not found</html>"])
def test_another_file_is_not_installed(published: models.Model, tmp_path: Path, wrong: bytes):
    Path(tmp_path / "published" / "small.task").write_bytes(wrong)
    with pytest.raises(ModelError, match="SHA-256"):
        models.fetch("small")
    assert models.find("small") is None
    assert not list((tmp_path / "models").glob("*")) if (tmp_path / "models").exists() else True


def test_no_network(published: models.Model, tmp_path: Path):
    (tmp_path / "published" / "small.task").unlink()
    with pytest.raises(ModelError, match="cannot be downloaded") as caught:
        models.fetch("small")
    assert "--from FILE" in str(caught.value.mend)


def test_damaged_after_it_was_installed(published: models.Model):
    models.fetch("small").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="not the model small"):
        models.require("small")
    assert models.fetch("small").read_bytes() == CONTENT


def test_a_folder_that_cannot_be_written(published: models.Model, tmp_path: Path):
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(OutputError):
        models.fetch("small")


def test_the_shipped_list_is_whole():
    for model in models.known().values():
        assert model.url.startswith("https://") and len(model.sha256) == 64
        assert model.size > 0 and model.licence and model.file
    with pytest.raises(UsageError, match="known: face_landmarker"):
        raise_for_unknown()


def raise_for_unknown() -> None:
    try:
        models.get("nothing")
    except UsageError as exc:
        raise UsageError(f"{exc.message}; {exc.mend}") from exc


def test_commands(relip, refused, published: models.Model, tmp_path: Path):
    assert "not installed" in relip("models", "list").out
    refused(3, ["models", "fetch", "small", "--from", tmp_path / "no"], "no")
    refused(2, ["models", "fetch", "other"], "other")
    assert relip("models", "fetch", "small").code == 0
    data = relip("models", "list", "--output", "json").data
    assert data["models"][0]["installed"].endswith("small.task")
    assert relip("models", "verify").code == 0
    models.path("small").write_bytes(b"damaged")
    assert relip("models", "verify").code == 5
