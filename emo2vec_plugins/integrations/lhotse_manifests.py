"""Manifests of cuts in, the same with emotions out, in a run that may be killed and resumed.

What was killed goes on where it stood, and ends with the bytes it would have ended with anyway.
So batches are the same in both: cuts go through the engine in groups, whose borders follow from
the input alone, and a run resumes at the border of a group.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import IO, Any

from emo2vec_plugins.errors import OptionsError, ResumeError
from emo2vec_plugins.integrations.lhotse_arrays import ArraySink
from emo2vec_plugins.integrations.lhotse_cuts import annotate_cuts
from emo2vec_plugins.integrations.lhotse_fields import field_names, is_labelled, places
from emo2vec_plugins.integrations.lhotse_journal import Journal, differences, hold, is_begun
from emo2vec_plugins.integrations.lhotse_layouts import Layout, layout
from emo2vec_plugins.integrations.lhotse_stores import (
    STORES,
    Store,
    StorePlace,
    occupied,
    store_place,
)
from emo2vec_plugins.pipeline import Scorer
from emo2vec_plugins.plugins import Plugins
from emo2vec_plugins.session import Options

GROUP_BATCHES = 10
"""A group has cuts for this many batches: what a killed run does again, at most."""

DEFAULT_BATCH_SECONDS = 30.0
"""Audio in a batch of a scorer that does not say how much it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of a manifest's turns; those of an earlier, killed run are counted too.

    Attributes:
        cuts: All of them.
        turns: Supervisions, and cuts without any; the sum of the four below.
        scored: With a label now that they had not, or that was replaced.
        unscored: Without a label and without a reason: the model has no head.
        failed: Without a label and with the reason: no audio, too short.
        skipped: With a label that was there already.
    """

    cuts: int = 0
    turns: int = 0
    scored: int = 0
    unscored: int = 0
    failed: int = 0
    skipped: int = 0

    def plus(self, before: Any, after: Any, options: Options) -> Summary:
        """Return the sum with one cut, as it was and as it is."""
        known, fates = places(after), dict.fromkeys(("scored", "unscored", "failed", "skipped"), 0)
        for place, own in places(before).items():
            if is_labelled(own.custom, options):
                fates["skipped"] += 1
                continue
            custom = getattr(known.get(place), "custom", None) or {}
            reason = "failed" if custom.get(f"{options.field}_reason") else "unscored"
            fates["scored" if custom.get(options.field) is not None else reason] += 1
        sums = {name: getattr(self, name) + count for name, count in fates.items()}
        return Summary(cuts=self.cuts + 1, turns=self.turns + sum(fates.values()), **sums)


def annotate_manifest(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    score: Scorer,
    options: Options | None = None,
    store: str | os.PathLike[str] | None = None,
    store_type: str | None = None,
    plugins: Plugins | None = None,
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Write a manifest of cuts like *source* in which every turn has an emotion.

    Until all is done the lines are in ``TARGET.part.jsonl`` and the state of the run in
    ``TARGET.part.journal``. If they are there, the run goes on from them. Afterwards
    ``TARGET.emo2vec.json`` says what the emotions come from; done again with the same input,
    model and options, nothing is left to do.

    Args:
        source: A ``.jsonl``, a ``.jsonl.gz`` or a Shar directory.
        target: Of the same kind. A new Shar directory has links to the audio of the old.
        score: An `Engine`, or anything that keeps the contract of `Scorer`; of another scorer
            than the engine, its ``identity`` tells one model from another.
        options: What to attach; its ``store`` is to be None.
        store: Path for arrays: of an archive, or of a folder for ``numpy_files``.
        store_type: ``lilcom_chunky``, ``numpy_hdf5`` or ``numpy_files``; by the path's suffix,
            ``.lca``, ``.h5`` or none, if not given.
        plugins: Those installed, unless given.
        progress: Called with the number of cuts that were done since the last call.

    Raises:
        FormatError: If the source or the target is of another kind, or a line is no cut.
        ResumeError: If the target, or an unfinished one, is of another model, input or options.
        OptionsError: If arrays are asked for without a store, or a Shar directory has files of
            its own for a field that is to be written.
        OSError: If something cannot be written; what is on disk can be resumed.
    """
    wanted = Options() if options is None else options
    source, target = Path(source), Path(target)
    _check_arrays(wanted, store)
    place = None if store is None else store_place(store, store_type, outside=(source, target))
    manifest = layout(source, target, fields=field_names(wanted))
    run = _Run(target, _task(score, wanted, manifest, place))
    finished = run.finished(place)
    if finished:
        if progress:
            progress(finished.cuts)
        return finished
    summary = run.annotate(
        manifest,
        score=score,
        options=wanted,
        store=place,
        plugins=Plugins() if plugins is None else plugins,
        progress=progress or (lambda _: None),
    )
    run.finish(manifest, summary)
    return summary


class _Run:
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
        if is_begun(self._journal, self._task):
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
            lines = stack.enter_context(self._open_lines())
            journal = Journal(self._journal, self._task)
            state = journal.state or {"bytes": 0, "store": 0, "arrays": 0, "summary": {}}
            self._cut_back(lines, state["bytes"])
            arrays = stack.enter_context(_opened(store, state["store"]))
            summary = Summary(**state["summary"])
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
        record = {"task": self._task, "summary": asdict(summary)}
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
                f"{self._target} is there already, made with other settings: "
                f"{'; '.join(differences(record['task'], self._task))}"
            )
        return Summary(**record["summary"])

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
        "summary": asdict(summary),
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

    results = annotate_cuts(noted(), score=score, options=options, plugins=plugins)
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


def _task(
    score: Any, options: Options, manifest: Layout, store: StorePlace | None
) -> dict[str, Any]:
    """Return all that the output depends on, as JSON values."""
    names = [field.name for field in fields(options) if field.name not in ("audio", "store")]
    task = {
        "scorer": getattr(
            score, "identity", f"{type(score).__module__}.{type(score).__qualname__}"
        ),
        "options": {name: getattr(options, name) for name in names},
        "input": manifest.identity(),
        "store": None if store is None else store._asdict(),
    }
    return json.loads(json.dumps(task, default=str))  # type: ignore[no-any-return]


def _check_arrays(options: Options, store: Any) -> None:
    if options.store is not None:
        raise OptionsError("give store=PATH here, not Options(store=...): the run opens its own")
    if store is None and (options.embeddings or options.frames):
        raise OptionsError("embeddings and frames need store=PATH to be written to")
