"""Damaged and torn files of unfinished runs: what is lost is done again, and nothing else is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.facts import assert_facts
from support.runs import STORES, Stops, contents, fail_at, run

from emo2vec_plugins.errors import Emo2vecWarning, ResumeError
from emo2vec_plugins.integrations.lhotse.run_files import RunFiles


@pytest.fixture
def whole(manifest, tmp_path, monkeypatch):
    """A function that returns the files of an undisturbed run, and enters an empty folder."""

    def make(store):
        for name in ("whole", "other"):
            (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / "whole")
        run(manifest, "out.jsonl", store=store)
        monkeypatch.chdir(tmp_path / "other")
        return contents(tmp_path / "whole")

    return make


def flip(path, place=0.5):
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("part", ["jsonl", "journal", "head", "store"])
def test_a_flipped_bit_in_any_file_is_found(manifest, whole, kind, part):
    store = STORES[kind]
    expected = whole(store)
    with pytest.raises(KeyboardInterrupt):
        run(manifest, "out.jsonl", store=store, score=Stops(33))
    arrays = sorted(path for path in Path(store).rglob("*") if path.is_file())
    path, place = {
        "jsonl": (Path("out.jsonl.part.jsonl"), 0.3),
        "journal": (Path("out.jsonl.part.journal"), 0.6),
        "head": (Path("out.jsonl.part.journal"), 0.01),
        "store": (
            arrays[0] if arrays else Path(f"{store}.part" if kind == "numpy_hdf5" else store),
            0.3,
        ),
    }[part]
    flip(path, place)

    try:
        with pytest.warns(Emo2vecWarning, match=r"out\.jsonl\.part\.journal.*damaged"):
            run(manifest, "out.jsonl", store=store)
    except pytest.fail.Exception:
        assert (kind, part) == ("numpy_files", "store")  # of the group that was not finished

    assert contents(Path()) == expected


@pytest.mark.parametrize("kind", STORES)
def test_a_damaged_lock_does_not_stop_the_next_run(manifest, whole, kind, monkeypatch):
    store = STORES[kind]
    expected = whole(store)
    with monkeypatch.context() as patch:
        patch.setattr(RunFiles, "abandon", lambda _: None)  # as if it was killed
        with pytest.raises(KeyboardInterrupt):
            run(manifest, "out.jsonl", store=store, score=Stops(3))
    flip(Path(f"{store}.lock"), 0.9)

    run(manifest, "out.jsonl", store=store)

    assert contents(Path()) == expected


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("name", ["out.jsonl.part.journal", "out.jsonl.part.jsonl"])
def test_a_failure_after_the_last_step_keeps_the_arrays(manifest, whole, kind, name, monkeypatch):
    store = STORES[kind]
    expected = whole(store)
    with monkeypatch.context() as patch:
        fail_at(patch, "unlink", name)
        with pytest.raises(OSError, match=name):
            run(manifest, "out.jsonl", store=store)

    run(manifest, "out.jsonl", store=store)

    assert contents(Path()) == expected


def test_a_damaged_journal_of_an_output_without_a_record_is_no_obstacle(
    manifest, whole, monkeypatch
):
    expected = whole("arrays.h5")
    with monkeypatch.context() as patch:
        fail_at(patch, "rename", "out.jsonl.emo2vec.json")
        with pytest.raises(OSError, match=r"emo2vec\.json"):
            run(manifest, "out.jsonl", store="arrays.h5")
    flip(Path("out.jsonl.part.journal"), 0.01)
    flip(Path("arrays.h5"))

    with pytest.warns(Emo2vecWarning, match="damaged"):
        run(manifest, "out.jsonl", store="arrays.h5")

    assert contents(Path()) == expected


def test_an_hdf5_file_that_was_damaged_before_the_run_ended_is_written_again(
    manifest, whole, monkeypatch
):
    expected = whole("arrays.h5")
    with monkeypatch.context() as patch:
        fail_at(patch, "rename", "out.jsonl.emo2vec.json")
        with pytest.raises(OSError, match=r"emo2vec\.json"):
            run(manifest, "out.jsonl", store="arrays.h5")
    flip(Path("arrays.h5"))

    run(manifest, "out.jsonl", store="arrays.h5")

    assert contents(Path()) == expected


def test_damaged_items_of_an_output_are_done_again_with_a_warning(manifest, whole):
    expected = whole(None)
    run(manifest, "out.jsonl")
    flip(Path("out.jsonl.emo2vec.items"))

    with pytest.warns(Emo2vecWarning, match=r"out\.jsonl\.emo2vec\.items"):
        run(manifest, "out.jsonl")

    assert contents(Path()) == expected


DEEP = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize(
    ("found", "damaged"),
    [
        ('"turns": ', '"turns": "x", "was": '),
        ('"summary": ', '"summary": 3, "was": '),
        ('"store": ', '"store": [], "was": '),
        ('"task": ', f'"deep": {DEEP}, "task": '),
        ('"items": ', '"item": '),
        ("{", ""),
    ],
)
def test_a_record_with_any_damage_is_refused(manifest, tmp_path, monkeypatch, found, damaged):
    monkeypatch.chdir(tmp_path)
    run(manifest, "out.jsonl")
    record = Path("out.jsonl.emo2vec.json")
    text = record.read_text()
    assert found in text
    record.write_text(text.replace(found, damaged, 1))

    with pytest.raises(ResumeError) as caught:
        run(manifest, "out.jsonl")

    assert_facts(str(caught.value), "out.jsonl", record)
