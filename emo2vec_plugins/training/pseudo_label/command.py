"""``emo2vec pseudo-label``: a manifest of Lhotse cuts in, the same with trusted labels out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins.cli import (
    Scoring,
    complain,
    counted,
    existing,
    exit_if_failed,
    field_option,
    manifest_options,
    note,
    overwrite_option,
    progress,
    report_option,
    resumable,
    scoring_options,
    warn_of_labels,
    write_report,
)
from emo2vec_plugins.integrations import import_extra
from emo2vec_plugins.training.pseudo_label.options import trust_options

if TYPE_CHECKING:
    from emo2vec_plugins.training.pseudo_label.report import Report


@click.command("pseudo-label")
@manifest_options
@click.option(
    "--second-model", metavar="NAME", help="A model that must agree; named as --model is."
)
@trust_options
@field_option
@overwrite_option
@click.option(
    "--scores",
    metavar="PATH",
    help="Keep what the models say here, in these --windows, for other criteria: like OUT.",
)
@report_option
@scoring_options()
@click.pass_context
def pseudo_label_command(
    ctx: click.Context,
    *,
    source: str,
    output: str,
    second_model: str | None,
    criteria: dict[str, Any],
    field: str,
    overwrite: bool,
    scores: str | None,
    report: str | None,
    scoring: Scoring,
) -> None:
    """Label turns where a model can be trusted.

    IN is a .jsonl or .jsonl.gz of cuts, or a Shar directory; OUT becomes the same kind, with every
    cut in its place. Turns with a label are skipped; with --overwrite they lose it if they are
    rejected. A turn that is not trusted gets no label but the reason, in FIELD_rejected. A run that
    was killed goes on when the same command is given again.
    """
    existing(source)
    import_extra("lhotse", extra="train")
    from emo2vec_plugins.training.pseudo_label.manifest import pseudo_label_manifest
    from emo2vec_plugins.training.pseudo_label.trust import Trust

    trust = Trust(**criteria)
    quiet = scoring.quiet
    # Windows vote on logits of frames, which an engine only keeps if asked to.
    score = scoring.engine(frames=trust.window is not None)
    # All classes of the second model: those that both have are compared.
    other = None if second_model is None else replace(scoring, model=second_model, labels=None)
    with resumable(quiet=quiet), progress("cuts", quiet=quiet) as advance:
        found = pseudo_label_manifest(
            source,
            output,
            score=score,
            second=None if other is None else other.engine(),
            trust=trust,
            field=field,
            overwrite=overwrite,
            scores=scores,
            progress=advance,
        )
    write_report(report, found.as_json())
    if report != "-" and not quiet:
        click.echo(found.table())
    _summarise(found, source, output, quiet=quiet)
    exit_if_failed(
        ctx, found.failures, failed=found.unscored, turns=found.turns, field=found.prefix
    )


def _summarise(found: Report, source: str, output: str, *, quiet: bool) -> None:
    if found.was_finished:
        note(f"{output} was finished already, nothing was done", quiet=quiet)
        return
    judged = found.accepted + found.rejected
    if not judged and found.labelled:
        items = f"{found.labelled} of {counted(found.turns, 'turn')} of {source}"
        warn_of_labels(items, found.prefix, work="judged")
    elif judged and not found.accepted:
        complain("warning", f"no turn was trusted; {found.prefix}_rejected says why")
    said = f"{found.accepted} of {counted(judged, 'turn')} got a label; "
    note(f"{said}{counted(found.cuts, 'cut')} are in {output}", quiet=quiet)
