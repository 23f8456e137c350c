"""The doubt of results, and labels that are withheld because of it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from support.facts import assert_facts

from emo2vec_plugins.core import Emotion, LabelSet, Provenance, kind_of_reason
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import OptionsError, ScorerError
from emo2vec_plugins.testing import FakeBackend, FakeDoubt, tone

AUDIO = (tone(1.0), 16_000)
KEPT = ("scores", "logits", "duration", "flags", "doubt")


def emotion_of(backend=None, **options):
    return Engine(backend or FakeBackend(doubt=FakeDoubt()), **options).score(AUDIO)[0]


def test_a_result_has_the_doubt_of_the_models_measure():
    emotion = emotion_of()

    assert emotion.doubt == pytest.approx(1 - emotion.score)
    assert emotion.label is not None
    assert not emotion.withheld


def test_the_measure_gets_the_embedding_and_the_logits_of_a_result():
    given = []

    class Recorded(FakeDoubt):
        def __call__(self, embedding, logits):
            given.append((embedding, logits))
            return 0.25

    emotion = emotion_of(FakeBackend(doubt=Recorded()))

    [(embedding, logits)] = given
    assert np.array_equal(embedding, emotion.embedding)
    assert logits.tolist() == list(emotion.logits.values())
    assert emotion.doubt == 0.25


@pytest.mark.parametrize("backend", [FakeBackend(), FakeBackend(doubt=None)])
def test_without_a_measure_there_is_no_doubt(backend):
    assert emotion_of(backend).doubt is None


def test_a_back_end_without_the_attribute_has_no_measure():
    class Older(FakeBackend):
        def __init__(self):
            super().__init__()
            del self.doubt

    assert emotion_of(Older()).doubt is None


def test_a_label_above_the_threshold_is_withheld_and_all_else_is_kept():
    given = emotion_of()
    threshold = given.doubt - 0.01

    withheld = emotion_of(abstain=threshold)

    assert withheld.withheld
    assert (withheld.label, withheld.score) == (None, None)
    assert_facts(withheld.reason, f"{given.doubt:.2g}", f"{threshold:.2g}")
    assert_facts(emotion_of(abstain=3.3e-05).reason, "is above 3.3e-05")
    assert kind_of_reason(withheld.reason) == "withheld"
    assert [getattr(withheld, each) for each in KEPT] == [getattr(given, each) for each in KEPT]
    assert np.array_equal(withheld.embedding, given.embedding)


def test_a_doubt_at_the_threshold_is_not_above_it():
    given = emotion_of()

    assert emotion_of(abstain=given.doubt) == given


@pytest.mark.parametrize(("threshold", "withheld"), [(0.01, True), (0.99, False)])
def test_true_is_the_threshold_of_the_model(threshold, withheld):
    backend = FakeBackend(doubt=FakeDoubt(threshold=threshold))

    assert emotion_of(backend, abstain=True).withheld is withheld


@pytest.mark.parametrize("abstain", [None, False])
def test_no_label_is_withheld_by_default(abstain):
    backend = FakeBackend(doubt=FakeDoubt(threshold=0.0))

    assert emotion_of(backend, abstain=abstain) == emotion_of(backend)
    assert not emotion_of(backend).withheld


def test_with_some_labels_the_doubt_is_that_of_their_scores():
    emotion = emotion_of(labels=["angry", "sad"])

    assert emotion.doubt == pytest.approx(1 - max(emotion.scores.values()))
    assert emotion_of(labels=["angry"]).doubt == 0.0


def test_long_clips_have_the_doubt_of_all_their_frames():
    clip = (tone(3.0), 16_000)
    [windowed] = Engine(FakeBackend(doubt=FakeDoubt()), max_window=1.0).score(clip)

    assert windowed.doubt == pytest.approx(1 - windowed.score)


@pytest.mark.parametrize("abstain", [-0.1, 1.1, float("nan"), "0.5", [0.5]])
def test_an_invalid_threshold_is_rejected(abstain):
    with pytest.raises(OptionsError) as raised:
        emotion_of(abstain=abstain)
    assert_facts(str(raised.value), "abstain", "0 to 1", repr(abstain))


@pytest.mark.parametrize("abstain", [True, 0.5])
def test_a_model_without_a_measure_cannot_withhold(abstain):
    with pytest.raises(OptionsError) as raised:
        emotion_of(FakeBackend(), abstain=abstain)
    assert_facts(str(raised.value), "'fake'", "doubt", "emo2vec calibrate")


@pytest.mark.parametrize("doubt", [float("nan"), -0.5, 1.5, None, "high"])
def test_a_measure_that_returns_no_probability_is_named(doubt):
    class Broken(FakeDoubt):
        def __call__(self, embedding, logits):
            return doubt

    with pytest.raises(ScorerError) as raised:
        emotion_of(FakeBackend(doubt=Broken()))
    assert_facts(str(raised.value), "Broken", "0 to 1", repr(doubt))


def test_a_turn_that_cannot_be_scored_has_no_doubt_and_is_not_withheld():
    engine = Engine(FakeBackend(doubt=FakeDoubt()), abstain=0.0)

    [emotion] = engine.score((tone(1.0)[:100], 16_000))

    assert emotion.doubt is None
    assert not emotion.withheld
    assert kind_of_reason(emotion.reason) == "too short"


def test_a_model_without_a_head_has_no_doubt():
    class Headless(FakeBackend):
        labels = LabelSet.from_tokens([])
        provenance = Provenance(model="headless")

        def run(self, waveforms):
            return [(embeddings, None) for embeddings, _ in super().run(waveforms)]

    assert emotion_of(Headless(doubt=FakeDoubt()), abstain=True).doubt is None


def test_an_emotion_without_scores_is_not_withheld():
    assert not Emotion(reason="too short").withheld
    assert not Emotion().withheld


# The identity of runs, and copies.


def test_the_identity_of_runs_without_a_measure_has_no_doubt():
    assert not {"doubt", "abstain"} & Engine(FakeBackend()).identity.keys()


def test_the_identity_of_a_run_tells_measures_and_thresholds_apart():
    measures = [FakeDoubt(), FakeDoubt(sha256="e" * 64), FakeDoubt(threshold=0.7)]
    engines = [
        Engine(FakeBackend(doubt=each), abstain=abstain)
        for each in measures
        for abstain in (None, True, 0.3)
    ]

    found = [each.identity for each in engines]

    # Without abstain, and with a number, the threshold of the measure has no effect.
    assert found[6] == found[0]
    assert found[8] == found[2]
    assert len({str(each) for each in found}) == len(found) - 2


def test_copies_withhold_the_same_labels():
    engine = Engine(FakeBackend(doubt=FakeDoubt()), abstain=0.0)

    for each in (copy.copy(engine), engine.with_granularity("frame")):
        assert each.identity["abstain"] == 0.0
        assert each.score(AUDIO)[0].withheld
