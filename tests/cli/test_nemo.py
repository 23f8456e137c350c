"""``emo2vec nemo``: a manifest of NeMo in, the same with emotions out."""

from __future__ import annotations

import gzip
import json

import pytest
from support.cli_runner import run
from support.facts import assert_facts

LINE = {"audio_filepath": "a.wav", "offset": 0.0, "duration": 1.5, "text": "yes"}


@pytest.fixture
def manifest(write, noise, tmp_path):
    write("a.wav", noise(32_000), 16_000)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(LINE) + "\n" + json.dumps(LINE | {"offset": 0.5}) + "\n")
    return path


def nemo(*arguments, **more):
    return run("nemo", "--model", "fake", *arguments, **more)


def records(path):
    return [json.loads(text) for text in path.read_text("utf-8").splitlines()]


def test_a_manifest_gets_emotions(manifest, tmp_path):
    out = tmp_path / "out.json"

    result = nemo(manifest, "-o", out)

    assert result.exit_code == 0
    assert result.stdout == ""
    assert_facts(result.stderr, "2 turns of 2 lines", "fake@000000000000 (float32)", out)
    assert [{key: each[key] for key in LINE} for each in records(out)] == records(manifest)
    assert all(each["emotion"] for each in records(out))


def test_options_reach_the_lines(manifest, tmp_path):
    out = tmp_path / "out.json"

    nemo(manifest, "-o", out, "--field", "mood", "--labels", "sad", "--quiet")

    assert [each["mood"] for each in records(out)] == ["sad", "sad"]


def test_overlap_between_the_speakers_of_an_rttm_can_be_left_out(manifest, tmp_path):
    (tmp_path / "a.rttm").write_text(
        "SPEAKER a 1 0.000 1.000 <NA> <NA> ann <NA> <NA>\n"
        "SPEAKER a 1 0.000 2.000 <NA> <NA> bob <NA> <NA>\n"
    )
    manifest.write_text(json.dumps({"audio_filepath": "a.wav", "rttm_filepath": "a.rttm"}) + "\n")

    out = tmp_path / "out.json"
    result = nemo(manifest, "-o", out, "--overlap", "exclude")

    assert result.exit_code == 3
    ann, bob = records(out)[0]["emotion_turns"]
    assert ann["emotion"] is None
    assert bob["emotion"] is not None
    assert_facts(
        result.stderr, "1 of 2 turns failed", "emotion_reason", "\n  line 1, 0.000-1.000: "
    )


def test_lines_that_fail_are_named_and_written(manifest, tmp_path):
    with manifest.open("a") as file:
        file.writelines(json.dumps(LINE | {"audio_filepath": "b.wav"}) + "\n" for _ in range(12))

    result = nemo(manifest, "-o", tmp_path / "out.json")

    assert result.exit_code == 3
    assert_facts(result.stderr, "warning: 12 of 14 turns failed", "emotion_reason", "\n  line 3: ")
    assert result.stderr.endswith("  and 2 more\n")
    assert len(records(tmp_path / "out.json")) == 14


def test_labels_that_are_there_are_kept(manifest, tmp_path):
    first, second = manifest.read_text().splitlines()
    manifest.write_text(first[:-1] + ', "emotion": "calm"}\n' + second + "\n")

    out, other = tmp_path / "out.json", tmp_path / "other.json"
    result = nemo(manifest, "-o", out)

    assert "1 turn of 2 lines, 1 already labelled" in result.stderr
    assert records(out)[0]["emotion"] == "calm"
    again = nemo(out, "-o", other)
    assert again.exit_code == 0
    assert_facts(again.stderr, "warning: ", "2 lines", "'emotion'", "--field", "--overwrite")
    nemo(out, "-o", other, "--overwrite")
    assert records(other)[0]["emotion"] != "calm"


def test_a_torn_line_is_named_and_kept(manifest, tmp_path):
    torn = '{"audio_filepath": "a.w'
    with manifest.open("a") as file:
        file.write(torn)
    out = tmp_path / "out.json"

    result = nemo(manifest, "-o", out)

    assert result.exit_code == 3
    assert_facts(result.stderr, "warning: 1 bad item", f"\n  {manifest}: line 3: ", "truncated")
    assert out.read_text().splitlines()[2] == torn


def test_bad_lines_may_be_left_out_or_stop_the_command(manifest, tmp_path):
    with manifest.open("a") as file:
        file.write("{\n")
    out, other = tmp_path / "out.json", tmp_path / "other.json"

    left_out = nemo(manifest, "-o", out, "--bad-items", "drop")
    stopped = nemo(manifest, "-o", other, "--bad-items", "stop")

    assert (left_out.exit_code, stopped.exit_code) == (3, 1)
    assert len(records(out)) == 2
    assert_facts(stopped.stderr, "error: ", manifest, "line 3")
    assert not other.exists()


def test_a_manifest_that_is_missing_is_an_error(tmp_path):
    result = nemo(tmp_path / "none.json", "-o", tmp_path / "out.json")

    assert result.exit_code == 1
    assert "none.json" in result.stderr


def test_a_folder_that_is_a_file_is_an_error(manifest, tmp_path):
    result = nemo(manifest, "-o", manifest / "out.json", "--quiet")

    assert result.exit_code == 1
    assert f"{manifest}: " in result.stderr


def test_what_a_damaged_gzip_file_loses_is_said(manifest, tmp_path):
    path = tmp_path / "damaged.jsonl.gz"
    packed = bytearray(gzip.compress(manifest.read_bytes()))
    packed[-5] ^= 255  # of the checksum
    path.write_bytes(packed)

    result = nemo(path, "-o", tmp_path / "out.jsonl.gz")

    assert result.exit_code == 3
    facts = ("may be wrong", "the rest of the file is left out")
    assert_facts(result.stderr, "1 bad item", f"{path}: line 3: ", "damaged", *facts)


def test_an_empty_file_is_a_damaged_gzip_file_but_may_be_an_empty_manifest(tmp_path):
    names = ("torn.jsonl.gz", "packed.jsonl.gz", "plain.jsonl")
    torn, packed, plain = (tmp_path / name for name in names)
    for path in (torn, packed, plain):
        path.write_bytes(gzip.compress(b"") if path == packed else b"")

    results = [nemo(path, "-o", tmp_path / f"out.{path.name}") for path in (torn, packed, plain)]

    assert [each.exit_code for each in results] == [1, 0, 0]
    assert_facts(results[0].stderr, f"error: {torn}", "empty")
    assert not (tmp_path / f"out.{torn.name}").exists()
    assert_facts(results[1].stderr, f"warning: {packed}")
    assert_facts(results[2].stderr, f"warning: {plain}")
