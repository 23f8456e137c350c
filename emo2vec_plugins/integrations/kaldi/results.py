"""The emotions in a Kaldi data folder, as files that Kaldi's tools read, and one with everything.

Kaldi's files have a line for each utterance that has a label, sorted as the C locale sorts: a word that
stands for no label would be one more class to every tool. The others are listed with the reason.
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
"""In the order in which they appear."""

_FLOAT_VECTOR = b"\0BFV \4"
"""What begins a vector of 32-bit floats in a binary archive; its length follows."""

_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRecording:
    """A recording with its emotions.

    Attributes:
        dialogue: Its turns.
        utterances: The name of each.
    """

    dialogue: Dialogue
    utterances: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KaldiResults:
    """What was written.

    Attributes:
        folder: Where it is.
        labels: ``utt2emotion``, a label for each utterance that has one.
        scores: ``utt2emotion_score``, the label's probability.
        unscored: ``utt2emotion_unscored``, why each of the others has none.
        emotions_jsonl: ``utterances.emotions.jsonl``, everything but arrays, by recording.
        embeddings: ``emotion.scp``, beside which lies ``emotion.ark``; None unless asked for.
        scored: How many utterances have a label.
        failed: How many have none.
        failures: Why an utterance could not be scored, by its name, in the order of reading; a
            model that gives no labels fails none.
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
    """Keeps what goes into Kaldi's files until everything is there, which is what sorting needs.

    Lines and arrays lie in files without a name meanwhile; memory has a few words an utterance.

    Raises:
        OptionsError: If there is a ``utt2emotion`` already and *options* do not say to overwrite it,
            or ask for what archives cannot hold.
        OSError: If the folder cannot be written to.
    """

    def __init__(self, folder: Path, *, options: Options) -> None:
        if options.frames or options.array_dtype != "float32":
            raise OptionsError("Kaldi's archives get an embedding an utterance, in float32")
        if (folder / LABELS).exists() and not options.overwrite:
            raise OptionsError(
                f"{folder / LABELS} is there already: overwrite it or write elsewhere"
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
        """Keep one recording.

        Raises:
            FormatError: If a label has spaces, which Kaldi's files cannot hold.
            OSError: If it cannot be kept.
        """
        if not scored.utterances:
            return
        turns = zip(scored.utterances, scored.dialogue.turns, rows(scored.dialogue), strict=True)
        for utterance, turn, row in turns:
            line = json.dumps(row | {"utterance": utterance}, allow_nan=False, default=float)
            self._lines.write(line.encode("ascii") + b"\n")
            self._note(utterance, turn.emotion)

    def finish(self) -> KaldiResults:
        """Write all files, then give them their names, ``utt2emotion`` last: it says all are there.

        Raises:
            OSError: If they cannot be written; what was there before is there still.
        """
        folder = self._folder
        staged = Part(folder / "emotions")
        try:
            staged.path.mkdir()
            self._write(staged.path)
            for name in NAMES:
                if (staged.path / name).exists():
                    (staged.path / name).replace(folder / name)
                else:  # an earlier run's would be taken for this one's
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
            # A model without a head gives embeddings, no label and no reason.
            reason = _BLANKS.sub(" ", emotion.reason or "the model gives no labels")
            self._reasons[utterance] = reason.encode("utf-8", "backslashreplace").decode()
        elif _BLANKS.search(emotion.label) or not emotion.label:
            raise FormatError(f"a label of {LABELS} is one word, got {emotion.label!r}")
        else:
            self._labels[utterance] = (emotion.label, emotion.score or 0.0)
        if self._has_arrays and emotion.embedding is not None:
            data = emotion.embedding.astype("<f4").tobytes()
            self._places[utterance] = (self._arrays.tell(), len(data))
            self._arrays.write(data)

    def _write_arrays(self, folder: Path) -> None:
        archive = self._folder.resolve() / ARCHIVE  # where it will be
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
