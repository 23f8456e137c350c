"""Lines of files, compressed or not, read within bounds."""

from __future__ import annotations

import gzip
import time

import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import MOST_EXPANSION, bounded, lines


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "a" * 5000])
def test_a_name_that_no_file_can_have_is_an_error_of_the_system(tmp_path, name):
    with pytest.raises(OSError, match=r"a|ud800"):
        list(lines.lines_of(tmp_path / name))


def test_a_device_without_an_end_is_not_read_for_ever(tmp_path):
    (tmp_path / "a").symlink_to("/dev/zero")
    bounded.set_read_limit(1 << 20)
    with pytest.raises(FormatError, match="line 1"):
        list(lines.lines_of(tmp_path / "a"))


def test_a_line_without_an_end_is_not_skipped_for_ever(tmp_path, monkeypatch):
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.write(b"1\n")
        file.truncate(50_000_000)
    monkeypatch.setattr(lines, "_MOST_SKIPPED", 1 << 20)
    bounded.set_read_limit(1000)

    first, *others = lines.lines_or_errors(path)

    assert first == (1, b"1\n")
    assert [number for number, _ in others] == [2, 2]
    assert_facts(str(others[1][1]), path, "line 2", "1MiB", "the rest of the file is left out")


def read_until_damage(path):
    """Return the lines before the damage, and the message."""
    found = []
    try:
        for each in lines.lines_of(path):
            found.append(each)  # noqa: PERF402 - kept when the next line is damaged
    except FormatError as error:
        return found, str(error)
    return found, "no damage"


@pytest.mark.parametrize("name", ["a.txt", "a.GZ"])
def test_lines_that_are_not_blank_are_numbered_and_keep_their_bytes(tmp_path, name):
    data = b"\n \none\r\n\n\t\r\n two\x85\xff"
    (tmp_path / name).write_bytes(gzip.compress(data) if name == "a.GZ" else data)

    assert list(lines.lines_of(tmp_path / name)) == [
        (3, b"one\r\n"),
        (6, b" two\x85\xff"),
    ]


@pytest.mark.parametrize("name", ["a.txt", "a.gz"])
def test_the_lines_before_a_line_that_is_too_long_are_read(tmp_path, name):
    data = b"1\n22\n" + b"3" * 100 + b"\n4\n"
    (tmp_path / name).write_bytes(gzip.compress(data) if name == "a.gz" else data)
    bounded.set_read_limit(50)

    found, message = read_until_damage(tmp_path / name)

    assert found == [(1, b"1\n"), (2, b"22\n")]
    assert_facts(message, name, "line 3", "--read-limit")


def test_the_lines_before_the_end_of_a_truncated_gzip_file_are_read(tmp_path):
    rows = b"".join(b"%d %s\n" % (n, str(n * 7919).encode() * 3) for n in range(20_000))
    data = gzip.compress(rows)
    (tmp_path / "a.gz").write_bytes(data[: len(data) // 2])

    found, message = read_until_damage(tmp_path / "a.gz")

    assert 5_000 < len(found) < 20_000
    assert b"".join(line for _, line in found) == rows[: sum(len(line) for _, line in found)]
    assert_facts(message, "a.gz", f"line {len(found) + 1}", "gzip")


@pytest.mark.parametrize("at", [0, 1, 3, 12, -8, -1])
def test_a_flipped_byte_in_a_gzip_file_is_found(tmp_path, at):
    data = bytearray(gzip.compress(bytes(range(200)) * 5, mtime=0))
    data[at] ^= 0xFF
    (tmp_path / "a.gz").write_bytes(data)

    assert_facts(read_until_damage(tmp_path / "a.gz")[1], "a.gz", "line")


@pytest.mark.parametrize("end", [slice(None, -8), slice(None, -1), slice(None, 15)])
def test_the_error_of_a_damaged_gzip_file_tells_what_is_lost(tmp_path, end):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"1\n22\n3")[end] + b"\xff" * 9)

    _, message = read_until_damage(tmp_path / "a.gz")

    assert_facts(message, "a.gz", "damaged", "may be wrong", "the rest of the file is left out")


def error_of_all(path):
    with pytest.raises(FormatError) as caught:
        lines.read_lines(path)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"\n", b" \r\n"])
def test_a_gzip_file_that_expands_without_bound_is_refused_in_time(tmp_path, content):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(content * (60_000_000 // len(content))))
    begin = time.perf_counter()

    found, message = read_until_damage(path)

    assert found == []
    assert time.perf_counter() - begin < 5
    assert message == error_of_all(path)
    rule = f"{MOST_EXPANSION} times its size"
    assert_facts(message, path, rule, "--read-limit", "the rest of the file is left out")


def test_the_limit_that_a_gzip_file_breaks_can_be_raised(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"1\n" * 100_000))
    bounded.set_read_limit(1000)
    assert_facts(read_until_damage(path)[1], "--read-limit", bounded.VARIABLE)

    bounded.set_read_limit(200_000)

    assert len(list(lines.lines_of(path))) == 100_000


def test_an_empty_file_is_no_gzip_file_but_a_gzip_file_may_be_of_nothing(tmp_path):
    (tmp_path / "a.gz").write_bytes(b"")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b""))

    assert list(lines.lines_of(tmp_path / "b.gz")) == []
    assert_facts(read_until_damage(tmp_path / "a.gz")[1], "a.gz", "empty", "gzip")


@pytest.mark.parametrize("name", ["a.txt", "a.gz"])
@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_lines_do_not_depend_on_the_blocks_in_which_they_are_read(
    tmp_path, name, block, monkeypatch
):
    data = b" \n\n1\r\n\r\n  \n" + b"2" * 20 + b"\n\n" + b"3" * 60 + b"\n\n4\n \n 5 "
    (tmp_path / name).write_bytes(gzip.compress(data) if name == "a.gz" else data)
    bounded.set_read_limit(50)
    monkeypatch.setattr(lines, "_BLOCK", block)

    found = list(lines.lines_or_errors(tmp_path / name))

    assert [number for number, _ in found] == [3, 6, 8, 10, 12]
    assert [line for _, line in found if isinstance(line, bytes)] == [
        *(b"1\r\n", b"2" * 20 + b"\n", b"4\n", b" 5 ")
    ]
    bounded.set_read_limit(60)
    assert lines.read_lines(tmp_path / name) == data


def test_the_lines_after_one_that_is_too_long_are_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n" + b"x" * 250 + b"\nthree\n" + b"y" * 101)
    bounded.set_read_limit(100)

    found = list(lines.lines_or_errors(path))

    assert [number for number, _ in found] == [1, 2, 3, 4]
    assert [line for _, line in found if isinstance(line, bytes)] == [b"one\n", b"three\n"]
    assert_facts(str(found[1][1]), path, "line 2")
    assert_facts(str(found[3][1]), path, "line 4")
