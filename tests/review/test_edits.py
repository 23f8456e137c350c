"""Random edits of exported files, in every format: exactly the edited turns are people's."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn
from emo2vec_plugins.core import EMOTIONS
from emo2vec_plugins.review import compare

FORMATS = {
    name: each
    for name, each in Plugins(installed=False).formats().items()
    if each.loads
    and each.holds
    and {"label", "speaker"} <= each.holds
    # Without annotations, its file has only predictions.
    and name != "labelstudio"
}


@st.composite
def dialogues(draw):
    """Return a recording whose turns are far enough apart that no two could be confused."""
    turns = []
    for place in range(draw(st.integers(1, 5))):
        start = 3 * place + draw(st.sampled_from([0.0, 0.0014, 0.5]))
        label = draw(st.sampled_from([*EMOTIONS, None]))
        score = None if label is None else 0.75
        end = start + draw(st.sampled_from([0.4, 1.2345678, 2.0]))
        turn = Turn(start=start, end=end, speaker=draw(st.sampled_from(["A", "B", "reviewed@A"])))
        turns.append(ScoredTurn(turn=turn, emotion=Emotion(label=label, score=score)))
    return Dialogue(recording="talk", turns=tuple(turns))


def identity(scored):
    turn = scored.turn
    return round(turn.start, 2), round(turn.end, 2), turn.speaker, scored.emotion.label


def reviewed(original, corrected):
    [found] = compare([original], [corrected])
    return Counter(identity(each.pair.after) for each in found.changes if each.reviewed)


def written(dialogue, format_):
    return format_.loads(format_.dumps([dialogue]))[0]


@pytest.mark.filterwarnings("ignore::emo2vec_plugins.errors.Emo2vecWarning")
@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=15)
@given(original=dialogues(), data=st.data())
def test_exactly_the_edited_turns_are_those_of_people(name, original, data):
    format_ = FORMATS[name]
    can_mark = "reviewed" in format_.holds
    turns, expected = list(written(original, format_).turns), Counter()
    for place, scored in enumerate(turns):
        edit = data.draw(st.sampled_from(["none", "label", "mark"]))
        if edit == "label":
            label = data.draw(st.sampled_from(EMOTIONS))
            emotion = Emotion(label=label) if label != scored.emotion.label else scored.emotion
        elif edit == "mark" and can_mark and scored.emotion.label is not None:
            emotion = replace(scored.emotion, reviewed=True)
        else:
            emotion = scored.emotion
        turns[place] = replace(scored, emotion=emotion)
        expected[identity(turns[place])] += emotion != scored.emotion

    corrected = written(replace(original, turns=tuple(turns)), format_)

    assert reviewed(original, written(original, format_)) == Counter()
    assert reviewed(original, corrected) == +expected


@settings(max_examples=30)
@given(original=dialogues(), data=st.data())
def test_moved_turns_in_any_order_keep_the_labels_of_the_model(original, data):
    turns = []
    for scored in original.turns:
        shift = data.draw(st.sampled_from([-0.2, -0.015, 0.0, 0.1, 30.0]))
        turn = replace(scored.turn, start=scored.turn.start + shift, end=scored.turn.end + shift)
        turns.append(replace(scored, turn=turn, emotion=Emotion(label=scored.emotion.label)))

    corrected = replace(original, turns=tuple(data.draw(st.permutations(turns))))

    assert reviewed(original, corrected) == Counter()
