"""``emo2vec rttm``: audio and an RTTM of any number of recordings in, a bundle for each out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import click

from emo2vec_plugins.cli.bundles import annotate_to_bundles
from emo2vec_plugins.cli.exports import Exports, format_option
from emo2vec_plugins.cli.options import Scoring, bundle_options, scoring_options
from emo2vec_plugins.cli.output import Tally, counted, listed, note, progress, speaker_of
from emo2vec_plugins.core import Options
from emo2vec_plugins.errors import AudioError, Emo2vecWarning
from emo2vec_plugins.files import results_folder
from emo2vec_plugins.integrations import RttmSources, read_rttm_sources


@click.command()
@click.argument("audio", metavar="AUDIO...", nargs=-1, required=True)
@click.option("--rttm", metavar="FILE", required=True, help="Speaker turns of the recordings.")
@click.option("-o", "--out", metavar="DIR", required=True, help="Where the results go.")
@bundle_options
@format_option
@click.option(
    "--use-channels",
    is_flag=True,
    help="Take the RTTM's channel field, which counts from 1, for channels of the audio.",
)
@scoring_options()
@click.pass_context
def rttm(
    ctx: click.Context,
    *,
    audio: Sequence[str],
    rttm: str,
    out: str,
    overlap: Literal["keep", "exclude"],
    embeddings: bool,
    frames: bool,
    array_dtype: Literal["float16", "float32"],
    formats: Sequence[str],
    use_channels: bool,
    scoring: Scoring,
) -> None:
    """Score the speaker turns of an RTTM.

    AUDIO are files, or folders that are searched, named after the recordings in the RTTM;
    NAME=FILE gives a recording a file of another name, and so does one FILE alone where the RTTM
    has one recording. For each recording X, DIR gets X.rttm (its lines as they are),
    X.emotion.rttm, X.spkemo.rttm, X.emotions.jsonl and, if asked for, X.embeddings.npz.
    Recordings without audio are listed.
    """
    exports = Exports(formats, scoring.plugins)
    found = read_rttm_sources(rttm, audio, use_channels=use_channels)
    _refuse_none(found, rttm)
    for name in found.renamed:
        note(f"{audio[0]} is heard as {name}, the only recording of {rttm}", quiet=scoring.quiet)
    for path in found.unused:
        warnings.warn(f"{path}: no recording of {rttm} has this name", Emo2vecWarning, stacklevel=2)
    options = Options(
        overlap=overlap, embeddings=embeddings, frames=frames, array_dtype=array_dtype
    )
    folder = results_folder(out)
    tally = Tally(quiet=scoring.quiet)
    if found.missing:
        tally.leave_out(_without_audio(found, rttm))
    engine = scoring.engine(granularity="frame" if frames else "utterance")
    total = sum(len(source.turns or ()) for source in found.sources)
    with progress("turns", total=total, quiet=scoring.quiet) as advance:
        for dialogue, _ in annotate_to_bundles(
            found.sources,
            folder,
            engine=engine,
            plugins=scoring.plugins,
            options=options,
            lines=found.lines,
            advance=advance,
        ):
            tally.add(dialogue)
            exports.write(dialogue, folder, tally)
    tally.conclude(
        ctx,
        f"{counted(tally.turns, 'turn')} of {counted(len(found.sources), 'recording')}, heard by "
        f"{speaker_of(engine.backend.provenance)}, are in {folder}",
    )


def _without_audio(found: RttmSources, rttm: str) -> str:
    names = listed(found.missing)
    if len(found.missing) == 1:
        return f"1 recording of {rttm} has no audio file of its name: {names}"
    return f"{len(found.missing)} recordings of {rttm} have no audio file of their name: {names}"


def _refuse_none(found: RttmSources, rttm: str) -> None:
    if found.sources:
        return
    if not found.missing:
        raise AudioError(f"{rttm}: there are no turns in this file")
    unused = "".join(f"; {path} is not one" for path in found.unused[:1])
    others = ", or like another one" if len(found.missing) > 1 else ""
    raise AudioError(
        f"no recording in {rttm} has audio: expected a file "
        f"named {found.missing[0]} and a suffix{others}{unused}; "
        f"{found.missing[0]}=FILE says which file it is"
    )
