"""``emo2vec kaldi``: score the utterances of a Kaldi data folder."""

from __future__ import annotations

from emo2vec_plugins.cli.files import OutputName, writes_files
from emo2vec_plugins.cli.options import choice_option, file_argument, option
from emo2vec_plugins.cli.output import Tally, note_withheld
from emo2vec_plugins.cli.progress import progress
from emo2vec_plugins.cli.scoring import (
    Scoring,
    annotating_options,
    describe_model,
    note_trust,
    scoring_options,
)
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import Options, counted
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import check_overwrite, results_folder
from emo2vec_plugins.integrations.kaldi import NAMES, BadLines, annotate_kaldi, read_kaldi


@command("kaldi")
@writes_files()
@file_argument("folder", "DATA_DIR")
@option(
    "-o, --output DIR",
    "Where the results go.  [default: the data folder]",
    type=OutputName(kind="folder"),
)
@annotating_options("overlap", "embeddings")
@choice_option("--bad-items", "drop", "stop", help="Leave out a malformed line, or stop.")
@scoring_options()
def kaldi_command(
    *, folder: str, output: str | None, bad_items: BadLines, options: Options, scoring: Scoring
) -> None:
    """Score the utterances of a Kaldi data folder.

    DATA_DIR has a wav.scp and optionally segments, utt2spk and reco2file_and_channel. DIR gets
    utt2emotion and utt2emotion_score, with one line per labelled utterance; utt2emotion_unscored,
    with the reasons for all others; utterances.emotions.jsonl, with everything; and, with
    --embeddings, emotion.ark and emotion.scp. Commands in wav.scp run only with --allow commands.

    \b
    Examples:
      emo2vec kaldi data/train
      emo2vec kaldi data/train -o emotions --embeddings
    """
    data = read_kaldi(folder, bad_items=bad_items)
    if not data.recordings:
        raise FormatError(f"{folder}: no utterances in this data folder")
    results = results_folder(folder if output is None else output)
    check_overwrite(*(results / name for name in NAMES))
    engine = scoring.engine()
    tally = Tally(quiet=scoring.quiet)
    utterances = data.utterances
    with progress("utterances", total=len(utterances), quiet=scoring.quiet) as advance:
        written = annotate_kaldi(
            data,
            score=engine,
            out=results,
            options=options,
            plugins=scoring.plugins,
            progress=advance,
        )
    for name in utterances:
        tally.count("utterance", name, written.failures.get(name))
    tally.leave_out_lines(data.bad_items)
    done = (
        f"{counted(len(utterances), 'utterance')} of {counted(len(data.recordings), 'recording')}"
    )
    note_trust(engine.backend, quiet=scoring.quiet)
    note_withheld(written.withheld, len(utterances), "utterance", quiet=scoring.quiet)
    tally.conclude(f"wrote {done}, scored by {describe_model(engine.backend)}, to {written.folder}")
