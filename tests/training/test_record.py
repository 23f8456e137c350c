"""A finished run: its files are checked, and made again only if they are missing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from support.facts import assert_facts
from support.paths import names_in
from support.training import CPU, same, weights

from emo2vec_plugins.errors import CheckpointError, Emo2vecWarning, ResumeError
from emo2vec_plugins.training.run import train
from emo2vec_plugins.training.work_folder import MARK

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def finished(split_with_dev, recipe, tmp_path_factory):
    """Return the folder of a finished run."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    train(split_with_dev, recipe, out=folder, resources=CPU)
    return folder


@pytest.fixture
def out(finished, tmp_path):
    """Return a copy of it, to change."""
    return shutil.copytree(finished, tmp_path / "out")


@pytest.fixture
def again(split_with_dev, recipe, out):
    """Return a function that makes the same run again."""
    return lambda: train(split_with_dev, recipe, out=out, resources=CPU)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_finished_run_is_not_done_again(again, out):
    record = json.loads((out / "training.json").read_text("utf-8"))
    before = (out / "model.pt").stat().st_mtime_ns
    work = out.parent / "out.training"
    work.mkdir()  # as if it was killed at its end
    (work / MARK).touch()

    result = again()

    assert result.was_finished
    assert [each.epoch for each in result.epochs] == [1, 2, 3]
    assert result.best == record["best"]
    assert (out / "model.pt").stat().st_mtime_ns == before
    assert names_in(out.parent) == ["out"]


def test_a_finished_run_with_another_recipe_is_not_replaced(split_with_dev, recipe, out):
    with pytest.raises(ResumeError, match=r"out.*recipe\.seed was 0, is now 7"):
        train(split_with_dev, replace(recipe, seed=7), out=out, resources=CPU)


@pytest.mark.parametrize("name", ["model.pt", "tokens.txt", "curve.png", "README.md"])
def test_a_missing_file_is_named_and_made_again(again, out, name):
    before, learned = contents(out), weights(out)
    (out / name).unlink()

    with pytest.warns(Emo2vecWarning) as issued:
        result = again()

    assert_facts(str(issued[0].message), out, name)
    assert not result.was_finished
    assert contents(out).keys() == before.keys()
    assert same(weights(out), learned)
    assert names_in(out.parent) == ["out"]
    assert again().was_finished


@pytest.mark.parametrize("name", ["model.pt", "config.yaml", "evaluation.json", "curve.csv"])
def test_a_changed_file_is_named_and_kept(again, out, name):
    data = bytearray((out / name).read_bytes())
    data[len(data) // 2] ^= 1
    (out / name).write_bytes(data)
    before = contents(out)

    with pytest.raises(CheckpointError) as caught:
        again()

    assert_facts(str(caught.value), out, name, "changed")
    assert contents(out) == before


def test_the_card_may_be_edited(again, out):
    (out / "README.md").write_text("Ours", "utf-8")
    (out / "LICENSE").write_text("Free", "utf-8")

    assert again().was_finished
    assert (out / "README.md").read_text("utf-8") == "Ours"


def test_work_of_others_is_not_replaced_to_make_a_missing_file_again(again, out):
    (out / "README.md").write_text("Ours", "utf-8")
    (out / "LICENSE").write_text("Free", "utf-8")
    (out / "model.pt").unlink()
    before = contents(out)

    with pytest.raises(CheckpointError) as caught:
        again()

    assert_facts(str(caught.value), out, "model.pt", "README.md", "LICENSE")
    assert contents(out) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff", b'{"format": 1}', b"9" * 10_000],
    ids=repr,
)
def test_a_damaged_record_is_named_and_kept(again, out, content):
    (out / "training.json").write_bytes(content)
    before = contents(out)

    with pytest.raises(CheckpointError) as caught:
        again()

    assert_facts(str(caught.value), out / "training.json")
    assert contents(out) == before


@pytest.mark.parametrize("where", [n / 20 for n in range(20)])
def test_a_flipped_bit_in_the_record_is_found(again, out, where):
    path = out / "training.json"
    data = bytearray(path.read_bytes())
    data[int(where * len(data))] ^= 1
    path.write_bytes(data)

    with pytest.raises((CheckpointError, ResumeError)) as caught:
        again()

    assert_facts(str(caught.value), path)


def test_a_folder_of_something_else_is_not_overwritten(split, recipe, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("Ours", "utf-8")

    with pytest.raises(CheckpointError, match="already exists"):
        train(split, recipe, out=tmp_path / "out", resources=CPU)

    assert names_in(tmp_path / "out") == ["notes.txt"]
