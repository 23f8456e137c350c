"""``emo2vec bench`` with the embedded model; no test depends on speed."""

from __future__ import annotations

import json

import pytest
from support.cli_runner import run

TINY = ("bench", "--model", "tiny", "--seconds", "12", "--repeats", "2", "--threads", "2")


@pytest.mark.slow
def test_subjects_are_measured_side_by_side(tmp_path):
    out, picture = tmp_path / "out" / "bench.json", tmp_path / "bench.svg"
    result = run(
        *(*TINY, "--device", "cpu", "--end-to-end", "--hours", "0.002,0.004"),
        *("-s", "torch:float32", "-s", "torch:bfloat16", "-s", "funasr:float32"),
        *("-s", "transformers:float64", "-s", "torch:float32"),
        *("--report", out, "--picture", picture),
    )

    assert result.exit_code == 0, result.output
    document = json.loads(out.read_text("utf-8"))
    assert document["schema"] == 1
    assert document["model"] == "tiny"
    assert document["turns"]["count"] == len(document["turns"]["samples"]) == 3
    assert document["machine"]["cores"] >= 1
    assert {"python", "torch", "emo2vec-plugins"} <= set(document["versions"])
    assert document["command"].startswith("emo2vec")
    assert list(document["peaks"]) == ["bfloat16", "float32"]
    assert all(len(each) == 2 for each in document["peaks"].values())
    assert list(document["left_out"]) == ["transformers:float64"]
    float32, bfloat16, reference = document["subjects"]
    names = [each["name"] for each in document["subjects"]]
    assert names == ["torch:float32", "torch:bfloat16", "funasr:float32"]
    for each in document["subjects"]:
        assert len(each["rounds"]) == len(each["end_to_end"]["seconds"]) == 2
        assert each["times_real_time"] > 0
        assert each["loaded"]["threads"] == 2
        assert (
            0
            < each["share_of_peak"]
            == pytest.approx(each["times_real_time"] / each["limit_times_real_time"])
        )
        assert [length["hours"] for length in each["lengths"]] == sorted(
            length["hours"] for length in each["lengths"]
        )
        assert len(each["lengths"]) == 2
    assert reference["ratio_to_reference"] == {"median": 1.0, "lowest": 1.0, "highest": 1.0}
    assert float32["difference_to_float32"] == {
        "probability": 0.0,
        "logit": 0.0,
        "cosine": pytest.approx(1.0),
        "same_label": 1.0,
    }
    assert reference["difference_to_float32"]["probability"] < 1e-5
    assert 0 < bfloat16["difference_to_float32"]["probability"] < 0.1
    assert picture.read_text("utf-8").startswith("<?xml")
    first, _, columns, *rows = result.stdout.splitlines()
    assert first.startswith("3 turns, ")
    assert columns.split()[:4] == ["subject", "x", "real", "time"]
    assert [row.split()[0] for row in rows[:3]] == names
    for fact in ("transformers:float64", "float32, ", "got 'float64'"):
        assert fact in result.stderr


@pytest.mark.slow
def test_turns_of_an_rttm_and_json_on_stdout(tmp_path):
    rttm = tmp_path / "meeting.rttm"
    rttm.write_text("SPEAKER a 1 0.0 1.0 <NA> <NA> x <NA> <NA>\n")
    result = run(
        *("bench", "--model", "tiny", "--rttm", rttm, "--seconds", "2", "--repeats", "1"),
        *("-s", "torch:float32", "--report", "-", "--device", "cpu"),
    )

    document = json.loads(result.stdout)
    assert document["turns"] == {
        "source": "meeting.rttm",
        "count": 2,
        "seconds": 2.0,
        "samples": [16_000, 16_000],
    }
    (subject,) = document["subjects"]
    assert subject["ratio_to_reference"] is subject["end_to_end"] is None


def test_an_error_names_each_subject_if_none_can_run():
    result = run(*TINY, "--device", "cpu", "-s", "nowhere:float32")

    assert result.exit_code == 1
    for fact in ("nowhere:float32: ", "plugin", "'nowhere'"):
        assert fact in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("-s", "torch"), 1, "WAY:DTYPE, such as torch:float32, got 'torch'"),
        (("--picture", "x.gif"), 2, "'x.gif'"),
        (("--report", "."), 2, "--report"),
        (("--hours", "1,x"), 2, "commas, got '1,x'"),
        (("--hours", "-1"), 2, "hours, got '-1'"),
        (("--seconds", "0"), 2, "0.0 is not in the range x>0"),
        (("--rttm", "nowhere.rttm"), 1, "nowhere.rttm"),
        (("--model", "./nowhere"), 1, "'./nowhere'"),
        (("--device", "abacus"), 1, "'abacus'"),
    ],
)
def test_mistakes_are_reported_before_anything_is_measured(arguments, status, message):
    result = run(*TINY, *arguments)

    assert result.exit_code == status
    assert message in result.stderr
