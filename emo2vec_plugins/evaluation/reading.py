"""True labels and predictions for Lhotse cuts, read from fields or scored by a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lhotse.cut import Cut

from emo2vec_plugins.core import (
    EMOTIONS,
    FloatArray,
    Options,
    Permissions,
    Plugins,
    is_withheld,
    shown,
)
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import FormatError, LabelError, OptionsError, warn
from emo2vec_plugins.evaluation.fields import known_value
from emo2vec_plugins.evaluation.predictions import (
    Prediction,
    as_name,
    few,
    most_probable,
    normalised,
)
from emo2vec_plugins.formats import LabelMap
from emo2vec_plugins.integrations import is_label
from emo2vec_plugins.integrations.lhotse import (
    LabelledTurn,
    annotate_cuts,
    is_pseudo_labelled,
    label_in,
    labelled_turns,
    supervisions_of,
)

CORPUS = "corpus"
"""Field that predictions have without being asked for it."""

AS_NAMED = LabelMap()
"""A label map that changes nothing."""

PREDICTED = "emo2vec_predicted"
"""Temporary field for a model's labels; it is never written to a manifest."""

LEFT_OUT = ("unlabelled", "by_label_map", "pseudo_labels", "other_labels")
"""Reasons why a supervision is left out of the evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Reads the true labels of cuts, which people gave, without those of models.

    Attributes:
        field: Custom field of the supervisions with the label.
        label_map: Maps the corpus's names to labels.
        labels: Labels to keep; turns with other labels are left out. None keeps all.
        skip_unlabelled: Leave out supervisions without a label instead of raising an error.
    """

    field: str = "emotion"
    label_map: LabelMap = AS_NAMED
    labels: tuple[str, ...] | None = None
    skip_unlabelled: bool = False

    def turns(self, cuts: Iterable[Cut]) -> list[LabelledTurn]:
        """Return the turns to evaluate, in order, without reading audio.

        Turns whose labels come from a model are left out with a warning.

        Raises:
            LabelError: If no turn is left, or labels are missing or unknown.
        """
        turns = labelled_turns(
            cuts,
            field=self.field,
            label_map=self.label_map,
            # All known labels, not only the requested ones: a typo must not pass as another label.
            labels=dict.fromkeys((*EMOTIONS, *(self.labels or ()))),
            skip_unlabelled=self.skip_unlabelled,
        )
        by_people = [each for each in turns if not each.is_pseudo]
        if not by_people:
            raise LabelError(
                f"expected labels by people in field {shown(self.field)}, got only labels by a model "
                f"(all {len(turns)}, see {self.field}_source and {self.field}_model)"
            )
        if machine := len(turns) - len(by_people):
            why = f"a model gave their labels ({self.field}_source, {self.field}_model)"
            warn(f"left out {machine} of {len(turns)} labelled turns: {why}")
        kept = [each for each in by_people if self.labels is None or each.label in self.labels]
        if not kept:
            names = ", ".join(self.labels or ())
            raise LabelError(
                f"no turn is labelled as one of {names} ({len(by_people)} labelled in all)"
            )
        return kept

    def wants(self, supervision: Any) -> bool:
        """Return whether `turns` includes a supervision; its cut must be valid for `turns`."""
        return self._why_not(supervision) is None

    def left_out(self, cuts: Iterable[Cut]) -> dict[str, int]:
        """Return how many supervisions are left out, for each reason in `LEFT_OUT`."""
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
    """Return the predictions in a custom field of the turns' supervisions.

    The fields are ``FIELD`` (the label) and, all optional, ``FIELD_scores`` (the score of every
    label), ``FIELD_reason`` (why there is no label) and ``FIELD_doubt``, as `annotate_cuts` writes
    them. A turn with an empty field has no prediction. Raises the errors of `predictions_of`.
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
    """Return the predictions in *values*, one for each turn.

    If a label is missing but scores exist, the label with the highest score is used, unless the
    reason says that the model withheld it. A label
    that *label_map* maps to None is masked, as if the model did not have it: the other scores
    are rescaled to a sum of 1, and a masked label is replaced by the most probable remaining
    one. If no label remains, the turn has no prediction.

    Args:
        turns: The result of `Truth.turns`.
        values: The custom fields of each turn, in the same order.
        field: Name of the field with the label; scores and reason are in fields with this
            prefix.
        label_map: Maps predicted names to labels.

    Raises:
        OptionsError: If no turn has *field*.
        LabelError: If a label is unknown.
        FormatError: If labels or scores have the wrong type.
    """
    # Otherwise a mistyped field name would look like a model without predictions.
    if not any(field in each or f"{field}_scores" in each for each in values):
        fields = few(sorted({name for each in values for name in each}), 20) or "none"
        raise OptionsError(
            f"no turn has a prediction in field {shown(field)}; fields found: {fields}"
        )
    found = [_prediction(*each, field, label_map) for each in zip(turns, values, strict=True)]
    # "anger" is not a wrong answer but another name of "angry".
    known = {*EMOTIONS, *label_map.names.values(), *(each.truth for each in found), None}
    unknown = Counter(each.label for each in found if each.label not in known)
    if unknown:
        names = few([f"{shown(name)} ({count})" for name, count in unknown.most_common()])
        advice = "map other names with --predicted-label-map, if need be to themselves"
        raise LabelError(
            f"unknown predicted labels: {names}; known: {', '.join(EMOTIONS)}; {advice}"
        )
    return found


def _prediction(
    turn: LabelledTurn, values: Mapping[str, Any], field: str, label_map: LabelMap
) -> Prediction:
    supervision = turn.supervision  # its start is relative to the cut
    named, given = values.get(field), values.get(f"{field}_scores")
    where = f"turn {shown(supervision.id)}, field {shown(field)}"
    if is_label(named) and not isinstance(named, str):
        raise FormatError(f"{where}: expected a label, got {shown(named)}")
    scores = None if given is None else _scores(given, label_map, where)
    label = label_map(named.strip()) if isinstance(named, str) and is_label(named) else None
    reason = values.get(f"{field}_reason") or "no prediction"
    if label is None and scores and not is_withheld(reason):
        label = most_probable(scores)
    return Prediction(
        id=str(supervision.id),
        truth=turn.label,
        label=label,
        scores=scores,
        start=turn.cut.start + supervision.start,
        duration=max(0.0, supervision.duration),
        speaker=as_name(supervision.speaker),
        recording=as_name(supervision.recording_id),
        reason=None if label is not None else reason,
        doubt=values.get(f"{field}_doubt"),
        fields={CORPUS: corpus} if (corpus := known_value(supervision, CORPUS)) else {},
        embedding=_embedding(supervision, field) if scores else None,
    )


def _embedding(supervision: Any, field: str) -> FloatArray | None:
    name = f"{field}_embedding"
    # Only those of this run, in memory: a file that a manifest names is not read.
    is_ours = field == PREDICTED and (supervision.custom or {}).get(name) is not None
    return supervision.load_custom(name) if is_ours else None


def _scores(given: Any, meaning: LabelMap, where: str) -> dict[str, float] | None:
    if not isinstance(given, Mapping) or not all(
        isinstance(score, int | float) for score in given.values()
    ):
        expected = 'a number for each label, such as {"angry": 0.7, "sad": 0.3}'
        raise FormatError(f"{where}: expected {expected}, got {shown(given)}")
    scores: dict[str, float] = {}
    for name, score in normalised(given, where).items():
        label = meaning(str(name))
        if label is not None:  # names that map to one label: sum their scores
            scores[label] = scores.get(label, 0.0) + score
    total = sum(scores.values())
    return {label: score / total for label, score in scores.items()} if total else None


def predict(
    cuts: Iterable[Cut],
    *,
    truth: Truth,
    score: Engine,
    plugins: Plugins | None = None,
    permissions: Permissions | None = None,
    progress: Callable[[int], None] | None = None,
    embeddings: bool = False,
) -> list[Prediction]:
    """Return a model's predictions for the turns to evaluate, in order.

    Cuts are read lazily and share batches. Supervisions that *truth* leaves out are not scored.

    Args:
        cuts: Labelled cuts; `Truth.turns` must accept them.
        truth: Reads their labels.
        score: The engine with the model. Restrict its labels if you evaluate only some.
        plugins: None for the installed ones.
        permissions: What reading the audio may do; by default, read local files.
        progress: Called with the number of cuts finished since the last call.
        embeddings: Whether predictions have the embeddings of their turns, in memory.

    Raises:
        LabelError: If no turn is left to evaluate.
        OptionsError: If the model has no head.
    """
    if not score.labels.names:
        raise OptionsError(
            "expected a model with classes, got a model that has no head and gives only embeddings"
        )
    # Only turns to evaluate are scored; no manifest uses a field of this name.
    chosen = (cut.filter_supervisions(truth.wants) for cut in cuts)
    judged = (cut for cut in chosen if cut.supervisions)
    allowed = asdict(permissions or Permissions())
    options = Options(field=PREDICTED, overwrite=True, embeddings=embeddings, **allowed)
    results = []
    for cut in annotate_cuts(judged, score=score, options=options, plugins=plugins):
        results.append(cut)
        if progress:
            progress(1)
    return predictions_in(truth.turns(results), PREDICTED)
