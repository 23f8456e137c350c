"""Results by corpus, language, speaker or another field."""

from __future__ import annotations

import json
import math

import pytest
from lhotse import SupervisionSegment
from support.cli_runner import run
from support.facts import assert_facts
from support.labelled_cuts import labelled_cut, save_cuts

from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.evaluation.fields import fields_of, known_value, value_of
from emo2vec_plugins.evaluation.groups import MOST_DRAWN
from emo2vec_plugins.evaluation.metrics import evaluate
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.integrations.lhotse import LabelledTurn


def turns(truth, labels, *, speaker=None, **fields):
    """Return a turn for each pair of words; ``-`` means no prediction."""
    return [
        Prediction(
            id=f"{fields}-{number}",
            truth=true,
            label=None if label == "-" else label,
            scores=None if label == "-" else {label: 0.8, "other": 0.2},
            duration=1.0,
            speaker=speaker,
            fields=fields,
        )
        for number, (true, label) in enumerate(zip(truth.split(), labels.split(), strict=True))
    ]


ACTED = turns("angry angry sad sad", "angry sad sad sad", speaker="ann", corpus="acted")
PLAIN = turns("neutral neutral neutral", "neutral sad -", speaker="bob", corpus="plain")


def test_every_group_has_its_own_results():
    found = evaluate([*ACTED, *PLAIN], by=["corpus"], resamples=0).groups["corpus"]

    assert list(found) == ["acted", "plain"]
    acted = found["acted"]
    assert (acted.turns, acted.ua.value, acted.wa.value) == (4, 0.75, 0.75)
    assert [acted.recalls[name].value for name in ("angry", "sad")] == [0.5, 1.0]
    # A score of 0.8, of which three in four are right.
    assert acted.ece == pytest.approx(0.05)


def test_plain_speech_shows_what_it_is_taken_for():
    """All turns are neutral: recall says how often, the predictions say what else."""
    found = evaluate([*ACTED, *PLAIN], by=["corpus"], resamples=0)
    plain = found.groups["corpus"]["plain"]

    assert plain.present == ("neutral",)
    assert plain.ua.value == pytest.approx(1 / 3)
    assert (plain.recalls["angry"].value, plain.recalls["sad"].value) == (None, None)
    assert plain.predicted == {"angry": 0, "neutral": 1, "sad": 1, "unscored": 1}
    lines = found.table().splitlines()
    assert "plain has only neutral" in lines
    assert lines[
        lines.index("predicted % by corpus  angry  neutral   sad  unscored") + 2
    ].split() == [*("plain", "0.0", "33.3", "33.3", "33.3")]


def test_turns_without_the_field_are_a_group_and_a_speaker_is_a_field():
    found = evaluate(
        [*ACTED, *turns("sad", "sad")], by=["corpus", "speaker", "corpus"], resamples=0
    ).groups

    assert {field: list(groups) for field, groups in found.items()} == {
        "corpus": ["acted", "(none)"],
        "speaker": ["ann", "(none)"],
    }


def test_turns_that_are_left_out_have_no_part_in_a_group():
    lost = turns("sad sad", "- -", corpus="lost")

    found = evaluate([*ACTED, *lost], unscored="leave-out", by=["corpus"], resamples=0)

    assert found.groups["corpus"]["lost"].turns == 2
    assert found.groups["corpus"]["lost"].ua.value is None
    assert "lost has only turns that are left out" in found.table()
    json.dumps(found.to_json(), allow_nan=False)


def test_intervals_are_drawn_within_a_group():
    more = (turns("angry sad", "sad sad", speaker=name, corpus="acted") for name in "cdef")
    one = [*ACTED, *(each for own in more for each in own)]

    found = evaluate([*one, *PLAIN], by=["corpus"], resamples=50, resample_by="speaker")

    groups = found.groups["corpus"]
    assert groups["acted"].ua.low <= groups["acted"].ua.value <= groups["acted"].ua.high
    assert groups["plain"].ua.low is None  # one speaker


def test_a_value_and_its_absence_are_two_groups():
    given = [*turns("sad", "sad", corpus="unknown"), *turns("sad", "sad")]

    assert list(evaluate(given, by=["corpus"], resamples=0).groups["corpus"]) == [
        *("unknown", "(none)"),
    ]


def test_many_groups_have_no_intervals():
    def groups(count):
        each = [turns("sad " * 5, "sad sad angry sad sad", clip=str(n)) for n in range(count)]
        found = evaluate([one for own in each for one in own], by=["clip"], resamples=2)
        return found.groups["clip"].values()

    assert all(each.wa.low is not None for each in groups(MOST_DRAWN))
    assert all(each.wa.low is None for each in groups(MOST_DRAWN + 1))


