"""Values that should tell nothing about the label, and how much they tell.

A network learns what separates the labels most easily. If the level, the length or the file type of
a turn does, it need not learn emotion. Each such value is used alone to guess the label: turns are
sorted into bins of similar values, and the guess for a bin is its most typical label, counted on
other speakers. The unweighted average recall of these guesses is compared with the one that labels
in random order give.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import PurePath
from typing import Any

import numpy as np

from emo2vec_plugins.evaluation import percent
from emo2vec_plugins.training.data_check.turns import CheckedTurn, Finding, grouped, ids

Value = Callable[[CheckedTurn], float | str | None]

STRONG = 2.0
"""Factor from which a value is reported: how much likelier it makes a right guess, as odds."""

PERMUTATIONS = 200
"""Random orders of the labels; a value is reported only if it tells more than all of them."""

FOLDS = 5
MOST_BINS = 8
TURNS_IN_A_BIN = 15
LEAST_TURNS = 40
"""Fewer turns are not enough to measure what a value tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nuisance:
    """A value of a turn that should tell nothing about its label.

    Attributes:
        name: Its name, with its unit.
        value: Returns it; None if it is not known.
        advice: What to do if it reveals the label.
        digits: Digits after the point in tables; None if it is a name.
        needs_sound: Whether it is measured in the audio.
    """

    name: str
    value: Value
    advice: str
    digits: int | None = None
    needs_sound: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a value alone tells about the label.

    Attributes:
        nuisance: The value.
        recall: Unweighted average recall of the label, guessed from this value alone.
        chance: The mean of the same for labels in random order.
        most: The largest of the same.
        corpus: The corpus in which it was measured; None for all turns.
    """

    nuisance: Nuisance
    recall: float
    chance: float
    most: float
    corpus: str | None = None

    @property
    def is_strong(self) -> bool:
        """Whether the value gives the label away."""
        gain = self.recall * (1 - self.chance) / max(self.chance * (1 - self.recall), 1e-9)
        return self.recall > self.most and gain >= STRONG


def _sound(name: str) -> Value:
    return lambda turn: None if turn.sound is None else float(getattr(turn.sound, name))


def _suffix(turn: CheckedTurn) -> str | None:
    return None if turn.file is None else PurePath(turn.file).suffix.lower()


def _of_file(name: str, value: Value) -> Nuisance:
    advice = (
        "the network may learn how a file was made: add turns of each label in each kind of file"
    )
    return Nuisance(name=name, value=value, advice=f"{advice}, or train with the recipe's codecs")


def _of_people(name: str) -> Nuisance:
    advice = f"the network may learn the {name} instead: add turns of each label from each {name}"
    return Nuisance(name=name, value=attrgetter(name), advice=advice)


NUISANCES = (
    *map(_of_people, ("corpus", "language", "sex")),
    _of_file("file type", _suffix),
    _of_file("sampling rate", lambda turn: None if turn.rate is None else str(turn.rate)),
    Nuisance(
        name="seconds",
        value=attrgetter("seconds"),
        advice="cut turns of all labels to similar lengths, or train with crop",
        digits=2,
    ),
    Nuisance(
        name="level dB",
        value=_sound("level"),
        advice="bring all turns to one level, and train with noise or dither: a network that "
        "normalises its input still hears the noise floor",
        digits=1,
        needs_sound=True,
    ),
    Nuisance(
        name="peak dB",
        value=_sound("peak"),
        advice="bring all turns to one level, and train with clip if the loudest are clipped",
        digits=1,
        needs_sound=True,
    ),
    Nuisance(
        name="floor dB",
        value=_sound("floor"),
        advice="train with noise or dither, at levels above the floors of all labels",
        digits=1,
        needs_sound=True,
    ),
    Nuisance(
        name="above 4 kHz dB",
        value=_sound("high"),
        advice="loud voices have more of it, but so have some microphones and codecs: train with "
        "codecs, high_cut or equalizer",
        digits=1,
        needs_sound=True,
    ),
    Nuisance(
        name="digital zeros",
        value=_sound("zeros"),
        advice="cut digital silence off, or train with noise or dither",
        digits=3,
        needs_sound=True,
    ),
)
"""The values, those of the manifest first."""


def tell(turns: Sequence[CheckedTurn], *, seed: int = 0) -> list[Told]:
    """Return what each value tells about the labels: among all turns, and in each corpus.

    Values that are the same for all turns are left out, and so are corpora with too few turns. If
    sounds were measured, turns without a measurement are left out. Equal turns give equal results.

    Args:
        turns: The training turns.
        seed: Seed of the folds and the random orders.
    """
    has_sound = any(turn.sound is not None for turn in turns)
    usable = [turn for turn in turns if turn.sound is not None or not has_sound]
    corpora = grouped(usable, "corpus")
    scopes: list[tuple[str | None, Sequence[CheckedTurn]]] = [(None, usable)]
    scopes += corpora.items() if len(corpora) > 1 else ()
    nuisances = [each for each in NUISANCES if has_sound or not each.needs_sound]
    return [
        told
        for corpus, own in scopes
        for told in _told(own, nuisances, corpus, np.random.default_rng(seed))
    ]


def _told(
    turns: Sequence[CheckedTurn],
    nuisances: Sequence[Nuisance],
    corpus: str | None,
    rng: np.random.Generator,
) -> list[Told]:
    names = [*grouped(turns, "label")]
    if len(turns) < LEAST_TURNS or len(names) < 2:
        return []
    labels = np.array([names.index(turn.label) for turn in turns])
    folds = _folds([turn.speaker or turn.id for turn in turns], rng)
    bins = [(each, _bins(turns, each)) for each in nuisances]
    # A value that is the same for all turns says nothing; nor does one that is a name of the turn.
    bins = [(each, own) for each, own in bins if 0 < own.max() < len(turns) / 2]
    orders = (rng.permutation(labels) for _ in range(PERMUTATIONS))
    random = np.array([[_recall(own, order, folds) for _, own in bins] for order in orders])
    return [
        Told(
            nuisance=each,
            recall=_recall(own, labels, folds),
            chance=float(chance.mean()),
            most=float(chance.max()),
            corpus=corpus,
        )
        for (each, own), chance in zip(bins, random.T, strict=True)
    ]


def giveaways(told: Sequence[Told], turns: Sequence[CheckedTurn]) -> Iterator[Finding]:
    """Yield a finding for each value that gives the label away."""
    for each in (each for each in told if each.is_strong):
        name, corpus = each.nuisance.name, each.corpus
        own = [turn for turn in turns if corpus in (None, turn.corpus)]
        typical = {
            label: typical_value(some, each.nuisance)
            for label, some in grouped(own, "label").items()
        }
        recall = f"recall {percent(each.recall)} %, by chance {percent(each.chance)} %"
        values = ", ".join(f"{label} {value}" for label, (value, _) in typical.items())
        where = "" if corpus is None else f" in corpus {corpus}"
        yield Finding(
            kind=f"tells: {name}",
            weight="warning",
            what=f"'{name}' alone tells labels apart{where} ({recall}): {values}",
            example=ids([turn for _, turn in typical.values()]),
            advice=each.nuisance.advice,
        )


def typical_value(turns: Sequence[CheckedTurn], nuisance: Nuisance) -> tuple[str, CheckedTurn]:
    """Return the median of a value, or its most frequent name, and a turn that has it."""
    known = [(value, turn) for turn in turns if (value := nuisance.value(turn)) is not None]
    if not known:
        return "-", turns[0]
    if nuisance.digits is None:
        counts = Counter(str(value) for value, _ in known)
        name, count = max(sorted(counts.items()), key=lambda pair: pair[1])
        turn = next(turn for value, turn in known if str(value) == name)
        return f"{name} ({count / len(turns):.0%})", turn
    known.sort(key=lambda pair: pair[0])
    value, turn = known[len(known) // 2]
    return f"{value:.{nuisance.digits}f}", turn


def _folds(speakers: Sequence[str], rng: np.random.Generator) -> Any:
    """Return a fold for each turn; turns of one speaker share it."""
    names, index = np.unique(speakers, return_inverse=True)
    if len(names) < 2:
        return rng.permutation(len(speakers)) % FOLDS
    return (rng.permutation(len(names)) % FOLDS)[index]


def _bins(turns: Sequence[CheckedTurn], nuisance: Nuisance) -> Any:
    """Return the bin of each turn: a name is a bin of its own, numbers are divided by quantiles."""
    if nuisance.digits is None:
        values = np.array([str(nuisance.value(turn)) for turn in turns])
    else:
        numbers = np.array([nuisance.value(turn) for turn in turns], np.float64)
        count = min(MOST_BINS, max(2, len(numbers) // TURNS_IN_A_BIN))
        edges = np.unique(np.quantile(numbers, np.arange(1, count) / count))
        values = np.searchsorted(edges, numbers, side="left")
    return np.unique(values, return_inverse=True)[1]


def _recall(bins: Any, labels: Any, folds: Any) -> float:
    """Return the unweighted average recall of the most typical label of each bin.

    A label is typical of a bin if a large share of its turns in the other folds is in the bin.
    Labels that are equally typical share the guess.
    """
    shape = (folds.max() + 1, bins.max() + 1, labels.max() + 1)
    flat = (folds * shape[1] + bins) * shape[2] + labels
    counts = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
    others = counts.sum(axis=0) - counts
    typical = others / np.maximum(others.sum(axis=1, keepdims=True), 1)
    best = typical == typical.max(axis=2, keepdims=True)
    right = (counts * best / best.sum(axis=2, keepdims=True)).sum(axis=(0, 1))
    return float((right / counts.sum(axis=(0, 1))).mean())
