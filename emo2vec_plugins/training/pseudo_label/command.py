"""``emo2vec pseudo-label``: a manifest of Lhotse cuts in, the same with trusted labels out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins.cli import (
    SOME_FAILED,
    Scoring,
    complain,
    counted,
    note,
    progress,
    scoring_options,
)
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import MissingExtraError
from emo2vec_plugins.files import replacing
from emo2vec_plugins.training.pseudo_label.options import trust_options

if TYPE_CHECKING:
    from emo2vec_plugins.training.pseudo_label.report import Report
    from emo2vec_plugins.training.pseudo_label.trust import Trust


@click.command("pseudo-label")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option(
    "--second-model", metavar="NAME", help="A model that is to hear the same; named as --model is."
)
@trust_options
@click.option(
    "--field",
    metavar="NAME",
    default="emotion",
    show_default=True,
    help="The field with the labels, and prefix of those beside it.",
)
@click.option(
    "--overwrite", is_flag=True, help="Judge turns with a label, too; they lose it if rejected."
)
@click.option(
    "--scores",
    metavar="PATH",
    help="Keep what the models say here, in these --windows, for other criteria: like OUT.",
)
@click.option("--report", metavar="FILE", help="Write the report as JSON, too; - for stdout.")
@scoring_options()
@click.pass_context
def pseudo_label(
    ctx: click.Context,
    *,
    source: str,
    target: str,
    second_model: str | None,
    criteria: dict[str, Any],
    field: str,
    overwrite: bool,
    scores: str | None,
    report: str | None,
    scoring: Scoring,
) -> None:
    """Label turns where a model is to be trusted.

    IN is a .jsonl or .jsonl.gz of cuts, or a Shar directory; OUT becomes the same kind, with every
    cut in its place. Labels that are there already are not looked at. A turn that is not trusted
    gets no label but the reason, in FIELD_rejected. A run that was killed goes on when the same
    command is given again.
    """
    if not Path(source).exists():
        raise FileNotFoundError(2, "No such file or directory", source)
    pseudo_label_manifest, trust_of = _library()
    trust = trust_of(**criteria)
    score = scoring.engine(granularity="utterance" if trust.window is None else "frame")
    try:
        with progress("cuts", quiet=scoring.quiet) as advance:
            found: Report = pseudo_label_manifest(
                source,
                target,
                score=score,
                second=None if second_model is None else _second(scoring, second_model),
                trust=trust,
                field=field,
                overwrite=overwrite,
                scores=scores,
                progress=advance,
            )
    except KeyboardInterrupt:
        note("the same command again goes on from here", quiet=scoring.quiet)
        raise
    _tell(found, source, target, report=report, quiet=scoring.quiet)
    if found.unscored:
        _name_failures(found)
        ctx.exit(SOME_FAILED)


def _second(scoring: Scoring, name: str) -> Engine:
    """Return the second model's engine, with all its classes: those in common are compared."""
    return replace(scoring, model=name, labels=None).engine()


def _tell(found: Report, source: str, target: str, *, report: str | None, quiet: bool) -> None:
    document = json.dumps(found.as_json(), indent=2, ensure_ascii=False) + "\n"
    if report == "-":
        click.echo(document, nl=False)
    else:
        if report is not None:
            with replacing(Path(report)) as file:
                file.write(document.encode())
        if not quiet:
            click.echo(found.table())
    if found.was_finished:
        note(f"{target} was finished already, nothing was done", quiet=quiet)
        return
    judged = found.accepted + found.rejected
    if not judged and found.labelled:
        complain(
            "warning",
            f"nothing was judged: {found.labelled} of {counted(found.turns, 'turn')} of {source} "
            f"have {found.prefix!r} already; --field NAME writes beside it, --overwrite replaces it",
        )
    elif judged and not found.accepted:
        complain("warning", f"no turn was trusted; {found.prefix}_rejected says why")
    said = f"{found.accepted} of {counted(judged, 'turn')} got a label; "
    note(f"{said}{counted(found.cuts, 'cut')} are in {target}", quiet=quiet)


def _name_failures(found: Report) -> None:
    of = f"{found.unscored} of {counted(found.turns, 'turn')} could not be scored"
    complain("warning", f"{of}; {found.prefix}_reason says why:")
    for failure in found.failures:
        click.echo(f"  {' '.join(failure.split())}", err=True)
    if found.unscored > len(found.failures):
        click.echo(f"  and {found.unscored - len(found.failures)} more", err=True)


def _library() -> tuple[Callable[..., Report], type[Trust]]:
    try:
        from emo2vec_plugins.training.pseudo_label.manifest import pseudo_label_manifest
        from emo2vec_plugins.training.pseudo_label.trust import Trust
    except ImportError as error:
        raise MissingExtraError(
            f"pseudo-labels need Lhotse: pip install 'emo2vec-plugins[train]' ({error})"
        ) from error
    return pseudo_label_manifest, Trust
