"""Files of corpora: missing, unreadable, elsewhere, of odd names, or no files at all."""

from __future__ import annotations

import os

import pytest
from support.corpora import FOLDER, TREES, main, put, sounds
from support.facts import assert_facts

EVALUATION = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"


@pytest.mark.parametrize(
    ("corpus", "file"),
    [
        ("nemo", "data.tsv"),
        ("mycroft", "computer/not-wake-words/es/metadata.csv"),
        ("iemocap", "Session1/dialog/transcriptions/Ses01F_impro01.txt"),
        ("iemocap", EVALUATION),
    ],
)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_files_are_read_as_tables(make, corpus, file, tmp_path, capsys):
    TREES[corpus](tmp_path / "tree")
    (tmp_path / "tree" / file).unlink()
    make(tmp_path / "tree" / file)

    with pytest.raises(SystemExit):
        main([corpus, str(tmp_path / "tree"), str(tmp_path / "made.jsonl")])

    assert_facts(capsys.readouterr().err, tmp_path / "tree" / file, "expected a file")


def test_clips_that_are_no_files_are_counted(tmp_path, capsys):
    TREES["emodb"](tmp_path / "tree")
    wav = tmp_path / "tree" / "wav"
    os.mkfifo(wav / "03a01Na.wav")
    (wav / "03a01Nb.wav").mkdir()
    (wav / "03a01Nc.wav").symlink_to("nothing")
    main(["emodb", str(tmp_path / "tree"), str(tmp_path / "made.jsonl")])

    assert_facts(capsys.readouterr().out, "2 cuts, ", "left out 3, such as 03a01Na: not a file")


@pytest.mark.parametrize("name", ["../../other.wav", "{folder}/other.wav"])
def test_tables_name_no_files_elsewhere(name, tmp_path, capsys, monkeypatch):
    TREES["nemo"](tmp_path / "tree")
    sounds(tmp_path, "other.wav")
    with (tmp_path / "tree" / "data.tsv").open("a", encoding="utf-8") as table:
        table.write(f"{name.format(folder=tmp_path)}\tneutral\tx\tx\tWR0\tmale\t23\n")
    monkeypatch.chdir(tmp_path / "tree")
    main(["nemo", ".", str(tmp_path / "made.jsonl")])

    assert_facts(capsys.readouterr().out, "2 cuts, ", "left out 1, such as other: ", "outside")


@pytest.mark.parametrize("corpus", ["nemo", "msp_podcast"])
def test_a_name_that_is_too_long_is_counted_and_shortened(corpus, tmp_path, capsys):
    TREES[corpus](tmp_path / "tree")
    row = {
        "nemo": ("data.tsv", "{}.wav\tneutral\tx\tx\tWR0\tmale\t23\n"),
        "msp_podcast": ("Labels/labels_consensus.csv", "{}.wav,N,1,1,1,30,Male,Train\n"),
    }
    file, text = row[corpus]
    with (tmp_path / "tree" / file).open("a", encoding="utf-8") as table:
        table.write(text.format("x" * 5000))
    main([corpus, str(tmp_path / "tree"), str(tmp_path / "made.jsonl")])
    printed = capsys.readouterr().out

    assert_facts(printed, "2 cuts, ", "left out 1, such as xxx", "no such file")
    assert max(map(len, printed.splitlines())) < 200


def test_listed_clips_without_a_file_are_counted(tmp_path, capsys):
    TREES["cremad"](tmp_path / "tree")
    (tmp_path / "tree" / "AudioWAV" / "1002_IEO_HAP_HI.wav").unlink()
    main(["cremad", str(tmp_path / "tree"), str(tmp_path / "made.jsonl")])

    assert_facts(
        capsys.readouterr().out, "1 cut, ", "left out 1, such as 1002_IEO_HAP_HI", "no such file"
    )


def test_clips_that_cannot_be_read_are_counted(tmp_path, capsys):
    TREES["emodb"](tmp_path / "tree")
    put(tmp_path / "tree" / "wav" / "03a01Fa.wav", "no sound")
    put(tmp_path / "tree" / "wav" / "03a01Nc.wav", "")
    main(["emodb", str(tmp_path / "tree"), str(tmp_path / "made.jsonl")])

    assert_facts(
        capsys.readouterr().out, "2 cuts, ", "left out 2, such as 03a01Fa", "cannot be read"
    )


def test_pointers_of_git_lfs_are_explained(tmp_path, capsys):
    TREES["cremad"](tmp_path / "tree")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:c6f9\nsize 72862\n"
    put(tmp_path / "tree" / "AudioWAV" / "1001_DFA_ANG_XX.wav", pointer)
    main(["cremad", str(tmp_path / "tree"), str(tmp_path / "made.jsonl")])

    assert_facts(capsys.readouterr().out, "1 cut, ", "such as 1001_DFA_ANG_XX", "git lfs pull")


def test_names_in_another_encoding_are_counted(tmp_path, capsys):
    TREES["picovoice"](tmp_path / "tree")
    clip = tmp_path / "tree" / "audio" / "jarvis" / "0.wav"
    try:
        clip.rename(clip.with_name(os.fsdecode(b"caf\xe9.wav")))
    except OSError:
        pytest.skip("needs a file system whose names are bytes")
    main(["picovoice", str(tmp_path / "tree"), str(tmp_path / "made.jsonl")])

    assert_facts(capsys.readouterr().out, "2 cuts", "left out 1", r"caf\udce9", "UTF-8")


def test_names_are_shown_without_control_characters(tmp_path, capsys):
    TREES["nemo"](tmp_path / "tree")
    with (tmp_path / "tree" / "data.tsv").open("a", encoding="utf-8") as table:
        table.write("\x1b[2Jb.wav\tneutral\tx\tx\tWR0\tmale\t23\n")
    main(["nemo", str(tmp_path / "tree"), str(tmp_path / "made.jsonl")])

    assert_facts(capsys.readouterr().out, r"such as \x1b[2Jb: listed")


@pytest.mark.parametrize("place", ["tree/data.tsv", "link.jsonl", "map.jsonl"])
def test_what_is_read_is_never_replaced(place, tmp_path, capsys):
    """Even with --overwrite, and through a link."""
    TREES["nemo"](tmp_path / "tree")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "tree" / "data.tsv")
    labels = FOLDER / "labels" / "nemo.yaml"
    (tmp_path / "map.jsonl").write_bytes(labels.read_bytes())
    before = (tmp_path / place).read_bytes()
    words = ["nemo", tmp_path / "tree", tmp_path / place, "--label-map", tmp_path / "map.jsonl"]

    with pytest.raises(SystemExit) as caught:
        main([*map(str, words), "--overwrite"])

    assert caught.value.code == 1
    assert_facts(capsys.readouterr().err, tmp_path / place, tmp_path / "tree")
    assert (tmp_path / place).read_bytes() == before