def test_names_of_groups_cannot_break_the_table():
    found = evaluate(
        [
            *ACTED,
            *turns("sad", "sad", corpus="a\nb\x1b[31m"),
            *turns("sad", "sad", corpus="x" * 999),
        ],
        by=["corpus"],
        resamples=0,
    )

    assert "\x1b" not in found.table()
    assert max(map(len, found.table().splitlines())) < 200
    assert "a\nb\x1b[31m" in found.to_json()["groups"]["corpus"]


def supervision(**more):
    return SupervisionSegment(id="s", recording_id="r", start=0, duration=1, **more)


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"speaker": 7}, "speaker", "7"),
        ({"gender": "F"}, "sex", "F"),
        ({"custom": {"sex": "male"}}, "sex", "male"),
        ({"language": "de", "custom": {"language": "pl"}}, "language", "de"),
        ({"custom": {"corpus": " emodb "}}, "corpus", "emodb"),
        ({"custom": {"age": 31}}, "age", "31"),
        ({"custom": {"corpus": " "}}, "corpus", None),
        ({"custom": {"age": math.nan}}, "age", None),
        ({}, "corpus", None),
        ({}, "id", None),
    ],
)
def test_fields_are_attributes_or_custom_fields(given, field, value):
    assert value_of(supervision(**given), field) == value


def test_a_value_that_is_no_text_is_named():
    with pytest.raises(OptionsError) as error:
        value_of(supervision(custom={"votes": {"sad": 2}}), "votes")

    assert_facts(str(error.value), "'s'", "'votes'", "{'sad': 2}")
    assert known_value(supervision(custom={"votes": {"sad": 2}}), "votes") is None
    assert known_value(supervision(custom={"age": 31}), "age") == "31"


def test_a_field_with_too_many_values_is_named():
    turns = [
        LabelledTurn(cut=None, supervision=supervision(custom={"g": number}), label="sad")
        for number in range(4)
    ]

    assert [each["g"] for each in fields_of(turns, ["g"], most=4)] == ["0", "1", "2", "3"]
    with pytest.raises(OptionsError) as error:
        fields_of(turns, ["g"], most=3)
    assert_facts(str(error.value), "'g'", "4 values", "at most 3 groups")


def test_a_field_without_any_value_is_named():
    turn = LabelledTurn(cut=None, supervision=supervision(custom={"g": math.nan}), label="sad")

    with pytest.raises(OptionsError) as error:
        fields_of([turn], ["g"])
    assert_facts(str(error.value), "no turn has a value", "'g'")


@pytest.fixture
def manifest(write, noise, tmp_path):
    """Six turns of two corpora, with predictions in another field."""
    cuts = [
        labelled_cut(
            write(f"clip{number}.wav", noise(32000, seed=number), 16000),
            *("angry", "sad"),
            speaker=str(number),
            predicted="angry",
            corpus="one" if number else "two",
        )
        for number in range(3)
    ]
    return save_cuts(tmp_path / "cuts.jsonl.gz", *cuts)


def test_the_command_groups_by_fields_of_the_manifest(manifest):
    result = run(
        *("evaluate", manifest, "--predicted-field", "predicted", "--report", "-"),
        *("--by", "corpus", "--by", "speaker", "--resamples", 0),
    )

    assert result.exit_code == 0, result.stderr
    groups = json.loads(result.stdout)["groups"]
    assert {name: each["turns"] for name, each in groups["corpus"].items()} == {"two": 2, "one": 4}
    assert groups["corpus"]["one"]["recalls"]["sad"] == {"value": 0.0, "low": None, "high": None}
    assert groups["corpus"]["one"]["predicted"] == {"angry": 4, "sad": 0}
    assert list(groups["speaker"]) == ["0", "1", "2"]


def test_a_model_is_judged_by_group(manifest):
    result = run("evaluate", manifest, "--model", "fake", "--by", "corpus", "--resamples", 0)

    assert result.exit_code == 0, result.stderr
    assert_facts(result.stdout, "by corpus ", "recall % by corpus", "predicted % by corpus")


def test_an_unknown_field_is_named_with_those_that_exist_before_turns_are_scored(manifest):
    result = run("evaluate", manifest, "--model", "nosuch", "--by", "corpora")

    assert result.exit_code == 1
    assert_facts(
        result.stderr, manifest, "'corpora'", "did you mean 'corpus'", "speaker", "predicted"
    )
