"""Annotation of Lhotse cuts: an emotion for every supervision, or for a cut without any.

`annotate_cuts` wraps the cuts in a `LazyAnnotator`. Each pass over it calls `annotated_pairs`. The
pipeline opens, scores and finishes a `CutSession` for each cut.
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
    counted,
    hookimpl,
    pass_through,
)
from emo2vec_plugins.errors import OptionsError, SourceError, warn
from emo2vec_plugins.integrations import interleaved, is_a, is_labelled, label_fields
from emo2vec_plugins.integrations.lhotse.items import Item, scorable

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
    """Return a lazy ``CutSet``: a copy of each cut, in order, with an emotion on every turn.

    Every pass over the set annotates again. Cuts are read ahead only as far as a batch needs, and
    clips of different cuts share a batch. The given cuts are never changed.

    A turn that cannot be scored gets None and a reason. A turn that has a label keeps it, and is
    scored only if it lacks a requested array. The first kept label of a pass raises a warning.

    The set can be pickled for worker processes if *cuts* and *score* can. An `Engine` is pickled
    as its model name and options, and each worker loads the model.

    Args:
        cuts: A ``CutSet``, another iterable of cuts, or a ``RecordingSet``. A generator allows
            only one pass.
        score: An `Engine` or another `Scorer`.
        options: What to attach, the prefix of the fields, and where arrays go. Without a
            ``store``, arrays stay in memory and the cuts cannot be written as JSON. With a
            ``store``, every pass stores the arrays again, and the set cannot be pickled.
        supervisions: The turns of a ``RecordingSet``. They are kept in memory.
        plugins: The installed plugins by default. A plugin may replace how cuts are opened. A set
            with explicit plugins cannot be pickled.

    Raises:
        OptionsError: If *cuts* is a path, *score* is not a scorer, the options request frames that
            the engine does not keep.
        SourceError: If *cuts* is a single cut, or a set or list of anything else; or if a generator
            is read twice. If only some items are not cuts, those before them are yielded first.
    """
    if isinstance(cuts, (str, os.PathLike)):
        path = os.fspath(cuts)
        raise OptionsError(f"expected cuts, got a path; open it with CutSet.from_file({path!r})")
    check_sources(cuts)
    if is_a(cuts, "lhotse", "SupervisionSet", "FeatureSet"):
        how = "annotate_cuts(recordings, supervisions=supervisions) or CutSet.from_manifests"
        raise SourceError(f"expected cuts, got a {type(cuts).__name__}; use {how}")
    wanted = as_options(options)
    lazy = LazyAnnotator(cuts, supervisions, score=score, options=wanted, plugins=plugins)
    from lhotse import CutSet

    return CutSet(lazy)


class LazyAnnotator:
    """Iterable that annotates cuts in each pass: the lazy data of a ``CutSet``.

    The arguments are those of `annotate_cuts`.
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

            # Passes share one counter: HDF5 rejects keys that exist.
            sink = ArraySink(options.store, dtype=options.array_dtype)
            options = replace(options, store=sink)
        self._options = options
        self._annotated = partial(annotated_pairs, score=score, options=options, plugins=plugins)
        self._was_read = False
        self._annotated(())  # wrong arguments fail here, not in a later first pass

    def __len__(self) -> int:
        return len(self._cuts)  # type: ignore[arg-type] # TypeError if unknown, as in Lhotse

    def __iter__(self) -> Iterator[Any]:
        if self._was_read and self._is_one_shot():
            raise SourceError("a generator of cuts can be read only once; use .to_eager()")
        self._was_read = True
        has_warned = False
        for before, after in self._annotated(_as_cuts(self._cuts, self._supervisions)):
            # A cut that could not be opened is returned itself.
            is_open = after is not before
            if is_open and not has_warned and (kept := _kept_label(before, self._options)):
                has_warned = True
                warn(
                    f"existing labels in {self._options.field!r} are kept: {kept}; replace them "
                    "with Options(overwrite=True) or choose another field with Options(field=...)"
                )
            yield after

    def __getstate__(self) -> dict[str, Any]:
        if self._is_bound or self._is_one_shot():
            raise OptionsError(
                "annotated cuts cannot be pickled with plugins=..., an open store for arrays or "
                "a generator of cuts"
            )
        return self.__dict__

    def _is_one_shot(self) -> bool:
        return _holds_iterator(self._cuts) or _holds_iterator(self._supervisions)


