"""Checks of cuts: Lhotse constructs them from JSON without checking types.

A value of the wrong type would raise an error far from the line it comes from.
"""

from __future__ import annotations

from typing import Any

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import from_json
from emo2vec_plugins.integrations.lhotse.conditions import first_problem
from emo2vec_plugins.integrations.lhotse.structure import values_of_cut


def cut_in(line: bytes, where: str) -> Any:
    """Return the cut in a line of a manifest.

    Raises:
        FormatError: If the line is not a cut, or a value has the wrong type; begins with *where*.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{where}: expected text in UTF-8: {error.reason}") from error
    return as_cut(from_json(text, where=where), where)


def as_cut(record: Any, where: str) -> Any:
    """Return the cut that JSON values describe. Raises the errors of `cut_in`."""
    from lhotse.cut.set import deserialize_cut

    if not isinstance(record, dict) or "type" not in record:
        found = _kind_of(record)
        raise FormatError(
            f"{where}: expected a cut, found {found}; create cuts with 'lhotse cut simple'"
        )
    if problem := problem_of(record):
        raise FormatError(f"{where}: {problem}")
    try:
        return deserialize_cut(record)
    # Lhotse raises errors of any kind for values that it does not expect.
    except Exception as error:
        why = f"{type(error).__name__}: {error}"[:200]
        raise FormatError(f"{where}: not a cut that Lhotse can read: {why}") from error


def problem_of(cut: Any) -> str | None:
    """Describe the first value of a cut that has the wrong type; None if there is none.

    Args:
        cut: A cut, or the JSON object of one.
    """
    return first_problem(values_of_cut(cut))


def _kind_of(record: Any) -> str:
    """Return what a record is if it is not a cut, as far as its keys tell."""
    if not isinstance(record, dict):
        return f"a {type(record).__name__}"
    if "sources" in record:
        return "a recording"
    return "a supervision" if "recording_id" in record else "an object without a type"
