"""``emo2vec nemo``: add emotions to a manifest of NVIDIA NeMo."""

from __future__ import annotations

from emo2vec_plugins.cli.files import writes_files
from emo2vec_plugins.cli.options import bad_items_option, existing, manifest_options
from emo2vec_plugins.cli.output import (
    annotated,
    complain,
    exit_if_failed,
    note,
    note_withheld,
    warn_of_labels,
)
from emo2vec_plugins.cli.progress import progress
from emo2vec_plugins.cli.scoring import (
    Scoring,
    annotating_options,
    describe_model,
    note_trust,
    scoring_options,
)
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import Options, counted
from emo2vec_plugins.integrations import BadItems
from emo2vec_plugins.integrations.nemo import annotate_nemo


@command("nemo")
@writes_files(overwrite=False)
@manifest_options
@annotating_options("overlap", "field", "overwrite")
@bad_items_option
@scoring_options()
def nemo_command(
    *, source: str, output: str, bad_items: BadItems, options: Options, scoring: Scoring
) -> None:
    """Score the lines of a NeMo manifest.

    IN has one JSON object per line, with audio_filepath, offset and duration. OUT gets the same
    lines with emotions; a line with an rttm_filepath gets one emotion per turn of that RTTM. OUT
    is written when all lines are done; if paths are relative, write it to the folder of IN.
    Existing labels are kept, and their lines are not scored. A line that is not a JSON object is
    named, and written unchanged unless --bad-items says otherwise.

    \b
    Example:
      emo2vec nemo manifest.json -o manifest_emotion.json
    """
    existing(source)
    engine = scoring.engine()
    with progress("lines", quiet=scoring.quiet) as advance:
        summary = annotate_nemo(
            source,
            output,
            score=engine,
            options=options,
            bad_items=bad_items,
            plugins=scoring.plugins,
            progress=advance,
        )
    if not summary.lines and not summary.bad:
        complain("warning", f"{source}: the manifest has no lines")
    if 0 < summary.lines == summary.skipped:
        warn_of_labels(counted(summary.lines, "line"), options.field)
    else:
        done = annotated(summary.turns, counted(summary.lines, "line"), summary.skipped)
        scored = f"scored by {describe_model(engine.backend)}"
        note_trust(engine.backend, quiet=scoring.quiet)
        note_withheld(summary.withheld, summary.turns, "turn", quiet=scoring.quiet)
        note(f"wrote {done}, {scored}, to {output}", quiet=scoring.quiet)
    exit_if_failed(summary, field=options.field)
