"""Reading that is bounded by the size of the file."""

from __future__ import annotations

import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.files import bounded


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


def test_a_device_without_an_end_is_not_read_for_ever(tmp_path):
    (tmp_path / "a").symlink_to("/dev/zero")
    bounded.set_read_limit(1 << 20)
    with pytest.raises(FormatError, match="1MiB"):
        bounded.read_bytes(tmp_path / "a")


def test_a_small_limit_leaves_enough_for_a_document_with_a_part_of_it(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"1" * 65_536)
    bounded.set_read_limit(1024)

    assert len(bounded.read_bytes(tmp_path / "a.txt", part=64)) == 65_536
    (tmp_path / "a.txt").write_bytes(b"1" * 65_537)
    with pytest.raises(FormatError, match="64KiB") as error:
        bounded.read_bytes(tmp_path / "a.txt", part=64)
    advised = str(error.value).split("--read-limit ")[1].split()[0]
    bounded.set_read_limit(bounded.parse_size(advised, "--read-limit"))
    assert len(bounded.read_bytes(tmp_path / "a.txt", part=64)) == 65_537
