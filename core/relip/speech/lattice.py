"""The best path of words through sound: a Viterbi search over whole windows of it.

A transcript becomes a left-to-right graph of states: each word by any of its
pronunciations, silence allowed before, between and after words. A phone
lasts as long as it likes; a very short one costs something. Only the stretch
of words that the sound can have reached by now is followed: what lies hundreds
of nats behind the best never comes back (:data:`BEAM`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from relip.speech.acoustics import (
    BEGIN,
    END,
    INTERNAL,
    NOISES,
    SILENCE,
    SINGLE,
    STATES,
    AcousticModel,
    Heard,
    distinct,
)

#: Natural logarithm of the chance to enter a silence between two words.
SILENCE_COST = -4.0

#: Fine frames for which each third of a phone lasts, unless it pays for skipping some.
REPEAT = 3
#: Nats for every frame that a phone is shorter than that: in English, and in languages whose
#: sounds the model only resembles, where squeezed phones are more often wrong than fast.
SKIP_COST = -5.0
SKIP_COST_FOREIGN = -12.0
#: No frame counts as more than this much worse than the best that the words could make of it,
#: so that one strange sound does not push its neighbours out of place. Nats.
FLOOR = 15.0

#: States this far behind the best of a frame are given up, nats: a hundred and more frames that
#: are as strange as can be (:data:`FLOOR`).
BEAM = 2000.0

#: Fine frames after which a sound that can be held, a vowel or a nasal, and any other one may have
#: swallowed a noise: there a pause may sound like anything, so many nats worse than free phones.
LONGEST_HELD, LONGEST = 120, 50
FILLER = 3.0
#: Nats that this must be worth: a long sound that is what it is called stays.
STRANGE = 30.0

#: Frames whose emissions are looked up at once, and after which the stretch of states that is
#: followed is set anew.
_BLOCK = 256
_TIGHTEN = 16

#: The score of a state that cannot be reached.
_NEVER = np.float32(-1e30)

#: One sound of a pronunciation: the model's phones that may stand for it, the nearest first.
Sound = tuple[str, ...]


class Span(NamedTuple):
    """A piece of the path: frames, the last one excluded."""

    word: int
    variant: int
    sound: int
    start: int
    end: int


class Path(NamedTuple):
    """What the search found.

    Attributes
    ----------
    spans : list of Span
        The sounds in order; silence lies between them.
    score : ndarray, shape (F,)
        Log likelihood of each frame on the path, nats.
    words : int
        How many words were reached: all of them, or fewer when the end was open.
    """

    spans: list[Span]
    score: np.ndarray
    words: int


@dataclass
class _Graph:
    senones: list[tuple[tuple[int, ...], ...]] = field(default_factory=list)
    owner: list[tuple[int, int, int]] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    before: list[list[int]] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    ends: list[list[int]] = field(default_factory=list)
    #: First state of the pause before each word, and of the last one.
    pauses: list[int] = field(default_factory=list)

    def add(
        self,
        sounds: Sequence[Sequence[tuple[int, ...]]],
        owners: Sequence[tuple[int, int, int]],
        before: list[int],
        cost: float = 0.0,
        repeat: int = 1,
    ) -> int:
        """Append a chain of sounds; the index of its last state."""
        self.entries.append(len(self.senones))
        self.before.append(before)
        self.costs.append(cost)
        for alternatives, owner in zip(sounds, owners, strict=True):
            for state in range(STATES):
                for _ in range(repeat):
                    self.senones.append(tuple((a[state],) for a in alternatives))
                    self.owner.append(owner)
        return len(self.senones) - 1


def best_path(
    heard: Heard,
    words: Sequence[Sequence[Sequence[Sound]]],
    *,
    open_end: bool = False,
    native: bool = True,
    noisy: np.ndarray | None = None,
) -> Path | None:
    """Lay words on sound.

    Parameters
    ----------
    heard : Heard
    words : sequence
        Per word its pronunciations, each a sequence of sounds.
    open_end : bool
        The sound may end after any word; otherwise all words are in it.
    native : bool
        Whether the words are of the model's language.
    noisy : ndarray, shape (F,), optional
        Nats that each frame costs as a pause, because it is too loud for one.

    Returns
    -------
    Path or None
        None when the sound is too short to hold the words.
    """
    if not len(heard) or not words:
        return None
    graph = _graph(heard.model, words)
    columns = distinct(g for state in graph.senones for g in state)
    place = {s: i for i, s in enumerate(columns)}
    scores = heard.scores(columns)
    # States of one third of a sound hear alike: their alternatives are looked up once.
    kinds = {heard_by: i for i, heard_by in enumerate(dict.fromkeys(graph.senones))}
    picks = [np.array([place[a[0]] for a in heard_by]) for heard_by in kinds]
    kind = np.array([kinds[heard_by] for heard_by in graph.senones])
    skip = SKIP_COST if native else SKIP_COST_FOREIGN
    pauses = [place[s] for s in heard.model.senones(SILENCE)]
    quiet = scores[:, pauses].copy()
    if noisy is not None:
        scores[:, pauses] -= noisy[:, None]
    found = _search(scores, picks, kind, graph, open_end, skip)
    long = _long(found[0], graph, words) if found else []
    if found and long:
        filler = np.repeat(heard.loop().max(axis=1), heard.streams)[: len(scores)] - FILLER
        own = _heard_as(scores, picks, kind[found[0]])
        gain = np.maximum(filler - own, 0.0)
        long = [(low, high) for low, high in long if gain[low:high].sum() > STRANGE]
    if long:
        for low, high in long:
            filled = np.maximum(scores[low:high, pauses], filler[low:high, None])
            scores[low:high, pauses] = filled
        found = _search(scores, picks, kind, graph, open_end, skip)
    scores[:, pauses] = quiet
    if found is None:
        return None
    states, reached = found
    score = _heard_as(scores, picks, kind[states])
    return Path(_spans(states, graph), score, reached)


def _heard_as(scores: np.ndarray, picks: list[np.ndarray], kinds: np.ndarray) -> np.ndarray:
    """The score of every frame under a kind of state of its own."""
    out = np.empty(len(scores), np.float32)
    for k in np.unique(kinds):
        at = np.flatnonzero(kinds == k)
        out[at] = scores[np.ix_(at, picks[k])].max(axis=1)
    return out


def _long(
    states: np.ndarray, graph: _Graph, words: Sequence[Sequence[Sequence[Sound]]]
) -> list[tuple[int, int]]:
    """Spans of frames that are long for the sound that took them: a cough, a door, a breath?"""
    out = []
    for word, variant, sound, start, end in _spans(states, graph):
        name = words[word][variant][sound][0]
        if end - start > (LONGEST_HELD if name[0] in "AEIOUMN" else LONGEST):
            out.append((start, end))
    return out


def _graph(model: AcousticModel, words: Sequence[Sequence[Sequence[Sound]]]) -> _Graph:
    graph = _Graph()
    # The model's noises stay out: in a noisy recording they would swallow weak consonants.
    quiet = [model.senones(SILENCE)]
    before: list[int] = [-1]  # -1: the beginning
    for index, variants in enumerate(words):
        graph.pauses.append(len(graph.senones))
        pause = graph.add([quiet], [(-1, 0, 0)], list(before), SILENCE_COST if index else 0.0)
        if index:
            graph.ends[-1].append(pause)
        ends = []
        left = words[index - 1][0][-1][0] if index else SILENCE
        right = words[index + 1][0][0][0] if index + 1 < len(words) else SILENCE
        for number, sounds in enumerate(variants):
            groups = [
                _alternatives(model, sounds, at, left, right, first=at == 0)
                for at in range(len(sounds))
            ]
            owners = [(index, number, at) for at in range(len(sounds))]
            ends.append(graph.add(groups, owners, [*before, pause], repeat=REPEAT))
        graph.ends.append(list(ends))
        before = ends
    graph.pauses.append(len(graph.senones))
    pause = graph.add([quiet], [(-1, 0, 0)], list(before))
    graph.ends[-1].append(pause)
    return graph


def _alternatives(
    model: AcousticModel, sounds: Sequence[Sound], at: int, left: str, right: str, *, first: bool
) -> list[tuple[int, ...]]:
    """The senone triples that may stand for a sound: in its neighbourhood, and beside a pause."""
    last = at == len(sounds) - 1
    place = (SINGLE if last else BEGIN) if first else (END if last else INTERNAL)
    befores = (left, SILENCE) if first else (sounds[at - 1][0],)
    afters = (right, SILENCE) if last else (sounds[at + 1][0],)
    found: dict[tuple[int, ...], None] = {}
    for phone in sounds[at]:
        for before in befores:
            for after in afters:
                found[model.triphone(phone, before, after, place)] = None
        found[model.senones(phone)] = None
    return list(found)


def _search(
    scores: np.ndarray,
    picks: list[np.ndarray],
    kind: np.ndarray,
    graph: _Graph,
    open_end: bool,
    skip: float,
) -> tuple[np.ndarray, int] | None:
    """The best state of every frame, and the words reached.

    ``picks`` holds the columns of ``scores`` that each kind of state may hear.
    """
    emissions = _Emissions(picks)
    count = len(kind)
    entries = np.array(graph.entries)
    width = max(len(b) for b in graph.before)
    before = np.full((len(entries), width), count)  # count: a state that is never reached
    for row, states in enumerate(graph.before):
        before[row, : len(states)] = [s if s >= 0 else count for s in states]
    costs = np.array(graph.costs, np.float32)
    starts = entries[[-1 in b for b in graph.before]]
    never = _NEVER
    skips = np.full(count, skip, np.float32)
    skips[entries] = never
    skips[np.clip(entries + 1, 0, count - 1)] = never
    every = np.full(count + 1, never, np.float32)
    delta = every[:count]
    moved, emission = np.empty(count, np.float32), np.empty(count, np.float32)
    skipped = np.full(count, never, np.float32)
    reach = _reach(graph)
    low, high = 0, int(reach[0])
    stretches: list[_Stretch] = []
    for frame in range(len(scores)):
        at = frame % _BLOCK
        if at == 0:
            block = emissions(scores[frame : frame + _BLOCK])
        if frame == 0:
            block[at].take(kind, out=emission, mode="clip")
            delta[starts] = emission[starts]
            stretches.append(_Stretch(0, count, delta.copy()[None]))
            continue
        row = (frame - 1) % _TIGHTEN
        if row == 0:
            # States are in the order of the words: what is alive is one stretch of them.
            alive = np.flatnonzero(delta[low:high] > delta[low:high].max() - BEAM) + low
            delta[low : alive[0]] = delta[alive[-1] + 1 : high] = never
            low, high = int(alive[0]), int(reach[alive[-1]])
            first, last = np.searchsorted(entries, (low, high))
            inside = slice(first, last)
            band = slice(low, high)
            heads = entries[inside] - low
            came, cost = before[inside], costs[inside]
            options = np.empty(came.shape, np.float32)
            here, step_to, sound, leap = (x[band] for x in (delta, moved, emission, skipped))
            hears, leaps = kind[band], skips[low + 2 : high]
            rows = np.empty((min(_TIGHTEN, len(scores) - frame), high - low), np.float32)
            stretches.append(_Stretch(low, int(alive[-1]) + 1, rows))
        block[at].take(hears, out=sound, mode="clip")
        step_to[0] = never
        step_to[1:] = here[:-1]
        every.take(came, out=options, mode="clip")
        step_to[heads] = options.max(axis=1) + cost
        leap[:2] = never
        np.add(here[:-2], leaps, out=leap[2:])
        np.maximum(step_to, leap, out=step_to)
        np.maximum(step_to, here, out=here)
        here += sound
        rows[row] = here
    if open_end:
        finals = [(s, w + 1) for w, ends in enumerate(graph.ends) for s in ends]
        finals.append((graph.entries[0] + STATES - 1, 0))
    else:
        finals = [(s, len(graph.ends)) for s in graph.ends[-1]]
    state, reached = max(finals, key=lambda pair: float(delta[pair[0]]))
    if delta[state] < never / 2:
        return None
    return _trace(stretches, state, len(scores), graph, skips, costs), reached


class _Stretch(NamedTuple):
    """What states scored in some frames: rows, the first of state ``low``.

    Of the frame before these, only the states from ``low`` to ``alive`` were followed.
    """

    low: int
    alive: int
    rows: np.ndarray


def _trace(
    stretches: list[_Stretch],
    state: int,
    frames: int,
    graph: _Graph,
    skips: np.ndarray,
    costs: np.ndarray,
) -> np.ndarray:
    """The state of every frame, back from the last one.

    Which step was the best is found again from the scores, for the states of the path alone: to
    note it for every state took a third of the search.
    """
    sources = dict(zip(graph.entries, zip(graph.before, costs, strict=True), strict=True))
    path = np.empty(frames, np.int64)
    frame = frames - 1
    for number in range(len(stretches) - 1, 0, -1):
        low, alive, rows = stretches[number]
        for row in range(len(rows) - 1, -1, -1):
            path[frame] = state
            frame -= 1
            if row:
                source, first, until = rows[row - 1], low, low + rows.shape[1]
            else:
                previous = stretches[number - 1]
                source, first, until = previous.rows[-1], previous.low, alive
            start = max(first, low)

            def was(at: int) -> np.float32:
                return source[at - first] if start <= at < until else _NEVER  # noqa: B023

            stayed = was(state)
            found = sources.get(state)
            if found is not None:
                options = [was(s) if s >= 0 else _NEVER for s in found[0]]
                choice = max(range(len(options)), key=options.__getitem__)
                if options[choice] + found[1] > stayed:
                    state = found[0][choice]
                continue
            step = was(state - 1)
            leap = was(state - 2) + skips[state]
            if max(step, leap) > stayed:
                state -= 2 if leap > step else 1
    path[0] = state
    return path


def _reach(graph: _Graph) -> np.ndarray:
    """The states that each one can have reached, at most, :data:`_TIGHTEN` frames later.

    A phone takes :data:`STATES` * :data:`REPEAT` states and half as many frames at least.
    """
    words = _TIGHTEN // (STATES * REPEAT // 2) + 2
    edges = [*graph.pauses, len(graph.senones)]
    word = np.searchsorted(edges, np.arange(len(graph.senones)), side="right")
    return np.array(edges)[np.minimum(word + words - 1, len(edges) - 1)]


class _Emissions:
    """What every kind of state hears: the best of its alternatives, floored."""

    def __init__(self, picks: list[np.ndarray]) -> None:
        # Kinds with most alternatives first: then those that have a next one are always in front.
        order = np.argsort([-len(p) for p in picks], kind="stable")
        self._columns = [
            np.array([picks[k][place] for k in order if len(picks[k]) > place])
            for place in range(len(picks[order[0]]))
        ]
        self._row = np.argsort(order)

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Shape (frames, kinds)."""
        floored = np.maximum(scores, scores.max(axis=1, keepdims=True) - FLOOR)
        columns = np.ascontiguousarray(floored.T)
        out = columns[self._columns[0]]
        for more in self._columns[1:]:
            np.maximum(out[: len(more)], columns[more], out=out[: len(more)])
        return out[self._row].T.copy()


