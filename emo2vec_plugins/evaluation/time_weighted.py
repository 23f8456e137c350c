"""Errors in seconds: the identification error rate of pyannote.metrics, with emotions as names.

Do not use a diarization error rate instead: it first finds the best mapping of predicted to true
names, so swapping angry and happy throughout would count as no error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.identification import IdentificationErrorRate

from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.values import TimeWeighted


def time_weighted(predictions: Sequence[Prediction]) -> TimeWeighted | None:
    """Return errors in seconds over all recordings, or None if all turns have duration 0.

    A turn without a recording counts as a recording by itself. Overlapping turns are judged
    separately, each by its own label.
    """
    recordings: dict[tuple[bool, str], list[Prediction]] = defaultdict(list)
    for each in predictions:
        if Segment(each.start, each.start + each.duration):  # pyannote drops segments of duration 0
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
        # The number makes names unique to a turn, so overlapping turns cannot match each other.
        truth[segment, number] = (number, each.truth)
        if each.label is not None:
            answer[segment, number] = (number, each.label)
    return truth, answer
