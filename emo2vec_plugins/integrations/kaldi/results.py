"""Results for a Kaldi data folder: files for Kaldi's tools, and one file with all details.

Kaldi's files have a line for each utterance with a label, in the order of the C locale. Unlabelled
utterances are listed in another file with the reason: tools would read a placeholder as a class.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from emo2vec_plugins.core import Dialogue, Emotion, Options
from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.files import (
    Together,
    as_utf8,
    check_overwrite,
    disk,
    make_folder,
    overwriting,
    remove_empty,
)
from emo2vec_plugins.formats import rows
from emo2vec_plugins.integrations.kaldi.files import by_bytes

LABELS = "utt2emotion"
SCORES = "utt2emotion_score"
UNSCORED = "utt2emotion_unscored"
EVERYTHING = "utterances.emotions.jsonl"
ARCHIVE = "emotion.ark"
INDEX = "emotion.scp"
NAMES = (ARCHIVE, INDEX, EVERYTHING, UNSCORED, SCORES, LABELS)
"""All result files, in the order of writing."""

_FLOAT_VECTOR = b"\0BFV \4"
"""Header of a vector of 32-bit floats in a binary archive; the length follows."""

_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRecording:
    """A recording with emotions.

    Attributes:
        dialogue: The turns.
        utterances: The name of each turn.
    """

    dialogue: Dialogue
    utterances: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KaldiResults:
    """The written files, and counts.

    Attributes:
        folder: Folder of the files.
        labels: ``utt2emotion``, the label of each labelled utterance.
        scores: ``utt2emotion_score``, the probability of the label.
        unscored: ``utt2emotion_unscored``, the reason of each unlabelled utterance.
        emotions_jsonl: ``utterances.emotions.jsonl``, all details except arrays, by recording.
        embeddings: ``emotion.scp``, the index of ``emotion.ark``; None unless requested.
        scored: Number of utterances with a label.
        withheld: Number of utterances whose label was withheld.
        failed: Number of the other utterances without a label.
        failures: Reason by failed utterance, in the order of reading. It is empty if only the model is
            the cause, because it has no classes.
        bad_items: Lines of the data folder that were left out, each with the file, the line and what
            is wrong.
    """

    folder: Path
    labels: Path
    scores: Path
    unscored: Path
    emotions_jsonl: Path
    embeddings: Path | None
    scored: int
    withheld: int
    failed: int
    failures: Mapping[str, str] = field(repr=False)
    bad_items: Sequence[str] = ()


class KaldiWriter(ExitStack):
    """Collects results and writes the files at the end, because Kaldi's files are sorted.

    Until then, lines and arrays are in temporary files; memory holds a few words per utterance.

    Raises:
        OptionsError: If *options* request arrays that a Kaldi archive cannot store.
        OverwriteError: If a result file exists that was not written by this package or has been
            changed, and *options* do not overwrite it.
        OSError: If the folder cannot be written.
    """

    def __init__(self, folder: Path, *, options: Options) -> None:
        if options.frames or options.array_dtype != "float32":
            raise OptionsError(
                "a Kaldi archive can store only embeddings in float32; omit frames=True and "
                "array_dtype"
            )
        self._overwrite = options.overwrite
        with overwriting(self._overwrite):
            check_overwrite(*(folder / name for name in NAMES))
        super().__init__()
        self.callback(remove_empty, make_folder(folder))
        self._folder = folder
        self._has_arrays = options.embeddings
        self._labels: dict[str, tuple[str, float]] = {}
        self._reasons: dict[str, str] = {}
        self._failures: dict[str, str] = {}
        self._withheld = 0
        self._places: dict[str, tuple[int, int]] = {}
        self._lines, self._arrays = self._spool(), self._spool()

    def add(self, scored: ScoredRecording) -> None:
        """Add one recording.

        Raises:
            FormatError: If a label has spaces, which Kaldi's files do not allow.
            OSError: If a temporary file cannot be written.
        """
        if not scored.utterances:
            return
        turns = zip(scored.utterances, scored.dialogue.turns, rows(scored.dialogue), strict=True)
        for utterance, turn, row in turns:
            line = json.dumps(row | {"utterance": utterance}, allow_nan=False, default=float)
            self._lines.write(line.encode("ascii") + b"\n")
            self._note(utterance, turn.emotion)

    def finish(self) -> KaldiResults:
        """Write all files under temporary names, then rename them.

        ``utt2emotion`` is removed first and renamed last: if it exists, all files are complete.

        Raises:
            OSError: If the files cannot be written. Earlier files are unchanged.
        """
        folder = self._folder
        with overwriting(self._overwrite), Together() as files:
            self._write(files)
        return KaldiResults(
            folder=folder,
            labels=folder / LABELS,
            scores=folder / SCORES,
            unscored=folder / UNSCORED,
            emotions_jsonl=folder / EVERYTHING,
            embeddings=folder / INDEX if self._has_arrays else None,
            scored=len(self._labels),
            withheld=self._withheld,
            failed=len(self._reasons) - self._withheld,
            failures=self._failures,
        )

    def _write(self, files: Together) -> None:
        folder = self._folder
        files.remove(folder / LABELS)
        if self._has_arrays:
            self._write_arrays(files)
        else:  # those of an earlier run do not belong to these results
            files.remove(folder / ARCHIVE)
            files.remove(folder / INDEX)
        self._lines.seek(0)
        shutil.copyfileobj(self._lines, files.open(folder / EVERYTHING))
        labels = {name: label for name, (label, _) in self._labels.items()}
        scores = {name: f"{score:.6f}" for name, (_, score) in self._labels.items()}
        for name, table in ((UNSCORED, self._reasons), (SCORES, scores), (LABELS, labels)):
            _write_table(files, folder / name, table)

    def _spool(self) -> IO[bytes]:
        return self.enter_context(disk.unnamed_file(self._folder))

    def _note(self, utterance: str, emotion: Emotion) -> None:
        if emotion.withheld:
            self._withheld += 1
        elif emotion.reason is not None:
            self._failures[utterance] = emotion.reason
        if emotion.label is None:
            # A model without a head gives embeddings, but no label and no reason.
            reason = _BLANKS.sub(" ", emotion.reason or "the model has no classes")
            self._reasons[utterance] = reason.encode("utf-8", "backslashreplace").decode()
        elif _BLANKS.search(emotion.label) or not emotion.label:
            raise FormatError(f"expected one word as label in {LABELS}, got {emotion.label!r}")
        else:
            self._labels[utterance] = (emotion.label, emotion.score or 0.0)
        if self._has_arrays and emotion.embedding is not None:
            data = emotion.embedding.astype("<f4").tobytes()
            self._places[utterance] = (self._arrays.tell(), len(data))
            self._arrays.write(data)

    def _write_arrays(self, files: Together) -> None:
        archive = self._folder.resolve() / ARCHIVE
        offsets: dict[str, str] = {}
        file = files.open(self._folder / ARCHIVE)
        for utterance in sorted(self._places, key=by_bytes):
            file.write(utterance.encode() + b" ")
            offsets[utterance] = f"{archive}:{file.tell()}"
            place, length = self._places[utterance]
            self._arrays.seek(place)
            file.write(_FLOAT_VECTOR + struct.pack("<i", length // 4))
            file.write(self._arrays.read(length))
        _write_table(files, self._folder / INDEX, offsets)


def _write_table(files: Together, path: Path, values: Mapping[str, Any]) -> None:
    lines = (f"{key} {values[key]}\n" for key in sorted(values, key=by_bytes))
    files.open(path).write(as_utf8("".join(lines), path))
