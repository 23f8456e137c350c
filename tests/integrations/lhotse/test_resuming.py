"""Runs that are interrupted and resumed, that start together, or whose input changes."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from lhotse import CutSet
from support.facts import assert_facts
from support.runs import STORES, Stops, contents, engine, fail_at, run

from emo2vec_plugins import Engine, Options
from emo2vec_plugins.errors import Emo2vecWarning, OverwriteError, ResumeError
from emo2vec_plugins.integrations.lhotse.arrays import turn_frames
from emo2vec_plugins.integrations.lhotse.run_files import RunFiles
from emo2vec_plugins.testing import FakeBackend

ALL = Options(embeddings=True, frames=True, overlap="exclude")


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("at", [0, 33])
def test_an_interrupted_run_is_resumed_with_identical_results(
    manifest, tmp_path, kind, at, monkeypatch
):
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    store = Path(STORES[kind])

    monkeypatch.chdir(tmp_path / "whole")
    expected = run(manifest, "out.jsonl.gz", store=store)
    monkeypatch.chdir(tmp_path / "broken")
    with pytest.raises(KeyboardInterrupt):
        run(manifest, "out.jsonl.gz", store=store, score=Stops(at))
    assert not Path("out.jsonl.gz").exists()
    if at:
        with Path("out.jsonl.gz.part.jsonl").open("ab") as lines:
            lines.write(b'{"id": "torn')
    resumed = run(manifest, "out.jsonl.gz", store=store)

    assert resumed == expected
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


SLOW = """
import sys, time
from emo2vec_plugins import Engine, Options, Plugins
from emo2vec_plugins.integrations.lhotse import annotate_manifest
from emo2vec_plugins.integrations.lhotse.run_files import RunFiles
from emo2vec_plugins.testing import FakeBackend

ALL = Options(embeddings=True, frames=True, overlap="exclude")

class Slow(Engine):
    def __call__(self, items):
        for result in super().__call__(items):
            time.sleep(0.02)
            yield result

store = sys.argv[2]
score = Slow(FakeBackend(), granularity="frame", batch_seconds=0.2)
annotate_manifest(
    sys.argv[1], "out.jsonl.gz", score=score, store=store, plugins=Plugins(installed=False),
    options=Options(embeddings=True, frames=True),
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", STORES)
def test_a_killed_run_is_resumed_with_identical_results(manifest, tmp_path, kind, monkeypatch):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    command = [sys.executable, "-c", SLOW, str(manifest), STORES[kind]]
    journal = tmp_path / "killed" / "out.jsonl.gz.part.journal"

    process = subprocess.Popen(command, cwd=tmp_path / "killed")
    patience = time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        assert time.monotonic() < patience
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "out.jsonl.gz").exists()
    for name in ("whole", "killed"):
        monkeypatch.chdir(tmp_path / name)
        score = Engine(FakeBackend(), granularity="frame", batch_seconds=0.2)
        run(manifest, "out.jsonl.gz", score=score, store=Path(STORES[kind]))

    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    monkeypatch.chdir(tmp_path / "killed")
    for cut in CutSet.from_file("out.jsonl.gz"):
        for supervision in cut.supervisions:
            frames = turn_frames(cut, supervision)
            embedding = supervision.load_emotion_embedding()
            np.testing.assert_allclose(frames.mean(axis=0), embedding, atol=0.02)


@pytest.mark.parametrize("kind", STORES)
def test_a_run_that_failed_in_its_last_step_is_resumed(manifest, tmp_path, kind, monkeypatch):
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    store = Path(STORES[kind])

    monkeypatch.chdir(tmp_path / "whole")
    expected = run(manifest, "out.jsonl.gz", store=store)
    monkeypatch.chdir(tmp_path / "broken")
    with monkeypatch.context() as patch:
        fail_at(patch, "rename", "out.jsonl.gz.emo2vec.json")
        with pytest.raises(OSError, match=r"out\.jsonl\.gz\.emo2vec\.json"):
            run(manifest, "out.jsonl.gz", store=store)

    assert run(manifest, "out.jsonl.gz", store=store, score=Stops(0)) == expected
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


