"""Truth and predictions out of Lhotse's cuts: two fields, or a field and a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lhotse.cut import Cut

from emo2vec_plugins.core import EMOTIONS, LabelMap, Options, Plugins
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import FormatError, LabelError, OptionsError, warn
from emo2vec_plugins.evaluation.predictions import Prediction, normalised
from emo2vec_plugins.integrations.lhotse import (
    ENDINGS,
    LabelledTurn,
    LinesLayout,
    annotate_cuts,
    is_pseudo_labelled,
    label_in,
    labelled_turns,
    supervisions_of,
)

AS_NAMED = LabelMap()
"""Takes every name for one of ours."""

HEARD = "emo2vec_heard"
"""The field that a model's labels go to while they are compared; no manifest keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """How the true labels of cuts are read; pseudo-labels are none.

    Attributes:
        field: Of the supervisions.
        label_map: What the corpus's names mean.
        classes: Turns of other classes are left out; None keeps all.
        skip_unlabelled: Leave out supervisions without a label instead of refusing them.
    """

    field: str = "emotion"
    label_map: LabelMap = AS_NAMED
    classes: tuple[str, ...] | None = None
    skip_unlabelled: bool = False

    def turns(self, cuts: Iterable[Cut]) -> list[LabelledTurn]:
        """Return the turns to be judged, in order; no audio is read.

        Pseudo-labels, which a model gave, are left out with a warning.

        Raises:
            LabelError: If there are none, or labels are missing or unknown.
        """
        known = dict.fromkeys((*EMOTIONS, *(self.classes or ())))
        turns = labelled_turns(
            cuts,
            field=self.field,
            label_map=self.label_map,
            classes=known,
            skip_unlabelled=self.skip_unlabelled,
        )
        by_people = [each for each in turns if not each.is_pseudo]
        if not by_people:
            raise LabelError(
                f"all {len(turns)} labels in field {self.field!r} are pseudo-labels "
                f"({self.field}_source): nothing can be judged by what a model said"
            )
        if len(by_people) < len(turns):
            warn(
                f"{len(turns) - len(by_people)} of {len(turns)} labelled turns are left out: they "
                f"have pseudo-labels ({self.field}_source), and nothing can be judged by them"
            )
        kept = [each for each in by_people if self.classes is None or each.label in self.classes]
        if not kept:
            raise LabelError(
                f"none of {len(by_people)} labelled turns is one of {', '.join(self.classes or ())}"
            )
        return kept

    def wants(self, supervision: Any) -> bool:
        """Return whether a supervision, of cuts that `turns` took, is among the turns."""
        name = label_in(supervision, self.field)
        label = None if name is None else self.label_map(name)
        if label is None or is_pseudo_labelled(supervision, self.field):
            return False
        return self.classes is None or label in self.classes

    def left_out(self, cuts: Iterable[Cut]) -> dict[str, int]:
        """Return how many supervisions are no turns to be judged, by why."""
        counts = {"unlabelled": 0, "by_label_map": 0, "pseudo_labels": 0, "other_classes": 0}
        for _, supervision in supervisions_of(cuts):
            name = label_in(supervision, self.field)
            if name is None:
                counts["unlabelled"] += 1
            elif self.label_map(name) is None:
                counts["by_label_map"] += 1
            elif is_pseudo_labelled(supervision, self.field):
                counts["pseudo_labels"] += 1
            elif not self.wants(supervision):
                counts["other_classes"] += 1
        return counts


def read_cuts(path: Path) -> list[Cut]:
    """Return the cuts of a ``.jsonl`` or ``.jsonl.gz``.

    Raises:
        FormatError: If it is no such manifest, or a line is no cut.
        OSError: If it cannot be read.
    """
    if not path.name.endswith(ENDINGS) or path.is_dir():
        raise FormatError(
            f"{path}: a manifest of cuts is a .jsonl or .jsonl.gz, EmoBox's data a folder with "
            "fold_1 in it; 'lhotse copy' and 'lhotse shar export' make manifests of others"
        )
    return list(LinesLayout(path).cuts(0))


def predictions_in(
    turns: Sequence[LabelledTurn], field: str, *, label_map: LabelMap = AS_NAMED
) -> list[Prediction]:
    """Return what stands in a field of the turns' own supervisions, and in those beside it.

    The fields are ``field`` (the label), ``field_scores`` (of every class, optional) and
    ``field_reason`` (why there is no label, optional), as `annotate_cuts` writes them. A turn
    whose field is empty has no prediction.

    Args:
        turns: As `Truth.turns` gives them.
        field: That holds the predicted label.
        label_map: What predicted names mean; None masks a class, as `answered` says.

    Raises:
        OptionsError: If not one of the turns has such a field.
        LabelError: If a label is not known.
        FormatError: If labels or scores are of another kind.
    """
    check_field([each.supervision.custom or {} for each in turns], field)
    found = [answered(each, each.supervision.custom or {}, field, label_map) for each in turns]
    check_names(found, label_map)
    return found


def check_field(values: Sequence[Mapping[str, Any]], field: str) -> None:
    """Refuse a field that is nowhere: a mistyped name is not a model that heard nothing.

    Args:
        values: The fields of each turn.
        field: That one of them at least is to have, or its scores.

    Raises:
        OptionsError: If none has.
    """
    if not any(field in each or f"{field}_scores" in each for each in values):
        there = sorted({name for each in values for name in each})
        raise OptionsError(
            f"no turn has a field {field!r} with a prediction; there are "
            f"{', '.join(there) or 'none at all'}"
        )


def check_names(predictions: Iterable[Prediction], label_map: LabelMap) -> None:
    """Refuse predicted names that nobody knows: ``anger`` is no wrong answer but another name.

    Raises:
        LabelError: If a predicted label is none of ours, no true class, and not meant by
            *label_map*.
    """
    turns = list(predictions)
    known = {*EMOTIONS, *label_map.names.values(), *(each.truth for each in turns), None}
    unknown = Counter(each.label for each in turns if each.label not in known)
    if unknown:
        found = ", ".join(f"{name!r} ({count})" for name, count in unknown.most_common())
        raise LabelError(
            f"predictions have labels that are not known: {found}; known are "
            f"{', '.join(EMOTIONS)}; a label map of their own (--predicted-label-map) says what "
            "others mean, be it themselves"
        )


def answered(
    turn: LabelledTurn, values: Mapping[str, Any], field: str, label_map: LabelMap = AS_NAMED
) -> Prediction:
    """Return the prediction of one turn that *values* hold, under *field* and beside it.

    A label may be missing where there are scores: it is the most probable class then. A class
    that *label_map* takes for None is masked, as if the model did not have it: the scores that
    are left are brought to a sum of 1, and a label that is masked gives way to the most probable
    class of these. Where nothing is left, there is no prediction.
    """
    supervision = turn.supervision
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
        raise FormatError(
            f"{where}: scores are to be a number for each class, such as "
            f'{{"angry": 0.7, "sad": 0.3}}, got {given!r:.200}'
        )
    scores: dict[str, float] = {}
    for name, score in normalised(given, where).items():
        label = meaning(str(name))
        if label is not None:  # what several names mean has the sum of their scores
            scores[label] = scores.get(label, 0.0) + score
    total = sum(scores.values())
    return {label: score / total for label, score in scores.items()} if total else None


def heard(
    cuts: Iterable[Cut],
    *,
    truth: Truth,
    engine: Engine,
    plugins: Plugins | None = None,
    advance: Callable[[], None] = lambda: None,
) -> list[Prediction]:
    """Return what a model hears in the turns to be judged, in order.

    Cuts are read lazily and share batches; supervisions that are not judged are not scored.

    Args:
        cuts: Of which `Truth.turns` takes the same turns.
        truth: How their labels are read.
        engine: With the model; restricted to classes if others are of no interest.
        plugins: Those installed, unless given.
        advance: Called after each cut.

    Raises:
        LabelError: If there are no turns.
        OptionsError: If the model has no head.
    """
    if not engine.labels.names:
        raise OptionsError("this model has no head, and so no classes: it gives embeddings alone")
    chosen = (cut.filter_supervisions(truth.wants) for cut in cuts)
    results = []
    for cut in annotate_cuts(
        (cut for cut in chosen if cut.supervisions),
        score=engine,
        options=Options(field=HEARD, overwrite=True),
        plugins=plugins,
    ):
        results.append(cut)
        advance()
    return [answered(each, each.supervision.custom or {}, HEARD) for each in truth.turns(results)]
