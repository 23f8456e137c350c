"""Stored arrays of strangers, which Lhotse would fetch or unpickle."""

from __future__ import annotations

import os
import pickle
from io import BytesIO

import h5py
import numpy as np
import pytest
from lhotse import MonoCut, SupervisionSegment
from lhotse.array import Array
from lhotse.features.io import LilcomFilesWriter, close_cached_file_handles
from support.facts import assert_facts

from emo2vec_plugins.errors import FormatError, NotAllowedError
from emo2vec_plugins.integrations.lhotse import turn_frames


@pytest.fixture
def frames_of():
    """A cut whose turn has its frames in *array*, and the turn."""

    def make(array):
        custom = {
            "emotion_frames": array,
            "emotion_frames_start": 0.0,
            "emotion_frames_shift": 0.02,
        }
        turn = SupervisionSegment("turn", "rec", 0.0, 1.0, custom=custom)
        return MonoCut("cut", 0.0, 1.0, 0, supervisions=[turn]), turn

    return make


@pytest.mark.parametrize(
    ("storage", "path", "key", "flag"),
    [
        ("numpy_files", "pipe:touch executed;", "x", "commands"),
        ("numpy_files", "", "pipe:touch executed", "commands"),
        ("numpy_files", ".", "pipe:touch executed", "commands"),
        ("lilcom_files", "pipe:touch executed;", "x", "commands"),
        ("lilcom_chunky", "pipe:touch executed", "0,1", "commands"),
        ("numpy_hdf5", "pipe:touch executed", "x", "commands"),
        ("lilcom_url", "pipe:touch executed;", "x", "commands"),
        ("lilcom_url", "s3://bucket", "x", "urls"),
        ("lilcom_url", "folder", "x", "urls"),
        ("numpy_files", "https://127.0.0.1:9", "x", "urls"),
        ("kaldiio", None, "touch executed |", "commands"),
        ("kaldiio", "touch executed |", "x", "commands"),
        ("kaldiio", "feats.scp", "x", "commands"),
    ],
)
def test_stored_frames_run_and_fetch_nothing(marker, frames_of, storage, path, key, flag):
    cut, turn = frames_of(Array(storage, path, key, [50, 4]))

    with pytest.raises(NotAllowedError) as caught:
        turn_frames(cut, turn)

    assert_facts(str(caught.value), f"--allow {flag}", "turn")
    assert not marker.exists


def test_frames_in_memory_are_not_unpickled_blindly(marker, frames_of, tmp_path):
    data = marker.pickle(tmp_path / "x.pkl").read_bytes()
    cut, turn = frames_of(Array("memory_raw", "", data, [50, 4]))

    with pytest.raises(FormatError):
        turn_frames(cut, turn)

    assert not marker.exists


@pytest.mark.parametrize("kind", ["memory_raw", "memory_npy", "memory_lilcom", "unknown"])
@pytest.mark.parametrize("key", [None, 5, "text", b"", b"\x93NUMPY", [1]])
def test_damaged_frames_in_memory_name_their_turn(frames_of, kind, key):
    cut, turn = frames_of(Array(kind, "", key, [50, 4]))

    with pytest.raises(FormatError) as caught:
        turn_frames(cut, turn)

    assert_facts(str(caught.value), "'cut'", "'turn'")


@pytest.mark.parametrize(
    "value", [np.array([{}]), np.array(["a"]), np.ones((50, 3)), np.ones(50), np.ones((0, 4))]
)
@pytest.mark.parametrize("kind", ["memory_raw", "memory_npy", "numpy_files"])
def test_frames_of_another_shape_or_type_name_their_turn(frames_of, tmp_path, kind, value):
    data = BytesIO()
    np.save(data, value, allow_pickle=True)
    (tmp_path / "x.npy").write_bytes(data.getvalue())
    key = {"memory_raw": pickle.dumps(value), "memory_npy": data.getvalue(), "numpy_files": "x.npy"}
    cut, turn = frames_of(Array(kind, str(tmp_path), key[kind], [50, 4]))

    with pytest.raises(FormatError) as caught:
        turn_frames(cut, turn)

    assert_facts(str(caught.value), "'cut'", "'turn'")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frames", "array.npy"),
        ("frames", {"shape": [50, 4]}),
        ("frames", Array("memory_raw", "", b"", "many")),
        ("frames", Array("memory_raw", "", b"", [])),
        ("frames", Array(["memory_raw"], "", b"", [50, 4])),
        ("frames_start", "0"),
        ("frames_start", float("nan")),
        ("frames_shift", 0),
        ("frames_shift", None),
    ],
)
def test_odd_fields_beside_frames_name_their_turn(frames_of, name, value):
    cut, turn = frames_of(Array("memory_raw", "", b"", [50, 4]))
    turn.custom[f"emotion_{name}"] = value

    with pytest.raises(FormatError) as caught:
        turn_frames(cut, turn)

    assert_facts(str(caught.value), "'cut'", "'turn'")


