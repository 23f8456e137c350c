"""The annotation pipeline: one stream that batches clips across sources and keeps their order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from emo2vec_plugins.core.messages import kind_of
from emo2vec_plugins.core.plugins import Plugins, as_plugins
from emo2vec_plugins.core.session import Clip, Options, Session
from emo2vec_plugins.core.values import Emotion
from emo2vec_plugins.errors import (
    OUTSIDE,
    Emo2vecError,
    OptionsError,
    PluginError,
    ScorerError,
    SourceError,
    described,
    warn,
)


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """Marks the end of one source in the stream of clips; scorers must yield it in its position."""


Scorer = Callable[[Iterable[Clip | End]], Iterator[tuple[Clip | End, Emotion | None]]]
"""Yields the same objects it receives, in order: each clip with its emotion, each end with None.

A scorer may read ahead, as far as it needs to fill a batch.
"""

Failure = Callable[[Any, Exception], Any]
"""Called with a source and its error; the return value is yielded in place of the source."""


def pass_through(source: Any, error: Exception) -> Any:
    """Warn that a source could not be annotated, and return it unchanged."""
    warn(f"not annotated: {error}")
    return source


def raise_error(source: Any, error: Exception) -> NoReturn:  # noqa: ARG001 - a `Failure`
    """Raise the error of a source, for functions that annotate a single source.

    The name of the failed plugin does not help there, so an `Emo2vecError` or `OSError` is raised
    without the `PluginError` that the pipeline wrapped around it.
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

    Sources are opened lazily and their clips share batches: memory use depends on the batch size,
    not on the number or the length of sources.

    Args:
        sources: Anything that the plugins open: cuts, diarizations, `Recording` objects, paths.
        score: An `Engine`, or any other `Scorer`.
        plugins: Plugins to use; default: the installed ones.
        options: What to attach to each source, and where.
        failed: Returns what to yield for a source whose plugin raised; default: warn and yield
            the source unchanged.

    Raises:
        SourceError: If *sources* is a single source.
        OptionsError: If *score*, *plugins* or *options* has the wrong type, or if the options ask
            for frames and the engine does not return them.
        ScorerError: If the scorer loses, repeats or reorders clips.
        OSError: If results cannot be written; files on disk stay unchanged.
    """
    check_sources(sources)
    check_scorer(score)
    opener = as_plugins(plugins)
    wanted = as_options(options)
    if wanted.frames and getattr(score, "granularity", "frame") != "frame":
        raise OptionsError(
            "frames=True needs an engine that returns frames: Engine(..., granularity='frame')"
        )
    return _annotated(sources, score, opener, wanted, failed)


def check_sources(sources: Any) -> None:
    """Reject a single source where several are expected.

    Raises:
        SourceError: If *sources* is a path, a mapping, or not iterable.
    """
    if sources is None:
        raise SourceError("expected an iterable of sources, got None")
    one = isinstance(sources, str | bytes | os.PathLike | Mapping)
    if one or not isinstance(sources, Iterable):
        raise SourceError(
            f"expected an iterable of sources, got one {type(sources).__name__}: put it in a list"
        )


def check_scorer(score: Any) -> None:
    """Reject an invalid scorer.

    Raises:
        OptionsError: If *score* is a model, a model name, a class, or not callable.
    """
    if isinstance(score, type) or not callable(score):
        what = f"the string {score!r}" if isinstance(score, str) else kind_of(score)
        how = f"load_model({score!r})" if isinstance(score, str) else "load_model('tiny')"
        raise OptionsError(f"score must be an Engine, got {what}: use Engine({how})")


def as_options(options: Options | None) -> Options:
    """Return *options*, or the defaults if it is None.

    Raises:
        OptionsError: If *options* is not an `Options` object.
    """
    if not isinstance(options, Options | None):
        raise OptionsError(f"options must be an Options object, got {kind_of(options)}")
    return Options() if options is None else options


def _annotated(
    sources: Iterable[Any], score: Scorer, plugins: Plugins, options: Options, failed: Failure
) -> Iterator[Any]:
    # Items inside the scorer, limited by how far it reads ahead.
    sent: deque[tuple[_Job, Clip | End]] = deque()
    given = _Readable(sources)

    def stream() -> Iterator[Clip | End]:
        for source in given:
            job = _Job(source)
            for clip in job.clips(plugins, options):
                sent.append((job, clip))
                yield clip
            # The end passes through the scorer like a clip, so that a source finishes after its
            # last result and clips need not be counted.
            end = End()
            sent.append((job, end))
            yield end

    items = stream()
    for item, emotion in score(items):
        job, expected = sent.popleft() if sent else (None, None)
        # By identity, so that results are never written to the wrong turn.
        if job is None or item is not expected:
            raise ScorerError(f"the scorer yielded {item!r}, expected {expected!r}")
        if isinstance(item, End):
            yield job.finish(failed)
        elif emotion is None:
            raise ScorerError(f"the scorer yielded no emotion for {item!r}")
        else:
            job.take(item, emotion)
    next(items, None)  # an item that a scorer has not read is lost, too
    if sent:
        raise ScorerError(f"the scorer lost {len(sent)} items, the first is {sent[0][1]!r}")
    if given.error is not None:
        raise given.error


class _Readable:
    """Sources up to an error: those before it are in the scorer, and must be yielded first.

    Attributes:
        error: What the iterable of sources raised.
    """

    def __init__(self, sources: Iterable[Any]) -> None:
        self._sources = sources
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[Any]:
        sources = iter(self._sources)
        while True:
            try:
                source = next(sources)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 - raised after the sources before it
                self.error = error
                return
            yield source


class _Job:
    """One source in the pipeline: its session, or the error that ended it.

    A plugin's error fails its source, never the run. An OSError while writing results (a full
    disk) ends the run, because it would fail every later source.
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
            with self._failing_in("take", let_through=(OSError, *OUTSIDE)):
                self._session.take(clip, emotion)

    def finish(self, failed: Failure) -> Any:
        if self._error is None and self._session is not None:
            with self._failing_in("finish", let_through=(OSError, *OUTSIDE)):
                return self._session.finish()
        return failed(self._source, self._error or PluginError("the source was never opened"))

    @contextmanager
    def _failing_in(self, step: str, *, let_through: Any = OUTSIDE) -> Iterator[None]:
        try:
            yield
        except let_through:
            raise
        except BaseException as error:  # noqa: BLE001 - fails this source, not the run
            if self._session is not None:
                self._error = _named(error, self._session, step)
            else:  # `Plugins.open` has named the plugin
                self._error = cast(Exception, error)


def _only_clips(session: Session) -> Iterator[Clip]:
    for clip in session.clips():
        if not isinstance(clip, Clip):
            raise TypeError(f"clips() must yield Clip objects, got {clip!r}")
        yield clip


def _named(error: BaseException, session: Session, step: str) -> PluginError:
    kind = type(session)
    named = PluginError(f"{kind.__module__}.{kind.__qualname__}.{step} failed: {described(error)}")
    named.__cause__ = error
    return named
