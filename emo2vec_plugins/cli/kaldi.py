"""``emo2vec kaldi``: a Kaldi data folder in, the emotions of its utterances beside its files."""

from __future__ import annotations

from typing import Literal

import click

from emo2vec_plugins.cli.options import Scoring, overlap_option, scoring_options
from emo2vec_plugins.cli.output import Tally, counted, progress, speaker_of
from emo2vec_plugins.core import Options
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import results_folder
from emo2vec_plugins.integrations.kaldi import ScoredRecording, annotate_kaldi, read_kaldi


@click.command()
@click.argument("folder", metavar="DATA_DIR")
@click.option(
    "-o", "--out", metavar="DIR", help="Where the results go.  [default: the data folder]"
)
@click.option("--embeddings", is_flag=True, help="Write embeddings as emotion.ark and emotion.scp.")
@click.option("--overwrite", is_flag=True, help="Replace a utt2emotion that is there already.")
@click.option(
    "--run-pipes",
    is_flag=True,
    help="Run the commands in wav.scp, in a shell; only of a folder that you trust.",
)
@overlap_option
@scoring_options()
@click.pass_context
def kaldi(
    ctx: click.Context,
    *,
    folder: str,
    out: str | None,
    embeddings: bool,
    overwrite: bool,
    run_pipes: bool,
    overlap: Literal["keep", "exclude"],
    scoring: Scoring,
) -> None:
    """Score the utterances of a Kaldi data folder.

    DATA_DIR has a wav.scp and perhaps segments, utt2spk and reco2file_and_channel. It, or DIR,
    gets utt2emotion and utt2emotion_score, with a line for each utterance that has a label,
    utt2emotion_unscored, which says why the others have none, utterances.emotions.jsonl, which
    has everything, and, if asked for, emotion.ark and emotion.scp.
    """
    data = read_kaldi(folder, run_pipes=run_pipes)
    if not data.recordings:
        raise FormatError(f"{folder}: there are no utterances in this data folder")
    results = results_folder(folder if out is None else out)
    options = Options(overlap=overlap, embeddings=embeddings, overwrite=overwrite)
    engine = scoring.engine()
    tally = Tally(quiet=scoring.quiet)
    with progress("utterances", total=data.utterances, quiet=scoring.quiet) as advance:

        def count(scored: ScoredRecording) -> None:
            for name, turn in zip(scored.utterances, scored.dialogue.turns, strict=True):
                tally.count("utterance", name, turn.emotion.reason)
            advance(len(scored.utterances))

        written = annotate_kaldi(
            data,
            score=engine,
            out=results,
            options=options,
            plugins=scoring.plugins,
            done=count,
        )
    tally.conclude(
        ctx,
        f"{counted(data.utterances, 'utterance')} of {counted(len(data.recordings), 'recording')}, "
        f"heard by {speaker_of(engine.backend.provenance)}, are in {written.folder}",
    )
