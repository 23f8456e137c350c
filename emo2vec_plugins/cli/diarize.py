"""``emo2vec diarize``: diarize with a pyannote pipeline, then score each turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from emo2vec_plugins.cli.files import writes_files
from emo2vec_plugins.cli.numbers import COUNT, Integer
from emo2vec_plugins.cli.options import file_argument, folder_option, gathered, option
from emo2vec_plugins.cli.output import note
from emo2vec_plugins.cli.progress import step_progress
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
from emo2vec_plugins.core import Dialogue, Options, counted, require_extra
from emo2vec_plugins.errors import (
    AudioError,
    Emo2vecError,
    OptionsError,
    PluginError,
)
from emo2vec_plugins.formats import bundle_stem
from emo2vec_plugins.integrations.pyannote import check_pipeline

_SPEAKERS = {
    "num_speakers": option("--num-speakers", "Exact number of speakers.", type=COUNT),
    "min_speakers": option("--min-speakers", "At least this many speakers.", type=COUNT),
    "max_speakers": option("--max-speakers", "At most this many speakers.", type=COUNT),
}


@command("diarize")
@writes_files()
@file_argument("audio", "AUDIO...")
@folder_option
@option(
    "--pipeline FOLDER_OR_HUB_ID",
    "A pyannote diarization pipeline.",
    default="pyannote/speaker-diarization-community-1",
)
@option("--token TOKEN", "Hugging Face token for a gated pipeline.  [default: HF_TOKEN]")
@option("--cache-dir DIR", "Cache folder for the pipeline.")
@gathered("speakers", dict, _SPEAKERS)
@option("--channel", "Use only this audio channel, from 0.", type=Integer(min=0))
@annotating_options("overlap", "embeddings", "frames", "array_dtype")
@formats_option
@scoring_options()
def diarize_command(
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
    with --embeddings or --frames, X.embeddings.npz. Needs the extra 'pyannote'. The default
    pipeline is gated: accept its conditions on the Hugging Face hub, and pass a token.

    \b
    Examples:
      emo2vec diarize meeting.wav -o results --token hf_...
      emo2vec diarize *.wav -o results --pipeline ./pipeline --allow pickles
    """
    files = _files(audio)
    check_pipeline(pipeline, options.permissions)
    require_extra("pyannote.audio", extra="pyannote", purpose="diarize")  # before the model loads
    results = Results(output, formats, options=options, scoring=scoring)
    results.check(file.stem for file in files)
    engine, plugins = scoring.engine(frames=options.frames), scoring.plugins
    note(f"loading {pipeline}", quiet=scoring.quiet)
    # Not earlier: importing pyannote.audio takes seconds.
    from emo2vec_plugins.integrations.pyannote import EmotionDiarizationPipeline
    from emo2vec_plugins.models import device_of

    diarizer = EmotionDiarizationPipeline.from_pretrained(
        pipeline, token=token, cache_dir=cache_dir, score=engine, options=options, plugins=plugins
    ).to(device_of(scoring.device))
    # Pipelines reject unknown arguments, so only those that were given are passed on.
    known = {name: count for name, count in speakers.items() if count is not None}
    with step_progress(quiet=scoring.quiet) as hook:
        for file in files:
            source = file if channel is None else {"audio": file, "channel": channel}
            found = _diarized(diarizer, source, hook=hook, **known)
            if isinstance(found, Exception):
                results.tally.count("recording", str(file), str(found))
            else:
                results.tally.count("recording", str(file))
                results.write(found)
    done = f"{counted(results.tally.turns, 'turn')} of {counted(len(files), 'recording')}"
    by = f"diarized by {pipeline}, scored by {describe_model(engine.backend)}"
    note_trust(engine.backend, quiet=scoring.quiet)
    results.conclude(f"wrote {done}, {by}, to {results.folder}")


def _diarized(diarizer: Callable[..., Any], source: Any, **given: Any) -> Dialogue | Exception:
    try:
        dialogue: Dialogue = diarizer(source, **given).emotions
    except Emo2vecError as error:
        return error
    except Exception as error:  # noqa: BLE001 - an error of a pipeline fails one file only
        return PluginError(f"the pipeline failed: {type(error).__name__}: {error}")
    return dialogue


def _files(audio: Sequence[str]) -> list[Path]:
    files = [Path(path) for path in audio]
    stems: dict[str, Path] = {}
    for file in files:
        if not file.is_file():
            raise AudioError(f"{file}: no such audio file")
        first = stems.setdefault(bundle_stem(file.stem), file)
        if first is not file:
            raise OptionsError(f"{first} and {file} would write results with the same name")
    return files
