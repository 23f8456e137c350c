"""Lhotse's cuts: an emotion on every supervision, or on the cut where there are none."""

from __future__ import annotations

import os
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import (
    Emotion,
    Options,
    Plugins,
    Scorer,
    annotate,
    as_options,
    check_sources,
    hookimpl,
    pass_through,
)
from emo2vec_plugins.errors import Emo2vecWarning, OptionsError
from emo2vec_plugins.integrations import is_labelled
from emo2vec_plugins.integrations.lhotse.fields import enriched, kept_fields, label_fields, places

if TYPE_CHECKING:
    from lhotse import RecordingSet, SupervisionSet
    from lhotse.cut import Cut

    from emo2vec_plugins.integrations.lhotse.session import CutSession


def annotate_cuts(
    cuts: Iterable[Cut] | RecordingSet,
    *,
    score: Scorer,
    options: Options | None = None,
    supervisions: SupervisionSet | None = None,
    plugins: Plugins | None = None,
) -> Iterator[Cut]:
    """Yield a copy of each cut, in order, in which every turn has an emotion.

    Lazy: cuts are read ahead only as far as a batch needs, and clips of different cuts share a
    batch. What was given is never changed. A turn that cannot be scored has the field with None
    and the reason beside it; a turn that has a label already keeps it, with a warning at the
    first, and is scored only if an array was asked for that it lacks.

    Args:
        cuts: A ``CutSet`` or any iterable of cuts; or a ``RecordingSet``.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        options: What to attach, under which prefix, and where arrays go. Without a ``store``
            arrays stay in memory, and the cuts cannot be written as JSON.
        supervisions: The turns of a ``RecordingSet``, grouped by recording in memory.
        plugins: Those installed, unless given; one may open cuts its own way.

    Raises:
        OptionsError: If *cuts* is a path, *score* is no scorer, or frames are asked for that the
            engine does not keep.
        SourceError: If *cuts* is one cut.
    """
    if isinstance(cuts, (str, os.PathLike)):
        path = os.fspath(cuts)
        raise OptionsError(f"cuts are objects, got a path: open it, CutSet.from_file({path!r})")
    check_sources(cuts)
    wanted = as_options(options)
    kept: list[str] = []
    noted = _noting_labels(_as_cuts(cuts, supervisions), wanted, kept)
    results = enriched_cuts(noted, score=score, options=wanted, plugins=plugins)
    return _telling(results, wanted, kept)


def enriched_cuts(
    cuts: Iterable[Any], *, score: Scorer, options: Options, plugins: Plugins | None
) -> Iterator[Any]:
    """Do what `annotate_cuts` does, without a word on labels that were kept."""
    from emo2vec_plugins.integrations.lhotse.arrays import as_sink

    shared = replace(options, store=as_sink(options.store, dtype=options.array_dtype))
    return annotate(
        cuts,
        score=score,
        plugins=plugins,
        options=shared,
        failed=partial(_unscored, options=shared),
    )


@hookimpl
def emo2vec_open(source: Any, options: Options) -> CutSession | None:
    """Open a cut of Lhotse, of any kind."""
    if not _is_cut(source):
        return None
    from emo2vec_plugins.integrations.lhotse.session import CutSession

    return CutSession(source, options)


def _as_cuts(cuts: Iterable[Any], supervisions: Iterable[Any] | None) -> Iterator[Any]:
    turns: dict[str, list[Any]] = defaultdict(list)
    for supervision in supervisions or ():
        turns[supervision.recording_id].append(supervision)
    for item in cuts:
        if type(item).__name__ == "Recording" and hasattr(item, "to_cut"):
            yield replace(item.to_cut(), supervisions=turns.pop(item.id, []))
        elif supervisions is None:
            yield item
        else:
            raise OptionsError(
                f"supervisions go with a RecordingSet, got them with a {type(item).__name__}"
            )
    if turns:
        lost = sum(map(len, turns.values()))
        warnings.warn(
            f"{lost} supervisions belong to no recording given, the first to {next(iter(turns))!r}",
            Emo2vecWarning,
            stacklevel=2,
        )


def _noting_labels(cuts: Iterable[Any], options: Options, kept: list[str]) -> Iterator[Any]:
    """Pass cuts on; the first label that is not to be replaced goes to *kept*, in words."""
    for cut in cuts:
        if not kept and _is_cut(cut):
            labels = (
                own.custom for own in places(cut).values() if is_labelled(own.custom, options)
            )
            kept += [f"cut {cut.id!r} has {each[options.field]!r}" for each in labels][:1]
        yield cut


def _telling(results: Iterator[Any], options: Options, kept: list[str]) -> Iterator[Any]:
    """Pass results on, with a warning where the caller asks for them once a label was kept."""
    told = False
    for result in results:
        if kept and not told:
            told = True
            warnings.warn(
                f"labels that are in {options.field!r} already are kept, not found anew: "
                f"{kept[0]}. Options(field=...) writes beside them, "
                "Options(overwrite=True) replaces them",
                Emo2vecWarning,
                stacklevel=2,
            )
        yield result


def _unscored(source: Any, error: Exception, *, options: Options) -> Any:
    """Give back a cut that failed, with the error as the reason on every turn to be scored."""
    source = pass_through(source, error)
    if not _is_cut(source):
        return source
    turns, fields = places(source), label_fields(Emotion(reason=str(error)), options)
    return enriched(source, dict.fromkeys(turns, fields) | kept_fields(turns, options), options)


def _is_cut(source: Any) -> bool:
    lhotse = sys.modules.get("lhotse.cut")  # never imported here: no lhotse, no cut
    return lhotse is not None and isinstance(source, lhotse.Cut)
