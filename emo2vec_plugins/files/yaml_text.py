"""Plain YAML, without tags that run code and without aliases that expand beyond bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from emo2vec_plugins.errors import Emo2vecError, FormatError
from emo2vec_plugins.files.bounded import (
    MOST_DIGITS,
    beyond_limit,
    limit_of,
)
from emo2vec_plugins.files.outputs import reading
from emo2vec_plugins.files.text import read_text

T = TypeVar("T")

PART = 64
"""YAML is parsed slowly, about 100 kB per second, so a document has this part of `read_limit`."""

MOST_LEVELS = 20
"""Most levels of brackets or indentation; each open bracket makes every token slower to read."""

_MOST_NODES = 10_000
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


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
    reading(path)
    try:
        document = from_yaml(read_text(path, part=PART), where=str(path))
    except FormatError as error:
        raise wrong(str(error)) from error
    if not isinstance(document, dict):
        raise wrong(f"{path}: expected {expected}, got {type(document).__name__}")
    try:
        return make(document)
    except wrong as error:
        raise wrong(f"{path}: {error}") from error


def from_yaml(text: str, *, where: str) -> Any:
    """Return the value in a YAML text.

    Args:
        text: The text.
        where: The beginning of an error's message, such as the file.

    Raises:
        FormatError: If it is too long, is not plain YAML, is nested too deeply, has a key twice or too
            large a number, or aliases make it larger than the text.
    """
    if len(text) > limit_of(PART):
        raise beyond_limit(where, part=PART)
    loader = _Loader("")
    try:
        loader = _Loader(text.removeprefix("\ufeff"))
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node, len(text))
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        found = f"{error.problem or error.context}"
        raise FormatError(f"{where}: {line}not plain YAML: {found:.200}") from error
    except (_UnfitError, yaml.YAMLError) as error:
        cause = getattr(error, "reason", error)
        raise FormatError(f"{where}: not plain YAML: {cause!s:.200}") from error
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        # PyYAML raises these for impossible dates, and for values that do not fit their tag.
        found = f"a value that does not fit its type ({type(error).__name__})"
        raise FormatError(f"{where}: not plain YAML: {found}") from error
    finally:
        loader.dispose()


class _UnfitError(Exception):
    """A document that is valid YAML but too large in one respect."""


_TOO_DEEP = f"more than {MOST_LEVELS} levels"


class _Loader(yaml.SafeLoader):
    """Stops at a node that is nested too deeply, before it reads what is in it."""

    _level = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._level += 1
        if self._level > MOST_LEVELS + 1:  # a scalar is one level below its collection
            raise _UnfitError(_TOO_DEEP)
        node = super().compose_node(parent, index)
        self._level -= 1
        return node


def _check_size(node: Any, length: int) -> None:
    size, _ = _size(node, {}, 1)
    if size > _MOST_NODES + length:
        raise _UnfitError(f"aliases that expand to {size:,} values")


def _size(node: Any, known: dict[int, tuple[int, int]], depth: int) -> tuple[int, int]:
    """Return how many values and levels a node has with its aliases expanded."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag in _NUMBERS and len(node.value) > MOST_DIGITS:
            raise _UnfitError(f"a number of {len(node.value)} characters")
        return 1, 0
    if depth > MOST_LEVELS:  # an alias of a collection within itself ends here, too
        raise _UnfitError(_TOO_DEEP)
    if id(node) in known:
        return known[id(node)]
    inner = node.value
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        inner = [each for pair in node.value for each in pair]
    sizes = [_size(each, known, depth + 1) for each in inner]
    size = 1 + sum(size for size, _ in sizes)
    height = 1 + max((height for _, height in sizes), default=0)
    if height > MOST_LEVELS:
        raise _UnfitError(_TOO_DEEP)
    known[id(node)] = size, height
    return size, height


def _check_keys(node: yaml.MappingNode) -> None:
    """Refuse a key that occurs twice, of which PyYAML drops the first value without a word."""
    keys: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in keys:
                line = key.start_mark.line + 1
                raise _UnfitError(f"line {line}: the key {key.value[:100]!r} occurs twice")
            keys.add((key.tag, key.value))
