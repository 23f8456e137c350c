"""Changes that people made to an annotation, and their agreement with the model."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from emo2vec_plugins.core import EMOTIONS, Dialogue, ScoredTurn
from emo2vec_plugins.errors import FormatError, LabelError
from emo2vec_plugins.formats import LabelMap, turn_record, without_formula
from emo2vec_plugins.review.pairing import Pair, Timeline, pair, same_times
from emo2vec_plugins.review.people import Sources, refuse_other_results

Kind = Literal["emotion", "speaker", "times", "added", "removed", "split", "merged"]

COLUMNS = ("start", "end", "speaker", "emotion", "score")
"""Fields of a turn's record that `as_csv` writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A turn before and after correction, and the kinds of change.

    Attributes:
        recording: Name of the recording.
        kinds: Empty for an unchanged turn. An added turn that was a part of another is ``split``,
            a removed one that is a part of another now is ``merged``.
        pair: The turn before and after.
        reviewed: Whether a person gave or confirmed the label. Other labels are the model's.
    """

    recording: str
    kinds: tuple[Kind, ...]
    pair: Pair
    reviewed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelAgreement:
    """Agreement of a model and people on one label.

    Attributes:
        kappa: Cohen's kappa of this label against all others.
        model: Number of turns with this label from the model.
        people: Number of turns with this label from people.
        both: Number of turns with this label from both.
    """

    kappa: float | None
    model: int
    people: int
    both: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Agreement of a model and people on the turns that both labelled.

    Attributes:
        unreviewed: Number of turns that no person reviewed; nothing else counts them.
        turns: Number of turns that both labelled.
        agreed: Number of these turns with the same label from both.
        kappa: Cohen's kappa: agreement beyond chance, at most 1 (Cohen, 1960, A coefficient of
            agreement for nominal scales). None if there are no turns, or if both used only one
            and the same label, so that chance explains all agreement.
        per_label: Agreement on each label.
    """

    unreviewed: int
    turns: int
    agreed: int
    kappa: float | None
    per_label: Mapping[str, LabelAgreement]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON-serialisable values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """One recording that people reviewed.

    Attributes:
        original: The recording before correction.
        corrected: The recording after correction, with the name of *original*.
        changes: One for every turn, changed or not.
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
    """Pair each corrected recording with its original.

    Recordings are matched by name. If there is only one original and one corrected recording,
    they are a pair whatever their names.

    Args:
        originals: The recordings before correction. Those not in *corrected* are left out.
        corrected: The recordings after correction. ``Angry `` is read as ``angry``.
        label_map: Maps the labels of both. A label mapped to None is removed from its turns.

    Raises:
        FormatError: If a corrected recording has no original, two recordings share a name, or
            another model gave the labels before or after.
        LabelError: If a label is unknown. The message has the number of turns and the first
            place of each unknown label.
    """
    matched = _matched(originals, corrected)
    for ours, theirs in matched:
        refuse_other_results(ours, theirs, pair(ours.turns, theirs.turns))
    # The labels of both: with a map for one side only, the map itself would be a correction.
    meaning = label_map or LabelMap()
    renamed = [tuple(_with_our_labels(each, meaning) for each in both) for both in matched]
    given = {scored.emotion.label for each in originals for scored in each.turns}
    known = {None if name is None else meaning(name) for name in given}
    _refuse_unknown_labels([theirs for _, theirs in renamed], {*EMOTIONS, *known})
    return [
        Reviewed(original=ours, corrected=theirs, changes=tuple(changes(ours, theirs)))
        for ours, theirs in renamed
    ]


def changes(original: Dialogue, corrected: Dialogue) -> list[Change]:
    """Return every turn of both once, sorted by start, with its changes."""
    pairs = pair(original.turns, corrected.turns)
    sources = Sources(pairs)
    earlier, later = Timeline(original.turns), Timeline(corrected.turns)
    return [
        Change(
            recording=original.recording,
            kinds=tuple(_kinds(each, earlier, later)),
            pair=each,
            reviewed=sources.is_by_person(each),
        )
        for each in pairs
    ]


def agreement(compared: Iterable[Change]) -> Agreement:
    """Return the agreement of the labels before and after.

    Turns that no person reviewed, added and removed turns, and turns without a label on either
    side are left out.
    """
    every = list(compared)
    labels = [both for change in every if change.reviewed and (both := _labels(change.pair))]
    return Agreement(
        unreviewed=sum(each.pair.after is not None and not each.reviewed for each in every),
        turns=len(labels),
        agreed=sum(model == people for model, people in labels),
        kappa=_kappa(labels),
        per_label={
            name: _agreement_on(name, labels)
            for name in sorted({name for both in labels for name in both})
        },
    )


def as_csv(compared: Iterable[Change]) -> str:
    """Return CSV with one row per turn, before and after correction.

    Added turns have empty columns before, removed turns after. The column ``change`` has the kinds
    of change, joined by ``+``, and is empty for an unchanged turn. The column ``reviewed`` is
    ``yes`` if a person gave or confirmed the label.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    head = [f"{column}_{when}" for when in ("before", "after") for column in COLUMNS]
    writer.writerow(["recording", "change", "reviewed", *head])
    for change in compared:
        both = (change.pair.before, change.pair.after)
        sides = [turn_record(each) if each else {} for each in both]
        cells = [side.get(column) for side in sides for column in COLUMNS]
        mark = "yes" if change.reviewed else ""
        row = [change.recording, "+".join(change.kinds), mark, *cells]
        writer.writerow(without_formula(cell) if isinstance(cell, str) else cell for cell in row)
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
    from sklearn.metrics import cohen_kappa_score  # here: listing commands must not load it

    # With one label, chance agreement is 1 and kappa is 0 / 0.
    if len({name for both in labels for name in both}) < 2:
        return None
    ours, theirs = zip(*labels, strict=True)
    return float(cohen_kappa_score(ours, theirs))


