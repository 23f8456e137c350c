"""Clips in, emotions out: window, batch, run a back end, give back in order."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, Literal

from emo2vec_plugins.audio import MODEL_RATE, open_audio
from emo2vec_plugins.core import Backend, Clip, Emotion, Turn, as_turns, serial_group_of
from emo2vec_plugins.engine.batch import Pending, Piece, Pipelined, start
from emo2vec_plugins.engine.clip_accumulator import Merge
from emo2vec_plugins.engine.clip_reader import Reading
from emo2vec_plugins.engine.prefetch import Task, cores, run_ahead
from emo2vec_plugins.engine.windows import HOP, Window, windows
from emo2vec_plugins.errors import OptionsError

LOOKAHEAD = 1024
"""Most items held back at a time, so that a run of unreadable clips does not pile up."""

LEAST_COST = 10 * HOP
"""Samples that any clip counts in a batch: what keeps packed clips apart takes memory, too."""

WINDOW_OVERLAP = 2.0
"""Seconds: enough that a frame in the middle of what two windows share has context in both."""

AHEAD_BATCHES = 2
"""Batches of audio that are read while the model is busy with one."""

MOST_WORKERS = 4
"""Threads that read, unless told: each that resamples has torch's threads beside it."""

Granularity = Literal["utterance", "frame"]


