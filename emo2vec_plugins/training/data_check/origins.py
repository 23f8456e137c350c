"""Where the turns of each label come from: corpora, languages, sexes and speakers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from emo2vec_plugins.core import counted
from emo2vec_plugins.evaluation import few
from emo2vec_plugins.training.data_check.turns import (
    CheckedTurn,
    Finding,
    described,
    grouped,
    ids,
)

FEW_TURNS = 20
"""A label should have at least this many training turns."""

FEW_SPEAKERS = 3
"""A label should be spoken by at least this many people."""

MANY_TURNS = 5
"""A speaker, corpus or the like with this many turns could have several labels."""

FIELDS = ("corpus", "language", "sex")
"""Fields whose values should all have all labels."""

_WHERE = {
    "corpus": "the custom field 'corpus' of the supervisions",
    "language": "the field 'language' of the supervisions",
}


def origins(turns: Sequence[CheckedTurn]) -> Iterator[Finding]:
    """Yield what is wrong with the origins of the turns; no audio is needed."""
    training = [turn for turn in turns if not turn.is_dev]
    for field in _WHERE:
        yield from _single(training, field)
    for field in FIELDS:
        yield from _tied(training, field)
        yield from _unseen(turns, field)
    yield from _few_turns(training)
    yield from _speakers(training)


def _single(turns: Sequence[CheckedTurn], field: str) -> Iterator[Finding]:
    """Find data of only one corpus or language, or of unknown ones."""
    values = grouped(turns, field)
    unknown = [turn for turn in turns if getattr(turn, field) is None]
    if unknown:
        folder = _folder(turns) if field == "corpus" and not values else None
        guess = f"; all audio is in {folder}, so it is presumably one corpus" if folder else ""
        what = f"{len(unknown):,} of {counted(len(turns), 'turn')}"
        yield Finding(
            kind=f"unknown-{field}",
            weight="note",
            what=f"{field} unknown: {what} do not name it{guess}",
            example=ids(unknown, 1),
            advice=f"name it in {_WHERE[field]}",
        )
    elif len(values) == 1:
        only = few([*values])
        advice = {
            "corpus": "results on other recordings are unknown: add other corpora, and test on "
            "one that is left out",
            "language": "results in other languages are unknown: add some, or say in the model "
            "card which one the model is for",
        }[field]
        yield Finding(
            kind=f"one-{field}",
            weight="warning",
            what=f"one {field} only, {only}, has all {counted(len(turns), 'turn')}",
            example=ids(turns, 1),
            advice=advice,
        )


def _folder(turns: Sequence[CheckedTurn]) -> str | None:
    """Return the folder of all audio files; None if there are several."""
    folders = {None if turn.file is None else str(PurePath(turn.file).parent) for turn in turns}
    return folders.pop() if len(folders) == 1 else None


def _tied(turns: Sequence[CheckedTurn], field: str) -> Iterator[Finding]:
    """Find labels of one value of a field only, and values with one label only."""
    values, labels = grouped(turns, field), grouped(turns, "label")
    if len(values) < 2 or len(labels) < 2:
        return
    tied: list[str] = []
    some: dict[str, CheckedTurn] = {}
    for label, own in labels.items():
        found = {getattr(turn, field) for turn in own}
        if len(own) >= MANY_TURNS and len(found) == 1 and (only := found.pop()) is not None:
            tied.append(f"{label} ({counted(len(own), 'turn')}) only from {only}")
            some[own[0].id] = own[0]
    for name, own in values.items():
        if len(own) >= MANY_TURNS and len({turn.label for turn in own}) == 1:
            tied.append(f"{name} ({counted(len(own), 'turn')}) only has {own[0].label}")
            some[own[0].id] = own[0]
    if tied:
        yield Finding(
            kind=f"tied-{field}",
            weight="warning",
            what=f"label and {field} are tied: {few(tied, 9)}",
            example=ids([*some.values()], 2),
            advice=f"the network may learn the {field} instead of the emotion: add turns of "
            f"these labels from others, or leave the {field} out",
        )


def _unseen(turns: Sequence[CheckedTurn], field: str) -> Iterator[Finding]:
    """Find values of a field that only development turns have."""
    known = grouped((turn for turn in turns if not turn.is_dev), field)
    there = grouped((turn for turn in turns if turn.is_dev), field)
    unseen = {name: own for name, own in there.items() if name not in known}
    if known and unseen:
        yield Finding(
            kind=f"unseen-{field}",
            weight="warning",
            what=f"development turns of a {field} without training turns: {described(unseen)}",
            example=ids([own[0] for own in unseen.values()], 1),
            advice=f"the results are those for a {field} not seen in training; if that is not "
            "intended, choose other development turns",
        )


def _few_turns(turns: Sequence[CheckedTurn]) -> Iterator[Finding]:
    found = {label: own for label, own in grouped(turns, "label").items() if len(own) < FEW_TURNS}
    if found:
        yield Finding(
            kind="few-turns",
            weight="warning",
            what=f"fewer than {FEW_TURNS} training turns of a label: {described(found)}",
            example=ids([own[0] for own in found.values()], 1),
            advice="add more, or map the label to null to leave it out",
        )


def _speakers(turns: Sequence[CheckedTurn]) -> Iterator[Finding]:
    """Find unknown speakers, labels with few speakers, and speakers with one label."""
    unknown = [turn for turn in turns if turn.speaker is None]
    if unknown:
        yield Finding(
            kind="unknown-speaker",
            weight="warning",
            what=f"{len(unknown):,} of {counted(len(turns), 'training turn')} have no speaker",
            example=ids(unknown, 1),
            advice="name speakers, so that none is in both training and development turns",
        )
    labels = grouped(turns, "label")
    voices = {
        label: {turn.speaker for turn in own}
        for label, own in labels.items()
        if all(turn.speaker for turn in own)
    }
    rare = [label for label, found in voices.items() if len(found) < FEW_SPEAKERS]
    if rare:
        yield Finding(
            kind="few-speakers",
            weight="warning",
            what=f"fewer than {FEW_SPEAKERS} speakers of a label: "
            + ", ".join(f"{label} {len(voices[label])}" for label in rare),
            example=ids([labels[label][0] for label in rare], 1),
            advice="the network may learn their voices: add other speakers",
        )
    if len(labels) > 1:
        yield from _single_labels(turns)


def _single_labels(turns: Sequence[CheckedTurn]) -> Iterator[Finding]:
    voices = grouped(turns, "speaker")
    large = {name: own for name, own in voices.items() if len(own) >= MANY_TURNS}
    single = [name for name, found in large.items() if len({turn.label for turn in found}) == 1]
    if single:
        yield Finding(
            kind="speakers-with-one-label",
            weight="warning",
            what=f"{len(single):,} of {len(large):,} speakers with at least {MANY_TURNS} turns "
            f"have one label only: {few(single)}",
            example=ids([large[name][0] for name in single], 1),
            advice="the network may learn their voices: add turns of these speakers with other "
            "labels",
        )
