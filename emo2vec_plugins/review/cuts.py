"""Corrected turns as labelled Lhotse cuts, for `emo2vec train` and other recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Permissions, ScoredTurn, check_field, import_extra
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.integrations import REVIEW
from emo2vec_plugins.review.comparison import Change, Reviewed

if TYPE_CHECKING:
    from lhotse.cut import Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedCut:
    """One recording as a cut.

    Attributes:
        cut: The whole recording, with a supervision for each label that people gave or confirmed.
        left_out: One line for each other reviewed turn, with its place and the reason.
    """

    cut: Cut
    left_out: tuple[str, ...]


def corrected_cut(
    reviewed: Reviewed, *, field: str = "emotion", permissions: Permissions | None = None
) -> CorrectedCut:
    """Return a recording with its reviewed turns as one cut.

    Supervisions have the label in the custom field *field*, ``review`` in ``FIELD_source``, and
    the model's label or None in ``FIELD_before``. Times are limited to the recording.

    Args:
        reviewed: The recording; its name becomes the cut's id. Turns that people removed or did
            not review are left out.
        field: Custom field of the supervisions for the label.
        permissions: Which audio may be read; by default, any file.

    Raises:
        AudioError: If the recording has no audio, or the audio cannot be read.
        OptionsError: If Lhotse or another field uses the name *field*.
        MissingExtraError: If Lhotse is not installed.
    """
    check_field(field)
    name = reviewed.original.recording
    audio = reviewed.original.audio or reviewed.corrected.audio
    if audio is None:
        raise AudioError("no audio file known: pass --audio FILE or --audio NAME=FILE")
    import_extra("lhotse", extra="lhotse", purpose="writing cuts")
    from emo2vec_plugins.integrations.lhotse import recording_of

    whole = recording_of(audio, name=name, permissions=permissions)
    cut = whole.to_cut()
    supervisions, left_out = [], []
    for index, change in enumerate(reviewed.changes):
        after = change.pair.after
        if after is None or not change.reviewed:
            continue  # removed by people, or a label of the model
        problem = _problem(after, whole)
        if problem is None:
            supervisions.append(_supervision(index, change, after, whole, field))
        else:
            left_out.append(f"{name} {after.turn.start:.3f}-{after.turn.end:.3f}: {problem}")
    cut.id, cut.supervisions = name, supervisions  # the default id is random
    return CorrectedCut(cut=cut, left_out=tuple(left_out))


def _problem(scored: ScoredTurn, recording: Any) -> str | None:
    turn = scored.turn
    if scored.emotion.label is None:
        return "no label"
    if min(turn.end, recording.duration) <= max(turn.start, 0.0):
        return f"outside the recording, which lasts {recording.duration:.3f} s"
    channels = {turn.channel} if isinstance(turn.channel, int) else set(turn.channel or ())
    if not channels <= set(recording.channel_ids):
        return f"expected channels among {recording.channel_ids}, got {turn.channel}"
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
        # The old label shows which labels were corrected and which only confirmed.
        custom={
            field: scored.emotion.label,
            f"{field}_source": REVIEW,
            f"{field}_before": None if before is None else before.emotion.label,
        },
    )
