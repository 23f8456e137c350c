"""``emo2vec demo``: the main job on the embedded model and a conversation that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from emo2vec_plugins.cli.options import option
from emo2vec_plugins.cli.output import print_table
from emo2vec_plugins.cli.scoring import (
    Results,
    Scoring,
    describe_model,
    formats_option,
    scoring_options,
)
from emo2vec_plugins.core import Options, ScoredTurn, annotate
from emo2vec_plugins.errors import MissingExtraError
from emo2vec_plugins.integrations import read_rttm_sources, unscored
from emo2vec_plugins.report import write_page


@click.command("demo")
@option("-o, --output DIR", "Where the results go.", default="emo2vec-demo")
@formats_option
@scoring_options(model="tiny")
def demo_command(*, output: str, formats: Sequence[str], scoring: Scoring) -> None:
    """Try it on a conversation of 30 s, offline.

    The conversation and its speaker turns come with pyannote.audio, the model with this
    package.
    """
    audio, turns = sample_conversation()
    found = read_rttm_sources(turns, audio)
    results = Results(output, formats, options=Options(), scoring=scoring)
    engine, plugins = scoring.engine(), scoring.plugins
    for dialogue in annotate(found.sources, score=engine, plugins=plugins, failed=unscored):
        columns = ("start", "end", "speaker", "emotion", "score", "flags")
        print_table(columns, [_row(scored) for scored in dialogue.turns])
        click.echo(f"\nscored by {describe_model(engine.backend)}")
        written = results.write(dialogue, rttm=found.lines[dialogue.recording])
        page = written[0].with_suffix(".html")
        write_page(dialogue, page, audio=audio)
        for path in written:
            click.echo(f"written {path}")
        click.echo(f"written {page}, to look at and to listen to in a browser")
    own = f"emo2vec rttm AUDIO --rttm FILE --output DIR --model {scoring.model}"
    results.tally.conclude(f"the same for a recording of yours: {own}")


def sample_conversation() -> tuple[Path, Path]:
    """Return the audio and the RTTM that pyannote.audio carries, without importing it.

    Raises:
        MissingExtraError: If it is not installed.
    """
    # Importing pyannote.audio takes seconds and switches its telemetry on.
    spec = find_spec("pyannote.audio") if find_spec("pyannote") else None
    for location in (spec.submodule_search_locations or ()) if spec else ():
        sample = Path(location) / "sample"
        paths = sample / "sample.wav", sample / "sample.rttm"
        if all(path.is_file() for path in paths):
            return paths
    raise MissingExtraError(
        "the conversation of the demo comes with pyannote.audio: "
        "pip install 'emo2vec-plugins[pyannote]', "
        "or use audio of your own: emo2vec rttm AUDIO --rttm FILE --output DIR --model tiny"
    )


def _row(scored: ScoredTurn) -> tuple[str, ...]:
    turn, emotion = scored.turn, scored.emotion
    label = emotion.label or f"unscored: {emotion.reason}"
    score = "" if emotion.score is None else f"{emotion.score:.2f}"
    times = f"{turn.start:.2f}", f"{turn.end:.2f}"
    return *times, turn.speaker or "", label, score, " ".join(emotion.flags)
