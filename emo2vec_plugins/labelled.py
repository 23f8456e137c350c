"""What people say of turns: emotion labels in the supervisions of Lhotse cuts.

Corpora have names of their own (``happiness``, ``W``, ``ang``); a `LabelMap` says what they mean.
Nothing is guessed: a name that is neither mapped nor one of ours is an error that lists them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from emo2vec_plugins.errors import LabelError
from emo2vec_plugins.labels import EMOTIONS, canonical

if TYPE_CHECKING:
    from lhotse.cut import Cut
    from lhotse.supervision import SupervisionSegment

PSEUDO = "pseudo"
"""What ``FIELD_source`` says beside a label that a model gave, and no person."""

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class LabelMap:
    """What a corpus's names mean: one of our names, or None for a class that is left out.

    Names that are not in it, and what others mean, keep their canonical form.

    Attributes:
        names: From the corpus's name to ours.
    """

    names: Mapping[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, meaning in self.names.items():
            if not isinstance(name, str) or not isinstance(meaning, str | None):
                raise LabelError(
                    "a label map goes from a corpus's name to ours, or to null to leave its turns "
                    f"out, got {name!r}: {meaning!r}"
                )
        ours = {
            name: None if meaning is None else canonical(meaning)
            for name, meaning in self.names.items()
        }
        object.__setattr__(self, "names", ours)

    @classmethod
    def read(cls, path: str | Path) -> LabelMap:
        """Read a map from a YAML or JSON file of one mapping.

        Such as ``happiness: happy``, or ``boredom: null``, whose turns are left out.

        Raises:
            LabelError: If the file holds anything else.
            OSError: If it cannot be read.
        """
        try:
            document = yaml.safe_load(Path(path).read_text("utf-8-sig"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise LabelError(f"{path}: not YAML or JSON: {error}") from error
        if not isinstance(document, dict):
            raise LabelError(
                f"{path}: a mapping of names was expected, such as 'happiness: happy', "
                f"got {type(document).__name__}"
            )
        try:
            return cls(document)
        except LabelError as error:
            raise LabelError(f"{path}: {error}") from error

    def __call__(self, name: str) -> str | None:
        """Return what *name* means; None if its turns are to be left out."""
        return self.names[name] if name in self.names else canonical(name)


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """A supervision and what its label means.

    Attributes:
        cut: That holds it.
        supervision: As it is in the cut: its start is relative to the cut's.
        label: Our name of its class.
        is_pseudo: A model gave the label, as `pseudo_label` writes it: good to learn from, but
            nothing can be judged by it.
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
    classes: Collection[str] = EMOTIONS,
    skip_unlabelled: bool = False,
) -> list[LabelledTurn]:
    """Return every labelled supervision, in order; no audio is read.

    Args:
        cuts: Cuts with supervisions.
        field: The supervisions' custom field that holds the label.
        label_map: What the corpus's names mean.
        classes: Labels that may occur.
        skip_unlabelled: Leave out supervisions without a label instead of refusing them.

    Raises:
        LabelError: If there is no turn at all, or labels are missing or not among *classes*. The
            message counts and shows all kinds of them.
    """
    meaning = label_map or LabelMap()
    turns: list[LabelledTurn] = []
    unlabelled: list[str] = []
    unknown: Counter[str] = Counter()
    seen = 0
    for cut, supervision in supervisions_of(cuts):
        seen += 1
        name = label_in(supervision, field)
        if name is None:
            unlabelled.append(supervision.id)
            continue
        label = meaning(name)
        if label is None:
            continue  # the map leaves this class out
        if label in classes:
            is_pseudo = is_pseudo_labelled(supervision, field)
            turns.append(LabelledTurn(cut, supervision, label, is_pseudo))
        else:
            unknown[name] += 1
    if unknown:
        found = ", ".join(
            f"{name!r} ({count}{_mapped(name, meaning)})" for name, count in unknown.most_common()
        )
        raise LabelError(
            f"field {field!r} has labels that are not known: {found}; known are "
            f"{', '.join(classes)}; a label map says what others mean, or leaves them out"
        )
    if unlabelled and not skip_unlabelled:
        raise LabelError(
            f"{len(unlabelled)} of {seen} supervisions have no label in field {field!r}: "
            f"{', '.join(unlabelled[:_SHOWN])}{', ...' if len(unlabelled) > _SHOWN else ''}; "
            "label them, name another field (--field; of evaluate, --truth-field), or skip them "
            "(--skip-unlabelled)"
        )
    if not turns:
        raise LabelError(
            "there is nothing labelled: "
            + (f"none of {seen} supervisions" if seen else "the cuts have no supervisions")
            + (f" has a label of {', '.join(classes)} in field {field!r}" if seen else "")
        )
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
        raise LabelError(
            f"supervision {supervision.id}: field {field!r} is to hold a label, got {name!r}"
        )
    return (name or "").strip() or None


def is_pseudo_labelled(supervision: SupervisionSegment, field: str) -> bool:
    """Return whether the label in a custom field is a pseudo-label: a model's, not a person's."""
    return (supervision.custom or {}).get(f"{field}_source") == PSEUDO


def _mapped(name: str, label_map: LabelMap) -> str:
    return f", mapped to {label_map.names[name]!r}" if name in label_map.names else ""
