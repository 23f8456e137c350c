"""Which labels in a corrected annotation are those of people.

A file that an annotator saved also has the labels of the model. A label is a person's if the person
marked its turn as reviewed, or if no turn from which an annotation tool may have copied it has the
same label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emo2vec_plugins.core import Dialogue, Emotion, ScoredTurn, Turn, counted, is_withheld
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats import digest_of
from emo2vec_plugins.review.pairing import SLACK, Pair, Timeline, same_times

SCORE_SLACK = 1e-3
"""Largest difference between equal scores, which formats round."""


class Sources:
    """The turns of the original from which a tool may have copied a label.

    Args:
        pairs: All turns before and after.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        before = [(pair.before, pair.after) for pair in pairs if pair.before]
        self._all = Timeline(turn for turn, _ in before)
        self._displaced = Timeline(turn for turn, after in before if not _in_place(turn, after))
        self._taken = {turn.emotion.label for turn, after in before if _taken(turn, after)}

    def is_by_person(self, pair: Pair) -> bool:
        """Return whether a person gave or confirmed the label after correction."""
        if pair.after is None or pair.after.emotion.reviewed:
            return pair.after is not None
        label = pair.after.emotion.label
        if label is None or _is_by_model(pair.after.emotion):
            return False
        return label not in self._copied(pair.before, pair.after)

    def _copied(self, before: ScoredTurn | None, after: ScoredTurn) -> Iterator[str | None]:
        """Yield the labels that a turn may have without a person's choice."""
        if before is not None and _is_same_turn(before, after):
            yield before.emotion.label
            yield from _labels(self._displaced, after.turn)  # it may be merged with others
        else:
            yield from _labels(self._all, after.turn)  # it may be a part of another
            yield from self._taken  # it may come from elsewhere


def _in_place(before: ScoredTurn, after: ScoredTurn | None) -> bool:
    return after is not None and same_times(before.turn, after.turn)


def _is_same_turn(before: ScoredTurn, after: ScoredTurn) -> bool:
    """Return whether a turn was moved or renamed, but not both: then another may have its place."""
    return before.turn.speaker == after.turn.speaker or _in_place(before, after)


def _taken(before: ScoredTurn, after: ScoredTurn | None) -> bool:
    """Return whether a turn, or a part of it, may be elsewhere now."""
    if after is None or not _is_same_turn(before, after):
        return True
    return before.turn.duration - after.turn.duration > SLACK


def _labels(turns: Timeline, turn: Turn) -> Iterator[str | None]:
    """Yield the labels of the turns that share at least half of the shorter of both with *turn*."""
    for scored, seconds in turns.common(turn):
        if 2 * seconds >= min(turn.duration, scored.turn.duration):
            yield scored.emotion.label


def refuse_other_results(original: Dialogue, corrected: Dialogue, pairs: Sequence[Pair]) -> None:
    """Check that differences between two annotations are those of people, not of two models.

    Raises:
        FormatError: If other results were exported, or the corrected turns have models or scores
            that the original lacks.
    """
    where = f"recording {original.recording!r}"
    if corrected.exported not in (None, digest_of(original)):
        expected = "expected the results that were exported for correction, got others"
        raise FormatError(f"{where}: {expected}; their labels, speakers or times differ")
    known = {scored.emotion.provenance for scored in original.turns}
    for scored in corrected.turns:
        model = scored.emotion.provenance
        if model is not None and model not in known:
            expected = "expected labels by people, found labels of the model"
            raise FormatError(f"{where}: {expected} {model.model!r} without annotations")
    other = [pair for pair in pairs if _scores_differ(pair)]
    if other and (after := other[0].after):
        found = f"{counted(len(other), 'turn')}, first at {after.turn.start:.3f} s"
        raise FormatError(
            f"{where}: expected the scores of the exported results, found others for {found}; "
            "another model gave these labels; if people did, remove the scores"
        )


def _scores_differ(pair: Pair) -> bool:
    if pair.before is None or pair.after is None:
        return False
    ours, theirs = pair.before.emotion.score, pair.after.emotion.score
    return ours is not None and theirs is not None and abs(ours - theirs) > SCORE_SLACK


def _is_by_model(emotion: Emotion) -> bool:
    """Return whether a model's scores give the label, and the model did not withhold it."""
    scores = {} if is_withheld(emotion.reason) else emotion.scores
    return bool(scores) and emotion.label == max(scores, key=lambda name: scores[name])
