"""What a corpus's names for emotions mean: ``happiness`` is ``happy``, ``W`` is ``angry``.

Nothing is guessed: a name that is neither mapped nor canonical is an error that lists it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from emo2vec_plugins.core.labels import canonical
from emo2vec_plugins.errors import LabelError


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
