"""Writing of utterances as a Lhotse manifest."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from lhotse import Recording, SupervisionSegment
from lhotse.cut import Cut

from emo2vec_plugins import EMOTIONS, LabelMap
from emo2vec_plugins.core import counted, did_you_mean, shortened, shown
from emo2vec_plugins.errors import AudioError, FormatError, LabelError, OptionsError
from emo2vec_plugins.files import replacing
from emo2vec_plugins.integrations.lhotse import ENDINGS, recording_of
from recipes.corpus import Corpus, Utterance
from recipes.layout import is_file

UNNAMED = "unknown"
"""Stands for all speakers of a corpus whom the publisher does not name."""

_PACKED = ".gz"

_POINTER = b"version https://git-lfs"
_MOST_POINTER = 1024
_NO_AUDIO = "a pointer of Git LFS without audio; run 'git lfs pull'"
_NO_FILE = "not a file, but a folder, a pipe, a device or a link to nothing"


class UnusableError(Exception):
    """Why an utterance is left out; the same text for all utterances of a kind."""


@dataclass(slots=True)
class Summary:
    """What a manifest has, and what it has not.

    Attributes:
        labels: Number of cuts by label.
        speakers: The speakers.
        seconds: Length of all cuts.
        left_out: Number of utterances left out, by reason.
        examples: Id of the first utterance left out for each reason.
    """

    labels: Counter[str] = field(default_factory=Counter)
    speakers: set[str] = field(default_factory=set)
    seconds: float = 0.0
    left_out: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, cut: Cut) -> None:
        """Count a cut."""
        (turn,) = cut.supervisions
        self.labels[turn.custom["emotion"]] += 1
        self.speakers.add(turn.speaker)
        self.seconds += turn.duration

    def leave_out(self, utterance: Utterance, reason: str) -> None:
        """Count an utterance that is left out."""
        self.left_out[reason] += 1
        self.examples.setdefault(reason, shortened(utterance.id, most=100))

    def lines(self) -> Iterator[str]:
        """Yield lines of text about everything counted."""
        speakers = counted(len(self.speakers), "speaker")
        yield f"{counted(self.labels.total(), 'cut')}, {speakers}, {self.seconds / 3600:.2f} hours"
        yield ", ".join(f"{label} {count:,}" for label, count in sorted(self.labels.items()))
        for reason, count in self.left_out.most_common():
            yield f"left out {count:,}, such as {self.examples[reason]}: {reason}"


def write_manifest(
    corpus: Corpus,
    folder: Path,
    out: Path,
    *,
    label_map: LabelMap,
    split: str | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Summary:
    """Write a manifest with a cut for each utterance of a corpus that has a label and audio.

    Args:
        corpus: The corpus.
        folder: The folder with the publisher's files.
        out: The manifest, a ``.jsonl`` or ``.jsonl.gz``.
        label_map: Our label for each of the publisher's emotions, or None to leave it out.
        split: Use only this part of a corpus that its publisher divides.
        progress: Called after each utterance.

    Raises:
        FormatError: If the folder has another layout, an id occurs twice, or no utterance is left.
        LabelError: If an emotion is neither in the label map nor one of ours.
        OptionsError: If the manifest has another suffix.
        OverwriteError: If another program wrote a file of this name.
        OSError: If a file cannot be read or written.
    """
    if not out.name.endswith(ENDINGS):
        raise OptionsError(f"{out}: expected a manifest that ends in {' or '.join(ENDINGS)}")
    summary = Summary()
    with ExitStack() as stack:
        stream = stack.enter_context(replacing(out))
        if out.suffix == _PACKED:
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0)
            stream = stack.enter_context(packed)
        for utterance in _unique(corpus.utterances(folder)):
            if cut := _counted(summary, corpus, folder, utterance, label_map, split):
                stream.write(json.dumps(cut.to_dict(), ensure_ascii=False).encode() + b"\n")
            progress()
        if not summary.labels:
            reasons = "; ".join(f"{n:,} {reason}" for reason, n in summary.left_out.most_common())
            raise FormatError(f"{folder}: no utterance can be used: {reasons or 'there are none'}")
    return summary


def _unique(utterances: Iterator[Utterance]) -> Iterator[Utterance]:
    """Yield utterances, and refuse the second of an id."""
    seen: dict[str, Path] = {}
    for utterance in utterances:
        if utterance.id in seen:
            files = f"{seen[utterance.id]} and {utterance.path}"
            raise FormatError(f"the id {shown(utterance.id)} occurs twice: {files}; remove one")
        seen[utterance.id] = utterance.path
        yield utterance


def _counted(
    summary: Summary,
    corpus: Corpus,
    folder: Path,
    utterance: Utterance,
    label_map: LabelMap,
    split: str | None,
) -> Cut | None:
    """Return the cut of an utterance, or None if it must be left out; count either."""
    try:
        cut = _cut(corpus, folder, utterance, label_map, split)
    except UnusableError as why:
        summary.leave_out(utterance, str(why))
        return None
    summary.add(cut)
    return cut


def _cut(
    corpus: Corpus, folder: Path, utterance: Utterance, label_map: LabelMap, split: str | None
) -> Cut:
    """Return the cut of an utterance.

    Raises:
        UnusableError: If it must be left out.
    """
    label = _usable_label(utterance, label_map, split)
    name = f"{corpus.name}_{utterance.id}"
    recording = _recording(utterance.path, name, folder)
    custom = {
        "emotion": label,
        "published_emotion": None if utterance.presumed else utterance.emotion,
        "presumed": utterance.presumed or None,
        "votes": _votes(utterance, label_map),
        "corpus": corpus.name,
        "split": utterance.split,
    }
    turn = SupervisionSegment(
        id=name,
        recording_id=name,
        start=0.0,
        duration=recording.duration,
        channel=recording.channel_ids if recording.num_channels > 1 else 0,
        text=utterance.text,
        language=utterance.language,
        speaker=f"{corpus.name}_{utterance.speaker or UNNAMED}",
        gender=utterance.sex,
        custom={key: value for key, value in custom.items() if value is not None},
    )
    return replace(recording.to_cut(), id=name, supervisions=[turn])


def _usable_label(utterance: Utterance, label_map: LabelMap, split: str | None) -> str:
    if utterance.unusable:
        raise UnusableError(utterance.unusable)
    if split is not None and utterance.split != split:
        raise UnusableError(f"not of the split {split}")
    label = _label(utterance.emotion, utterance, label_map)
    if label is None:
        raise UnusableError(f"the label map leaves out {utterance.emotion}")
    return label


def _recording(path: Path, name: str, folder: Path) -> Recording:
    # Links may lead anywhere, as users make them, but a table must not name files elsewhere.
    inside = os.path.normpath(folder.absolute())
    if not Path(os.path.normpath(path.absolute())).is_relative_to(inside):
        raise UnusableError("listed, but outside of the folder")
    if not is_file(path):
        is_other = os.path.lexists(path)
        raise UnusableError(_NO_FILE if is_other else "listed, but there is no such file")
    if not _is_text(str(path)):
        raise UnusableError("the name of the file is not UTF-8; rename it")
    try:
        recording = recording_of(path, name=name)
    except AudioError as error:
        is_pointer = path.stat().st_size < _MOST_POINTER and path.read_bytes().startswith(_POINTER)
        raise UnusableError(_NO_AUDIO if is_pointer else "the audio cannot be read") from error
    if not recording.num_samples:
        raise UnusableError("the audio has no samples")
    return recording


def _is_text(name: str) -> bool:
    """Return whether a name can be written as UTF-8; Python has half characters for other bytes."""
    return not any("\ud800" <= each <= "\udfff" for each in name)


def _votes(utterance: Utterance, label_map: LabelMap) -> Mapping[str, int] | None:
    """Return the votes by label; votes for emotions that the map leaves out are for ``other``."""
    votes: Counter[str] = Counter()
    for emotion, count in utterance.votes.items():
        votes[_label(emotion, utterance, label_map) or "other"] += count
    return dict(sorted(votes.items())) or None


def _label(emotion: str, utterance: Utterance, label_map: LabelMap) -> str | None:
    label = label_map(emotion)
    if label is not None and label not in EMOTIONS:
        known = [*label_map.names, *EMOTIONS]
        where = f"{shown(emotion)} of {shown(utterance.id)}{did_you_mean(emotion, known)}"
        raise LabelError(
            f"{where} is not in the label map {label_map.file}, and is none of "
            f"{', '.join(EMOTIONS)}; add it, or map it to null to leave it out"
        )
    return label
