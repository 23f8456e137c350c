"""Corrected turns as Lhotse cuts with labels, which `emo2vec train` and other recipes take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import ScoredTurn, import_extra
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.review.comparison import Change, Reviewed

if TYPE_CHECKING:
    from lhotse.cut import Cut

SOURCE = "review"
"""What ``FIELD_source`` says beside a label that people gave or confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedCut:
    """One recording as a cut.

    Attributes:
        cut: The whole recording, with a supervision for each turn that has a label.
        left_out: Why each of the other turns is not there.
    """

    cut: Cut
    left_out: tuple[str, ...]


def corrected_cut(reviewed: Reviewed, *, field: str = "emotion") -> CorrectedCut:
    """Return a recording's turns as people left them, as one cut.

    Supervisions have the label in the custom field *field*, ``review`` in ``FIELD_source``, and
    in ``FIELD_before`` the model's label, or None. They are cut to the recording,
    as audio is read anyway.

    Args:
        reviewed: Its name becomes the cut's id. Turns that were removed are not there.
        field: The supervisions' custom field that gets the label.

    Raises:
        AudioError: If the recording has no audio, or it cannot be read.
        MissingExtraError: If Lhotse is not installed.
    """
    name = reviewed.original.recording
    audio = reviewed.original.audio or reviewed.corrected.audio
    if audio is None:
        raise AudioError("there is no sound to cut: say --audio FILE, or --audio NAME=FILE")
    lhotse = import_extra("lhotse", extra="lhotse", purpose="writing cuts")
    try:
        whole = lhotse.Recording.from_file(audio, recording_id=name)
    except Exception as error:
        raise AudioError(f"{audio}: not readable as audio: {error}") from error
    cut = whole.to_cut()
    supervisions, left_out = [], []
    for index, change in enumerate(reviewed.changes):
        after = change.pair.after
        if after is None:
            continue  # removed by people
        problem = _problem(after, whole)
        if problem is None:
            supervisions.append(_supervision(index, change, after, whole, field))
        else:
            left_out.append(f"{name} {after.turn.start:.3f}-{after.turn.end:.3f}: {problem}")
    cut.id, cut.supervisions = name, supervisions  # the id would be random
    return CorrectedCut(cut=cut, left_out=tuple(left_out))


def _problem(scored: ScoredTurn, recording: Any) -> str | None:
    turn = scored.turn
    if scored.emotion.label is None:
        return "it has no label"
    if min(turn.end, recording.duration) <= max(turn.start, 0.0):
        return f"none of it lies within the recording, which is {recording.duration:.3f} s long"
    channels = {turn.channel} if isinstance(turn.channel, int) else set(turn.channel or ())
    if not channels <= set(recording.channel_ids):
        return f"it is on channel {turn.channel}, the audio has {recording.channel_ids}"
    return None


def _supervision(index: int, change: Change, scored: ScoredTurn, recording: Any, field: str) -> Any:
    from lhotse import SupervisionSegment

    turn, before = scored.turn, change.pair.before
    start = max(turn.start, 0.0)
    every = recording.channel_ids if len(recording.channel_ids) > 1 else recording.channel_ids[0]
    channel = list(turn.channel) if isinstance(turn.channel, tuple) else turn.channel
    return SupervisionSegment(
        id=f"{change.recording}-{index:05}",
        recording_id=change.recording,
        start=start,
        duration=min(turn.end, recording.duration) - start,
        channel=every if channel is None else channel,
        speaker=turn.speaker,
        # Before as well: which labels were corrected is worth more than which were confirmed.
        custom={
            field: scored.emotion.label,
            f"{field}_source": SOURCE,
            f"{field}_before": None if before is None else before.emotion.label,
        },
    )