def _labels(pair: Pair) -> tuple[str, str] | None:
    if pair.before is None or pair.after is None:
        return None
    ours, theirs = pair.before.emotion.label, pair.after.emotion.label
    return None if ours is None or theirs is None else (ours, theirs)


def _kinds(pair: Pair, earlier: Timeline, later: Timeline) -> Iterator[Kind]:
    before, after = pair.before, pair.after
    if after is None:
        yield "merged" if before and later.contains(before) else "removed"
        return
    if before is None:
        yield "split" if earlier.contains(after) else "added"
        return
    if before.emotion.label != after.emotion.label:
        yield "emotion"
    if before.turn.speaker != after.turn.speaker:
        yield "speaker"
    if not same_times(before.turn, after.turn):
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
        advice = "map other labels in a label map, or drop them with null"
        raise LabelError(f"unknown labels: {found}; known: {names}; {advice}")


def _matched(
    originals: Sequence[Dialogue], corrected: Sequence[Dialogue]
) -> list[tuple[Dialogue, Dialogue]]:
    for side in (originals, corrected):
        names = Counter(dialogue.recording for dialogue in side)
        repeated = ", ".join(repr(name) for name in sorted(names) if names[name] > 1)
        if repeated:
            advice = "compare the files of several annotators one at a time"
            raise FormatError(
                f"expected unique recording names, got several of {repeated}; {advice}"
            )
    if len(originals) == 1 and len(corrected) == 1:
        [original], [only] = originals, corrected
        return [(original, replace(only, recording=original.recording))]
    by_name = {original.recording: original for original in originals}
    unknown = [each.recording for each in corrected if each.recording not in by_name]
    if unknown:
        raise FormatError(
            f"no original for corrected recordings {unknown}; originals: {list(by_name)}"
        )
    return [(by_name[each.recording], each) for each in corrected]
