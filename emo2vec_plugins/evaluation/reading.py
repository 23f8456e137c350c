"""True labels and predictions from Lhotse's cuts: two fields, or a field and a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lhotse.cut import Cut

from emo2vec_plugins.core import EMOTIONS, LabelMap, Options, Plugins
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import FormatError, LabelError, OptionsError, warn
from emo2vec_plugins.evaluation.predictions import Prediction, normalised
from emo2vec_plugins.integrations.lhotse import (
    LabelledTurn,
    annotate_cuts,
    is_pseudo_labelled,
    label_in,
    labelled_turns,
    supervisions_of,
)

AS_NAMED = LabelMap()
"""Takes every name for one of ours."""

PREDICTED = "emo2vec_predicted"
"""The field that a model's labels go to while they are compared; no manifest keeps it."""

LEFT_OUT = ("unlabelled", "by_label_map", "pseudo_labels", "other_labels")
"""Reasons why a supervision is not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """How the true labels of cuts are read; pseudo-labels never count.

    Attributes:
        field: Of the supervisions.
        label_map: What the corpus's names mean.
        labels: Turns with other labels are left out; None keeps all.
        skip_unlabelled: Leave out supervisions without a label instead of refusing them.
    """

    field: str = "emotion"
    label_map: LabelMap = AS_NAMED
    labels: tuple[str, ...] | None = None
    skip_unlabelled: bool = False

    def turns(self, cuts: Iterable[Cut]) -> list[LabelledTurn]:
        """Return the turns to judge, in order; no audio is read.

        Pseudo-labels, which a model gave, are left out with a warning.

        Raises:
            LabelError: If there are none, or labels are missing or unknown.
        """
        turns = labelled_turns(
            cuts,
            field=self.field,
            label_map=self.label_map,
            # All known labels, not those of interest: a typo must not pass for another label.
            labels=dict.fromkeys((*EMOTIONS, *(self.labels or ()))),
            skip_unlabelled=self.skip_unlabelled,
        )
        by_people = [each for each in turns if not each.is_pseudo]
        if not by_people:
            raise LabelError(
                f"all {len(turns)} labels in field {self.field!r} are pseudo-labels "
                f"({self.field}_source), which are not used for evaluation"
            )
        if pseudo := len(turns) - len(by_people):
            why = f"pseudo-labels ({self.field}_source), which are not used for evaluation"
            warn(f"{pseudo} of {len(turns)} labelled turns are left out: they have {why}")
        kept = [each for each in by_people if self.labels is None or each.label in self.labels]
        if not kept:
            names = ", ".join(self.labels or ())
            raise LabelError(f"none of {len(by_people)} labelled turns is one of {names}")
        return kept

    def wants(self, supervision: Any) -> bool:
        """Return whether a supervision, of cuts that `turns` took, is among the turns."""
        return self._why_not(supervision) is None

    def left_out(self, cuts: Iterable[Cut]) -> dict[str, int]:
        """Return how many supervisions are not judged, for each reason in `LEFT_OUT`."""
        counts = Counter(self._why_not(supervision) for _, supervision in supervisions_of(cuts))
        return {reason: counts[reason] for reason in LEFT_OUT}

    def _why_not(self, supervision: Any) -> str | None:
        name = label_in(supervision, self.field)
        if name is None:
            return "unlabelled"
        label = self.label_map(name)
        if label is None:
            return "by_label_map"
        if is_pseudo_labelled(supervision, self.field):
            return "pseudo_labels"
        if self.labels is not None and label not in self.labels:
            return "other_labels"
        return None


def predictions_in(
    turns: Sequence[LabelledTurn], field: str, *, label_map: LabelMap = AS_NAMED
) -> list[Prediction]:
    """Return the predictions in a field of the turns' own supervisions, as `predictions_of` does.

    The fields are ``field`` (the label), ``field_scores`` (of every label, optional) and
    ``field_reason`` (why there is no label, optional), as `annotate_cuts` writes them. A turn
    whose field is empty has no prediction.
    """
    values = [each.supervision.custom or {} for each in turns]
    return predictions_of(turns, values, field, label_map=label_map)


def predictions_of(
    turns: Sequence[LabelledTurn],
    values: Sequence[Mapping[str, Any]],
    field: str,
    *,
    label_map: LabelMap = AS_NAMED,
) -> list[Prediction]:
    """Return the predictions of turns.

    A label may be missing if there are scores: it is the most probable one then. A label that
    *label_map* maps to None is masked, as if the model did not have it: the other scores are
    brought to a sum of 1, and a masked label gives way to the most probable of these. If nothing
    is left, there is no prediction.

    Args:
        turns: As `Truth.turns` gives them.
        values: The fields of each turn.
        field: That holds the predicted label; scores and reason are in fields beside it.
        label_map: What predicted names mean.

    Raises:
        OptionsError: If no turn has such a field.
        LabelError: If a label is not known.
        FormatError: If labels or scores are of another kind.
    """
    # A mistyped name of a field would otherwise count as a model without answers.
    if not any(field in each or f"{field}_scores" in each for each in values):
        there = ", ".join(sorted({name for each in values for name in each})) or "none at all"
        raise OptionsError(f"no turn has a field {field!r} with a prediction; there are {there}")
    found = [_prediction(*each, field, label_map) for each in zip(turns, values, strict=True)]
    # "anger" is not a wrong answer but another name of "angry".
    known = {*EMOTIONS, *label_map.names.values(), *(each.truth for each in found), None}
    unknown = Counter(each.label for each in found if each.label not in known)
    if unknown:
        names = ", ".join(f"{name!r} ({count})" for name, count in unknown.most_common())
        advice = "--predicted-label-map says what others mean, be it themselves"
        raise LabelError(
            f"predictions have labels that are not known: {names}; known are "
            f"{', '.join(EMOTIONS)}; {advice}"
        )
    return found


def _prediction(
    turn: LabelledTurn, values: Mapping[str, Any], field: str, label_map: LabelMap
) -> Prediction:
    supervision = turn.supervision  # its start is relative to the cut
    named, given = values.get(field), values.get(f"{field}_scores")
    where = f"turn {supervision.id!r}, field {field!r}"
    if not isinstance(named, str | None):
        raise FormatError(f"{where}: a label was expected, got {named!r}")
    scores = None if given is None else _scores(given, label_map, where)
    label = label_map(named.strip()) if named and named.strip() else None
    if label is None and scores:
        label = max(scores, key=lambda name: scores[name])
    return Prediction(
        id=supervision.id,
        truth=turn.label,
        label=label,
        scores=scores if label is not None else None,
        start=turn.cut.start + supervision.start,
        duration=max(0.0, supervision.duration),
        speaker=supervision.speaker,
        recording=supervision.recording_id,
        reason=None if label is not None else values.get(f"{field}_reason") or "no prediction",
    )


def _scores(given: Any, meaning: LabelMap, where: str) -> dict[str, float] | None:
    if not isinstance(given, Mapping) or not all(
        isinstance(score, int | float) for score in given.values()
    ):
        expected = 'a number for each label, such as {"angry": 0.7, "sad": 0.3}'
        raise FormatError(f"{where}: scores must be {expected}, got {given!r:.200}")
    scores: dict[str, float] = {}
    for name, score in normalised(given, where).items():
        label = meaning(str(name))
        if label is not None:  # what several names mean has the sum of their scores
            scores[label] = scores.get(label, 0.0) + score
    total = sum(scores.values())
    return {label: score / total for label, score in scores.items()} if total else None


def predict(
    cuts: Iterable[Cut],
    *,
    truth: Truth,
    score: Engine,
    plugins: Plugins | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Prediction]:
    """Return a model's predictions for the turns to judge, in order.

    Cuts are read lazily and share batches; supervisions that are not judged are not scored.

    Args:
        cuts: Of which `Truth.turns` takes the same turns.
        truth: How their labels are read.
        score: The engine with the model; restrict its labels to those of interest.
        plugins: Those installed, unless given.
        progress: Called with the number of cuts that were done since the last call.

    Raises:
        LabelError: If there are no turns.
        OptionsError: If the model has no head.
    """
    if not score.labels.names:
        raise OptionsError("this model has no head, and so no classes: it gives embeddings alone")
    # Only turns to judge are scored; their field of this name is never one of the manifest's.
    chosen = (cut.filter_supervisions(truth.wants) for cut in cuts)
    judged = (cut for cut in chosen if cut.supervisions)
    options = Options(field=PREDICTED, overwrite=True)
    results = []
    for cut in annotate_cuts(judged, score=score, options=options, plugins=plugins):
        results.append(cut)
        if progress:
            progress(1)
    return predictions_in(truth.turns(results), PREDICTED)
