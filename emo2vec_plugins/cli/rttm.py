"""``emo2vec rttm``: score the turns of an RTTM, and write a bundle for each recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from emo2vec_plugins.cli.files import late_turns, writes_files
from emo2vec_plugins.cli.options import file_argument, folder_option, option
from emo2vec_plugins.cli.output import listed, note
from emo2vec_plugins.cli.progress import progress
from emo2vec_plugins.cli.results import Results
from emo2vec_plugins.cli.scoring import (
    Scoring,
    annotating_options,
    describe_model,
    formats_option,
    note_trust,
    scoring_options,
)
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import Clip, Emotion, End, Options, annotate, counted
from emo2vec_plugins.errors import AudioError, warn
from emo2vec_plugins.files import protect
from emo2vec_plugins.integrations import RttmSources, read_rttm_sources, unscored


@command("rttm")
@writes_files()
@file_argument("audio", "AUDIO...")
@option(
    "--rttm FILE",
    "Speaker turns of the recordings. Repeatable.",
    name="rttms",
    multiple=True,
    required=True,
)
@folder_option
@annotating_options("overlap", "embeddings", "frames", "array_dtype")
@formats_option
@option(
    "--use-channels", "Score only the audio channel named in the RTTM's channel field (from 1)."
)
@scoring_options()
def rttm_command(
    *,
    audio: Sequence[str],
    rttms: Sequence[str],
    output: str,
    options: Options,
    formats: Sequence[str],
    use_channels: bool,
    scoring: Scoring,
) -> None:
    """Score the speaker turns of an RTTM.

    AUDIO is a file or a folder to search; files must have the names of the RTTM's recordings.
    Use NAME=FILE for a file with another name. If the RTTM has one recording, a single FILE may
    have any name.

    For each recording X, DIR gets X.rttm (its lines, unchanged), X.emotion.rttm, X.spkemo.rttm,
    X.emotions.jsonl and, with --embeddings or --frames, X.embeddings.npz. Recordings without audio
    are listed.

    \b
    Examples:
      emo2vec rttm meeting.wav --rttm meeting.rttm -o results
      emo2vec rttm audio/ --rttm all.rttm -o results --format textgrid
    """
    found = read_rttm_sources(rttms, audio, use_channels=use_channels)
    rttm = listed(rttms)
    _refuse_none(found, rttm)
    for name in found.renamed:
        note(f"using {audio[0]} for {name}, the only recording of {rttm}", quiet=scoring.quiet)
    for path in found.unused:
        warn(f"{path}: no recording of {rttm} has this name")
    results = Results(output, formats, options=options, scoring=scoring)
    protect(*(source.audio for source in found.sources))
    results.check((source.recording for source in found.sources), lines=found.lines)
    if found.missing:
        count = counted(len(found.missing), "recording")
        names = listed(found.missing)
        results.tally.leave_out(f"{count} in {rttm} without an audio file of that name: {names}")
    engine = scoring.engine(frames=options.frames)
    total = sum(len(source.turns or ()) for source in found.sources)
    with progress("turns", total=total, quiet=scoring.quiet) as advance:

        def score(items: Iterable[Clip | End]) -> Iterator[tuple[Clip | End, Emotion | None]]:
            # Progress is counted here: a long recording is only written after its last turn.
            for item, emotion in engine(items):
                if isinstance(item, Clip):
                    advance(1)
                yield item, emotion

        for dialogue in annotate(
            found.sources, score=score, plugins=scoring.plugins, options=options, failed=unscored
        ):
            results.write(dialogue, rttm=found.lines[dialogue.recording])
            results.tally.count("recording", dialogue.recording, late_turns(dialogue))
    done = f"{counted(results.tally.turns, 'turn')} of {counted(len(found.sources), 'recording')}"
    by = describe_model(engine.backend)
    note_trust(engine.backend, quiet=scoring.quiet)
    results.conclude(f"wrote {done}, scored by {by}, to {results.folder}")


def _refuse_none(found: RttmSources, rttm: str) -> None:
    if found.sources:
        return
    if not found.missing:
        raise AudioError(f"{rttm}: no turns in this file")
    name = found.missing[0]
    given = "".join(f", got {path}" for path in found.unused[:1])
    raise AudioError(
        f"no audio for {counted(len(found.missing), 'recording')} in {rttm}: expected a file named "
        f"{name!r} with an audio suffix{given}; use {name}=FILE for a file with another name"
    )
