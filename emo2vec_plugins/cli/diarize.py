"""``emo2vec diarize``: who spoke when, by a pyannote pipeline, and with which emotion."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from emo2vec_plugins.cli.exports import Exports, format_option
from emo2vec_plugins.cli.options import Scoring, bundle_options, scoring_options
from emo2vec_plugins.cli.output import Tally, counted, note, speaker_of, step_progress
from emo2vec_plugins.core import Dialogue, Options
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import (
    AudioError,
    Emo2vecError,
    ModelNotFoundError,
    OptionsError,
    PluginError,
)
from emo2vec_plugins.files import results_folder
from emo2vec_plugins.formats import bundle_stem, write_bundle

if TYPE_CHECKING:
    from emo2vec_plugins.integrations.pyannote import EmotionDiarizationPipeline

PIPELINE = "pyannote/speaker-diarization-community-1"
"""What diarizes unless told otherwise."""


@click.command()
@click.argument("audio", metavar="AUDIO...", nargs=-1, required=True)
@click.option("-o", "--out", metavar="DIR", required=True, help="Where the results go.")
@click.option(
    "--pipeline",
    metavar="FOLDER_OR_HUB_ID",
    default=PIPELINE,
    show_default=True,
    help="A pyannote diarization pipeline.",
)
@click.option("--token", metavar="TOKEN", help="For a gated pipeline.  [default: HF_TOKEN]")
@click.option("--cache-dir", metavar="DIR", help="Where the pipeline's downloads are kept.")
@click.option("--num-speakers", type=click.IntRange(min=1), help="If it is known.")
@click.option("--min-speakers", type=click.IntRange(min=1), help="If it is not known.")
@click.option("--max-speakers", type=click.IntRange(min=1), help="If it is not known.")
@click.option("--channel", type=click.IntRange(min=0), help="Hear only this one, from 0.")
@bundle_options
@format_option
@scoring_options()
@click.pass_context
def diarize(
    ctx: click.Context,
    *,
    audio: Sequence[str],
    out: str,
    pipeline: str,
    token: str | None,
    cache_dir: str | None,
    num_speakers: int | None,
    min_speakers: int | None,
    max_speakers: int | None,
    channel: int | None,
    overlap: Literal["keep", "exclude"],
    embeddings: bool,
    frames: bool,
    array_dtype: Literal["float16", "float32"],
    formats: Sequence[str],
    scoring: Scoring,
) -> None:
    """Diarize with pyannote, then score each turn.

    For each recording X, DIR gets X.rttm, X.emotion.rttm, X.spkemo.rttm, X.emotions.jsonl and,
    if asked for, X.embeddings.npz.
    """
    files = _files(audio)
    _refuse_impossible(pipeline)
    speakers = {
        "num_speakers": num_speakers,
        "min_speakers": min_speakers,
        "max_speakers": max_speakers,
    }
    exports = Exports(formats, scoring.plugins)
    options = Options(
        overlap=overlap, embeddings=embeddings, frames=frames, array_dtype=array_dtype
    )
    folder = results_folder(out)
    engine = scoring.engine(granularity="frame" if frames else "utterance")
    note(f"loading {pipeline}", quiet=scoring.quiet)
    diarizer = _load(pipeline, token, cache_dir, engine, options, scoring)
    tally = Tally(quiet=scoring.quiet)
    known = {name: count for name, count in speakers.items() if count is not None}
    with step_progress(quiet=scoring.quiet) as hook:
        for file in files:
            heard = file if channel is None else {"audio": file, "channel": channel}
            found = _diarized(heard, diarizer, hook, known)
            if isinstance(found, Exception):
                tally.count("recording", str(file), str(found))
                continue
            tally.count("recording", str(file))
            write_bundle(found, folder, embeddings=embeddings or frames, array_dtype=array_dtype)
            tally.add(found)
            exports.write(found, folder, tally)
    tally.conclude(
        ctx,
        f"{counted(tally.turns, 'turn')} of {counted(len(files), 'recording')}, "
        f"diarized by {pipeline}, "
        f"heard by {speaker_of(engine.backend.provenance)}, are in {folder}",
    )


def _diarized(
    file: Path | dict[str, Any],
    diarizer: EmotionDiarizationPipeline,
    hook: Callable[..., None] | None,
    speakers: dict[str, Any],
) -> Dialogue | Exception:
    try:
        dialogue: Dialogue = diarizer(file, hook=hook, **speakers).emotions
    except Emo2vecError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever a pipeline raises fails that file alone
        return PluginError(f"the pipeline failed: {type(error).__name__}: {error}")
    return dialogue


def _load(
    pipeline: str,
    token: str | None,
    cache_dir: str | None,
    engine: Engine,
    options: Options,
    scoring: Scoring,
) -> EmotionDiarizationPipeline:
    from emo2vec_plugins.integrations.pyannote import EmotionDiarizationPipeline

    diarizer = EmotionDiarizationPipeline.from_pretrained(
        pipeline,
        token=token,
        cache_dir=cache_dir,
        score=engine,
        options=options,
        plugins=scoring.plugins,
    )
    return diarizer.to(_device(scoring.device))


def _device(name: str | None) -> Any:
    import torch

    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def _refuse_impossible(pipeline: str) -> None:
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
