"""``emo2vec pseudo-label``: trusted labels out, and what became of all the others."""

from __future__ import annotations

import json
from functools import partial

import pytest
import support.pseudo_label as parts
from lhotse import CutSet, Recording, SupervisionSegment
from support.cli_runner import run
from support.pseudo_label import turns

from emo2vec_plugins import LabelSet, Provenance
from emo2vec_plugins.testing import FakeBackend

pseudo_label = partial(run, "pseudo-label", "--model", "fake")


class Certain(FakeBackend):
    """Predicts sad for everything, at 0.87."""

    def run(self, waveforms):
        return [(e, logits * 0 + [0, 0, 0, 3.3, 0]) for e, logits in super().run(waveforms)]


@pytest.fixture
def manifest(noise, write, tmp_path):
    recording = Recording.from_file(write("rec.wav", noise(16_000 * 12), 16_000))
    path = tmp_path / "in.jsonl.gz"
    parts.cuts_of(recording, "a", "b", "c", b="joy").to_file(path)
    return path


def test_trusted_turns_get_labels_and_the_table_says_what_became_of_all(manifest, tmp_path):
    out = tmp_path / "out.jsonl.gz"

    result = pseudo_label(manifest, "-o", out, backend=Certain())

    assert result.exit_code == 0
    assert result.stdout.splitlines()[:9] == [
        "turns",
        "labelled already  1",
        "not scored        0",
        "rejected          0",
        "accepted          2",
        "all               3",
        "",
        "predicted  turns  accepted  rejected",
        "sad            2         2         0",
    ]
    assert result.stderr == f"emo2vec: 2 of 2 turns got a label; 3 cuts are in {out}\n"
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


def test_no_flag_is_refused_where_none_is_named(manifest, tmp_path):
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

    assert "both models are the same" in result.stderr
    assert json.loads(result.stdout)["compared_on"] == [*FakeBackend.labels.names]


def test_a_turn_without_a_score_ends_with_status_three(manifest, tmp_path):
    [first, *_] = CutSet.from_file(manifest)
    first.supervisions.append(SupervisionSegment("tiny", "rec", 0.0, 0.01))
    CutSet.from_cuts([first]).to_file(tmp_path / "more.jsonl")

    result = pseudo_label(tmp_path / "more.jsonl", "-o", tmp_path / "out.jsonl", backend=Certain())

    assert result.exit_code == 3
    assert result.stderr.splitlines()[1:] == [
        "emo2vec: warning: 1 of 2 turns failed; emotion_reason says why:",
        "  cut cut-0, supervision tiny: too short: 160 samples at 16 kHz, "
        "one frame needs 400 (25 ms)",
    ]
    assert "not scored        1  too short (1)" in result.stdout


def test_when_everything_is_labelled_it_says_so(manifest, tmp_path):
    labelled = tmp_path / "labelled.jsonl"
    cuts = CutSet.from_file(manifest).map_supervisions(lambda s: s.with_custom("emotion", "joy"))
    cuts.to_file(labelled)

    result = pseudo_label(labelled, "-o", tmp_path / "out.jsonl")

    assert result.exit_code == 0
    assert result.stderr.startswith(
        f"emo2vec: warning: nothing was judged: 3 of 3 turns of {labelled} already labelled "
        "in 'emotion'; --field NAME writes beside it, --overwrite replaces it\n"
    )


def test_when_nothing_is_trusted_it_says_so(manifest, tmp_path):
    result = pseudo_label(
        manifest, "-o", tmp_path / "out.jsonl", "--min-confidence", 0.99, backend=Certain()
    )

    assert result.exit_code == 0
    assert "warning: no turn was trusted; emotion_rejected says why" in result.stderr


def test_a_finished_output_is_said_to_be_so(manifest, tmp_path):
    out = tmp_path / "out.jsonl"
    first = pseudo_label(manifest, "-o", out, backend=Certain())

    again = pseudo_label(manifest, "-o", out, backend=Certain())

    assert again.stdout == first.stdout
    assert again.stderr == f"emo2vec: {out} was finished already, nothing was done\n"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--min-agreement", "0.5"], 2, "--min-agreement needs --windows"),
        (["--ratio-of", "median"], 2, "--ratio-of needs --max-ratio"),
        (["--min-confidence", "1.5"], 2, "1.5 is not in the range 0<=x<=1"),
        (["--min-confidence", "nan"], 1, "min_confidence must be from 0 to 1, got nan"),
        (["--max-duration", "0.5"], 1, "max_duration must be at least min_duration, 1 s"),
        (["--refuse-flags", "loud"], 1, "there is no flag loud"),
        (["--accept-labels", "bored"], 1, "the model has no class bored; it has angry, happy"),
        (["--accept-labels", ","], 1, "accepted_labels names none"),
        (["--second-model", "nowhere/nothing"], 1, "nowhere/nothing"),
    ],
)
def test_mistakes_are_reported_in_one_line_and_leave_nothing(
    manifest, tmp_path, arguments, status, message
):
    result = pseudo_label(manifest, "-o", tmp_path / "out.jsonl", *arguments)

    assert result.exit_code == status
    assert message in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl.gz", "rec.wav"]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("gone.jsonl", "out.jsonl", "gone.jsonl: No such file or directory"),
        ("in.jsonl.gz", "in.jsonl.gz", "is the input and the output"),
        ("in.jsonl.gz", "out.txt", "lhotse copy"),
        ("empty.jsonl", "out.jsonl", "empty.jsonl: "),
    ],
)
def test_manifests_that_are_no_good_are_reported_in_one_line(
    manifest, tmp_path, source, target, message
):
    (tmp_path / "empty.jsonl").write_text("")

    result = pseudo_label(tmp_path / source, "-o", tmp_path / target)

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr


def test_a_model_without_classes_is_refused(manifest, tmp_path):
    class Headless(FakeBackend):
        labels = LabelSet.from_tokens(())
        provenance = Provenance(model="headless")

    result = pseudo_label(manifest, "-o", tmp_path / "out.jsonl", backend=Headless())

    assert result.exit_code == 1
    assert "the model has no classes" in result.stderr
