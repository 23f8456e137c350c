"""A recording's results as a few files side by side, each for another kind of tool.

For a recording ``X``: ``X.rttm`` (its speaker turns), ``X.emotion.rttm``, ``X.spkemo.rttm``,
``X.emotions.jsonl``, and on request ``X.embeddings.npz``. docs/results.md describes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from emo2vec_plugins.core import Dialogue, FloatArray, ScoredTurn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import make_folder, pieces, read_text, replacing, write_npy, write_text
from emo2vec_plugins.formats.fidelity import as_dialogues
from emo2vec_plugins.formats.jsonl import EMOTIONS_JSONL, loads
from emo2vec_plugins.formats.names import bundle_stem
from emo2vec_plugins.formats.rttm import EMOTION_RTTM, RTTM, SPKEMO_RTTM

ARRAYS_SUFFIX = ".embeddings.npz"
ARRAYS = {"embedding": "embedding", "frame": "frame_embeddings", "frame_logits": "frame_logits"}
"""Prefix of the arrays in the .npz, and the field of an emotion that they hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The files that were written for one recording.

    Attributes:
        embeddings: None unless asked for.
    """

    rttm: Path
    emotion_rttm: Path
    spkemo_rttm: Path
    emotions_jsonl: Path
    embeddings: Path | None = None


def write_bundle(
    dialogue: Dialogue,
    folder: str | os.PathLike[str],
    *,
    rttm: str | None = None,
    embeddings: bool = False,
    array_dtype: Literal["float16", "float32"] = "float32",
) -> Bundle:
    """Write one recording's results, and say where.

    Every file is complete or absent: it is written under a temporary name, then renamed. The
    JSON lines come last, so a bundle that has them is whole. Files of an earlier bundle of the
    same recording are replaced.

    Args:
        dialogue: The turns with their emotions.
        folder: Created if need be.
        rttm: The recording's lines in the RTTM that the turns are from, written as they are;
            made from the turns if None.
        embeddings: Write the arrays that the emotions have.
        array_dtype: What those are cast to.

    Raises:
        FormatError: If a score is NaN or infinite, or *dialogue* is none.
        OSError: If the folder cannot be written to.
    """
    where = Path(folder)
    as_dialogues([dialogue])
    make_folder(where)
    stem = bundle_stem(dialogue.recording)
    formats = (RTTM, EMOTION_RTTM, SPKEMO_RTTM, EMOTIONS_JSONL)
    texts = {
        where / (stem + each.suffixes[0]): each.dumps([dialogue]) for each in formats if each.dumps
    }
    paths = list(texts)
    # The caller's own lines have fields that a turn does not keep.
    if rttm is not None:
        texts[paths[0]] = rttm
    arrays = where / (stem + ARRAYS_SUFFIX)
    if embeddings:
        with replacing(arrays) as stream:
            _write_arrays(stream, dialogue, np.dtype(array_dtype))
    else:
        arrays.unlink(missing_ok=True)  # an earlier bundle's would be read with these turns
    # emotions.jsonl is the last of them: where it is, all are.
    for path, text in texts.items():
        write_text(path, text)
    return Bundle(
        rttm=paths[0],
        emotion_rttm=paths[1],
        spkemo_rttm=paths[2],
        emotions_jsonl=paths[3],
        embeddings=arrays if embeddings else None,
    )


def read_bundle(folder: str | os.PathLike[str], recording: str) -> Dialogue:
    """Return what `write_bundle` was given, with its arrays if they were written.

    Raises:
        FormatError: If the files are not a bundle of this recording.
        OSError: If they cannot be read.
    """
    stem = bundle_stem(recording)
    path = Path(folder) / (stem + EMOTIONS_JSONL.suffixes[0])
    text = read_text(path)
    try:
        dialogues = loads(text)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    if [each.recording for each in dialogues] != [recording]:
        found = ", ".join(repr(each.recording) for each in dialogues) or "nothing"
        raise FormatError(f"{path}: expected one dialogue, {recording!r}, found {found}")
    arrays = Path(folder) / (stem + ARRAYS_SUFFIX)
    return _with_arrays(dialogues[0], arrays) if arrays.is_file() else dialogues[0]


def _write_arrays(file: IO[bytes], dialogue: Dialogue, dtype: np.dtype[Any]) -> None:
    """Write, as `numpy.savez` does, the arrays of all turns one after another, and whose they are.

    They may be larger than the memory is: nothing is laid together first.
    """
    with ZipFile(file, "w", ZIP_STORED) as archive:
        for prefix, field in ARRAYS.items():
            found = [
                (index, np.atleast_2d(array))
                for index, scored in enumerate(dialogue.turns)
                if (array := getattr(scored.emotion, field)) is not None
            ]
            rows = [array for _, array in found]
            offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
            width = rows[0].shape[1] if rows else 0
            values = (piece for array in rows for piece in pieces(array))
            shape = (int(offsets[-1]), width)
            turns = np.array([index for index, _ in found], dtype=np.int64)
            for name, blocks, size, kind in (
                ("values", values, shape, dtype),
                ("turns", [turns], turns.shape, turns.dtype),
                ("offsets", [offsets], offsets.shape, offsets.dtype),
            ):
                with archive.open(f"{prefix}_{name}.npy", "w", force_zip64=True) as member:
                    write_npy(member, blocks, shape=size, dtype=kind)


def _with_arrays(dialogue: Dialogue, path: Path) -> Dialogue:
    turns: Sequence[ScoredTurn] = dialogue.turns
    fields: list[dict[str, Any]] = [{} for _ in turns]
    try:
        for field, index, array in _scatter(path):
            # One row a turn is kept for embeddings, many for frames.
            fields[index][field] = array[0] if field == "embedding" else array
    except (KeyError, IndexError, ValueError) as error:
        raise FormatError(f"{path}: not the arrays of {len(turns)} turns: {error}") from error
    return replace(
        dialogue,
        turns=tuple(
            replace(scored, emotion=replace(scored.emotion, **arrays))
            for scored, arrays in zip(turns, fields, strict=True)
        ),
    )


def _scatter(path: Path) -> Iterator[tuple[str, int, FloatArray]]:
    with np.load(path, allow_pickle=False) as file:
        for prefix, field in ARRAYS.items():
            values, offsets = file[f"{prefix}_values"], file[f"{prefix}_offsets"]
            # Turns differ in length: all lie in one array, and offsets say where each begins.
            for position, index in enumerate(file[f"{prefix}_turns"].tolist()):
                yield field, index, values[offsets[position] : offsets[position + 1]]
