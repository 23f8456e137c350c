"""Splits into training and development turns that share no speaker, corpus, or the like.

Turns that a model labelled are used for training only, as agreement with a model is not an
evaluation; so are turns that a user adds for training. Those of a held-out speaker are not used at all.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.model_selection import StratifiedGroupKFold

from emo2vec_plugins.core import counted
from emo2vec_plugins.errors import OptionsError, TrainingError, naming, warn
from emo2vec_plugins.evaluation import few
from emo2vec_plugins.training.examples import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Training turns and development turns; there may be no development turns.

    Attributes:
        train: The training turns.
        dev: The development turns.
        group: What the two sets do not share: ``speaker``, ``recording``, or another field of the
            turns, such as ``corpus``. They never share a speaker.

    Raises:
        TrainingError: If the split is not valid; the message says why.
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...] = ()
    group: str = "speaker"

    def __post_init__(self) -> None:
        if not self.train:
            raise TrainingError("no training turns are left: all turns were held out")
        if not self.dev:
            return
        if any(example.is_pseudo for example in self.dev):
            why = "which cannot be used for evaluation"
            raise TrainingError(f"development turns have labels that a model gave, {why}")
        train, dev = (groups_of(side, self.group) for side in (self.train, self.dev))
        _refuse_shared(self.group, train, dev)
        # Separate recordings or corpora do not help if a speaker is in several of them.
        advice = "; if they are different people, give them different names"
        _refuse_shared("speaker", _speakers(self.train), _speakers(self.dev), advice)
        unknown = sorted({e.label for e in self.dev} - {e.label for e in self.train})
        if unknown:
            labels = ", ".join(unknown)
            advice = "map the label to null to leave it out"
            raise TrainingError(
                f"no training turn is {labels}, but some development turns are; {advice}"
            )


def groups_of(examples: Sequence[Example], group: str) -> set[str]:
    """Return the speakers, recordings, corpora or the like of examples.

    Raises:
        TrainingError: If a turn has no *group*.
        OptionsError: If the field contains anything but text and numbers.
    """
    names = [example.value(group) for example in examples]
    missing = [each.id for each, name in zip(examples, names, strict=True) if not name]
    if missing:
        advice = "Add it to the supervisions"
        if group == "speaker":
            advice += ", or separate by recording if no speaker is in more than one"
        raise TrainingError(
            f"{len(missing)} of {len(examples)} turns have no {group}: {few(missing)}. {advice}"
        )
    return {str(name) for name in names}


def make_split(
    examples: Sequence[Example],
    *,
    dev: Sequence[Example] = (),
    names: Collection[str] = (),
    share: float | None = None,
    group: str = "speaker",
    seed: int = 0,
) -> Split:
    """Split examples by *dev*, *names* or *share*; without these, all are for training.

    Turns for training only stay in training unless their group or speaker is held out. A warning
    reports how many are in neither set.

    Args:
        examples: Examples for training; *names* and *share* hold some of them out.
        dev: Other examples, used as development turns.
        names: Groups to hold out.
        share: Share of the groups to hold out.
        group: What the two sets must not share.
        seed: Seed of the random choice for *share*.

    Raises:
        OptionsError: If more than one of *dev*, *names* and *share* is given.
        TrainingError: If a group is in both sets, or a turn has no speaker.
    """
    if sum([bool(dev), bool(names), share is not None]) > 1:
        ways = "use dev (--dev), names (--dev-speakers) or share (--dev-share)"
        raise OptionsError(f"expected one source of development turns, got several; {ways}")
    if names:
        split = by_name(examples, names, group=group)
    elif share is not None:
        split = by_share(examples, share, group=group, seed=seed)
    else:
        split = _divided(examples, dev, group)
    if lost := len(examples) + len(dev) - len(split.train) - len(split.dev):
        why = "they are among the development turns, or their groups or speakers are held out"
        warn(f"left out {counted(lost, 'turn')} for training only: {why}")
    return split


def candidates(examples: Sequence[Example], group: str) -> tuple[Example, ...]:
    """Return the turns that can be used for evaluation.

    Raises:
        TrainingError: If all turns are for training only.
    """
    found = tuple(example for example in examples if example.can_be_held_out)
    if not found:
        why = f"no {group} can be held out for evaluation"
        raise TrainingError(
            f"a model labelled all {len(examples)} turns, or they are for training only: {why}"
        )
    return found


def by_name(examples: Sequence[Example], names: Collection[str], *, group: str) -> Split:
    """Hold out the named groups.

    Raises:
        TrainingError: If a group does not occur, or no training turns are left.
    """
    known = groups_of(candidates(examples, group), group)
    unknown = sorted(set(names) - known)
    if unknown:
        which = " with labels by people that is not for training only" * (
            not all(each.can_be_held_out for each in examples)
        )
        raise TrainingError(
            f"there is no {group} {', '.join(unknown)}{which}; found {few(sorted(known), 20)}"
        )
    held = [example for example in examples if example.value(group) in names]
    rest = [example for example in examples if example.value(group) not in names]
    return _divided(rest, held, group)


def folds_of(examples: Sequence[Example], group: str) -> dict[str, Split]:
    """Return, for each group, the split that leaves it out; sorted by name.

    Raises:
        TrainingError, OptionsError: If a group cannot be left out; see `by_name`.
    """
    names = sorted(groups_of(candidates(examples, group), group))
    if len(names) < 2:
        raise TrainingError(f"cannot leave one {group} out: all turns are of {names[0]}")
    splits = {}
    for name in names:
        with naming(f"without {group} {name}"):
            splits[name] = by_name(examples, [name], group=group)
    return splits


def by_share(examples: Sequence[Example], share: float, *, group: str, seed: int) -> Split:
    """Hold out about *share* of the groups, and keep the proportions of labels similar.

    Holds out one fold of scikit-learn's ``StratifiedGroupKFold``.

    Raises:
        OptionsError: If *share* is not above 0 and at most 0.5.
        TrainingError: If there are fewer than two groups, or a label would have no training turns.
    """
    if not 0 < share <= 0.5:
        raise OptionsError(f"the share to hold out must be above 0 and at most 0.5, got {share}")
    usable = candidates(examples, group)
    groups = [example.value(group) for example in usable]
    count = len(groups_of(usable, group))
    if count < 2:
        raise TrainingError(
            f"all turns are of one {group}; at least two are needed to hold one out"
        )
    labels = [example.label for example in usable]
    # scikit-learn rejects more folds than groups, or than turns of the most common label.
    most = max(Counter(labels).values())
    number = max(2, min(round(1 / share), count, most))
    folds = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    names = {str(groups[i]) for i in _usable_fold(folds, labels, groups)}
    return by_name(examples, names, group=group)


def _usable_fold(folds: Any, labels: list[str], groups: list[Any]) -> Any:
    """Return the first fold that leaves training turns of every class."""
    with warnings.catch_warnings():
        # scikit-learn warns of classes with fewer turns than folds; the check below is stricter.
        warnings.simplefilter("ignore", UserWarning)
        found = list(folds.split(labels, labels, groups))
    for train, held in found:
        if {labels[i] for i in train} == set(labels) and len(held):
            return held
    why = "each one would remove all training turns of some class"
    raise TrainingError(f"cannot hold out a share of the groups: {why}")


def _divided(train: Sequence[Example], dev: Sequence[Example], group: str) -> Split:
    """Split; of turns for training only, use those of groups and speakers that are not in *dev*."""
    evaluated = candidates(dev, group) if dev else ()
    # Compare speakers even if the groups are recordings, as a voice may be in several recordings.
    held = {example.value(group) for example in evaluated}
    speakers = _speakers(evaluated)
    kept = (
        example
        for example in train
        if example.can_be_held_out
        or (example.value(group) not in held and example.speaker not in speakers)
    )
    return Split(train=tuple(kept), dev=evaluated, group=group)


def _refuse_shared(what: str, training: set[str], development: set[str], advice: str = "") -> None:
    if shared := sorted(training & development):
        names = few(shared)
        raise TrainingError(f"{what} in both training and development: {names}{advice}")


def _speakers(examples: Sequence[Example]) -> set[str]:
    """Return the known speakers."""
    return {example.speaker for example in examples if example.speaker}
