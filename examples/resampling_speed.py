"""Compare the package's resampler with torchaudio's: samples, time and memory.

    python examples/resampling_speed.py
    python examples/resampling_speed.py --threads 2 --seconds 4

Rates are resampled to 16 kHz. Both resamplers take turns, and a ratio is the median of the ratios
of all rounds, so a busy machine affects both. Needs torchaudio.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
import torchaudio

from emo2vec_plugins.audio import MODEL_RATE, resample

RATES = (8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)


def main() -> None:
    """Print a table with one line per rate."""
    parser = argparse.ArgumentParser(description="Compare the resampler with torchaudio's.")
    parser.add_argument("--threads", type=int, default=1, help="of torch; ours uses one")
    parser.add_argument("--seconds", type=float, default=10.0, help="of the signal")
    parser.add_argument("--rounds", type=int, default=41)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("rate    ms    torchaudio ms  times as fast  largest difference")
    for rate in RATES:
        ours, theirs, difference = compare(rate, options.seconds, options.rounds)
        ratio = median(b / a for a, b in zip(ours, theirs, strict=True))
        print(
            f"{rate:<7} {median(ours):<5.2f} {median(theirs):<14.2f} {ratio:<14.1f} "
            f"{difference:.1e}"
        )


def compare(rate: int, seconds: float, rounds: int) -> tuple[list[float], list[float], float]:
    """Return the milliseconds of all rounds, ours and torchaudio's, and the largest difference."""
    samples = np.random.default_rng(0).uniform(-1, 1, round(seconds * rate)).astype(np.float32)
    theirs = torchaudio.transforms.Resample(rate, MODEL_RATE)
    given = torch.from_numpy(samples)
    with torch.inference_mode():
        difference = np.abs(resample(samples, rate, MODEL_RATE) - theirs(given).numpy()).max()
        times = [
            (
                milliseconds(lambda: resample(samples, rate, MODEL_RATE)),
                milliseconds(lambda: theirs(given)),
            )
            for _ in range(rounds)
        ]
    return [each for each, _ in times], [each for _, each in times], float(difference)


def milliseconds(work: Callable[[], object]) -> float:
    """Return the duration of one call."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
