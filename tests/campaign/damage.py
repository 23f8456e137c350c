"""Strategies that damage a valid file, with knowledge of its structure.

Every strategy draws from Hypothesis, so a seed repeats a campaign. Most files keep their syntax, so
that their values are checked: only the others have damage to their bytes or lines, too.
"""

from __future__ import annotations

import gzip
import json
import tarfile
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet
import soundfile
import yaml
from hypothesis import strategies as st

from campaign import containers, trees
from campaign.draws import ODD_NUMBERS, ODD_WORDS, Draw, near
from campaign.trees import UnstructuredError

LARGEST = 16 << 20
"""Most bytes of a damaged file."""

_SOUND = 7
"""Of ten files, how many keep their syntax."""


@st.composite
def damaged(draw: Draw, sample: bytes, shape: str) -> bytes:
    """Draw a damaged copy of *sample*.

    Args:
        draw: Hypothesis' function.
        sample: A valid file.
        shape: A key of `SHAPES`; ``.gz`` at the end for a compressed file.
    """
    if shape.endswith(".gz"):
        if not draw(st.integers(0, 4)):
            return _bytes(draw, sample)
        inner = draw(damaged(gzip.decompress(sample), shape.removesuffix(".gz")))
        return gzip.compress(inner, 1, mtime=0)
    structured, raw, _ = SHAPES[shape]
    is_sound = draw(st.integers(0, 9)) < _SOUND
    for _ in range(draw(st.integers(1, 3))):
        kind = structured if is_sound or draw(st.booleans()) else raw
        try:
            sample = kind(draw, sample)
        except (UnstructuredError, RecursionError, MemoryError):
            sample = _bytes(draw, sample)
        sample = sample[:LARGEST]
    return sample


def is_sound(data: bytes, shape: str) -> bool:
    """Return whether the syntax of a file is valid, so that a reader gets to its values."""
    try:
        if shape.endswith(".gz"):
            return is_sound(gzip.decompress(data), shape.removesuffix(".gz"))
        SHAPES[shape][2](data)
    except Exception:  # noqa: BLE001 - whatever a parser raises
        return False
    return True


def _same(_: Draw, data: bytes) -> bytes:
    return data


def _bytes(draw: Draw, data: bytes) -> bytes:
    if not data:
        return draw(st.binary(max_size=8))
    # Headers, where sizes and counts are, get half of the damage.
    place = draw(st.integers(0, min(len(data), 128) - 1) | st.integers(0, len(data) - 1))
    length = draw(st.sampled_from([1, 2, 4, 8, 100, 4096]))
    match draw(st.sampled_from(["flip", "number", "cut", "drop", "repeat", "random", "zero"])):
        case "flip":
            flipped = data[place] ^ (1 << draw(st.integers(0, 7)))
            return data[:place] + bytes([flipped]) + data[place + 1 :]
        case "number":
            size = draw(st.sampled_from([1, 2, 4, 8]))
            value = draw(st.sampled_from(ODD_NUMBERS)) % 2 ** (8 * size)
            order = draw(st.sampled_from(["little", "big"]))
            return data[:place] + value.to_bytes(size, order) + data[place + size :]
        case "cut":
            return data[:place]
        case "drop":
            return data[:place] + data[place + length :]
        case "repeat":
            times = draw(st.sampled_from([1, 2, 100]))
            return data[:place] + data[place : place + length] * times + data[place:]
        case "random":
            return data[:place] + draw(st.binary(max_size=16)) + data[place:]
        case _:
            return data[:place] + bytes(min(length, len(data) - place)) + data[place + length :]


def _sound(draw: Draw, data: bytes) -> bytes:
    """Damage the last third of a file, after all headers, or set one byte of the first header."""
    if draw(st.integers(0, 3)):
        head = len(data) * 2 // 3
        return data[:head] + _bytes(draw, data[head:])
    place = draw(st.integers(0, 127))
    value = draw(st.sampled_from([0, 1, 2, 255]))
    return data[:place] + bytes([value]) + data[place + 1 :]


def _lines(draw: Draw, data: bytes) -> bytes:
    lines = data.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    if not lines:
        raise UnstructuredError
    place = draw(st.integers(0, len(lines) - 1))
    match draw(
        st.sampled_from(["field", "field", "field", "drop", "repeat", "join", "move", "long"])
    ):
        case "field":
            separator = draw(st.sampled_from([" ", "\t", ",", ":", "=", '"']))
            fields = lines[place].split(separator)
            field = draw(st.integers(0, len(fields) - 1))
            other = draw(st.sampled_from(fields)) if draw(st.booleans()) else fields[field]
            odd = draw(st.sampled_from(ODD_WORDS))
            fields[field] = odd if draw(st.booleans()) else near(draw, other)
            lines[place] = separator.join(fields)
        case "drop":
            del lines[place]
        case "repeat":
            lines[place] *= draw(st.sampled_from([2, 1000]))
        case "join":
            lines[place] = lines[place].rstrip("\r\n")
        case "move":
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(place))
        case "long":
            lines[place] = draw(st.sampled_from(["a", " ", "<", "-", "9", "[", '"'])) * 200_000
    return "".join(lines).encode("utf-8", "surrogateescape")


def _decoded(data: bytes) -> None:
    data.decode()


def _tar(data: bytes) -> None:
    with tarfile.open(fileobj=BytesIO(data)) as archive:
        archive.getmembers()


Change = Callable[[Draw, bytes], bytes]

SHAPES: dict[str, tuple[Change, Change, Callable[[bytes], Any]]] = {
    "intact": (_same, _same, len),
    "bytes": (_bytes, _bytes, len),
    "audio": (_sound, _bytes, lambda data: soundfile.info(BytesIO(data))),
    "lines": (_lines, _lines, _decoded),
    "json": (trees.change_json, _bytes, json.loads),
    "jsonl": (trees.change_jsonl, _lines, lambda data: [*map(json.loads, data.splitlines())]),
    "yaml": (trees.change_yaml, _lines, lambda data: yaml.load(data, yaml.CSafeLoader)),
    "xml": (trees.change_xml, _lines, ElementTree.fromstring),
    "torch": (containers.change_torch, _bytes, lambda data: zipfile.ZipFile(BytesIO(data))),
    "safetensors": (
        containers.change_safetensors,
        _bytes,
        lambda data: json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]),
    ),
    "parquet": (
        containers.change_parquet,
        _bytes,
        lambda data: pyarrow.parquet.read_table(BytesIO(data)),
    ),
    "npz": (containers.change_npz, _bytes, lambda data: zipfile.ZipFile(BytesIO(data))),
    "tar": (containers.change_tar, _bytes, _tar),
    "digests": (containers.change_digests, _lines, _decoded),
    "onnx": (containers.change_metadata, _bytes, len),
}
"""By shape: a change of values, a change of anything, and a parser that rejects wrong syntax."""

BINARY = ("bytes", "audio", "torch", "safetensors", "parquet", "npz", "tar", "onnx")
"""Shapes of files that are no text."""
