"""``emo2vec rttm``: audio and an RTTM of any number of recordings in, a bundle for each out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence

import click

from emo2vec_plugins.cli.options import annotating_options, folder_option, formats_option
from emo2vec_plugins.cli.output import Tally, counted, listed, note, progress
from emo2vec_plugins.cli.results import Results
from emo2vec_plugins.cli.scoring import Scoring, describe_model, scoring_options
from emo2vec_plugins.core import Clip, Dialogue, Emotion, End, Options, annotate
from emo2vec_plugins.errors import AudioError, Emo2vecWarning
from emo2vec_plugins.integrations import RttmSources, read_rttm_sources, unscored


@click.command("rttm")
@click.argument("audio", metavar="AUDIO...", nargs=-1, required=True)
@click.option("--rttm", metavar="FILE", required=True, help="Speaker turns of the recordings.")
@folder_option
@annotating_options("overlap", "embeddings", "frames", "array_dtype")
@formats_option
@click.option(
    "--use-channels",
    is_flag=True,
    help="Take the RTTM's channel field, which counts from 1, for channels of the audio.",
)
@scoring_options()
@click.pass_context
def rttm_command(
    ctx: click.Context,
    *,
    audio: Sequence[str],
    rttm: str,
    output: str,
    options: Options,
    formats: Sequence[str],
    use_channels: bool,
    scoring: Scoring,
) -> None:
    """Score the speaker turns of an RTTM.

    AUDIO are files, or folders that are searched, named after the recordings in the RTTM;
    NAME=FILE gives a recording a file of another name, and so does one FILE alone if the RTTM
    has one recording. For each recording X, DIR gets X.rttm (its lines as they are),
    X.emotion.rttm, X.spkemo.rttm, X.emotions.jsonl and, if asked for, X.embeddings.npz.
    Recordings without audio are listed.
    """
    found = read_rttm_sources(rttm, audio, use_channels=use_channels)
    _refuse_none(found, rttm)
    for name in found.renamed:
        note(f"using {audio[0]} for {name}, the only recording of {rttm}", quiet=scoring.quiet)
    for path in found.unused:
        warnings.warn(f"{path}: no recording of {rttm} has this name", Emo2vecWarning, stacklevel=2)
    tally = Tally(quiet=scoring.quiet)
    results = Results(output, formats, options=options, plugins=scoring.plugins, tally=tally)
    if found.missing:
        tally.leave_out(_without_audio(found, rttm))
    engine = scoring.engine(frames=options.frames)
    total = sum(len(source.turns or ()) for source in found.sources)
    with progress("turns", total=total, quiet=scoring.quiet) as advance:

        def score(items: Iterable[Clip | End]) -> Iterator[tuple[Clip | End, Emotion | None]]:
            # Counted here: a recording of hours is written only when its last turn is scored.
            for item, emotion in engine(items):
                if isinstance(item, Clip):
                    advance(1)
                yield item, emotion

        dialogues: Iterator[Dialogue] = annotate(
            found.sources, score=score, plugins=scoring.plugins, options=options, failed=unscored
        )
        for dialogue in dialogues:
            results.write(dialogue, rttm=found.lines[dialogue.recording])
    tally.conclude(
        ctx,
        f"{counted(tally.turns, 'turn')} of {counted(len(found.sources), 'recording')}, scored by "
        f"{describe_model(engine.backend)}, are in {results.folder}",
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
