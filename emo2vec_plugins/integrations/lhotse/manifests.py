"""Manifests of cuts in, the same with emotions out, in a run that may be killed and resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import Options, Plugins, Scorer
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.integrations.lhotse.fields import field_names
from emo2vec_plugins.integrations.lhotse.layouts import Layout, layout
from emo2vec_plugins.integrations.lhotse.run import ManifestRun
from emo2vec_plugins.integrations.lhotse.stores import StorePlace, store_place
from emo2vec_plugins.integrations.lhotse.summary import Summary


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
    run = ManifestRun(target, _task(score, wanted, manifest, place))
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