def test_frames_of_allowed_storage_are_read(frames_of, tmp_path):
    with LilcomFilesWriter(tmp_path) as writer:
        stored = writer.write("x", np.ones((50, 4), np.float32))
    array = Array("lilcom_files", f"pipe:cat {tmp_path / stored} #", "x", [50, 4])

    assert turn_frames(*frames_of(array), allow=("commands",)).shape == (50, 4)


def test_a_file_that_is_no_store_is_named_with_the_turn(tmp_path, frames_of):
    (tmp_path / "store.h5").write_bytes(b"no store" * 100)
    cut, turn = frames_of(Array("numpy_hdf5", str(tmp_path / "store.h5"), "x", [50, 4]))

    with pytest.raises(FormatError) as caught:
        turn_frames(cut, turn)

    assert_facts(str(caught.value), "'cut'", "'turn'", "store.h5")


@pytest.mark.parametrize(
    ("storage", "path", "key"),
    [
        ("numpy_hdf5", "pipe", "x"),
        ("lilcom_chunky", "pipe", "0,100"),
        ("numpy_files", ".", "pipe"),
        ("lilcom_files", ".", "pipe"),
    ],
)
def test_a_named_pipe_is_not_opened(monkeypatch, tmp_path, frames_of, storage, path, key):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    cut, turn = frames_of(Array(storage, path, key, [50, 4]))

    # A writer would be waited for, for ever.
    with pytest.raises(FormatError) as caught:
        turn_frames(cut, turn)

    assert_facts(str(caught.value), "'cut'", "'turn'", "regular file", "pipe")
    assert "Path(" not in str(caught.value)


def test_a_store_that_reads_other_files_is_refused(tmp_path, frames_of):
    own, other = tmp_path / "own.h5", tmp_path / "other.h5"
    (tmp_path / "secret").write_bytes(b"secret88" * 100)
    with h5py.File(other, "w") as file:
        file["x"] = np.ones((50, 4), np.float32)
    layout = h5py.VirtualLayout((50, 4), "f4")
    layout[:] = h5py.VirtualSource(str(other), "x", (50, 4))
    with h5py.File(own, "w") as file:
        file["linked"] = h5py.ExternalLink(str(other), "x")
        file["group"] = h5py.ExternalLink(str(other), "/")
        file["soft"] = h5py.SoftLink("linked")
        outside = [(str(tmp_path / "secret"), 0, 800)]
        file.create_dataset("outside", (50, 4), "f4", external=outside)
        file.create_virtual_dataset("virtual", layout)

    for key in ("linked", "group/x", "soft", "outside", "virtual"):
        with pytest.raises(FormatError) as caught:
            turn_frames(*frames_of(Array("numpy_hdf5", str(own), key, [50, 4])))

        assert_facts(str(caught.value), "'turn'", "own.h5", key, "in the file itself")
    close_cached_file_handles()


def test_no_more_is_read_than_a_store_can_hold(monkeypatch, tmp_path, frames_of):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("many", (10**9, 4), "f4", chunks=(10**6, 4), compression="gzip")
        file.create_dataset("chunk", (50, 4), "f4", chunks=(10**8, 4), maxshape=(None, 4))
        file["more"] = np.ones((51, 4), np.float32)
    archive = tmp_path / "store.lca"
    archive.write_bytes(bytes(1000))
    monkeypatch.setattr(Array, "load", lambda _: pytest.fail("was loaded"))

    for storage, place, key, shape in [
        ("numpy_hdf5", path, "many", [50, 4]),
        ("numpy_hdf5", path, "many", [10**9, 4]),
        ("numpy_hdf5", path, "chunk", [50, 4]),
        ("numpy_hdf5", path, "more", [50, 4]),
        ("lilcom_chunky", archive, "0,100", [10**9, 4]),
        ("lilcom_chunky", archive, "0,100000000000", [50, 4]),
        ("lilcom_chunky", archive, "0,900,-900,900", [50, 4]),
    ]:
        with pytest.raises(FormatError) as caught:
            turn_frames(*frames_of(Array(storage, str(place), key, shape)))

        assert_facts(str(caught.value), "'turn'", place.name, key)
    close_cached_file_handles()
