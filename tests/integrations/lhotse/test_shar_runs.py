"""Annotation of Shar directories."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from lhotse import CutSet
from support.runs import Stops, contents, run

from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.integrations.lhotse.arrays import turn_frames

# Lhotse's Shar reader does not close its tar files; the garbage collector does.
shar = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@shar
def test_an_annotated_shar_directory_has_the_audio_of_its_source(shards, tmp_path):
    summary = run(shards, tmp_path / "out", store=tmp_path / "arrays.h5")

    before = list(CutSet.from_shar(in_dir=shards))
    after = list(CutSet.from_shar(in_dir=tmp_path / "out"))
    assert summary.cuts == len(before) == len(after) == 8
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        p.name for p in shards.iterdir()
    )
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old.load_audio(), new.load_audio())
        assert (old.id, old.start, old.recording_id) == (new.id, new.start, new.recording_id)
        assert all(s.emotion for s in new.supervisions)
        for supervision in new.supervisions:
            assert len(turn_frames(new, supervision)) > 0
    lines = gzip.decompress((tmp_path / "out" / "cuts.000000.jsonl.gz").read_bytes())
    assert b"shard_origin" not in lines


@shar
@pytest.mark.parametrize("at", [2, 7, 11])
def test_an_interrupted_shar_run_is_resumed_with_identical_results(shards, tmp_path, at):
    run(shards, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(shards, tmp_path / "broken", score=Stops(at))
    assert not (tmp_path / "broken").exists()
    run(shards, tmp_path / "broken")

    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


@shar
def test_cuts_of_a_shar_directory_without_audio_have_a_reason(shards, tmp_path):
    (shards / "recording.000001.tar").write_bytes((shards / "recording.000002.tar").read_bytes())

    summary = run(shards, tmp_path / "out")

    assert summary.cuts == 8
    assert 0 < summary.failed < summary.turns


@shar
@pytest.mark.parametrize("field", ["emotion", "emotion_embedding"])
def test_a_shar_directory_with_files_for_a_new_field_is_rejected(shards, tmp_path, field):
    for path in sorted(shards.glob("recording.*.tar")):
        path.with_name(path.name.replace("recording", field)).hardlink_to(path)

    with pytest.raises(OptionsError, match=f"shar .*files for {field},"):
        run(shards, tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


def test_a_store_inside_the_source_directory_is_rejected(shards, tmp_path):
    with pytest.raises(OptionsError, match=r"outside of .*shar, .*arrays\.h5"):
        run(shards, tmp_path / "out", store=shards / "arrays.h5")


def test_a_directory_without_cuts_is_rejected_as_shar_directory(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(FormatError, match=r"Shar directory, .*in: .*cuts\.000000\.jsonl"):
        run(tmp_path / "in", tmp_path / "out")


def test_a_single_manifest_as_output_of_a_shar_directory_is_rejected(shards, tmp_path):
    with pytest.raises(FormatError, match=r"Shar .*out\.jsonl\.gz.*lhotse shar export"):
        run(shards, tmp_path / "out.jsonl.gz")


def test_a_store_inside_the_target_directory_is_rejected(shards, tmp_path):
    with pytest.raises(OptionsError, match=r"outside of .*out, .*arrays\.h5"):
        run(shards, tmp_path / "out", store=tmp_path / "out" / "arrays.h5")
