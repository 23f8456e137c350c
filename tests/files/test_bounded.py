"""Reading that is bounded by the size of the file."""

from __future__ import annotations

import gzip

import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.files import bounded


@pytest.fixture(autouse=True)
def default_limit(monkeypatch):
    monkeypatch.delenv(bounded.VARIABLE, raising=False)
    yield
    bounded.set_read_limit(None)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000", 1000),
        ("1000B", 1000),
        ("2GB", 2_000_000_000),
        ("64 MiB", 64 << 20),
        ("3k", 3000),
        ("1TiB", 1 << 40),
    ],
)
def test_sizes_have_units(text, size):
    assert bounded.parse_size(text, "x") == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5GB", "GB", "9" * 5000, "1e9", "inf"])
def test_other_sizes_are_refused(text):
    with pytest.raises(OptionsError, match="--read-limit") as error:
        bounded.parse_size(text, "--read-limit")
    assert len(str(error.value)) < 200


def test_the_limit_is_set_by_the_environment_or_in_code(monkeypatch):
    assert bounded.read_limit() == 16 << 20
    monkeypatch.setenv(bounded.VARIABLE, "2kB")
    assert bounded.read_limit() == 2000
    bounded.set_read_limit(10)
    assert bounded.read_limit() == 10
    bounded.set_read_limit(None)
    monkeypatch.setenv(bounded.VARIABLE, "much")
    with pytest.raises(OptionsError, match=bounded.VARIABLE):
        bounded.read_limit()


def test_a_document_beyond_the_limit_is_refused_with_the_way_to_raise_it(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"12345")
    bounded.set_read_limit(5)
    assert bounded.read_bytes(tmp_path / "a.txt") == b"12345"
    bounded.set_read_limit(4)
    with pytest.raises(FormatError) as error:
        bounded.read_bytes(tmp_path / "a.txt")
    assert_facts(str(error.value), "a.txt", "4B", "--read-limit", bounded.VARIABLE)


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "a" * 5000])
def test_a_name_that_no_file_can_have_is_an_error_of_the_system(tmp_path, name):
    with pytest.raises(OSError, match=r"a|ud800"):
        bounded.read_bytes(tmp_path / name)
    with pytest.raises(OSError, match=r"a|ud800"):
        list(bounded.lines_of(tmp_path / name))


def test_a_device_without_an_end_is_not_read_for_ever(tmp_path):
    (tmp_path / "a").symlink_to("/dev/zero")
    bounded.set_read_limit(1 << 20)
    with pytest.raises(FormatError, match="1MiB"):
        bounded.read_bytes(tmp_path / "a")
    with pytest.raises(FormatError, match="line 1"):
        list(bounded.lines_of(tmp_path / "a"))


def read_until_damage(path):
    """Return the lines before the damage, and the message."""
    lines = []
    try:
        for each in bounded.lines_of(path):
            lines.append(each)  # noqa: PERF402 - kept when the next line is damaged
    except FormatError as error:
        return lines, str(error)
    return lines, "no damage"


@pytest.mark.parametrize("name", ["a.txt", "a.GZ"])
def test_lines_are_numbered_and_keep_their_bytes(tmp_path, name):
    data = b"one\r\n\ntwo\x85\xff"
    (tmp_path / name).write_bytes(gzip.compress(data) if name == "a.GZ" else data)

    assert list(bounded.lines_of(tmp_path / name)) == [
        (1, b"one\r\n"),
        (2, b"\n"),
        (3, b"two\x85\xff"),
    ]


@pytest.mark.parametrize("name", ["a.txt", "a.gz"])
def test_the_lines_before_a_line_that_is_too_long_are_read(tmp_path, name):
    data = b"1\n22\n" + b"3" * 100 + b"\n4\n"
    (tmp_path / name).write_bytes(gzip.compress(data) if name == "a.gz" else data)
    bounded.set_read_limit(50)

    lines, message = read_until_damage(tmp_path / name)

    assert lines == [(1, b"1\n"), (2, b"22\n")]
    assert_facts(message, name, "line 3", "--read-limit")


def test_the_lines_before_the_end_of_a_truncated_gzip_file_are_read(tmp_path):
    rows = b"".join(b"%d %s\n" % (n, str(n * 7919).encode() * 3) for n in range(20_000))
    data = gzip.compress(rows)
    (tmp_path / "a.gz").write_bytes(data[: len(data) // 2])

    lines, message = read_until_damage(tmp_path / "a.gz")

    assert 5_000 < len(lines) < 20_000
    assert b"".join(line for _, line in lines) == rows[: sum(len(line) for _, line in lines)]
    assert_facts(message, "a.gz", f"line {len(lines) + 1}", "gzip")


@pytest.mark.parametrize("at", [0, 1, 3, 12, -8, -1])
def test_a_flipped_byte_in_a_gzip_file_is_found(tmp_path, at):
    data = bytearray(gzip.compress(bytes(range(200)) * 5, mtime=0))
    data[at] ^= 0xFF
    (tmp_path / "a.gz").write_bytes(data)

    assert_facts(read_until_damage(tmp_path / "a.gz")[1], "a.gz", "line")


def test_a_gzip_file_that_expands_without_bound_is_refused(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"\n" * 1_000_000))
    bounded.set_read_limit(1000)

    lines, message = read_until_damage(tmp_path / "a.gz")

    assert len(lines) < 1_000_000
    assert_facts(message, "a.gz", "1000B")


def test_the_lines_after_one_that_is_too_long_are_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n" + b"x" * 250 + b"\nthree\n" + b"y" * 101)
    bounded.set_read_limit(100)

    found = list(bounded.lines_or_errors(path))

    assert [number for number, _ in found] == [1, 2, 3, 4]
    assert [line for _, line in found if isinstance(line, bytes)] == [b"one\n", b"three\n"]
    assert_facts(str(found[1][1]), path, "line 2")
    assert_facts(str(found[3][1]), path, "line 4")
