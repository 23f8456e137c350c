"""``emo2vec pseudo-label``: trusted labels in the output, and a report on all turns."""

from __future__ import annotations

import gzip
import json
from functools import partial

import pytest
import support.pseudo_label as parts
from lhotse import CutSet, Recording, SupervisionSegment
from support.cli_runner import run
from support.paths import names_in
from support.pseudo_label import turns

from emo2vec_plugins import LabelSet, Provenance
from emo2vec_plugins.testing import FakeBackend

pseudo_label = partial(run, "pseudo-label", "--model", "fake")


class Certain(FakeBackend):
    """Predicts sad for every turn, with probability 0.87."""

    def run(self, waveforms):
        return [(e, logits * 0 + [0, 0, 0, 3.3, 0]) for e, logits in super().run(waveforms)]


@pytest.fixture
def manifest(noise, write, tmp_path):
    recording = Recording.from_file(write("rec.wav", noise(16_000 * 12), 16_000))
    path = tmp_path / "in.jsonl.gz"
    parts.cuts_of(recording, "a", "b", "c", b="joy").to_file(path)
    return path


def test_trusted_turns_get_labels_and_the_table_counts_all_turns(manifest, tmp_path):
    out = tmp_path / "out.jsonl.gz"

    result = pseudo_label(manifest, "-o", out, backend=Certain())

    assert result.exit_code == 0
    assert result.stdout.splitlines()[:9] == [
        "turns",
        "already labelled  1",
        "not scored        0",
        "rejected          0",
        "accepted          2",
        "all               3",
        "",
        "predicted  turns  accepted  rejected",
        "sad            2         2         0",
    ]
    (line,) = result.stderr.splitlines()
    for fact in ("2 of 2 turns", "3 cuts", str(out)):
        assert fact in line
    assert [turn.emotion for turn in turns(CutSet.from_file(out))] == ["sad", "joy", "sad"]


def test_every_criterion_is_an_option(manifest, tmp_path):
    result = pseudo_label(
        *(manifest, "-o", tmp_path / "out.jsonl.gz", "--report", "-"),
        *("--min-confidence", 0.5, "--min-margin", 0.1, "--temperature", 1.5),
        *("--windows", 0.5, "--min-agreement", 0.9, "--min-duration", 0.5, "--max-duration", 9),
        *("--refuse-flags", "silent, clipped", "--accept-labels", "sad,angry"),
        *("--max-per-class", 100, "--max-ratio", 3, "--ratio-of", "smallest"),
        backend=Certain(),
    )

    assert json.loads(result.stdout)["trust"] == {
        "min_confidence": 0.5,
        "min_margin": 0.1,
        "temperature": 1.5,
        "window": 0.5,
        "min_agreement": 0.9,
        "min_duration": 0.5,
        "max_duration": 9.0,
        "refused_flags": ["silent", "clipped"],
        "accepted_labels": ["sad", "angry"],
        "max_per_class": 100,
        "max_ratio": 3.0,
        "ratio_of": "smallest",
    }


def test_without_options_the_criteria_are_those_of_the_library(manifest, tmp_path):
    from emo2vec_plugins.training.pseudo_label.trust import Trust

    result = pseudo_label(manifest, "-o", tmp_path / "out.jsonl", "--report", "-")

    assert json.loads(result.stdout)["trust"] == Trust().as_json()


def test_an_empty_list_refuses_no_flag(manifest, tmp_path):
    result = pseudo_label(
        manifest, "-o", tmp_path / "o.jsonl", "--refuse-flags", "", "--report", "-"
    )

    assert json.loads(result.stdout)["trust"]["refused_flags"] == []


def test_the_report_is_written_beside_the_table(manifest, tmp_path):
    file = tmp_path / "reports" / "report.json"

    result = pseudo_label(
        manifest, "-o", tmp_path / "out.jsonl", "--report", file, backend=Certain()
    )

    assert json.loads(file.read_text("utf-8"))["accepted"] == 2
    assert result.stdout.startswith("turns\n")


def test_quiet_is_quiet(manifest, tmp_path):
    result = pseudo_label(manifest, "-o", tmp_path / "out.jsonl", "--quiet", backend=Certain())

    assert (result.exit_code, result.output) == (0, "")


def test_a_second_model_is_loaded_by_its_name(manifest, tmp_path):
    result = pseudo_label(
        *(manifest, "-o", tmp_path / "out.jsonl", "--second-model", "fake", "--report", "-"),
        backend=Certain(),
    )

    assert "models are the same" in result.stderr
    assert json.loads(result.stdout)["compared_on"] == [*FakeBackend.labels.names]


