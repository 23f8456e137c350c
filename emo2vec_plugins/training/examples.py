"""Labelled turns of cuts as training examples, with the same audio as in scoring."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE, mono
from emo2vec_plugins.core import EMOTIONS, Clip, FloatArray, Options, Permissions, counted
from emo2vec_plugins.engine import RECEPTIVE
from emo2vec_plugins.errors import AudioError, OptionsError, TrainingError, warn
from emo2vec_plugins.evaluation import as_name, few, value_of
from emo2vec_plugins.formats import LabelMap
from emo2vec_plugins.integrations.lhotse import CutSession, labelled_turns, tracks

if TYPE_CHECKING:
    from lhotse.cut import Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One labelled turn; its audio is read on request.

    Attributes:
        id: Id of the supervision; repeated ids get a number.
        label: Canonical name of the label.
        speaker: None if the manifest does not name one.
        recording: Id of the recording.
        duration: Length in seconds.
        cut: The cut with the turn.
        index: Index of the turn among the cut's supervisions.
        is_pseudo: Whether the label comes from a model. Such turns are used for training only.
        is_extra: Whether the turn is for training only for another reason: a user says so.
        permissions: What reading the audio may do.
    """

    id: str
    label: str
    speaker: str | None
    recording: str
    duration: float
    cut: Cut
    index: int
    is_pseudo: bool = False
    is_extra: bool = False
    permissions: Permissions = field(default=Permissions(), compare=False, repr=False)

    @property
    def supervision(self) -> Any:
        """The supervision of the turn; its start is relative to the cut."""
        return self.cut.supervisions[self.index]

    @property
    def can_be_held_out(self) -> bool:
        """Whether a model may be evaluated on the turn."""
        return not (self.is_pseudo or self.is_extra)

    def value(self, name: str) -> str | None:
        """Return a field of the turn, see `value_of`: speaker, recording, corpus, language...

        A language is without its region.

        Raises:
            OptionsError: If the value is not text, a number or a truth value.
        """
        own = {"speaker": self.speaker, "recording": self.recording}
        found = own[name] if name in own else value_of(self.supervision, name)
        if found and name == "language":  # regions share it: en for en-US and en_GB
            found = re.split("[-_]", found)[0].lower() or None
        return found

    def known(self, name: str) -> str | None:
        """Return `value`, or None if it is nothing to group by, such as a list."""
        try:
            return self.value(name)
        except OptionsError:
            return None

    def clip(self) -> Clip:
        """Return the turn as a clip for the engine."""
        cut, index = self.cut, self.index
        if type(cut).__name__ != "MixedCut":
            # Other turns are only needed to detect overlap, which is not used here.
            cut, index = replace(cut, supervisions=[cut.supervisions[index]]), 0
        options = Options(overwrite=True, **asdict(self.permissions))
        clips = CutSession(cut, options).clips()
        return next(clip for number, clip in enumerate(clips) if number == index)

    def read(self) -> FloatArray:
        """Return the same samples that the engine passes to its model, before normalisation.

        Returns:
            Float32 at 16 kHz, shape (samples,), with at least `RECEPTIVE` samples.

        Raises:
            AudioError: If the audio cannot be read, or is shorter.
        """
        return np.concatenate([*self.blocks()])

    def blocks(self) -> Iterator[FloatArray]:
        """Yield the samples of `read` in blocks of at most a minute.

        Raises:
            AudioError: If the audio cannot be read, or, at the end, if it is too short.
        """
        clip = self.clip()
        count = 0
        try:
            for block in mono(clip.turn, clip.audio):
                yield block
                count += len(block)
        except AudioError as error:
            raise AudioError(f"turn {self.id!r}: {error}") from error
        if count < RECEPTIVE:
            raise AudioError(
                f"turn {self.id!r}: {count} samples at 16 kHz, one frame needs {RECEPTIVE}"
            )


