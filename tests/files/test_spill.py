"""Arrays larger than memory are on disk with the same values."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from lhotse import LilcomChunkyWriter, NumpyFilesWriter, NumpyHdf5Writer

from emo2vec_plugins.files import disk
from emo2vec_plugins.files import spill as spilling
from emo2vec_plugins.files.spill import Rows, cast, is_on_disk, moved_to_disk, pieces, save_npy
from emo2vec_plugins.integrations.lhotse.arrays import ArraySink, pad_to_lhotse
from emo2vec_plugins.integrations.lhotse.stores import STORES


@pytest.fixture
def many(noise):
    """A few more rows than are kept in memory."""
    return noise(spilling.MOST_BYTES // 4 + 8 * 256).reshape(-1, 256)


def rows_of(array, *, size):
    rows = Rows()
    for start in range(0, len(array), size):
        rows.append(array[start : start + size])
    return rows.array()


def test_few_rows_stay_in_memory(noise):
    array = noise(1_000).reshape(-1, 10)

    found = rows_of(array, size=7)

    assert not is_on_disk(found)
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("size", [999, 1 << 20])
def test_many_rows_go_to_disk_unchanged(many, size):
    found = rows_of(many, size=size)

    assert is_on_disk(found)
    assert type(found) is np.ndarray
    assert not found.flags.writeable
    np.testing.assert_array_equal(found, many)


def test_the_temporary_folder_stays_empty(many, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    assert is_on_disk(rows_of(many, size=999))
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_an_array_on_disk_is_on_disk(many):
    assert is_on_disk(rows_of(many, size=999)[5:9].T)
    assert not is_on_disk(many[5:9].T)


def test_pieces_are_the_whole_array_and_can_be_read_again(many):
    found = rows_of(many, size=999)

    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate(list(pieces(found))), many)
    assert max(piece.nbytes for piece in pieces(found)) <= spilling.PIECE_BYTES


def test_all_pieces_but_the_last_have_a_multiple_of_rows(many):
    *lengths, last = [len(piece) for piece in pieces(many, multiple=500)]

    assert {length % 500 for length in lengths} == {0}
    assert sum(lengths) + last == len(many)
    assert [len(piece) for piece in pieces(many[:7], multiple=500)] == [7]


def test_a_large_array_is_cast_on_disk(many):
    found = cast(many, np.float16)

    np.testing.assert_array_equal(found, many.astype(np.float16))
    assert cast(many, np.float32) is many


def test_arrays_of_different_shapes_move_to_disk_together(noise):
    arrays = [noise(12).reshape(3, 4), np.arange(5, dtype=np.float64), noise(0).reshape(0, 7)]

    moved = moved_to_disk(arrays)

    assert all(map(is_on_disk, moved))
    for one, other in zip(moved, arrays, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


@pytest.mark.parametrize("kind", [LilcomChunkyWriter, NumpyFilesWriter, NumpyHdf5Writer])
@pytest.mark.parametrize("start", [None, 1.5])
def test_lhotse_stores_arrays_on_disk_like_arrays_in_memory(many, tmp_path, kind, start):
    contents, first = [], many[0].copy()
    for name, array in (("a", many), ("b", rows_of(many, size=999))):
        with kind(tmp_path / name) as writer:
            manifest = ArraySink(writer).store(array, name="x", start=start)
        loaded = manifest.load()
        contents.append((manifest.shape, loaded))
        np.testing.assert_array_equal(many[0], first)
        if kind is not LilcomChunkyWriter:
            np.testing.assert_array_equal(loaded, many)

    assert contents[0][0] == contents[1][0]
    np.testing.assert_array_equal(contents[0][1], contents[1][1])
    if kind is LilcomChunkyWriter:
        assert (tmp_path / "a.lca").read_bytes() == (tmp_path / "b.lca").read_bytes()


@pytest.mark.parametrize("kind", STORES)
def test_stores_that_survive_kills_store_arrays_on_disk(many, tmp_path, kind):
    store = STORES[kind](tmp_path / f"a{STORES[kind].suffix}", {})
    arrays = [many[0], many[:700], rows_of(many, size=999)]
    before = [array.copy() for array in arrays]

    sink = ArraySink(store.writer)
    manifests = [sink.store(array, name="x") for array in arrays]
    store.commit()
    store.seal()
    store.close()

    for manifest, array, expected in zip(manifests, arrays, before, strict=True):
        np.testing.assert_array_equal(array, expected)
        np.testing.assert_allclose(manifest.load(), array, atol=0.02 * (kind == "lilcom_chunky"))


def test_the_last_frame_of_an_array_on_disk_is_repeated(many):
    samples = 320 * (len(many) + 1)

    found = pad_to_lhotse(rows_of(many, size=999), samples=samples, rate=16_000)

    assert is_on_disk(found)
    np.testing.assert_array_equal(found, np.concatenate([many, many[-1:]]))


@pytest.mark.parametrize("shape", [(5,), (1, 3), (0, 4), (2, 3, 4)])
def test_files_have_the_same_bytes_as_numpys(noise, shape):
    array = noise(int(np.prod(shape))).reshape(shape)
    ours, theirs = io.BytesIO(), io.BytesIO()

    save_npy(ours, array)
    np.save(theirs, array)

    assert ours.getvalue() == theirs.getvalue()


def test_the_error_for_a_full_disk_names_the_folder(many, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk, "write", fail)

    with pytest.raises(OSError, match="TMPDIR") as caught:
        rows_of(many, size=999)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == tempfile.gettempdir()


GROWTH = """
import sys
import threading
from pathlib import Path

