"""Store frame embeddings of hours of audio in a Lhotse store, with constant memory.

    python examples/frames_of_hours.py                             # three minutes, quick
    python examples/frames_of_hours.py --hours 4 --turns 1         # one turn of four hours
    python examples/frames_of_hours.py --hours 4 --turns 6000

Writes a recording and its cuts to a temporary folder and annotates them. Prints the time and, on
Linux, the peak memory above that of the loaded model. ``--model`` accepts any model.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile
from lhotse import CutSet, Recording, SupervisionSegment

from emo2vec_plugins import Engine, Options, load_model
from emo2vec_plugins.integrations.lhotse import annotate_manifest

RATE = 16_000


def write_meeting(folder: Path, *, hours: float, turns: int) -> Path:
    """Write a recording of noise, one minute at a time, and its cut with turns of equal length."""
    seconds = round(hours * 3600)
    minute = np.random.default_rng(0).uniform(-0.3, 0.3, 60 * RATE).astype(np.float32)
    path = folder / "meeting.wav"
    with soundfile.SoundFile(path, "w", RATE, 1, subtype="PCM_16") as file:
        for left in range(seconds, 0, -60):
            file.write(minute[: min(left, 60) * RATE])
    cut = Recording.from_file(path).to_cut()
    each = cut.duration / turns
    cut.supervisions = [
        SupervisionSegment(f"turn-{i}", cut.recording_id, i * each, each, speaker=f"S{i % 4}")
        for i in range(turns)
    ]
    CutSet.from_cuts([cut]).to_file(folder / "cuts.jsonl.gz")
    return folder / "cuts.jsonl.gz"


def memory() -> int:
    """Return this process's memory in bytes, without mapped files; 0 if the system does not report it."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=float, default=0.05)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--dtype", default="float32")
    arguments = parser.parse_args()

    backend = load_model(arguments.model, dtype=arguments.dtype)
    engine = Engine(backend, granularity="frame")
    engine.score(
        (np.ones(RATE, np.float32), RATE)
    )  # counts what the first batch loads as the model's
    before, seen = memory(), [0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        cuts = write_meeting(folder, hours=arguments.hours, turns=arguments.turns)
        began = time.perf_counter()
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.05):
                seen.append(memory())

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        annotate_manifest(
            cuts,
            folder / "annotated.jsonl.gz",
            score=engine,
            options=Options(embeddings=True, frames=True),
            store=folder / "arrays.h5",
        )
        seen.append(memory())
        done.set()
        watcher.join()
        took = time.perf_counter() - began
        [cut] = CutSet.from_file(folder / "annotated.jsonl.gz")
        frames = sum(turn.load_custom("emotion_frames").shape[0] for turn in cut.supervisions[:10])
        stored = (folder / "arrays.h5").stat().st_size

    print(f"{arguments.hours} h in {arguments.turns} turns, {backend.provenance.model}:")
    print(f"  {took:.1f} s, {arguments.hours * 3600 / took:.0f} times real time")
    print(f"  {stored / 1e6:.0f} MB of arrays")
    if before:
        print(f"  {(max(seen) - before) / 1e6:.0f} MB of memory above the model's")
    assert frames > 0
    assert all(turn.emotion is not None for turn in cut.supervisions)


if __name__ == "__main__":
    main()
