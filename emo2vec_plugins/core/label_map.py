"""Mapping of a corpus's emotion names to ours: ``happiness`` to ``happy``, ``W`` to ``angry``.

Names are never guessed: a name that is neither mapped nor canonical is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from emo2vec_plugins.core.labels import canonical
from emo2vec_plugins.errors import Emo2vecError, LabelError

T = TypeVar("T")


def read_yaml(
    path: Path, make: Callable[[dict[str, Any]], T], *, expected: str, wrong: type[Emo2vecError]
) -> T:
    """Return *make* applied to the mapping in a YAML or JSON file.

    Args:
        path: The file.
        make: Converts the mapping; may raise *wrong*.
        expected: Description of a valid file, for the message.
        wrong: The error class to raise.

    Raises:
        Emo2vecError: *wrong*, with the path, if the file does not contain a mapping, or if *make*
            raises it.
        OSError: If the file cannot be read.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise wrong(f"{path}: cannot be read as plain YAML or JSON: {error}") from error
    if not isinstance(document, dict):
        raise wrong(f"{path}: expected {expected}, got {type(document).__name__}")
    try:
        return make(document)
    except wrong as error:
        raise wrong(f"{path}: {error}") from error


@dataclass(frozen=True, slots=True)
class LabelMap:
    """A mapping of a corpus's emotion names to ours, or to None for classes to leave out.

    Names missing from the mapping are converted to their canonical form, as are mapped names.

    Attributes:
        names: Our name for each of the corpus's names.
    """

    names: Mapping[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, meaning in self.names.items():
            if not isinstance(name, str) or not isinstance(meaning, str | None):
                raise LabelError(
                    "a label map must map a corpus's name to one of ours, or to null to leave out "
                    f"its turns, got {name!r}: {meaning!r}"
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
        return read_yaml(Path(path), cls, expected=expected, wrong=LabelError)

    def __call__(self, name: str) -> str | None:
        """Return our name for *name*, or None if its turns must be left out."""
        return self.names[name] if name in self.names else canonical(name)
