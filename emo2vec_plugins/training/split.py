"""Which turns are trained on and which are evaluated with: no speaker is on both sides.

Turns with pseudo-labels are only trained on: agreement with a model is no evaluation. Those of a
speaker who is held out are on neither side.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sklearn.model_selection import StratifiedGroupKFold

from emo2vec_plugins.errors import OptionsError, TrainingError, warn
from emo2vec_plugins.evaluation import few
from emo2vec_plugins.training.examples import Example

Group = Literal["speaker", "recording"]
"""What may not be on both sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Turns to train on, and development turns, which may be none.

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
        if any(example.is_pseudo for example in self.dev):
            why = "which are not used for evaluation"
            raise TrainingError(f"development turns have pseudo-labels, {why}")
        sides = (groups_of(side, self.group) for side in (self.train, self.dev))
        _refuse_shared(f"{self.group}s", *sides)
        # Recordings apart do not help if one speaker is in several of them.
        _refuse_shared("speakers", _speakers(self.train), _speakers(self.dev))
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
            f"{len(missing)} of {len(examples)} turns have no speaker: {few(missing)}. Add them, "
            "or, if every recording is of other people, group by recording (--group recording)"
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

    Turns with pseudo-labels stay in training unless their speaker or recording is held out. A
    warning says how many are on neither side.

    Args:
        examples: To train on, or to hold some out of.
        dev: Other examples, as development turns.
        names: Groups to hold out.
        share: Of the groups, to hold out.
        group: What may not be on both sides.
        seed: Of what *share* draws.

    Raises:
        OptionsError: If more than one way is given.
        TrainingError: If a group is on both sides, or has no name.
    """
    if sum([bool(dev), bool(names), share is not None]) > 1:
        ways = "other cuts (--dev), or these speakers (--dev-speakers), or a share (--dev-share)"
        raise OptionsError(f"development turns are {ways}: give one of them")
    if names:
        split = by_name(examples, names, group=group)
    elif share is not None:
        split = by_share(examples, share, group=group, seed=seed)
    else:
        split = _divided(examples, dev, group)
    if lost := len(examples) + len(dev) - len(split.train) - len(split.dev):
        why = "their speakers or recordings are held out, for which they are not used"
        warn(f"{lost} turns with pseudo-labels are left out: {why}")
    return split


def labelled_by_people(examples: Sequence[Example], group: Group) -> tuple[Example, ...]:
    """Return the turns to evaluate with: those without a pseudo-label.

    Raises:
        TrainingError: If there is none.
    """
    found = tuple(example for example in examples if not example.is_pseudo)
    if not found:
        why = f"no {group} can be held out to judge by"
        raise TrainingError(f"all {len(examples)} turns have pseudo-labels: {why}")
    return found


def by_name(examples: Sequence[Example], names: Collection[str], *, group: Group) -> Split:
    """Hold out the groups that are named.

    Raises:
        TrainingError: If one does not occur, or nothing is left.
    """
    have = groups_of(labelled_by_people(examples, group), group)
    unknown = sorted(set(names) - have)
    if unknown:
        of_people = " with labels of people" * any(example.is_pseudo for example in examples)
        there = few(sorted(have), 20)
        raise TrainingError(
            f"there is no {group} {', '.join(unknown)}{of_people}; there are {there}"
        )
    held = [example for example in examples if _group(example, group) in names]
    rest = [example for example in examples if _group(example, group) not in names]
    return _divided(rest, held, group)


def by_share(examples: Sequence[Example], share: float, *, group: Group, seed: int) -> Split:
    """Hold out about *share* of the groups, so that labels are in about the same proportion.

    Uses scikit-learn's ``StratifiedGroupKFold``; one of its folds is held out.

    Raises:
        OptionsError: If *share* is not over 0 and at most 0.5.
        TrainingError: If there are fewer than two groups.
    """
    if not 0 < share <= 0.5:
        raise OptionsError(f"the share held out is over 0 and at most 0.5, got {share}")
    judges = labelled_by_people(examples, group)
    groups = [_group(example, group) for example in judges]
    count = len(groups_of(judges, group))
    if count < 2:
        raise TrainingError(f"all turns are of one {group}; two are needed to hold one out")
    labels = [example.label for example in judges]
    # scikit-learn refuses more folds than there are groups, or turns of the commonest label.
    most = max(Counter(labels).values())
    number = max(2, min(round(1 / share), count, most))
    folds = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    names = {str(groups[i]) for i in _first_whole(folds, labels, groups)}
    return by_name(examples, names, group=group)


def _first_whole(folds: Any, labels: list[str], groups: list[Any]) -> Any:
    """Return the first fold that leaves every class something to train on."""
    with warnings.catch_warnings():
        # That a class has fewer turns than there are folds; what matters is checked here.
        warnings.simplefilter("ignore", UserWarning)
        found = list(folds.split(labels, labels, groups))
    for train, held in found:
        if {labels[i] for i in train} == set(labels) and len(held):
            return held
    why = "some class has no training turn left: one of its speakers has all of it"
    raise TrainingError(f"however groups are held out, {why}")


def _divided(train: Sequence[Example], dev: Sequence[Example], group: Group) -> Split:
    """Split so that pseudo-labels are only trained on, and only of groups that are not in *dev*."""
    judges = labelled_by_people(dev, group) if dev else ()
    # By speaker, too, where recordings are kept apart: a voice may be in several of them.
    held = {_group(example, group) for example in judges}
    speakers = _speakers(judges)
    kept = (
        example
        for example in train
        if not example.is_pseudo
        or (_group(example, group) not in held and example.speaker not in speakers)
    )
    return Split(train=tuple(kept), dev=judges, group=group)


def _refuse_shared(what: str, training: set[str], judging: set[str]) -> None:
    if shared := sorted(training & judging):
        why = "what was trained on cannot be used for evaluation"
        raise TrainingError(f"{what} are in training and in development: {few(shared)}; {why}")


def _speakers(examples: Sequence[Example]) -> set[str]:
    """Return the speakers that are known."""
    return {example.speaker for example in examples if example.speaker}


def _group(example: Example, group: Group) -> str | None:
    return example.speaker if group == "speaker" else example.recording
