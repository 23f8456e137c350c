"""``emo2vec pseudo-label``: a manifest of Lhotse cuts in, the same with trusted labels out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins import cli
from emo2vec_plugins.core import import_extra
from emo2vec_plugins.training.pseudo_label.options import trust_options

if TYPE_CHECKING:
    from emo2vec_plugins.training.pseudo_label.report import Report


@click.command("pseudo-label")
@cli.manifest_options
@cli.option("--second-model NAME", "A model that must agree; named as --model is.")
@trust_options
@cli.field_option
@cli.overwrite_option
@cli.option(
    "--scores PATH",
    "Keep what the models say here, in these --windows, for other criteria: like OUT.",
)
@cli.report_option
@cli.scoring_options()
def pseudo_label_command(
    *,
    source: str,
    output: str,
    second_model: str | None,
    criteria: dict[str, Any],
    field: str,
    overwrite: bool,
    scores: str | None,
    report: str | None,
    scoring: cli.Scoring,
) -> None:
    """Label turns where a model can be trusted.

    IN is a .jsonl or .jsonl.gz of cuts, or a Shar directory; OUT becomes the same kind, with every
    cut in its place. Turns with a label are skipped; with --overwrite they lose it if they are
    rejected. A turn that is not trusted gets no label but the reason, in FIELD_rejected. A run that
    was killed goes on when the same command is given again.
    """
    cli.existing(source)
    import_extra("lhotse", extra="train")
    from emo2vec_plugins.training.pseudo_label.manifest import pseudo_label_manifest
    from emo2vec_plugins.training.pseudo_label.trust import Trust

    trust = Trust(**criteria)
    quiet = scoring.quiet
    # Windows vote on logits of frames, which an engine only keeps if asked to.
    score = scoring.engine(frames=trust.window is not None)
    # All classes of the second model: those that both have are compared.
    other = None if second_model is None else replace(scoring, model=second_model, labels=None)
    with cli.resumable(quiet=quiet), cli.progress("cuts", quiet=quiet) as advance:
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
    cli.write_report(report, found.as_json())
    if report != "-" and not quiet:
        click.echo(found.table())
    _summarise(found, source, output, quiet=quiet)
    cli.exit_if_failed(found.failures, failed=found.unscored, turns=found.turns, field=found.prefix)


def _summarise(found: Report, source: str, output: str, *, quiet: bool) -> None:
    if found.was_finished:
        cli.note(f"{output} was finished already, nothing was done", quiet=quiet)
        return
    judged = found.accepted + found.rejected
    if not judged and found.labelled:
        items = f"{found.labelled} of {cli.counted(found.turns, 'turn')} of {source}"
        cli.warn_of_labels(items, found.prefix, work="judged")
    elif judged and not found.accepted:
        cli.complain("warning", f"no turn was trusted; {found.prefix}_rejected says why")
    said = f"{found.accepted} of {cli.counted(judged, 'turn')} got a label; "
    cli.note(f"{said}{cli.counted(found.cuts, 'cut')} are in {output}", quiet=quiet)
