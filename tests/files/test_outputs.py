"""The guard of existing files: inputs, files of others and changed files are not replaced."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
import unicodedata
from functools import cache
from pathlib import Path

import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import OverwriteError
from emo2vec_plugins.files import (
    ArrayFolder,
    check_overwrite,
    disk,
    overwriting,
    protect,
    protecting,
    reading,
    remove_own,
    replacing,
    staging,
    write_whole,
)
from emo2vec_plugins.files.digests import RECORD, Record
from emo2vec_plugins.files.outputs import remove


def to_stream(path, content):
    with replacing(path) as stream:
        stream.write(content)


def to_staging(path, content):
    with staging(path) as part:
        part.write_bytes(content)


WRITERS = [write_whole, to_stream, to_staging]


@pytest.fixture(params=WRITERS)
def write(request):
    return request.param


def record(folder):
    return (folder / RECORD).read_text().splitlines()


def test_our_own_unchanged_file_is_replaced(tmp_path, write):
    path = tmp_path / "a"
    for content in (b"one", b"two", b"one", b"three"):
        write(path, content)
        assert path.read_bytes() == content


def test_a_file_of_others_is_kept(tmp_path, write):
    path = tmp_path / "a"
    path.write_bytes(b"theirs")

    with pytest.raises(OverwriteError, match=r"--overwrite") as caught:
        write(path, b"ours")

    assert isinstance(caught.value, FileExistsError)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"theirs"
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_a_person_changed_is_kept(tmp_path, write):
    path = tmp_path / "a"
    write(path, b"ours")
    path.write_bytes(b"ours, corrected")

    with pytest.raises(OverwriteError, match="changed"):
        write(path, b"ours again")

    assert path.read_bytes() == b"ours, corrected"


def test_overwriting_replaces_any_file_but_an_input(tmp_path, write):
    theirs, read = tmp_path / "theirs", tmp_path / "read"
    theirs.write_bytes(b"")
    read.write_bytes(b"input")

    with protecting(read), overwriting():
        write(theirs, b"ours")
        with pytest.raises(OverwriteError, match="input") as caught:
            write(read, b"ours")

    assert "--overwrite" not in str(caught.value)
    assert theirs.read_bytes() == b"ours"
    assert read.read_bytes() == b"input"
    write(theirs, b"ours again")  # it is ours now


def test_a_file_that_appears_while_ours_is_written_is_kept(tmp_path):
    path = tmp_path / "a"

    with pytest.raises(OverwriteError), replacing(path):
        path.write_bytes(b"theirs")

    assert path.read_bytes() == b"theirs"


def test_a_run_killed_between_the_record_and_the_rename_does_not_stop_the_next(
    tmp_path, write, monkeypatch
):
    path = tmp_path / "a"
    write(path, b"one")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(disk, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            write(path, b"two")

    assert path.read_bytes() == b"one"
    assert len(record(tmp_path)) == 2
    write(path, b"three")
    assert path.read_bytes() == b"three"


def test_a_line_that_a_killed_run_did_not_finish_is_ignored(tmp_path):
    write_whole(tmp_path / "a", "one")
    with (tmp_path / RECORD).open("a") as file:
        file.write("0123  b")

    write_whole(tmp_path / "b", "two")
    write_whole(tmp_path / "b", "three")
    write_whole(tmp_path / "a", "four")


@pytest.mark.parametrize("name", ["a", "ä b", "a\\b", "a\nb", "a\rb", "\udcff", " ", "a\\nb"])
def test_the_record_is_read_by_sha256sum(tmp_path, name):
    path = tmp_path / name
    try:
        write_whole(path, "some")
    except OSError:
        pytest.skip("the disk cannot store this name")
    write_whole(path, "some")
    digest = hashlib.sha256(b"some").hexdigest()

    [line] = (tmp_path / RECORD).read_bytes().splitlines()
    assert digest.encode() in line
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", RECORD], cwd=tmp_path, check=True)
    # In a new process nothing is remembered.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emo2vec_plugins.files.outputs.record_of", cache(Record))
        write_whole(path, "more")


@pytest.mark.parametrize("kind", ["link", "hard link", "dots", "folder link"])
def test_an_input_is_protected_under_every_name(tmp_path, kind):
    (tmp_path / "in").mkdir()
    read, other = tmp_path / "in" / "a.wav", tmp_path / "b.wav"
    read.write_bytes(b"sound")
    if kind == "link":
        other.symlink_to(read)
    elif kind == "hard link":
        other.hardlink_to(read)
    elif kind == "dots":
        other = tmp_path / "in" / ".." / "in" / "." / "a.wav"
    else:
        (tmp_path / "there").symlink_to(tmp_path / "in")
        other = tmp_path / "there" / "a.wav"

    with protecting(read), overwriting():
        with pytest.raises(OverwriteError, match="input"):
            write_whole(other, "x")
        with pytest.raises(OverwriteError, match="input"):
            write_whole(other, "x", locked=True)
        with pytest.raises(OverwriteError, match="input"):
            remove(other)

    assert read.read_bytes() == b"sound"


def test_a_file_that_is_read_after_the_check_is_not_replaced(tmp_path):
    named, other = tmp_path / "a.wav", tmp_path / "b.wav"
    named.write_bytes(b"sound")
    other.write_bytes(b"sound")

    with protecting(), overwriting():
        check_overwrite(named, other)
        reading(named)
        with pytest.raises(OverwriteError, match="input"):
            write_whole(named, "x")
        write_whole(other, "x")

    assert named.read_bytes() == b"sound"
    with protecting(), overwriting():
        write_whole(named, "x")


def test_files_that_are_only_read_are_not_kept_in_memory(tmp_path):
    from emo2vec_plugins.files.outputs import _scope

    with protecting(), overwriting():
        for number in range(9):
            (tmp_path / f"{number}.wav").write_bytes(b"sound")
            reading(tmp_path / f"{number}.wav")
        assert not _scope.get().read


def test_outside_of_a_command_a_file_that_was_read_may_be_replaced(tmp_path):
    path = tmp_path / "ours.txt"
    for text in ("one", "two"):
        write_whole(path, text)
        reading(path)
    write_whole(path, "three")

    assert path.read_text() == "three"


def test_internal_files_are_replaced_whatever_they_are(tmp_path):
    (tmp_path / "journal").write_text("other")

    write_whole(tmp_path / "journal", "ours", locked=True)

    assert [*tmp_path.iterdir()] == [tmp_path / "journal"]


def test_all_obstacles_are_named_at_once(tmp_path):
    for name in ("read", "theirs", "ours"):
        write_whole(tmp_path / name, name)
    (tmp_path / "theirs").write_text("corrected")
    (tmp_path / "foreign").write_text("")

    with protecting():
        protect(tmp_path / "read", tmp_path / "missing", tmp_path)
        with pytest.raises(OverwriteError) as caught:
            check_overwrite(*(tmp_path / n for n in ("ours", "read", "new", "theirs", "foreign")))

    said = str(caught.value)
    assert all(str(tmp_path / name) in said for name in ("read", "theirs", "foreign"))
    assert not any(str(tmp_path / name) in said for name in ("ours", "new"))
    assert "\n" not in said


def test_a_device_and_a_folder_pass(tmp_path):
    check_overwrite(os.devnull, tmp_path, tmp_path / "new", "\0", "x" * 5000)


def test_only_our_unchanged_file_is_removed(tmp_path):
    path = tmp_path / "a"
    write_whole(path, "ours")
    remove(path)
    assert not path.exists()
    remove(path)

    path.write_text("theirs")
    with pytest.raises(OverwriteError):
        remove(path)
    assert path.read_text() == "theirs"


def test_only_our_unchanged_file_is_removed_as_stale_also_with_overwriting(tmp_path):
    path = tmp_path / "a"
    with overwriting():
        write_whole(path, "ours")
        assert remove_own(path)
        assert not path.exists()
        assert remove_own(path)

        write_whole(path, "ours")
        path.write_text("edited")
        assert not remove_own(path)
        (tmp_path / "foreign").write_text("theirs")
        assert not remove_own(tmp_path / "foreign")
        write_whole(tmp_path / "own", "ours")
        (tmp_path / "link").symlink_to(tmp_path / "own")
        (tmp_path / "dangling").symlink_to(tmp_path / "missing")
        assert not remove_own(tmp_path / "link")
        assert not remove_own(tmp_path / "dangling")
    with protecting(tmp_path / "own"):
        assert not remove_own(tmp_path / "own")

    assert path.read_text() == "edited"
    assert sorted(each.name for each in tmp_path.iterdir() if each.name[0] != ".") == [
        *("a", "dangling", "foreign", "link", "own")
    ]


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "fifo"])
def test_a_record_that_is_no_regular_file_is_not_followed(tmp_path, kind):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    out = tmp_path / "out"
    out.mkdir()
    if kind == "link":
        (out / RECORD).symlink_to(elsewhere)
    elif kind == "dangling":
        (out / RECORD).symlink_to(tmp_path / "missing")
    elif kind == "folder":
        (out / RECORD).mkdir()
    else:
        os.mkfifo(out / RECORD)

    with pytest.raises(OverwriteError, match=r"\.emo2vec\.sha256"):
        write_whole(out / "a", "some")

    assert elsewhere.read_text() == "precious"
    assert [*out.iterdir()] == [out / RECORD]
    assert not (tmp_path / "missing").exists()


def test_a_damaged_record_is_no_permission(tmp_path):
    write_whole(tmp_path / "a", "ours")
    (tmp_path / RECORD).write_bytes(b"\xff\0 junk\n" + b"0" * 64 + b"  a\n\\\n  \n")

    with pytest.raises(OverwriteError):
        write_whole(tmp_path / "a", "new")

    assert (tmp_path / "a").read_text() == "ours"


def test_a_record_without_lines_is_not_read_to_its_end(tmp_path):
    write_whole(tmp_path / "a", "ours")
    os.truncate(tmp_path / RECORD, 100 << 30)  # a hole: the file needs no space on the disk

    with pytest.raises(OverwriteError) as caught:
        write_whole(tmp_path / "a", "new")

    assert str(tmp_path / RECORD) in str(caught.value)
    assert (tmp_path / "a").read_text() == "ours"


def test_names_in_another_form_are_ours_too(tmp_path):
    # As on disks where both names are the same file.
    write_whole(tmp_path / "café", "ours")
    (tmp_path / "café").rename(tmp_path / unicodedata.normalize("NFD", "CAFÉ"))

    write_whole(tmp_path / unicodedata.normalize("NFD", "CAFÉ"), "new")


def test_overwriting_ends_with_its_block(tmp_path):
    (tmp_path / "a").write_text("theirs")
    with overwriting(), overwriting(False):
        write_whole(tmp_path / "a", "ours")
    (tmp_path / "b").write_text("theirs")
    with pytest.raises(OverwriteError):
        write_whole(tmp_path / "b", "ours")


def test_arrays_of_others_are_refused_before_work_starts(tmp_path):
    np = pytest.importorskip("numpy")
    folder = ArrayFolder(tmp_path / "out", ["a", "b/c"])
    assert not (tmp_path / "out").exists()
    folder.write("a", np.zeros(3, np.float32))
    folder.write("b/c", np.zeros(3, np.float32))
    ArrayFolder(tmp_path / "out", ["a", "b/c"]).write("a", np.ones(3, np.float32))
    np.save(tmp_path / "out" / "b" / "c.npy", np.arange(3))

    with pytest.raises(OverwriteError, match=r"c\.npy"):
        ArrayFolder(tmp_path / "out", ["a", "b/c"])


def test_arrays_do_not_leave_the_folder_through_links(tmp_path):
    np = pytest.importorskip("numpy")
    from emo2vec_plugins.errors import OptionsError

    (tmp_path / "precious").mkdir()
    (tmp_path / "out").mkdir()
    for name, target in (("x.npy", "precious/x.npy"), ("sub", "precious")):
        link = tmp_path / "out" / name
        link.symlink_to(tmp_path / target)
        key = "x" if name == "x.npy" else "sub/y"
        with pytest.raises(OptionsError, match="link"):
            ArrayFolder(tmp_path / "out", [key])
        with pytest.raises(OptionsError, match="link"):
            ArrayFolder(tmp_path / "out", []).write(key, np.zeros(1, np.float32))
    assert not [*(tmp_path / "precious").iterdir()]
    (tmp_path / "alias").symlink_to(tmp_path / "out")  # the folder itself may be a link
    ArrayFolder(tmp_path / "alias", ["z"]).write("z", np.zeros(1, np.float32))


@pytest.mark.parametrize(
    "keys", [("a", "A"), ("é", "e\u0301"), ("a", "a.npy/b"), ("x/../a", "a"), ("STRASSE", "straße")]
)
def test_keys_that_could_share_a_file_are_refused(tmp_path, keys):
    from emo2vec_plugins.errors import OptionsError

    with pytest.raises(OptionsError) as caught:
        ArrayFolder(tmp_path, keys)
    assert all(repr(key) in str(caught.value) for key in keys)


def test_the_working_directory_is_a_folder_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_whole(Path("a"), "one")
    write_whole(Path("./a"), "two")
    assert len(record(tmp_path)) == 2


def test_a_name_that_is_repeated_in_a_record_takes_little_time(tmp_path):
    (tmp_path / "a").write_text("theirs")
    with (tmp_path / RECORD).open("w") as file:
        file.writelines(f"{number:064x}  a\n" for number in range(100_000))
    start = time.process_time()

    with pytest.raises(OverwriteError):
        check_overwrite(tmp_path / "a")

    assert time.process_time() - start < 5


def test_what_is_in_the_way_is_named_with_the_record_that_lacks_it(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(b"moved here without the record")

    with pytest.raises(OverwriteError) as caught:
        check_overwrite(*paths)

    assert_facts(str(caught.value), *paths, RECORD, "--overwrite")
    assert "()" not in str(caught.value)  # no Python in a command's error
