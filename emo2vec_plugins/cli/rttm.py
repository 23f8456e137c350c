"""``emo2vec rttm``: audio and an RTTM of any number of recordings in, a bundle for each out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click

from emo2vec_plugins.cli.options import folder_option, option
from emo2vec_plugins.cli.output import counted, listed, note, progress
from emo2vec_plugins.cli.scoring import (
    Results,
    Scoring,
    annotating_options,
    describe_model,
    formats_option,
    scoring_options,
)
from emo2vec_plugins.core import Clip, Emotion, End, Options, annotate
from emo2vec_plugins.errors import AudioError, warn
from emo2vec_plugins.integrations import RttmSources, read_rttm_sources, unscored


@click.command("rttm")
@click.argument("audio", metavar="AUDIO...", nargs=-1, required=True)
@option("--rttm FILE", "Speaker turns of the recordings.", required=True)
@folder_option
@annotating_options("overlap", "embeddings", "frames", "array_dtype")
@formats_option
@option("--use-channels", "Take the RTTM's channel field, which counts from 1, for the audio's.")
@scoring_options()
def rttm_command(
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
        warn(f"{path}: no recording of {rttm} has this name")
    results = Results(output, formats, options=options, scoring=scoring)
    if found.missing:
        have = (
            "has no audio file of its" if len(found.missing) == 1 else "have no audio file of their"
        )
        count = counted(len(found.missing), "recording")
        results.tally.leave_out(f"{count} of {rttm} {have} name: {listed(found.missing)}")
    engine = scoring.engine(frames=options.frames)
    total = sum(len(source.turns or ()) for source in found.sources)
    with progress("turns", total=total, quiet=scoring.quiet) as advance:

        def score(items: Iterable[Clip | End]) -> Iterator[tuple[Clip | End, Emotion | None]]:
            # Counted here: a recording of hours is written only when its last turn is scored.
            for item, emotion in engine(items):
                if isinstance(item, Clip):
                    advance(1)
                yield item, emotion

        for dialogue in annotate(
            found.sources, score=score, plugins=scoring.plugins, options=options, failed=unscored
        ):
            results.write(dialogue, rttm=found.lines[dialogue.recording])
    done = f"{counted(results.tally.turns, 'turn')} of {counted(len(found.sources), 'recording')}"
    by = describe_model(engine.backend)
    results.tally.conclude(f"{done}, scored by {by}, are in {results.folder}")


def _refuse_none(found: RttmSources, rttm: str) -> None:
    if found.sources:
        return
    if not found.missing:
        raise AudioError(f"{rttm}: there are no turns in this file")
    name = found.missing[0]
    unused = "".join(f"; {path} is not one" for path in found.unused[:1])
    others = ", or like another one" if len(found.missing) > 1 else ""
    expected = f"expected a file named {name} and a suffix{others}{unused}"
    raise AudioError(
        f"no recording in {rttm} has audio: {expected}; {name}=FILE says which file it is"
    )
