"""``emo2vec demo``: the main job on a sample conversation, with the embedded model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emo2vec_plugins.cli.files import OutputName, writes_files
from emo2vec_plugins.cli.options import option
from emo2vec_plugins.cli.output import echo, print_table
from emo2vec_plugins.cli.results import Results
from emo2vec_plugins.cli.scoring import (
    Scoring,
    describe_model,
    formats_option,
    note_trust,
    scoring_options,
)
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import Emotion, Options, ScoredTurn, annotate
from emo2vec_plugins.integrations import read_rttm_sources, unscored
from emo2vec_plugins.report import write_page


@command("demo")
@writes_files()
@option(
    "-o, --output DIR",
    "Where the results go.",
    type=OutputName(kind="folder"),
    default="emo2vec-demo",
)
@formats_option
@scoring_options(model="tiny")
def demo_command(*, output: str, formats: Sequence[str], scoring: Scoring) -> None:
    """Score a sample conversation of 30 s, offline.

    The conversation and the model come with this package. DIR gets the files that 'emo2vec rttm'
    writes, and a page that plays each turn in a browser.

    \b
    Example:
      emo2vec demo -o results
    """
    audio, turns = sample_conversation()
    found = read_rttm_sources(turns, audio)
    results = Results(output, formats, options=Options(), scoring=scoring)
    names = [each.recording for each in found.sources]
    results.check(names, *(results.folder / f"{name}.html" for name in names))
    engine, plugins = scoring.engine(), scoring.plugins
    for dialogue in annotate(found.sources, score=engine, plugins=plugins, failed=unscored):
        written = results.write(dialogue, rttm=found.lines[dialogue.recording])
        page = written[0].with_suffix(".html")
        write_page(dialogue, page, audio=audio)
        columns = ("start", "end", "speaker", "emotion", "score", "flags")
        print_table(columns, [_row(scored) for scored in dialogue.turns])
        echo(f"\nscored by {describe_model(engine.backend)}")
        for path in (*written, page):
            echo(f"wrote {path}")
        echo(f"\nopen {page} in a browser to see and play the turns\n")
    note_trust(engine.backend, quiet=scoring.quiet)
    own = f"emo2vec rttm AUDIO --rttm FILE --output DIR --model {scoring.model}"
    results.conclude(f"the same for your own recording: {own}")


def sample_conversation() -> tuple[Path, Path]:
    """Return the paths of a recording of 30 s, as Opus, and of its speaker turns, as RTTM.

    An excerpt of the AMI Meeting Corpus (CC BY 4.0), see ``sample/README.md``.
    """
    folder = Path(__file__).parent / "sample"
    return folder / "sample.opus", folder / "sample.rttm"


def _unlabelled(emotion: Emotion) -> str:
    if not emotion.withheld:
        return f"unscored: {emotion.reason}"
    best = max(emotion.scores, key=emotion.scores.__getitem__)
    return f"withheld ({best} {emotion.scores[best]:.2f})"


def _row(scored: ScoredTurn) -> tuple[str, ...]:
    turn, emotion = scored.turn, scored.emotion
    label = emotion.label or _unlabelled(emotion)
    score = "" if emotion.score is None else f"{emotion.score:.2f}"
    times = f"{turn.start:.2f}", f"{turn.end:.2f}"
    return *times, turn.speaker or "", label, score, " ".join(emotion.flags)
