"""``emo2vec score``: one emotion for each audio file, as JSON lines and ``.npy`` files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.cli.inputs import read_inputs
from emo2vec_plugins.cli.options import Scoring, scoring_options
from emo2vec_plugins.cli.output import Tally, counted, progress, speaker_of
from emo2vec_plugins.core import Emotion, FloatArray, Options, Recording, annotate
from emo2vec_plugins.engine import HOP
from emo2vec_plugins.files import ArrayFolder, replacing
from emo2vec_plugins.integrations import Input, unscored

DIGITS = 6
"""Decimals of frame scores, of which there are 50 a second and class."""


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--out", metavar="FILE", help="Write the JSON lines here.  [default: stdout]")
@click.option(
    "--output-dir",
    metavar="DIR",
    help="Write each file's embedding to DIR/KEY.npy, as the reference does.",
)
@click.option(
    "--granularity",
    type=click.Choice(["utterance", "frame"]),
    default="utterance",
    show_default=True,
    help="frame: 50 a second, in .npy files and as frame_scores in the JSON lines.",
)
@scoring_options()
@click.pass_context
def score(
    ctx: click.Context,
    *,
    inputs: Sequence[str],
    out: str | None,
    output_dir: str | None,
    granularity: Literal["utterance", "frame"],
    scoring: Scoring,
) -> None:
    """Score audio files, one JSON line for each.

    INPUT is an audio file, a folder of them, a list of paths (.txt, .list, .lst, or - for
    stdin), a Kaldi wav.scp, or a .jsonl of {"key": ..., "source": PATH}.
    """
    files = read_inputs(inputs)
    arrays = None if output_dir is None else ArrayFolder(output_dir, [file.key for file in files])
    frames = granularity == "frame"
    options = Options(embeddings=not frames, frames=frames)
    tally = Tally(quiet=scoring.quiet)
    with _sink(out) as write, progress("files", total=len(files), quiet=scoring.quiet) as advance:
        engine = scoring.engine(granularity=granularity)
        results = annotate(
            [Recording(recording=file.key, audio=file.path) for file in files],
            score=engine,
            plugins=scoring.plugins,
            options=options,
            failed=unscored,
        )
        for file, dialogue in zip(files, results, strict=True):
            emotion = dialogue.turns[0].emotion
            if arrays is not None:
                arrays.write(file.key, emotion.frame_embeddings if frames else emotion.embedding)
            write(to_line(file, emotion))
            tally.count("file", file.path, emotion.reason)
            advance()
    tally.conclude(
        ctx, f"{counted(len(files), 'file')}, heard by {speaker_of(engine.backend.provenance)}"
    )


def to_line(file: Input, emotion: Emotion) -> bytes:
    """Return one result as a line of JSON in UTF-8; it stands alone, wherever it is moved to."""
    values: dict[str, Any] = {
        "key": file.key,
        "audio": file.path,
        "label": emotion.label,
        "score": emotion.score,
        "labels": list(emotion.scores),
        "scores": list(emotion.scores.values()),
        "flags": list(emotion.flags),
        "reason": emotion.reason,
        "duration": round(emotion.duration, DIGITS),
    }
    if emotion.frame_logits is not None:
        values["frame_seconds"] = HOP / MODEL_RATE
        values["frame_scores"] = _softmax(emotion.frame_logits).round(DIGITS).tolist()
    if emotion.provenance is not None:
        values["provenance"] = emotion.provenance.to_dict()
    # A file name that is no Unicode becomes a JSON escape, not an error.
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


@contextmanager
def _sink(out: str | None) -> Iterator[Callable[[bytes], None]]:
    if out is None:

        def show(line: bytes) -> None:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

        yield show
        return
    with replacing(Path(out)) as stream:

        def keep(line: bytes) -> None:
            stream.write(line)

        yield keep


def _softmax(logits: FloatArray) -> FloatArray:
    likelihood: FloatArray = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores: FloatArray = likelihood / likelihood.sum(axis=1, keepdims=True)
    return scores
