"""``emo2vec score``: lines of emotions.jsonl and ``.npy`` files, for whatever it is given."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.cli_runner import run
from support.facts import assert_facts
from support.paths import TESTS, names_in

from emo2vec_plugins import Engine, Plugins, Recording, annotate
from emo2vec_plugins.models.trust import MOST_TRUST
from emo2vec_plugins.testing import FakeBackend

MAIN = """
from support.cli_runner import FakeModels
from emo2vec_plugins.cli import main
from emo2vec_plugins import Plugins
main(obj=Plugins([FakeModels()], installed=False))
"""


@pytest.fixture
def files(write, noise):
    return [
        write(f"{name}.wav", noise(16000 + 160 * i, seed=i), 16000) for i, name in enumerate("ab")
    ]


def score(*arguments, **more):
    result = run("score", "--model", "fake", *arguments, **more)
    return result, [json.loads(line) for line in result.stdout.splitlines()]


def test_each_file_is_one_line_in_order(files):
    result, lines = score(*files)

    assert result.exit_code == 0
    assert [line["recording"] for line in lines] == ["a", "b"]
    assert [line["audio"] for line in lines] == [str(file) for file in files]
    assert list(lines[0]) == [
        *("schema", "recording", "audio", "recording_duration", "turn"),
        *("start", "end", "speaker", "channel", "emotion", "score", "scores", "logits", "flags"),
        *("reason", "duration", "overlap_ratio", "provenance"),
    ]


def test_a_line_is_what_the_format_writes(files):
    result, _ = score(*files)

    turns = [
        Recording(recording=name, audio=str(file)) for name, file in zip("ab", files, strict=True)
    ]
    plugins = Plugins(installed=False)
    dialogues = [*annotate(turns, score=Engine(FakeBackend()), plugins=plugins)]
    assert result.stdout == plugins.format("emotions.jsonl").dumps(dialogues)


def test_what_was_written_is_read_by_the_other_commands(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files[1].write_text("not audio")
    score(*files, "-o", "all.emotions.jsonl")
    lines, _ = score(*files)
    Path("lines.txt").write_text(lines.stdout, "utf-8")

    converted = run("convert", "all.emotions.jsonl", "-o", "all.emotion.rttm")
    piped = run("convert", "lines.txt", "--input-format", "emotions.jsonl", "-o", "new.rttm")
    audio = ("--audio", files[0])
    page = run("report", "all.emotions.jsonl", "--recording", "a", *audio, "-o", "a.html")
    drawn = run("picture", "all.emotions.jsonl", "--recording", "a", "-o", "a.svg")

    assert [each.exit_code for each in (converted, piped, page, drawn)] == [0, 0, 0, 0]
    label = json.loads(lines.stdout.splitlines()[0])["emotion"]
    assert Path("all.emotion.rttm").read_text().splitlines()[0].split()[:8] == [
        *("SPEAKER", "a", "1", "0.000", "1.000", "<NA>", "<NA>", label),
    ]
    assert re.search(r"a\.wav .*16 kHz", Path("a.html").read_text("utf-8"))  # embedded


def test_scores_are_the_engines(files):
    _, lines = score(*files)

    alone = Engine(FakeBackend()).score(files[1])[0]
    assert lines[1]["emotion"] == alone.label
    assert lines[1]["score"] == alone.score
    assert lines[1]["scores"] == alone.scores
    assert lines[1]["duration"] == 1.01
    assert lines[1]["provenance"]["model"] == "fake"


def test_stderr_says_which_model_spoke(files):
    result, _ = score(*files)

    _, summary = result.stderr.splitlines()
    assert summary == "emo2vec: 2 files, scored by fake@000000000000 (float32)"


@pytest.mark.parametrize(
    ("trust", "shown"),
    [
        ("only a demo", "fake: only a demo"),
        ("x" * 5000, f"fake: {'x' * MOST_TRUST}..."),
        (None, "fake: its model card does not say"),
        ("good\x1b[2J", "fake: its model card does not say"),
        (7, "fake: its model card does not say"),
    ],
)
def test_stderr_says_how_far_the_model_can_be_trusted(files, trust, shown):
    backend = FakeBackend()
    backend.provenance = replace(backend.provenance, trust=trust)

    line, _ = run("score", "--model", "fake", files[0], backend=backend).stderr.splitlines()

    assert line.startswith(f"emo2vec: {shown}")
    assert len(line) < MOST_TRUST + 50


def test_quiet_leaves_stderr_empty(files):
    assert score(*files, "--quiet")[0].stderr == ""


def test_labels_restrict_and_sum_to_one(files):
    _, lines = score(files[0], "--labels", "angry, sad")

    assert list(lines[0]["scores"]) == ["angry", "sad"]
    assert sum(lines[0]["scores"].values()) == pytest.approx(1)


def test_unknown_label_is_a_mistake(files):
    result, lines = score(files[0], "--labels", "angry,bored")

    assert (result.exit_code, lines) == (1, [])
    assert result.stderr.startswith("emo2vec: error: the model has no class bored; it has angry")


def test_failed_files_have_a_reason_and_status_3(files, write, noise):
    files[0].write_text("not audio")
    short = write("short.wav", noise(399), 16000)

    result, lines = score(*files, short, "gone.wav")

    assert result.exit_code == 3
    assert [line["emotion"] is None for line in lines] == [True, False, True, True]
    assert lines[2]["reason"].startswith("too short")
    assert "emo2vec: warning: 3 of 4 files failed:\n" in result.stderr
    assert "  gone.wav: no such audio file\n" in result.stderr


@pytest.mark.parametrize(("count", "said"), [(1, "the only file"), (2, "all 2 files")])
def test_nothing_is_said_of_others_where_all_failed(count, said):
    result, _ = score(*(f"gone{i}.wav" for i in range(count)))

    assert result.exit_code == 3
    assert f"emo2vec: warning: {said} failed:\n" in result.stderr


def test_what_cannot_be_read_in_a_folder_has_failed(files, tmp_path):
    (tmp_path / "c.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    (tmp_path / "d.wav").symlink_to("gone.wav")

    result, lines = score(tmp_path)

    assert result.exit_code == 3
    assert [(line["recording"], line["emotion"] is None) for line in lines] == [
        ("a", False),
        ("b", False),
        ("c", True),
        ("d", True),
    ]
    assert "not readable as audio" in lines[2]["reason"]
    assert "no such audio file" in lines[3]["reason"]


def test_only_the_first_failures_are_named():
    result, lines = score(*(f"gone{i}.wav" for i in range(12)))

    assert len(lines) == 12
    assert result.stderr.splitlines()[-1] == "  and 2 more"


def test_arrays_are_written_as_the_reference_writes_them(files, tmp_path):
    score(*files, "--embeddings", "--store", tmp_path / "npy")

    emotion = Engine(FakeBackend()).score(files[1])[0]
    array = np.load(tmp_path / "npy" / "b.npy")
    assert (array.shape, array.dtype) == ((4,), np.float32)
    np.testing.assert_array_equal(array, emotion.embedding)
    assert names_in(tmp_path / "npy") == ["a.npy", "b.npy"]


def test_frames_are_written_beside_the_embedding(files, tmp_path):
    options = ("--frames", "--array-dtype", "float16", "--store", tmp_path / "npy")
    _, lines = score(files[0], "--embeddings", *options)

    emotion = Engine(FakeBackend(), granularity="frame").score(files[0])[0]
    expected = {
        "a": emotion.embedding,
        "a.frames": emotion.frame_embeddings,
        "a.frame_logits": emotion.frame_logits,
    }
    assert expected["a.frames"].shape == (49, 4)
    assert expected["a.frame_logits"].shape == (49, 5)
    assert names_in(tmp_path / "npy") == sorted(f"{name}.npy" for name in expected)
    for name, array in expected.items():
        found = np.load(tmp_path / "npy" / f"{name}.npy")
        np.testing.assert_array_equal(found, array.astype(np.float16))
    mean = np.mean(expected["a.frame_logits"], axis=0)
    np.testing.assert_allclose([*lines[0]["logits"].values()], mean, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--embeddings"], "--embeddings and --frames need --store PATH"),
        (["--frames"], "--embeddings and --frames need --store PATH"),
        (["--store", "npy"], "--store needs --embeddings or --frames"),
    ],
)
def test_arrays_need_a_place_and_a_place_arrays(files, options, message):
    result, lines = score(files[0], *options)

    assert (result.exit_code, lines) == (2, [])
    assert message in result.stderr


def test_frames_of_one_key_are_not_the_embedding_of_another(files, tmp_path):
    scp = tmp_path / "wav.scp"
    scp.write_text(f"a {files[0]}\na.frames {files[1]}\n")

    result, lines = score(scp, "--embeddings", "--frames", "--store", tmp_path / "npy")

    assert (result.exit_code, lines) == (1, [])
    assert "a.frames.npy" in result.stderr


def test_files_of_one_name_do_not_overwrite_each_other(write, noise, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first = write("one/x.wav", noise(16000, seed=1), 16000)
    second = write("two/x.wav", noise(16000, seed=2), 16000)

    score(first, second, "--embeddings", "--store", tmp_path / "npy")

    one, two = (np.load(tmp_path / "npy" / folder / "x.npy") for folder in ("one", "two"))
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("key", ["../out", "/etc/x", "a/../../out", "a\0b"])
def test_key_cannot_leave_the_folder(files, tmp_path, key):
    scp = tmp_path / "wav.scp"
    scp.write_text(f"{key} {files[0]}\n")

    result, lines = score(scp, "--embeddings", "--store", tmp_path / "npy")

    assert (result.exit_code, lines) == (1, [])
    assert repr(key) in result.stderr


def test_keys_that_name_one_file_are_refused(files, tmp_path):
    scp = tmp_path / "wav.scp"
    scp.write_text(f"k {files[0]}\n./k {files[1]}\n")

    result, _ = score(scp, "--embeddings", "--store", tmp_path / "npy")

    assert result.exit_code == 1
    assert "'k' and './k'" in result.stderr


def test_model_without_a_head_gives_embeddings_and_no_failure(files, tmp_path):
    class Headless(FakeBackend):
        labels = FakeBackend.labels.from_tokens([])

        def run(self, waveforms):
            return [(embeddings, None) for embeddings, _ in super().run(waveforms)]

    result, lines = score(files[0], "--embeddings", "--store", tmp_path / "npy", backend=Headless())

    assert result.exit_code == 0
    assert (lines[0]["emotion"], lines[0]["reason"], lines[0]["scores"]) == (None, None, {})
    assert np.load(tmp_path / "npy" / "a.npy").shape == (4,)


def test_lines_go_to_a_file_that_is_complete_or_absent(files, tmp_path):
    out = tmp_path / "new" / "out.jsonl"

    _, lines = score(*files, "--output", out)

    assert lines == []
    assert len(out.read_text("utf-8").splitlines()) == 2
    assert names_in(out.parent) == ["out.jsonl"]
    assert stat.S_IMODE(out.stat().st_mode) == stat.S_IMODE(files[0].stat().st_mode)


def test_failed_run_leaves_the_old_file(files, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text("old")

    result, _ = score(files[0], "--output", out, "--labels", "bored")

    assert result.exit_code == 1
    assert out.read_text() == "old"


def test_device_files_are_written_to_as_they_stand(files):
    result, _ = score(files[0], "--output", "/dev/null")

    assert result.exit_code == 0


def test_folder_that_cannot_be_made_is_one_line(files, tmp_path):
    (tmp_path / "taken").write_text("a file")

    result, _ = score(files[0], "--embeddings", "--store", tmp_path / "taken" / "npy")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"emo2vec: error: {tmp_path}/taken: ")
    assert len(result.stderr.splitlines()) == 1


def test_file_that_cannot_be_written_is_called_by_its_own_name(files, tmp_path):
    out = tmp_path / ("x" * 300)

    result, _ = score(files[0], "--output", out)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"emo2vec: error: {out}: ")


def test_labels_without_commas_are_told_to_have_them(files):
    result, lines = score(files[0], "--labels", "angry happy, sad")

    assert (result.exit_code, lines) == (2, [])
    assert "separate names with commas: angry,happy,sad" in result.stderr


def test_names_outside_ascii_stay_readable_and_no_name_is_impossible(write, noise, tmp_path):
    plain = write("MÉO069.wav", noise(800), 16000)
    odd = tmp_path / "x\udcff.wav"
    odd.write_bytes(plain.read_bytes())

    result, lines = score(plain, odd)

    assert result.exit_code in (0, 3)  # libsndfile may not take the name; the line is written
    assert "MÉO069" in result.stdout
    assert lines[1]["recording"] == "x\udcff"


def test_long_file_is_windowed_at_max_window(write, noise):
    path = write("long.wav", noise(16000 * 7), 16000)

    for seconds in ("3", "0.5"):
        _, lines = score(path, "--max-window", seconds)

        assert lines[0]["flags"] == ["windowed"]


def test_results_do_not_depend_on_the_number_of_workers(files):
    _, expected = score(*files)

    for workers in ("0", "3"):
        assert score(*files, "--workers", workers)[1] == expected


def test_formats_and_rates_of_the_wild_are_read(shared):
    result, lines = score(shared / "audio_formats")

    assert [
        (line["recording"], line["reason"][:9]) for line in lines if line["emotion"] is None
    ] == [
        ("tmp", "too short")  # a header without samples
    ]
    assert len(lines) == 11
    assert result.exit_code == 3


def test_reader_that_goes_away_is_no_error(files):
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "score", "-q", "--model", "fake", *map(str, files * 500)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
    )
    process.stdout.readline()
    process.stdout.close()

    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 1


def test_progress_is_not_shown_where_there_is_no_terminal(files):
    assert "\x1b" not in score(*files)[0].stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_progress_is_shown_in_a_terminal(files):
    import pty

    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", MAIN, "score", "--model", "fake", *map(str, files)],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=os.environ | {"PYTHONPATH": str(TESTS), "TERM": "xterm"},
        timeout=60,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 100_000)
    os.close(ours)

    assert b"2/2" in shown
    assert b"scored by fake" in shown


def test_a_bad_line_of_a_list_is_one_bad_item(files, tmp_path):
    scp = tmp_path / "wav.scp"
    scp.write_text(f"one {files[0]}\nalone\ntwo {files[1]}\n")

    result, lines = score(scp)
    stopped, none = score(scp, "--bad-items", "stop")

    assert result.exit_code == 3
    assert [line["recording"] for line in lines] == ["one", "two"]
    assert all(line["emotion"] for line in lines)
    assert_facts(result.stderr, f"{scp}: line 2", "alone")
    assert (stopped.exit_code, none) == (1, [])
    assert_facts(stopped.stderr, f"{scp}: line 2")
