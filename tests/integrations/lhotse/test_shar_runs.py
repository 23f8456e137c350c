"""Annotation of Shar directories."""

from __future__ import annotations

import errno
import gzip
import os
import shutil

import numpy as np
import pytest
from lhotse import CutSet
from support.runs import Stops, contents, run

from emo2vec_plugins.errors import FormatError, OptionsError, OverwriteError
from emo2vec_plugins.files import disk
from emo2vec_plugins.integrations.lhotse.arrays import turn_frames

# Lhotse's Shar reader does not close its tar files; the garbage collector does.
shar = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@shar
def test_an_annotated_shar_directory_has_the_audio_of_its_source(shards, tmp_path):
    summary = run(shards, tmp_path / "out", store=tmp_path / "arrays.h5")

    before = list(CutSet.from_shar(in_dir=shards))
    after = list(CutSet.from_shar(in_dir=tmp_path / "out"))
    assert summary.cuts == len(before) == len(after) == 8
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        p.name for p in shards.iterdir()
    )
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old.load_audio(), new.load_audio())
        assert (old.id, old.start, old.recording_id) == (new.id, new.start, new.recording_id)
        assert all(s.emotion for s in new.supervisions)
        for supervision in new.supervisions:
            assert len(turn_frames(new, supervision)) > 0
    lines = gzip.decompress((tmp_path / "out" / "cuts.000000.jsonl.gz").read_bytes())
    assert b"shard_origin" not in lines


