"""Which labels count as those of people, and which corrections are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.facts import assert_facts

from emo2vec_plugins import Dialogue, Emotion, LabelMap, Provenance, ScoredTurn, Turn
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats import digest_of
from emo2vec_plugins.review import agreement, compare

MODEL = Provenance(model="tiny", sha256="ab")


def turn(start, end, label="sad", speaker="A", **emotion):
    return ScoredTurn(
        turn=Turn(start=start, end=end, speaker=speaker), emotion=Emotion(label=label, **emotion)
    )


def talk(*turns, **more):
    return Dialogue(recording="talk", turns=turns, **more)


def by_people(before, after, **options):
    """Return the labels after correction that count as those of people."""
    [reviewed] = compare([talk(*before)], [talk(*after)], **options)
    return [
        (change.pair.after.turn.start, change.pair.after.emotion.label)
        for change in reviewed.changes
        if change.reviewed
    ]


def test_an_unchanged_label_is_the_models_unless_its_turn_is_marked():
    before = [turn(0, 1), turn(1, 2), turn(2, 3)]

    assert by_people(before, before) == []
    assert by_people(before, [turn(0, 1), turn(1, 2, reviewed=True), turn(2, 3, "angry")]) == [
        *((1, "sad"), (2, "angry"))
    ]


def test_a_label_moves_with_its_turn_and_stays_the_models():
    before = [turn(0, 1), turn(5, 6, "angry")]

    assert by_people(before, [turn(0.1, 1.2), turn(5, 6, "angry", "B")]) == []
    assert by_people(before, [turn(0, 1), turn(8, 9, "angry")]) == []
    assert by_people(before, [turn(0, 1), turn(8, 9, "happy")]) == [(8, "happy")]


def test_parts_of_a_turn_keep_the_models_label():
    before = [turn(0, 4, "angry")]

    assert by_people(before, [turn(0, 2, "angry"), turn(2, 4, "angry")]) == []
    assert by_people(before, [turn(0, 2, "angry"), turn(2, 4, "sad")]) == [(2, "sad")]


@pytest.mark.parametrize("label", ["sad", "angry"])
def test_a_merged_turn_may_keep_the_label_of_any_of_its_parts(label):
    before = [turn(0, 2.5, "sad"), turn(2.5, 4, "angry")]

    assert by_people(before, [turn(0, 4, label)]) == []
    assert by_people(before, [turn(0, 4, "happy")]) == [(0, "happy")]


def test_a_new_turn_where_nobody_spoke_has_the_label_of_a_person():
    assert by_people([turn(0, 1)], [turn(0, 1), turn(5, 7)]) == [(5, "sad")]
    assert by_people([], [turn(5, 7, None)]) == []


def test_duplicate_turns_with_different_labels_are_not_mixed_up():
    before = [turn(0, 1, "sad"), turn(0, 1, "angry"), turn(0, 1.004, "happy")]

    assert by_people(before, before[::-1]) == []


def test_rounding_to_the_grid_of_a_format_mixes_up_no_turns():
    before = [turn(0, 1.0004, "sad"), turn(0, 1, "angry"), turn(0.0004, 0.0004, "happy")]
    after = [turn(0, 1, "sad"), turn(0, 1, "angry"), turn(0, 0.001, "happy")]

    assert by_people(before, after[::-1]) == []


def test_a_label_map_makes_no_corrections():
    before = [turn(0, 1, "Joy"), turn(1, 2, "sad")]
    meaning = LabelMap({"Joy": "happy", "sad": None})

    assert by_people(before, before, label_map=meaning) == []
    assert by_people(before, [turn(0, 1, "angry"), before[1]], label_map=meaning) == [(0, "angry")]


def test_a_label_that_a_models_scores_give_is_the_models():
    scores = {"sad": 0.25, "angry": 0.75}
    before = [turn(0, 1, "angry", score=0.75, scores=scores, provenance=MODEL)]
    edited = [replace(before[0], emotion=replace(before[0].emotion, label="sad"))]
    copied = [turn(3, 4.5, "angry", score=0.75, scores=scores, provenance=MODEL)]

    assert by_people(before, edited) == [(0, "sad")]
    assert by_people(before, [*before, *copied]) == []


def test_only_reviewed_turns_count_for_agreement():
    before = [turn(0, 1), turn(1, 2), turn(2, 3, "angry"), turn(3, 4)]
    after = [turn(0, 1, reviewed=True), turn(1, 2), turn(2, 3, "happy"), turn(3, 4)]

    [reviewed] = compare([talk(*before)], [talk(*after)])
    result = agreement(reviewed.changes)

    assert (result.unreviewed, result.turns, result.agreed) == (2, 2, 1)


def test_corrections_of_other_results_are_refused():
    exported = talk(turn(0, 1), turn(1, 2, "angry"))
    scored_again = talk(turn(0, 1), turn(1, 2, "happy"))
    answer = replace(exported, exported=digest_of(exported))

    assert len(compare([replace(exported, recording="renamed")], [answer])) == 1
    with pytest.raises(FormatError) as caught:
        compare([scored_again], [answer])
    assert_facts(str(caught.value), "'talk'", "exported")


def test_results_of_another_model_are_no_corrections():
    other = turn(0, 1, "angry", provenance=Provenance(model="large"))

    with pytest.raises(FormatError) as caught:
        compare([talk(turn(0, 1, provenance=MODEL))], [talk(other)])
    assert_facts(str(caught.value), "'talk'", "'large'")
    with pytest.raises(FormatError) as caught:
        compare([talk(turn(2, 3, score=0.5))], [talk(turn(2, 3, "angry", score=0.7))])
    assert_facts(str(caught.value), "1 turn", "2.000 s", "scores")


def test_the_digest_ignores_order_scores_and_microseconds():
    one, other = turn(0, 1, score=0.5), turn(1, 2, "angry")
    moved = turn(1.0001, 2, "angry")

    assert digest_of(talk(one, other)) == digest_of(talk(moved, turn(0, 1), audio="x.wav"))
    assert digest_of(talk(one, other)) != digest_of(talk(one, turn(1, 2, "angry", "B")))
