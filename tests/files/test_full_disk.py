"""Disks that are full, fail or write less than asked: no torn file, and the next run succeeds."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

import numpy as np
import pytest

from emo2vec_plugins import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.files import ArrayFolder, Rows, Spill, Together, disk, staging, write_whole
from emo2vec_plugins.files.digests import RECORD
from emo2vec_plugins.formats.bundle import read_bundle, write_bundle


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)


class Failing:
    """Lets the *n*-th operation on the disk fail; short writes are no failure."""

    def __init__(self, monkeypatch, *, at=None, code=errno.ENOSPC, short=False):
        self.count, self.at, self.code, self.short = 0, at, code, short
        for name in disk.OPERATIONS:
            monkeypatch.setattr(disk, name, self.wrapped(name, getattr(disk, name)))

    def wrapped(self, name, real):
        def operation(*given):
            self.count += 1
            if self.count == self.at:
                if name == "write":  # a disk that becomes full takes a part of the data
                    real(given[0], bytes(given[1])[: len(given[1]) // 2])
                raise OSError(self.code, os.strerror(self.code))
            if self.short and name == "write":
                return real(given[0], bytes(given[1])[: max(1, len(given[1]) // 3)])
            return real(*given)

        return operation


def dialogue(label, score):
    emotion = Emotion(
        label=label,
        score=score,
        scores={label: score, "other": 1 - score},
        embedding=np.full(300, score, np.float32),
    )
    turn = Turn(start=0.0, end=1.0, speaker="A")
    return Dialogue(recording="talk", turns=(ScoredTurn(turn=turn, emotion=emotion),))


def whole(folder, label, score):
    write_whole(folder / "file", f"{label} " * 100_000)


def staged(folder, label, score):
    with staging(folder / "new" / label) as part:
        disk.make_folder(part)
        write_whole(part / "inner", label, locked=True)


def together(folder, label, score):
    with Together() as files:
        files.remove(folder / "c")
        for name in ("a", "b", "c"):
            files.open(folder / name).write(label.encode() * 100_000)


def arrays(folder, label, score):
    ArrayFolder(folder, ["x/y"]).write("x/y", np.full(100_000, score, np.float32))


def bundle(folder, label, score):
    write_bundle(dialogue(label, score), folder, embeddings=True)


def picture(folder, label, score):
    pytest.importorskip("matplotlib")
    from emo2vec_plugins.report import rendered, timeline

    shown = Dialogue(recording="talk", turns=dialogue(label, score).turns, duration=1.0)
    write_whole(folder / "talk.png", rendered(timeline(shown), suffix=".png"))


WRITES = [whole, together, arrays, bundle]


def failing(write, folder, label, score, *, at, code=errno.ENOSPC):
    """Write while the operation *at* fails, and return how many there were."""
    with pytest.MonkeyPatch.context() as patch, suppress(OSError):
        disks = Failing(patch, at=at, code=code)
        write(folder, label, score)
    return disks.count


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("write", [*WRITES, staged, pytest.param(picture, marks=pytest.mark.slow)])
def test_a_failed_operation_leaves_no_torn_file_and_the_next_run_succeeds(write, code, tmp_path):
    write(tmp_path / "whole", "angry", 0.5)
    complete = contents(tmp_path / "whole")
    count = failing(write, tmp_path / "counted", "angry", 0.5, at=None)
    assert count > 4

    for at in range(1, count + 1):
        folder = tmp_path / f"new-{at}"
        failing(write, folder, "angry", 0.5, at=at, code=code)
        # Here, nothing that is not complete; a part only if its removal failed.
        for name, found in contents(folder).items():
            assert found == complete.get(name), (at, name)
        if write is not staged or not (folder / "new").exists():
            write(folder, "angry", 0.5)
        assert contents(folder) == complete, at


@pytest.mark.parametrize("write", WRITES)
def test_a_full_disk_keeps_what_was_there(write, tmp_path):
    write(tmp_path / "old", "angry", 0.5)
    before = contents(tmp_path / "old")
    count = failing(write, tmp_path / "old", "sad", 0.75, at=None)
    after = contents(tmp_path / "old")
    assert before.keys() == after.keys()

    for at in range(1, count + 1):
        folder = tmp_path / f"old-{at}"
        write(folder, "angry", 0.5)
        failing(write, folder, "sad", 0.75, at=at)
        for name, found in contents(folder).items():
            assert found in (before[name], after[name]), (at, name)
        write(folder, "sad", 0.75)  # without a flag
        assert contents(folder) == after, at


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != RECORD
    }


def test_a_bundle_is_never_a_mixture(tmp_path):
    for at in range(1, 80):
        folder = tmp_path / str(at)
        bundle(folder, "angry", 0.5)
        count = failing(bundle, folder, "sad", 0.75, at=at)
        if (folder / "talk.emotions.jsonl").exists():
            [scored] = read_bundle(folder, "talk").turns
            assert scored.emotion.score == scored.emotion.embedding[0]
    assert count < 79


@pytest.mark.parametrize("write", [*WRITES, staged])
def test_short_writes_are_completed(write, tmp_path):
    write(tmp_path / "whole", "angry", 0.5)
    with pytest.MonkeyPatch.context() as patch:
        Failing(patch, short=True)
        write(tmp_path / "short", "angry", 0.5)

    assert contents(tmp_path / "short") == contents(tmp_path / "whole")


def test_arrays_that_do_not_fit_the_temporary_folder_are_an_error(monkeypatch):
    Failing(monkeypatch, at=1)
    with pytest.raises(OSError, match="TMPDIR") as caught:
        Rows().append(np.zeros((40 << 20, 1), np.float32))
    assert caught.value.errno == errno.ENOSPC


def test_short_writes_to_temporary_files_are_completed(monkeypatch):
    Failing(monkeypatch, short=True)
    values = np.arange(20 << 20, dtype=np.float32)
    fields = {"frames": values.copy()}

    Spill().add(fields)

    assert not fields["frames"].flags.writeable  # it is on disk
    np.testing.assert_array_equal(fields["frames"], values)


def test_errors_name_the_file_and_not_its_temporary_name(tmp_path, monkeypatch):
    Failing(monkeypatch, at=2)

    with pytest.raises(OSError, match=r"out\.txt") as caught:
        write_whole(tmp_path / "out.txt", "x" * 1_000_000)

    assert caught.value.filename == str(tmp_path / "out.txt")
