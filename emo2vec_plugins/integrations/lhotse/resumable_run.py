"""Manifests of cuts in, the same with emotions out, in a run that may be killed and resumed.

A resumed run ends with the bytes of one that was never interrupted. So batches must be the same
in both: cuts go through the engine in groups whose borders follow from the input alone, and a run
resumes at the border of a group.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from emo2vec_plugins.core import Options, Plugins, Scorer
from emo2vec_plugins.errors import OptionsError, ResumeError
from emo2vec_plugins.files import sync
from emo2vec_plugins.integrations import field_names
from emo2vec_plugins.integrations.lhotse import journal, stores
from emo2vec_plugins.integrations.lhotse.arrays import ArraySink
from emo2vec_plugins.integrations.lhotse.cuts import annotated_pairs
from emo2vec_plugins.integrations.lhotse.journal import Journal, Summary, cut_back
from emo2vec_plugins.integrations.lhotse.manifest_files import Layout, layout

GROUP_BATCHES = 10
"""A group has cuts for this many batches: what a killed run does again, at most."""

DEFAULT_BATCH_SECONDS = 30.0
"""Audio in a batch of a scorer that does not say how much it takes."""


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
    ``TARGET.part.journal``. If they are there, the run goes on from them; a run that fails
    before anything was done leaves none. Afterwards ``TARGET.emo2vec.json`` says what the
    emotions come from; done again with the same input, model and options, nothing is left to
    do. To try the turns again that failed, annotate the output.

    Args:
        source: A ``.jsonl``, a ``.jsonl.gz`` or a Shar directory.
        target: Of the same kind. A new Shar directory has links to the audio of the old.
        score: An `Engine`, or anything that keeps the contract of `Scorer`; of another scorer
            than the engine, its ``identity`` tells one model from another.
        options: What to attach; its ``store`` must be None.
        store: Path for arrays: of an archive, or of a folder for ``numpy_files``.
        store_type: ``lilcom_chunky``, ``numpy_hdf5`` or ``numpy_files``; by the path's suffix,
            ``.lca``, ``.h5`` or none, if not given.
        plugins: Those installed, unless given.
        progress: Called with the number of cuts that were done since the last call.

    Raises:
        FormatError: If the source or the target is of another kind, or a line is no cut.
        ResumeError: If the target, or an unfinished one, is of another model, input or options.
        OptionsError: If arrays are asked for without a store, or a Shar directory has files of
            its own for a field that would be written.
        OSError: If something cannot be written; what is on disk can be resumed.
    """
    wanted = Options() if options is None else options
    source, target = Path(source), Path(target)
    if wanted.store is not None:
        raise OptionsError("give store=PATH here, not Options(store=...): the run opens its own")
    if store is None and (wanted.embeddings or wanted.frames):
        raise OptionsError("embeddings and frames need store=PATH to be written to")
    place = (
        None if store is None else stores.store_place(store, store_type, outside=(source, target))
    )
    manifest = layout(source, target, fields=field_names(wanted))
    # Audio is that of the cuts, and the store has an entry of its own.
    names = {field.name for field in fields(wanted)} - {"audio", "store"}
    task = journal.as_task(
        scorer=journal.identity_of(score),
        options={name: getattr(wanted, name) for name in sorted(names)},
        input=manifest.identity(),
        store=None if place is None else place._asdict(),
    )
    run = _Run(target, task, place)
    advance = progress or (lambda _: None)
    if finished := run.finished():
        advance(finished.cuts)
        return finished
    summary = run.annotate(manifest, score=score, options=wanted, plugins=plugins, advance=advance)
    run.finish(manifest, summary)
    return summary


