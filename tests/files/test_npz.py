"""Reading of .npz files at a cost that their size bounds."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import read_npz


def npy(array, *, shape=None):
    """Return an .npy file, whose header may state another shape."""
    data = io.BytesIO()
    np.save(data, array)
    content = data.getvalue()
    if shape is not None:
        own, other = (f"'shape': {each}".encode() for each in (array.shape, shape))
        spaces = b" " * (len(own) - len(other)) if len(own) > len(other) else b""
        content = content.replace(
            own + b", }" + b" " * max(0, len(other) - len(own)), other + b", }" + spaces
        )
    return content


def archive(path, content, *, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("a.npy", content)
    return path


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.zeros((0, 4)), np.asfortranarray(np.ones((2, 3)))]
)
def test_arrays_are_read_as_numpy_reads_them(tmp_path, array):
    found = read_npz(archive(tmp_path / "a.npz", npy(array)), ["a"])["a"]

    np.testing.assert_array_equal(found, array)
    assert (found.shape, found.dtype) == (array.shape, array.dtype)


@pytest.mark.parametrize(
    "content",
    [
        npy(np.arange(6.0), shape="(999999999999,)"),
        npy(np.arange(6.0), shape="(5,)"),
        npy(np.arange(6.0), shape="(-1,)"),
        npy(np.array([{}], dtype=object)),
        npy(np.arange(6.0))[:-1],
        npy(np.arange(6.0))[:20],
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535,
        b"",
    ],
)
def test_arrays_that_state_other_sizes_are_refused(tmp_path, content):
    path = archive(tmp_path / "a.npz", content)

    with pytest.raises(FormatError, match=r"a\.npz"):
        read_npz(path, ["a"])


def test_compressed_and_missing_arrays_are_refused(tmp_path):
    path = archive(tmp_path / "a.npz", npy(np.zeros(10**6)), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(FormatError, match="compression"):
        read_npz(path, ["a"])
    with pytest.raises(FormatError) as error:
        read_npz(archive(tmp_path / "b.npz", npy(np.zeros(1))), ["c"])
    assert_facts(str(error.value), "b.npz", "c.npy")


def test_a_flipped_byte_is_found(tmp_path):
    path = archive(tmp_path / "a.npz", npy(np.arange(6.0)))
    data = bytearray(path.read_bytes())
    data[180] ^= 1
    path.write_bytes(data)

    with pytest.raises(FormatError, match=r"a\.npz"):
        read_npz(path, ["a"])


@pytest.mark.parametrize("lost", [1, 20, 100])
def test_a_file_without_its_beginning_is_refused_by_name(tmp_path, lost):
    path = archive(tmp_path / "a.npz", npy(np.arange(6.0)))
    path.write_bytes(path.read_bytes()[lost:])

    with pytest.raises(FormatError, match=r"a\.npz"):
        read_npz(path, ["a"])