import numpy as np
import soundfile
from lhotse import LilcomChunkyWriter, NumpyFilesWriter, NumpyHdf5Writer, Recording

from emo2vec_plugins import Engine, Options, annotate, annotate_cuts
from emo2vec_plugins import Recording as Source
from emo2vec_plugins.core import Provenance, Turn
from emo2vec_plugins.formats.bundle import write_bundle
from emo2vec_plugins.core import LabelSet
from emo2vec_plugins.engine import frame_count


class Wide:
    labels = LabelSet.from_tokens(["angry", "sad"])
    width = 1024
    normalize = True
    batch_seconds = 30.0
    provenance = Provenance(model="wide")

    def run(self, waveforms):
        counts = [frame_count(len(waveform)) for waveform in waveforms]
        sums = [w[: n * 320].reshape(n, 320).sum(axis=1) for w, n in zip(waveforms, counts)]
        return [(s[:, None] * np.ones((1, 1024), np.float32), np.stack([s, -s], 1)) for s in sums]


class Ramp:
    rate, channels, serial_group = 16_000, (0,), None

    def __init__(self, seconds):
        self.length = seconds * self.rate

    def read(self, start, stop, channels):
        return (np.arange(start, stop, dtype=np.float32) % 97)[None] / 97


def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["RssAnon"].split()[0]) / 1024


def run(seconds, folder):
    engine = Engine(Wide(), granularity="frame")
    turns = [Turn(start=i * 50, end=i * 50 + 50) for i in range(seconds // 50)]
    for name, chosen in {"one": None, "many": turns}.items():
        source = Source(recording=name, audio=Ramp(seconds), turns=chosen)
        [dialogue] = annotate([source], score=engine, options=Options(frames=True))
        write_bundle(dialogue, folder, embeddings=True, array_dtype="float16")
        del dialogue
    list(annotated(seconds, folder, engine))


def annotated(seconds, folder, engine):
    path = folder / f"{seconds}.wav"
    with soundfile.SoundFile(path, "w", 16_000, 1) as file:
        for start in range(0, seconds * 16_000, 16_000):
            file.write(Ramp(seconds).read(start, start + 16_000, (0,))[0])
    cut = Recording.from_file(path).to_cut()
    for writer in (LilcomChunkyWriter, NumpyFilesWriter, NumpyHdf5Writer):
        with writer(folder / f"{writer.name}{seconds}") as store:
            yield from annotate_cuts([cut], score=engine, options=Options(frames=True, store=store))


folder, peak, over = Path(sys.argv[1]), 0.0, threading.Event()


def watch():
    global peak
    while not over.wait(0.005):
        peak = max(peak, resident())


threading.Thread(target=watch).start()
try:
    peaks = []
    for seconds in (50, 350, 1_050):  # the first run imports libraries
        peak = 0.0
        run(seconds, folder)
        peaks.append(peak)
finally:
    over.set()
print(peaks[2] - peaks[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to measure memory")
def test_memory_does_not_grow_with_the_length_of_a_recording(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path)], capture_output=True, text=True, check=True
    )

    # The additional frames of the longer recording take 140 MB.
    assert float(run.stdout) < 60
