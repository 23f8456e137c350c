"""All cuts are returned in order, with labels where the model is trusted and reasons elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import support.pseudo_label as parts
from lhotse import CutSet, Recording, SupervisionSegment
from support.pseudo_label import SAYS, Says, turns

from emo2vec_plugins import Engine, LabelSet, Provenance
from emo2vec_plugins.errors import (
    Emo2vecWarning,
    LabelError,
    OptionsError,
    ScorerError,
    SourceError,
)
from emo2vec_plugins.testing import FakeBackend
from emo2vec_plugins.training.pseudo_label.labelling import pseudo_label
from emo2vec_plugins.training.pseudo_label.trust import Trust


@pytest.fixture
def recording(noise, write):
    return Recording.from_file(write("rec.wav", noise(16_000 * 12), 16_000))


@pytest.fixture
def cuts_of(recording):
    return partial(parts.cuts_of, recording)


def test_an_accepted_turn_names_the_model_of_its_label(cuts_of):
    out, report = pseudo_label(cuts_of("sure"), score=Says())

    assert turns(out)[0].custom == {
        "take": 7,
        "emotion": "sad",
        "emotion_score": 0.8,
        "emotion_scores": {"sad": 0.8, "happy": 0.15, "angry": 0.05},
        "emotion_flags": [],
        "emotion_reason": None,
        "emotion_overlap_ratio": None,
        "emotion_doubt": None,
        "emotion_model": "said@555555555555",
        "emotion_source": "pseudo",
        "emotion_rejected": None,
        "emotion_window_votes": None,
        "emotion_second": None,
        "emotion_second_model": None,
    }
    assert (report.turns, report.accepted, report.rejected) == (1, 1, 0)


def test_a_rejected_turn_has_a_reason_and_no_label(cuts_of):
    out, report = pseudo_label(cuts_of("unsure"), score=Says())

    custom = turns(out)[0].custom
    assert custom["emotion"] is custom["emotion_score"] is custom["emotion_source"] is None
    assert custom["emotion_rejected"] == "confidence 0.41 < 0.70"
    assert custom["emotion_scores"] == SAYS["unsure"]
    assert (report.turns, report.accepted, report.rejected) == (1, 0, 1)
    assert report.first["confidence"] == report.alone["confidence"] == 1


def test_every_cut_is_returned_in_order_and_otherwise_unchanged(cuts_of):
    cuts = cuts_of("sure", "unsure", "known", "angry", known="bored")
    before = [cut.to_dict() for cut in cuts]

    out, report = pseudo_label(cuts, score=Says())

    assert [cut.to_dict() for cut in cuts] == before
    assert [bare(cut) for cut in out] == [bare(cut) for cut in cuts]
    assert report.cuts == 4
    json.dumps([cut.to_dict() for cut in out])


def bare(cut):
    document = cut.to_dict()
    for supervision in document["supervisions"]:
        custom = supervision.pop("custom")
        supervision["others"] = {k: v for k, v in custom.items() if not k.startswith("emotion")}
    return document


def test_labels_of_people_are_neither_scored_nor_changed(cuts_of):
    first, second = Says(), Says(name="another")
    cuts = cuts_of("unsure", "sure", "angry", unsure="joy", angry=" ")

    out, report = pseudo_label(cuts, score=first, second=second)

    assert first.seen == second.seen == ["sure", "angry"]  # a blank is not a label
    assert [turn.emotion for turn in turns(out)] == ["joy", "sad", "angry"]
    assert turns(out)[0].custom == {
        **dict.fromkeys(k for k in turns(out)[1].custom if k != "take"),
        "emotion": "joy",
        "emotion_flags": [],
    }
    assert (report.labelled, report.labelled_by_models, report.accepted) == (1, 0, 2)


def test_existing_labels_of_models_are_counted_apart_from_those_of_people(cuts_of):
    once, _ = pseudo_label(cuts_of("sure", "unsure"), score=Says())

    again, report = pseudo_label(once, score=Says({"unsure": SAYS["angry"]}, name="better"))

    assert [turn.emotion_model for turn in turns(again)] == [
        "said@555555555555",
        "better@555555555555",
    ]
    assert [turn.emotion_source for turn in turns(again)] == ["pseudo", "pseudo"]
    assert [turn.emotion_rejected for turn in turns(again)] == [None, None]
    assert (report.labelled, report.labelled_by_models, report.accepted) == (1, 1, 1)


def test_overwriting_judges_all_turns(cuts_of):
    cuts = cuts_of("sure", "unsure", sure="joy", unsure="joy")

    out, report = pseudo_label(cuts, score=Says(), overwrite=True)

    assert [turn.emotion for turn in turns(out)] == ["sad", None]
    assert (report.labelled, report.accepted, report.rejected) == (0, 1, 1)


def test_overwriting_keeps_labels_of_turns_that_could_not_be_scored(cuts_of):
    [cut, other] = cuts_of("sure", "gone", sure="joy", gone="joy")
    [turn] = other.supervisions
    other = replace(other, supervisions=[replace(turn, start=9.0)])  # outside its cut

    out, report = pseudo_label(
        [cut, other], score=Engine(FakeBackend()), overwrite=True, trust=Trust(min_confidence=0)
    )

    assert turns(out)[0].emotion != "joy"
    custom = turns(out)[1].custom
    assert (custom["emotion"], custom["emotion_source"]) == ("joy", None)
    assert custom["emotion_reason"].startswith("beyond the audio")
    assert (report.labelled, report.unscored, report.accepted) == (0, 1, 1)
    assert custom.keys() | {"take"} == turns(out)[0].custom.keys() | {"take"}


def test_another_field_leaves_labels_alone(cuts_of):
    out, _ = pseudo_label(cuts_of("sure", sure="joy"), score=Says(), field="machine")

    assert (turns(out)[0].emotion, turns(out)[0].machine) == ("joy", "sad")
    assert turns(out)[0].machine_source == "pseudo"


def test_turns_that_cannot_be_scored_are_counted_with_their_reason(recording):
    cut = recording.to_cut()
    cut.supervisions = [
        SupervisionSegment("good", "rec", 0.0, 2.0),
        SupervisionSegment("short", "rec", 1.0, 0.01),
    ]
    gone = replace(recording, sources=[replace(recording.sources[0], source="/gone.wav")], id="x")

    _, report = pseudo_label([cut, gone.to_cut()], score=Engine(FakeBackend()))

    assert (report.turns, report.unscored, report.accepted + report.rejected) == (3, 2, 1)
    assert report.unscored_reasons == {"too short": 1, "no such audio file": 1}
    short, missing = report.failures
    assert short.startswith("cut rec, supervision short: too short: 160 samples")
    assert missing.startswith("cut x: /gone.wav: no such audio file")


def test_a_turn_that_can_no_longer_be_scored_loses_its_old_reason(cuts_of):
    rejected, _ = pseudo_label(cuts_of("unsure"), score=Says())
    [cut] = rejected
    gone = replace(cut.recording, sources=[replace(cut.recording.sources[0], source="/gone.wav")])

    out, report = pseudo_label([replace(cut, recording=gone)], score=Engine(FakeBackend()))

    assert turns(out)[0].emotion_rejected is None
    assert "no such audio file" in turns(out)[0].emotion_reason
    assert report.unscored == 1


def test_a_second_model_must_predict_the_same(cuts_of):
    second = Says(SAYS | {"sure": SAYS["angry"]}, name="another")

    out, report = pseudo_label(cuts_of("sure", "angry"), score=Says(), second=second)

    assert [turn.emotion for turn in turns(out)] == [None, "angry"]
    for fact in ("second model", "angry", "not sad"):
        assert fact in turns(out)[0].emotion_rejected
    assert turns(out)[0].emotion_second == "angry"
    assert turns(out)[1].emotion_second_model == "another@555555555555"
    assert report.compared_on == ["sad", "happy", "angry"]


def test_models_of_other_classes_are_compared_on_those_they_share(cuts_of):
    more = {"sure": {"bored": 0.5, "sad": 0.4, "angry": 0.1}, "angry": {"bored": 1.0, "sad": 0.0}}
    second = Says(more, name="another")

    with pytest.warns(Emo2vecWarning, match=r"second model.* happy\b.* sad, angry$"):
        out, report = pseudo_label(cuts_of("sure", "angry"), score=Says(), second=second)

    assert [turn.emotion_second for turn in turns(out)] == ["sad", "sad"]
    assert [turn.emotion for turn in turns(out)] == ["sad", None]
    assert report.compared_on == ["sad", "angry"]


@pytest.mark.parametrize("classes", [{"bored": 1.0, "calm": 0.0}, {"sad": 1.0, "calm": 0.0}])
def test_models_with_nothing_to_compare_are_refused(cuts_of, classes):
    with pytest.raises(LabelError, match=r"first .*sad, happy, angry.* second .*calm"):
        pseudo_label(cuts_of("sure"), score=Says(), second=Says({"sure": classes}))


def test_a_warning_says_if_both_models_are_the_same(cuts_of):
    engine = Engine(FakeBackend())

    with pytest.warns(Emo2vecWarning, match="models are the same"):
        pseudo_label(cuts_of("sure"), score=engine, second=Engine(FakeBackend()))


def test_a_second_model_that_loses_a_clip_is_an_error(cuts_of):
    class Loses(Says):
        def __call__(self, items):
            next(items)
            yield from super().__call__(items)

    with pytest.raises(ScorerError, match=r"speaker='sure'.* second scorer"):
        pseudo_label(cuts_of("sure", "angry"), score=Says(), second=Loses())


def test_two_engines_in_step_predict_what_each_predicts_alone(recording):
    class Turned(FakeBackend):
        provenance = Provenance(model="turned")

        def run(self, waveforms):
            return [(e, logits[:, ::-1].copy()) for e, logits in super().run(waveforms)]

    windows = [*CutSet.from_cuts([recording.to_cut()]).cut_into_windows(1.5)]
    turned, plain = Engine(Turned(), batch_seconds=4), Engine(FakeBackend(), batch_seconds=3)
    alone = [turned.score((cut.load_audio(), 16_000))[0].label for cut in windows]

    out, _ = pseudo_label(windows, score=plain, second=turned)

    assert [cut.emotion_second for cut in out] == alone


def test_windows_of_a_turn_are_the_means_of_its_frames(cuts_of):
    engine = Engine(FakeBackend(), granularity="frame")
    cuts = cuts_of("sure", "angry")
    trust = Trust(min_confidence=0, window=0.5, min_agreement=1.0)

    out, report = pseudo_label(cuts, score=engine, trust=trust)

    for cut, turn in zip(cuts.trim_to_supervisions(), turns(out), strict=True):
        [emotion] = engine.score((cut.load_audio(), 16_000))
        thirds = np.split(emotion.frame_logits, [33, 66])  # of 99 frames, in windows of 25
        labels = [[*emotion.scores][third.mean(axis=0).argmax()] for third in thirds]
        assert turn.emotion_window_votes == {name: labels.count(name) for name in set(labels)}
    assert report.one_window == 0


def test_windows_need_an_engine_that_keeps_frames(cuts_of):
    with pytest.raises(OptionsError, match="granularity='frame'"):
        pseudo_label(cuts_of("sure"), score=Engine(FakeBackend()), trust=Trust(window=1.0))


def test_a_temperature_is_applied_before_the_criteria(cuts_of):
    out, _ = pseudo_label(cuts_of("sure"), score=Says(), trust=Trust(temperature=2.0))

    turn = turns(out)[0]
    assert turn.emotion_rejected == "confidence 0.59 < 0.70"
    assert sum(turn.emotion_scores.values()) == pytest.approx(1.0)


def test_flags_reject(cuts_of):
    out, report = pseudo_label(cuts_of("sure"), score=Says(flags=("overlapped",)))

    assert turns(out)[0].emotion_rejected == "flags: overlapped"
    assert report.first["flags"] == 1


def test_the_duration_is_what_lies_within_the_cut(cuts_of):
    [cut] = cuts_of("sure")  # its turn lasts from 1 to 3 s

    out, _ = pseudo_label([cut.truncate(offset=2.5), cut.truncate(duration=1.25)], score=Says())

    assert [turn.emotion_rejected for turn in turns(out)] == [
        "duration 0.50 < 1.00 s",
        "duration 0.25 < 1.00 s",
    ]


def test_a_quota_keeps_the_most_confident(cuts_of):
    out, report = pseudo_label(
        cuts_of("sure", "surer", "angry"), score=Says(), trust=Trust(max_ratio=1.0)
    )

    assert [turn.emotion for turn in turns(out)] == [None, "sad", "angry"]
    assert turns(out)[0].emotion_rejected.startswith("quota: 1 sad ")
    assert report.caps == {"angry": 1, "sad": 1}


def test_cuts_of_every_kind_are_labelled(cuts_of, recording):
    [cut] = cuts_of("sure")
    whole = recording.to_cut()

    out, report = pseudo_label(
        [cut.append(cut), whole],
        score=Says(SAYS | {None: SAYS["angry"]}),
        trust=Trust(max_per_class=1),
    )
    mixed, whole = out

    assert [turn.emotion for turn in mixed.supervisions] == ["sad", None]
    assert (whole.emotion, whole.emotion_source) == ("angry", "pseudo")
    assert report.turns == 3


def test_accepted_labels_must_be_classes_of_the_model(cuts_of):
    out, _ = pseudo_label(cuts_of("sure"), score=Says(), trust=Trust(accepted_labels=("angry",)))
    assert turns(out)[0].emotion_rejected.startswith("class sad ")

    out, _ = pseudo_label(cuts_of("sure"), score=Says(), trust=Trust(accepted_labels=["Sad"]))
    assert turns(out)[0].emotion == "sad"

    with pytest.raises(LabelError, match=r"bored.* sad, happy, angry"):
        pseudo_label(cuts_of("sure"), score=Says(), trust=Trust(accepted_labels=("bored",)))


def test_a_model_without_classes_is_refused(cuts_of):
    class Headless(FakeBackend):
        labels = LabelSet.from_tokens(())

        def run(self, waveforms):
            return [(embeddings, None) for embeddings, _ in super().run(waveforms)]

    with pytest.raises(LabelError, match=r"^the model has no classes"):
        pseudo_label(cuts_of("sure"), score=Engine(Headless()))
    with pytest.raises(LabelError, match="second model has no classes"):
        pseudo_label(cuts_of("sure"), score=Says(), second=Engine(Headless()))


def test_an_input_without_cuts_is_an_error(cuts_of):
    with pytest.raises(LabelError, match="no cuts"):
        pseudo_label([], score=Says())
    with pytest.raises(SourceError, match=r"\bstr\b"):
        pseudo_label("cuts.jsonl", score=Says())


def test_the_report_has_a_text_table(cuts_of):
    speakers = ("sure", "surer", "unsure", "angry", "known")
    _, report = pseudo_label(
        cuts_of(*speakers, known="joy"), score=Says(), trust=Trust(max_ratio=1.0, window=None)
    )

    assert report.table().splitlines() == [
        "turns",
        "already labelled  1",
        "not scored        0",
        "rejected          2",
        "accepted          2",
        "all               5",
        "",
        "predicted  turns  accepted  rejected",
        "angry          1         1         0",
        "sad            3         1         2",
        "",
        "rejected by   first  alone  required",
        "flags             0      0  not overlapped, silent, clipped",
        "duration          0      0  at least 1 s",
        "class             0      0  -",
        "confidence        1      1  at least 0.7",
        "margin            0      0  -",
        "windows           0      0  -",
        "second model      0      0  -",
        "quota             1      1  at most 1 x the median class",
    ]
