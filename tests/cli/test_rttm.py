"""``emo2vec rttm``: a bundle of files for each recording."""

from __future__ import annotations

import numpy as np
import pytest
from support.cli_runner import run
from support.facts import assert_facts
from support.paths import names_in

from emo2vec_plugins.core.hookspecs import hookimpl
from emo2vec_plugins.formats.bundle import read_bundle

LINES = (
    "SPEAKER a 1 0.000 1.000 <NA> <NA> ann <NA> <NA>\n"
    "SPEAKER b 1 0.000 0.010 <NA> <NA> bob <NA> <NA>\n"
    "SPEAKER a 1 0.500 1.500 <NA> <NA> bob <NA> <NA>\n"
    "SPEAKER c 1 0.000 1.000 <NA> <NA> ann <NA> <NA>\n"
)


@pytest.fixture
def turns(tmp_path):
    path = tmp_path / "turns.rttm"
    path.write_text(LINES)
    return path


@pytest.fixture
def audio(write, noise, tmp_path):
    for index, name in enumerate("ab"):
        write(f"{name}.wav", noise(32000, seed=index), 16000)
    return tmp_path


def rttm(*arguments, **more):
    return run("rttm", "--model", "fake", *arguments, **more)


def only(turns, *names):
    kept = [line for line in LINES.splitlines(keepends=True) if line.split()[1] in names]
    turns.write_text("".join(kept))
    return turns


def test_each_recording_gets_its_files(audio, turns, tmp_path):
    result = rttm(audio / "a.wav", "--rttm", only(turns, "a"), "--output", tmp_path / "out")

    assert result.exit_code == 0
    assert_facts(
        *(result.stderr, "2 turns of 1 recording", "fake@000000000000 (float32)"), tmp_path / "out"
    )
    assert names_in(tmp_path / "out") == [
        "a.emotion.rttm",
        "a.emotions.jsonl",
        "a.rttm",
        "a.spkemo.rttm",
    ]


def test_turns_may_be_in_several_files(audio, turns, tmp_path):
    only(turns, "a")
    (tmp_path / "more.rttm").write_text(LINES.splitlines(keepends=True)[1])
    files = ("--rttm", turns, "--rttm", tmp_path / "more.rttm")

    result = rttm(audio, *files, "--output", tmp_path / "out")

    assert "3 turns of 2 recordings" in result.stderr
    assert len(read_bundle(tmp_path / "out", "a").turns) == 2
    assert len(read_bundle(tmp_path / "out", "b").turns) == 1


def test_a_recording_in_two_files_is_an_error(audio, turns, tmp_path):
    (tmp_path / "more.rttm").write_text(LINES)

    result = rttm(
        *(audio, "--rttm", turns, "--rttm", tmp_path / "more.rttm", "-o", tmp_path / "out")
    )

    assert result.exit_code == 1
    assert_facts(result.stderr, turns, tmp_path / "more.rttm", "'a'")
    assert not (tmp_path / "out").exists()


def test_turns_beyond_the_audio_are_failures(audio, turns, tmp_path):
    turns.write_text("SPEAKER a 1 0.000 1.000 <NA> <NA> ann <NA> <NA>\n" * 2)
    turns.write_text(turns.read_text() + "SPEAKER a 1 1.500 9.000 <NA> <NA> ann <NA> <NA>\n")

    result = rttm(audio / "a.wav", "--rttm", turns, "--output", tmp_path / "out")

    assert result.exit_code == 3
    assert_facts(result.stderr, "  a: 1 of 3 turns", "2.000 s", "1.500-10.500")
    assert len(read_bundle(tmp_path / "out", "a").turns) == 3


def test_a_turn_may_end_a_little_after_the_audio(audio, turns, tmp_path):
    turns.write_text("SPEAKER a 1 0.000 2.090 <NA> <NA> ann <NA> <NA>\n")

    result = rttm(audio / "a.wav", "--rttm", turns, "--output", tmp_path / "out")

    assert (result.exit_code, "warning" in result.stderr) == (0, False)


def test_speaker_lines_are_kept_as_they_are(audio, turns, tmp_path):
    odd = "SPEAKER a 1 0 1.0  <NA> <NA> ann 0.9 x\n"
    turns.write_text(LINES + odd)

    rttm(audio, "--rttm", turns, "--output", tmp_path / "out")

    lines = LINES.splitlines(keepends=True)
    assert (tmp_path / "out" / "a.rttm").read_text() == lines[0] + lines[2] + odd


def test_failures_and_recordings_without_audio_are_listed(audio, turns, tmp_path):
    result = rttm(audio, "--rttm", turns, "--output", tmp_path / "out")

    assert result.exit_code == 3
    _, _, no_audio, *failed = result.stderr.splitlines()
    assert_facts(no_audio, "warning: 1 recording ", turns)
    assert no_audio.endswith(": c")
    assert failed == [
        "emo2vec: warning: 1 of 3 turns failed:",
        "  b 0.000-0.010: too short: 160 samples at 16 kHz, one frame needs 400 (25 ms)",
    ]
    assert not (tmp_path / "out" / "c.rttm").exists()
    (lost,) = read_bundle(tmp_path / "out", "b").turns
    assert lost.emotion.label is None


def test_recordings_without_audio_are_counted_apart_from_turns(audio, turns, tmp_path):
    more = "".join(f"SPEAKER x{i:02} 1 0 1 <NA> <NA> ann <NA> <NA>\n" for i in range(12))
    only(turns, "a").write_text(turns.read_text() + more)

    result = rttm(audio, "--rttm", turns, "--output", tmp_path / "out")

    assert result.exit_code == 3
    _, _, no_audio = result.stderr.splitlines()
    names = ", ".join(f"x{i:02}" for i in range(10))
    assert_facts(no_audio, "warning: 12 recordings ", turns, f"{names} and 2 more")


