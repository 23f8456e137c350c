"""Headers that claim what a file does not have: nothing is allocated for it."""

from __future__ import annotations

import io
import re
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import soundfile

from emo2vec_plugins.audio.files import FileAudio, StreamAudio
from emo2vec_plugins.core.values import Turn
from emo2vec_plugins.engine.engine import Engine
from emo2vec_plugins.testing import FakeBackend

RATE = 16_000
CRC = 0x04C11DB7
"""Polynomial of the checksum of Ogg pages."""


def encoded(kind, **options):
    stream = io.BytesIO()
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, RATE).astype(np.float32)
    soundfile.write(stream, samples, RATE, format=kind, **options)
    return bytearray(stream.getvalue())


def flac(samples):
    """A second of FLAC whose header claims *samples*, of 36 bits."""
    data = encoded("FLAC")
    # In STREAMINFO after "fLaC" and its header of 4 bytes: at byte 13, the last 36 bits of 8 bytes.
    (field,) = struct.unpack_from(">Q", data, 18)
    struct.pack_into(">Q", data, 18, field >> 36 << 36 | samples)
    return data


def ogg(samples):
    """A second of Vorbis whose last page claims *samples*."""
    data = encoded("OGG", subtype="VORBIS")
    struct.pack_into("<q", data, data.rindex(b"OggS") + 6, samples)
    return with_checksums(data)


def with_checksums(data):
    """Ogg with the checksums of its pages."""
    starts = [found.start() for found in re.finditer(b"OggS", data)]
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        struct.pack_into("<I", data, start + 22, 0)
        struct.pack_into("<I", data, start + 22, checksum(data[start:end]))
    return data


def checksum(page):
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (CRC if value & 0x8000_0000 else 0)) & 0xFFFF_FFFF
    return value


def chunk(kind, name, size, pattern):
    """A second of chunked audio whose chunk *name* claims *size* bytes."""
    data = encoded(kind)
    struct.pack_into(pattern, data, data.index(name) + len(name), size)
    return data


W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
FALSE = {
    "hours.flac": flac(2**36 - 1),
    "years.ogg": ogg(2**60),
    "hours.wav": chunk("WAV", b"data", 2**32 - 2, "<I"),
    "years.w64": chunk("W64", W64_DATA, 2**62, "<q"),
}


@pytest.mark.parametrize("name", FALSE)
@pytest.mark.parametrize("source", ["file", "stream"])
def test_false_lengths_cost_nothing(tmp_path, name, source):
    path = tmp_path / name
    path.write_bytes(FALSE[name])
    audio = FileAudio(path) if source == "file" else StreamAudio(io.BytesIO(FALSE[name]))
    turns = [Turn(start=0.0, end=audio.length / audio.rate), Turn(start=0.1, end=0.8)]
    tracemalloc.start()

    whole, part = Engine(FakeBackend(), workers=0).score(audio, turns)

    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
    assert part.label
    assert whole.label or whole.reason


def test_a_damaged_codebook_does_not_end_the_process(tmp_path):
    """libsndfile 1.2.2 crashes when it seeks in this file."""
    data = encoded("OGG", subtype="VORBIS")
    data[223:227] = b"\x00\x00\x7f\xff"
    path = tmp_path / "damaged.ogg"
    path.write_bytes(with_checksums(data))
    code = (
        "import sys\n"
        "from emo2vec_plugins import Engine, Turn\n"
        "from emo2vec_plugins.testing import FakeBackend\n"
        "turns = [Turn(start=0.1 * i, end=0.1 * i + 0.3) for i in (7, 1, 4)]\n"
        "print(*[each.reason for each in Engine(FakeBackend()).score(sys.argv[1], turns)])"
    )

    run = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stdout.count("truncated")) == (0, 3)
