"""One output of cuts on its way, which may be killed and goes on where it stood.

It ends with the bytes it would have ended with anyway. So batches are the same in both: cuts go
through the engine in groups, whose borders follow from the input alone, and a run resumes at the
border of a group.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from emo2vec_plugins.core import Options, Plugins, Scorer
from emo2vec_plugins.errors import ResumeError
from emo2vec_plugins.integrations.lhotse.arrays import ArraySink
from emo2vec_plugins.integrations.lhotse.cuts import enriched_cuts
from emo2vec_plugins.integrations.lhotse.journal import Journal, begun, differences, hold
from emo2vec_plugins.integrations.lhotse.layouts import Layout
from emo2vec_plugins.integrations.lhotse.stores import STORES, Store, StorePlace, discard, occupied
from emo2vec_plugins.integrations.lhotse.summary import Summary

GROUP_BATCHES = 10
"""A group has cuts for this many batches: what a killed run does again, at most."""

DEFAULT_BATCH_SECONDS = 30.0
"""Audio in a batch of a scorer that does not say how much it takes."""


class ManifestRun:
    """The files of one output, from the first line to the last."""

    def __init__(self, target: Path, task: dict[str, Any]) -> None:
        self._target = target
        self._task = task
        self._lines = target.with_name(f"{target.name}.part.jsonl")
        self._journal = target.with_name(f"{target.name}.part.journal")
        self._record = target.with_name(f"{target.name}.emo2vec.json")

    def finished(self, store: StorePlace | None) -> Summary | None:
        """Return the summary if there is nothing left to do.

        Raises:
            ResumeError: If something else is in the way.
        """
        task = begun(self._journal, self._task)
        if task is not None:
            self._check_same(task)
            return None
        if self._target.exists():
            return self._recorded()
        in_the_way = None if store is None else occupied(store.path)
        if in_the_way:
            raise ResumeError(
                f"{in_the_way} is there already; remove it, or store arrays elsewhere"
            )
        return None

    def annotate(
        self,
        manifest: Layout,
        *,
        score: Scorer,
        options: Options,
        store: StorePlace | None,
        plugins: Plugins,
        progress: Callable[[int], None],
    ) -> Summary:
        """Annotate what is left, group by group, and return the sums over all."""
        limit = GROUP_BATCHES * float(getattr(score, "batch_seconds", DEFAULT_BATCH_SECONDS))
        with ExitStack() as stack:
            lines, journal = stack.enter_context(self._begun(store))
            state = journal.state or {
                "bytes": 0,
                "store": 0,
                "arrays": 0,
                "summary": Summary().as_json(),
            }
            self._cut_back(lines, state["bytes"])
            arrays = stack.enter_context(_opened(store, state["store"]))
            summary = Summary.from_json(state["summary"])
            progress(summary.cuts)
            cuts, done = manifest.cuts(summary.cuts), -1
            writer = None if arrays is None else arrays.writer
            sink = ArraySink(writer, dtype=options.array_dtype, count=state["arrays"])
            shared = replace(options, store=sink)
            while done != summary.cuts:
                done = summary.cuts
                group = _group(cuts, seconds=limit)
                for before, after in _annotated(
                    group, score=score, options=shared, plugins=plugins
                ):
                    lines.write(manifest.line(after).encode() + b"\n")
                    summary = summary.plus(before, after, options)
                    progress(1)
                lines.flush()
                os.fsync(lines.fileno())
                journal.step(_state(lines.tell(), arrays, sink, summary))
            if arrays is not None:
                arrays.seal()
        return summary

    def finish(self, manifest: Layout, summary: Summary) -> None:
        """Put the output in its place, say what it comes from, and clear up."""
        manifest.seal(self._lines, self._target)
        unfinished = self._record.with_name(f".{self._record.name}.part")
        record = {"task": self._task, "summary": summary.as_json()}
        unfinished.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
        unfinished.replace(self._record)
        self._journal.unlink()
        self._lines.unlink()

    def _recorded(self) -> Summary:
        if not self._record.is_file():
            raise ResumeError(f"{self._target} is there already; remove it or write elsewhere")
        record = json.loads(self._record.read_text("utf-8"))
        if record["task"] != self._task:
            raise ResumeError(
                f"{self._target} is there already, and was made otherwise: "
                f"{differences(record['task'], self._task)}. Remove it, or write elsewhere"
            )
        return replace(Summary.from_json(record["summary"]), was_finished=True)

    def _check_same(self, task: dict[str, Any]) -> None:
        if task == self._task:
            return
        store = occupied(Path(task["store"]["path"])) if task["store"] else None
        remains = [str(path) for path in (self._lines, self._journal, store) if path is not None]
        raise ResumeError(
            f"{self._target} is unfinished, and was begun otherwise: "
            f"{differences(task, self._task)}. Go on with what it was begun with, or remove "
            f"{', '.join(remains)} and start over"
        )

    @contextmanager
    def _begun(self, store: StorePlace | None) -> Iterator[tuple[IO[bytes], Journal]]:
        """Hold the unfinished output; what is new is gone again if nothing comes of it."""
        in_the_way = None if store is None else occupied(store.path)
        is_new = in_the_way is None and not self._journal.exists()
        with self._open_lines() as lines:
            journal = Journal(self._journal, self._task)
            try:
                yield lines, journal
            finally:
                if is_new and not journal.state:
                    lines.close()
                    self._lines.unlink()
                    self._journal.unlink()
                    if store is not None:
                        discard(store.path)

    def _open_lines(self) -> IO[bytes]:
        self._lines.parent.mkdir(parents=True, exist_ok=True)
        lines = self._lines.open("ab")
        try:
            hold(lines)
        except ResumeError:
            lines.close()
            raise
        return lines

    def _cut_back(self, lines: IO[bytes], length: int) -> None:
        if self._lines.stat().st_size < length:
            raise ResumeError(
                f"{self._lines} is shorter than {self._journal.name} says; "
                "remove both and start over"
            )
        lines.truncate(length)
        lines.seek(length)


def _state(length: int, arrays: Store | None, sink: ArraySink, summary: Summary) -> dict[str, Any]:
    return {
        "bytes": length,
        "store": 0 if arrays is None else arrays.commit(),
        "arrays": sink.count,
        "summary": summary.as_json(),
    }


def _group(cuts: Iterator[Any], *, seconds: float) -> Iterator[Any]:
    """Yield cuts until they last *seconds* together, leaving the others where they are."""
    total = 0.0
    for cut in cuts:
        yield cut
        total += cut.duration
        if total >= seconds:
            return


def _annotated(
    cuts: Iterable[Any], *, score: Scorer, options: Options, plugins: Plugins
) -> Iterator[tuple[Any, Any]]:
    """Yield each cut as it was and as it is."""
    before: deque[Any] = deque()

    def noted() -> Iterator[Any]:
        for cut in cuts:
            before.append(cut)
            yield cut

    results = enriched_cuts(noted(), score=score, options=options, plugins=plugins)
    for cut in results:
        yield before.popleft(), cut


@contextmanager
def _opened(store: StorePlace | None, position: int) -> Iterator[Store | None]:
    if store is None:
        yield None
        return
    arrays = STORES[store.type](store.path, position)
    try:
        yield arrays
    finally:
        arrays.close()
