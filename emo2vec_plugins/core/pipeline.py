"""The one stream: sources in, enriched copies out, clips of many sources in one batch."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from emo2vec_plugins.core.plugins import Plugins, as_plugins, kind_of
from emo2vec_plugins.core.session import Clip, Options, Session
from emo2vec_plugins.core.values import Emotion
from emo2vec_plugins.errors import (
    Emo2vecError,
    OptionsError,
    PluginError,
    ScorerError,
    SourceError,
    warn,
)


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """Marks the end of one source in the stream of clips; a scorer passes it on in its place."""


Scorer = Callable[[Iterable[Clip | End]], Iterator[tuple[Clip | End, Emotion | None]]]
"""Gives back the very objects it was given, in order, a clip with its emotion, an end with None.

It may read ahead of what it has given back, as far as a batch needs.
"""

Failure = Callable[[Any, Exception], Any]
"""Called with a source and the error that failed it; what it returns is yielded in its place."""


def pass_through(source: Any, error: Exception) -> Any:
    """Warn that a source could not be annotated, and give it back as it was."""
    warn(f"not annotated: {error}")
    return source


def raise_error(source: Any, error: Exception) -> NoReturn:  # noqa: ARG001 - a `Failure`
    """Raise what failed a source: for functions that annotate one, called by name.

    Which plugin failed is of no help there: an error of ours, or of the system, is raised as it
    was before the pipeline named the plugin.
    """
    cause = error.__cause__
    raise cause if isinstance(cause, Emo2vecError | OSError) else error


def annotate(
    sources: Iterable[Any],
    *,
    score: Scorer,
    plugins: Plugins | None = None,
    options: Options | None = None,
    failed: Failure = pass_through,
) -> Iterator[Any]:
    """Yield an enriched copy of each source, in order.

    Sources are opened lazily and their clips share batches: memory depends on the size of a
    batch, not on how many sources there are or how long they are.

    Args:
        sources: Whatever the plugins open: cuts, diarizations, `Recording` objects, paths.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        plugins: Those installed, unless given.
        options: What to attach, and where.
        failed: What to yield for a source whose plugin raised; by default the source itself,
            with a warning.

    Raises:
        SourceError: If *sources* is one source instead of several.
        OptionsError: If *score*, *plugins* or *options* are of another kind, or frames are asked
            for and the engine is one that gives none.
        ScorerError: If the scorer loses, repeats or reorders clips.
        OSError: If results cannot be written; what is on disk stays as it is.
    """
    check_sources(sources)
    check_scorer(score)
    opener = as_plugins(plugins)
    wanted = as_options(options)
    if wanted.frames and getattr(score, "granularity", "frame") != "frame":
        raise OptionsError(
            "frames were asked for, and the engine gives none: make it with granularity='frame'"
        )
    return _annotated(sources, score, opener, wanted, failed)


def check_sources(sources: Any) -> None:
    """Refuse one source where several are expected.

    Raises:
        SourceError: If *sources* is a path, a mapping, or nothing that can be iterated over.
    """
    one = isinstance(sources, str | bytes | os.PathLike | Mapping)
    if one or not isinstance(sources, Iterable):
        raise SourceError(
            f"expected a list of sources, or any iterable of them, got one "
            f"{type(sources).__name__}: put it in a list"
        )


def check_scorer(score: Any) -> None:
    """Refuse what cannot score.

    Raises:
        OptionsError: If *score* is a model, its name, or anything else that cannot be called.
    """
    if isinstance(score, type) or not callable(score):
        what = f"the string {score!r}" if isinstance(score, str) else kind_of(score)
        how = f"load_model({score!r})" if isinstance(score, str) else "load_model('tiny')"
        raise OptionsError(f"score is an Engine, got {what}: Engine({how})")


def as_options(options: Options | None) -> Options:
    """Return *options*, or the defaults.

    Raises:
        OptionsError: If it is anything else.
    """
    if not isinstance(options, Options | None):
        raise OptionsError(f"options is an Options object, got {kind_of(options)}: Options(...)")
    return Options() if options is None else options


def _annotated(
    sources: Iterable[Any], score: Scorer, plugins: Plugins, options: Options, failed: Failure
) -> Iterator[Any]:
    # What the scorer holds at the moment: never more than its look-ahead.
    sent: deque[tuple[_Job, Clip | End]] = deque()

    def stream() -> Iterator[Clip | End]:
        for source in sources:
            job = _Job(source)
            for clip in job.clips(plugins, options):
                sent.append((job, clip))
                yield clip
            # The end goes through the scorer like a clip, so that a source finishes after its
            # last result without anyone counting clips.
            end = End()
            sent.append((job, end))
            yield end

    items = stream()
    for item, emotion in score(items):
        job, expected = sent.popleft() if sent else (None, None)
        # By identity: clips may be equal, and a swapped pair would be written to wrong turns.
        if job is None or item is not expected:
            raise ScorerError(f"the scorer gave back {item!r} where {expected!r} was next")
        if isinstance(item, End):
            yield job.finish(failed)
        elif emotion is None:
            raise ScorerError(f"the scorer gave no emotion for {item!r}")
        else:
            job.take(item, emotion)
    next(items, None)  # a scorer that stopped before the end lost the next one
    if sent:
        raise ScorerError(f"the scorer lost {len(sent)} clips, the first is {sent[0][1]!r}")


class _Job:
    """One source on its way: its session, or the error that ended it.

    A plugin's error fails its source, never the run. But what cannot be written (a full disk)
    would fail for every source that follows, so an OSError of a sink ends the run.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._session: Session | None = None
        self._error: Exception | None = None

    def clips(self, plugins: Plugins, options: Options) -> Iterator[Clip]:
        with self._failing_in("clips"):
            self._session = plugins.open(self._source, options)
            yield from _only_clips(self._session)

    def take(self, clip: Clip, emotion: Emotion) -> None:
        if self._error is None and self._session is not None:
            with self._failing_in("take", let_through=OSError):
                self._session.take(clip, emotion)

    def finish(self, failed: Failure) -> Any:
        if self._error is None and self._session is not None:
            with self._failing_in("finish", let_through=OSError):
                return self._session.finish()
        return failed(self._source, self._error or PluginError("the source was never opened"))

    @contextmanager
    def _failing_in(self, step: str, *, let_through: Any = ()) -> Iterator[None]:
        try:
            yield
        except let_through:
            raise
        except Exception as error:  # noqa: BLE001 - fails this source, not the run
            self._error = error if self._session is None else _named(error, self._session, step)


def _only_clips(session: Session) -> Iterator[Clip]:
    for clip in session.clips():
        if not isinstance(clip, Clip):
            raise TypeError(f"a session must yield Clip objects, got {clip!r}")
        yield clip


def _named(error: Exception, session: Session, step: str) -> PluginError:
    kind = type(session)
    named = PluginError(
        f"{kind.__module__}.{kind.__qualname__}.{step} failed: {type(error).__name__}: {error}"
    )
    named.__cause__ = error
    return named
