"""Damage to what binary containers hold; the containers themselves stay valid."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import torch
from hypothesis import strategies as st

from campaign.draws import ODD_NUMBERS, ODD_VALUES, ODD_WORDS, Draw
from campaign.trees import UnstructuredError, change_json

_UNREADABLE = (OSError, EOFError, ValueError, KeyError, RuntimeError, pickle.UnpicklingError)

_TENSORS: dict[str, Callable[[torch.Tensor], Any]] = {
    "sparse": lambda x: x.to_sparse(),
    "no memory": lambda x: x.to("meta"),
    "complex": lambda x: x.to(torch.complex64),
    "integers": lambda x: x.to(torch.int32),
    "half": lambda x: x.half(),
    "double": lambda x: x.double(),
    "8 bits": lambda x: x.to(torch.float8_e4m3fn),
    "not a number": lambda x: x * float("nan"),
    "large": lambda x: x * 1e38,
    "zero": lambda x: x * 0,
    "one row less": lambda x: x[1:].clone() if x.ndim else x,
    "one dimension more": lambda x: x[None].clone(),
    "flat": lambda x: x.flatten().clone(),
    "empty": lambda x: x[:0].clone() if x.ndim else x,
    "one value": lambda _: torch.zeros(()),
    "one value, repeated": lambda x: torch.zeros(1).expand(x.shape),
    "transposed": lambda x: x.t() if x.ndim == 2 else x,
    "a number": lambda _: 3,
    "a list": lambda x: [x],
    "text": lambda _: "x",
    "none": lambda _: None,
}


def change_torch(draw: Draw, data: bytes) -> bytes:
    """Change one entry of a file of torch, and write it as torch does."""
    try:
        document = torch.load(io.BytesIO(data), weights_only=True)  # noqa: TID251
    except _UNREADABLE as error:
        raise UnstructuredError from error
    nested = isinstance(document, dict) and isinstance(document.get("model"), dict)
    values = document["model"] if nested else document
    if not isinstance(values, dict) or not values:
        raise UnstructuredError
    document = _changed_entry(draw, dict(values))
    file = io.BytesIO()
    torch.save({"model": document} if nested else document, file)
    return file.getvalue()


def _changed_entry(draw: Draw, values: dict[Any, Any]) -> dict[Any, Any]:
    name = draw(st.sampled_from([*values]))
    value = values[name]
    match draw(st.sampled_from([*["value"] * 5, "drop", "rename", "add"])):
        case "drop":
            del values[name]
        case "rename":
            values[draw(st.sampled_from(["", "x" * 10_000, 1, "proj.weight"]))] = values.pop(name)
        case "add":
            values["more"] = value
        case _ if isinstance(value, torch.Tensor):
            values[name] = _TENSORS[draw(st.sampled_from([*_TENSORS]))](value)
        case _:
            values[name] = draw(st.sampled_from(ODD_VALUES))
    return values


def change_safetensors(draw: Draw, data: bytes) -> bytes:
    """Change one value of the header, with the right length before it."""
    if len(data) < 8:
        raise UnstructuredError
    size = struct.unpack("<Q", data[:8])[0]
    header = change_json(draw, data[8 : 8 + size])
    return struct.pack("<Q", len(header)) + header + data[8 + size :]


def change_parquet(draw: Draw, data: bytes) -> bytes:
    """Change one cell or column of a table."""
    try:
        table = pyarrow.parquet.read_table(io.BytesIO(data))
    except (pyarrow.ArrowException, OSError) as error:
        raise UnstructuredError from error
    if not table.column_names:
        raise UnstructuredError
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    name = draw(st.sampled_from([*columns]))
    cells = columns[name]
    match draw(st.sampled_from([*["cell"] * 4, "drop", "rename", "numbers", "words"])):
        case "drop":
            del columns[name]
        case "rename":
            columns[draw(st.sampled_from(["", "start", "x" * 1000]))] = columns.pop(name)
        case "numbers":
            columns[name] = [draw(st.sampled_from(ODD_NUMBERS[:8]))] * len(cells)
        case "words":
            columns[name] = [draw(st.sampled_from(ODD_WORDS))] * len(cells)
        case _ if cells:
            place = draw(st.integers(0, len(cells) - 1))
            other = draw(st.sampled_from([None, *cells]))
            cells[place] = -other if isinstance(other, float) and draw(st.booleans()) else other
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def change_npz(draw: Draw, data: bytes) -> bytes:
    """Change one array of a file of NumPy."""
    try:
        with np.load(io.BytesIO(data)) as file:
            arrays = {name: file[name] for name in file.files}
    except (*_UNREADABLE, zipfile.BadZipFile) as error:
        raise UnstructuredError from error
    if not arrays:
        raise UnstructuredError
    name = draw(st.sampled_from(sorted(arrays)))
    array = arrays.pop(name)
    kinds = ["drop", "rename", "short", "flat", "type", "text", "nan"]
    match draw(st.sampled_from(kinds)):
        case "rename":
            arrays[draw(st.sampled_from(["x", "row", "../x"]))] = array
        case "short":
            arrays[name] = array[1:] if array.ndim else array
        case "flat":
            arrays[name] = array.ravel()
        case "type":
            kind = draw(st.sampled_from(["i1", "f2", "f8", "c8", ">f4", "U3", "?", "M8[s]"]))
            arrays[name] = (
                array.astype(kind, casting="unsafe") if array.dtype.kind not in "MU" else array
            )
        case "text":
            arrays[name] = np.array(["x"] * max(1, len(array) if array.ndim else 1))
        case "nan":
            arrays[name] = np.full(array.shape, np.nan)
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def change_tar(draw: Draw, data: bytes) -> bytes:
    """Drop, repeat, rename or move a member, or change one value of a member of JSON."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            members = [
                (each, (archive.extractfile(each) or io.BytesIO()).read())
                for each in archive.getmembers()
            ]
    except (tarfile.TarError, *_UNREADABLE) as error:
        raise UnstructuredError from error
    if not members:
        raise UnstructuredError
    place = draw(st.integers(0, len(members) - 1))
    member, content = members[place]
    match draw(st.sampled_from(["values", "values", "drop", "repeat", "rename", "move", "empty"])):
        case "values":
            described = [n for n, (each, _) in enumerate(members) if each.name.endswith(".json")]
            if described:
                place = draw(st.sampled_from(described))
                member, content = members[place]
                content = change_json(draw, content)
        case "drop":
            del members[place]
        case "repeat":
            members.append((member, content))
        case "rename":
            member.name = draw(st.sampled_from(["../x", "/x", "x.json", "é" * 50, "x"]))
        case "move":
            members.insert(0, members.pop(place))
        case "empty":
            content = b""
    if place < len(members) and members[place][0] is member:
        members[place] = (member, content)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for each, inner in members:
            each.size = len(inner)
            archive.addfile(each, io.BytesIO(inner))
    return out.getvalue()


