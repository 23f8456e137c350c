"""The folder of an unfinished run: what others have put there is never removed."""

from __future__ import annotations

import os

import pytest
from support.facts import assert_facts
from support.paths import names_in
from support.training import CPU, stopped

from emo2vec_plugins.errors import CheckpointError, Emo2vecWarning
from emo2vec_plugins.training.crossvalidate import cross_validate
from emo2vec_plugins.training.run import train
from emo2vec_plugins.training.work_folder import MARK, close_work_folder, discard_folder, unfinished

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def work(tmp_path):
    return tmp_path / "out.training"


@pytest.fixture(params=["train", "cross_validate"])
def run(request, split, recipe, out):
    """Return a function that starts a run."""
    if request.param == "train":
        return lambda: train(split, recipe, out=out, resources=CPU)
    return lambda: cross_validate(split.train, recipe, out=out, resources=CPU)


def test_a_folder_of_others_is_refused_and_kept(run, work):
    work.mkdir()
    (work / "notes.txt").write_text("precious")
    (work / "last.pt").write_text("ours")

    with pytest.raises(CheckpointError) as caught:
        run()

    assert_facts(str(caught.value), work, "last.pt", "notes.txt")
    assert names_in(work) == ["last.pt", "notes.txt"]
    assert names_in(work.parent) == ["out.training"]


def test_a_link_or_a_file_in_its_place_is_refused(run, work, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    for make in (
        lambda: work.symlink_to(victim),
        lambda: work.symlink_to(tmp_path / "missing"),
        lambda: work.write_text("theirs"),
    ):
        make()
        with pytest.raises(CheckpointError) as caught:
            run()
        assert_facts(str(caught.value), work)
        work.unlink()

    assert names_in(victim) == []
    assert names_in(tmp_path) == ["victim"]


@pytest.mark.parametrize("name", ["last.pt", "model", "notes"])
@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_links_and_pipes_in_it_are_refused(split, recipe, out, work, tmp_path, name, kind):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "model.pt").write_text("precious")
    work.mkdir()
    (work / MARK).touch()
    if kind == "link":
        (work / name).symlink_to(victim)
    else:
        os.mkfifo(work / name)

    with pytest.raises(CheckpointError) as caught:
        train(split, recipe, out=out, resources=CPU)

    assert_facts(str(caught.value), work, name)
    assert names_in(victim) == ["model.pt"]


def test_files_that_are_added_to_it_are_left_with_a_warning(split, recipe, out):
    work = stopped(split, recipe, out, after=2)
    (work / "notes.txt").write_text("precious")
    (work / "model").mkdir()
    (work / "plots").mkdir()
    (work / "plots" / "curve.png").write_text("precious")

    with pytest.warns(Emo2vecWarning) as issued:
        train(split, recipe, out=out, resources=CPU)

    assert_facts(str(issued[0].message), work, "notes.txt", "plots")
    assert names_in(work) == [MARK, "notes.txt", "plots"]
    assert names_in(work / "plots") == ["curve.png"]


def test_files_that_are_added_to_an_unfinished_result_are_not_removed(split, recipe, out):
    work = stopped(split, recipe, out, after=2)
    (work / "model").mkdir()
    (work / "model" / "notes.txt").write_text("precious")

    with pytest.raises(CheckpointError) as caught:
        train(split, recipe, out=out, resources=CPU)

    assert_facts(str(caught.value), work / "model", "notes.txt")
    assert (work / "model" / "notes.txt").read_text() == "precious"


def test_a_folder_of_others_beside_a_finished_run_is_kept(run, out, work):
    run()
    work.mkdir()
    (work / "notes.txt").write_text("precious")

    run()

    assert names_in(work) == ["notes.txt"]


def test_a_run_that_fails_early_leaves_no_folder(out, work):
    with pytest.raises(ValueError), unfinished(out):  # noqa: PT011, PT012
        assert names_in(work) == [MARK]
        raise ValueError

    assert not work.exists()


def test_what_a_killed_run_leaves_is_removed(out, work):
    with unfinished(out):
        part = "model/.emo2vec-0123456789abcdef.part"
        for name in ("fold-0/model/model.pt", "fold-12/predictions.journal", part):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).touch()
        staged = work / ".emo2vec-0123456789abcdef.part"
        staged.mkdir()
        (staged / "config.yaml").touch()

    close_work_folder(out)

    assert not work.exists()


def test_a_link_to_a_result_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "model.pt").touch()
    (tmp_path / "model").symlink_to(victim)

    with pytest.raises(CheckpointError):
        discard_folder(tmp_path / "model")

    assert names_in(victim) == ["model.pt"]


def test_a_link_to_a_finished_run_that_lacks_files_is_refused(split, recipe, out, tmp_path):
    train(split, recipe, out=out, resources=CPU)
    (out / "model.pt").unlink()
    (tmp_path / "link").symlink_to(out)
    before = names_in(out)

    with pytest.raises(CheckpointError, match=r"model\.pt"):
        train(split, recipe, out=tmp_path / "link", resources=CPU)

    assert names_in(out) == before
