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

from emo2vec_plugins.cli import (
    Tally,
    complain,
    counted,
    listed,
    note,
    plugins_of,
    print_table,
    with_audio,
)
from emo2vec_plugins.core import Dialogue, LabelMap
from emo2vec_plugins.errors import AudioError, FormatError, OptionsError
from emo2vec_plugins.files import replacing, results_folder
from emo2vec_plugins.formats import (
    LABELSTUDIO,
    file_of,
    labelling_config,
    read_any,
    read_text,
    refuse_unseen,
    write_any,
    write_text,
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

    from emo2vec_plugins.core import Format

TOOLS = ("elan", "labelstudio")
LABELSTUDIO_FILES = ("tasks.labelstudio.json", "labelling.xml")
CHANGES, AGREEMENT, CUTS = "changes.csv", "agreement.json", "cuts.jsonl.gz"

audio_option = click.option(
    "--audio",
    metavar="FILE",
    multiple=True,
    help="The sound: FILE, or NAME=FILE for one recording of several.  [default: as annotated]",
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No summary.")


@click.group()
def review() -> None:
    """Have people correct emotions, and bring that home.

    'export' writes results for ELAN or Label Studio; 'read' takes what came back, says which turns
    changed and how far people agree with the model, and writes a CutSet to train on.
    """


@review.command()
@click.argument("emotions", metavar="EMOTIONS")
@click.argument("out", metavar="OUT")
@click.option("--tool", type=click.Choice(TOOLS), required=True, help="Whom it is for.")
@audio_option
@click.option(
    "--media-prefix",
    metavar="TEXT",
    help="What Label Studio has before the name of an audio file, such as "
    "'/data/local-files/?d=meetings/'.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@quiet_option
@click.pass_context
def export(
    ctx: click.Context,
    *,
    emotions: str,
    out: str,
    tool: str,
    audio: Sequence[str],
    media_prefix: str | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Write results for people to correct.

    EMOTIONS is a folder of results, or a file that 'emo2vec convert' reads. The folder OUT gets,
    for ELAN, X.eaf for each recording X, linked to its sound; for Label Studio, tasks to import
    and the labelling configuration to set up the project with.
    """
    plugins = plugins_of(ctx)
    dialogues = with_audio(read_any(emotions, plugins=plugins), audio)
    _refuse_silence(dialogues)
    if media_prefix is None:
        _tell_of_missing_sound(dialogues)
    folder = results_folder(out)
    if not overwrite:
        _refuse_corrected(dialogues, folder, plugins.format("elan") if tool == "elan" else None)
    if tool == "elan":
        files = [*write_any(dialogues, f"{folder}/", plugins=plugins, format="elan").paths]
    else:
        files = [folder / name for name in LABELSTUDIO_FILES]
        served = [_served(dialogue, media_prefix) for dialogue in dialogues]
        write_any(served, files[0], plugins=plugins, format="labelstudio")
        write_text(files[1], labelling_config(dialogues))
    turns = sum(len(dialogue.turns) for dialogue in dialogues)
    note(f"{counted(turns, 'turn')} to correct are in {listed(list(map(str, files)))}", quiet=quiet)


@review.command()
@click.argument("emotions", metavar="EMOTIONS")
@click.argument("corrected", metavar="CORRECTED")
@click.argument("out", metavar="OUT")
@click.option("--from", "from_", metavar="NAME", help="Format of CORRECTED.")
@audio_option
@click.option(
    "--label-map",
    metavar="FILE",
    help="YAML or JSON: what other labels mean ('furious: angry'); null takes them off.",
)
@click.option(
    "--field", default="emotion", show_default=True, help="Of the cuts' supervisions, for labels."
)
@quiet_option
@click.pass_context
def read(
    ctx: click.Context,
    *,
    emotions: str,
    corrected: str,
    out: str,
    from_: str | None,
    audio: Sequence[str],
    label_map: str | None,
    field: str,
    quiet: bool,
) -> None:
    """Read corrections, and say what they are.

    EMOTIONS is what was exported, CORRECTED the file, or the folder of files, that came back. The
    folder OUT gets changes.csv (every turn before and after), agreement.json (Cohen's kappa, of
    all classes and of each) and cuts.jsonl.gz (the corrected turns, for 'emo2vec train').
    """
    plugins = plugins_of(ctx)
    originals = with_audio(read_any(emotions, plugins=plugins), audio)
    answers = read_any(corrected, plugins=plugins, format=from_)
    _refuse_predictions(Path(corrected), from_)
    reviewed = compare(
        originals,
        answers,
        label_map=None if label_map is None else LabelMap.read(label_map),
    )
    every = [change for each in reviewed for change in each.changes]
    result = agreement(every)
    folder, tally = results_folder(out), Tally(quiet=quiet)
    write_text(folder / CHANGES, as_csv(every))
    write_text(folder / AGREEMENT, json.dumps(result.to_dict(), indent=2) + "\n")
    _write_lines(folder / CUTS, [cut for each in reviewed for cut in _cuts(each, field, tally)])
    _tell_missing(originals, reviewed, tally)
    print_table(["", "kappa", "model", "people", "both"], [*_rows(result)])
    tally.conclude(ctx, f"{_summary(every)}; {CHANGES}, {AGREEMENT} and {CUTS} are in {folder}")


def _refuse_silence(dialogues: Sequence[Dialogue]) -> None:
    silent = [each.recording for each in dialogues if each.audio is None]
    if silent:
        raise AudioError(
            f"nobody knows where the sound of {listed(silent)} is, and people are to hear it: "
            "say --audio FILE or --audio NAME=FILE"
        )


def _tell_of_missing_sound(dialogues: Sequence[Dialogue]) -> None:
    for each in dialogues:
        if each.audio is not None and "://" not in each.audio and not Path(each.audio).exists():
            complain(
                "warning",
                f"{each.recording}: its sound is linked and not there: {each.audio}; "
                "--audio FILE says where it is",
            )


def _refuse_corrected(dialogues: Sequence[Dialogue], folder: Path, elan: Format | None) -> None:
    """Refuse to replace what people may have worked on since it was written."""
    if elan is None:
        files = [folder / name for name in LABELSTUDIO_FILES]
    else:
        files = [file_of(dialogue, folder, elan) for dialogue in dialogues]
    there = [str(each) for each in files if each.exists()]
    if there:
        raise OptionsError(
            f"{listed(there)}: there already, and perhaps corrected; say --overwrite, or another "
            "folder"
        )


def _refuse_predictions(corrected: Path, from_: str | None) -> None:
    """Refuse tasks that went to Label Studio and are taken for what came back."""
    ending = LABELSTUDIO.suffixes[0]
    files = sorted(corrected.glob(f"*{ending}")) if corrected.is_dir() else [corrected]
    for file in files:
        if from_ == LABELSTUDIO.name or (from_ is None and file.name.endswith(ending)):
            try:
                refuse_unseen(read_text(file))
            except FormatError as error:
                raise FormatError(f"{file}: {error}") from error


def _served(dialogue: Dialogue, prefix: str | None) -> Dialogue:
    if prefix is None or dialogue.audio is None:
        return dialogue
    return replace(dialogue, audio=prefix + quote(PurePath(dialogue.audio).name))


def _cuts(reviewed: Reviewed, field: str, tally: Tally) -> Iterator[Cut]:
    """Yield a recording's cut, if it can be had; say what became of it."""
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
    # Without a time in it, so that the same corrections give the same file.
    with replacing(path) as stream, gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as packed:
        for cut in cuts:
            line = json.dumps(cut.to_dict(), ensure_ascii=False)
            packed.write(line.encode("utf-8") + b"\n")


def _tell_missing(
    originals: Sequence[Dialogue], reviewed: Sequence[Reviewed], tally: Tally
) -> None:
    names = {each.original.recording for each in reviewed}
    missing = [each.recording for each in originals if each.recording not in names]
    if missing:
        tally.leave_out(f"nobody gave back {listed(missing)}")


def _rows(result: Agreement) -> Iterator[list[str]]:
    yield ["all", _number(result.kappa), *[str(result.turns)] * 2, str(result.agreed)]
    for name, each in result.per_label.items():
        yield [name, _number(each.kappa), str(each.model), str(each.people), str(each.both)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _summary(every: Sequence[Change]) -> str:
    touched = [change for change in every if change.kinds]
    kinds = [kind for change in touched for kind in change.kinds]
    counts = ", ".join(f"{kind} {kinds.count(kind)}" for kind in dict.fromkeys(kinds))
    told = f" ({counts})" if counts else ""
    return f"{len(touched)} of {counted(len(every), 'turn')} changed{told}"
