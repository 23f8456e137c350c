"""Annotation of a manifest of cuts, in a run that can be killed and resumed.

A resumed run writes the same bytes as an uninterrupted one, so their batches must be the same.
Therefore cuts are scored in groups that depend only on the input, and a run resumes at the start
of a group.
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
from emo2vec_plugins.integrations.lhotse.cuts import annotated_pairs, check_field
from emo2vec_plugins.integrations.lhotse.journal import Journal, Summary, cut_back
from emo2vec_plugins.integrations.lhotse.manifest_files import Layout, layout

GROUP_BATCHES = 10
"""Batches in a group of cuts: the most that a resumed run scores again."""

DEFAULT_BATCH_SECONDS = 30.0
"""Seconds of audio in a batch, for scorers without a ``batch_seconds`` attribute."""


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
    """Write a copy of a manifest of cuts, with an emotion on every turn.

    An unfinished run keeps its lines in ``TARGET.part.jsonl`` and its state in
    ``TARGET.part.journal``. If these files exist, the run resumes from them. A run that fails in
    its first group removes them. A finished run writes its settings and counts to
    ``TARGET.emo2vec.json``. Another run with the same input, model and options then does nothing.
    To retry failed turns, annotate the output.

    Args:
        source: A ``.jsonl`` file, a ``.jsonl.gz`` file or a Shar directory.
        target: Output of the same kind. A new Shar directory links to the audio of *source*.
        score: An `Engine` or another `Scorer`. Set the ``identity`` of another scorer to a value
            that distinguishes its models.
        options: What to attach. Its ``store`` must be None.
        store: Path for arrays: an archive, or a folder for ``numpy_files``.
        store_type: ``lilcom_chunky``, ``numpy_hdf5`` or ``numpy_files``. By default, chosen by the
            suffix of *store*: ``.lca``, ``.h5`` or no suffix.
        plugins: The installed plugins by default.
        progress: Called with the number of cuts annotated since the last call.

    Raises:
        FormatError: If the kind of source or target is wrong, or a line is not a cut.
        ResumeError: If the target, or an unfinished one, has another model, input or options.
        OptionsError: If arrays are requested without a store, or a Shar directory has separate
            files for a field that would be written.
        OSError: If a file cannot be written. The run can be resumed.
    """
    wanted = Options() if options is None else options
    source, target = Path(source), Path(target)
    check_field(wanted)
    if source.resolve() == target.resolve():
        raise OptionsError(f"input and output are the same, {source}; choose another output")
    if wanted.store is not None:
        raise OptionsError(
            "expected store=PATH instead of Options(store=...): a resumable run opens the store"
        )
    if store is None and (wanted.embeddings or wanted.frames):
        raise OptionsError("embeddings and frames need a store; pass store=PATH")
    place = (
        None if store is None else stores.store_place(store, store_type, outside=(source, target))
    )
    manifest = layout(source, target, fields=field_names(wanted))
    # Audio comes from the cuts, and the store has a separate entry.
    names = {field.name for field in fields(wanted)} - {"audio", "store"}
    task = journal.task_document(
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
    """The files of one output, unfinished and finished."""

    def __init__(self, target: Path, task: dict[str, Any], store: stores.StorePlace | None) -> None:
        self._target = target
        self._task = task
        self._store = store
        self._lines = target.with_name(f"{target.name}.part.jsonl")
        self._journal = target.with_name(f"{target.name}.part.journal")

    def finished(self) -> Summary | None:
        """Return the summary if the output is complete.

        Raises:
            ResumeError: If files of another run are in the way.
        """
        # A journal is removed after the output is written. A run that still has one is resumed.
        task = journal.task_to_resume(self._journal, self._task)
        if task == self._task:
            return None
        if task is not None:
            store = stores.occupied(Path(task["store"]["path"])) if task["store"] else None
            remains = [str(path) for path in (self._lines, self._journal, store) if path]
            raise ResumeError(
                f"{self._target} is unfinished and has other settings: "
                f"{journal.differences(task, self._task)}; resume with the earlier settings, or "
                f"remove {', '.join(remains)} and start over"
            )
        summary = journal.recorded(self._target, task=self._task, result="summary")
        if summary is not None:
            return replace(Summary.from_json(summary), was_finished=True)
        if in_the_way := self._occupied():
            raise ResumeError(f"{in_the_way} already exists; remove it or choose another store")
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
        """Annotate the remaining cuts, group by group, and return the counts of all cuts."""
        limit = GROUP_BATCHES * float(getattr(score, "batch_seconds", DEFAULT_BATCH_SECONDS))
        with ExitStack() as stack:
            lines, steps = stack.enter_context(self._locked_output())
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
            # An empty group ends the run, also for an empty manifest. Its step is the last one.
            while done != summary.cuts:
                done = summary.cuts
                group = _group(cuts, seconds=limit)
                for before, after in annotated(group):
                    lines.write(manifest.line(after).encode() + b"\n")
                    summary = summary.plus(before, after, options)
                    advance(1)
                # Lines and arrays go to disk before the journal counts them.
                sync(lines)
                position = {"bytes": lines.tell(), "store": store.commit(), "arrays": sink.count}
                steps.step(position | {"summary": summary.as_json()})
            store.seal()
        return summary

    def finish(self, manifest: Layout, summary: Summary) -> None:
        """Write the output and its record, and remove the files of the unfinished run."""
        manifest.seal(self._lines, self._target)
        journal.write_record(self._target, task=self._task, summary=summary.as_json())
        # The journal first: lines without a journal are overwritten by the next run.
        self._journal.unlink()
        self._lines.unlink()

    def _occupied(self) -> Path | None:
        return None if self._store is None else stores.occupied(self._store.path)

    @contextmanager
    def _locked_output(self) -> Iterator[tuple[IO[bytes], Journal]]:
        """Lock the unfinished output, and remove it if the first group was not finished."""
        # Checked before files are created: only files of this run may be removed.
        is_new = not self._occupied() and not self._journal.exists()
        with journal.locked_lines(self._lines) as lines:
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
    """Yield cuts until their total duration reaches *seconds*; the rest stay in the iterator."""
    total = 0.0
    for cut in cuts:
        yield cut
        total += cut.duration
        if total >= seconds:
            return
