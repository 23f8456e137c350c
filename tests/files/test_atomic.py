"""Atomic writes of files and folders."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

import emo2vec_plugins.files.leftovers as leftovers
from emo2vec_plugins.errors import OptionsError, OverwriteError
from emo2vec_plugins.files import (
    Part,
    Together,
    check_overwrite,
    disk,
    make_folder,
    overwriting,
    replacing,
    results_folder,
    staging,
    write_whole,
)
from emo2vec_plugins.files.digests import RECORD


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != RECORD)


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "a.txt"

    with replacing(path) as stream:
        stream.write(b"one")
        assert not path.exists()

    assert path.read_bytes() == b"one"
    assert names(path.parent) == ["a.txt"]


@pytest.mark.parametrize("locked", [False, True])
def test_a_failed_write_leaves_the_existing_file(tmp_path, locked):
    path = tmp_path / "a.txt"
    write_whole(path, "one", locked=locked)

    with pytest.raises(TypeError), replacing(path, locked=locked) as stream:
        stream.writelines([b"two", None])

    assert path.read_text() == "one"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_appears_when_it_is_complete(tmp_path):
    with staging(tmp_path / "out") as folder:
        folder.mkdir()
        (folder / "a").write_text("one")
        assert not (tmp_path / "out").exists()

    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "a").read_text() == "one"


def test_a_failed_folder_is_removed(tmp_path):
    write_whole(tmp_path / "in" / "a", "one")

    def lost(source, target):
        raise OSError(source, target)

    with pytest.raises(shutil.Error), staging(tmp_path / "out") as folder:
        shutil.copytree(tmp_path / "in", folder, copy_function=lost)

    assert names(tmp_path) == ["in"]


@pytest.mark.parametrize("locked", [False, True])
def test_a_file_with_the_temporary_name_is_never_written(tmp_path, locked, monkeypatch):
    monkeypatch.setattr(leftovers, "name", lambda _: "taken")
    (tmp_path / "precious").write_text("data")
    (tmp_path / "taken").hardlink_to(tmp_path / "precious")

    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a", "ours", locked=locked)

    assert (tmp_path / "precious").read_text() == "data"


@pytest.mark.parametrize("mode", ["ab", "r+b"])
def test_a_file_with_other_names_is_not_changed(tmp_path, mode):
    (tmp_path / "precious").write_text("data")
    (tmp_path / "other").hardlink_to(tmp_path / "precious")

    with pytest.raises(FileExistsError, match="hard link") as caught:
        disk.open_file(tmp_path / "other", mode)

    assert caught.value.filename == str(tmp_path / "other")


def test_the_record_of_a_folder_is_not_appended_to_a_file_with_other_names(tmp_path):
    (tmp_path / "precious").write_text("data")
    (tmp_path / RECORD).hardlink_to(tmp_path / "precious")

    with pytest.raises(OverwriteError, match=RECORD):
        write_whole(tmp_path / "a", "ours")

    assert (tmp_path / "precious").read_text() == "data"


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("link", ["a", "sub"])
def test_nothing_is_made_through_a_link_to_a_missing_place(tmp_path, link, allowed):
    out = tmp_path / "out"
    out.mkdir()
    (out / link).symlink_to(tmp_path / "elsewhere" / "new")

    for path in (out / "a", out / "sub" / "a"):
        if path.is_relative_to(out / link):
            with pytest.raises(OSError, match=str(out / link)), overwriting(allowed):
                write_whole(path, "ours")
    if link == "a":
        with pytest.raises(OverwriteError, match=str(out / link)), overwriting(allowed):
            check_overwrite(out / link)

    assert not (tmp_path / "elsewhere").exists()
    assert (out / link).is_symlink()


def test_a_part_is_sealed_or_discarded_once(tmp_path):
    first, second = Part(tmp_path / "a", suffix=".part.h5"), Part(tmp_path / "b")
    for part in (first, second):
        part.path.write_text("some")
    assert first.path.suffix == ".h5"

    first.seal()
    first.discard()
    second.discard()
    second.discard()

    assert names(tmp_path) == ["a"]


def test_a_symbolic_link_is_kept(tmp_path):
    (tmp_path / "there").mkdir()
    write_whole(tmp_path / "there" / "file", "old")
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")

    with staging(tmp_path / "link") as part:
        part.write_text("some")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "file").read_text() == "some"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_written_directly_or_left_alone(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    write_whole(pipe, "lines")
    for locked in (False, True):
        with pytest.raises(OverwriteError, match="pipe"), staging(pipe, locked=locked) as part:
            part.write_text("by a library")

    assert os.read(reader, 100) == b"lines"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_device_is_written_directly():
    write_whole(Path(os.devnull), "some")


def test_a_name_of_maximum_length_is_written(tmp_path):
    write_whole(tmp_path / ("a" * 255), "some")

    assert names(tmp_path) == ["a" * 255]


def test_the_error_for_a_file_in_place_of_a_folder_names_it(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(NotADirectoryError) as caught:
        make_folder(tmp_path / "file" / "a")
    with pytest.raises(OptionsError, match=r"file: .*folder.* file"):
        results_folder(str(tmp_path / "file" / "a"))

    assert caught.value.filename == str(tmp_path / "file")


@pytest.mark.parametrize("is_link", [False, True])
def test_a_pipe_is_not_replaced(tmp_path, is_link):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    path = link if is_link else pipe

    with pytest.raises(FileExistsError) as caught, Together() as files:
        files.open(path).write(b"text")
    assert str(path) in str(caught.value)
    with pytest.raises(FileExistsError), staging(path) as part:
        part.write_bytes(b"text")

    assert pipe.is_fifo()


def test_an_internal_file_does_not_follow_a_link(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("data")
    out = tmp_path / "out"
    out.mkdir()
    (out / "journal").symlink_to(precious)

    with suppress(OSError):
        write_whole(out / "journal", "ours", locked=True)

    assert precious.read_text() == "data"


@pytest.mark.parametrize("mode", ["xb", "ab", "r+b"])
def test_files_that_are_opened_for_writing_are_no_links_and_no_pipes(tmp_path, mode):
    precious = tmp_path / "precious"
    precious.write_text("data")
    (tmp_path / "link").symlink_to(precious)
    os.mkfifo(tmp_path / "pipe")

    for name in ("link", "pipe") if mode != "r+b" else ("link",):
        with pytest.raises(OSError, match="exists" if mode == "xb" else "remove it") as caught:
            disk.open_file(tmp_path / name, mode)
        assert caught.value.filename == str(tmp_path / name)

    assert precious.read_text() == "data"
