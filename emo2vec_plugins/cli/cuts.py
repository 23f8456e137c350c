"""``emo2vec cuts``: a manifest of Lhotse cuts in, the same with emotions out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from emo2vec_plugins.cli.options import Scoring, array_dtype_option, overlap_option, scoring_options
from emo2vec_plugins.cli.output import SOME_FAILED, complain, counted, note, progress, speaker_of
from emo2vec_plugins.core import Options
from emo2vec_plugins.errors import MissingExtraError

if TYPE_CHECKING:
    from emo2vec_plugins.integrations.lhotse import Summary


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--embeddings", is_flag=True, help="Store each turn's embedding.")
@click.option("--frames", is_flag=True, help="Store each turn's frame embeddings.")
@click.option("--store", metavar="PATH", help="Where arrays go: an archive, or a folder.")
@click.option(
    "--store-type",
    type=click.Choice(["lilcom_chunky", "numpy_hdf5", "numpy_files"]),
    help="Lhotse's writer.  [default: by PATH's suffix: .lca, .h5, none]",
)
@array_dtype_option("Of stored arrays; lilcom_chunky reads back as float32 and is lossy.")
@overlap_option
@click.option(
    "--field",
    metavar="NAME",
    default="emotion",
    show_default=True,
    help="The field that gets the label, and prefix of those beside it.",
)
@click.option("--overwrite", is_flag=True, help="Replace labels that are there already.")
@scoring_options()
@click.pass_context
def cuts(
    ctx: click.Context,
    *,
    source: str,
    target: str,
    embeddings: bool,
    frames: bool,
    store: str | None,
    store_type: str | None,
    array_dtype: Literal["float16", "float32"],
    overlap: Literal["keep", "exclude"],
    field: str,
    overwrite: bool,
    scoring: Scoring,
) -> None:
    """Score the supervisions of Lhotse cuts.

    IN is a .jsonl or .jsonl.gz of cuts, or a Shar directory; OUT becomes the same kind.
    A run that was killed goes on when the same command is given again. Labels that are there
    already are kept, and their turns not scored. To try turns again that failed, give OUT as IN.
    """
    if (embeddings or frames) and store is None:
        raise click.UsageError("--embeddings and --frames need --store PATH")
    if not Path(source).exists():
        raise FileNotFoundError(2, "No such file or directory", source)
    options = Options(
        overlap=overlap,
        embeddings=embeddings,
        frames=frames,
        array_dtype=array_dtype,
        field=field,
        overwrite=overwrite,
    )
    annotate_manifest = _library()
    engine = scoring.engine(granularity="frame" if frames else "utterance")
    try:
        with progress("cuts", quiet=scoring.quiet) as advance:
            summary = annotate_manifest(
                source,
                target,
                score=engine,
                options=options,
                store=store,
                store_type=store_type,
                plugins=scoring.plugins,
                progress=advance,
            )
    except KeyboardInterrupt:
        note("the same command again goes on from here", quiet=scoring.quiet)
        raise
    if summary.was_finished:
        note(_finished(summary, target), quiet=scoring.quiet)
    elif 0 < summary.turns == summary.skipped and not (embeddings or frames):
        complain(
            "warning",
            f"nothing was scored: {counted(summary.turns, 'turn')}, each with {field!r} already; "
            "--field NAME writes beside it, --overwrite replaces it",
        )
    else:
        heard = speaker_of(engine.backend.provenance)
        note(f"{_written(summary)}, heard by {heard}, are in {target}", quiet=scoring.quiet)
    if summary.failed:
        _name_failures(summary, field)
        ctx.exit(SOME_FAILED)


def _written(summary: Summary) -> str:
    turns = f"{counted(summary.turns, 'turn')} of {counted(summary.cuts, 'cut')}"
    return f"{turns}, {summary.skipped} labelled already" if summary.skipped else turns


def _finished(summary: Summary, target: str) -> str:
    done = f"{target} was finished already, nothing was done"
    if not summary.failed:
        return done
    return f"{done}; to try failed turns again, annotate the output: emo2vec cuts {target} OUT2"


def _name_failures(summary: Summary, field: str) -> None:
    of = f"{summary.failed} of {counted(summary.turns, 'turn')} failed"
    complain("warning", f"{of}; {field}_reason says why:")
    for failure in summary.failures:
        click.echo(f"  {' '.join(failure.split())}", err=True)
    unnamed = summary.failed - len(summary.failures)
    if unnamed:
        click.echo(f"  and {unnamed} more", err=True)


def _library() -> Callable[..., Any]:
    try:
        from emo2vec_plugins.integrations.lhotse import annotate_manifest
    except ImportError as error:
        raise MissingExtraError(
            f"cuts need Lhotse: pip install 'emo2vec-plugins[lhotse]' ({error})"
        ) from error
    return annotate_manifest