def annotated_pairs(
    cuts: Iterable[Any], *, score: Scorer, options: Options, plugins: Plugins | None
) -> Iterator[tuple[Any, Any]]:
    """Yield (given cut, annotated copy) pairs, lazily and in order.

    Args:
        cuts: Cuts of any kind.
        score: An `Engine` or another `Scorer`.
        options: If arrays are requested, the store must be an `ArraySink`: ids of cuts repeat, and
            its counter distinguishes their arrays.
        plugins: The installed plugins by default.
    """
    given, before = tee(cuts)  # buffers as many cuts as the scorer reads ahead
    failed = partial(_unscored, options=options)
    results = annotate(given, score=score, plugins=plugins, options=options, failed=failed)
    # Results first: a lost clip is detected only when results end.
    return ((cut, result) for result, cut in zip(results, before, strict=True))


def annotated_items(
    items: Iterable[Item], *, score: Scorer, options: Options, plugins: Plugins | None
) -> Iterator[tuple[Item, Any]]:
    """Yield each item of a manifest with an annotated copy of its cut, lazily and in order.

    A bad item has None instead. A cut whose audio cannot be read has the reason at its turns. The
    other arguments are those of `annotated_pairs`.
    """
    failed = partial(_unscored, options=options)
    work = partial(annotate, score=score, plugins=plugins, options=options, failed=failed)
    for item, result in interleaved(items, work, source_of=scorable):
        if result is None and item.cut is not None:
            yield item, _with_reason(item.cut, str(item.reason), options)
        else:
            yield item, result


@hookimpl
def emo2vec_open(source: Any, options: Options) -> CutSession | None:
    """Open a Lhotse cut of any kind."""
    if not is_a(source, "lhotse.cut", "Cut"):
        return None
    from emo2vec_plugins.integrations.lhotse.session import CutSession

    return CutSession(source, options)


def _as_cuts(cuts: Iterable[Any], supervisions: Iterable[Any] | None) -> Iterator[Any]:
    turns: dict[str, list[Any]] = defaultdict(list)
    for supervision in () if supervisions is None else supervisions:
        if not is_a(supervision, "lhotse", "SupervisionSegment"):
            raise SourceError(
                f"expected supervisions, got a {type(supervision).__name__} among them"
            )
        turns[supervision.recording_id].append(supervision)
    for index, item in enumerate(cuts):
        if is_a(item, "lhotse", "Recording"):
            yield replace(item.to_cut(), supervisions=turns.pop(item.id, []))
        elif not is_a(item, "lhotse.cut", "Cut"):
            raise SourceError(f"expected cuts, item {index} is a {type(item).__name__}")
        elif supervisions is None:
            yield item
        else:
            kind = type(item).__name__
            raise OptionsError(f"supervisions=... needs a RecordingSet, got a {kind} among cuts")
    if turns:
        lost = sum(map(len, turns.values()))
        warn(
            f"dropped {counted(lost, 'supervision')}: their recordings are missing from the RecordingSet, "
            f"the first is {next(iter(turns))!r}"
        )


def _holds_iterator(items: Any) -> bool:
    """Return whether *items* come from an iterator, also inside Lhotse's filter, map or mux."""
    if isinstance(items, Iterator):
        return True
    if isinstance(items, list | tuple):
        return any(map(_holds_iterator, items))
    is_lazy = type(items).__module__.startswith("lhotse.") and isinstance(items, Iterable)
    return is_lazy and any(map(_holds_iterator, vars(items).values()))


def _kept_label(cut: Any, options: Options) -> str | None:
    """Describe the first label of a cut that is kept, for the warning."""
    if not is_a(cut, "lhotse.cut", "Cut"):
        return None
    from emo2vec_plugins.integrations.lhotse.session import places

    turns = places(cut).values()
    kept = (own.custom[options.field] for own in turns if is_labelled(own.custom, options))
    return next((f"cut {cut.id!r} has {label!r}" for label in kept), None)


def _unscored(source: Any, error: Exception, *, options: Options) -> Any:
    """Return a copy of a failed cut, with the error as the reason at every unlabelled turn."""
    source = pass_through(source, error)
    if not is_a(source, "lhotse.cut", "Cut"):
        return source
    from emo2vec_plugins.integrations.lhotse.checks import problem_of

    return source if problem_of(source) else _with_reason(source, str(error), options)


def _with_reason(cut: Any, reason: str, options: Options) -> Any:
    from emo2vec_plugins.integrations.lhotse.session import enriched, kept_fields, places

    turns, fields = places(cut), label_fields(Emotion(reason=reason), options)
    return enriched(cut, dict.fromkeys(turns, fields) | kept_fields(turns, options), options)