def read_examples(
    cuts: Iterable[Cut],
    *,
    field: str = "emotion",
    label_map: LabelMap | None = None,
    labels: Collection[str] = EMOTIONS,
    skip_unlabelled: bool = False,
    permissions: Permissions | None = None,
) -> list[Example]:
    """Return an example for every labelled turn, in order, without reading audio.

    Turns shorter than one frame, 25 ms, are left out with a warning.

    Args:
        cuts: Cuts with supervisions.
        field: The custom field with the label.
        label_map: Maps the label names of the corpus to classes.
        labels: The allowed classes.
        skip_unlabelled: Skip supervisions without a label instead of raising an error.
        permissions: What reading the audio may do; by default, read local files.

    Raises:
        LabelError: If labels are missing or unknown, or there are none.
        TrainingError: If all turns are too short.
    """
    # Each turn is passed on with its index. A mixed cut creates new supervisions on each access,
    # so a turn cannot be found by identity, and ids may repeat.
    places = (
        _Place(cut, index, (supervision,))
        for cut in cuts
        for index, supervision in enumerate(cut.supervisions)
    )
    turns = labelled_turns(
        places, field=field, label_map=label_map, labels=labels, skip_unlabelled=skip_unlabelled
    )
    examples: list[Example] = []
    short: list[Example] = []
    for turn in turns:
        place: Any = turn.cut
        own = turn.supervision
        example = Example(
            id=str(own.id),
            label=turn.label,
            speaker=as_name(own.speaker),
            recording=str(own.recording_id),
            duration=own.duration,
            cut=place.cut,
            index=place.index,
            is_pseudo=turn.is_pseudo,
            permissions=permissions or Permissions(),
        )
        (short if own.duration * MODEL_RATE < RECEPTIVE else examples).append(example)
    if short:
        ids = few([example.id for example in short])
        warn(f"left out {counted(len(short), 'turn')} shorter than 25 ms: {ids}")
    if not examples:
        raise TrainingError("all turns are shorter than one frame, 25 ms")
    return numbered(examples)


def numbered(examples: Iterable[Example]) -> list[Example]:
    """Return the examples, of any number of manifests, with a number after repeated ids."""
    found: dict[str, Example] = {}
    counts: Counter[str] = Counter()
    for each in examples:
        name = each.id
        while name in found:
            counts[each.id] += 1
            name = f"{each.id}#{counts[each.id] + 1}"
        found[name] = replace(each, id=name)
    return [*found.values()]


def labels_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """Return the labels of the examples, sorted.

    Raises:
        TrainingError: If there is only one label, or a label has only one turn, which is too few
            to learn from or to hold out.
    """
    counts = Counter(example.label for example in examples)
    if len(counts) == 1:
        (only,) = counts
        raise TrainingError(f"expected at least two classes, but all turns are {only}")
    if single := ", ".join(sorted(label for label, count in counts.items() if count == 1)):
        advice = "add more, or map the class to null to leave it out"
        raise TrainingError(f"expected at least two turns per class, got one of {single}; {advice}")
    return tuple(sorted(counts))


def digest(examples: Iterable[Example]) -> str:
    """Return a SHA-256 of the examples: their labels, speakers and positions in the audio.

    Audio is identified by its path in the manifest, as there may be too many files to open.
    """
    seen = hashlib.sha256()
    for each in examples:
        turn = each.supervision
        what = [each.id, each.label, each.speaker, each.recording, each.duration, each.is_pseudo]
        what += ["extra"] * each.is_extra
        place = [each.cut.start, turn.start, turn.channel, audio_of(each.cut)]
        seen.update(json.dumps([*what, *place], ensure_ascii=False).encode() + b"\n")
    return seen.hexdigest()


def audio_of(cut: Any) -> list[Any]:
    """Return the audio sources of a cut, track by track, as JSON values."""
    return [
        [
            [offset, holder.start, holder.duration, holder.channel],
            [holder.recording.id, holder.recording.sampling_rate],
            [[each.type, each.channels, _source(each.source)] for each in holder.recording.sources],
        ]
        for _, offset, holder in tracks(cut)
        if holder.has_recording
    ]


def _source(source: Any) -> str:
    """Return the path of audio, or a digest of audio in memory."""
    return hashlib.sha256(source).hexdigest() if isinstance(source, bytes) else str(source)


@dataclass(frozen=True, slots=True)
class _Place:
    """One supervision of a cut, with the attributes of a cut that has no other."""

    cut: Any
    index: int
    supervisions: tuple[Any, ...]