class _Run:
    """The files of one output, from the first line to the last."""

    def __init__(self, target: Path, task: dict[str, Any], store: stores.StorePlace | None) -> None:
        self._target = target
        self._task = task
        self._store = store
        self._lines = target.with_name(f"{target.name}.part.jsonl")
        self._journal = target.with_name(f"{target.name}.part.journal")

    def finished(self) -> Summary | None:
        """Return the summary if there is nothing left to do.

        Raises:
            ResumeError: If something else is in the way.
        """
        # A journal outlives the output by a moment: what it describes is finished first.
        task = journal.begun(self._journal, self._task)
        if task == self._task:
            return None
        if task is not None:
            store = stores.occupied(Path(task["store"]["path"])) if task["store"] else None
            remains = [str(path) for path in (self._lines, self._journal, store) if path]
            raise ResumeError(
                f"{self._target} is unfinished, begun otherwise: "
                f"{journal.differences(task, self._task)}. Go on as it was begun, or remove "
                f"{', '.join(remains)} and start over"
            )
        summary = journal.recorded(self._target, task=self._task, result="summary")
        if summary is not None:
            return replace(Summary.from_json(summary), was_finished=True)
        if in_the_way := self._occupied():
            raise ResumeError(f"{in_the_way} is there already; remove it, or store elsewhere")
        return None

    def annotate(
        self,
        manifest: Layout,
        *,
        score: Scorer,
        options: Options,
        plugins: Plugins | None,
        advance: Callable[[int], None],
    ) -> Summary:
        """Annotate what is left, group by group, and return the sums over all."""
        limit = GROUP_BATCHES * float(getattr(score, "batch_seconds", DEFAULT_BATCH_SECONDS))
        with ExitStack() as stack:
            lines, steps = stack.enter_context(self._begun())
            state = steps.state
            cut_back(self._lines, state.get("bytes", 0))
            lines.seek(0, os.SEEK_END)
            store = stack.enter_context(
                closing(stores.open_store(self._store, state.get("store", 0)))
            )
            sink = ArraySink(store.writer, dtype=options.array_dtype, count=state.get("arrays", 0))
            shared = replace(options, store=sink)
            annotated = partial(annotated_pairs, score=score, options=shared, plugins=plugins)
            summary = Summary.from_json(state.get("summary", {}))
            advance(summary.cuts)
            cuts, done = manifest.cuts(summary.cuts), -1
            # A group without cuts is the end, and its step the last: also of an empty manifest.
            while done != summary.cuts:
                done = summary.cuts
                group = _group(cuts, seconds=limit)
                for before, after in annotated(group):
                    lines.write(manifest.line(after).encode() + b"\n")
                    summary = summary.plus(before, after, options)
                    advance(1)
                # Lines and arrays before the journal: all that it counts is on disk.
                sync(lines)
                position = {"bytes": lines.tell(), "store": store.commit(), "arrays": sink.count}
                steps.step(position | {"summary": summary.as_json()})
            store.seal()
        return summary

    def finish(self, manifest: Layout, summary: Summary) -> None:
        """Give the output its name, say what it was made from, and clear up."""
        manifest.seal(self._lines, self._target)
        journal.write_record(self._target, task=self._task, summary=summary.as_json())
        # The journal first: lines without one are begun anew.
        self._journal.unlink()
        self._lines.unlink()

    def _occupied(self) -> Path | None:
        return None if self._store is None else stores.occupied(self._store.path)

    @contextmanager
    def _begun(self) -> Iterator[tuple[IO[bytes], Journal]]:
        """Hold the unfinished output; remove it if the first group was not finished."""
        # Looked at before anything is made: only what this run made may be removed.
        is_new = not self._occupied() and not self._journal.exists()
        with journal.held_lines(self._lines) as lines:
            steps = Journal(self._journal, self._task)
            try:
                yield lines, steps
            finally:
                if is_new and not steps.state:
                    lines.close()
                    self._lines.unlink()
                    self._journal.unlink()
                    if self._store is not None:
                        stores.discard(self._store.path)


def _group(cuts: Iterator[Any], *, seconds: float) -> Iterator[Any]:
    """Yield cuts until they last *seconds* together; the others stay in the iterator."""
    total = 0.0
    for cut in cuts:
        yield cut
        total += cut.duration
        if total >= seconds:
            return
