"""Corrections: matching of turns, changes, agreement, and cuts to train on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from emo2vec_plugins import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.errors import AudioError, FormatError, LabelError
from emo2vec_plugins.formats import LabelMap
from emo2vec_plugins.review.comparison import agreement, as_csv, changes, compare
from emo2vec_plugins.review.cuts import corrected_cut
from emo2vec_plugins.review.pairing import LEAST_SHARE, pair, share
from emo2vec_plugins.testing import tone


def turn(start, end, label="sad", speaker="A", *, reviewed=False, score=None, **more):
    return ScoredTurn(
        turn=Turn(start=start, end=end, speaker=speaker, **more),
        emotion=Emotion(label=label, reviewed=reviewed, score=score),
    )


def talk(*turns, name="talk", audio=None):
    return Dialogue(recording=name, turns=turns, audio=audio)


def kinds(before, after):
    return [change.kinds for change in changes(talk(*before), talk(*after))]


some_turns = st.lists(
    st.builds(
        lambda start, length, speaker: turn(start, start + length, speaker=speaker),
        st.integers(0, 20),
        st.integers(0, 5),
        st.sampled_from("AB"),
    ),
    max_size=12,
)


@given(before=some_turns, after=some_turns)
def test_every_turn_is_in_one_pair_and_pairs_overlap_by_half(before, after):
    pairs = pair(before, after)

    assert sorted(map(repr, before)) == sorted(repr(p.before) for p in pairs if p.before)
    assert sorted(map(repr, after)) == sorted(repr(p.after) for p in pairs if p.after)
    for each in pairs:
        assert each.before or each.after
        if each.before and each.after:
            assert share(each.before.turn, each.after.turn) >= LEAST_SHARE


@given(turns=some_turns)
def test_untouched_turns_are_not_changed(turns):
    assert all(each == () for each in kinds(turns, turns))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([turn(0, 1)], [turn(0, 1, "angry")], [("emotion",)]),
        ([turn(0, 1)], [turn(0, 1, speaker="B")], [("speaker",)]),
        ([turn(0, 1)], [turn(0.1, 1)], [("times",)]),
        ([turn(0, 1)], [turn(0.009, 1.009)], [()]),
        ([turn(0, 1)], [turn(0.2, 1.2, "angry", "B")], [("emotion", "speaker", "times")]),
        ([turn(0, 1)], [], [("removed",)]),
        ([], [turn(0, 1)], [("added",)]),
        ([turn(0, 1)], [turn(0.8, 1.8)], [("removed",), ("added",)]),
        ([turn(0, 4)], [turn(0, 2.5), turn(2.5, 4)], [("times",), ("split",)]),
        ([turn(0, 4)], [turn(0, 2.5), turn(2.5, 4, speaker="B")], [("times",), ("added",)]),
        ([turn(0, 2.5), turn(2.5, 4)], [turn(0, 4)], [("times",), ("merged",)]),
        (
            [turn(0, 1), turn(1, 2), turn(2, 3)],
            [turn(0, 3)],
            [("merged",), ("added",), ("merged",), ("merged",)],
        ),
        ([turn(0, 0)], [turn(0, 0)], [()]),
    ],
)
def test_changes_are_classified(before, after, expected):
    assert kinds(before, after) == expected


def test_simultaneous_turns_are_matched_by_speaker():
    before = [turn(0, 1, speaker="A"), turn(0, 1, speaker="B")]

    assert kinds(before, before[::-1]) == [(), ()]


def test_kappa_is_cohens_for_all_classes_and_for_each():
    model = ["sad", "sad", "happy", "angry", "happy", "sad"]
    people = ["sad", "happy", "happy", "angry", "happy", "angry"]
    # A seventh turn was not reviewed, so it counts for nothing.
    before = [turn(i, i + 1, label) for i, label in enumerate([*model, "fearful"])]
    after = [turn(i, i + 1, label, reviewed=True) for i, label in enumerate(people)]

    result = agreement(changes(talk(*before), talk(*after, turn(6, 7, "fearful"))))

    assert (result.unreviewed, result.turns, result.agreed) == (1, 6, 4)
    # By hand: observed 4/6, by chance (3*1 + 2*3 + 1*2) / 36.
    assert result.kappa == pytest.approx((4 / 6 - 11 / 36) / (1 - 11 / 36))
    assert result.kappa == pytest.approx(cohen_kappa_score(model, people))
    assert result.per_label["sad"].kappa == pytest.approx((4 / 6 - 18 / 36) / (1 - 18 / 36))
    counts = {name: (each.model, each.people, each.both) for name, each in result.per_label.items()}
    assert counts == {"angry": (1, 2, 1), "happy": (2, 3, 2), "sad": (3, 1, 1)}
    assert result.to_dict()["per_label"]["angry"] == {
        "kappa": pytest.approx(result.per_label["angry"].kappa),
        "model": 1,
        "people": 2,
        "both": 1,
    }


def test_kappa_is_undefined_if_chance_explains_all():
    same = [turn(0, 1, reviewed=True), turn(1, 2, reviewed=True)]

    assert agreement(changes(talk(*same), talk(*same))).turns == 2
    assert agreement(changes(talk(*same), talk(*same))).kappa is None
    assert agreement([]).kappa is None


def test_turns_without_a_label_do_not_count_for_agreement():
    before = [turn(0, 1), turn(1, 2, None), turn(2, 3)]
    after = [turn(0, 1, None, reviewed=True), turn(1, 2), turn(5, 6)]

    assert agreement(changes(talk(*before), talk(*after))).turns == 0


def test_labels_are_normalised_and_mapped():
    people = talk(turn(0, 1, " Angry "), turn(1, 2, "fury"), turn(2, 3, "boredom"), turn(3, 4, " "))
    meaning = LabelMap({"fury": "angry", "boredom": None})

    [reviewed] = compare([talk()], [people], label_map=meaning)

    assert [each.emotion.label for each in reviewed.corrected.turns] == [
        *("angry", "angry", None, None)
    ]


def test_unknown_labels_are_named_with_their_places():
    people = talk(turn(0, 1, "joy"), turn(1, 2, "joy"), turn(2, 3, "mine"))

    with pytest.raises(LabelError, match=r"'joy' \(2, first at talk 0\.000-1\.000\); 'mine'"):
        compare([talk()], [people])
    with pytest.raises(LabelError, match=r"'joy' \(2, first at talk 0\.000-1\.000\); known"):
        compare([talk(turn(5, 6, "mine"))], [people])


def test_recordings_are_matched_by_name_and_single_ones_always():
    one, other = talk(name="a"), talk(name="b")

    assert [each.original.recording for each in compare([one, other], [other])] == ["b"]
    assert compare([one], [other])[0].corrected.recording == "a"
    with pytest.raises(FormatError, match=r"\['c'\].*\['a', 'b'\]"):
        compare([one, other], [talk(name="c")])
    with pytest.raises(FormatError, match="several of 'a'"):
        compare([one, one], [other])


def test_the_table_has_each_turn_before_and_after():
    before = [turn(0.0, 1.0), turn(2.0, 3.0, 'a "b",\nc')]

    text = as_csv(changes(talk(*before), talk(turn(0.0, 1.5, "angry", None))))

    assert text == (
        "recording,change,reviewed,start_before,end_before,speaker_before,emotion_before,score_before,"
        "start_after,end_after,speaker_after,emotion_after,score_after\n"
        "talk,emotion+speaker+times,yes,0.0,1.0,A,sad,,0.0,1.5,,angry,\n"
        'talk,removed,,2.0,3.0,A,"a ""b"",\nc",,,,,,\n'
    )


@pytest.fixture
def sound(write):
    return str(write("talk.wav", tone(3.0), 16_000))


def test_a_cut_has_the_corrected_turns_with_the_source_of_their_labels(sound):
    import lhotse

    before = talk(turn(0, 1), turn(1, 2), audio=sound)
    after = talk(turn(0, 1, "angry"), turn(1, 2), turn(1.5, 9, "happy", None))

    [reviewed] = compare([before], [after])
    made = corrected_cut(reviewed, field="mood")

    lhotse.validate(made.cut)
    assert made.left_out == ()
    assert made.cut.id == "talk"
    first, second = made.cut.supervisions
    assert (first.start, first.duration, first.speaker) == (0.0, 1.0, "A")
    assert first.custom == {"mood": "angry", "mood_source": "review", "mood_before": "sad"}
    assert (second.start, second.duration, second.speaker) == (1.5, 1.5, None)
    assert second.custom["mood_before"] is None


def test_turns_unfit_for_training_are_left_out_and_named(sound):
    after = talk(
        *(turn(0, 1, None, reviewed=True), turn(5, 6), turn(0, 1, channel=3), turn(1, 2)),
    )

    [reviewed] = compare([talk(audio=sound)], [after])
    made = corrected_cut(reviewed)

    assert [each.start for each in made.cut.supervisions] == [1.0]
    expected = (
        ("talk 0.000-1.000: ", "channels among [0], got 3"),
        ("talk 0.000-1.000: ", "label"),
        ("talk 5.000-6.000: ", "3.000 s"),
    )
    for line, facts in zip(sorted(made.left_out), expected, strict=True):
        for fact in facts:
            assert fact in line


@pytest.mark.parametrize(("audio", "message"), [(None, "--audio FILE"), ("none.wav", "none.wav: ")])
def test_a_cut_without_audio_is_refused(audio, message):
    [reviewed] = compare([talk(audio=audio)], [talk(turn(0, 1))])

    with pytest.raises(AudioError, match=message):
        corrected_cut(reviewed)
