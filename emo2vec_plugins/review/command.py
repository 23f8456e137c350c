"""``emo2vec review``: export results for correction by people, and import the corrections."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from emo2vec_plugins import cli
from emo2vec_plugins.core import Dialogue, LabelMap, counted, require_extra
from emo2vec_plugins.errors import AudioError, FormatError, OptionsError
from emo2vec_plugins.files import read_text, replacing, results_folder, write_text
from emo2vec_plugins.formats import (
    LABELSTUDIO,
    labelling_config,
    path_for,
    read_any,
    require_annotations,
    write_any,
)
from emo2vec_plugins.review.comparison import (
    Agreement,
    Change,
    Reviewed,
    agreement,
    as_csv,
    compare,
)

if TYPE_CHECKING:
    from lhotse.cut import Cut

FORMATS = ("elan", "labelstudio")
LABELSTUDIO_FILES = ("tasks.labelstudio.json", "labelling.xml")
CHANGES, AGREEMENT, CUTS = "changes.csv", "agreement.json", "cuts.jsonl.gz"


@click.group("review")
def review_command() -> None:
    """Export for correction and import the results.

    'export' writes results for ELAN or Label Studio. 'read' imports the corrected files, reports
    changed turns and agreement with the model, and writes a CutSet to train on.

    \b
    Examples:
      emo2vec review export results/ -o to_correct --format elan
      emo2vec review read results/ to_correct/ -o reviewed --input-format elan
    """


@review_command.command("export")
@cli.annotation_options("EMOTIONS")
@cli.folder_option
@cli.option(
    "--format", "Format of the files.", name="format_", type=click.Choice(FORMATS), required=True
)
@cli.option(
    "--media-prefix TEXT",
    "Prefix of audio file names in Label Studio, such as '/data/local-files/?d=meetings/'.",
)
@cli.option("--overwrite", "Replace existing files.")
@cli.quiet_option
@click.pass_context
def export_command(
    ctx: click.Context,
    *,
    dialogues: Sequence[Dialogue],
    output: str,
    format_: str,
    media_prefix: str | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Write results for people to correct.

    EMOTIONS is a folder of results, or a file in a format that 'emo2vec convert' reads. For ELAN,
    DIR gets one file X.eaf per recording X, linked to its audio. For Label Studio, DIR gets tasks
    to import, and the labelling configuration for the project.

    \b
    Examples:
      emo2vec review export results/ -o to_correct --format elan
      emo2vec review export results/ -o tasks --format labelstudio \\
        --media-prefix '/data/local-files/?d=meetings/'
    """
    plugins = cli.plugins_of(ctx)
    if silent := cli.listed([each.recording for each in dialogues if each.audio is None]):
        advice = "pass --audio FILE or --audio NAME=FILE"
        raise AudioError(f"no audio file known for {silent}: {advice}")
    # With a prefix the server has the audio, so it need not be on this machine.
    if media_prefix is None:
        _warn_of_missing_audio(dialogues)
    folder = results_folder(output)
    if format_ == "elan":
        files = [path_for(dialogue, folder, plugins.format("elan")) for dialogue in dialogues]
    else:
        files = [folder / name for name in LABELSTUDIO_FILES]
    # People may have corrected existing files.
    existing = cli.listed([str(each) for each in files if each.exists()])
    if existing and not overwrite:
        advice = "pass --overwrite or choose another folder"
        raise OptionsError(f"{existing}: already exists and may contain corrections; {advice}")
    if format_ == "elan":
        write_any(dialogues, f"{folder}/", plugins=plugins, format="elan")
    else:
        served = [_served(dialogue, media_prefix) for dialogue in dialogues]
        write_any(served, files[0], plugins=plugins, format="labelstudio")
        write_text(files[1], labelling_config(dialogues))
    turns = counted(sum(len(dialogue.turns) for dialogue in dialogues), "turn")
    cli.note(f"wrote {turns} to {cli.listed(list(map(str, files)))}", quiet=quiet)