@shar
@pytest.mark.parametrize("at", [2, 7, 11])
def test_an_interrupted_shar_run_is_resumed_with_identical_results(shards, tmp_path, at):
    run(shards, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(shards, tmp_path / "broken", score=Stops(at))
    assert not (tmp_path / "broken").exists()
    run(shards, tmp_path / "broken")

    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


@shar
def test_cuts_of_a_shar_directory_without_audio_have_a_reason(shards, tmp_path):
    (shards / "recording.000001.tar").write_bytes((shards / "recording.000002.tar").read_bytes())

    summary = run(shards, tmp_path / "out")

    assert summary.cuts == 8
    assert 0 < summary.failed < summary.turns


@shar
@pytest.mark.parametrize("field", ["emotion", "emotion_embedding"])
def test_a_shar_directory_with_files_for_a_new_field_is_rejected(shards, tmp_path, field):
    for path in sorted(shards.glob("recording.*.tar")):
        path.with_name(path.name.replace("recording", field)).hardlink_to(path)

    with pytest.raises(OptionsError, match=f"shar .*files for {field},"):
        run(shards, tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


def test_a_store_inside_the_source_directory_is_rejected(shards, tmp_path):
    with pytest.raises(OptionsError, match=r"outside of .*shar, .*arrays\.h5"):
        run(shards, tmp_path / "out", store=shards / "arrays.h5")


def test_a_directory_without_cuts_is_rejected_as_shar_directory(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(FormatError, match=r"Shar directory, .*in: .*cuts\.000000\.jsonl"):
        run(tmp_path / "in", tmp_path / "out")


def test_a_single_manifest_as_output_of_a_shar_directory_is_rejected(shards, tmp_path):
    with pytest.raises(FormatError, match=r"Shar .*out\.jsonl\.gz.*lhotse shar export"):
        run(shards, tmp_path / "out.jsonl.gz")


def test_a_store_inside_the_target_directory_is_rejected(shards, tmp_path):
    with pytest.raises(OptionsError, match=r"outside of .*out, .*arrays\.h5"):
        run(shards, tmp_path / "out", store=tmp_path / "out" / "arrays.h5")


def change_a_line(shards):
    path = shards / "cuts.000001.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines()
    lines[0] = lines[0].replace(b'"s"', b'"t"')
    path.write_bytes(gzip.compress(b"\n".join(lines) + b"\n", mtime=0))


@shar
def test_a_finished_directory_is_replaced_if_the_input_has_changed(shards, tmp_path):
    out = tmp_path / "out"
    run(shards, out)
    change_a_line(shards)

    run(shards, out)

    run(shards, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


@shar
def test_files_and_edits_of_a_person_in_an_output_survive(shards, tmp_path):
    out = tmp_path / "out"
    run(shards, out)
    change_a_line(shards)
    (out / "notes.txt").write_text("mine")

    with pytest.raises(OverwriteError, match=r"notes\.txt"):
        run(shards, out)
    assert (out / "notes.txt").read_text() == "mine"

    (out / "notes.txt").unlink()
    edited = gzip.compress(b"{}\n", mtime=0)
    (out / "cuts.000001.jsonl.gz").write_bytes(edited)
    with pytest.raises(OverwriteError, match="out"):
        run(shards, out)
    assert (out / "cuts.000001.jsonl.gz").read_bytes() == edited


@shar
@pytest.mark.parametrize("operation", ["create", "rename"])
def test_a_full_disk_leaves_the_older_directory(shards, tmp_path, monkeypatch, operation):
    out, whole = tmp_path / "out", getattr(disk, operation)
    run(shards, out)
    before = contents(out)
    change_a_line(shards)

    def full(path, *more):
        new = path.name.startswith("cuts.") if operation == "create" else more[0].name == "out"
        if new and ".emo2vec-" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return whole(path, *more)

    monkeypatch.setattr(disk, operation, full)
    with pytest.raises(OSError, match="No space left"):
        run(shards, out)
    assert contents(out) == before

    monkeypatch.undo()
    run(shards, out)
    run(shards, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


@shar
@pytest.mark.parametrize("name", [".out.part", ".out.old"])
@pytest.mark.parametrize("is_finished", [False, True])
def test_a_folder_of_others_beside_the_output_survives(shards, tmp_path, name, is_finished):
    if is_finished:
        run(shards, tmp_path / "out")
        change_a_line(shards)
    (tmp_path / name).mkdir()
    (tmp_path / name / "notes.txt").write_text("mine")

    if name == ".out.part":
        run(shards, tmp_path / "out")
    else:
        with pytest.raises(OverwriteError, match=r"\.out\.old"):
            run(shards, tmp_path / "out")

    assert (tmp_path / name / "notes.txt").read_text() == "mine"


@shar
def test_a_copy_of_the_output_survives(shards, tmp_path):
    run(shards, tmp_path / "out")
    shutil.copytree(tmp_path / "out", tmp_path / ".out.old")
    change_a_line(shards)

    with pytest.raises(OverwriteError, match=r"\.out\.old"):
        run(shards, tmp_path / "out")

    assert contents(tmp_path / ".out.old") == contents(tmp_path / "out")


@shar
@pytest.mark.parametrize("has_new", [False, True])
def test_a_run_that_was_killed_while_it_replaced_the_directory_is_resumed(
    shards, tmp_path, has_new, monkeypatch
):
    class Killed(BaseException):
        pass

    out, rename = tmp_path / "out", disk.rename
    run(shards, out)
    change_a_line(shards)

    def killed(source, target):
        if source.name == ".out.old" or (target == out and not has_new):
            raise Killed
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "rename", killed)
        with pytest.raises(Killed):
            run(shards, out)
    assert (tmp_path / ".out.old").exists()
    assert out.exists() == has_new

    run(shards, out)

    run(shards, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")
    assert not (tmp_path / ".out.old").exists()


@shar
def test_an_archive_that_was_repaired_is_read_again(shards, tmp_path):
    archive = shards / "recording.000001.tar"
    good = archive.read_bytes()
    archive.write_bytes(good[:2000] + bytes(len(good) - 2000))
    assert run(shards, tmp_path / "out").failed > 0
    archive.unlink()
    archive.write_bytes(good)
    os.utime(archive, ns=(0, 1))

    assert run(shards, tmp_path / "out").failed == 0
