"""Input and output files for the measurement of a whole run, from files to files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soundfile

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.bench.turns import speechlike
from emo2vec_plugins.core import FloatArray, Options, Plugins, Turn, annotate
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.files import disk, make_folder, write_whole
from emo2vec_plugins.formats import dump_line, write_bundle
from emo2vec_plugins.integrations import read_rttm_sources

TURNS_PER_RECORDING = 50

PAUSE = MODEL_RATE // 5
"""Samples after each turn that belong to no turn."""

# Typical files of users: compressed cuts, 16-bit WAV audio.
_CUTS, _RTTM, _AUDIO = "cuts.jsonl.gz", "turns.rttm", "audio"

_LOOP = 60 * MODEL_RATE  # samples; repeated audio costs as much to read as any other


def write_recordings(
    folder: Path, lengths: Sequence[int], *, seed: int, per_recording: int = TURNS_PER_RECORDING
) -> None:
    """Write recordings with turns of *lengths* samples, their RTTM and, if Lhotse is installed, cuts."""
    make_folder(folder / _AUDIO)
    loop = speechlike(_LOOP, seed=seed)
    lines: list[str] = []
    for begin in range(0, len(lengths), per_recording):
        name = f"recording-{begin // per_recording:04}"
        own = lengths[begin : begin + per_recording]
        samples = sum(own) + PAUSE * len(own)
        _write_audio(folder / _AUDIO / f"{name}.wav", loop, samples)
        lines += [dump_line(name, turn, "speaker", None) for turn in _turns(own)]
    write_whole(folder / _RTTM, "".join(lines), locked=True)
    if find_spec("lhotse"):  # an extra; without it, subjects annotate the RTTM
        _write_cuts(folder)


def recorded(lengths: Sequence[int]) -> float:
    """Return the total seconds of recordings with turns of *lengths* samples."""
    return (sum(lengths) + PAUSE * len(lengths)) / MODEL_RATE


def annotate_files(folder: Path, target: Path, *, engine: Engine, plugins: Plugins) -> None:
    """Annotate the output of `write_recordings`: its cuts, or its RTTM if there are no cuts.

    Args:
        folder: Folder of the recordings.
        target: New folder for the results; must not exist.
        engine: Scores the turns.
        plugins: Open the recordings.
    """
    disk.make_folder(target)
    if (folder / _CUTS).exists():
        from emo2vec_plugins.integrations.lhotse import annotate_manifest

        annotate_manifest(folder / _CUTS, target / _CUTS, score=engine, plugins=plugins)
        return
    found = read_rttm_sources(folder / _RTTM, folder / _AUDIO)
    for dialogue in annotate(found.sources, score=engine, plugins=plugins, options=Options()):
        write_bundle(dialogue, target, rttm=found.lines[dialogue.recording])


def _turns(lengths: Sequence[int]) -> Iterator[Turn]:
    start = 0
    for length in lengths:
        yield Turn(start=start / MODEL_RATE, end=(start + length) / MODEL_RATE)
        start += length + PAUSE


def _write_audio(path: Path, loop: FloatArray, samples: int) -> None:
    with soundfile.SoundFile(path, "w", MODEL_RATE, channels=1, subtype="PCM_16") as file:
        for begin in range(0, samples, len(loop)):
            file.write(np.asarray(loop[: samples - begin]))


def _write_cuts(folder: Path) -> None:
    from lhotse import CutSet, Recording, RecordingSet, SupervisionSet

    audio = sorted((folder / _AUDIO).iterdir())
    recordings = RecordingSet.from_recordings(Recording.from_file(path) for path in audio)
    turns = SupervisionSet.from_rttm(folder / _RTTM)
    CutSet.from_manifests(recordings=recordings, supervisions=turns).to_file(folder / _CUTS)
