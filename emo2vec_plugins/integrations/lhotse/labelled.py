"""Emotion labels in the supervisions of Lhotse cuts: human labels and pseudo-labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emo2vec_plugins.core import EMOTIONS, counted, shown
from emo2vec_plugins.errors import LabelError, warn
from emo2vec_plugins.formats import LabelMap
from emo2vec_plugins.integrations import PSEUDO, is_by_model, is_label

if TYPE_CHECKING:
    from lhotse.cut import Cut
    from lhotse.supervision import SupervisionSegment

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """A supervision with its emotion class.

    Attributes:
        cut: The cut that contains the supervision.
        supervision: The supervision; its start is relative to the start of the cut.
        label: The class, after the label map.
        is_pseudo: Whether the label is from a model. Such labels are for training, not for
            evaluation.
    """

    cut: Cut
    supervision: SupervisionSegment
    label: str
    is_pseudo: bool = False


def labelled_turns(
    cuts: Iterable[Cut],
    *,
    field: str = "emotion",
    label_map: LabelMap | None = None,
    labels: Collection[str] = EMOTIONS,
    skip_unlabelled: bool = False,
) -> list[LabelledTurn]:
    """Return every labelled supervision, in order. No audio is read.

    Args:
        cuts: Cuts with supervisions.
        field: The custom field of the supervisions with the label.
        label_map: Maps the label names of the corpus to classes.
        labels: The allowed classes.
        skip_unlabelled: Skip supervisions without a label instead of raising an error.

    Raises:
        LabelError: If no supervision is labelled, or labels are missing or not in *labels*. The
            message lists and counts all unknown labels.
    """
    meaning = label_map or LabelMap()
    turns: list[LabelledTurn] = []
    unlabelled: list[str] = []
    unknown: Counter[str] = Counter()
    given = list(supervisions_of(cuts))
    # Collect all errors: users want to see them at once for a whole corpus.
    for cut, supervision in given:
        name = label_in(supervision, field)
        label = None if name is None else meaning(name)
        if name is None:
            unlabelled.append(str(supervision.id))
        elif label in labels:
            is_pseudo = is_pseudo_labelled(supervision, field)
            turns.append(LabelledTurn(cut, supervision, str(label), is_pseudo))
        elif label is not None:  # None: the map drops this class
            unknown[name] += 1
    if unknown:
        by = f" by {meaning.file}" if meaning.file else ""
        mapped = {name: f", mapped to {ours!r}{by}" for name, ours in meaning.names.items()}
        found = ", ".join(
            f"{shown(name)} ({n}{mapped.get(name, '')})" for name, n in unknown.most_common()
        )
        raise LabelError(
            f"expected labels among {', '.join(labels)} in field {field!r}, found {found}; "
            "use a label map to rename or drop them"
        )
    if unlabelled and not skip_unlabelled:
        first = unlabelled[:_SHOWN] + ["..."] * (len(unlabelled) > _SHOWN)
        raise LabelError(
            f"{len(unlabelled)} of {len(given)} supervisions have no label in field {field!r}: "
            f"{', '.join(first)}; choose another field (--field) or skip them (--skip-unlabelled)"
        )
    if not turns:
        by = f", as mapped by {meaning.file}" if meaning.file else ""
        among = f"among {', '.join(labels)} in {field!r}{by}"
        where = f"{len(given)} supervisions have no label {among}"
        raise LabelError(
            f"no labelled turns: {where if given else 'the cuts have no supervisions'}"
        )
    _warn_of_machine_labels(turns, field)
    return turns


def _warn_of_machine_labels(turns: Iterable[LabelledTurn], field: str) -> None:
    """Warn if a model gave the labels: a model that is compared with itself is always right."""
    given = [turn.supervision.custom or {} for turn in turns if turn.is_pseudo]
    models = Counter(
        str(custom[f"{field}_model"])
        for custom in given
        if custom.get(f"{field}_source") != PSEUDO  # chosen for training
    )
    for model, count in models.items():
        warn(
            f"{counted(count, 'label')} in field {field!r} come from the model {model}, not from "
            "people; choose the field of the human labels with --field"
        )


def supervisions_of(cuts: Iterable[Cut]) -> Iterator[tuple[Cut, SupervisionSegment]]:
    """Yield each supervision with its cut, lazily and in order."""
    for cut in cuts:
        for supervision in cut.supervisions:
            yield cut, supervision


def label_in(supervision: SupervisionSegment, field: str) -> str | None:
    """Return the label in a custom field, or None if there is none; see `is_label`.

    Raises:
        LabelError: If the value is not a string.
    """
    name = (supervision.custom or {}).get(field)
    if not is_label(name):
        return None
    if not isinstance(name, str):
        where = f"field {field!r} of supervision {supervision.id}"
        raise LabelError(f"expected a string in {where}, got {name!r}")
    return name.strip()


def is_pseudo_labelled(supervision: SupervisionSegment, field: str) -> bool:
    """Return whether the label in a custom field is from a model, not from a person."""
    return is_by_model(supervision.custom, field)
