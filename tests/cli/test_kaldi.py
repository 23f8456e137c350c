"""``emo2vec kaldi``: files beside those of a data folder."""

from __future__ import annotations

import pytest
from support.cli_runner import run
from support.facts import assert_facts
from support.kaldi import make_folder
from support.paths import names_in


@pytest.fixture
def folder(tmp_path, write, noise):
    return make_folder(tmp_path, write, noise)


def kaldi(*arguments):
    return run("kaldi", "--model", "fake", *arguments)


def test_a_folder_gets_the_emotions_of_its_utterances(folder):
    result = kaldi(folder)

    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in (folder / "utt2emotion").read_text().splitlines()] == [
        *("A-1", "A-2", "B-1"),
    ]
    assert "3 utterances of 2 recordings, scored by fake@000000000000 (float32" in result.stderr
    assert result.stdout == ""


def test_results_go_elsewhere_with_embeddings(folder, tmp_path):
    result = kaldi(folder, "--output", tmp_path / "out", "--embeddings", "--quiet")

    assert result.exit_code == 0, result.output
    assert result.output == ""
    assert names_in(tmp_path / "out") == [
        *("emotion.ark", "emotion.scp", "utt2emotion", "utt2emotion_score"),
        *("utt2emotion_unscored", "utterances.emotions.jsonl"),
    ]
    assert not (folder / "utt2emotion").exists()


def test_utterances_without_a_label_are_named_and_the_status_says_so(folder):
    wav = (folder / "wav.scp").read_text().splitlines()
    (folder / "wav.scp").write_text(f"{wav[0]}\nr2 cat {folder.parent}/a.wav |\n")

    result = kaldi(folder)

    assert result.exit_code == 3
    assert "1 of 3 utterances failed:" in result.stderr
    assert "  A-1: " in result.stderr
    assert_facts(result.stderr, folder / "wav.scp", "a.wav |", "--allow commands")
    assert len((folder / "utt2emotion").read_text().splitlines()) == 2
    assert kaldi(folder, "--allow", "commands", "--overwrite").exit_code == 0
    assert len((folder / "utt2emotion").read_text().splitlines()) == 3


def test_labels_of_others_are_not_replaced(folder):
    (folder / "utt2emotion").write_text("A-1 joy\n")

    result = kaldi(folder)

    assert result.exit_code == 1
    assert_facts(result.stderr, folder / "utt2emotion", "--overwrite")
    assert "--overwrite" in run("kaldi", "--help").output
    assert (folder / "utt2emotion").read_text() == "A-1 joy\n"


def test_a_folder_that_is_none_of_kaldis_is_an_error(tmp_path):
    result = kaldi(tmp_path)

    assert result.exit_code == 1
    assert_facts(result.stderr, tmp_path, "wav.scp")
    (tmp_path / "wav.scp").write_text("")
    assert_facts(kaldi(tmp_path).stderr, tmp_path, "no utterances")


def test_what_is_said_over_others_can_be_left_out(folder):
    (folder / "segments").write_text("A-1 r1 0 2\nB-1 r1 0 2\n")
    (folder / "utt2spk").write_text("A-1 A\nB-1 B\n")

    result = kaldi(folder, "--overlap", "exclude")

    assert result.exit_code == 3
    assert "all 2 utterances failed" in result.stderr
    assert (folder / "utt2emotion").read_text() == ""


def test_bad_lines_are_named_and_left_out(folder):
    with (folder / "segments").open("a") as file:
        file.writelines(f"bad{k} r1\n" for k in range(12))

    result = kaldi(folder)

    assert result.exit_code == 3
    assert result.stderr.count(f"warning: {folder}/segments: line ") == 10
    assert "2 more bad lines" in result.stderr
    stopped = kaldi(folder, "--bad-items", "stop")
    assert stopped.exit_code == 1
    assert_facts(stopped.stderr, "error: ", folder / "segments", "bad0")
