"""Pseudo-labels from file to file: outputs are complete or absent, and runs can be resumed."""

from __future__ import annotations

import gzip
from functools import partial

import numpy as np
import pytest
import support.pseudo_label as parts
from lhotse import CutSet, Recording
from support.facts import assert_facts
from support.paths import contents_of, names_in
from support.pseudo_label import Says, turns

from emo2vec_plugins.errors import FormatError, LabelError, OptionsError, ResumeError
from emo2vec_plugins.files import disk
from emo2vec_plugins.training.pseudo_label.labelling import pseudo_label
from emo2vec_plugins.training.pseudo_label.manifest import pseudo_label_manifest
from emo2vec_plugins.training.pseudo_label.trust import Trust

# Lhotse's Shar reader leaves its tar files to be closed by the garbage collector.
shar = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def recording(noise, write):
    return Recording.from_file(write("rec.wav", noise(16_000 * 12), 16_000))


@pytest.fixture
def cuts_of(recording):
    return partial(parts.cuts_of, recording)


@pytest.fixture
def manifest(cuts_of, tmp_path):
    path = tmp_path / "in.jsonl.gz"
    cuts_of("sure", "unsure", "known", "angry", "sure", known="joy").to_file(path)
    return path


def test_a_manifest_gets_the_same_labels_as_cuts_in_memory(manifest, tmp_path):
    cuts = CutSet.from_file(manifest)
    seen = []

    report = pseudo_label_manifest(
        manifest, tmp_path / "out" / "out.jsonl.gz", score=Says(), progress=seen.append
    )

    expected, expected_report = pseudo_label(cuts, score=Says())
    found = CutSet.from_file(tmp_path / "out" / "out.jsonl.gz")
    assert [cut.to_dict() for cut in found] == [cut.to_dict() for cut in expected]
    assert report == expected_report
    assert sum(seen) == 5
    assert [*contents_of(tmp_path / "out")] == ["out.jsonl.gz", "out.jsonl.gz.emo2vec.json"]


@shar
def test_the_output_for_a_shar_directory_is_a_shar_directory(cuts_of, tmp_path):
    source, target = tmp_path / "shar", tmp_path / "labelled"
    source.mkdir()
    cuts = cuts_of("sure", "unsure", "angry")
    cuts.to_shar(source, fields={"recording": "flac"}, shard_size=2)

    report = pseudo_label_manifest(source, target, score=Says())

    found = CutSet.from_shar(in_dir=target)
    assert [(turn.speaker, turn.emotion) for turn in turns(found)] == [
        ("sure", "sad"),
        ("unsure", None),
        ("angry", "angry"),
    ]
    audio = [cut.load_audio() for cut in found]
    np.testing.assert_allclose(audio[2], next(iter(cuts)).load_audio(), atol=1e-3)
    assert report.accepted == 2
    assert names_in(tmp_path) == [
        "labelled",
        "labelled.emo2vec.json",
        "rec.wav",
        "shar",
    ]


