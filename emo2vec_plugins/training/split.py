"""Which turns are learnt from and which only judged: never the same speaker on both sides."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from emo2vec_plugins.errors import OptionsError, TrainingError
from emo2vec_plugins.training.examples import Example

Group = Literal["speaker", "recording"]
"""What may not be on both sides."""

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Turns to train on, and turns to judge by, which may be none.

    Attributes:
        group: What is not on both sides.
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...] = ()
    group: Group = "speaker"

    def __post_init__(self) -> None:
        if not self.train:
            raise TrainingError("nothing is left to train on: all turns were held out")
        if not self.dev:
            return
        shared = sorted(groups_of(self.train, self.group) & groups_of(self.dev, self.group))
        if shared:
            raise TrainingError(
                f"{self.group}s are in training and in development: {_some(shared)}; what is "
                "heard in training cannot be judged by"
            )
        unknown = sorted({e.label for e in self.dev} - {e.label for e in self.train})
        if unknown:
            raise TrainingError(f"no training turn is {', '.join(unknown)}, but development has it")


def groups_of(examples: Sequence[Example], group: Group) -> set[str]:
    """Return the speakers, or recordings, of examples.

    Raises:
        TrainingError: If a turn has no speaker and speakers are asked for.
    """
    if group == "recording":
        return {example.recording for example in examples}
    missing = [example.id for example in examples if not example.speaker]
    if missing:
        raise TrainingError(
            f"{len(missing)} of {len(examples)} turns have no speaker: {_some(missing)}; without "
            "speakers nobody can tell whether one is on both sides. Add them, or, if every "
            "recording is of other people, group by recording"
        )
    return {str(example.speaker) for example in examples}


def make_split(
    examples: Sequence[Example],
    *,
    dev: Sequence[Example] = (),
    names: Collection[str] = (),
    share: float | None = None,
    group: Group = "speaker",
    seed: int = 0,
) -> Split:
    """Split in one of three ways, or not at all.

    Args:
        examples: To train on, or to hold some out of.
        dev: Other examples to judge by.
        names: Groups to hold out.
        share: Of the groups, to hold out.
        group: What may not be on both sides.
        seed: Of what *share* draws.

    Raises:
        OptionsError: If more than one way is given.
        TrainingError: If a group is on both sides, or has no name.
    """
    if sum([bool(dev), bool(names), share is not None]) > 1:
        raise OptionsError(
            "development turns are other cuts, or these speakers, or a share: give one of them"
        )
    if names:
        return by_name(examples, names, group=group)
    if share is not None:
        return by_share(examples, share, group=group, seed=seed)
    return Split(train=tuple(examples), dev=tuple(dev), group=group)


def by_name(examples: Sequence[Example], names: Collection[str], *, group: Group) -> Split:
    """Hold out the groups that are named.

    Raises:
        TrainingError: If one does not occur, or nothing is left.
    """
    have = groups_of(examples, group)
    unknown = sorted(set(names) - have)
    if unknown:
        raise TrainingError(
            f"there is no {group} {', '.join(unknown)}; there are {_some(sorted(have), 20)}"
        )
    held = [example for example in examples if _group(example, group) in names]
    rest = [example for example in examples if _group(example, group) not in names]
    return Split(train=tuple(rest), dev=tuple(held), group=group)


def by_share(examples: Sequence[Example], share: float, *, group: Group, seed: int) -> Split:
    """Hold out about *share* of the groups, so that classes are in about the same proportion.

    Uses scikit-learn's ``StratifiedGroupKFold``; one of its folds is held out.

    Raises:
        OptionsError: If *share* is not over 0 and at most 0.5.
        TrainingError: If there are fewer than two groups.
    """
    if not 0 < share <= 0.5:
        raise OptionsError(f"the share held out is over 0 and at most 0.5, got {share}")
    from sklearn.model_selection import StratifiedGroupKFold

    groups = [_group(example, group) for example in examples]
    count = len(groups_of(examples, group))
    if count < 2:
        raise TrainingError(f"all turns are of one {group}; two are needed to hold one out")
    labels = [example.label for example in examples]
    most = max(Counter(labels).values())
    number = max(2, min(round(1 / share), count, most))
    folds = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    train, held = _first_whole(folds, labels, groups)
    return Split(
        train=tuple(examples[i] for i in train),
        dev=tuple(examples[i] for i in held),
        group=group,
    )


def _first_whole(folds: Any, labels: list[str], groups: list[Any]) -> tuple[Any, Any]:
    """Return the first fold that leaves every class something to train on."""
    with warnings.catch_warnings():
        # That a class has fewer turns than there are folds; what matters is checked here.
        warnings.simplefilter("ignore", UserWarning)
        found = list(folds.split(labels, labels, groups))
    for train, held in found:
        if {labels[i] for i in train} == set(labels) and len(held):
            return train, held
    raise TrainingError(
        "however groups are held out, some class has no training turn left: one of its "
        "speakers has all of it"
    )


def _group(example: Example, group: Group) -> str | None:
    return example.speaker if group == "speaker" else example.recording


def _some(names: Sequence[str], most: int = _SHOWN) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