def test_a_turn_without_a_score_ends_with_status_three(manifest, tmp_path):
    [first, *_] = CutSet.from_file(manifest)
    first.supervisions.append(SupervisionSegment("tiny", "rec", 0.0, 0.01))
    CutSet.from_cuts([first]).to_file(tmp_path / "more.jsonl")

    result = pseudo_label(tmp_path / "more.jsonl", "-o", tmp_path / "out.jsonl", backend=Certain())

    assert result.exit_code == 3
    _, headline, failure = result.stderr.splitlines()
    for fact in ("warning", "1 of 2 turns", "emotion_reason"):
        assert fact in headline
    for fact in ("cut cut-0", "supervision tiny", "too short", "160", "400"):
        assert fact in failure
    assert "not scored        1  too short (1)" in result.stdout


def test_a_warning_says_if_every_turn_has_a_label(manifest, tmp_path):
    labelled = tmp_path / "labelled.jsonl"
    cuts = CutSet.from_file(manifest).map_supervisions(lambda s: s.with_custom("emotion", "joy"))
    cuts.to_file(labelled)

    result = pseudo_label(labelled, "-o", tmp_path / "out.jsonl")

    assert result.exit_code == 0
    warning = result.stderr.splitlines()[0]
    for fact in ("warning", "3 of 3 turns", str(labelled), "'emotion'", "--field", "--overwrite"):
        assert fact in warning


def test_a_warning_says_if_no_label_was_accepted(manifest, tmp_path):
    result = pseudo_label(
        manifest, "-o", tmp_path / "out.jsonl", "--min-confidence", 0.99, backend=Certain()
    )

    assert result.exit_code == 0
    warning = result.stderr.splitlines()[0]
    for fact in ("warning", "no label", "emotion_rejected"):
        assert fact in warning


def test_a_note_says_if_the_output_is_complete_already(manifest, tmp_path):
    out = tmp_path / "out.jsonl"
    first = pseudo_label(manifest, "-o", out, backend=Certain())

    again = pseudo_label(manifest, "-o", out, backend=Certain())

    assert again.stdout == first.stdout
    (line,) = again.stderr.splitlines()
    assert f"{out} is already complete" in line


@pytest.mark.parametrize(
    ("arguments", "status", "facts"),
    [
        (["--min-agreement", "0.5"], 2, ["--min-agreement", "--windows"]),
        (["--ratio-of", "median"], 2, ["--ratio-of", "--max-ratio"]),
        (["--min-confidence", "1.5"], 2, ["1.5", "0<=x<=1"]),
        (["--min-confidence", "nan"], 2, ["--min-confidence", "nan"]),
        (["--max-duration", "0.5"], 1, ["max_duration", "min_duration, 1 s", "0.5"]),
        (["--refuse-flags", "loud"], 1, ["flag loud"]),
        (["--accept-labels", "bored"], 1, ["bored", "angry, happy"]),
        (["--accept-labels", ","], 1, ["accepted_labels", "empty"]),
        (["--second-model", "nowhere/nothing"], 1, ["nowhere/nothing"]),
    ],
)
def test_mistakes_are_reported_and_leave_no_files(manifest, tmp_path, arguments, status, facts):
    result = pseudo_label(manifest, "-o", tmp_path / "out.jsonl", *arguments)

    assert result.exit_code == status
    for fact in facts:
        assert fact in result.stderr
    assert names_in(tmp_path) == ["in.jsonl.gz", "rec.wav"]


@pytest.mark.parametrize(
    ("source", "target", "facts"),
    [
        ("gone.jsonl", "out.jsonl", ["gone.jsonl: No such file or directory"]),
        ("in.jsonl.gz", "in.jsonl.gz", ["in.jsonl.gz", "input"]),
        ("in.jsonl.gz", "out.txt", ["out.txt", ".jsonl.gz", "Shar"]),
        ("empty.jsonl", "out.jsonl", ["empty.jsonl", "no cuts"]),
    ],
)
def test_invalid_manifests_are_reported_in_one_line(manifest, tmp_path, source, target, facts):
    (tmp_path / "empty.jsonl").write_text("")

    result = pseudo_label(tmp_path / source, "-o", tmp_path / target)

    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    for fact in facts:
        assert fact in line


def test_a_model_without_classes_is_refused(manifest, tmp_path):
    class Headless(FakeBackend):
        labels = LabelSet.from_tokens(())
        provenance = Provenance(model="headless")

    result = pseudo_label(manifest, "-o", tmp_path / "out.jsonl", backend=Headless())

    assert result.exit_code == 1
    assert "no classes" in result.stderr


def test_bad_lines_are_named_and_kept(manifest, tmp_path):
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(gzip.decompress(manifest.read_bytes()) + b"{torn\n")
    out, other = tmp_path / "out.jsonl", tmp_path / "other.jsonl"

    result = pseudo_label(torn, "-o", out, backend=Certain())
    stopped = pseudo_label(torn, "-o", other, "--bad-items", "stop", backend=Certain())

    assert (result.exit_code, stopped.exit_code) == (3, 1)
    assert "1 bad item" in result.stderr
    assert f"{torn}: line " in result.stderr
    assert out.read_bytes().splitlines()[-1] == b"{torn"
    assert not other.exists()
