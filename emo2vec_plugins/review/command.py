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
from emo2vec_plugins.core import Dialogue, check_field, counted, require_extra
from emo2vec_plugins.errors import AudioError, FormatError, naming
from emo2vec_plugins.files import (
    check_overwrite,
    protect,
    read_text,
    remove_own,
    replacing,
    results_folder,
    write_text,
)
from emo2vec_plugins.formats import (
    LABELSTUDIO,
    LabelMap,
    annotation_files,
    digest_of,
    labelling_config,
    path_for,
    read_any,
    read_export,
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
MARKS = {
    "elan": "write 'yes' on the tier reviewed@SPEAKER",
    "labelstudio": "choose 'yes' under 'Is the emotion right?', and submit the task",
    None: "in ELAN or Label Studio, or in formats that store 'reviewed'",
}
"""How people mark turns, by format."""

CHANGES, AGREEMENT, CUTS = "changes.csv", "agreement.json", "cuts.jsonl.gz"


@click.group("review", cls=cli.ResultsGroup)
def review_command() -> None:
    """Export for correction and import the results.

    'export' writes results for ELAN or Label Studio. 'read' imports the corrected files, reports
    changed turns and agreement with the model, and writes a CutSet to train on. Only labels that
    a person changed, or marked as right, count as those of people.

    \b
    Examples:
      emo2vec review export results/ -o to_correct --format elan
      emo2vec review read results/ to_correct/ -o reviewed --input-format elan
    """


@review_command.command("export")
@cli.writes_files()
@cli.annotation_options("EMOTIONS")
@cli.folder_option
@cli.option(
    "--format", "Format of the files.", name="format_", type=click.Choice(FORMATS), required=True
)
@cli.option(
    "--media-prefix TEXT",
    "Prefix of audio file names in Label Studio, such as '/data/local-files/?d=meetings/'.",
)
@cli.quiet_option
@click.pass_context
def export_command(
    ctx: click.Context,
    *,
    dialogues: Sequence[Dialogue],
    output: str,
    format_: str,
    media_prefix: str | None,
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
        cli.warn_of_missing_audio(dialogues)
    folder = results_folder(output)
    if format_ == "elan":
        files = [path_for(dialogue, folder, plugins.format("elan")) for dialogue in dialogues]
    else:
        files = [folder / name for name in LABELSTUDIO_FILES]
    check_overwrite(*files)  # people may have corrected them
    # Those with the most withheld labels come first, as people should begin with them.
    dialogues = sorted(dialogues, key=_withheld, reverse=True)
    # Later, the digest shows whether the results are still those that people saw.
    dialogues = [replace(each, exported=digest_of(each)) for each in dialogues]
    if format_ == "elan":
        write_any(dialogues, f"{folder}/", plugins=plugins, format="elan")
    else:
        served = [_served(dialogue, media_prefix) for dialogue in dialogues]
        write_any(served, files[0], plugins=plugins, format="labelstudio")
        write_text(files[1], labelling_config(dialogues))
    turns, withheld = sum(len(each.turns) for each in dialogues), sum(map(_withheld, dialogues))
    first = (
        f"; begin with the {counted(withheld, 'turn')} whose label was withheld" if withheld else ""
    )
    named = cli.listed(list(map(str, files)))
    cli.note(f"wrote {counted(turns, 'turn')} to {named}{first}", quiet=quiet)


@review_command.command("read")
@cli.writes_files()
@cli.annotation_options("EMOTIONS")
@cli.file_argument("corrected", "CORRECTED")
@cli.folder_option
@cli.input_format_option
@cli.option(
    "--annotator WHO",
    "Label Studio: read only annotations by this person, a number or an email address.",
)
@cli.label_map_option
@cli.field_option
@cli.root_option
@cli.quiet_option
@click.pass_context
def read_command(
    ctx: click.Context,
    *,
    dialogues: Sequence[Dialogue],
    corrected: str,
    output: str,
    input_format: str | None,
    annotator: str | None,
    label_map: str | None,
    field: str,
    quiet: bool,
) -> None:
    """Import corrections, and report changes and agreement.

    EMOTIONS is the input of the export. CORRECTED is the corrected file or folder of files, in the
    format --input-format. DIR gets changes.csv (every turn before and after), agreement.json
    (Cohen's kappa over all classes and for each class) and cuts.jsonl.gz (the reviewed turns, for
    'emo2vec train'). A turn is reviewed if a person changed its emotion or marked it.

    \b
    Examples:
      emo2vec review read results/ to_correct/ -o reviewed --input-format elan
      emo2vec review read results/ project-1-export.json -o reviewed \\
        --input-format labelstudio --label-map labels.yaml
    """
    check_field(field)
    for library in ("sklearn", "lhotse"):
        require_extra(library, extra="train", purpose="review read")
    plugins = cli.plugins_of(ctx)
    folder = results_folder(output)
    if annotator is None:
        protect(*annotation_files(corrected, plugins=plugins, format=input_format)[0])
        answers = read_any(corrected, plugins=plugins, format=input_format)
    elif input_format == LABELSTUDIO.name:
        answers = read_export(read_text(Path(corrected)), annotator=annotator)
    else:
        raise click.UsageError(f"--annotator needs --input-format {LABELSTUDIO.name}")
    check_overwrite(*(folder / name for name in (CHANGES, AGREEMENT, CUTS)))
    names = LabelMap() if label_map is None else LabelMap.read(label_map)
    with naming(corrected):
        reviewed = compare(dialogues, answers, label_map=names)
    every = [change for each in reviewed for change in each.changes]
    if not any(map(_is_edited, reviewed)):
        advice = f"change emotions, or mark right ones: {MARKS.get(input_format, MARKS[None])}"
        raise FormatError(f"{corrected}: no turn was changed or marked as reviewed; {advice}")
    result = agreement(every)
    tally = cli.Tally(quiet=quiet)
    # Cuts come last: they read audio, which may fail after the other files are safe.
    write_text(folder / CHANGES, as_csv(every))
    write_text(folder / AGREEMENT, json.dumps(result.to_dict(), indent=2) + "\n")
    written = [CHANGES, AGREEMENT]
    if cuts := [cut for each in reviewed for cut in _cuts(each, field, tally)]:
        _write_lines(folder / CUTS, cuts)
        written.append(CUTS)
    elif not remove_own(folder / CUTS):  # it would be mistaken for this run's
        tally.leave_out(f"{folder / CUTS} is not of this run: others wrote or edited it")
    found = {each.original.recording for each in reviewed if _is_edited(each)}
    if missing := cli.listed([each.recording for each in dialogues if each.recording not in found]):
        tally.leave_out(f"no corrections or marks found for {missing}")
    _warn_of_doubts(reviewed, every)
    cli.print_table(["label", "kappa", "model", "people", "both"], [*_rows(result)])
    tally.conclude(f"{_summary(every)}; wrote {', '.join(written)} to {folder}")


def _is_edited(reviewed: Reviewed) -> bool:
    return any(change.kinds or change.reviewed for change in reviewed.changes)


def _warn_of_doubts(reviewed: Sequence[Reviewed], every: Sequence[Change]) -> None:
    """Warn if corrections may not be those of people, or if agreement covers only corrections."""
    if unknown := cli.listed(
        [each.original.recording for each in reviewed if each.corrected.exported is None]
    ):
        advice = "every difference from EMOTIONS counts as a correction"
        cli.complain("warning", f"{unknown}: the file does not say what was exported; {advice}")
    if not any(each.pair.after and each.pair.after.emotion.reviewed for each in every):
        found = "no turn is marked as reviewed, so agreement covers only corrected turns"
        cli.complain("warning", found)


def _withheld(dialogue: Dialogue) -> int:
    return sum(each.emotion.withheld for each in dialogue.turns)


def _served(dialogue: Dialogue, prefix: str | None) -> Dialogue:
    if prefix is None or dialogue.audio is None:
        return dialogue
    # Label Studio uses the URL unchanged, so an unquoted "&" or "#" in a name would end it.
    return replace(dialogue, audio=prefix + quote(PurePath(dialogue.audio).name))


def _cuts(reviewed: Reviewed, field: str, tally: cli.Tally) -> Iterator[Cut]:
    """Yield a recording's cut, or nothing if its audio fails; count both in *tally*."""
    from emo2vec_plugins.review.cuts import corrected_cut

    name = reviewed.original.recording
    if not any(change.reviewed for change in reviewed.changes):
        return
    try:
        made = corrected_cut(reviewed, field=field, permissions=cli.permissions_of())
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
    reviewed = sum(change.reviewed for change in every)
    turns = counted(len(every), "turn")
    return f"{reviewed} of {turns} reviewed, {len(changed)} changed{by_kind}"
