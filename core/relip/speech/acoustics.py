"""The acoustic model of PocketSphinx's wheel, read and scored here.

A phonetically tied mixture model: each of its 42 phones owns 128 Gaussians per
feature stream, and each senone (a third of a phone in its neighbourhood)
weighs those of its phone. Scoring only the senones that a transcript can hold,
with matrix products, costs a hundredth of real time; every score is exact (no
beams, no top-N), so scores of different searches can be compared.

File formats: ``mdef`` (binary model definition), ``means`` and ``variances``
(S3 binary), ``sendump`` (8-bit mixture weights).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from relip.errors import ModelError

#: Silence and the two noises of the model.
SILENCE = "SIL"
NOISES = ("+NSN+", "+SPN+")

#: Natural logarithm of one step of the mixture weights: base 1.0001, shifted by 10 bits.
_STEP = 1024 * float(np.log(1.0001))

#: Frames scored at once: what they need stays in the processor's cache.
_BLOCK = 400

#: Emitting states per phone.
STATES = 3

#: A phone's place in its word.
INTERNAL, BEGIN, END, SINGLE = 0, 1, 2, 3


class AcousticModel:
    """Senones, Gaussians and triphones of US English.

    Attributes
    ----------
    phones : tuple of str
        The model's 42 phones, silence and noises included.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        try:
            self._read_definition((folder / "mdef").read_bytes())
            means = _s3_gaussians((folder / "means").read_bytes())
            variances = _s3_gaussians((folder / "variances").read_bytes())
            self._weights = _weights((folder / "sendump").read_bytes())
        except (OSError, ValueError, IndexError) as error:
            raise ModelError(
                f"the acoustic model in {folder} cannot be read: {error}",
                mend="install pocketsphinx 5.1 again",
            ) from None
        # log N(x) = constant + x·(mean/var) − x²·(1/2var), per phone and stream.
        precision = 1.0 / np.maximum(variances, 1e-4)
        constant = -0.5 * (np.log(2 * np.pi / precision) + means**2 * precision).sum(-1)
        # Factors of x, of x² and of 1, one below the other: shape (phones, streams, 27, 128).
        factors = np.concatenate((means * precision, -0.5 * precision, constant[..., None]), -1)
        self._factors = np.ascontiguousarray(factors.swapaxes(-1, -2).astype(np.float32))

    # The definition

    def _read_definition(self, raw: bytes) -> None:
        if raw[:4] != b"BMDF":
            raise ValueError("mdef is not a binary model definition of this byte order")
        skip = int(np.frombuffer(raw, "<i4", 1, 8)[0])
        counts = np.frombuffer(raw, "<i4", 10, 12 + skip)
        n_ci, n_phone, n_state, _, n_senone, _, n_sequences, _, n_tree, _ = counts
        if n_state != STATES:
            raise ValueError(f"its phones have {n_state} states, not {STATES}")
        at = 12 + skip + 40
        names: list[str] = []
        while len(names) < n_ci:
            end = raw.index(b"\0", at)
            names.append(raw[at:end].decode("ascii"))
            at = end + 1
        at = -(-(at - 12 - skip) // 4) * 4 + 12 + skip
        at += 8 * int(n_tree)
        record = np.dtype([("ssid", "<i4"), ("tmat", "<i4"), ("attr", "u1", 4)])
        table = np.frombuffer(raw, record, int(n_phone), at)
        at += record.itemsize * int(n_phone) + 4
        sequences = np.frombuffer(raw, "<u2", int(n_sequences) * STATES, at)
        self._sequences = sequences.reshape(-1, STATES).astype(np.int64)
        self.phones = tuple(names)
        self._index = {name: i for i, name in enumerate(names)}
        self._ci = table["ssid"][:n_ci].astype(np.int64)
        attr = table["attr"][n_ci:].astype(np.int64)
        keys = ((attr[:, 0] * 64 + attr[:, 1]) * 64 + attr[:, 2]) * 64 + attr[:, 3]
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self._ssids = table["ssid"][n_ci:][order].astype(np.int64)
        # A senone belongs to the phone of any sequence that holds it.
        owner = np.zeros(int(n_senone), np.int64)
        owner[self._sequences[self._ssids].ravel()] = np.repeat(attr[:, 1][order], STATES)
        owner[self._sequences[self._ci].ravel()] = np.repeat(np.arange(n_ci), STATES)
        self._owner = owner

    def senones(self, phone: str) -> tuple[int, ...]:
        """The three senones of a phone in no particular neighbourhood."""
        return tuple(int(s) for s in self._sequences[self._ci[self._index[phone]]])

    @lru_cache(maxsize=20000)  # noqa: B019  one model lives as long as the process
    def triphone(self, phone: str, left: str, right: str, place: int) -> tuple[int, ...]:
        """The senones of a phone between two others; of the phone alone where untrained."""
        base, before, after = (self._index[p] for p in (phone, left, right))
        for position in (place, *(p for p in range(4) if p != place)):
            key = ((position * 64 + base) * 64 + before) * 64 + after
            at = int(np.searchsorted(self._keys, key))
            if at < len(self._keys) and self._keys[at] == key:
                return tuple(int(s) for s in self._sequences[self._ssids[at]])
        return self.senones(phone)

    # Scores

    def scores(self, features: np.ndarray, senones: Sequence[int]) -> np.ndarray:
        """Log likelihood of every frame under each senone.

        Parameters
        ----------
        features : ndarray, shape (F, 39), float32
            From :func:`relip.speech.features.features`.
        senones : sequence of int, length S
            Distinct.

        Returns
        -------
        ndarray, shape (F, S), float32
            Nats.
        """
        wanted = np.asarray(senones, np.int64)
        out = np.zeros((len(features), len(wanted)), np.float32)
        owners = self._owner[wanted]
        parts = []
        for owner in np.unique(owners):
            columns = np.flatnonzero(owners == owner)
            weights = [np.ascontiguousarray(w[:, wanted[columns]]) for w in self._weights]
            parts.append((int(owner), columns, weights))
        for start in range(0, len(features), _BLOCK):
            block = slice(start, start + _BLOCK)
            streams = _quadratic(features[block])
            density = np.empty((len(streams[0]), self._factors.shape[-1]), np.float32)
            for owner, columns, weights in parts:
                # The smallest weight is 5e-12 and the likeliest Gaussian counts 1: the product of
                # three streams stays a normal number.
                for stream, x in enumerate(streams):
                    np.matmul(x, self._factors[owner, stream], out=density)
                    highest = density.max(axis=1, keepdims=True)
                    density -= highest
                    np.exp(density, out=density)
                    if stream == 0:
                        total, base = density @ weights[0], highest
                    else:
                        total *= density @ weights[stream]
                        base += highest
                np.log(total, out=total)
                total += base
                out[block, columns] = total
        return out

    def owner(self, senone: int) -> str:
        """The phone that a senone belongs to."""
        return self.phones[int(self._owner[senone])]


class Heard:
    """The sound as the model hears it: scores of senones, none computed twice.

    A search for given words and the free phone loop ask for many of the same phones, whose
    Gaussians are most of the work.

    Attributes
    ----------
    model : AcousticModel
    features : ndarray, shape (F, 39), float32
        From :func:`relip.speech.features.features`.
    streams : int
        Frames per 10 ms; the loop hears one of them.
    """

    def __init__(self, model: AcousticModel, features: np.ndarray, streams: int = 1) -> None:
        self.model = model
        self.features = features
        self.streams = streams
        self._loop: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.features)

    def scores(self, senones: Sequence[int]) -> np.ndarray:
        """Log likelihood of every frame under distinct senones, shape (F, S), nats.

        Those of the same phones in no particular neighbourhood are kept for :meth:`loop`.
        """
        phones = sorted({self.model.owner(s) for s in senones})
        have = set(senones)
        more = [s for p in phones for s in self.model.senones(p) if s not in have]
        found = self.model.scores(self.features, [*senones, *distinct([more])])
        place = {s: i for i, s in enumerate([*senones, *distinct([more])])}
        for phone in phones:
            for senone in self.model.senones(phone):
                self._loop[senone] = found[:: self.streams, place[senone]].copy()
        return found[:, : len(senones)]

    def loop(self) -> np.ndarray:
        """Scores of every phone's three senones, a frame per 10 ms: shape (F, 3 * phones)."""
        columns = [s for p in self.model.phones for s in self.model.senones(p)]
        missing = distinct([[s for s in columns if s not in self._loop]])
        if missing:
            found = self.model.scores(self.features[:: self.streams], missing)
            self._loop.update((s, found[:, i]) for i, s in enumerate(missing))
        return np.stack([self._loop[s] for s in columns], axis=1)


