"""The turns of labelled cuts as examples to train on, read exactly as they are scored."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE, mono
from emo2vec_plugins.core import EMOTIONS, Clip, FloatArray, LabelMap, Options
from emo2vec_plugins.engine import RECEPTIVE
from emo2vec_plugins.errors import AudioError, TrainingError, warn
from emo2vec_plugins.evaluation import few
from emo2vec_plugins.integrations.lhotse import CutSession, labelled_turns, tracks

if TYPE_CHECKING:
    from lhotse.cut import Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One labelled turn; its audio is read on request.

    Attributes:
        id: Of the supervision; if several have it, with a number.
        label: By our name.
        speaker: None if the manifest does not say.
        recording: The recording's id.
        duration: Seconds.
        cut: Holds the turn.
        index: Of the turn among the cut's supervisions.
        is_pseudo: A model gave the label: it may be trained on, but not evaluated with.
    """

    id: str
    label: str
    speaker: str | None
    recording: str
    duration: float
    cut: Cut
    index: int
    is_pseudo: bool = False

    def clip(self) -> Clip:
        """Return the turn as the engine scores it."""
        cut, index = self.cut, self.index
        if type(cut).__name__ != "MixedCut":
            # The others are looked at for overlap alone, which does not matter here.
            cut, index = replace(cut, supervisions=[cut.supervisions[index]]), 0
        clips = CutSession(cut, Options(overwrite=True)).clips()
        return next(clip for number, clip in enumerate(clips) if number == index)

    def read(self) -> FloatArray:
        """Return the samples that the engine gives its model, before it normalises them.

        Returns:
            Float32 at 16 kHz, shape (samples,), `RECEPTIVE` of them at least.

        Raises:
            AudioError: If they cannot be read, or are fewer.
        """
        clip = self.clip()
        try:
            samples = np.concatenate([np.empty(0, np.float32), *mono(clip.turn, clip.audio)])
        except AudioError as error:
            raise AudioError(f"turn {self.id!r}: {error}") from error
        if len(samples) < RECEPTIVE:
            raise AudioError(
                f"turn {self.id!r}: {len(samples)} samples at 16 kHz, one frame needs {RECEPTIVE}"
            )
        return samples


def read_examples(
    cuts: Iterable[Cut],
    *,
    field: str = "emotion",
    label_map: LabelMap | None = None,
    labels: Collection[str] = EMOTIONS,
    skip_unlabelled: bool = False,
) -> list[Example]:
    """Return an example for every labelled turn, in order; no audio is read.

    Turns shorter than one frame, 25 ms, are left out with a warning.

    Raises:
        LabelError: If labels are missing or unknown, or there are none.
        TrainingError: If all turns are too short.
    """
    # A mixed cut makes its supervisions anew each time, so that a turn has no place in it by
    # identity; and ids may repeat. So each turn goes through the labels with its place.
    places = (
        _Place(cut, index, (supervision,))
        for cut in cuts
        for index, supervision in enumerate(cut.supervisions)
    )
    turns = labelled_turns(
        places, field=field, label_map=label_map, labels=labels, skip_unlabelled=skip_unlabelled
    )
    names: Counter[str] = Counter()
    examples: list[Example] = []
    short: list[Example] = []
    for turn in turns:
        place: Any = turn.cut
        said = turn.supervision
        names[said.id] += 1
        example = Example(
            id=said.id if names[said.id] == 1 else f"{said.id}#{names[said.id]}",
            label=turn.label,
            speaker=said.speaker,
            recording=said.recording_id,
            duration=said.duration,
            cut=place.cut,
            index=place.index,
            is_pseudo=turn.is_pseudo,
        )
        (short if said.duration * MODEL_RATE < RECEPTIVE else examples).append(example)
    if short:
        ids = few([example.id for example in short])
        warn(f"{len(short)} turns under 25 ms are left out: {ids}")
    if not examples:
        raise TrainingError("no turn is as long as one frame, 25 ms")
    return examples


def labels_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """Return the labels that occur, sorted.

    Raises:
        TrainingError: If there is one label, or one has one turn only: nothing can be learned
            from it, nor held out.
    """
    counts = Counter(example.label for example in examples)
    if len(counts) == 1:
        raise TrainingError(f"all turns are {next(iter(counts))}: two classes are needed at least")
    if single := ", ".join(sorted(label for label, count in counts.items() if count == 1)):
        advice = "two are needed at least, or map the class to null to leave it out"
        raise TrainingError(f"there is only one turn of {single}; {advice}")
    return tuple(sorted(counts))


def digest(examples: Iterable[Example]) -> str:
    """Return a SHA-256 of what examples are: where they lie, their labels and speakers.

    The manifest says where they lie; files are not opened, of which there may be very many.
    """
    seen = hashlib.sha256()
    for each in examples:
        turn = each.cut.supervisions[each.index]
        what = [each.id, each.label, each.speaker, each.recording, each.duration, each.is_pseudo]
        place = [each.cut.start, turn.start, turn.channel, _audio_of(each.cut)]
        seen.update(json.dumps([*what, *place], ensure_ascii=False).encode() + b"\n")
    return seen.hexdigest()


def _audio_of(cut: Any) -> list[Any]:
    """Return what a cut's audio is read from, track by track, as JSON values."""
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
    """Return the path of audio, or a digest of audio that lies in memory."""
    return hashlib.sha256(source).hexdigest() if isinstance(source, bytes) else str(source)


@dataclass(frozen=True, slots=True)
class _Place:
    """One supervision of a cut, in the shape of a cut with no other."""

    cut: Any
    index: int
    supervisions: tuple[Any, ...]