@pytest.mark.parametrize("kind", STORES)
def test_a_store_of_another_unfinished_output_is_not_changed(manifest, tmp_path, kind):
    store = tmp_path / STORES[kind]
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "one.jsonl", score=Stops(30), store=store)
    before = contents(tmp_path)

    with pytest.raises(ResumeError, match=r"arrays.* already exists"):
        run(manifest, tmp_path / "other.jsonl", store=store)
    assert contents(tmp_path) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_two_runs_cannot_write_the_same_output(manifest, tmp_path):
    class Meets(Stops):
        def __call__(self, items):
            with pytest.raises(ResumeError, match="another process"):
                run(manifest, tmp_path / "out.jsonl", score=engine())
            return super().__call__(items)

    run(manifest, tmp_path / "out.jsonl", score=Meets(10_000))
    run(manifest, tmp_path / "alone.jsonl")

    both, alone = ((tmp_path / name).read_bytes() for name in ("out.jsonl", "alone.jsonl"))
    assert both == alone


def test_a_run_without_a_finished_group_does_not_block_the_next(manifest, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        run(manifest, tmp_path / "out.jsonl", store=tmp_path / "file" / "arrays.lca")

    assert run(manifest, tmp_path / "out.jsonl", store=tmp_path / "arrays.lca").scored > 0


@pytest.mark.parametrize("kind", STORES)
def test_a_run_without_a_finished_group_leaves_no_files(manifest, tmp_path, kind):
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(3), store=tmp_path / STORES[kind])

    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_without_a_finished_group_does_not_let_the_next_overwrite_a_store(manifest, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(0), store=tmp_path / "arrays.h5")
    (tmp_path / "arrays.lca").write_text("mine")

    with pytest.raises(ResumeError, match=r"arrays\.lca already exists"):
        run(manifest, tmp_path / "out.jsonl", store=tmp_path / "arrays.lca")
    assert (tmp_path / "arrays.lca").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": Options(overlap="exclude")}, r"options\.overlap .*'keep'.*'exclude'"),
        ({"score": Engine(FakeBackend(), labels=["angry", "sad"])}, r"scorer\.labels"),
    ],
)
def test_an_unfinished_output_is_resumed_only_with_the_same_settings(
    manifest, tmp_path, change, message
):
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(30))

    with pytest.raises(ResumeError, match=message):
        run(manifest, tmp_path / "out.jsonl", **change)


@pytest.mark.parametrize("kind", STORES)
def test_removing_the_named_files_lets_the_next_run_start_over(manifest, tmp_path, kind):
    store = tmp_path / STORES[kind]
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(30), store=store)

    changed = Options(embeddings=True)
    with pytest.raises(ResumeError) as caught:
        run(manifest, tmp_path / "out.jsonl", store=store, options=changed)
    named = str(caught.value).split(" or remove ")[1].removesuffix(" and start over").split(", ")
    for path in map(Path, named):
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    assert run(manifest, tmp_path / "out.jsonl", store=store, options=changed).scored > 0


def test_missing_arrays_are_stored_again(manifest, tmp_path):
    store = tmp_path / "arrays.lca"
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(30), store=store)
    store.write_bytes(b"")

    with pytest.warns(Emo2vecWarning, match=r"out\.jsonl\.part\.journal: .*arrays"):
        run(manifest, tmp_path / "out.jsonl", store=store)

    for cut in CutSet.from_file(tmp_path / "out.jsonl"):
        for supervision in cut.supervisions:
            assert supervision.load_emotion_embedding().shape == (4,)


def test_two_runs_cannot_write_the_same_store(manifest, tmp_path):
    store = tmp_path / "arrays.lca"

    class Meets(Stops):
        def __call__(self, items):
            with pytest.raises(ResumeError) as caught:
                run(manifest, tmp_path / "other.jsonl", store=store)
            assert_facts(str(caught.value), store, "another process")
            return super().__call__(items)

    run(manifest, tmp_path / "out.jsonl", store=store, score=Meets(10_000))

    assert not (tmp_path / "other.jsonl").exists()
    assert not list(tmp_path.glob("*.lock"))


class Counts(Engine):
    """An engine that counts the clips that it scores."""

    def __init__(self):
        super().__init__(FakeBackend(), granularity="frame", batch_seconds=0.5)
        self.clips = 0

    def __call__(self, items):
        for item, emotion in super().__call__(items):
            self.clips += emotion is not None
            yield item, emotion


def changed(manifest, target, *, index):
    """Write a copy of a manifest in which the turns of one cut have another speaker."""
    cuts = list(CutSet.from_file(manifest))
    cuts[index] = cuts[index].map_supervisions(lambda each: each.with_custom("note", "corrected"))
    CutSet.from_cuts(cuts).to_file(target)
    return len(cuts[index].supervisions)


