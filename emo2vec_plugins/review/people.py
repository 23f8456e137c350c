"""Which labels in a corrected annotation are those of people.

A file that an annotator saved also has the labels of the model. A label is a person's if the person
marked its turn as reviewed, or if no turn from which an annotation tool may have copied it has the
same label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emo2vec_plugins.core import Dialogue, Emotion, ScoredTurn, Turn, counted
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats import digest_of
from emo2vec_plugins.review.pairing import SLACK, Pair, Timeline

SCORE_SLACK = 1e-3
"""Largest difference between equal scores, which formats round."""


class Sources:
    """The turns of the original from which a tool may have copied a label.

    Args:
        pairs: All turns before and after.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._all = Timeline(pair.before for pair in pairs if pair.before)
        gone = [pair.before for pair in pairs if pair.before and pair.after is None]
        self._gone = Timeline(gone)
        self._moved = {(_hundredths(each), each.emotion.label) for each in gone}

    def is_by_person(self, pair: Pair) -> bool:
        """Return whether a person gave or confirmed the label after correction."""
        if pair.after is None or pair.after.emotion.reviewed:
            return pair.after is not None
        label = pair.after.emotion.label
        if label is None or _is_by_model(pair.after.emotion):
            return False
        return label not in self._copied(pair, pair.after)

    def _copied(self, pair: Pair, after: ScoredTurn) -> Iterator[str | None]:
        if pair.before is not None:
            yield pair.before.emotion.label
            yield from _labels(self._gone, after.turn)  # the turn may be merged with others
            return
        # The turn may be a part of another, or have been moved from elsewhere.
        yield from _labels(self._all, after.turn)
        length, label = _hundredths(after), after.emotion.label
        if any((length + slack, label) in self._moved for slack in (-1, 0, 1)):
            yield label


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
    """Return whether a model's scores give the label."""
    scores = emotion.scores
    if not scores:
        return emotion.provenance is not None
    return emotion.label == max(scores, key=lambda name: scores[name])


def _hundredths(scored: ScoredTurn) -> int:
    return round(scored.turn.duration / SLACK)
