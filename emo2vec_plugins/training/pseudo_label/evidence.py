"""Evidence for the criteria: collected during annotation and stored in the fields of turns.

Scoring uses `annotate_cuts` or `annotate_manifest`. A scorer of one or two models adds the
evidence to each emotion, and a plugin defined here writes it next to the label.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

from emo2vec_plugins.core import Emotion, Options, Plugins, Scorer, hookimpl
from emo2vec_plugins.errors import ScorerError
from emo2vec_plugins.integrations import (
    absent_fields,
    identity_of,
    is_labelled,
    label_fields,
    model_label,
)
from emo2vec_plugins.integrations.lhotse import CutSession, Place, places, tracks
from emo2vec_plugins.training.pseudo_label.trust import Evidence, tempered, window_votes

CANDIDATE = "candidate"
"""Value of ``FIELD_source`` between the two steps: predicted by a model, not yet judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedEmotion(Emotion):
    """An emotion with the evidence that the criteria use.

    Attributes:
        votes: Number of windows predicted as each class.
        second: The second model's label, chosen from the shared classes; None without one.
        second_model: The second model's name.
    """

    votes: Mapping[str, int] = field(default_factory=dict)
    second: str | None = None
    second_model: str | None = None


class EvidenceScorer:
    """Scores one stream of clips with one or two models, and counts the votes of windows.

    The second model reads the output of the first. Both keep the order, so results are paired
    without an index, and memory is bounded by the look-ahead of the two models.

    Args:
        score: The model that gives the labels: an `Engine` or any `Scorer`.
        second: The model that must agree.
        window: Length in seconds. Requires a *score* that keeps frame logits.

    Attributes:
        has_second: Whether there is a second model.
    """

    def __init__(self, score: Scorer, *, second: Scorer | None, window: float | None) -> None:
        self._score = score
        self._second = second
        self._window = window
        self.has_second = second is not None
        # A resumable run saves groups of batches; smaller batches lose less work when killed.
        self.batch_seconds = min(
            float(getattr(each, "batch_seconds", 30.0)) for each in (score, second or score)
        )

    @property
    def identity(self) -> dict[str, Any]:
        """Everything the evidence depends on, as JSON values."""
        second = None if self._second is None else identity_of(self._second)
        return {"first": identity_of(self._score), "second": second, "window": self._window}

    def __call__(self, items: Iterable[Any]) -> Iterator[tuple[Any, CheckedEmotion | None]]:
        """Yield each item in order: a clip with its evidence, anything else with None."""
        first = ((item, self._checked(emotion)) for item, emotion in self._score(items))
        return first if self._second is None else _confirmed(first, self._second)

    def _checked(self, emotion: Emotion | None) -> CheckedEmotion | None:
        """Count the votes, then drop the arrays, as clips wait in memory for the second model."""
        if emotion is None:
            return None
        votes: dict[str, int] = {}
        if self._window is not None and emotion.frame_logits is not None:
            votes = window_votes(emotion.frame_logits, [*emotion.scores], window=self._window)
        # Not replace(): it would return an Emotion, without the additional fields.
        values = {each.name: getattr(emotion, each.name) for each in fields(Emotion)}
        bare = {"embedding": None, "frame_embeddings": None, "frame_logits": None}
        return CheckedEmotion(**values | bare, votes=votes)


def _confirmed(
    results: Iterator[tuple[Any, CheckedEmotion | None]], second: Scorer
) -> Iterator[tuple[Any, CheckedEmotion | None]]:
    """Score the items again with the second model and merge both results."""
    waiting: deque[tuple[Any, CheckedEmotion | None]] = deque()

    def items() -> Iterator[Any]:
        for result in results:
            waiting.append(result)
            yield result[0]

    for item, other in second(items()):
        expected, checked = waiting.popleft() if waiting else (None, None)
        if item is not expected:
            raise ScorerError(f"expected {expected!r} from the second scorer, got {item!r}")
        if checked is not None and other is not None:
            # Only shared classes can be compared.
            shared = [name for name in other.scores if name in checked.scores]
            checked = replace(
                checked,
                second=max(shared, key=other.scores.__getitem__, default=None),
                second_model=model_label(other.provenance),
            )
        yield item, checked


class EvidencePlugin:
    """Opens cuts and writes the results of an `EvidenceScorer` to their turns."""

    @hookimpl
    def emo2vec_open(self, source: Any, options: Options) -> CutSession:
        """Open a cut; no other kind of source reaches this plugin."""
        return CutSession(source, options, describe=partial(_evidence_fields, options))


def evidence_plugins() -> Plugins:
    """Return the plugins of the first step, with `EvidencePlugin` as the only one."""
    # Installed plugins may open cuts in another way, and their sessions would drop the evidence.
    return Plugins([EvidencePlugin()], installed=False)


def _evidence_fields(
    options: Options, emotion: Emotion, custom: Mapping[str, Any]
) -> dict[str, Any]:
    prefix = options.field
    if emotion.label is None and is_labelled(custom, replace(options, overwrite=False)):
        # Without a prediction the existing label stays, even if labels are overwritten.
        return absent_fields(custom, options) | {f"{prefix}_reason": emotion.reason}
    if not isinstance(emotion, CheckedEmotion):
        raise ScorerError(f"expected a CheckedEmotion from an EvidenceScorer, got {emotion!r}")
    notes = _notes(emotion)
    return label_fields(emotion, options) | {f"{prefix}_{k}": v for k, v in notes.items()}


def note_names(options: Options) -> set[str]:
    """Return the names of the fields that pseudo-labelling adds to those of annotation."""
    return {f"{options.field}_{name}" for name in _notes(CheckedEmotion())}


def _notes(emotion: CheckedEmotion) -> dict[str, Any]:
    # Includes fields that are None, so that they replace the evidence of an earlier run.
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
    """Read the evidence on one turn from its fields; return None if it must not be judged.

    Args:
        custom: The turn's fields.
        prefix: Prefix of the fields.
        duration: Length of the turn within its cut, in seconds.
        temperature: Applied to the scores.
        has_second: Whether a second model was used.
    """
    if custom.get(f"{prefix}_source") != CANDIDATE:
        return None
    return Evidence(
        label=custom[prefix],
        # The stored scores are the model's own, so another temperature needs no new scoring.
        scores=tempered(custom[f"{prefix}_scores"], temperature),
        duration=duration,
        flags=tuple(custom[f"{prefix}_flags"]),
        votes=custom[f"{prefix}_window_votes"] or {},
        others=(custom[f"{prefix}_second"],) if has_second else (),
    )


def seconds_within(cut: Any) -> dict[Place, float]:
    """Return how much of each turn lies within its cut, in seconds."""
    holders = {track: holder for track, _, holder in tracks(cut)}
    # In a truncated cut, turns may start before the cut or end after it.
    return {
        (track, index): cut.duration
        if index is None
        else max(0.0, min(own.end, holders[track].duration) - max(0.0, own.start))
        for (track, index), own in places(cut).items()
    }
