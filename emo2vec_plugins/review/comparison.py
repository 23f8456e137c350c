"""What people changed in an annotation, and how far they agree with the model."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from emo2vec_plugins.core import EMOTIONS, Dialogue, LabelMap, ScoredTurn
from emo2vec_plugins.errors import FormatError, LabelError
from emo2vec_plugins.formats import turn_record
from emo2vec_plugins.review.pairing import Pair, pair

Kind = Literal["emotion", "speaker", "times", "added", "removed"]

SLACK = 0.01
"""Seconds by which a time may differ and still be the same: tools round times, each its own way."""

COLUMNS = ("start", "end", "speaker", "emotion", "score")
"""What `as_csv` writes of a turn, by the names in its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A turn, and what people did to it.

    Attributes:
        recording: Its name.
        kinds: Empty if the turn was left as it was.
        pair: The turn before and after.
    """

    recording: str
    kinds: tuple[Kind, ...]
    pair: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelAgreement:
    """How far a model and people agree on one label.

    Attributes:
        kappa: Of this label against all others.
        model: How many turns have it from the model.
        people: How many turns have it from people.
        both: How many turns have it from both.
    """

    kappa: float | None
    model: int
    people: int
    both: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far a model and people agree on the turns that both gave a label.

    Attributes:
        turns: How many these are.
        agreed: On how many of them the labels are the same.
        kappa: Cohen's kappa: agreement beyond what the two would reach by chance, at most 1
            (Cohen, 1960, A coefficient of agreement for nominal scales). None if both gave
            every turn the same one label, or there is no turn: chance explains all.
        per_label: The same of each label.
    """

    turns: int
    agreed: int
    kappa: float | None
    per_label: Mapping[str, LabelAgreement]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON-serialisable values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """One recording that people went through.

    Attributes:
        original: What they were given.
        corrected: What they gave back, under the original's name.
        changes: Of every turn.
    """

    original: Dialogue
    corrected: Dialogue
    changes: tuple[Change, ...]


def compare(
    originals: Sequence[Dialogue],
    corrected: Sequence[Dialogue],
    *,
    label_map: LabelMap | None = None,
) -> list[Reviewed]:
    """Return each corrected recording beside its original.

    If there is one of each, they belong together whatever they are called.

    Args:
        originals: What people were given. Those that did not come back are left out.
        corrected: What came back; ``Angry `` is read as ``angry``.
        label_map: What labels mean that are neither ours nor the model's. A label that it leaves
            out is taken off its turn.

    Raises:
        FormatError: If a corrected recording has no original, or two have one name.
        LabelError: If there are unknown labels; the message says how many turns have each, and
            where the first is.
    """
    given = {scored.emotion.label for dialogue in originals for scored in dialogue.turns}
    known = [_with_our_labels(dialogue, label_map or LabelMap()) for dialogue in corrected]
    _refuse_unknown_labels(known, {*EMOTIONS, *given})
    return [
        Reviewed(original=ours, corrected=theirs, changes=tuple(changes(ours, theirs)))
        for ours, theirs in _matched(originals, known)
    ]


def changes(original: Dialogue, corrected: Dialogue) -> list[Change]:
    """Return every turn of both once, by start, with what was done to it."""
    return [
        Change(recording=original.recording, kinds=tuple(_kinds(each)), pair=each)
        for each in pair(original.turns, corrected.turns)
    ]


def agreement(compared: Iterable[Change]) -> Agreement:
    """Return how far the labels before and after agree.

    Turns that were added or removed, and those without a label on either side, have nothing to
    agree on and are left out.
    """
    labels = [both for change in compared if (both := _labels(change.pair))]
    return Agreement(
        turns=len(labels),
        agreed=sum(model == people for model, people in labels),
        kappa=_kappa(labels),
        per_label={
            name: _agreement_on(name, labels)
            for name in sorted({name for both in labels for name in both})
        },
    )