def _spans(states: np.ndarray, graph: _Graph) -> list[Span]:
    chain = np.array([o[0] for o in graph.owner])
    ids = np.array([hash(o) for o in graph.owner])
    change = np.flatnonzero(np.diff(ids[states])) + 1
    edges = [0, *change.tolist(), len(states)]
    out = []
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        state = int(states[start])
        if chain[state] >= 0:
            out.append(Span(*graph.owner[state], start, end))
    return out


class Loop(NamedTuple):
    """The sound as free phones.

    Attributes
    ----------
    phones : list of (str, int, int)
        Each with its first frame and the one after its last; ``""`` is silence or noise.
    score : ndarray, shape (F,)
        Log likelihood of each frame on the path, nats.
    """

    phones: list[tuple[str, int, int]]
    score: np.ndarray


#: Natural logarithm of the chance to begin another phone in the free loop.
LOOP_COST = -6.0


def phone_loop(heard: Heard) -> Loop:
    """The likeliest phones when any may follow any: what the sound is like without words.

    Parameters
    ----------
    heard : Heard

    Returns
    -------
    Loop
        Its frames are 10 ms long.
    """
    names = heard.model.phones
    scores = heard.loop()
    count = scores.shape[1]
    entries = np.arange(0, count, STATES)
    ends = entries + STATES - 1
    history = np.full(scores.shape, _NEVER, np.float32)
    history[0, entries] = scores[0, entries]
    bests = np.empty(len(scores), np.int64)
    moved = np.empty(count, np.float32)
    for frame in range(1, len(scores)):
        delta, now = history[frame - 1], history[frame]
        moved[1:] = delta[:-1]
        best = bests[frame] = ends[delta[ends].argmax()]
        moved[entries] = delta[best] + LOOP_COST
        np.maximum(moved, delta, out=now)
        now += scores[frame]
    states = np.empty(len(scores), np.int64)
    state = int(ends[history[-1, ends].argmax()])
    for frame in range(len(scores) - 1, -1, -1):
        states[frame] = state
        if frame:
            delta = history[frame - 1]
            if state % STATES:
                if delta[state - 1] > delta[state]:
                    state -= 1
            elif delta[bests[frame]] + np.float32(LOOP_COST) > delta[state]:
                state = int(bests[frame])
    # A phone that follows itself begins anew where its last state goes to its first.
    new = (states[1:] // STATES != states[:-1] // STATES) | (
        (states[1:] % STATES == 0) & (states[:-1] % STATES == STATES - 1)
    )
    edges = [0, *(np.flatnonzero(new) + 1).tolist(), len(states)]
    quiet = {SILENCE, *NOISES}
    phones = []
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        name = names[int(states[start]) // STATES]
        phones.append(("" if name in quiet else name, start, end))
    return Loop(phones, scores[np.arange(len(scores)), states])
