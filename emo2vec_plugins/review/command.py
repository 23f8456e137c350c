"""``emo2vec review``: results out to people who correct them, and their corrections back in."""

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
from emo2vec_plugins.core import Dialogue, LabelMap
from emo2vec_plugins.errors import AudioError, FormatError, OptionsError
from emo2vec_plugins.files import read_text, replacing, results_folder, write_text
from emo2vec_plugins.formats import (
    LABELSTUDIO,
    file_of,
    labelling_config,
    read_any,
    refuse_unseen,
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

    'export' writes results for ELAN or Label Studio; 'read' takes what came back, says which turns
    changed and how far people agree with the model, and writes a CutSet to train on.
    """


@review_command.command("export")
@cli.annotation_options("EMOTIONS")
@cli.folder_option
@cli.option("--format", "Of the files.", name="format_", type=click.Choice(FORMATS), required=True)
@cli.option(
    "--media-prefix TEXT",
    "What Label Studio has before the name of an audio file, such as "
    "'/data/local-files/?d=meetings/'.",
)
@cli.overwrite_option
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

    EMOTIONS is a folder of results, or a file that 'emo2vec convert' reads. The folder DIR gets,
    for ELAN, X.eaf for each recording X, linked to its sound; for Label Studio, tasks to import
    and the labelling configuration to set up the project with.
    """
    plugins = cli.plugins_of(ctx)
    if silent := cli.listed([each.recording for each in dialogues if each.audio is None]):
        why = "is not known, and people need it: say --audio FILE or --audio NAME=FILE"
        raise AudioError(f"the audio of {silent} {why}")
    # With a prefix the server has the audio, which may well not be on this machine.
    if media_prefix is None:
        _warn_of_missing_audio(dialogues)
    folder = results_folder(output)
    if format_ == "elan":
        files = [file_of(dialogue, folder, plugins.format("elan")) for dialogue in dialogues]
    else:
        files = [folder / name for name in LABELSTUDIO_FILES]
    # People may have worked on them since they were written.
    there = cli.listed([str(each) for each in files if each.exists()])
    if there and not overwrite:
        advice = "say --overwrite, or another folder"
        raise OptionsError(f"{there}: there already, and perhaps corrected; {advice}")
    if format_ == "elan":
        write_any(dialogues, f"{folder}/", plugins=plugins, format="elan")
    else:
        served = [_served(dialogue, media_prefix) for dialogue in dialogues]
        write_any(served, files[0], plugins=plugins, format="labelstudio")
        write_text(files[1], labelling_config(dialogues))
    turns = cli.counted(sum(len(dialogue.turns) for dialogue in dialogues), "turn")
    cli.note(f"{turns} to correct are in {cli.listed(list(map(str, files)))}", quiet=quiet)


@review_command.command("read")
@cli.annotation_options("EMOTIONS")
@click.argument("corrected", metavar="CORRECTED")
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
    """Read corrections, and say what they are.

    EMOTIONS is what was exported, CORRECTED the file, or the folder of files, that came back, in
    the format that --input-format names. The folder DIR gets changes.csv (every turn before and
    after), agreement.json (Cohen's kappa, of all classes and of each) and cuts.jsonl.gz (the
    corrected turns, for 'emo2vec train').
    """
    answers = read_any(corrected, plugins=cli.plugins_of(ctx), format=input_format)
    _refuse_predictions(Path(corrected), input_format)
    names = LabelMap() if label_map is None else LabelMap.read(label_map)
    reviewed = compare(dialogues, answers, label_map=names)
    every = [change for each in reviewed for change in each.changes]
    result = agreement(every)
    folder, tally = results_folder(output), cli.Tally(quiet=quiet)
    # Cuts come last: they read audio, and what fails there has not cost the other two files.
    write_text(folder / CHANGES, as_csv(every))
    write_text(folder / AGREEMENT, json.dumps(result.to_dict(), indent=2) + "\n")
    _write_lines(folder / CUTS, [cut for each in reviewed for cut in _cuts(each, field, tally)])
    back = {each.original.recording for each in reviewed}
    if missing := cli.listed([each.recording for each in dialogues if each.recording not in back]):
        tally.leave_out(f"no corrections found for {missing}")
    cli.print_table(["", "kappa", "model", "people", "both"], [*_rows(result)])
    tally.conclude(f"{_summary(every)}; {CHANGES}, {AGREEMENT} and {CUTS} are in {folder}")


def _warn_of_missing_audio(dialogues: Sequence[Dialogue]) -> None:
    for each in dialogues:
        if each.audio is not None and "://" not in each.audio and not Path(each.audio).exists():
            missing = f"its audio is linked and not there: {each.audio}"
            cli.complain("warning", f"{each.recording}: {missing}; --audio FILE says where it is")


def _refuse_predictions(corrected: Path, format_: str | None) -> None:
    """Refuse tasks that went to Label Studio and are mistaken for what came back."""
    ending = LABELSTUDIO.suffixes[0]
    files = sorted(corrected.glob(f"*{ending}")) if corrected.is_dir() else [corrected]
    for file in files:
        if format_ == LABELSTUDIO.name or (format_ is None and file.name.endswith(ending)):
            try:
                refuse_unseen(read_text(file))
            except FormatError as error:
                raise FormatError(f"{file}: {error}") from error


def _served(dialogue: Dialogue, prefix: str | None) -> Dialogue:
    if prefix is None or dialogue.audio is None:
        return dialogue
    # Label Studio takes the address as it is: "&" or "#" in a name would end it.
    return replace(dialogue, audio=prefix + quote(PurePath(dialogue.audio).name))


def _cuts(reviewed: Reviewed, field: str, tally: cli.Tally) -> Iterator[Cut]:
    """Yield a recording's cut unless its audio fails; count what became of it."""
    from emo2vec_plugins.review.cuts import corrected_cut

    name = reviewed.original.recording
    try:
        made = corrected_cut(reviewed, field=field)
    except AudioError as error:
        tally.count("cut", name, str(error))
        return
    tally.count("cut", name)
    for what in made.left_out:
        tally.leave_out(f"not among the cuts: {what}")
    yield made.cut


def _write_lines(path: Path, cuts: Sequence[Cut]) -> None:
    # gzip writes the time of day into its head: without it the same corrections give the same file.
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
    touched = [change for change in every if change.kinds]
    kinds = [kind for change in touched for kind in change.kinds]
    counts = ", ".join(f"{kind} {kinds.count(kind)}" for kind in dict.fromkeys(kinds))
    by_kind = f" ({counts})" if counts else ""
    return f"{len(touched)} of {cli.counted(len(every), 'turn')} changed{by_kind}"
