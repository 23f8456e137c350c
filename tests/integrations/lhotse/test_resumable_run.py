"""Annotation of manifests: results, settings and errors."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import lhotse
import numpy as np
import pytest
import soundfile
from lhotse import CutSet, Recording, SupervisionSegment
from support.facts import assert_facts
from support.runs import Stops, contents, run

from emo2vec_plugins import Engine, Options
from emo2vec_plugins.errors import FormatError, OptionsError, ResumeError
from emo2vec_plugins.files import set_read_limit
from emo2vec_plugins.integrations.lhotse.manifest_files import read_cuts
from emo2vec_plugins.integrations.lhotse.summary import Summary
from emo2vec_plugins.testing import FakeBackend


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_every_turn_of_a_manifest_is_labelled(manifest, cuts, tmp_path, name):
    summary = run(manifest, tmp_path / name)

    out = CutSet.from_file(tmp_path / name)
    lhotse.validate(out)
    assert [cut.id for cut in out] == [cut.id for cut in cuts]
    turns = [s for cut in out for s in cut.supervisions]
    assert summary == Summary(cuts=11, turns=len(turns) + 1, scored=len(turns) + 1)
    assert all(s.emotion for s in turns)


def test_only_the_output_and_its_record_remain(manifest, tmp_path):
    run(manifest, tmp_path / "out" / "cuts.jsonl.gz")

    assert sorted(contents(tmp_path / "out")) == [
        *("cuts.jsonl.gz", "cuts.jsonl.gz.emo2vec.items", "cuts.jsonl.gz.emo2vec.json")
    ]
    record = json.loads((tmp_path / "out" / "cuts.jsonl.gz.emo2vec.json").read_text())
    assert record["task"]["scorer"]["provenance"]["model"] == "fake"
    assert record["task"]["scorer"]["provenance"]["tokens"][0] == "生气/angry"
    assert record["summary"]["cuts"] == 11


def test_progress_is_called_for_every_cut(manifest, tmp_path):
    counts = []

    run(manifest, tmp_path / "out.jsonl", progress=counts.append)

    assert sum(counts) == 11


def test_scored_failed_and_skipped_turns_are_counted(recording, tmp_path):
    cut = recording.to_cut()
    cut.supervisions = [
        SupervisionSegment("good", "rec", 0.0, 1.0),
        SupervisionSegment("short", "rec", 1.0, 0.01),
        SupervisionSegment("known", "rec", 2.0, 1.0, custom={"emotion": "bored"}),
    ]
    CutSet.from_cuts([cut]).to_file(tmp_path / "in.jsonl")

    summary = run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")

    [failure] = summary.failures
    expected = Summary(cuts=1, turns=3, scored=1, failed=1, skipped=1, failures=(failure,))
    assert summary == expected
    for fact in ("rec", "supervision short", "160 samples"):
        assert fact in failure


def test_a_finished_output_is_not_annotated_again(manifest, tmp_path):
    first = run(manifest, tmp_path / "out.jsonl.gz")

    again = run(manifest, tmp_path / "out.jsonl.gz", score=Stops(0))

    assert again == first
    assert (first.was_finished, again.was_finished) == (False, True)


def test_an_output_with_other_settings_is_not_changed(manifest, tmp_path):
    run(manifest, tmp_path / "out.jsonl")
    before = contents(tmp_path)

    with pytest.raises(ResumeError, match=r"options\.field .*'emotion'.*'other'"):
        run(manifest, tmp_path / "out.jsonl", options=Options(field="other"))
    assert contents(tmp_path) == before


def test_another_file_at_the_target_is_not_changed(manifest, tmp_path):
    (tmp_path / "out.jsonl").write_text("mine")

    with pytest.raises(ResumeError, match=r"out\.jsonl already exists"):
        run(manifest, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == "mine"


def test_another_file_at_the_store_is_not_changed(manifest, tmp_path):
    (tmp_path / "arrays.lca").write_text("mine")

    with pytest.raises(ResumeError, match=r"arrays\.lca already exists"):
        run(manifest, tmp_path / "out.jsonl", store=tmp_path / "arrays.lca")
    assert (tmp_path / "arrays.lca").read_text() == "mine"


def test_compressing_twice_gives_the_same_bytes(manifest, tmp_path, monkeypatch):
    run(manifest, tmp_path / "a.jsonl.gz")
    monkeypatch.setattr(time, "time", lambda: 1e9)
    run(manifest, tmp_path / "b.jsonl.gz")

    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_long_names_of_failed_turns_do_not_end_a_run(recording, tmp_path):
    gone = replace(recording, sources=[replace(recording.sources[0], source=str(tmp_path / "x"))])
    cuts = [gone.to_cut().with_id(f"{number}" + "x" * 1500) for number in range(30)]
    CutSet.from_cuts([recording.to_cut(), *cuts]).to_file(tmp_path / "in.jsonl")
    set_read_limit(5000)
    try:
        summary = run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
        again = run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    finally:
        set_read_limit(None)

    assert (summary.cuts, summary.scored, summary.failed) == (31, 1, 30)
    assert again == summary
    assert again.was_finished
    assert_facts(summary.failures[0], "cut 0xxx", tmp_path / "x", "no such audio file")
    assert all(len(each) < 1000 for each in summary.failures)


def test_arrays_need_a_store(manifest, tmp_path):
    with pytest.raises(OptionsError, match="store=PATH"):
        run(manifest, tmp_path / "out.jsonl", options=Options(embeddings=True))


def test_a_folder_with_a_suffix_needs_a_store_type(manifest, tmp_path):
    store, options = tmp_path / "arrays.v2", Options(embeddings=True)

    with pytest.raises(OptionsError, match=r"arrays\.v2; .*numpy_files"):
        run(manifest, tmp_path / "out.jsonl", store=store)
    run(manifest, tmp_path / "out.jsonl", store=store, store_type="numpy_files", options=options)

    assert store.is_dir()


def test_kept_labels_are_counted_without_a_warning(cuts, tmp_path):
    cuts.map_supervisions(lambda s: s.with_custom("emotion", "calm")).to_file(tmp_path / "in.jsonl")

    summary = run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")

    assert (summary.skipped, summary.scored) == (summary.turns - 1, 1)


def test_an_unknown_store_type_is_rejected(manifest, tmp_path):
    with pytest.raises(OptionsError, match=r"lilcom_chunky.*'zarr'"):
        run(manifest, tmp_path / "out.jsonl", store=tmp_path / "x", store_type="zarr")


@pytest.mark.parametrize("text", ['{"id": "r", "sources": []}\n', "[1]\n", "{\n"])
def test_a_manifest_without_a_cut_is_rejected(tmp_path, text):
    (tmp_path / "in.jsonl").write_text(text)

    with pytest.raises(FormatError) as caught:
        run(tmp_path / "in.jsonl", tmp_path / "out.jsonl", store=tmp_path / "arrays.h5")

    assert_facts(str(caught.value), tmp_path / "in.jsonl", "line 1")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_damaged_gzip_file_gives_the_cuts_before_the_damage(manifest, tmp_path):
    manifest.write_bytes(manifest.read_bytes()[:-20])

    summary = run(manifest, tmp_path / "out.jsonl")

    assert summary.bad == 1
    assert_facts(summary.bad_items[0], manifest, "gzip")
    assert summary.cuts == len(read_cuts(tmp_path / "out.jsonl")) > 0


@pytest.mark.parametrize("name", ["out.json", "out", "out.yaml"])
def test_other_kinds_of_manifest_are_rejected(manifest, tmp_path, name):
    with pytest.raises(FormatError, match=f"{name}; .*lhotse copy"):
        run(manifest, tmp_path / name)


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"gone\.jsonl: "):
        run(tmp_path / "gone.jsonl", tmp_path / "out.jsonl")


def test_cuts_are_read_from_a_manifest_of_lines(manifest, cuts):
    assert read_cuts(manifest) == list(cuts)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("empty.jsonl", FormatError, r"empty\.jsonl: .*no cuts"),
        ("cuts.csv", FormatError, r"\.jsonl or \.jsonl\.gz .*cuts\.csv"),
        (".", FormatError, r"\.jsonl or \.jsonl\.gz "),
        ("gone.jsonl", FileNotFoundError, "gone"),
    ],
)
def test_reading_an_empty_missing_or_other_manifest_is_an_error(tmp_path, name, error, message):
    (tmp_path / "empty.jsonl").write_text("")

    with pytest.raises(error, match=message):
        read_cuts(tmp_path / name)


def test_the_output_of_an_empty_manifest_is_empty(tmp_path):
    (tmp_path / "in.jsonl").write_text("")

    assert run(tmp_path / "in.jsonl", tmp_path / "out.jsonl") == Summary()
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_emodb_clips_are_annotated_as_single_files(shared, tmp_path):
    files = sorted((shared / "emodb").rglob("*.wav"))[:40]
    CutSet.from_cuts(Recording.from_file(f).to_cut() for f in files).to_file(tmp_path / "in.jsonl")

    summary = run(tmp_path / "in.jsonl", tmp_path / "out.jsonl", store=tmp_path / "arrays")

    assert summary == Summary(cuts=40, turns=40, scored=40)
    for cut, path in zip(CutSet.from_file(tmp_path / "out.jsonl"), files, strict=True):
        expected = Engine(FakeBackend()).score(path)[0]
        assert cut.emotion_scores == expected.scores
        np.testing.assert_array_equal(cut.load_emotion_embedding(), expected.embedding)
        assert soundfile.info(path).duration == cut.duration
