"""``emo2vec evaluate``: metrics of a model, or of given predictions, on labelled turns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins import cli
from emo2vec_plugins.core import counted
from emo2vec_plugins.errors import naming
from emo2vec_plugins.evaluation.options import (
    TruthOptions,
    describe_left_out,
    read_label_map,
    require_libraries,
    truth_options,
)
from emo2vec_plugins.evaluation.sources import Material, emobox_options, read_material
from emo2vec_plugins.files import write_whole

if TYPE_CHECKING:
    from emo2vec_plugins.evaluation.folds import FoldsEvaluation
    from emo2vec_plugins.evaluation.predictions import Prediction
    from emo2vec_plugins.evaluation.reading import Truth
    from emo2vec_plugins.evaluation.results import Evaluation


_SETTINGS: dict[str, Any] = {
    "unscored": cli.choice_option(
        "--unscored", "wrong", "leave-out", help="How to count turns without a prediction."
    ),
    "resamples": cli.option(
        "--resamples",
        "Bootstrap draws for the 95 % intervals; 0 for no intervals.",
        type=cli.Integer(min=0),
        default=1000,
    ),
    "resample_by": cli.choice_option(
        "--resample-by", "turn", "speaker", "recording", help="Unit that the bootstrap draws."
    ),
    "by": cli.option(
        "--by FIELD",
        "Results by corpus, language, gender, speaker, or a custom field. Repeatable.",
        multiple=True,
    ),
    "seed": cli.option("--seed", "Seed of the bootstrap.", type=cli.Integer(min=0), default=0),
}
"""Options that are arguments of `evaluate`."""


@cli.command("evaluate")
@cli.writes_files()
@cli.file_argument("source", "SOURCE")
@cli.option(
    "--predictions FILE", "Evaluate predictions in a file, joined by turn id, instead of a model."
)
@cli.option(
    "--predicted-field NAME",
    "Field with predictions, in FILE of --predictions or else in SOURCE.  "
    "[default with --predictions: emotion]",
)
@cli.option("--predicted-label-map FILE", "Like --label-map, for predicted labels.")
@truth_options
@cli.gathered("settings", dict, _SETTINGS)
@emobox_options
@cli.report_option
@cli.picture_option("the confusion matrix")
@cli.scoring_options()
@click.pass_context
def evaluate_command(
    ctx: click.Context,
    *,
    source: str,
    predictions: str | None,
    predicted_field: str | None,
    predicted_label_map: str | None,
    truth: TruthOptions,
    settings: dict[str, Any],
    box: dict[str, Any],
    report: str | None,
    picture: str | None,
    scoring: cli.Scoring,
) -> None:
    """Compare predictions with human labels.

    SOURCE is a .jsonl or .jsonl.gz of Lhotse cuts with labels, or an EmoBox folder, which contains
    fold_1. Predictions come from --model, or else from --predictions FILE or --predicted-field
    NAME. With --labels, turns with other labels are left out and other classes are masked.

    \b
    Examples:
      emo2vec evaluate cuts.jsonl.gz --labels angry,happy,neutral,sad
      emo2vec evaluate cuts.jsonl.gz --by corpus --by gender
      emo2vec evaluate cuts.jsonl.gz --predictions theirs.jsonl --report result.json
    """
    # Check libraries and usage first; reading a corpus takes minutes.
    uses_model = predictions is None and predicted_field is None
    # --model has a default, so its value does not show whether the user set it.
    is_given = ctx.get_parameter_source("model") is click.core.ParameterSource.COMMANDLINE
    if not uses_model and is_given:
        raise click.UsageError("--model cannot be combined with --predictions or --predicted-field")
    if uses_model and predicted_label_map is not None:
        raise click.UsageError("--predicted-label-map needs --predictions or --predicted-field")
    require_libraries("evaluate")
    from emo2vec_plugins.evaluation import folds, metrics
    from emo2vec_plugins.evaluation.fields import fields_of, with_fields
    from emo2vec_plugins.evaluation.groups import MOST_GROUPS

    reader = truth.reader(scoring.labels)
    permissions = scoring.permissions if uses_model else None
    material = read_material(Path(source), reader, box=box, permissions=permissions)
    by = settings["by"]
    with naming(source):
        fields = fields_of(material.turns, by, most=MOST_GROUPS)
    tally = cli.Tally(quiet=scoring.quiet)
    if uses_model:
        found, judged = _predicted(material, reader, scoring, tally)
    else:
        field = predicted_field or "emotion"
        found = _given(material, source, predictions, field, predicted_label_map, truth.field)
        judged = {"predictions": predictions or source, "field": field}
    if by:
        found = with_fields(found, fields)
    result: Evaluation | FoldsEvaluation
    if material.folds is None:
        result = whole = metrics.evaluate(found, labels=scoring.labels, **settings)
    else:
        result = folds.evaluate_folds(found, material.folds, labels=scoring.labels, **settings)
        whole = result.together
    about = {
        "source": source,
        "field": truth.field,
        "label_map": dict(reader.label_map.names),
        "labels": None if scoring.labels is None else list(scoring.labels),
        "judged": judged,
        "left_out": material.left_out,
    }
    cli.write_report(report, {**result.to_json(), "about": about})
    if picture is not None:
        from emo2vec_plugins.report import rendered

        path = Path(picture)
        write_whole(path, rendered(whole.confusion_figure(), suffix=path.suffix))
    if report != "-":
        cli.echo(result.table())
    if left_out := describe_left_out(material.left_out):
        cli.note(f"not evaluated: {left_out}", quiet=scoring.quiet)
    if uses_model:
        tally.conclude(f"{counted(tally.turns, 'turn')}, scored by {judged['name']}")


def _predicted(
    material: Material, truth: Truth, scoring: cli.Scoring, tally: cli.Tally
) -> tuple[list[Prediction], dict[str, Any]]:
    from emo2vec_plugins.evaluation.reading import predict

    engine = scoring.engine()
    with cli.progress("cuts", total=len(material.cuts), quiet=scoring.quiet) as advance:
        found = predict(
            material.cuts,
            truth=truth,
            score=engine,
            plugins=scoring.plugins,
            permissions=scoring.permissions,
            progress=advance,
        )
    for each in found:
        is_done = each.label is not None or each.withheld
        tally.count("turn", each.id, None if is_done else each.reason)
    backend = engine.backend
    return found, {"name": cli.describe_model(backend), "model": backend.provenance.to_dict()}


def _given(
    material: Material,
    source: str,
    file: str | None,
    field: str,
    label_map: str | None,
    truth_field: str,
) -> list[Prediction]:
    from emo2vec_plugins.evaluation.joining import joined
    from emo2vec_plugins.evaluation.reading import predictions_in

    meaning = read_label_map(label_map)
    if file is not None:
        return joined(
            material.turns,
            Path(file),
            field=field,
            label_map=meaning,
            truth_field=truth_field,
            source=source,
        )
    if field == truth_field:
        raise click.UsageError(f"true labels and predictions cannot both be in field {field!r}")
    return predictions_in(material.turns, field, label_map=meaning)
