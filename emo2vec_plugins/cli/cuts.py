"""``emo2vec cuts``: add emotions to a manifest of Lhotse cuts."""

from __future__ import annotations

import click

from emo2vec_plugins.cli.counts import EmotionCounts
from emo2vec_plugins.cli.files import writes_files
from emo2vec_plugins.cli.options import bad_items_option, existing, manifest_options, option
from emo2vec_plugins.cli.output import (
    annotated,
    complain,
    exit_if_failed,
    note,
    note_withheld,
    warn_of_labels,
)
from emo2vec_plugins.cli.progress import progress, resumable
from emo2vec_plugins.cli.scoring import (
    Scoring,
    annotating_options,
    check_store,
    describe_model,
    note_trust,
    scoring_options,
    store_option,
)
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import Options, counted, import_extra
from emo2vec_plugins.integrations import BadItems


@command("cuts")
@writes_files(overwrite=False)
@manifest_options
@annotating_options("embeddings", "frames", "array_dtype", "overlap", "field", "overwrite")
@store_option("store")
@option(
    "--store-type",
    "Lhotse writer; lilcom_chunky is lossy.  [default: by the suffix of PATH: .lca, .h5, none]",
    type=click.Choice(["lilcom_chunky", "numpy_hdf5", "numpy_files"]),
)
@bad_items_option
@scoring_options()
def cuts_command(
    *,
    source: str,
    output: str,
    store: str | None,
    store_type: str | None,
    bad_items: BadItems,
    options: Options,
    scoring: Scoring,
) -> None:
    """Score the supervisions of Lhotse cuts.

    IN is a .jsonl or .jsonl.gz of cuts, or a Shar directory; OUT is of the same kind. To resume
    a run that was killed, repeat the command. Existing labels are kept, and their turns are not
    scored. To retry failed turns, use OUT as the next IN. A line that is not a cut is named, and
    written unchanged unless --bad-items says otherwise.

    \b
    Examples:
      emo2vec cuts cuts.jsonl.gz -o cuts_emotion.jsonl.gz
      emo2vec cuts cuts.jsonl.gz -o out.jsonl.gz --embeddings --store arrays.h5
    """
    check_store(options, store)
    existing(source)
    import_extra("lhotse", extra="lhotse", purpose="cuts")
    from emo2vec_plugins.integrations.lhotse import annotate_manifest, turns_of

    engine = scoring.engine(frames=options.frames)
    with resumable(quiet=scoring.quiet), progress("cuts", quiet=scoring.quiet) as advance:
        summary = annotate_manifest(
            source,
            output,
            score=engine,
            options=options,
            store=store,
            store_type=store_type,
            bad_items=bad_items,
            plugins=scoring.plugins,
            progress=advance,
        )
    if not scoring.quiet:
        counts = EmotionCounts()
        for turn in turns_of(output, field=options.field, skip_bad=True):
            counts.add(turn.label, seconds=turn.duration, speaker=turn.speaker, reason=turn.reason)
        counts.print()
    if not summary.cuts and not summary.bad:
        complain("warning", f"{source}: the manifest has no cuts")
    if summary.was_finished:
        again = f"; to retry failed turns, run: emo2vec cuts {output} -o OUT2"
        done = f"{output} was already complete, nothing to do"
        note(f"{done}{again if summary.failed else ''}", quiet=scoring.quiet)
    # With a store, turns that keep their label can still get arrays.
    elif 0 < summary.turns == summary.skipped and store is None:
        warn_of_labels(counted(summary.turns, "turn"), options.field)
    else:
        done = annotated(summary.turns, counted(summary.cuts, "cut"), summary.skipped)
        scored = f"scored by {describe_model(engine.backend)}"
        note_trust(engine.backend, quiet=scoring.quiet)
        note_withheld(summary.withheld, summary.turns, "turn", quiet=scoring.quiet)
        note(f"wrote {done}, {scored}, to {output}", quiet=scoring.quiet)
    exit_if_failed(summary, field=options.field)
