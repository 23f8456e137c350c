"""``emo2vec pseudo-label``: add trusted labels of a model to a manifest of Lhotse cuts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emo2vec_plugins import cli
from emo2vec_plugins.core import counted, require_extra
from emo2vec_plugins.integrations import BadItems
from emo2vec_plugins.training.pseudo_label.options import trust_options

if TYPE_CHECKING:
    from emo2vec_plugins.training.pseudo_label.report import Report


@cli.command("pseudo-label")
@cli.writes_files(overwrite=False)
@cli.manifest_options
@cli.option("--second-model NAME", "A second model that must agree; NAME as for --model.")
@trust_options
@cli.field_option
@cli.overwrite_option
@cli.option(
    "--scores PATH",
    "Keep the models' scores in this manifest, so that a run with other criteria can reuse them.",
    type=cli.OutputName(kind="manifest"),
)
@cli.bad_items_option
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
    bad_items: BadItems,
    report: str | None,
    scoring: cli.Scoring,
) -> None:
    """Label turns where a model can be trusted.

    IN is a .jsonl or .jsonl.gz of cuts, or a Shar directory. OUT has the same kind and contains
    every cut, in the same order. Turns with a label are skipped. With --overwrite they are judged
    as well, and lose their label if they are rejected. A rejected turn gets no label; the reason
    is in FIELD_rejected. To resume a run that was killed, run the same command again.

    \b
    Examples:
      emo2vec pseudo-label cuts.jsonl.gz -o pseudo.jsonl.gz --model tiny
      emo2vec pseudo-label cuts.jsonl.gz -o strict.jsonl.gz --windows 2 --max-ratio 2
    """
    cli.existing(source)
    require_extra("lhotse", extra="train", purpose="pseudo-label")
    from emo2vec_plugins.training.pseudo_label.manifest import pseudo_label_manifest
    from emo2vec_plugins.training.pseudo_label.trust import Trust

    trust = Trust(**criteria)
    quiet = scoring.quiet
    # Windows vote on frame logits, which an engine keeps only on request.
    score = scoring.engine(frames=trust.window is not None)
    # The second model keeps all its classes; the shared ones are compared.
    second = replace(scoring, model=second_model or "", labels=None, abstain=None)
    with cli.resumable(quiet=quiet), cli.progress("cuts", quiet=quiet) as advance:
        found = pseudo_label_manifest(
            source,
            output,
            score=score,
            second=None if second_model is None else second.engine(),
            trust=trust,
            field=field,
            overwrite=overwrite,
            scores=scores,
            bad_items=bad_items,
            permissions=scoring.permissions,
            progress=advance,
        )
    cli.write_report(report, found.as_json())
    if report != "-" and not quiet:
        cli.echo(found.table())
    _summarise(found, source, output, quiet=quiet)
    cli.exit_if_failed(found, field=found.prefix)


def _summarise(found: Report, source: str, output: str, *, quiet: bool) -> None:
    if found.was_finished:
        cli.note(f"{output} is already complete; nothing was done", quiet=quiet)
        return
    judged = found.accepted + found.rejected
    if not judged and found.labelled:
        items = f"{found.labelled} of {counted(found.turns, 'turn')} of {source}"
        cli.warn_of_labels(items, found.prefix, work="judged")
    elif judged and not found.accepted:
        cli.complain("warning", f"no label was accepted; see {found.prefix}_rejected for reasons")
    labelled = f"{found.accepted} of {counted(judged, 'turn')} got a label"
    cli.note(f"{labelled}; wrote {counted(found.cuts, 'cut')} to {output}", quiet=quiet)