def test_an_interrupted_run_resumes_and_writes_the_same_bytes(manifest, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    stops = Says()
    stops.left, stops.batch_seconds = 3, 0.1
    pseudo_label_manifest(manifest, whole / "out.jsonl", score=Says())

    with pytest.raises(KeyboardInterrupt):
        pseudo_label_manifest(manifest, broken / "out.jsonl", score=stops)
    assert not (broken / "out.jsonl").exists()
    resumed = Says()
    pseudo_label_manifest(manifest, broken / "out.jsonl", score=resumed)

    assert resumed.seen == ["sure"]
    assert contents_of(broken) == contents_of(whole)


def test_an_output_that_could_not_be_written_is_absent_and_written_later(
    manifest, tmp_path, monkeypatch
):
    def full(source, target):
        if target == str(tmp_path / "out.jsonl") or target == tmp_path / "out.jsonl":
            raise OSError(28, "No space left on device")
        rename(source, target)

    rename = disk.rename
    with monkeypatch.context() as patched:
        patched.setattr(disk, "rename", full)
        with pytest.raises(OSError, match="No space left"):
            pseudo_label_manifest(manifest, tmp_path / "out.jsonl", score=Says())
    assert not (tmp_path / "out.jsonl").exists()
    idle = Says()
    pseudo_label_manifest(manifest, tmp_path / "out.jsonl", score=idle)

    assert idle.seen == []
    assert sorted(contents_of(tmp_path)) == [
        "in.jsonl.gz",
        "out.jsonl",
        "out.jsonl.emo2vec.json",
        "rec.wav",
    ]


def test_a_finished_output_is_not_done_again(manifest, tmp_path):
    out = tmp_path / "out.jsonl"
    first = pseudo_label_manifest(manifest, out, score=Says())

    again = pseudo_label_manifest(manifest, out, score=(idle := Says()))

    assert again == first
    assert (first.was_finished, again.was_finished, idle.seen) == (False, True, [])


def test_scores_left_by_a_run_killed_at_the_end_are_removed(manifest, tmp_path):
    out, left = tmp_path / "out.jsonl", tmp_path / "out.jsonl.scores.jsonl"
    pseudo_label_manifest(manifest, tmp_path / "other.jsonl", score=Says(), scores=left)
    pseudo_label_manifest(manifest, out, score=Says(), scores=tmp_path / "kept.jsonl")
    record = tmp_path / "out.jsonl.scores.jsonl.emo2vec.json"
    assert left.is_file()
    assert record.is_file()

    pseudo_label_manifest(manifest, out, score=Says())

    assert not left.exists()
    assert not record.exists()
    assert (tmp_path / "kept.jsonl").is_file()


def test_an_output_of_another_run_is_not_touched(manifest, tmp_path):
    out = tmp_path / "out.jsonl"
    pseudo_label_manifest(manifest, out, score=Says())
    before = contents_of(tmp_path)

    for changed, message in (
        ({"trust": Trust(min_confidence=0.9)}, r"trust\.min_confidence .*0\.7.*0\.9"),
        ({"score": Says(name="other")}, r"scorer\.first\.name .*'said'.* 'other'"),
        ({"second": Says(name="other")}, r"scorer\.second"),
    ):
        with pytest.raises(ResumeError, match=message):
            pseudo_label_manifest(manifest, out, **{"score": Says()} | changed)
    assert contents_of(tmp_path) == before


def test_an_existing_file_is_not_touched(manifest, tmp_path):
    (tmp_path / "out.jsonl").write_text("mine")

    with pytest.raises(ResumeError, match=r"out\.jsonl already exists"):
        pseudo_label_manifest(manifest, tmp_path / "out.jsonl", score=Says())
    assert (tmp_path / "out.jsonl").read_text() == "mine"


def test_kept_scores_are_reused_with_other_criteria(manifest, tmp_path):
    scores = tmp_path / "scores.jsonl.gz"
    pseudo_label_manifest(manifest, tmp_path / "a.jsonl", score=Says(), scores=scores)

    report = pseudo_label_manifest(
        *(manifest, tmp_path / "b.jsonl"),
        score=(idle := Says()),
        scores=scores,
        trust=Trust(min_confidence=0.4),
    )

    assert idle.seen == []
    assert report.accepted == 4


def test_scores_of_other_windows_are_kept_and_the_error_asks_for_another_path(manifest, tmp_path):
    scores = tmp_path / "scores.jsonl"
    pseudo_label_manifest(manifest, tmp_path / "a.jsonl", score=Says(), scores=scores)
    before = contents_of(tmp_path)

    with pytest.raises(ResumeError) as caught:
        pseudo_label_manifest(
            *(manifest, tmp_path / "b.jsonl"),
            score=Says(),
            scores=scores,
            trust=Trust(window=1.0),
        )
    for fact in (str(scores), "scorer.window was None", "1.0", "--windows", "--scores"):
        assert fact in str(caught.value)
    assert contents_of(tmp_path) == before


@pytest.mark.parametrize(
    ("target", "scores", "message"),
    [
        ("in.jsonl.gz", None, r"in\.jsonl\.gz .*the input and the output"),
        ("sub/../in.jsonl.gz", None, "the input and the output"),
        ("out.jsonl", "out.jsonl", "the output and the scores"),
        ("out.jsonl", "in.jsonl.gz", "the input and the scores"),
    ],
)
def test_one_file_for_two_purposes_is_refused(manifest, tmp_path, target, scores, message):
    before = contents_of(tmp_path)

    with pytest.raises(OptionsError, match=message):
        pseudo_label_manifest(
            *(manifest, tmp_path / target),
            score=Says(),
            scores=None if scores is None else tmp_path / scores,
        )
    assert contents_of(tmp_path) == before


def test_an_empty_manifest_is_refused_and_leaves_nothing(tmp_path):
    (tmp_path / "in.jsonl").write_text("")

    with pytest.raises(LabelError, match=r"in\.jsonl: .*no cuts"):
        pseudo_label_manifest(tmp_path / "in.jsonl", tmp_path / "out.jsonl", score=Says())
    assert [*contents_of(tmp_path)] == ["in.jsonl"]


@pytest.fixture
def torn(manifest):
    """A manifest with a bad line after the first."""
    first, rest = gzip.decompress(manifest.read_bytes()).split(b"\n", 1)
    path = manifest.with_name("torn.jsonl")
    path.write_bytes(first + b"\n{torn\n" + rest)
    return path


def test_bad_lines_are_written_unchanged_and_named(torn):
    out = torn.with_name("out.jsonl")

    report = pseudo_label_manifest(torn, out, score=Says())

    lines = out.read_bytes().splitlines()
    assert lines[1] == b"{torn"
    assert len(lines) == 6
    assert (report.cuts, report.bad) == (5, 1)
    assert_facts(report.bad_items[0], torn, "line 2")
    assert pseudo_label_manifest(torn, out, score=Says()) == report


def test_bad_lines_may_be_left_out_or_stop_the_run(torn):
    out = torn.with_name("out.jsonl")

    with pytest.raises(FormatError, match="line 2"):
        pseudo_label_manifest(torn, out, score=Says(), bad_items="stop")
    report = pseudo_label_manifest(torn, out, score=Says(), bad_items="drop")

    assert len(list(CutSet.from_file(out))) == report.cuts == 5
    assert report.bad == 1
