"""Results for a Kaldi data folder: files for Kaldi's tools, and one file with all details.

Kaldi's files have a line for each utterance with a label, in the order of the C locale. Unlabelled
utterances are listed in another file with the reason: tools would read a placeholder as a class.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from emo2vec_plugins.core import Dialogue, Emotion, Options
from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.files import Part, replacing, write_text
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
        failed: Number of utterances without a label.
        failures: Reason by utterance, in the order of reading. It is empty if only the model is
            the cause, because it has no classes.
    """

    folder: Path
    labels: Path
    scores: Path
    unscored: Path
    emotions_jsonl: Path
    embeddings: Path | None
    scored: int
    failed: int
    failures: Mapping[str, str] = field(repr=False)


class KaldiWriter(ExitStack):
    """Collects results and writes the files at the end, because Kaldi's files are sorted.

    Until then, lines and arrays are in temporary files; memory holds a few words per utterance.

    Raises:
        OptionsError: If ``utt2emotion`` exists and *options* do not overwrite it, or they request
            arrays that a Kaldi archive cannot store.
        OSError: If the folder cannot be written.
    """

    def __init__(self, folder: Path, *, options: Options) -> None:
        if options.frames or options.array_dtype != "float32":
            raise OptionsError(
                "a Kaldi archive can store only embeddings in float32; omit frames=True and "
                "array_dtype"
            )
        if (folder / LABELS).exists() and not options.overwrite:
            raise OptionsError(
                f"{folder / LABELS} already exists; use --overwrite (overwrite=True) or another folder"
            )
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._has_arrays = options.embeddings
        self._labels: dict[str, tuple[str, float]] = {}
        self._reasons: dict[str, str] = {}
        self._failures: dict[str, str] = {}
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

        ``utt2emotion`` is renamed last: if it exists, all files are complete.

        Raises:
            OSError: If the files cannot be written. Earlier files are unchanged.
        """
        folder = self._folder
        staged = Part(folder / "emotions")
        try:
            staged.path.mkdir()
            self._write(staged.path)
            for name in NAMES:
                if (staged.path / name).exists():
                    (staged.path / name).replace(folder / name)
                else:  # a file of an earlier run does not belong to these results
                    (folder / name).unlink(missing_ok=True)
        finally:
            staged.discard()
        return KaldiResults(
            folder=folder,
            labels=folder / LABELS,
            scores=folder / SCORES,
            unscored=folder / UNSCORED,
            emotions_jsonl=folder / EVERYTHING,
            embeddings=folder / INDEX if self._has_arrays else None,
            scored=len(self._labels),
            failed=len(self._reasons),
            failures=self._failures,
        )

    def _write(self, folder: Path) -> None:
        if self._has_arrays:
            self._write_arrays(folder)
        self._lines.seek(0)
        with replacing(folder / EVERYTHING) as stream:
            shutil.copyfileobj(self._lines, stream)
        labels = {name: label for name, (label, _) in self._labels.items()}
        scores = {name: f"{score:.6f}" for name, (_, score) in self._labels.items()}
        for name, table in ((UNSCORED, self._reasons), (SCORES, scores), (LABELS, labels)):
            write_text(folder / name, _table(table))

    def _spool(self) -> IO[bytes]:
        return self.enter_context(tempfile.TemporaryFile(dir=self._folder))

    def _note(self, utterance: str, emotion: Emotion) -> None:
        if emotion.reason is not None:
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

    def _write_arrays(self, folder: Path) -> None:
        archive = self._folder.resolve() / ARCHIVE  # the final path
        offsets: dict[str, str] = {}
        with replacing(folder / ARCHIVE) as file:
            for utterance in sorted(self._places, key=by_bytes):
                file.write(utterance.encode() + b" ")
                offsets[utterance] = f"{archive}:{file.tell()}"
                place, length = self._places[utterance]
                self._arrays.seek(place)
                file.write(_FLOAT_VECTOR + struct.pack("<i", length // 4))
                file.write(self._arrays.read(length))
        write_text(folder / INDEX, _table(offsets))


def _table(values: Mapping[str, Any]) -> str:
    return "".join(f"{key} {values[key]}\n" for key in sorted(values, key=by_bytes))