def as_csv(compared: Iterable[Change]) -> str:
    """Return one row a turn, before and after; columns of a turn that is not there are empty.

    The column ``change`` names what was done, several things joined by ``+``, and is empty if
    nothing was.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    head = [f"{column}_{when}" for when in ("before", "after") for column in COLUMNS]
    writer.writerow(["recording", "change", *head])
    for change in compared:
        both = (change.pair.before, change.pair.after)
        sides = [turn_record(each) if each else {} for each in both]
        cells = [side.get(column) for side in sides for column in COLUMNS]
        writer.writerow([change.recording, "+".join(change.kinds), *cells])
    return stream.getvalue()


def _agreement_on(name: str, labels: Sequence[tuple[str, str]]) -> LabelAgreement:
    answers = [(model == name, people == name) for model, people in labels]
    return LabelAgreement(
        kappa=_kappa(answers),
        model=sum(model for model, _ in answers),
        people=sum(people for _, people in answers),
        both=answers.count((True, True)),
    )


def _kappa(labels: Sequence[tuple[Any, Any]]) -> float | None:
    from sklearn.metrics import cohen_kappa_score

    # Agreement by chance is complete then, and kappa 0 / 0.
    if len({name for both in labels for name in both}) < 2:
        return None
    ours, theirs = zip(*labels, strict=True)
    return float(cohen_kappa_score(ours, theirs))


def _labels(pair: Pair) -> tuple[str, str] | None:
    if pair.before is None or pair.after is None:
        return None
    ours, theirs = pair.before.emotion.label, pair.after.emotion.label
    return None if ours is None or theirs is None else (ours, theirs)


def _kinds(pair: Pair) -> Iterator[Kind]:
    before, after = pair.before, pair.after
    if before is None or after is None:
        yield "added" if before is None else "removed"
        return
    if before.emotion.label != after.emotion.label:
        yield "emotion"
    if before.turn.speaker != after.turn.speaker:
        yield "speaker"
    # Beyond the rounding of tools: ELAN writes milliseconds, Praat all digits.
    moved = (before.turn.start - after.turn.start, before.turn.end - after.turn.end)
    if max(map(abs, moved)) > SLACK:
        yield "times"


def _with_our_labels(dialogue: Dialogue, meaning: LabelMap) -> Dialogue:
    def read(scored: ScoredTurn) -> ScoredTurn:
        label = (scored.emotion.label or "").strip()
        emotion = replace(scored.emotion, label=meaning(label) if label else None)
        return replace(scored, emotion=emotion)

    return replace(dialogue, turns=tuple(map(read, dialogue.turns)))


def _refuse_unknown_labels(dialogues: Iterable[Dialogue], known: Collection[str | None]) -> None:
    unknown: dict[str, list[str]] = {}
    for dialogue in dialogues:
        for scored in dialogue.turns:
            label = scored.emotion.label
            if label is not None and label not in known:
                where = f"{dialogue.recording} {scored.turn.start:.3f}-{scored.turn.end:.3f}"
                unknown.setdefault(label, []).append(where)
    if unknown:
        found = "; ".join(
            f"{label!r} ({len(places)}, first at {places[0]})" for label, places in unknown.items()
        )
        names = ", ".join(sorted(filter(None, known)))
        advice = "a label map says what others mean, or leaves them out"
        raise LabelError(f"labels that are not known: {found}; known are {names}; {advice}")


def _matched(
    originals: Sequence[Dialogue], corrected: Sequence[Dialogue]
) -> list[tuple[Dialogue, Dialogue]]:
    for side in (originals, corrected):
        names = Counter(dialogue.recording for dialogue in side)
        twins = ", ".join(repr(name) for name in sorted(names) if names[name] > 1)
        if twins:
            raise FormatError(f"there are several recordings called {twins}")
    if len(originals) == 1 and len(corrected) == 1:
        [original], [only] = originals, corrected
        return [(original, replace(only, recording=original.recording))]
    by_name = {original.recording: original for original in originals}
    strangers = [each.recording for each in corrected if each.recording not in by_name]
    if strangers:
        there = f"the originals, which are {list(by_name)}"
        raise FormatError(f"corrected recordings {strangers} are none of {there}")
    return [(by_name[each.recording], each) for each in corrected]
