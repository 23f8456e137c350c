"""``emo2vec cuts``: a manifest of Lhotse cuts in, the same with emotions out."""

from __future__ import annotations

import click

from emo2vec_plugins.cli.options import existing, manifest_options, option
from emo2vec_plugins.cli.output import (
    annotated,
    counted,
    exit_if_failed,
    note,
    progress,
    resumable,
    warn_of_labels,
)
from emo2vec_plugins.cli.scoring import (
    Scoring,
    annotating_options,
    check_store,
    describe_model,
    scoring_options,
    store_option,
)
from emo2vec_plugins.core import Options, import_extra


@click.command("cuts")
@manifest_options
@annotating_options("embeddings", "frames", "array_dtype", "overlap", "field", "overwrite")
@store_option
@option(
    "--store-type",
    "Lhotse's writer; lilcom_chunky is lossy.  [default: by PATH's suffix: .lca, .h5, none]",
    type=click.Choice(["lilcom_chunky", "numpy_hdf5", "numpy_files"]),
)
@scoring_options()
def cuts_command(
    *,
    source: str,
    output: str,
    store: str | None,
    store_type: str | None,
    options: Options,
    scoring: Scoring,
) -> None:
    """Score the supervisions of Lhotse cuts.

    IN is a .jsonl or .jsonl.gz of cuts, or a Shar directory; OUT becomes the same kind.
    A run that was killed goes on when the same command is given again. Labels that are there
    already are kept, and their turns not scored. To try turns again that failed, give OUT as IN.
    """
    check_store(options, store)
    existing(source)
    import_extra("lhotse", extra="lhotse")
    from emo2vec_plugins.integrations.lhotse import annotate_manifest

    engine = scoring.engine(frames=options.frames)
    with resumable(quiet=scoring.quiet), progress("cuts", quiet=scoring.quiet) as advance:
        summary = annotate_manifest(
            source,
            output,
            score=engine,
            options=options,
            store=store,
            store_type=store_type,
            plugins=scoring.plugins,
            progress=advance,
        )
    if summary.was_finished:
        again = f"; to try failed turns again, annotate the output: emo2vec cuts {output} -o OUT2"
        done = f"{output} was finished already, nothing was done"
        note(f"{done}{again if summary.failed else ''}", quiet=scoring.quiet)
    # With a store, turns that keep their label get arrays: that is work, too.
    elif 0 < summary.turns == summary.skipped and store is None:
        warn_of_labels(counted(summary.turns, "turn"), options.field)
    else:
        done = annotated(summary.turns, counted(summary.cuts, "cut"), summary.skipped)
        scored = f"scored by {describe_model(engine.backend)}"
        note(f"{done}, {scored}, are in {output}", quiet=scoring.quiet)
    exit_if_failed(
        summary.failures, failed=summary.failed, turns=summary.turns, field=options.field
    )
