"""What people changed in an annotation, and how far they agree with the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from emo2vec_plugins.core import EMOTIONS, Dialogue, LabelMap, ScoredTurn
from emo2vec_plugins.errors import FormatError, LabelError
from emo2vec_plugins.review.pairing import Pair, pair

Kind = Literal["emotion", "speaker", "times", "added", "removed"]

SLACK = 0.01
"""Seconds by which a time may differ and still be the same: tools round times, each its own way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A turn, and what people did to it.

    Attributes:
        recording: Its name.
        kinds: Nothing, if the turn was left as it was.
        pair: The turn before and after.
    """

    recording: str
    kinds: tuple[Kind, ...]
    pair: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far a model and people agree on the turns that both gave a label.

    Attributes:
        turns: How many these are.
        agreed: On how many of them the labels are the same.
        kappa: Cohen's kappa: agreement beyond what the two would reach by chance, at most 1
            (Cohen, 1960, A coefficient of agreement for nominal scales). None where both gave
            every turn the same one label, or there is no turn: chance explains all.
        per_class: Kappa of each class against all others.
        counts: How many turns of each class the model has, people have, and both have.
    """

    turns: int
    agreed: int
    kappa: float | None
    per_class: Mapping[str, float | None]
    counts: Mapping[str, tuple[int, int, int]]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON-serialisable values."""
        return {
            "turns": self.turns,
            "agreed": self.agreed,
            "kappa": self.kappa,
            "per_class": {
                name: {
                    "kappa": self.per_class[name],
                    **dict(zip(("model", "people", "both"), self.counts[name], strict=True)),
                }
                for name in self.per_class
            },
        }


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

    Args:
        originals: What people were given. Those that did not come back are left out.
        corrected: What came back.
        label_map: What labels mean that are neither ours nor the model's.

    Raises:
        FormatError: If a corrected recording has no original, or there are two of one name.
        LabelError: If there are labels that nobody knows.
    """
    said = {scored.emotion.label for dialogue in originals for scored in dialogue.turns}
    classes = sorted({*EMOTIONS, *(label for label in said if label is not None)})
    known = with_known_labels(corrected, label_map=label_map, classes=classes)
    return [
        Reviewed(original=ours, corrected=theirs, changes=tuple(changes(ours, theirs)))
        for ours, theirs in matched(originals, known)
    ]


def with_known_labels(
    dialogues: Iterable[Dialogue],
    *,
    label_map: LabelMap | None = None,
    classes: Sequence[str] = EMOTIONS,
) -> list[Dialogue]:
    """Return corrected dialogues with labels spelt as we spell them.

    A label that the map leaves out is taken off its turn.

    Args:
        dialogues: As people left them: `Angry ` is `angry`.
        label_map: What other names mean.
        classes: Labels that may occur.

    Raises:
        LabelError: If others do; the message says how many turns have each, and where the first is.
    """
    meaning = label_map or LabelMap()
    found = [_spelt(dialogue, meaning) for dialogue in dialogues]
    unknown: dict[str, list[str]] = {}
    for dialogue in found:
        for scored in dialogue.turns:
            if scored.emotion.label not in (None, *classes):
                where = f"{dialogue.recording} {scored.turn.start:.3f}-{scored.turn.end:.3f}"
                unknown.setdefault(str(scored.emotion.label), []).append(where)
    if unknown:
        listed = "; ".join(
            f"{label!r} ({len(places)}, first at {places[0]})" for label, places in unknown.items()
        )
        raise LabelError(
            f"labels that are not known: {listed}; known are {', '.join(classes)}; "
            "a label map says what others mean, or leaves them out"
        )
    return found


def matched(
    originals: Sequence[Dialogue], corrected: Sequence[Dialogue]
) -> list[tuple[Dialogue, Dialogue]]:
    """Return each corrected recording with its original.

    Where there is one of each, they belong together whatever they are called.

    Raises:
        FormatError: If a corrected recording has no original, or there are two of one name.
    """
    _refuse_twins(originals)
    _refuse_twins(corrected)
    if len(originals) == 1 and len(corrected) == 1:
        [original], [only] = originals, corrected
        return [(original, replace(only, recording=original.recording))]
    by_name = {original.recording: original for original in originals}
    strangers = [each.recording for each in corrected if each.recording not in by_name]
    if strangers:
        raise FormatError(
            f"corrected recordings {strangers} are none of the originals, which are {list(by_name)}"
        )
    return [(by_name[each.recording], each) for each in corrected]


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
    names = sorted({name for both in labels for name in both})
    return Agreement(
        turns=len(labels),
        agreed=sum(model == people for model, people in labels),
        kappa=_kappa(labels),
        per_class={
            name: _kappa([(model == name, people == name) for model, people in labels])
            for name in names
        },
        counts={
            name: (
                sum(model == name for model, _ in labels),
                sum(people == name for _, people in labels),
                sum(both == (name, name) for both in labels),
            )
            for name in names
        },
    )


def _kappa(labels: Sequence[tuple[Any, Any]]) -> float | None:
    from sklearn.metrics import cohen_kappa_score

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
    moved = (before.turn.start - after.turn.start, before.turn.end - after.turn.end)
    if max(map(abs, moved)) > SLACK:
        yield "times"


def _spelt(dialogue: Dialogue, meaning: LabelMap) -> Dialogue:
    def spelt(scored: ScoredTurn) -> ScoredTurn:
        label = (scored.emotion.label or "").strip()
        emotion = replace(scored.emotion, label=meaning(label) if label else None)
        return replace(scored, emotion=emotion)

    return replace(dialogue, turns=tuple(map(spelt, dialogue.turns)))


def _refuse_twins(dialogues: Sequence[Dialogue]) -> None:
    names = Counter(dialogue.recording for dialogue in dialogues)
    twins = sorted(name for name, count in names.items() if count > 1)
    if twins:
        raise FormatError(f"there are several recordings called {', '.join(map(repr, twins))}")
