"""``emo2vec diarize``: who spoke when, by a pyannote pipeline, and with which emotion."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from emo2vec_plugins.cli.options import annotating_options, folder_option, formats_option, gathered
from emo2vec_plugins.cli.output import Tally, counted, note, step_progress
from emo2vec_plugins.cli.results import Results
from emo2vec_plugins.cli.scoring import Scoring, describe_model, scoring_options
from emo2vec_plugins.core import Dialogue, Options
from emo2vec_plugins.errors import (
    AudioError,
    Emo2vecError,
    ModelNotFoundError,
    OptionsError,
    PluginError,
)
from emo2vec_plugins.formats import bundle_stem

_COUNT = click.IntRange(min=1)
_SPEAKERS = {
    "num_speakers": click.option("--num-speakers", type=_COUNT, help="If it is known."),
    "min_speakers": click.option("--min-speakers", type=_COUNT, help="If it is not known."),
    "max_speakers": click.option("--max-speakers", type=_COUNT, help="If it is not known."),
}


@click.command("diarize")
@click.argument("audio", metavar="AUDIO...", nargs=-1, required=True)
@folder_option
@click.option(
    "--pipeline",
    metavar="FOLDER_OR_HUB_ID",
    default="pyannote/speaker-diarization-community-1",
    help="A pyannote diarization pipeline.",
)
@click.option("--token", metavar="TOKEN", help="For a gated pipeline.  [default: HF_TOKEN]")
@click.option("--cache-dir", metavar="DIR", help="Where the pipeline's downloads are kept.")
@gathered("speakers", dict, _SPEAKERS)
@click.option("--channel", type=click.IntRange(min=0), help="Use only this one, from 0.")
@annotating_options("overlap", "embeddings", "frames", "array_dtype")
@formats_option
@scoring_options()
@click.pass_context
def diarize_command(
    ctx: click.Context,
    *,
    audio: Sequence[str],
    output: str,
    pipeline: str,
    token: str | None,
    cache_dir: str | None,
    speakers: dict[str, int | None],
    channel: int | None,
    options: Options,
    formats: Sequence[str],
    scoring: Scoring,
) -> None:
    """Diarize with pyannote, then score each turn.

    For each recording X, DIR gets X.rttm, X.emotion.rttm, X.spkemo.rttm, X.emotions.jsonl and,
    if asked for, X.embeddings.npz.
    """
    files = _files(audio)
    _refuse_impossible(pipeline)
    tally, plugins = Tally(quiet=scoring.quiet), scoring.plugins
    results = Results(output, formats, options=options, plugins=plugins, tally=tally)
    engine = scoring.engine(frames=options.frames)
    note(f"loading {pipeline}", quiet=scoring.quiet)
    # Only here: importing pyannote.audio takes seconds, and a mistake is found before that.
    from emo2vec_plugins.integrations.pyannote import EmotionDiarizationPipeline
    from emo2vec_plugins.models import device_of

    diarizer = EmotionDiarizationPipeline.from_pretrained(
        pipeline, token=token, cache_dir=cache_dir, score=engine, options=options, plugins=plugins
    ).to(device_of(scoring.device))
    # Pipelines refuse arguments that they do not know, so that only those given are passed on.
    known = {name: count for name, count in speakers.items() if count is not None}
    with step_progress(quiet=scoring.quiet) as hook:
        for file in files:
            source = file if channel is None else {"audio": file, "channel": channel}
            found = _diarized(diarizer, source, hook=hook, **known)
            if isinstance(found, Exception):
                tally.count("recording", str(file), str(found))
            else:
                tally.count("recording", str(file))
                results.write(found)
    tally.conclude(
        ctx,
        f"{counted(tally.turns, 'turn')} of {counted(len(files), 'recording')}, "
        f"diarized by {pipeline}, "
        f"scored by {describe_model(engine.backend)}, are in {results.folder}",
    )


def _diarized(diarizer: Callable[..., Any], source: Any, **given: Any) -> Dialogue | Exception:
    try:
        dialogue: Dialogue = diarizer(source, **given).emotions
    except Emo2vecError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever a pipeline raises fails that file alone
        return PluginError(f"the pipeline failed: {type(error).__name__}: {error}")
    return dialogue


def _refuse_impossible(pipeline: str) -> None:
    # pyannote asks the hub about anything, and its answer does not name the mistake.
    if not Path(pipeline).exists() and not re.fullmatch(r"[\w.-]+/[\w.-]+(@\S+)?", pipeline):
        raise ModelNotFoundError(
            f"the diarization pipeline {pipeline!r} is no folder, no file, and no identifier "
            "of a hub such as owner/name"
        )


def _files(audio: Sequence[str]) -> list[Path]:
    files = [Path(path) for path in audio]
    stems: dict[str, Path] = {}
    for file in files:
        if not file.is_file():
            raise AudioError(f"{file}: no such audio file")
        first = stems.setdefault(bundle_stem(file.stem), file)
        if first is not file:
            raise OptionsError(f"results of {first} and {file} would have the same names")
    return files
