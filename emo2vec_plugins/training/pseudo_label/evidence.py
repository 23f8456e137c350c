"""What the criteria ask for, collected while cuts are annotated, and read back from their fields.

Scoring is that of `emo2vec_plugins.integrations.lhotse.manifests`, in its resumable runs: a scorer
of one or two models says more of each clip, and a plugin of this module's own notes it on the cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from emo2vec_plugins.core import Clip, Emotion, Options, Scorer, hookimpl
from emo2vec_plugins.errors import ScorerError
from emo2vec_plugins.integrations import is_labelled, model_label
from emo2vec_plugins.integrations.lhotse import CutSession, Place, label_fields, tracks
from emo2vec_plugins.training.pseudo_label.trust import Evidence, tempered, window_votes

CANDIDATE = "candidate"
"""What it says between the two steps: heard by a model, not judged yet."""

NOTES = ("source", "rejected", "window_votes", "second", "second_model")
"""What stands beside the fields that every annotated turn has: after the prefix and ``_``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardTurn(Emotion):
    """An emotion, and what else was asked.

    Attributes:
        votes: How many windows were heard as which class.
        second: What the second model heard, of the classes that both have; None if nothing.
        second_model: Its name.
    """

    votes: Mapping[str, int] = field(default_factory=dict)
    second: str | None = None
    second_model: str | None = None


class EvidenceScorer:
    """One model or two on one stream of clips, and the windows of each clip.

    The second model hears what the first gives back: both keep the order, so nothing needs to be
    counted, and memory stays within what both look ahead.

    Args:
        score: The model that gives the labels: an `Engine` or any `Scorer`.
        second: The model that is to agree.
        window: Seconds; needs a *score* that keeps frame logits.
    """

    def __init__(self, score: Scorer, *, second: Scorer | None, window: float | None) -> None:
        self._score = score
        self._second = second
        self._window = window
        self.batch_seconds = min(
            float(getattr(each, "batch_seconds", 30.0)) for each in (score, second or score)
        )

    @property
    def identity(self) -> dict[str, Any]:
        """All that the evidence depends on, as JSON values."""
        return {
            "first": _identity(self._score),
            "second": None if self._second is None else _identity(self._second),
            "window": self._window,
        }

    def __call__(self, items: Iterable[Any]) -> Iterator[tuple[Any, HeardTurn | None]]:
        """Yield each item in order: a clip with what was heard, anything else with None."""
        if self._second is None:
            for item, emotion in self._score(items):
                yield item, None if emotion is None else self._heard(emotion)
            return
        waiting: deque[tuple[Any, HeardTurn | None]] = deque()

        def passed_on() -> Iterator[Any]:
            for item, emotion in self._score(items):
                waiting.append((item, None if emotion is None else self._heard(emotion)))
                yield item

        for item, second in self._second(passed_on()):
            expected, heard = waiting.popleft() if waiting else (None, None)
            if item is not expected:
                raise ScorerError(f"the second scorer gave back {item!r} in place of {expected!r}")
            yield item, _confirmed(heard, second)

    def _heard(self, emotion: Emotion) -> HeardTurn:
        """Look at the windows, then let go of the arrays: clips wait for the second model."""
        votes: dict[str, int] = {}
        if self._window is not None and emotion.frame_logits is not None:
            votes = window_votes(emotion.frame_logits, [*emotion.scores], window=self._window)
        values = {each.name: getattr(emotion, each.name) for each in fields(Emotion)}
        bare = {"embedding": None, "frame_embeddings": None, "frame_logits": None}
        return HeardTurn(**values | bare, votes=votes)


class EvidencePlugin:
    """Opens cuts so that what an `EvidenceScorer` says is noted on their turns."""

    @hookimpl
    def emo2vec_open(self, source: Any, options: Options) -> CutSession:
        """Open a cut; nothing else is ever given to this plugin."""
        return _EvidenceSession(source, options)


class _EvidenceSession(CutSession):
    def take(self, clip: Clip, emotion: Emotion) -> None:
        custom = self._places[clip.key].custom or {}
        if emotion.label is None and is_labelled(custom, replace(self._options, overwrite=False)):
            # Nothing was heard that could speak against the label: it stays, and the reason beside.
            reason = f"{self._options.field}_reason"
            lacking = label_fields(Emotion(), self._options).items()
            self._fields[clip.key] = {k: v for k, v in lacking if k not in custom}
            self._fields[clip.key][reason] = emotion.reason
            return
        super().take(clip, emotion)
        if not isinstance(emotion, HeardTurn):
            raise ScorerError(f"expected what an EvidenceScorer heard, got {emotion!r}")
        notes = {
            "source": None if emotion.label is None else CANDIDATE,
            "rejected": None,
            "window_votes": dict(emotion.votes) or None,
            "second": emotion.second,
            "second_model": emotion.second_model,
        }
        prefix = self._options.field
        self._fields[clip.key] |= {f"{prefix}_{name}": value for name, value in notes.items()}


def note_names(options: Options) -> set[str]:
    """Return the fields that pseudo-labelling adds to those of annotation."""
    return {f"{options.field}_{name}" for name in NOTES}


def is_candidate(custom: Mapping[str, Any] | None, prefix: str) -> bool:
    """Return whether a turn was heard and is to be judged."""
    return (custom or {}).get(f"{prefix}_source") == CANDIDATE


def evidence_in(
    custom: Mapping[str, Any], prefix: str, *, duration: float, temperature: float, has_second: bool
) -> Evidence:
    """Read back what was noted of one candidate.

    Args:
        custom: The turn's fields.
        prefix: Their prefix.
        duration: Seconds of the turn within its cut.
        temperature: Applied to the scores.
        has_second: Whether a second model was asked.
    """
    return Evidence(
        label=custom[prefix],
        scores=tempered(custom[f"{prefix}_scores"], temperature),
        duration=duration,
        flags=tuple(custom[f"{prefix}_flags"]),
        votes=custom[f"{prefix}_window_votes"] or {},
        others=(custom[f"{prefix}_second"],) if has_second else (),
    )


def seconds_within(cut: Any) -> dict[Place, float]:
    """Return how much of each turn lies within the cut that it hangs on, in seconds."""
    held = tracks(cut)
    lengths: dict[Place, float] = {
        (track, index): max(0.0, min(own.end, holder.duration) - max(0.0, own.start))
        for track, _, holder in held
        for index, own in enumerate(holder.supervisions)
    }
    return lengths or {(track, None): cut.duration for track, _, _ in held[:1]}


def _confirmed(heard: HeardTurn | None, second: Emotion | None) -> HeardTurn | None:
    """Note what the second model heard among the classes that both models have."""
    if heard is None or second is None:
        return heard
    shared = [name for name in second.scores if name in heard.scores]
    return replace(
        heard,
        second=max(shared, key=second.scores.__getitem__, default=None),
        second_model=model_label(second.provenance),
    )


def _identity(score: Any) -> Any:
    return getattr(score, "identity", f"{type(score).__module__}.{type(score).__qualname__}")
