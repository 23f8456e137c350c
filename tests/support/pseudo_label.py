"""A scorer whose predictions are set by the speaker names of cuts."""

from __future__ import annotations

from dataclasses import replace

from lhotse import CutSet, SupervisionSegment

from emo2vec_plugins import Emotion, LabelSet, Provenance
from emo2vec_plugins.core.session import Clip

SAYS = {
    "sure": {"sad": 0.8, "happy": 0.15, "angry": 0.05},
    "surer": {"sad": 0.9, "happy": 0.05, "angry": 0.05},
    "unsure": {"sad": 0.41, "happy": 0.39, "angry": 0.2},
    "angry": {"sad": 0.1, "happy": 0.1, "angry": 0.8},
}


class Says:
    """Predicts the scores that belong to a turn's speaker, and records the speakers."""

    def __init__(self, says=SAYS, name="said", flags=()):
        self.says = says
        self.labels = LabelSet.from_tokens(next(iter(says.values())))
        self.identity = {"name": name}
        self.flags = flags
        self.seen = []
        self.left = -1

    def __call__(self, items):
        for item in items:
            yield item, self.predict(item) if isinstance(item, Clip) else None

    def predict(self, clip):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.seen.append(clip.turn.speaker)
        scores = self.says[clip.turn.speaker]
        label = max(scores, key=scores.get)
        return Emotion(
            label=label,
            score=scores[label],
            scores=scores,
            flags=self.flags,
            duration=clip.turn.duration,
            provenance=Provenance(model=self.identity["name"], sha256="5" * 64),
        )


def cuts_of(recording, *speakers, **labels):
    """Return a cut of 4 s per speaker, with one turn from 1 to 3 s and an optional label."""
    return CutSet.from_cuts(
        replace(
            recording.to_cut().truncate(offset=2.0, duration=4.0),
            id=f"cut-{index}",
            supervisions=[
                SupervisionSegment(
                    f"turn-{index}",
                    recording.id,
                    1.0,
                    2.0,
                    speaker=speaker,
                    text="as it was",
                    custom={"emotion": labels[speaker]} if speaker in labels else {"take": 7},
                )
            ],
        )
        for index, speaker in enumerate(speakers)
    )


def turns(cuts):
    return [supervision for cut in cuts for supervision in cut.supervisions]
