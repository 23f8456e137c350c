"""``emo2vec demo``: the main job on the embedded model and a conversation that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from emo2vec_plugins.cli.bundles import annotate_to_bundles
from emo2vec_plugins.cli.exports import Exports, format_option
from emo2vec_plugins.cli.options import Scoring, scoring_options
from emo2vec_plugins.cli.output import Tally, print_table, speaker_of
from emo2vec_plugins.core import Dialogue, Options, ScoredTurn
from emo2vec_plugins.errors import MissingExtraError
from emo2vec_plugins.files import results_folder
from emo2vec_plugins.integrations import read_rttm_sources
from emo2vec_plugins.report import write_page


@click.command()
@click.option(
    "-o",
    "--out",
    metavar="DIR",
    default="emo2vec-demo",
    show_default=True,
    help="Where the results go.",
)
@format_option
@scoring_options(model="tiny")
@click.pass_context
def demo(ctx: click.Context, *, out: str, formats: Sequence[str], scoring: Scoring) -> None:
    """Try it on a conversation of 30 s, offline.

    The conversation and its speaker turns come with pyannote.audio, the model with this
    package.
    """
    audio, turns = sample_conversation()
    found = read_rttm_sources(turns, audio)
    exports = Exports(formats, scoring.plugins)
    folder = results_folder(out)
    engine = scoring.engine()
    tally = Tally(quiet=scoring.quiet)
    for dialogue, bundle in annotate_to_bundles(
        found.sources,
        folder,
        engine=engine,
        plugins=scoring.plugins,
        options=Options(),
        lines=found.lines,
        advance=lambda: None,
    ):
        tally.add(dialogue)
        print_turns(dialogue)
        click.echo(f"\nheard by {speaker_of(engine.backend.provenance)}")
        more = exports.write(dialogue, folder, tally)
        bundled = bundle.rttm, bundle.emotion_rttm, bundle.spkemo_rttm, bundle.emotions_jsonl
        page = bundle.rttm.with_suffix(".html")
        write_page(dialogue, page, audio=audio)
        for path in (*bundled, *more):
            click.echo(f"written {path}")
        click.echo(f"written {page}, to look at and to listen to in a browser")
    tally.conclude(ctx, f"the same for a recording of yours: {_example(scoring.model)}")


def print_turns(dialogue: Dialogue) -> None:
    """Print one line a turn: when, who, and what was heard."""
    columns = ("start", "end", "speaker", "emotion", "score", "flags")
    print_table(columns, [_row(scored) for scored in dialogue.turns])


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
        "or use audio of your own: emo2vec rttm AUDIO --rttm FILE --out DIR --model tiny"
    )


def _row(scored: ScoredTurn) -> tuple[str, ...]:
    turn, emotion = scored.turn, scored.emotion
    return (
        f"{turn.start:.2f}",
        f"{turn.end:.2f}",
        turn.speaker or "",
        emotion.label or f"unscored: {emotion.reason}",
        "" if emotion.score is None else f"{emotion.score:.2f}",
        " ".join(emotion.flags),
    )


def _example(model: str) -> str:
    return f"emo2vec rttm AUDIO --rttm FILE --out DIR --model {model}"
