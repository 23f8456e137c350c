"""Mapping of a corpus's emotion names to ours: ``happiness`` to ``happy``, ``W`` to ``angry``.

Names are never guessed: a name that is neither mapped nor canonical is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from emo2vec_plugins.core import canonical, shown
from emo2vec_plugins.errors import LabelError
from emo2vec_plugins.files import read_yaml


@dataclass(frozen=True, slots=True)
class LabelMap:
    """A mapping of a corpus's emotion names to ours, or to None for classes to leave out.

    Names missing from the mapping are converted to their canonical form, as are mapped names.

    Attributes:
        names: Our name for each of the corpus's names.
        file: The file that it was read from, for messages; None otherwise.
    """

    names: Mapping[str, str | None] = field(default_factory=dict)
    file: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name, meaning in self.names.items():
            if not isinstance(name, str) or not isinstance(meaning, str | None):
                raise LabelError(
                    "a label map must map a corpus's name to one of ours, or to null to leave out "
                    f"its turns, got {shown(name)}: {shown(meaning)}"
                )
        ours = {
            name: None if meaning is None else canonical(meaning)
            for name, meaning in self.names.items()
        }
        object.__setattr__(self, "names", ours)

    @classmethod
    def read(cls, path: str | Path) -> LabelMap:
        """Read a label map from a YAML or JSON file with one mapping.

        Example lines: ``happiness: happy``, and ``boredom: null`` to leave out its turns.

        Raises:
            LabelError: If the file contains anything else.
            OSError: If the file cannot be read.
        """
        expected = "a mapping of names, such as 'happiness: happy'"
        found = read_yaml(Path(path), cls, expected=expected, wrong=LabelError)
        return replace(found, file=str(path))

    def __call__(self, name: str) -> str | None:
        """Return our name for *name*, or None if its turns must be left out."""
        return self.names[name] if name in self.names else canonical(name)