def test_no_audio_at_all_is_a_mistake(audio, turns, tmp_path):
    for names, expected in (("c", "1 recording"), ("ac", "2 recordings")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        turns.write_text(LINES)

        result = rttm(
            tmp_path / "empty", "--rttm", only(turns, *names), "--output", tmp_path / "out"
        )

        assert result.exit_code == 1
        assert_facts(result.stderr, "error: ", turns, expected, f"'{names[0]}'", f"{names[0]}=FILE")
        assert not (tmp_path / "out").exists()


def test_one_file_is_the_only_recording_whatever_it_is_called(audio, turns, tmp_path):
    result = rttm(audio / "b.wav", "--rttm", only(turns, "a"), "--output", tmp_path / "out")

    assert result.exit_code == 0
    assert result.stderr.splitlines()[0] == (
        f"emo2vec: using {audio}/b.wav for a, the only recording of {turns}"
    )
    assert (tmp_path / "out" / "a.rttm").exists()


def test_audio_that_no_turn_speaks_of_is_reported(audio, turns, tmp_path):
    files = audio / "a.wav", audio / "b.wav"

    result = rttm(*files, "--rttm", only(turns, "a"), "--output", tmp_path / "out")

    assert result.exit_code == 0
    assert result.stderr.startswith(f"emo2vec: warning: {audio}/b.wav: no recording of ")


def test_arrays_are_written_on_request(audio, turns, tmp_path):
    rttm(
        *(audio, "--rttm", only(turns, "a"), "--output", tmp_path / "out"),
        *("--embeddings", "--frames", "--array-dtype", "float16"),
    )

    first, second = read_bundle(tmp_path / "out", "a").turns
    assert first.emotion.embedding.shape == (4,)
    assert second.emotion.frame_embeddings.shape == (74, 4)
    assert second.emotion.frame_embeddings.dtype == np.float16


def test_overlap_can_be_left_out(audio, turns, tmp_path):
    for overlap in ("keep", "exclude"):
        rttm(audio, "--rttm", turns, "--output", tmp_path / overlap, "--overlap", overlap)

    kept, excluded = (read_bundle(tmp_path / name, "a").turns[0] for name in ("keep", "exclude"))
    assert kept.emotion.overlap_ratio == excluded.emotion.overlap_ratio == 0.5
    assert kept.emotion.scores != excluded.emotion.scores


def test_channel_is_used_when_asked_for(write, noise, turns, tmp_path):
    write("a.wav", noise(32000, channels=2), 16000)
    for option in ((), ("--use-channels",)):
        rttm(tmp_path, "--rttm", turns, "--output", tmp_path / str(len(option)), *option)

    mixed, first = (read_bundle(tmp_path / name, "a").turns[0] for name in "01")
    assert (mixed.turn.channel, first.turn.channel) == (None, 0)
    assert mixed.emotion.scores != first.emotion.scores


def test_recording_that_a_plugin_fails_on_keeps_its_turns(audio, turns, tmp_path):
    class Failing:
        @hookimpl
        def emo2vec_open(self, source, options):
            if source.recording == "a":
                raise RuntimeError("not this one")

    out = tmp_path / "out"
    result = rttm(audio, "--rttm", only(turns, "a"), "--output", out, plugins=[Failing()])

    assert result.exit_code == 3
    assert [each.emotion.label for each in read_bundle(out, "a").turns] == [None, None]
    assert "not this one" in read_bundle(out, "a").turns[0].emotion.reason


def test_results_need_a_folder(audio, turns, tmp_path):
    (tmp_path / "taken").write_text("a file")

    for out in ("taken", "taken/deeper"):
        result = rttm(audio, "--rttm", only(turns, "a"), "--output", tmp_path / out)

        assert result.exit_code == 1
        assert result.stderr.startswith(f"emo2vec: error: {tmp_path}/taken: ")
        assert len(result.stderr.splitlines()) == 1


def test_folder_that_cannot_be_written_to_is_named_before_any_work(
    audio, turns, tmp_path, monkeypatch
):
    monkeypatch.setattr("os.access", lambda path, mode: False)

    result = rttm(audio, "--rttm", only(turns, "a"), "--output", tmp_path / "out")

    assert (result.exit_code, result.stderr) == (
        1,
        f"emo2vec: error: {tmp_path}/out: Permission denied\n",
    )


def test_wrong_rttm_is_one_line(audio, tmp_path):
    path = tmp_path / "bad.rttm"
    path.write_text("SPEAKER a 1 zero one\n")

    result = rttm(audio, "--rttm", path, "--output", tmp_path / "out")

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert str(path) in result.stderr


def test_missing_rttm_is_one_line(audio, tmp_path):
    result = rttm(audio, "--rttm", tmp_path / "no.rttm", "--output", tmp_path / "out")

    assert (result.exit_code, result.stderr) == (
        1,
        f"emo2vec: error: {tmp_path}/no.rttm: No such file or directory\n",
    )


def test_results_are_read_by_other_tools(audio, turns, tmp_path):
    from lhotse import SupervisionSet
    from pyannote.database.util import load_rttm

    rttm(audio, "--rttm", only(turns, "a"), "--output", tmp_path / "out")

    path = tmp_path / "out" / "a.spkemo.rttm"
    (annotation,) = load_rttm(path).values()
    assert [(s.start, s.end) for s in annotation.itersegments()] == [(0, 1), (0.5, 2)]
    assert len(SupervisionSet.from_rttm(path)) == 2