def change_digests(draw: Draw, data: bytes) -> bytes:
    """Change one digest or path in lines of ``sha256sum``."""
    lines = data.splitlines(keepends=True)
    if not lines:
        raise UnstructuredError
    place = draw(st.integers(0, len(lines) - 1))
    digest, _, path = lines[place].partition(b"  ")
    other = draw(st.sampled_from([digest[:-1], digest.upper(), b"0" * 64, b"x" * 64, b"", digest]))
    paths = [path, b"../x\n", b"/etc/passwd\n", b".\n", b"a\\nb\n", b"\xff\n", b"x" * 5000 + b"\n"]
    lines[place] = other + b"  " + draw(st.sampled_from(paths))
    return b"".join(lines)


def change_metadata(draw: Draw, data: bytes) -> bytes:
    """Change one value of the metadata of an ONNX file."""
    import onnx

    try:
        model = onnx.load_from_string(data)
    except Exception as error:
        raise UnstructuredError from error
    if not model.metadata_props:
        raise UnstructuredError
    entry = draw(st.sampled_from([*model.metadata_props]))
    try:
        entry.value = change_json(draw, entry.value.encode()).decode()
    except json.JSONDecodeError:
        entry.value = draw(st.sampled_from([w for w in ODD_WORDS if w.isprintable()]))
    changed: bytes = model.SerializeToString()
    return changed
