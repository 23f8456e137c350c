"""Data folders with lines that are malformed: each costs no other utterance its emotion."""

from __future__ import annotations

import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.integrations.kaldi import annotate_kaldi, read_kaldi


@pytest.fixture
def folder(tmp_path, write, noise):
    write("a.wav", noise(32_000), 16_000)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "wav.scp").write_text(f"r1 {tmp_path}/a.wav\n")
    (folder / "segments").write_text("u1 r1 0 1\nu2 r1 1 2\n")
    return folder


BAD = [
    b"u3 r1 0",
    b"u3 r1 0 x",
    b"u1 r1 0 2",
    b"\xff r1 0 1",
    b"u\0 r1 0 1",
    b"u3 r1 0 nan",
    b"x" * 5000,
]


@pytest.mark.parametrize("name", ["wav.scp", "segments"])
def test_a_line_that_is_too_long_is_left_out_and_named(folder, engine, monkeypatch, name):
    path = folder / name
    path.write_bytes(b"x" * 3000 + b"\n\n" + path.read_bytes())
    monkeypatch.setenv("EMO2VEC_READ_LIMIT", "2000")

    results = annotate_kaldi(folder, score=engine)

    assert (results.scored, results.failed) == (2, 0)
    [bad] = results.bad_items
    assert_facts(bad, path, "line 1", "--read-limit")
    with pytest.raises(FormatError, match="line 1"):
        read_kaldi(folder, bad_items="stop")


@pytest.mark.parametrize("line", BAD, ids=range(len(BAD)))
def test_a_bad_segment_is_left_out_and_named(folder, engine, line):
    path = folder / "segments"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\n" + line + b"\n", 1))

    results = annotate_kaldi(folder, score=engine)

    assert (results.scored, results.failed) == (2, 0)
    [bad] = results.bad_items
    assert_facts(bad, path, "line 2")
    assert len(bad) < 500


def test_a_recording_on_a_bad_line_fails_its_utterances_only(folder, engine):
    (folder / "segments").write_text("u1 r1 0 1\nu2 r2 0 1\n")
    with (folder / "wav.scp").open("a") as file:
        file.write("r2\n")

    results = annotate_kaldi(folder, score=engine)

    assert results.scored == 1
    assert list(results.failures) == ["u2"]
    assert_facts(results.bad_items[0], folder / "wav.scp", "line 2", "r2")


def test_a_bad_speaker_leaves_the_others(folder):
    (folder / "utt2spk").write_text("u1 ann bob\nu2 ann\n")

    data = read_kaldi(folder)

    assert data.recordings[0].speakers == {"u2": "ann"}
    assert_facts(data.bad_items[0], folder / "utt2spk", "line 1")


def test_a_folder_without_a_good_segment_is_rejected(folder):
    (folder / "segments").write_text("start,end\n0,1\n")

    with pytest.raises(FormatError) as caught:
        read_kaldi(folder)

    assert_facts(str(caught.value), folder / "segments", "line 1")


def test_a_bad_line_of_channels_is_an_error(folder):
    (folder / "reco2file_and_channel").write_text("r1 r1 C\n")

    with pytest.raises(FormatError, match="line 1"):
        read_kaldi(folder)


def test_another_choice_is_rejected(folder):
    with pytest.raises(OptionsError, match="keep"):
        read_kaldi(folder, bad_items="keep")
