"""Emotion labels in the supervisions of Lhotse cuts: those that people gave, and pseudo-labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emo2vec_plugins.core import EMOTIONS, LabelMap
from emo2vec_plugins.errors import LabelError

if TYPE_CHECKING:
    from lhotse.cut import Cut
    from lhotse.supervision import SupervisionSegment

PSEUDO = "pseudo"
"""In ``FIELD_source``, beside a label that a model gave and not a person."""

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """A supervision and what its label means.

    Attributes:
        cut: That holds it.
        supervision: As it is in the cut: its start is relative to the cut's.
        label: Our name of its class.
        is_pseudo: A model gave the label, as `pseudo_label` writes it: for training, not for
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
    """Return every labelled supervision, in order; no audio is read.

    Args:
        cuts: Cuts with supervisions.
        field: The supervisions' custom field that holds the label.
        label_map: What the corpus's names mean.
        labels: Those that may occur.
        skip_unlabelled: Leave out supervisions without a label instead of refusing them.

    Raises:
        LabelError: If there is no turn at all, or labels are missing or not among *labels*. The
            message counts and shows all kinds of them.
    """
    meaning = label_map or LabelMap()
    turns: list[LabelledTurn] = []
    unlabelled: list[str] = []
    unknown: Counter[str] = Counter()
    given = list(supervisions_of(cuts))
    # Mistakes are collected: of a corpus, all of them are wanted at once.
    for cut, supervision in given:
        name = label_in(supervision, field)
        label = None if name is None else meaning(name)
        if name is None:
            unlabelled.append(supervision.id)
        elif label in labels:
            is_pseudo = is_pseudo_labelled(supervision, field)
            turns.append(LabelledTurn(cut, supervision, str(label), is_pseudo))
        elif label is not None:  # None: the map leaves this class out
            unknown[name] += 1
    if unknown:
        mapped = {name: f", mapped to {meaning.names[name]!r}" for name in meaning.names}
        counted = unknown.most_common()
        found = ", ".join(f"{name!r} ({n}{mapped.get(name, '')})" for name, n in counted)
        raise LabelError(
            f"field {field!r} has labels that are not known: {found}; known are "
            f"{', '.join(labels)}; a label map says what others mean, or leaves them out"
        )
    if unlabelled and not skip_unlabelled:
        shown = unlabelled[:_SHOWN] + ["..."] * (len(unlabelled) > _SHOWN)
        raise LabelError(
            f"{len(unlabelled)} of {len(given)} supervisions have no label in field {field!r}: "
            f"{', '.join(shown)}; name another field (--field) or skip them (--skip-unlabelled)"
        )
    if not turns:
        none = f"none of {len(given)} supervisions has a label of {', '.join(labels)} in {field!r}"
        raise LabelError(f"nothing is labelled: {none if given else 'there are no supervisions'}")
    return turns


def supervisions_of(cuts: Iterable[Cut]) -> Iterator[tuple[Cut, SupervisionSegment]]:
    """Yield each supervision with its cut, lazily and in order."""
    for cut in cuts:
        for supervision in cut.supervisions:
            yield cut, supervision


def label_in(supervision: SupervisionSegment, field: str) -> str | None:
    """Return the name in a custom field; None where there is none, or only white space.

    Raises:
        LabelError: If the field holds something else than a string.
    """
    name = (supervision.custom or {}).get(field)
    if name is not None and not isinstance(name, str):
        where = f"supervision {supervision.id}: field {field!r}"
        raise LabelError(f"{where} must hold a label, got {name!r}")
    return (name or "").strip() or None


def is_pseudo_labelled(supervision: SupervisionSegment, field: str) -> bool:
    """Return whether the label in a custom field is a pseudo-label: a model's, not a person's."""
    return (supervision.custom or {}).get(f"{field}_source") == PSEUDO
