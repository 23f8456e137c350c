"""Manifests to annotate."""

from __future__ import annotations

import pytest
from lhotse import CutSet, Recording, SupervisionSegment
from lhotse.features.io import close_cached_file_handles


@pytest.fixture(autouse=True)
def fresh_handles():
    yield
    close_cached_file_handles()


@pytest.fixture
def recording(noise, write):
    return Recording.from_file(write("rec.wav", noise(16_000 * 12), 16_000))


@pytest.fixture
def cuts(recording):
    cut = recording.to_cut()
    cut.supervisions = [
        SupervisionSegment(f"s{i}", "rec", i * 0.75, 0.7, speaker="AB"[i % 2]) for i in range(15)
    ]
    windows = CutSet.from_cuts([cut]).cut_into_windows(1.5)
    return CutSet.from_cuts([*windows, cut.pad(20.0), cut.append(cut), cut.drop_supervisions()])


@pytest.fixture
def manifest(cuts, tmp_path):
    cuts.to_file(tmp_path / "in.jsonl.gz")
    return tmp_path / "in.jsonl.gz"


@pytest.fixture
def shards(recording, tmp_path):
    cut = recording.to_cut()
    cut.supervisions = [SupervisionSegment("s", "rec", 1.0, 9.0)]
    folder = tmp_path / "shar"
    folder.mkdir()
    windows = CutSet.from_cuts([cut]).cut_into_windows(1.5)
    windows.to_shar(folder, fields={"recording": "flac"}, shard_size=3)
    return folder