class Engine:
    """Scores a stream of clips with a back end, in batches, in order.

    Up to *max_window* a clip is scored exactly as the reference scores it alone, whatever is
    beside it in the batch. A longer clip is scored in overlapping windows that are normalised
    with the statistics of the whole clip and merged on the frame axis, so that memory does not
    grow with its length.

    Args:
        backend: What `load_model` gives.
        labels: Keep only these classes; the others' logits are masked.
        granularity: ``frame`` adds frame embeddings and frame logits to every result.
        max_window: Seconds; longer clips are windowed.
        window_overlap: Seconds that neighbouring windows share; if None, 2 s, or a quarter of a
            window that is shorter than 8 s.
        batch_seconds: Audio to give the back end at a time; its own preference if None.
        workers: Threads that read, decode and resample ahead of the model; 0 to do that in the
            calling thread, between batches; if None, one fewer than there are cores, from 1 to 4.
            Results do not depend on it.

    Raises:
        LabelError: If the model has no such class.
        OptionsError: If *backend* is no model, windows or batches cannot be made of these
            lengths, or there cannot be so many workers.
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
    ) -> None:
        if not isinstance(backend, Backend):
            raise OptionsError(
                f"an Engine takes a model, got {type(backend).__name__}: "
                "Engine(load_model('tiny')), for instance"
            )
        if granularity not in ("utterance", "frame"):
            raise OptionsError(f"granularity is 'utterance' or 'frame', got {granularity!r}")
        self.backend = backend
        self.labels = backend.labels.restrict(labels)
        self.granularity: Granularity = granularity
        self._window = _samples("max_window", max_window)
        shared = min(WINDOW_OVERLAP, max_window / 4) if window_overlap is None else window_overlap
        self._overlap = _samples("window_overlap", shared)
        windows(self._window, window=self._window, overlap=self._overlap)
        seconds = backend.batch_seconds if batch_seconds is None else batch_seconds
        self._budget = _samples("batch_seconds", seconds)
        if not self._budget:
            raise OptionsError(f"batch_seconds is to be positive, got {seconds}")
        self._workers = _threads(workers)

    @property
    def batch_seconds(self) -> float:
        """How much audio the back end is given at a time."""
        return self._budget / MODEL_RATE

    @property
    def identity(self) -> dict[str, Any]:
        """All that scores depend on, as JSON values; results under another are not the same."""
        return {
            "provenance": self.backend.provenance.to_dict(),
            "labels": list(self.labels.names),
            "granularity": self.granularity,
            "max_window": self._window / MODEL_RATE,
            "window_overlap": self._overlap / MODEL_RATE,
        }

    def __call__(self, items: Iterable[Any]) -> Iterator[tuple[Any, Emotion | None]]:
        """Yield each item in order: a `Clip` with its emotion, anything else with None.

        Reads ahead until a batch is full. A clip that cannot be read or scored has an emotion
        without a label and with the reason.
        """
        waiting: deque[tuple[Any, Merge | None]] = deque()
        batch = _Batch(self.backend)
        with closing(self._read(items)) as readings:
            for (item, merge), parts in readings:
                waiting.append((item, merge))
                if merge is not None:
                    for window, piece in merge.expect(parts):
                        if batch.size + len(piece.samples) > self._budget:
                            batch.start()
                            yield from _finished(waiting)
                        batch.add(merge, window, piece)
                if len(waiting) >= LOOKAHEAD:
                    batch.finish()
                yield from _finished(waiting)
        batch.finish()
        yield from _finished(waiting)

    def score(self, audio: Any, turns: Sequence[Turn] | None = None) -> list[Emotion]:
        """Return the emotion of each turn of one recording, in order.

        Args:
            audio: Anything `emo2vec_plugins.audio.open_audio` opens.
            turns: None for one turn over all of it.

        Raises:
            AudioError: If *turns* is None and the audio cannot be opened.
            InvalidTurnError: If a turn is none.
        """
        sound = open_audio(audio)
        whole = turns is None
        chosen = [Turn(start=0.0, end=sound.length / sound.rate)] if whole else as_turns(turns)
        results = self(Clip(turn=turn, audio=sound) for turn in chosen)
        return [emotion for _, emotion in results if emotion is not None]

    def _read(
        self, items: Iterable[Any]
    ) -> Generator[tuple[tuple[Any, Merge | None], Iterator[tuple[Window, Piece]]], None, None]:
        """Yield each item with its merge, and the windows of it, read ahead; in order."""
        budget = AHEAD_BATCHES * max(self._budget, self._window)
        return run_ahead(
            (self._task(item, budget) for item in items),
            workers=self._workers,
            budget=budget,
            most=LOOKAHEAD,
            weigh=lambda part: max(len(part[1].samples), LEAST_COST),
        )

    def _task(self, item: Any, budget: int) -> Task[tuple[Any, Merge | None], tuple[Window, Piece]]:
        if not isinstance(item, Clip):
            return Task((item, None))
        # Only the reading runs in other threads; the merge is this one's.
        reading = Reading(
            item, normalize=self.backend.normalize, window=self._window, overlap=self._overlap
        )
        merge = Merge(
            item,
            reading,
            self.backend,
            columns=self.labels,
            frames=self.granularity == "frame",
        )
        # A turn may be said to last longer than any number of samples.
        weight = min(max(item.turn.duration * MODEL_RATE, LEAST_COST), budget)
        return Task((item, merge), reading.windows(), weight, serial_group_of(item.audio))


def _threads(workers: int | None) -> int:
    if workers is None:
        return max(1, min(MOST_WORKERS, cores() - 1))
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise OptionsError(f"workers is a number of threads, 0 for none, got {workers!r}")
    return workers


def _samples(name: str, seconds: float) -> int:
    if not 0 <= seconds < math.inf:
        raise OptionsError(f"{name} is a number of seconds, got {seconds}")
    return round(seconds * MODEL_RATE)


class _Batch:
    """Windows on their way to the back end, and those of the batch before, which it is busy with."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._parts: list[tuple[Merge, Window, Piece]] = []
        self._busy: list[tuple[Merge, Window, Piece]] = []
        self._pending: Pending = list
        self.size = 0

    def add(self, merge: Merge, window: Window, piece: Piece) -> None:
        self._parts.append((merge, window, piece))
        self.size += max(len(piece.samples), LEAST_COST)

    def start(self) -> None:
        """Give the back end this batch; wait for the one before, if it can run both."""
        parts, self._parts, self.size = self._parts, [], 0
        pending = start(self._backend, [piece for _, _, piece in parts]) if parts else list
        self._take()
        self._busy, self._pending = parts, pending
        if not isinstance(self._backend, Pipelined):
            self._take()  # it is there already

    def finish(self) -> None:
        """Have everything scored."""
        self.start()
        self._take()

    def _take(self) -> None:
        for (merge, window, _), frames in zip(self._busy, self._pending(), strict=True):
            merge.add(window, frames)
        self._busy, self._pending = [], list


def _finished(waiting: deque[tuple[Any, Merge | None]]) -> Iterator[tuple[Any, Emotion | None]]:
    while waiting and (waiting[0][1] is None or waiting[0][1].complete):
        item, merge = waiting.popleft()
        yield item, merge.emotion() if merge else None
