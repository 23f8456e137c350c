"""What a corpus's names for emotions mean: ``happiness`` is ``happy``, ``W`` is ``angry``.

Nothing is guessed: a name that is neither mapped nor canonical is an error that lists it.
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
    """Return what *make* makes of the mapping in a YAML or JSON file.

    Raises:
        Emo2vecError: *wrong*, with the path, if the file holds no mapping, or *make* raises it.
        OSError: If the file cannot be read.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise wrong(f"{path}: not readable as plain YAML or JSON: {error}") from error
    if not isinstance(document, dict):
        raise wrong(f"{path}: expected {expected}, got {type(document).__name__}")
    try:
        return make(document)
    except wrong as error:
        raise wrong(f"{path}: {error}") from error


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
        expected = "a mapping of names, such as 'happiness: happy'"
        return read_yaml(Path(path), cls, expected=expected, wrong=LabelError)

    def __call__(self, name: str) -> str | None:
        """Return what *name* means; None if its turns are to be left out."""
        return self.names[name] if name in self.names else canonical(name)
