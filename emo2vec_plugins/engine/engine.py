"""The engine, which turns a stream of clips into emotions, in order.

A `ClipReader` reads the windows of a clip ahead of the model (`prefetch`), a `Batch` collects
windows and runs the back end, and a `ClipAccumulator` merges the results.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Literal

from emo2vec_plugins.audio import MODEL_RATE, open_audio
from emo2vec_plugins.core import (
    Backend,
    Clip,
    Emotion,
    LoadedModel,
    Turn,
    as_turns,
    loaded_model,
    serial_group_of,
)
from emo2vec_plugins.engine.batch import LEAST_COST, Batch, cost
from emo2vec_plugins.engine.doubt import Doubt
from emo2vec_plugins.engine.merge import ClipAccumulator
from emo2vec_plugins.engine.prefetch import Task, cores, prefetch
from emo2vec_plugins.engine.windows import Chunk, ClipReader, Window, windows
from emo2vec_plugins.errors import OptionsError

LOOKAHEAD = 1024
"""Maximum number of waiting items, so that unreadable clips do not accumulate."""

WINDOW_OVERLAP = 2.0
"""Seconds; enough that a frame in the middle of the overlap has context in both windows."""

PREFETCHED_BATCHES = 2
"""Batches of audio to read while the model runs one."""

MOST_WORKERS = 4
"""Default limit of reading threads; more would take cores from the model."""

Granularity = Literal["utterance", "frame"]

InFlight = tuple[Any, ClipAccumulator | None]
"""An item that was read but not yielded yet, and its accumulator if it is a clip."""


class Engine:
    """Scores a stream of clips with a back end, in batches and in order.

    The result of a clip of up to *max_window* seconds equals the reference's result for the clip
    alone, in any batch. A longer clip is scored in overlapping windows, which are normalised with
    the statistics of the whole clip and merged on the frame axis, so that memory does not grow
    with its length.

    An engine pickles if its back end came from `load_model`; a worker process loads the model by
    name, once.

    Args:
        backend: A model from `load_model`.
        labels: Keep only these classes; the logits of the others are masked.
        granularity: ``frame`` adds frame embeddings and frame logits to every result.
        max_window: Seconds; longer clips are split into windows.
        window_overlap: Overlap of neighbouring windows in seconds; default: 2 s, or a quarter of
            the window if it is shorter than 8 s.
        batch_seconds: Audio per batch; default: the back end's preference.
        workers: Threads that read, decode and resample ahead of the model; default: one fewer
            than the number of cores, from 1 to 4. With 0 the calling thread does this between
            batches. Results do not depend on it.
        abstain: Withhold labels with too much doubt: True for the model's own
            threshold, or a threshold from 0 to 1 for `Emotion.doubt`. With *labels*, the doubt is
            that of the scores of these classes. None withholds no label.

    Raises:
        LabelError: If the model does not have one of *labels*.
        OptionsError: If *backend* is not a model, another argument is invalid, or labels are to
            be withheld but the model has no measure of doubt.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        labels: Sequence[str] | None = None,
        granularity: Granularity = "utterance",
        max_window: float = 30.0,
        window_overlap: float | None = None,
        batch_seconds: float | None = None,
        workers: int | None = None,
        abstain: float | bool | None = None,
    ) -> None:
        if not isinstance(backend, Backend):
            raise OptionsError(
                f"expected a model, got {type(backend).__name__}: "
                "for example, use Engine(load_model('tiny'))"
            )
        if granularity not in ("utterance", "frame"):
            raise OptionsError(f"granularity must be 'utterance' or 'frame', got {granularity!r}")
        # A copy, because the caller's list may change and an iterator can be read only once.
        labels = labels if labels is None or isinstance(labels, str) else tuple(labels)
        self.backend = backend
        self.labels = backend.labels.restrict(labels)
        self.granularity: Granularity = granularity
        self._window = _samples("max_window", max_window)
        shared = min(WINDOW_OVERLAP, max_window / 4) if window_overlap is None else window_overlap
        self._overlap = _samples("window_overlap", shared)
        windows(self._window, window=self._window, overlap=self._overlap)  # checks the lengths
        seconds = backend.batch_seconds if batch_seconds is None else batch_seconds
        self._budget = _samples("batch_seconds", seconds)
        if not self._budget:
            raise OptionsError(f"batch_seconds must be positive, got {seconds}")
        self._workers = _threads(workers)
        self._doubt = Doubt(backend, abstain)
        self._options: dict[str, Any] = {
            "labels": labels,
            "granularity": granularity,
            "max_window": max_window,
            "window_overlap": window_overlap,
            "batch_seconds": batch_seconds,
            "workers": workers,
            "abstain": abstain,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the model's name and the options, never the weights.

        Raises:
            OptionsError: If the back end did not come from `load_model`, or was loaded with
                ``plugins=...``, because plugins do not pickle.
        """
        return _rebuilt, (type(self), loaded_model(self.backend), self._options)

    def with_granularity(self, granularity: Granularity) -> Engine:
        """Return an engine with the same model and options but another granularity.

        Raises:
            OptionsError: If *granularity* is invalid.
        """
        return type(self)(self.backend, **self._options | {"granularity": granularity})

    def __copy__(self) -> Engine:
        """Return an engine with the same back end; only unpickling loads it again."""
        return type(self)(self.backend, **self._options)

    def __deepcopy__(self, _: Any) -> Engine:
        """Return a shallow copy: the weights are shared."""
        return self.__copy__()

    @property
    def batch_seconds(self) -> float:
        """Seconds of audio per batch."""
        return self._budget / MODEL_RATE

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that the scores depend on, as JSON values."""
        return {
            "provenance": replace(self.backend.provenance, trust=None).to_dict(),
            "labels": list(self.labels.names),
            "granularity": self.granularity,
            "max_window": self._window / MODEL_RATE,
            "window_overlap": self._overlap / MODEL_RATE,
            **self._doubt.identity,
        }

    def __call__(self, items: Iterable[Any]) -> Iterator[tuple[Any, Emotion | None]]:
        """Yield each item in order: a `Clip` with its emotion, anything else with None.

        Reads ahead until a batch is full. If a clip cannot be read or scored, its emotion has a
        reason instead of a label.
        """
        in_flight: deque[InFlight] = deque()
        batch = Batch(self.backend)
        with closing(self._read(items)) as clips:
            for (item, accumulator), chunks in clips:
                in_flight.append((item, accumulator))
                if accumulator is not None:
                    for window, chunk in accumulator.expect(chunks):
                        if batch.size + len(chunk.samples) > self._budget:
                            batch.run()
                            yield from _complete(in_flight)
                        batch.add(accumulator, window, chunk)
                if len(in_flight) >= LOOKAHEAD:
                    batch.finish()
                yield from _complete(in_flight)
        batch.finish()
        yield from _complete(in_flight)

    def score(self, audio: Any, turns: Sequence[Turn] | None = None) -> list[Emotion]:
        """Return the emotion of each turn of one recording, in order.

        Args:
            audio: Anything that `emo2vec_plugins.audio.open_audio` opens.
            turns: None for a single turn over the whole recording.

        Raises:
            AudioError: If *turns* is None and the audio cannot be opened.
            InvalidTurnError: If *turns* contains anything but `Turn` objects.
        """
        source = open_audio(audio)
        whole = [Turn(start=0.0, end=source.length / source.rate)] if turns is None else turns
        results = self(Clip(turn=turn, audio=source) for turn in as_turns(whole))
        return [emotion for _, emotion in results if emotion is not None]

    def _read(
        self, items: Iterable[Any]
    ) -> Generator[tuple[InFlight, Iterator[tuple[Window, Chunk]]], None, None]:
        """Yield each item with its accumulator and its prefetched windows, in order."""
        budget = PREFETCHED_BATCHES * max(self._budget, self._window)
        return prefetch(
            (self._task(item, budget) for item in items),
            workers=self._workers,
            budget=budget,
            most=LOOKAHEAD,
            weigh=lambda part: cost(part[1]),
        )

    def _task(self, item: Any, budget: int) -> Task[InFlight, tuple[Window, Chunk]]:
        if not isinstance(item, Clip):
            return Task((item, None))
        # Only the reader runs in other threads; the accumulator stays in this thread.
        reader = ClipReader(
            item, normalize=self.backend.normalize, window=self._window, overlap=self._overlap
        )
        accumulator = ClipAccumulator(
            item,
            reader,
            self.backend,
            labels=self.labels,
            frames=self.granularity == "frame",
            doubt=self._doubt,
        )
        # Bounded, because the claimed duration of a turn may be huge.
        weight = min(max(item.turn.duration * MODEL_RATE, LEAST_COST), budget)
        return Task((item, accumulator), reader.windows(), weight, serial_group_of(item.audio))


def _rebuilt(kind: type[Engine], model: LoadedModel, options: dict[str, Any]) -> Engine:
    return kind(model.load(), **options)


def _threads(workers: int | None) -> int:
    if workers is None:
        return max(1, min(MOST_WORKERS, cores() - 1))
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise OptionsError(f"workers must be a number of threads, or 0, got {workers!r}")
    return workers


def _samples(name: str, seconds: float) -> int:
    if not 0 <= seconds < math.inf:
        raise OptionsError(f"{name} must be a number of seconds, got {seconds}")
    return round(seconds * MODEL_RATE)


def _complete(in_flight: deque[InFlight]) -> Iterator[tuple[Any, Emotion | None]]:
    """Yield the finished items at the front; waiting for the first one keeps the order."""
    while in_flight and (in_flight[0][1] is None or in_flight[0][1].complete):
        item, accumulator = in_flight.popleft()
        yield item, accumulator.emotion() if accumulator else None
