"""Score an hour of audio as one turn, without ever holding all of it in memory.

    python examples/long_recording.py

Any object that returns a stretch of samples is an audio source: a file, a database, a remote
stream. Here the samples are computed on request. Memory is measured with ``resource``, which is not
available on Windows.
"""

from __future__ import annotations

import resource
import sys

import numpy as np

from emo2vec_plugins import Engine, Turn, load_model


class Hum:
    """An audio source: a voice-like hum whose loudness rises and falls four times a second."""

    rate = 16_000
    channels = (0,)

    def __init__(self, seconds: int) -> None:
        self.length = seconds * self.rate
        time = np.arange(self.rate) / self.rate
        harmonics = sum(np.sin(2 * np.pi * 140 * n * time) / n for n in range(1, 6))
        loudness = 0.1 * (1.2 + np.sin(2 * np.pi * 4 * time))
        self._second = (harmonics * loudness).astype(np.float32)

    def read(self, start: int, stop: int, channels: tuple[int, ...]) -> np.ndarray:
        """Return float32 samples of shape (channels, samples)."""
        samples = self._second[np.arange(start, stop) % self.rate]
        return np.broadcast_to(samples, (len(channels), len(samples)))


def peak_megabytes() -> float:
    """Return the peak memory of this process so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    # Windows of 30 s are the default; attention in shorter ones takes less time and memory.
    engine = Engine(load_model("tiny"), max_window=10.0, window_overlap=2.0)

    [short] = engine.score(Hum(seconds=120))
    after_short = peak_megabytes()
    [hour] = engine.score(Hum(seconds=3600))
    grown = peak_megabytes() - after_short

    for emotion in (short, hour):
        print(f"{emotion.duration:6.0f} s  {emotion.label}  {emotion.score:.2f}  {emotion.flags}")
    print(f"an hour took {grown:.0f} MB more than two minutes; as float32 it is 230 MB of audio")
    assert hour.flags == ("windowed",)
    assert grown < 100

    # Scoring a stretch reads only that stretch.
    [minute] = engine.score(Hum(seconds=3600), [Turn(start=3000.0, end=3060.0)])
    print(f"one minute of it: {minute.label}, {minute.duration:.0f} s")


if __name__ == "__main__":
    main()
