"""The heads of a network in training: the model's, and one for each corpus with a head of its own.

Some corpora help a network to learn emotion although their sounds are of another kind, such as bursts
of laughter or crying without words. With a head of its own, such a corpus shapes the embeddings, but
not the classes of the model. These heads share the rows of one matrix and are dropped at the end
(multi-task learning; Caruana 1997, doi 10.1023/A:1007379606734).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emo2vec_plugins.core import EMOTIONS, FloatArray, canonical, counted, shown
from emo2vec_plugins.errors import TrainingError
from emo2vec_plugins.evaluation import few
from emo2vec_plugins.training.examples import Example, labels_of
from emo2vec_plugins.training.recipe import Recipe

CORPUS = "corpus"
"""Field of the supervisions that names their corpus."""

MOST_VOTES = 1_000_000
"""Most votes of a label, or the largest other weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The rows of all heads, one after another; those of the model come first.

    Attributes:
        labels: Labels of the model's head.
        own: Labels of each corpus with a head of its own.
    """

    labels: tuple[str, ...]
    own: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def extra(self) -> int:
        """Number of rows besides those of the model."""
        return sum(len(labels) for _, labels in self.own)

    @property
    def spans(self) -> list[slice]:
        """The rows of each head."""
        sizes = [len(self.labels), *(len(labels) for _, labels in self.own)]
        starts = [sum(sizes[:index]) for index in range(len(sizes))]
        return [slice(start, start + size) for start, size in zip(starts, sizes, strict=True)]

    def row(self, example: Example) -> int:
        """Return the row of the example's label, in the head of its corpus."""
        start, labels = self._head(example)
        return start + labels.index(example.label)

    def targets(self, example: Example, votes: str | None) -> FloatArray:
        """Return the probability of each row: 1 for the label, or the shares of votes.

        Args:
            example: A turn.
            votes: Custom field of the supervisions with votes; None to use the label alone.

        Raises:
            TrainingError: If the field has anything but a number from 0 to `MOST_VOTES` for each label, or
                no label of the head has a vote.
        """
        start, labels = self._head(example)
        counts = votes_of(example, votes) or {example.label: 1.0}
        row = np.zeros(len(self.labels) + self.extra)
        row[start : start + len(labels)] = [counts.get(label, 0.0) for label in labels]
        if not row.any():
            raise TrainingError(
                f"turn {example.id!r}: {votes} has no votes for {', '.join(labels)}, got {shown(counts)}"
            )
        shares: FloatArray = (row / row.sum()).astype(np.float32)
        return shares

    def _head(self, example: Example) -> tuple[int, tuple[str, ...]]:
        """Return the first row and the labels of the head of the example's corpus."""
        corpus = example.value(CORPUS) if self.own else None
        for (name, labels), span in zip(self.own, self.spans[1:], strict=True):
            if name == corpus:
                return int(span.start), labels
        return 0, self.labels


def heads_of(examples: Sequence[Example], recipe: Recipe) -> Heads:
    """Return the heads that the training turns need.

    Raises:
        TrainingError: If a corpus of the recipe's *own_head* has no turns, or no others have turns,
            or the labels of a head are too few.
    """
    if not recipe.own_head:
        return Heads(labels=labels_of(examples))
    by_corpus: dict[str, list[Example]] = defaultdict(list)
    for example, corpus in zip(examples, corpora(examples), strict=True):
        by_corpus[corpus if corpus in recipe.own_head else ""].append(example)
    if missing := [name for name in recipe.own_head if name not in by_corpus]:
        found = ", ".join(sorted(set(corpora(examples))))
        raise TrainingError(
            f"own_head: expected training turns of {', '.join(missing)}; the corpora are {found}"
        )
    if "" not in by_corpus:
        raise TrainingError(
            f"own_head: all {counted(len(examples), 'turn')} are of {', '.join(recipe.own_head)}; "
            "the head of the model needs turns of another corpus"
        )
    own = tuple((name, labels_of(by_corpus[name])) for name in recipe.own_head)
    return Heads(labels=labels_of(by_corpus[""]), own=own)


def for_training_only(examples: Sequence[Example], recipe: Recipe) -> list[Example]:
    """Return the examples; those of the recipe's *own_head* are for training only.

    The model does not keep the head that they train, so it cannot be evaluated on them.
    """
    if not recipe.own_head:
        return [*examples]
    return [
        replace(each, is_extra=True) if each.value(CORPUS) in recipe.own_head else each
        for each in examples
    ]


def votes_of(example: Example, field: str | None) -> dict[str, float]:
    """Return the votes of a turn, or other weights of labels; empty if it has none.

    Raises:
        TrainingError: If a name is not one of `EMOTIONS`, or if the field has anything but a number from 0 to `MOST_VOTES` for each label.
    """
    given = (example.supervision.custom or {}).get(field) if field else None
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(_is_weight(each) for each in given.values()):
        raise TrainingError(
            f"turn {example.id!r}: expected a number from 0 to {MOST_VOTES:,} for each label in {field}, "
            f"got {shown(given)}"
        )
    votes: dict[str, float] = defaultdict(float)  # two names of one label count together
    for name, value in given.items():
        votes[canonical(str(name))] += float(value)
    if unknown := sorted(votes.keys() - EMOTIONS):
        raise TrainingError(
            f"turn {example.id!r}: {field} has votes for {', '.join(map(shown, unknown))}; expected "
            f"{', '.join(EMOTIONS)}, as label maps do not apply to votes"
        )
    return dict(votes)


def _is_weight(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= MOST_VOTES


def corpora(examples: Sequence[Example]) -> list[str]:
    """Return the corpus of each example.

    Raises:
        TrainingError: If a turn does not name its corpus.
    """
    names = [example.value(CORPUS) for example in examples]
    if missing := [each.id for each, name in zip(examples, names, strict=True) if name is None]:
        raise TrainingError(
            f"shares and own_head need the corpus of every turn; {len(missing)} of {len(names)} "
            f"have no custom field {CORPUS!r}: {few(missing)}"
        )
    return [str(name) for name in names]
