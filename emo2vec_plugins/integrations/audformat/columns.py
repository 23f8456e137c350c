"""The columns of a table of audformat that say what was heard, their schemes and their rater.

The model that spoke is the rater, a machine; everything that is known of it stands in the rater's
``meta``. Schemes that people made are not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from emo2vec_plugins.core import Emotion, Options, Provenance
from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.integrations.audformat.frames import columns, emotion_values, import_audformat

if TYPE_CHECKING:
    import audformat

PROVENANCE = "provenance"
"""Key in a rater's ``meta`` under which stands what is known of the model."""


def fill(
    database: audformat.Database,
    table: audformat.Table,
    emotions: Sequence[Emotion],
    *,
    field: str,
) -> None:
    """Give a table the columns of some emotions, in the order of its rows, with schemes and rater.

    Raises:
        FormatError: If several models were heard.
    """
    library = import_audformat()
    table.drop_columns([name for name in table.columns if _is_ours(name, field)], inplace=True)
    rows = [emotion_values(emotion, field=field) for emotion in emotions]
    rater = _rater(database, emotions, field)
    classes = dict.fromkeys(name for each in emotions for name in (*each.scores, each.label))
    for name, dtype in columns(emotions, field=field).items():
        kind = (
            library.define.DataType.STRING if dtype == "string" else library.define.DataType.FLOAT
        )
        labels = [label for label in classes if label is not None] if name == field else []
        _add_scheme(database, name, kind, labels)
        table[name] = library.Column(scheme_id=name, rater_id=rater)
        table[name].set([row.get(name) for row in rows])


def _add_scheme(database: audformat.Database, name: str, kind: str, labels: list[str]) -> None:
    """See to it that a scheme is there, and knows these labels beside those that it has."""
    known = database.schemes.get(name)
    if known is None or (labels and not known.labels):
        database.schemes[name] = import_audformat().Scheme(kind, labels=labels or None)
    elif not set(labels) <= set(known.labels_as_list):
        known.replace_labels(list(dict.fromkeys([*known.labels_as_list, *labels])))


def _rater(database: audformat.Database, emotions: Iterable[Emotion], field: str) -> str | None:
    """Add the model that was heard to a database; return what it is called there."""
    heard = {each.provenance for each in emotions if each.provenance is not None}
    if len(heard) > 1:
        raise FormatError(
            f"a column of audformat has one rater, and {len(heard)} models were heard: "
            f"{', '.join(sorted(each.model for each in heard))}; make a table for each"
        )
    for provenance in heard:
        names = [field, *(f"{field}-{number}" for number in range(2, len(database.raters) + 2))]
        same = [name for name in names if known_model(database.raters.get(name)) == provenance]
        name = (same or [name for name in names if name not in database.raters])[0]
        library = import_audformat()
        database.raters[name] = library.Rater(
            library.define.RaterType.MACHINE,
            description=provenance.model,
            meta={PROVENANCE: provenance.to_dict()},
        )
        return name
    return None


def known_model(rater: audformat.Rater | None) -> Provenance | None:
    """Return what a rater says of the model that it is; None if it is not one of ours."""
    with suppress(AttributeError, KeyError, TypeError):  # somebody else's
        return None if rater is None else Provenance.from_dict(rater.meta[PROVENANCE])
    return None


def refuse_replacing(
    database: audformat.Database, table: str, *, is_new: bool, options: Options
) -> None:
    """Refuse to touch what is there already, unless that is said, and what other tables use.

    Args:
        database: Before anything is scored.
        table: Name of the table that is to get columns.
        is_new: It is to be made.
        options: Say what the columns are called.

    Raises:
        OptionsError: If a table, column or scheme would be replaced.
    """
    field = options.field
    if is_new and table in database and not options.overwrite:
        raise OptionsError(
            f"there is a table {table!r} already; Options(overwrite=True) replaces it"
        )
    taken = [] if is_new else [name for name in database[table].columns if _is_ours(name, field)]
    if taken and not options.overwrite:
        raise OptionsError(
            f"table {table!r} has {', '.join(taken)} already: into=... makes a new table, "
            "Options(field=...) gives other names, and Options(overwrite=True) replaces them"
        )
    for other in database.tables:
        if other != table:
            _refuse_sharing(database, other, field)


def _refuse_sharing(database: audformat.Database, table: str, field: str) -> None:
    """Refuse to add labels to a scheme that somebody else labelled by."""
    for name, column in database[table].columns.items():
        if _is_ours(column.scheme_id, field) and known_model(column.rater) is None:
            raise OptionsError(
                f"scheme {column.scheme_id!r} is that of column {name!r} in table {table!r}, which "
                "somebody else made; Options(field=...) gives other names"
            )


def _is_ours(name: str | None, field: str) -> bool:
    if name is None:
        return False
    return name in columns([], field=field) or name.startswith(f"{field}_score_")
