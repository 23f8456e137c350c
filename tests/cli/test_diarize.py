"""``emo2vec diarize``: a pyannote pipeline from a folder, then the same bundle."""

from __future__ import annotations

import sys
import warnings

import pytest
from support.cli_runner import run
from support.facts import assert_facts

from emo2vec_plugins.core.format import Format
from emo2vec_plugins.core.hookspecs import hookimpl
from emo2vec_plugins.formats.bundle import read_bundle
from emo2vec_plugins.testing import FakeBackend, FakeDoubt


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyannote's imports
        from support.cli_diarizer import save

    return save(tmp_path_factory.mktemp("pipelines") / "clock")


def diarize(*arguments, **more):
    return run("diarize", "--model", "fake", "--allow", "code", *arguments, **more)


def test_every_turn_gets_an_emotion(pipeline, write, noise, tmp_path):
    audio = write("talk.wav", noise(16000 * 3), 16000)

    result = diarize(audio, "--pipeline", pipeline, "--output", tmp_path / "out")

    assert result.exit_code == 0
    loading, _, summary = result.stderr.splitlines()
    assert loading == f"emo2vec: loading {pipeline}"
    assert_facts(
        *(summary, "3 turns of 1 recording", f"diarized by {pipeline}"),
        *("fake@000000000000 (float32)", tmp_path / "out"),
    )
    scored = read_bundle(tmp_path / "out", "talk").turns
    assert [(each.turn.start, each.turn.speaker) for each in scored] == [
        (0, "S0"),
        (1, "S1"),
        (2, "S0"),
    ]
    assert all(each.emotion.label for each in scored)


def test_withheld_labels_are_no_failures(pipeline, write, noise, tmp_path):
    audio = write("talk.wav", noise(16000 * 3), 16000)
    backend = FakeBackend(doubt=FakeDoubt(threshold=0.0))

    result = diarize(
        *(audio, "--pipeline", pipeline, "--output", tmp_path / "out", "--abstain"), backend=backend
    )

    assert result.exit_code == 0
    assert_facts(result.stderr, "3 turns withheld: ")
    assert "failed" not in result.stderr
    assert all(each.emotion.withheld for each in read_bundle(tmp_path / "out", "talk").turns)


def test_number_of_speakers_reaches_the_pipeline(pipeline, write, noise, tmp_path):
    audio = write("talk.wav", noise(16000 * 3), 16000)

    diarize(audio, "--pipeline", pipeline, "--output", tmp_path / "out", "--num-speakers", 3)

    speakers = [each.turn.speaker for each in read_bundle(tmp_path / "out", "talk").turns]
    assert speakers == ["S0", "S1", "S2"]


def test_recordings_are_written_in_other_formats(pipeline, write, noise, tmp_path):
    class Offering:
        @hookimpl
        def emo2vec_formats(self):
            dumps = lambda dialogues: str(len(dialogues[0].turns))  # noqa: E731
            return [Format(name="count", suffixes=(".count",), description="", dumps=dumps)]

    audio = write("talk.wav", noise(16000 * 3), 16000)

    result = diarize(
        *(audio, "--pipeline", pipeline, "--output", tmp_path / "out", "--format", "count"),
        plugins=[Offering()],
    )

    assert result.exit_code == 0
    assert (tmp_path / "out" / "talk.count").read_text() == "3"


def test_one_bad_recording_does_not_stop_the_others(pipeline, write, noise, tmp_path):
    (tmp_path / "broken.wav").write_text("not audio")
    short = write("short.wav", noise(800), 16000)
    good = write("good.wav", noise(16000), 16000)

    result = diarize(
        tmp_path / "broken.wav", short, good, "--pipeline", pipeline, "--output", tmp_path / "out"
    )

    assert result.exit_code == 3
    assert "emo2vec: warning: 2 of 3 recordings failed:" in result.stderr
    assert result.stderr.count(f"{tmp_path}/broken.wav: ") == 1
    assert f"{short}: the pipeline failed: RuntimeError: no turn" in result.stderr
    assert len(read_bundle(tmp_path / "out", "good").turns) == 1


def test_one_channel_is_used_if_asked_for(pipeline, write, noise, tmp_path):
    sound = noise(16000, channels=2)
    sound[1] = 0
    audio = write("call.wav", sound, 16000)

    diarize(audio, "--pipeline", pipeline, "--output", tmp_path / "out", "--channel", 1)

    assert read_bundle(tmp_path / "out", "call").turns[0].emotion.flags == ("silent",)
    result = diarize(audio, "--pipeline", pipeline, "--output", tmp_path / "none", "--channel", 2)
    assert result.exit_code == 3
    assert "channel 2" in result.stderr


def test_missing_audio_is_a_mistake(tmp_path):
    result = diarize("gone.wav", "--output", tmp_path / "out")

    assert (result.exit_code, result.stderr) == (
        1,
        "emo2vec: error: gone.wav: no such audio file\n",
    )


def test_recordings_of_one_name_are_refused(write, noise, tmp_path):
    first = write("x.wav", noise(800), 16000)
    second = write("x.flac", noise(800), 16000)

    result = diarize(first, second, "--output", tmp_path / "out")

    assert result.exit_code == 1
    assert_facts(result.stderr, first, second)


@pytest.mark.parametrize("name", ["./none", "../none", "~/none", "a/b/none", "none", "/none/x"])
@pytest.mark.parametrize("allow", [(), ("--allow", "code")])
def test_pipeline_that_is_not_there_is_one_line(write, noise, tmp_path, monkeypatch, name, allow):
    monkeypatch.chdir(tmp_path)
    audio = write("talk.wav", noise(16000), 16000)

    result = run("diarize", audio, "-m", "fake", "--pipeline", name, "-o", "out", "-q", *allow)

    assert result.exit_code == 1
    assert_facts(result.stderr, "error: ", f"{name}: no such file or folder")
    assert "--allow" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_missing_library_is_reported_before_a_model_is_loaded(
    write, noise, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pyannote.audio", None)
    audio = write("talk.wav", noise(16000), 16000)

    result = run("diarize", audio, "--model", tmp_path / "no-model", "--output", tmp_path / "out")

    assert result.exit_code == 1
    assert_facts(result.stderr, "pyannote.audio", "pip install", "[pyannote]")
    assert "no-model" not in result.stderr
    assert not (tmp_path / "out").exists()
