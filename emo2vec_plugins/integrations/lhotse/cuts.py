"""Lhotse's cuts: an emotion on every supervision, or on the cut where there are none.

The way of a cut: `annotate_cuts` wraps the cuts in a `LazyAnnotator`; each pass over it goes
through `annotated_pairs`, which has the pipeline open, score and finish a `CutSession` for each.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import tee
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
from emo2vec_plugins.errors import OptionsError, SourceError, warn
from emo2vec_plugins.integrations import is_a, is_labelled, label_fields

if TYPE_CHECKING:
    from lhotse import CutSet, RecordingSet, SupervisionSet
    from lhotse.cut import Cut

    from emo2vec_plugins.integrations.lhotse.session import CutSession


def annotate_cuts(
    cuts: Iterable[Cut] | RecordingSet,
    *,
    score: Scorer,
    options: Options | None = None,
    supervisions: SupervisionSet | None = None,
    plugins: Plugins | None = None,
) -> CutSet:
    """Return a lazy ``CutSet``: a copy of each cut, in order, in which every turn has an emotion.

    Every pass over it annotates again. Cuts are read ahead only as far as a batch needs, and
    clips of different cuts share a batch. What was given is never changed. A turn that cannot be
    scored has the field with None and the reason beside it; a turn that has a label already keeps
    it, with a warning at the first, and is scored only if an array was asked for that it lacks.

    The set pickles, for worker processes that annotate, if *cuts* and *score* do: an `Engine`
    goes as the name of its model and its options, and each worker loads it.

    Args:
        cuts: A ``CutSet`` or any iterable of cuts; or a ``RecordingSet``. A generator gives one
            pass.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        options: What to attach, under which prefix, and where arrays go. Without a ``store``
            arrays stay in memory, and the cuts cannot be written as JSON; with one, every pass
            stores them again, and the set does not pickle.
        supervisions: The turns of a ``RecordingSet``, grouped by recording in memory.
        plugins: Those installed, unless given; one may open cuts its own way. A set with plugins
            of its own does not pickle.

    Raises:
        OptionsError: If *cuts* is a path, *score* is no scorer, or frames are asked for that the
            engine does not keep.
        SourceError: If *cuts* is one cut; or, in a second pass, a generator.
    """
    if isinstance(cuts, (str, os.PathLike)):
        path = os.fspath(cuts)
        raise OptionsError(f"cuts are objects, got a path: open it, CutSet.from_file({path!r})")
    check_sources(cuts)
    lazy = LazyAnnotator(
        cuts, supervisions, score=score, options=as_options(options), plugins=plugins
    )
    from lhotse import CutSet

    return CutSet(lazy)


class LazyAnnotator:
    """Cuts that are annotated whenever they are iterated over: the lazy data of a ``CutSet``.

    Takes the arguments of `annotate_cuts`.
    """

    def __init__(
        self,
        cuts: Iterable[Any],
        supervisions: Iterable[Any] | None,
        *,
        score: Scorer,
        options: Options,
        plugins: Plugins | None,
    ) -> None:
        self._cuts = cuts
        self._supervisions = supervisions
        self._is_bound = plugins is not None or options.store is not None
        if options.embeddings or options.frames:
            from emo2vec_plugins.integrations.lhotse.arrays import ArraySink

            # One numbering for all passes: an HDF5 file refuses a key that it has.
            sink = ArraySink(options.store, dtype=options.array_dtype)
            options = replace(options, store=sink)
        self._options = options
        self._annotated = partial(annotated_pairs, score=score, options=options, plugins=plugins)
        self._was_read = False
        self._annotated(())  # wrong arguments fail here and not in a distant first pass

    def __len__(self) -> int:
        return len(self._cuts)  # type: ignore[arg-type] # as in Lhotse: a TypeError if unknown

    def __iter__(self) -> Iterator[Any]:
        if self._was_read and self._is_one_shot():
            raise SourceError("a generator of cuts can be read only once: use .to_eager()")
        self._was_read = True
        has_warned = False
        for before, after in self._annotated(_as_cuts(self._cuts, self._supervisions)):
            if not has_warned and (kept := _kept_label(before, self._options)):
                has_warned = True
                warn(
                    f"labels in {self._options.field!r} are kept: {kept}. Options(field=...) "
                    "writes beside them, Options(overwrite=True) replaces them"
                )
            yield after

    def __getstate__(self) -> dict[str, Any]:
        if self._is_bound or self._is_one_shot():
            raise OptionsError(
                "plugins=..., an open store for arrays and a generator of cuts do not pickle"
            )
        return self.__dict__

    def _is_one_shot(self) -> bool:
        return _holds_iterator(self._cuts) or _holds_iterator(self._supervisions)


def annotated_pairs(
    cuts: Iterable[Any], *, score: Scorer, options: Options, plugins: Plugins | None
) -> Iterator[tuple[Any, Any]]:
    """Yield each cut as it was and as it is annotated, in order; one lazy pass.

    Args:
        cuts: Of any kind.
        score: As `annotate_cuts` takes it.
        options: With an `ArraySink` as the store if arrays are asked for: ids of cuts repeat, and
            only a numbering that all cuts share keeps their arrays apart.
        plugins: Those installed, unless given.
    """
    given, before = tee(cuts)  # holds as many as the scorer looks ahead
    failed = partial(_unscored, options=options)
    results = annotate(given, score=score, plugins=plugins, options=options, failed=failed)
    # Results first: only their last step finds out whether the scorer lost a clip.
    return ((cut, result) for result, cut in zip(results, before, strict=True))


@hookimpl
def emo2vec_open(source: Any, options: Options) -> CutSession | None:
    """Open a cut of Lhotse, of any kind."""
    if not is_a(source, "lhotse.cut", "Cut"):
        return None
    from emo2vec_plugins.integrations.lhotse.session import CutSession

    return CutSession(source, options)


def _as_cuts(cuts: Iterable[Any], supervisions: Iterable[Any] | None) -> Iterator[Any]:
    turns: dict[str, list[Any]] = defaultdict(list)
    for supervision in () if supervisions is None else supervisions:
        turns[supervision.recording_id].append(supervision)
    for item in cuts:
        if type(item).__name__ == "Recording" and hasattr(item, "to_cut"):
            yield replace(item.to_cut(), supervisions=turns.pop(item.id, []))
        elif supervisions is None:
            yield item
        else:
            kind = type(item).__name__
            raise OptionsError(f"supervisions go with a RecordingSet, got them with a {kind}")
    if turns:
        lost = sum(map(len, turns.values()))
        warn(f"{lost} supervisions are of recordings not given, the first of {next(iter(turns))!r}")


def _holds_iterator(items: Any) -> bool:
    """Return whether items are read from an iterator, also behind Lhotse's filter, map or mux."""
    if isinstance(items, Iterator):
        return True
    if isinstance(items, list | tuple):
        return any(map(_holds_iterator, items))
    is_lazy = type(items).__module__.startswith("lhotse.") and isinstance(items, Iterable)
    return is_lazy and any(map(_holds_iterator, vars(items).values()))


def _kept_label(cut: Any, options: Options) -> str | None:
    """Return in words the first label of a cut that is not replaced."""
    if not is_a(cut, "lhotse.cut", "Cut"):
        return None
    from emo2vec_plugins.integrations.lhotse.session import places

    turns = places(cut).values()
    kept = (own.custom[options.field] for own in turns if is_labelled(own.custom, options))
    return next((f"cut {cut.id!r} has {label!r}" for label in kept), None)


def _unscored(source: Any, error: Exception, *, options: Options) -> Any:
    """Return a cut that failed, with the error as the reason on every turn to be scored."""
    source = pass_through(source, error)
    if not is_a(source, "lhotse.cut", "Cut"):
        return source
    from emo2vec_plugins.integrations.lhotse.session import enriched, kept_fields, places

    turns, fields = places(source), label_fields(Emotion(reason=str(error)), options)
    return enriched(source, dict.fromkeys(turns, fields) | kept_fields(turns, options), options)