def _quadratic(features: np.ndarray) -> list[np.ndarray]:
    """Each stream's cepstra, their squares and a one: what the Gaussians are linear in."""
    one = np.ones((len(features), 1), np.float32)
    return [np.concatenate((x, np.square(x), one), axis=1) for x in np.split(features, 3, axis=1)]


def distinct(senones: Iterable[Iterable[int]]) -> list[int]:
    """All senones of the sequences once, rising."""
    return sorted({s for group in senones for s in group})


@lru_cache(maxsize=1)
def acoustic_model() -> AcousticModel:
    """The model of the installed PocketSphinx, read once.

    Raises
    ------
    ModelError
        If PocketSphinx or its model is missing.
    """
    return AcousticModel(model_folder() / "en-us")


def model_folder() -> Path:
    """Where PocketSphinx keeps its US English models.

    Raises
    ------
    ModelError
        If PocketSphinx is missing.
    """
    try:
        import pocketsphinx
    except ImportError as error:
        raise ModelError(
            f"PocketSphinx cannot be loaded: {error}", mend="pip install pocketsphinx"
        ) from None
    return Path(pocketsphinx.get_model_path()) / "en-us"


def _s3_gaussians(raw: bytes) -> np.ndarray:
    """Shape (phones, streams, densities, 13), float64."""
    marker = b"endhdr\n"
    at = raw.index(marker) + len(marker)
    if int(np.frombuffer(raw, "<u4", 1, at)[0]) != 0x11223344:
        raise ValueError("its byte order is not this machine's")
    groups, streams, densities = (int(v) for v in np.frombuffer(raw, "<i4", 3, at + 4))
    lengths = np.frombuffer(raw, "<i4", streams, at + 16)
    if set(lengths.tolist()) != {13}:
        raise ValueError("its features are not 3 × 13 cepstra")
    at += 16 + 4 * streams + 4
    count = groups * streams * densities * 13
    values = np.frombuffer(raw, "<f4", count, at)
    return values.reshape(groups, streams, densities, 13).astype(np.float64)


def _weights(raw: bytes) -> np.ndarray:
    """Mixture weights, shape (streams, densities, senones), float32."""
    at, streams = 0, 0
    while True:
        length = int(np.frombuffer(raw, "<i4", 1, at)[0])
        at += 4
        if length == 0:
            break
        text = raw[at : at + length].rstrip(b"\0!").decode("ascii", "replace")
        if text.startswith("feature_count"):
            streams = int(text.split()[1])
        if text.startswith("cluster_count") and int(text.split()[1]) != 0:
            raise ValueError("its mixture weights are clustered")
        at += length
    rows, columns = (int(v) for v in np.frombuffer(raw, "<i4", 2, at))
    values = np.frombuffer(raw, "u1", streams * rows * columns, at + 8)
    table: Any = np.exp(-_STEP * np.arange(256)).astype(np.float32)
    return table[values].reshape(streams, rows, columns)
