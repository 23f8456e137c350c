"""The columns of an audformat table that hold emotions, their schemes and their rater.

The model is the rater, a machine; its provenance stands in the rater's ``meta``. Schemes that people
made are not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from emo2vec_plugins.core import Emotion, Options, Provenance
from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.formats import audformat_columns, audformat_values, is_audformat_column
from emo2vec_plugins.integrations.audformat.frames import import_audformat

if TYPE_CHECKING:
    import audformat

PROVENANCE = "provenance"
"""Key of the model's provenance in a rater's ``meta``."""


def fill(
    database: audformat.Database, table: audformat.Table, emotions: Sequence[Emotion], *, field: str
) -> None:
    """Give a table the columns of some emotions, in the order of its rows, with schemes and rater.

    Raises:
        FormatError: If the emotions are of several models.
    """
    library = import_audformat()
    # Scores of classes that another model had would stay beside those of this one.
    table.drop_columns(_ours(table, field), inplace=True)
    rows = [audformat_values(emotion, field=field) for emotion in emotions]
    rater = _rater(database, emotions, field)
    # The label's scheme lists the classes; all other columns hold any text or number.
    types = {"text": library.define.DataType.STRING, "number": library.define.DataType.FLOAT}
    classes = dict.fromkeys(name for each in emotions for name in (*each.scores, each.label))
    for name, kind in audformat_columns(emotions, field=field).items():
        labels = [label for label in classes if label is not None] if name == field else []
        _add_scheme(database, name, types[kind], labels)
        table[name] = library.Column(scheme_id=name, rater_id=rater)
        table[name].set([row.get(name) for row in rows])


def _add_scheme(database: audformat.Database, name: str, kind: str, labels: list[str]) -> None:
    """Add a scheme with these labels, or these labels to the scheme that is there."""
    known = database.schemes.get(name)
    if known is None or (labels and not known.labels):
        database.schemes[name] = import_audformat().Scheme(kind, labels=labels or None)
    elif not set(labels) <= set(known.labels_as_list):
        known.replace_labels(list(dict.fromkeys([*known.labels_as_list, *labels])))


def _rater(database: audformat.Database, emotions: Iterable[Emotion], field: str) -> str | None:
    """Add the emotions' model to a database; return its name there."""
    models = {each.provenance for each in emotions if each.provenance is not None}
    if len(models) > 1:
        names = ", ".join(sorted(each.model for each in models))
        raise FormatError(f"a column has one rater, emotions are of {len(models)} models: {names}")
    for provenance in models:
        # The same model is the same rater; another one gets a name with a number.
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
    """Return the model that a rater is; None if it is not one of ours."""
    with suppress(AttributeError, KeyError, TypeError):  # a rater that somebody else described
        return None if rater is None else Provenance.from_dict(rater.meta[PROVENANCE])
    return None


def refuse_replacing(
    database: audformat.Database, table: str, *, is_new: bool, options: Options
) -> None:
    """Refuse to replace columns unless asked to, and to change what other tables use.

    Args:
        database: Before anything is scored.
        table: Name of the table that gets columns.
        is_new: Whether the table does not exist yet.
        options: Their *field* is the prefix of the columns.

    Raises:
        OptionsError: If a table, column or scheme would be replaced.
    """
    field = options.field
    if is_new and table in database and not options.overwrite:
        raise OptionsError(f"there is a table {table!r} already: Options(overwrite=True)")
    taken = [] if is_new else _ours(database[table], field)
    if taken and not options.overwrite:
        raise OptionsError(
            f"table {table!r} has {', '.join(taken)} already: give into=..., Options(field=...) or "
            "Options(overwrite=True)"
        )
    for other in database.tables:
        if other != table:
            _refuse_sharing(database, other, field)


def _ours(table: audformat.Table, field: str) -> list[str]:
    return [name for name in table.columns if is_audformat_column(name, field=field)]


def _refuse_sharing(database: audformat.Database, table: str, field: str) -> None:
    """Refuse to add labels to a scheme by which people labelled."""
    # Schemes belong to the database: a label more would be one that the annotators did not have.
    for name, column in database[table].columns.items():
        scheme = column.scheme_id or ""
        if is_audformat_column(scheme, field=field) and known_model(column.rater) is None:
            where = f"column {name!r} of table {table!r}, which somebody else made"
            raise OptionsError(f"scheme {scheme!r} is that of {where}: give Options(field=...)")
