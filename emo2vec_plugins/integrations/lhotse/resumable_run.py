"""Annotation of a manifest of cuts, in a run that can be killed and resumed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

from emo2vec_plugins.core import Options, Plugins, Scorer
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import one_step, paired, settings_of
from emo2vec_plugins.integrations import (
    BadItems,
    field_names,
    group_seconds,
    identity_of,
    option_values,
)
from emo2vec_plugins.integrations.lhotse.arrays import ArraySink
from emo2vec_plugins.integrations.lhotse.cuts import annotated_items
from emo2vec_plugins.integrations.lhotse.items import Item
from emo2vec_plugins.integrations.lhotse.manifest_files import Layout, layout
from emo2vec_plugins.integrations.lhotse.run_files import RunFiles
from emo2vec_plugins.integrations.lhotse.store_files import store_place
from emo2vec_plugins.integrations.lhotse.stores import Store
from emo2vec_plugins.integrations.lhotse.summary import Summary, outcome_of


def annotate_manifest(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    score: Scorer,
    options: Options | None = None,
    store: str | os.PathLike[str] | None = None,
    store_type: str | None = None,
    plugins: Plugins | None = None,
    bad_items: BadItems = "keep",
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Write a copy of a manifest of cuts, with an emotion on every turn.

    An unfinished run keeps its lines in ``TARGET.part.jsonl`` and a journal with checksums in
    ``TARGET.part.journal``. If these files exist, the run resumes from them. A run that fails in
    its first group removes them. A finished run writes its settings and counts to
    ``TARGET.emo2vec.json``, and digests of the lines of *source* to ``TARGET.emo2vec.items``.

    Lines of *source* may change between two runs with the same model and options: only new lines
    are annotated, also if *target* was finished. Arrays of lines that are gone stay in the store.
    If nothing has changed, the run does nothing. To retry failed turns, annotate the output.

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
        bad_items: What to do with a line that is not a cut: ``keep`` writes it unchanged, ``drop``
            leaves it out, ``stop`` raises its error.
        progress: Called with the number of cuts annotated since the last call.

    Raises:
        FormatError: If the kind of source or target is wrong, or, for ``stop``, a line is bad.
        ResumeError: If the target, or an unfinished one, has another model or options, or another
            process is writing the target or the store.
        OverwriteError: If the target must be replaced, but has been edited.
        OptionsError: If arrays are requested without a store, or a Shar directory has separate
            files for a field that would be written.
        OSError: If a file cannot be written. The run can be resumed.
    """
    wanted = Options() if options is None else options
    source, target = Path(source), Path(target)
    if source.resolve() == target.resolve():
        raise OptionsError(f"input and output are the same, {source}; choose another output")
    if wanted.store is not None:
        raise OptionsError(
            "expected store=PATH instead of Options(store=...): a resumable run opens the store"
        )
    if store is None and (wanted.embeddings or wanted.frames):
        raise OptionsError("embeddings and frames need a store; pass store=PATH")
    place = None if store is None else store_place(store, store_type, outside=(source, target))
    if place is not None and place.path.resolve() == target.resolve():
        raise OptionsError(f"output and store are the same, {target}; choose another store")
    manifest = layout(source, target, fields=field_names(wanted), bad_items=bad_items)
    settings = settings_of(
        scorer=identity_of(score),
        options=option_values(wanted, _result_options(wanted)),
        bad_items=bad_items,
        input=manifest.identity(),
        store=None if place is None else place._asdict(),
    )
    files = RunFiles(source, target, settings, place)
    advance = progress or (lambda _: None)
    summary = files.completed(manifest)
    if summary is None or files.has_remains():
        with files.locked():
            summary = files.completed(manifest)
            if summary is None:
                run = _Run(files, manifest, score, wanted, plugins, bad_items, advance)
                return run.run()
            files.remove_remains()
    advance(summary.cuts)
    return replace(summary, was_finished=True)


class _Run:
    """A run that has locked its files. The arguments are those of `annotate_manifest`."""

    def __init__(
        self,
        files: RunFiles,
        manifest: Layout,
        score: Scorer,
        options: Options,
        plugins: Plugins | None,
        bad_items: BadItems,
        advance: Callable[[int], None],
    ) -> None:
        self._files = files
        self._manifest = manifest
        self._score = score
        self._options = options
        self._plugins = plugins
        self._bad_items = bad_items
        self._advance = advance

    def run(self) -> Summary:
        """Annotate the items that have no line yet, group by group, and write the output."""
        try:
            state = self._files.begin()
            with closing(self._files.store.open(state)) as store:
                arrays = self._annotate(store, state.get("arrays", 0))
                return self._files.finish(self._manifest, store, arrays=arrays)
        except BaseException:
            self._files.abandon()
            raise

    def _annotate(self, store: Store, arrays: int) -> int:
        """Annotate the new items; return the number of arrays in the store."""
        unfinished, options = self._files.unfinished, self._options
        sink = ArraySink(store.writer, dtype=options.array_dtype, count=arrays)
        annotated = partial(
            annotated_items,
            score=self._score,
            options=replace(options, store=sink),
            plugins=self._plugins,
        )
        limit = group_seconds(self._score)
        items, has_more = self._new_items(), True
        while has_more:
            has_more = False
            for item, cut in annotated(one_step(items, weigh=_seconds, most=limit)):
                has_more = True
                line, reason = self._manifest.line_of(item, cut, self._bad_items)
                note = {"bad": reason} if reason else outcome_of(item.cut, cut, options)
                unfinished.add(item.digest, line, note)
                self._advance(0 if reason else 1)
            # Arrays are on disk before the journal counts them.
            if has_more or not unfinished.has_steps():
                unfinished.commit({"store": store.commit(), "arrays": sink.count})
        return sink.count

    def _new_items(self) -> Iterator[Item]:
        for item, finished in paired(self._manifest.items(), self._files.unfinished.finished()):
            if finished is None:
                yield item
            else:
                self._advance(0 if "bad" in finished.note else 1)


def _result_options(options: Options) -> set[str]:
    """Return the names of the options that the output depends on."""
    # Audio comes from the cuts, and the store has a separate entry.
    return {field.name for field in fields(options)} - {"audio", "store"}


def _seconds(item: Item) -> float:
    return 0.0 if item.cut is None else float(item.cut.duration)
