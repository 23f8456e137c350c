"""``emo2vec nemo``: a manifest of NVIDIA NeMo in, the same with emotions out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from emo2vec_plugins.cli.options import Scoring, overlap_option, scoring_options
from emo2vec_plugins.cli.output import SOME_FAILED, complain, counted, note, progress, speaker_of
from emo2vec_plugins.core import Options
from emo2vec_plugins.integrations.nemo import ManifestSummary, annotate_manifest


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@overlap_option
@click.option(
    "--field",
    metavar="NAME",
    default="emotion",
    show_default=True,
    help="The key that gets the label, and prefix of those beside it.",
)
@click.option("--overwrite", is_flag=True, help="Replace labels that are there already.")
@scoring_options()
@click.pass_context
def nemo(
    ctx: click.Context,
    *,
    source: str,
    target: str,
    overlap: Literal["keep", "exclude"],
    field: str,
    overwrite: bool,
    scoring: Scoring,
) -> None:
    """Score the lines of a NeMo manifest.

    IN has a JSON object a line, with audio_filepath, offset and duration; OUT gets the same lines,
    each with an emotion. A line with an rttm_filepath gets an emotion for each turn of that RTTM.
    OUT is there whole or not at all, and belongs into the folder of IN if paths are relative.
    Labels that are there already are kept, and their lines not scored.
    """
    if not Path(source).exists():
        raise FileNotFoundError(2, "No such file or directory", source)
    options = Options(overlap=overlap, field=field, overwrite=overwrite)
    engine = scoring.engine()
    with progress("lines", quiet=scoring.quiet) as advance:
        summary = annotate_manifest(
            source,
            target,
            score=engine,
            options=options,
            plugins=scoring.plugins,
            progress=advance,
        )
    if 0 < summary.lines == summary.skipped:
        complain(
            "warning",
            f"nothing was scored: {counted(summary.lines, 'line')}, each labelled already; "
            "--field NAME writes beside it, --overwrite replaces it",
        )
    else:
        heard = speaker_of(engine.backend.provenance)
        note(f"{_written(summary)}, heard by {heard}, are in {target}", quiet=scoring.quiet)
    if summary.failed:
        _name_failures(summary)
        ctx.exit(SOME_FAILED)


def _written(summary: ManifestSummary) -> str:
    turns = f"{counted(summary.turns, 'turn')} of {counted(summary.lines, 'line')}"
    return f"{turns}, {summary.skipped} labelled already" if summary.skipped else turns


def _name_failures(summary: ManifestSummary) -> None:
    complain("warning", f"{summary.failed} of {counted(summary.turns, 'turn')} failed:")
    for failure in summary.failures:
        click.echo(f"  {' '.join(failure.split())}", err=True)
    unnamed = summary.failed - len(summary.failures)
    if unnamed:
        click.echo(f"  and {unnamed} more", err=True)
