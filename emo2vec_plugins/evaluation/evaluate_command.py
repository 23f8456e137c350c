"""``emo2vec evaluate``: how right a model, or anybody's predictions, are on labelled turns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from emo2vec_plugins.cli import Scoring, Tally, counted, note, progress, scoring_options, speaker_of
from emo2vec_plugins.core import LabelMap
from emo2vec_plugins.evaluation.options import TruthOptions, extra, told_left_out, truth_options
from emo2vec_plugins.evaluation.sources import Material, emobox_material, manifest_material
from emo2vec_plugins.files import replacing

if TYPE_CHECKING:
    from emo2vec_plugins.evaluation.folds import FoldsEvaluation
    from emo2vec_plugins.evaluation.predictions import Prediction
    from emo2vec_plugins.evaluation.reading import Truth
    from emo2vec_plugins.evaluation.results import Evaluation

PICTURES = (".png", ".svg", ".pdf")


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option(
    "--predictions", metavar="FILE", help="Judge what this file says, joined by id; no model."
)
@click.option(
    "--predicted-field",
    metavar="NAME",
    help="The field with predictions, in SOURCE itself unless --predictions is given.  "
    "[default with --predictions: emotion]",
)
@click.option("--predicted-label-map", metavar="FILE", help="What predicted names mean.")
@truth_options("--truth-field")
@click.option(
    "--unscored",
    type=click.Choice(["wrong", "leave-out"]),
    default="wrong",
    show_default=True,
    help="What turns without a prediction count as.",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Draws of the bootstrap behind the intervals; 0 for none.",
)
@click.option(
    "--resample-by",
    type=click.Choice(["turn", "speaker", "recording"]),
    default="turn",
    show_default=True,
    help="What is drawn.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws.")
@click.option("--audio-root", metavar="FOLDER", help="EmoBox: what its audio lies under.")
@click.option("--skip-missing", is_flag=True, help="EmoBox: leave out clips without audio.")
@click.option(
    "--fold", "folds", type=int, multiple=True, metavar="N", help="EmoBox: this fold; repeatable."
)
@click.option(
    "--speaker-pattern",
    metavar="REGEX",
    help="EmoBox: its first group in a clip's key is the speaker.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write all as JSON; - for stdout.")
@click.option("--confusion", metavar="FILE", help="Draw the confusion matrix: .png, .svg, .pdf.")
@scoring_options()
@click.pass_context
def evaluate(
    ctx: click.Context,
    *,
    source: str,
    predictions: str | None,
    predicted_field: str | None,
    predicted_label_map: str | None,
    truth: TruthOptions,
    unscored: Literal["wrong", "leave-out"],
    resamples: int,
    resample_by: Literal["turn", "speaker", "recording"],
    seed: int,
    audio_root: str | None,
    skip_missing: bool,
    folds: tuple[int, ...],
    speaker_pattern: str | None,
    json_file: str | None,
    confusion: str | None,
    scoring: Scoring,
) -> None:
    """Compare predictions with what people say.

    SOURCE is a .jsonl or .jsonl.gz of Lhotse cuts with labels, or a folder of EmoBox with fold_1
    in it. What is judged is --model; or, without any model, --predictions FILE or
    --predicted-field NAME. --labels restricts all to these classes: turns of others are left out.
    """
    uses_model = predictions is None and predicted_field is None
    _check_usage(ctx, uses_model=uses_model, pictures=confusion, outputs=[json_file, confusion])
    with extra():
        from emo2vec_plugins.evaluation import emobox, metrics
        from emo2vec_plugins.evaluation import folds as several
    reader = truth.reader(scoring.labels)
    if emobox.is_emobox(Path(source)):
        material = emobox_material(
            Path(source),
            reader,
            audio_root=audio_root,
            needs_audio=uses_model,
            skip_missing=skip_missing,
            folds=folds,
            speaker_pattern=speaker_pattern,
        )
    else:
        _refuse_emobox_options(ctx)
        material = manifest_material(Path(source), reader)
    tally = Tally(quiet=scoring.quiet)
    if uses_model:
        found, who = _heard(material, reader, scoring, tally)
    else:
        field = predicted_field or "emotion"
        meaning = LabelMap.read(predicted_label_map) if predicted_label_map else LabelMap()
        found = _given(material, predictions, field, meaning, truth.field)
        who = {"predictions": predictions or source, "field": field}
    options: dict[str, Any] = {
        "classes": scoring.labels,
        "unscored": unscored,
        "resamples": resamples,
        "resample_by": resample_by,
        "seed": seed,
    }
    result: Evaluation | FoldsEvaluation
    if material.folds is None:
        result = whole = metrics.evaluate(found, **options)
    else:
        result = several.evaluate_folds(found, material.folds, **options)
        whole = result.together
    about = {
        "source": source,
        "truth_field": truth.field,
        "label_map": dict(reader.label_map.names),
        "labels": None if scoring.labels is None else list(scoring.labels),
        "judged": who,
        "left_out": material.left_out,
    }
    _write_json(json_file, {**result.to_json(), "about": about})
    if confusion is not None:
        _draw(whole, Path(confusion))
    if json_file != "-":
        click.echo(result.table())
    _tell_left_out(material.left_out, quiet=scoring.quiet)
    if uses_model:
        tally.conclude(ctx, f"{counted(tally.turns, 'turn')}, heard by {who['name']}")


def _check_usage(
    ctx: click.Context, *, uses_model: bool, pictures: str | None, outputs: Sequence[str | None]
) -> None:
    if not uses_model and _is_given(ctx, "model"):
        raise click.UsageError("--model makes predictions: leave out --predictions and the field")
    if uses_model and _is_given(ctx, "predicted_label_map"):
        raise click.UsageError("--predicted-label-map goes with --predictions or its field")
    if pictures is not None and Path(pictures).suffix.lower() not in PICTURES:
        raise click.UsageError(f"--confusion writes {', '.join(PICTURES)}, got {pictures!r}")
    for path in outputs:
        if path not in (None, "-") and Path(str(path)).is_dir():
            raise click.UsageError(f"{path} is a folder, expected a file to write")


def _refuse_emobox_options(ctx: click.Context) -> None:
    for name in ("audio_root", "skip_missing", "folds", "speaker_pattern"):
        if _is_given(ctx, name):
            option = "--fold" if name == "folds" else f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} is for a folder of EmoBox, with fold_1 in it")


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _heard(
    material: Material, truth: Truth, scoring: Scoring, tally: Tally
) -> tuple[list[Prediction], dict[str, Any]]:
    from emo2vec_plugins.evaluation.reading import heard

    engine = scoring.engine()
    with progress("cuts", total=len(material.cuts), quiet=scoring.quiet) as advance:
        found = heard(
            material.cuts, truth=truth, engine=engine, plugins=scoring.plugins, advance=advance
        )
    for each in found:
        tally.count("turn", each.id, None if each.label is not None else each.reason)
    provenance = engine.backend.provenance
    return found, {"name": speaker_of(provenance), "model": provenance.to_dict()}


def _given(
    material: Material, file: str | None, field: str, meaning: LabelMap, truth_field: str
) -> list[Prediction]:
    if file is None:
        if field == truth_field:
            raise click.UsageError(f"truth and predictions cannot both be in field {field!r}")
        from emo2vec_plugins.evaluation.reading import predictions_in

        return predictions_in(material.turns, field, label_map=meaning)
    from emo2vec_plugins.evaluation.joining import joined

    return joined(
        material.turns, Path(file), field=field, label_map=meaning, truth_field=truth_field
    )


def _write_json(file: str | None, document: Mapping[str, Any]) -> None:
    if file is None:
        return
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    if file == "-":
        click.echo(text)
        return
    with replacing(Path(file)) as stream:
        stream.write(text.encode("utf-8", "backslashreplace") + b"\n")


def _draw(evaluation: Evaluation, path: Path) -> None:
    from emo2vec_plugins.report import rendered

    content = rendered(evaluation.confusion_figure(), suffix=path.suffix)
    with replacing(path) as stream:
        stream.write(content)


def _tell_left_out(left_out: Mapping[str, int], *, quiet: bool) -> None:
    told = told_left_out(left_out)
    if told:
        note(f"not judged: {told}", quiet=quiet)
