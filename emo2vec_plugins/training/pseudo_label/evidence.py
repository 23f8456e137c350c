"""What the criteria ask for, collected while cuts are annotated, and read back from their fields.

Cuts are scored as `annotate_cuts` and `annotate_manifest` do it: a scorer of one or two models adds
to each emotion what they say, and a plugin of this module's own writes it beside the label.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

from emo2vec_plugins.core import Emotion, Options, Plugins, Scorer, hookimpl
from emo2vec_plugins.errors import ScorerError
from emo2vec_plugins.integrations import absent_fields, is_labelled, label_fields, model_label
from emo2vec_plugins.integrations.lhotse import CutSession, Place, identity_of, places, tracks
from emo2vec_plugins.training.pseudo_label.trust import Evidence, tempered, window_votes

CANDIDATE = "candidate"
"""In ``FIELD_source`` between the two steps: predicted by a model, not judged yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedEmotion(Emotion):
    """An emotion, and what the criteria ask beside it.

    Attributes:
        votes: How many windows were predicted as which class.
        second: The second model's label, of the classes that both have; None if there is none.
        second_model: Its name.
    """

    votes: Mapping[str, int] = field(default_factory=dict)
    second: str | None = None
    second_model: str | None = None


class EvidenceScorer:
    """One model or two on one stream of clips, and the windows of each clip.

    The second model gets what the first gives back: both keep the order, so nothing needs to be
    counted, and memory stays within what both look ahead.

    Args:
        score: The model that gives the labels: an `Engine` or any `Scorer`.
        second: The model that must agree.
        window: Seconds; needs a *score* that keeps frame logits.

    Attributes:
        has_second: Whether a second model is asked.
    """

    def __init__(self, score: Scorer, *, second: Scorer | None, window: float | None) -> None:
        self._score = score
        self._second = second
        self._window = window
        self.has_second = second is not None
        # Groups of a resumable run are made of batches: the smaller ones lose less when killed.
        self.batch_seconds = min(
            float(getattr(each, "batch_seconds", 30.0)) for each in (score, second or score)
        )

    @property
    def identity(self) -> dict[str, Any]:
        """All that the evidence depends on, as JSON values."""
        second = None if self._second is None else identity_of(self._second)
        return {"first": identity_of(self._score), "second": second, "window": self._window}

    def __call__(self, items: Iterable[Any]) -> Iterator[tuple[Any, CheckedEmotion | None]]:
        """Yield each item in order: a clip with its evidence, anything else with None."""
        first = ((item, self._checked(emotion)) for item, emotion in self._score(items))
        return first if self._second is None else _confirmed(first, self._second)

    def _checked(self, emotion: Emotion | None) -> CheckedEmotion | None:
        """Look at the windows, then drop the arrays: clips wait for the second model."""
        if emotion is None:
            return None
        votes: dict[str, int] = {}
        if self._window is not None and emotion.frame_logits is not None:
            votes = window_votes(emotion.frame_logits, [*emotion.scores], window=self._window)
        # Not replace(): that would give an Emotion again, without the fields that are added.
        values = {each.name: getattr(emotion, each.name) for each in fields(Emotion)}
        bare = {"embedding": None, "frame_embeddings": None, "frame_logits": None}
        return CheckedEmotion(**values | bare, votes=votes)


def _confirmed(
    results: Iterator[tuple[Any, CheckedEmotion | None]], second: Scorer
) -> Iterator[tuple[Any, CheckedEmotion | None]]:
    """Score what a first model has scored again, and yield both results in one."""
    waiting: deque[tuple[Any, CheckedEmotion | None]] = deque()

    def passed_on() -> Iterator[Any]:
        for result in results:
            waiting.append(result)
            yield result[0]

    for item, other in second(passed_on()):
        expected, checked = waiting.popleft() if waiting else (None, None)
        if item is not expected:
            raise ScorerError(f"the second scorer gave back {item!r} in place of {expected!r}")
        if checked is not None and other is not None:
            # Of the classes that both have: another one would be no answer to the same question.
            shared = [name for name in other.scores if name in checked.scores]
            checked = replace(
                checked,
                second=max(shared, key=other.scores.__getitem__, default=None),
                second_model=model_label(other.provenance),
            )
        yield item, checked


class EvidencePlugin:
    """Opens cuts so that what an `EvidenceScorer` says is written on their turns."""

    @hookimpl
    def emo2vec_open(self, source: Any, options: Options) -> CutSession:
        """Open a cut; this plugin gets nothing else."""
        return CutSession(source, options, describe=partial(_evidence_fields, options))


def evidence_plugins() -> Plugins:
    """Return what opens cuts in the first step; no other plugin is asked."""
    # Installed ones may open cuts their own way, and their sessions would drop the evidence.
    return Plugins([EvidencePlugin()], installed=False)


def _evidence_fields(
    options: Options, emotion: Emotion, custom: Mapping[str, Any]
) -> dict[str, Any]:
    prefix = options.field
    if emotion.label is None and is_labelled(custom, replace(options, overwrite=False)):
        # No prediction speaks against the label: it stays, also where labels are overwritten.
        return absent_fields(custom, options) | {f"{prefix}_reason": emotion.reason}
    if not isinstance(emotion, CheckedEmotion):
        raise ScorerError(f"expected what an EvidenceScorer gives, got {emotion!r}")
    notes = _notes(emotion)
    return label_fields(emotion, options) | {f"{prefix}_{k}": v for k, v in notes.items()}


def note_names(options: Options) -> set[str]:
    """Return the fields that pseudo-labelling adds to those of annotation."""
    return {f"{options.field}_{name}" for name in _notes(CheckedEmotion())}


def _notes(emotion: CheckedEmotion) -> dict[str, Any]:
    # All of them, None or not: evidence of an earlier run is replaced.
    return {
        "source": None if emotion.label is None else CANDIDATE,
        "rejected": None,
        "window_votes": dict(emotion.votes) or None,
        "second": emotion.second,
        "second_model": emotion.second_model,
    }


def evidence_in(
    custom: Mapping[str, Any], prefix: str, *, duration: float, temperature: float, has_second: bool
) -> Evidence | None:
    """Return the evidence on one turn, from its fields; None if it must not be judged.

    Args:
        custom: The turn's fields.
        prefix: Their prefix.
        duration: Seconds of the turn within its cut.
        temperature: Applied to the scores.
        has_second: Whether a second model was asked.
    """
    if custom.get(f"{prefix}_source") != CANDIDATE:
        return None
    return Evidence(
        label=custom[prefix],
        # Stored as the model gave them, so that another temperature needs no new scores.
        scores=tempered(custom[f"{prefix}_scores"], temperature),
        duration=duration,
        flags=tuple(custom[f"{prefix}_flags"]),
        votes=custom[f"{prefix}_window_votes"] or {},
        others=(custom[f"{prefix}_second"],) if has_second else (),
    )


def seconds_within(cut: Any) -> dict[Place, float]:
    """Return how much of each turn lies within the cut that holds it, in seconds."""
    holders = {track: holder for track, _, holder in tracks(cut)}
    # A truncated cut has turns that start before it or end after it.
    return {
        (track, index): cut.duration
        if index is None
        else max(0.0, min(own.end, holders[track].duration) - max(0.0, own.start))
        for (track, index), own in places(cut).items()
    }
