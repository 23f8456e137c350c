"""Scoring whole files from Python: what is refused before work starts, and what is never lost."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress

import numpy as np
import pytest
from support.facts import assert_facts

from emo2vec_plugins import Engine, Options
from emo2vec_plugins.errors import OptionsError, OverwriteError, ResumeError
from emo2vec_plugins.files import overwriting
from emo2vec_plugins.integrations import FileArrays, Input, score_files, write_scores
from emo2vec_plugins.testing import FakeBackend

WANTED = Options(embeddings=True)


class Model(FakeBackend):
    """A model that counts the clips, and is interrupted after some batches."""

    def __init__(self, *, stops=10_000):
        super().__init__()
        self.left, self.clips = stops, 0

    def run(self, waveforms):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        self.clips += len(waveforms)
        return super().run(waveforms)


def engine(model):
    return Engine(model, batch_seconds=0.2, workers=0)


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def files(write, noise):
    """Return 24 files."""
    paths = [write(f"{n:02}.wav", noise(8000, seed=n), 16000) for n in range(24)]
    return [Input(key=path.stem, source=str(path)) for path in paths]


@pytest.fixture
def run(files, tmp_path):
    """Return a function that scores the files with arrays, and returns the number of clips."""

    def score(name="out", *, stops=10_000):
        model = Model(stops=stops)
        arrays = FileArrays(tmp_path / name, files, WANTED)
        out = tmp_path / f"{name}.jsonl"
        with suppress(KeyboardInterrupt):
            write_scores(out, files, score=engine(model), options=WANTED, arrays=arrays)
        return model.clips

    return score


def result(tmp_path, name="out"):
    arrays = {path.name: path.read_bytes() for path in (tmp_path / name).glob("*.npy")}
    return (tmp_path / f"{name}.jsonl").read_bytes(), arrays


@pytest.mark.filterwarnings("error")
def test_a_file_that_was_edited_between_two_interrupted_runs_costs_no_other(
    run, write, noise, tmp_path
):
    run(stops=18)  # four files in a step: 00 to 15 are finished
    write("03.wav", noise(9000, seed=99), 16000)
    run(stops=5)  # 03, and 16 to 18

    assert run() == 5
    run("whole")
    assert result(tmp_path) == result(tmp_path, "whole")


def test_a_file_that_was_edited_and_restored_has_its_own_array(run, write, noise, tmp_path):
    path = tmp_path / "03.wav"
    run("whole")
    run(stops=18)
    shutil.copy2(path, tmp_path / "saved")
    write("03.wav", noise(9000, seed=99), 16000)
    run(stops=5)
    (tmp_path / "saved").replace(path)

    with pytest.warns(match="'03'.*scored again"):
        run()

    assert result(tmp_path) == result(tmp_path, "whole")


def test_a_line_that_is_lost_during_the_run_is_an_error(files, tmp_path, model):
    out, journal = tmp_path / "out.jsonl", tmp_path / "out.jsonl.part.journal"

    def damage(file, _):
        if file.key == "23":
            head, first, second, *rest = journal.read_bytes().splitlines(keepends=True)
            journal.write_bytes(b"".join([head, first, b"x" + second[1:], *rest]))

    with pytest.raises(ResumeError) as caught:
        write_scores(out, files, score=engine(model), done=damage)

    assert_facts(str(caught.value), journal, "damaged")
    assert not out.exists()
    with pytest.warns(match="damaged"):
        write_scores(out, files, score=engine(model))
    assert len(out.read_text("utf-8").splitlines()) == 24


def test_an_output_of_others_is_refused_before_work_starts(files, tmp_path, model):
    out = tmp_path / "out.jsonl"
    out.write_text("ours", "utf-8")

    with pytest.raises(OverwriteError) as caught:
        write_scores(out, files, score=engine(model))

    assert_facts(str(caught.value), out)
    assert model.clips == 0
    assert out.read_text("utf-8") == "ours"
    assert not list(tmp_path.glob("out.jsonl.*"))


def test_an_input_is_not_replaced(files, tmp_path, model):
    before = (tmp_path / "00.wav").read_bytes()
    (tmp_path / "link.wav").hardlink_to(tmp_path / "00.wav")

    for name in ("00.wav", "link.wav"):
        with overwriting(), pytest.raises(OverwriteError) as caught:
            write_scores(tmp_path / name, files, score=engine(model))
        assert_facts(str(caught.value), tmp_path / name, "input")

    assert (tmp_path / "00.wav").read_bytes() == before
    assert model.clips == 0


def test_an_input_is_not_replaced_by_an_array(files, tmp_path):
    (tmp_path / "00.npy").hardlink_to(tmp_path / "01.wav")

    with overwriting(), pytest.raises(OverwriteError) as caught:
        FileArrays(tmp_path, files, WANTED)

    assert_facts(str(caught.value), "00.npy", "input")


def test_files_with_one_key_are_refused(files, tmp_path, model):
    two = [Input(key="x", source=file.source) for file in files[:2]]

    for refused in (
        lambda: write_scores(tmp_path / "out.jsonl", two, score=engine(model)),
        lambda: score_files(two, score=engine(model)),
        lambda: FileArrays(tmp_path / "npy", two, WANTED),
    ):
        with pytest.raises(OptionsError) as caught:
            refused()
        assert_facts(str(caught.value), "'x'", files[0].source, files[1].source)


def test_arrays_that_would_be_written_nowhere_are_refused(files, tmp_path, model):
    for options in (WANTED, Options(frames=True)):
        for refused in (
            lambda given: write_scores(
                tmp_path / "out.jsonl", files, score=engine(model), options=given
            ),
            lambda given: score_files(files, score=engine(model), options=given),
        ):
            with pytest.raises(OptionsError, match="arrays=FileArrays"):
                refused(options)

    with pytest.raises(OptionsError, match="embeddings=True"):
        FileArrays(tmp_path / "npy", files, Options())


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("embeddings", Options()),
        ("frames", Options(embeddings=True, frames=True)),
        ("array_dtype", Options(embeddings=True, array_dtype="float16")),
    ],
)
def test_arrays_of_other_options_are_refused(name, other, files, tmp_path, model):
    arrays = FileArrays(tmp_path / "npy", files, WANTED)

    with pytest.raises(OptionsError) as caught:
        score_files(files, score=engine(model), options=other, arrays=arrays)

    assert_facts(str(caught.value), tmp_path / "npy", name)


def test_arrays_of_other_files_are_refused(files, tmp_path, model):
    arrays = FileArrays(tmp_path / "npy", files[:4], WANTED)

    with pytest.raises(OptionsError) as caught:
        score_files(files, score=engine(model), options=WANTED, arrays=arrays)

    assert_facts(str(caught.value), tmp_path / "npy", "'04'")


def test_lines_do_not_replace_an_array(files, tmp_path, model):
    arrays = FileArrays(tmp_path / "npy", files, WANTED)

    with pytest.raises(OptionsError) as caught:
        write_scores(
            tmp_path / "npy" / "00.npy", files, score=engine(model), options=WANTED, arrays=arrays
        )

    assert_facts(str(caught.value), "00.npy")


def test_permissions_that_mean_the_same_continue_a_run(files, tmp_path, model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out, some = tmp_path / "out.jsonl", {"allow": ("urls", "pickles"), "root": tmp_path}
    other = {"allow": ["pickles", "urls", "urls"], "root": "."}

    with pytest.raises(KeyboardInterrupt):
        write_scores(out, files, score=engine(Model(stops=15)), options=Options(**some))
    write_scores(out, files, score=engine(model), options=Options(**other))

    assert 0 < model.clips < 24
    assert len([json.loads(line) for line in out.read_text("utf-8").splitlines()]) == 24


def test_arrays_are_those_of_the_engine(files, tmp_path, run):
    run()

    expected = Engine(FakeBackend()).score(files[3].source)[0].embedding
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "03.npy"), expected)