@review_command.command("read")
@cli.annotation_options("EMOTIONS")
@cli.file_argument("corrected", "CORRECTED")
@cli.folder_option
@cli.input_format_option
@cli.label_map_option
@cli.field_option
@cli.quiet_option
@click.pass_context
def read_command(
    ctx: click.Context,
    *,
    dialogues: Sequence[Dialogue],
    corrected: str,
    output: str,
    input_format: str | None,
    label_map: str | None,
    field: str,
    quiet: bool,
) -> None:
    """Import corrections, and report changes and agreement.

    EMOTIONS is the input of the export. CORRECTED is the corrected file or folder of files, in the
    format --input-format. DIR gets changes.csv (every turn before and after), agreement.json
    (Cohen's kappa over all classes and for each class) and cuts.jsonl.gz (the corrected turns, for
    'emo2vec train').

    \b
    Examples:
      emo2vec review read results/ to_correct/ -o reviewed --input-format elan
      emo2vec review read results/ project-1-export.json -o reviewed \\
        --input-format labelstudio --label-map labels.yaml
    """
    for library in ("sklearn", "lhotse"):
        require_extra(library, extra="train", purpose="review read")
    answers = read_any(corrected, plugins=cli.plugins_of(ctx), format=input_format)
    _refuse_predictions(Path(corrected), input_format)
    names = LabelMap() if label_map is None else LabelMap.read(label_map)
    reviewed = compare(dialogues, answers, label_map=names)
    every = [change for each in reviewed for change in each.changes]
    result = agreement(every)
    folder, tally = results_folder(output), cli.Tally(quiet=quiet)
    # Cuts come last: they read audio, which may fail after the other files are safe.
    write_text(folder / CHANGES, as_csv(every))
    write_text(folder / AGREEMENT, json.dumps(result.to_dict(), indent=2) + "\n")
    _write_lines(folder / CUTS, [cut for each in reviewed for cut in _cuts(each, field, tally)])
    found = {each.original.recording for each in reviewed}
    if missing := cli.listed([each.recording for each in dialogues if each.recording not in found]):
        tally.leave_out(f"no corrections found for {missing}")
    cli.print_table(["label", "kappa", "model", "people", "both"], [*_rows(result)])
    tally.conclude(f"{_summary(every)}; wrote {CHANGES}, {AGREEMENT} and {CUTS} to {folder}")


def _warn_of_missing_audio(dialogues: Sequence[Dialogue]) -> None:
    for each in dialogues:
        if each.audio is not None and "://" not in each.audio and not Path(each.audio).exists():
            advice = "pass its current path with --audio FILE"
            cli.complain("warning", f"{each.recording}: no audio at {each.audio}; {advice}")


def _refuse_predictions(corrected: Path, format_: str | None) -> None:
    """Raise FormatError for Label Studio tasks without annotations: the exported ones, by mistake."""
    ending = LABELSTUDIO.suffixes[0]
    files = sorted(corrected.glob(f"*{ending}")) if corrected.is_dir() else [corrected]
    for file in files:
        if format_ == LABELSTUDIO.name or (format_ is None and file.name.endswith(ending)):
            try:
                require_annotations(read_text(file))
            except FormatError as error:
                raise FormatError(f"{file}: {error}") from error


def _served(dialogue: Dialogue, prefix: str | None) -> Dialogue:
    if prefix is None or dialogue.audio is None:
        return dialogue
    # Label Studio uses the URL unchanged, so an unquoted "&" or "#" in a name would end it.
    return replace(dialogue, audio=prefix + quote(PurePath(dialogue.audio).name))


def _cuts(reviewed: Reviewed, field: str, tally: cli.Tally) -> Iterator[Cut]:
    """Yield a recording's cut, or nothing if its audio fails; count both in *tally*."""
    from emo2vec_plugins.review.cuts import corrected_cut

    name = reviewed.original.recording
    try:
        made = corrected_cut(reviewed, field=field)
    except AudioError as error:
        tally.count("cut", name, str(error))
        return
    tally.count("cut", name)
    for turn in made.left_out:
        tally.leave_out(f"not in {CUTS}: {turn}")
    yield made.cut


def _write_lines(path: Path, cuts: Sequence[Cut]) -> None:
    # Without a time in the gzip header, the same corrections give the same bytes.
    with replacing(path) as stream, gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as packed:
        for cut in cuts:
            line = json.dumps(cut.to_dict(), ensure_ascii=False)
            packed.write(line.encode("utf-8") + b"\n")


def _rows(result: Agreement) -> Iterator[list[str]]:
    rows = [("all", result.kappa, result.turns, result.turns, result.agreed)]
    rows += [
        (name, each.kappa, each.model, each.people, each.both)
        for name, each in result.per_label.items()
    ]
    for name, kappa, *counts in rows:
        yield [name, "-" if kappa is None else f"{kappa:.3f}", *map(str, counts)]


def _summary(every: Sequence[Change]) -> str:
    changed = [change for change in every if change.kinds]
    kinds = [kind for change in changed for kind in change.kinds]
    counts = ", ".join(f"{kind} {kinds.count(kind)}" for kind in dict.fromkeys(kinds))
    by_kind = f" ({counts})" if counts else ""
    return f"{len(changed)} of {counted(len(every), 'turn')} changed{by_kind}"
