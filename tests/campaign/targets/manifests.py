"""Manifests of toolkits: every item that was not damaged gets a result."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment
from lhotse.audio import AudioSource

from campaign.readers import READ, REFUSED, Reader, refused
from emo2vec_plugins import Engine, Plugins
from emo2vec_plugins.integrations.lhotse import annotate_manifest
from emo2vec_plugins.testing import FakeBackend

PLUGINS = Plugins(installed=False)

RATE, SECONDS = 8000, 2


def readers(scratch: Path) -> list[Reader]:
    """Return a reader for each kind of manifest."""
    wav = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, RATE * SECONDS).astype(np.float32)
    soundfile.write(wav, noise, RATE, format="WAV")
    others = {"a.wav": wav.getvalue()}
    CutSet.from_cuts(cuts(Path("a.wav"))).to_file(scratch / "cuts.jsonl")
    lines = (scratch / "cuts.jsonl").read_bytes()
    packed = gzip.compress(lines, mtime=0)
    return [
        Reader(
            "cuts", "cuts.jsonl", "jsonl", lines, partial(_annotate, "cuts.jsonl", lines), others
        ),
        Reader(
            "cuts.gz",
            "cuts.jsonl.gz",
            "jsonl.gz",
            packed,
            partial(_annotate, "cuts.jsonl.gz", lines),
            others,
        ),
    ]


def cuts(audio: Path) -> list[Any]:
    """Return cuts of every kind over one recording."""
    recording = Recording(
        id="a",
        sources=[AudioSource(type="file", channels=[0], source=str(audio))],
        sampling_rate=RATE,
        num_samples=RATE * SECONDS,
        duration=float(SECONDS),
    )
    turns = [
        SupervisionSegment(
            id=f"s{n}", recording_id="a", start=n * 0.5, duration=0.4, speaker="AB"[n % 2]
        )
        for n in range(3)
    ]
    plain: list[Any] = [
        MonoCut(
            id=f"c{n}",
            start=0.0,
            duration=float(SECONDS),
            channel=0,
            recording=recording,
            supervisions=turns,
        )
        for n in range(4)
    ]
    return [*plain, plain[0].pad(3.0), plain[1].append(plain[2]), plain[3].drop_supervisions()]


def _annotate(file: str, sample: bytes, folder: Path) -> str:
    source, target = folder / file, folder / f"out.{file}"
    engine = Engine(FakeBackend())
    outcome = refused(
        lambda: annotate_manifest(source, target, score=engine, plugins=PLUGINS), source
    )
    if outcome == REFUSED:
        assert not _intact(source, sample), "a manifest with an intact item was refused as a whole"
        return REFUSED
    before, after = _lines(source), _lines(target)
    good = set(sample.splitlines())
    for line in before:
        if line in good:
            assert _is_labelled(line, after), f"no result for an intact line: {line[:200]!r}"
    return READ


def _intact(source: Path, sample: bytes) -> bool:
    try:
        return not set(_lines(source)).isdisjoint(sample.splitlines())
    except (OSError, EOFError, ValueError):
        return False


def _lines(path: Path) -> list[bytes]:
    """Return the lines of a file; of a damaged compressed one those that can be read."""
    if path.suffix != ".gz":
        return path.read_bytes().splitlines()
    found = []
    with gzip.open(path) as file:
        try:
            found.extend(line.rstrip(b"\n") for line in file)
        except (OSError, EOFError, zlib.error):
            return found
    return found


def _is_labelled(line: bytes, results: list[bytes]) -> bool:
    cut = json.loads(line)
    for result in results:
        # A bad line, which passes through, may have any form.
        with suppress(ValueError, RecursionError, AttributeError, TypeError, KeyError):
            found = json.loads(result)
            if found["id"] == cut["id"] and _has_results(found):
                return True
    return False


def _has_results(cut: dict[str, Any]) -> bool:
    tracks = [track["cut"] for track in cut["tracks"]] if "tracks" in cut else [cut]
    turns = [turn for track in tracks for turn in track.get("supervisions") or ()]
    held = [turn.get("custom") or {} for turn in turns] or [cut.get("custom") or {}]
    return all(custom.get("emotion") or custom.get("emotion_reason") for custom in held)
