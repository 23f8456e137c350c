"""A pyannote pipeline without weights, which ``diarize`` loads from a folder."""

from __future__ import annotations

from pathlib import Path

from pyannote.core import Annotation, Segment

from emo2vec_plugins.integrations.pyannote.pipeline import Pipeline  # telemetry is off

CONFIG = "pipeline:\n  name: support.cli_diarizer.ByTheClock\n  params:\n    seconds: 1.0\n"


class ByTheClock(Pipeline):
    """Assigns every *seconds* to the next speaker; fails on shorter audio."""

    def __init__(self, seconds, token=None, cache_dir=None):
        super().__init__()
        self.seconds = seconds

    def apply(self, file, num_speakers=None, hook=None):
        length = file["waveform"].shape[1] / file["sample_rate"]
        if length < self.seconds:
            raise RuntimeError("no turn")
        turns = Annotation(uri=file["uri"])
        for index in range(int(length / self.seconds)):
            start = index * self.seconds
            turns[Segment(start, start + self.seconds)] = f"S{index % (num_speakers or 2)}"
        if hook:
            hook("turns", turns, file=file)
        return turns


def save(folder: Path) -> Path:
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    return folder
