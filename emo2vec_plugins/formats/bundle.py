"""Bundles: the results of a recording as several files for different tools.

The files of a recording ``X`` are ``X.rttm`` (speaker turns), ``X.emotion.rttm``,
``X.spkemo.rttm``, ``X.emotions.jsonl`` and, on request, ``X.embeddings.npz``. docs/results.md
describes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from emo2vec_plugins.core import Dialogue, FloatArray, ScoredTurn, shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import (
    Together,
    as_utf8,
    check_overwrite,
    pieces,
    read_npz,
    write_npy,
)
from emo2vec_plugins.formats.fidelity import as_dialogues
from emo2vec_plugins.formats.files import read_file
from emo2vec_plugins.formats.jsonl import EMOTIONS_JSONL
from emo2vec_plugins.formats.names import bundle_stem
from emo2vec_plugins.formats.rttm import EMOTION_RTTM, RTTM, SPKEMO_RTTM

ARRAYS_SUFFIX = ".embeddings.npz"
ARRAYS = {"embedding": "embedding", "frame": "frame_embeddings", "frame_logits": "frame_logits"}
"""Maps the prefix of the arrays in the .npz to the field of `Emotion` they store."""

_FORMATS = (RTTM, EMOTION_RTTM, SPKEMO_RTTM, EMOTIONS_JSONL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The files written for one recording.

    Attributes:
        embeddings: None unless embeddings were requested.
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
    """Write one recording's results and return the paths.

    Files are written under temporary names and renamed when all are complete. The JSON lines are
    renamed last, so a bundle that has them is complete. Files of an earlier bundle of the recording
    are replaced if they are unchanged. Arrays of an earlier bundle are removed if no new ones
    are written; arrays of others are left.

    Args:
        dialogue: The turns with their emotions.
        folder: Created if missing.
        rttm: The recording's lines from the original RTTM, written unchanged; if None, lines are
            made from the turns. A file that has these lines is left alone, as it may be an input.
        embeddings: Write the arrays of the emotions.
        array_dtype: The type that arrays are converted to.

    Raises:
        FormatError: If a score is NaN or infinite, or *dialogue* is not a `Dialogue`.
        OverwriteError: If a file must not be replaced.
        OSError: If the folder cannot be written to.
    """
    as_dialogues([dialogue])
    *paths, arrays = bundle_paths(dialogue.recording, folder, arrays=True)
    texts = [each.dumps([dialogue]) for each in _FORMATS if each.dumps]
    # The caller's lines may have fields that a turn does not store.
    if rttm is not None:
        texts[0] = rttm
    new = dict(zip(paths, texts, strict=True))
    if has_lines(paths[0], rttm):
        del new[paths[0]]
    check_overwrite(*new, *([arrays] if embeddings else []))
    with Together() as files:
        # Lines of an earlier bundle must not be read with new arrays, or arrays with new lines.
        files.remove(paths[-1])
        if embeddings:
            _write_arrays(files.open(arrays), dialogue, np.dtype(array_dtype))
        else:
            files.remove_stale(arrays)
        # emotions.jsonl comes last: if it exists, so do the others.
        for path, text in new.items():
            files.open(path).write(as_utf8(text, path))
    return Bundle(
        rttm=paths[0],
        emotion_rttm=paths[1],
        spkemo_rttm=paths[2],
        emotions_jsonl=paths[3],
        embeddings=arrays if embeddings else None,
    )


def has_lines(path: Path, rttm: str | None) -> bool:
    """Return whether a file has exactly these lines; False for None."""
    if rttm is None or not path.is_file():
        return False
    lines = rttm.encode("utf-8", "surrogatepass")
    return path.stat().st_size == len(lines) and path.read_bytes() == lines


def bundle_paths(
    recording: str, folder: str | os.PathLike[str], *, arrays: bool, rttm: str | None = None
) -> list[Path]:
    """Return the paths of the files that `write_bundle` writes, arrays last.

    Args:
        recording: The recording.
        folder: The folder.
        arrays: Whether arrays are written.
        rttm: Its lines; a file that has them is left out.
    """
    suffixes = [*(each.suffixes[0] for each in _FORMATS), *([ARRAYS_SUFFIX] if arrays else [])]
    paths = [Path(folder) / (bundle_stem(recording) + suffix) for suffix in suffixes]
    return paths[1:] if has_lines(paths[0], rttm) else paths


def read_bundle(folder: str | os.PathLike[str], recording: str) -> Dialogue:
    """Return the dialogue that `write_bundle` wrote, with its arrays if they were written.

    Raises:
        FormatError: If the files are not a bundle of this recording.
        OSError: If a file cannot be read.
    """
    stem = bundle_stem(recording)
    path = Path(folder) / (stem + EMOTIONS_JSONL.suffixes[0])
    dialogues = read_file(path, EMOTIONS_JSONL)
    if [each.recording for each in dialogues] != [recording]:
        found = ", ".join(repr(each.recording) for each in dialogues) or "nothing"
        raise FormatError(f"{path}: expected one dialogue, {shown(recording)}, found {found}")
    arrays = Path(folder) / (stem + ARRAYS_SUFFIX)
    return _with_arrays(dialogues[0], arrays) if arrays.is_file() else dialogues[0]


def _write_arrays(file: IO[bytes], dialogue: Dialogue, dtype: np.dtype[Any]) -> None:
    """Write the arrays of all turns, concatenated, with the turns' indices, as `numpy.savez` does.

    Arrays are streamed without being joined in memory, so they may be larger than it.
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
    for field, index, array in _scatter(path, len(turns)):
        # A turn has one row for its embedding, and many for frames.
        fields[index][field] = array[0] if field == "embedding" else array
    return replace(
        dialogue,
        turns=tuple(
            replace(scored, emotion=replace(scored.emotion, **arrays))
            for scored, arrays in zip(turns, fields, strict=True)
        ),
    )


def _scatter(path: Path, turns: int) -> Iterator[tuple[str, int, FloatArray]]:
    """Yield the field, the turn and the array of each array of a bundle of so many turns.

    Raises:
        FormatError: If the arrays do not fit the turns; names the file.
    """
    names = [f"{prefix}_{kind}" for prefix in ARRAYS for kind in ("values", "turns", "offsets")]
    arrays = read_npz(path, names)
    for prefix, field in ARRAYS.items():
        values, indices, offsets = (arrays[f"{prefix}_{x}"] for x in ("values", "turns", "offsets"))
        is_valid = (
            values.ndim == 2
            and values.dtype.kind == "f"
            and {indices.dtype.kind, offsets.dtype.kind} <= {"i"}
            and offsets.shape == (indices.size + 1,)
            and offsets[0] == 0
            and offsets[-1] == len(values)
            and bool((np.diff(offsets) >= (field == "embedding")).all())
            and len({*indices.tolist()} & {*range(turns)}) == indices.size
        )
        if not is_valid:
            raise FormatError(
                f"{path}: expected the arrays of {turns} turns, found other {prefix}s"
            )
        # Turns differ in length: all share one array, and offsets mark where each begins.
        for position, index in enumerate(indices.tolist()):
            yield field, index, values[offsets[position] : offsets[position + 1]]
