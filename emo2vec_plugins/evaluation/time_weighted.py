"""Errors by seconds of speech: pyannote.metrics' identification error rate, with emotions as names.

Never a diarization error rate: that one first finds the best translation of predicted names into
true ones, so that calling all angry turns happy and all happy ones angry would be no error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.identification import IdentificationErrorRate

from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.values import TimeWeighted


def time_weighted(predictions: Sequence[Prediction]) -> TimeWeighted | None:
    """Return errors by seconds, over all recordings; None if no turn lasts.

    A turn without a known recording is one by itself. Where two turns overlap, each is
    judged by its own label alone.
    """
    recordings: dict[tuple[bool, str], list[Prediction]] = defaultdict(list)
    for each in predictions:
        if Segment(each.start, each.start + each.duration):  # pyannote drops those of no length
            known = each.recording is not None  # an id may equal the name of a recording
            recordings[known, each.recording or each.id].append(each)
    metric = IdentificationErrorRate()
    for turns in recordings.values():
        truth, answer = _annotations(turns)
        metric(truth, answer, uem=Timeline([truth.get_timeline().extent()]))
    if not recordings:
        return None
    sums = metric[:]
    return TimeWeighted(
        error=float(abs(metric)),
        total=float(sums["total"]),
        correct=float(sums["correct"]),
        confusion=float(sums["confusion"]),
        missed=float(sums["missed detection"]),
        recordings=len(recordings),
    )


def _annotations(turns: Sequence[Prediction]) -> tuple[Annotation, Annotation]:
    truth, answer = Annotation(), Annotation()
    for number, each in enumerate(turns):
        segment = Segment(each.start, each.start + each.duration)
        # With its number a name is the turn's own: of two that overlap, one cannot be right for
        # the other.
        truth[segment, number] = (number, each.truth)
        if each.label is not None:
            answer[segment, number] = (number, each.label)
    return truth, answer