def loaded(path):
    """Return each turn with its arrays, which are read from the store."""
    return [
        (turn.id, turn.custom["emotion"], turn.load_emotion_embedding(), turn.load_emotion_frames())
        for cut in CutSet.from_file(path)
        for turn in cut.supervisions
    ]


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("at", [33, 10_000])
def test_only_a_line_that_has_changed_is_done_again(manifest, tmp_path, kind, at):
    out, store = tmp_path / "out.jsonl.gz", tmp_path / STORES[kind]
    score = Stops(at)
    if at < 10_000:
        with pytest.raises(KeyboardInterrupt):
            run(manifest, out, store=store, score=score)
    else:
        run(manifest, out, store=store, score=score)
    turns = changed(manifest, tmp_path / "new.jsonl.gz", index=3)

    score = Counts()
    summary = run(tmp_path / "new.jsonl.gz", out, store=store, score=score)

    whole, new, fresh = Counts(), tmp_path / "new.jsonl.gz", tmp_path / "fresh.jsonl.gz"
    assert summary == run(new, fresh, store=tmp_path / "f.h5", score=whole)
    assert turns == score.clips if at == 10_000 else turns < score.clips < whole.clips
    for found, expected in zip(loaded(out), loaded(tmp_path / "fresh.jsonl.gz"), strict=True):
        assert found[:2] == expected[:2]
        for one, other in zip(found[2:], expected[2:], strict=True):
            np.testing.assert_allclose(one, other, atol=0.02)
    assert run(tmp_path / "new.jsonl.gz", out, store=store).was_finished
    names = {path.name for path in tmp_path.iterdir() if path.name.startswith((".", "out", "arr"))}
    assert names == {
        out.name,
        f"{out.name}.emo2vec.json",
        f"{out.name}.emo2vec.items",
        store.name,
        ".emo2vec.sha256",
    }


def test_lines_may_be_added_removed_and_moved(manifest, tmp_path):
    out, new = tmp_path / "out.jsonl", tmp_path / "new.jsonl"
    run(manifest, out)
    cuts = list(CutSet.from_file(manifest))
    CutSet.from_cuts([cuts[5], cuts[1], cuts[1], *cuts[6:]]).to_file(new)

    score = Counts()
    run(new, out, score=score)
    run(new, tmp_path / "fresh.jsonl")

    assert out.read_bytes() == (tmp_path / "fresh.jsonl").read_bytes()
    assert score.clips == len(cuts[1].supervisions)


def test_an_output_that_was_edited_is_not_replaced(manifest, tmp_path):
    out = tmp_path / "out.jsonl"
    run(manifest, out)
    out.write_text(out.read_text().replace("angry", "calm"))
    changed(manifest, tmp_path / "new.jsonl.gz", index=3)
    before = contents(tmp_path)

    with pytest.raises(OverwriteError) as caught:
        run(tmp_path / "new.jsonl.gz", out)

    assert_facts(str(caught.value), out)
    assert contents(tmp_path) == before


def test_a_run_killed_in_its_first_group_does_not_block_other_options(
    manifest, tmp_path, monkeypatch
):
    store = tmp_path / "arrays.lca"
    monkeypatch.setattr(RunFiles, "abandon", lambda _: None)  # as if it was killed
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", store=store, score=Stops(3))
    assert store.exists()

    other = run(manifest, tmp_path / "out.jsonl", store=tmp_path / "b.h5", options=ALL)

    assert other.scored > 0
    assert not store.exists()
    assert not list(tmp_path.glob("*.lock"))


def test_a_finished_output_whose_store_is_missing_is_made_again(manifest, tmp_path):
    out, store = tmp_path / "out.jsonl", tmp_path / "arrays.h5"
    run(manifest, out, store=store)
    before, arrays = out.read_bytes(), len(CutSet.from_file(out))
    store.unlink()

    with pytest.warns(Emo2vecWarning, match="arrays"):
        summary = run(manifest, out, store=store)

    assert not summary.was_finished
    assert summary.cuts == arrays
    assert out.read_bytes() == before
    assert store.exists()


def test_other_settings_of_a_finished_run_advise_to_annotate_the_output(manifest, tmp_path):
    run(manifest, tmp_path / "out.jsonl", options=Options())

    other = Options(allow=("commands",))
    with pytest.raises(ResumeError) as caught:
        run(manifest, tmp_path / "out.jsonl", options=other)

    assert_facts(str(caught.value), "out.jsonl", "commands", "as the input", "no label")
    again = run(tmp_path / "out.jsonl", tmp_path / "again.jsonl", options=other)
    assert again.scored == 0
