"""Classes and the raw tokens that checkpoints have for them."""

from __future__ import annotations

import pytest

from emo2vec_plugins.errors import LabelError
from emo2vec_plugins.labels import COLOURS, EMOTIONS, LabelSet, canonical

PUBLISHED = (
    "生气/angry",
    "厌恶/disgusted",
    "恐惧/fearful",
    "开心/happy",
    "中立/neutral",
    "其他/other",
    "难过/sad",
    "吃惊/surprised",
    "<unk>",
)
SEED = ("angry", "unuse_0", "unuse_1", "happy", "neutral", "unuse_2", "sad", "unuse_3", "<unk>")


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("生气/angry", "angry"),
        ("<unk>", "unknown"),
        ("Happy", "happy"),
        (" sad ", "sad"),
        ("a/b/c", "c"),
    ],
)
def test_tokens_have_canonical_names(token, name):
    assert canonical(token) == name


def test_the_published_tokens_are_the_nine_emotions():
    labels = LabelSet.from_tokens(PUBLISHED)

    assert labels.names == EMOTIONS
    assert labels.columns == tuple(range(9))
    assert labels.tokens == PUBLISHED


def test_unused_rows_are_no_classes():
    labels = LabelSet.from_tokens(SEED)

    assert labels.names == ("angry", "happy", "neutral", "sad", "unknown")
    assert labels.columns == (0, 3, 4, 6, 8)


def test_the_published_file_is_read(shared):
    lines = (shared / "published_model" / "tokens.txt").read_text("utf-8").split("\n")

    assert LabelSet.from_tokens(line for line in lines if line).names == EMOTIONS


def test_labels_are_kept_in_the_order_of_the_head():
    labels = LabelSet.from_tokens(PUBLISHED).restrict(["sad", "angry", "<unk>"])

    assert labels.names == ("angry", "sad", "unknown")
    assert labels.columns == (0, 6, 8)


def test_one_string_is_no_list_of_labels():
    with pytest.raises(LabelError, match="a list of names, got the string 'angry'"):
        LabelSet.from_tokens(["angry", "sad"]).restrict("angry")


def test_no_restriction_keeps_all():
    labels = LabelSet.from_tokens(SEED)

    assert labels.restrict(None) is labels


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["bored"], "no class bored; it has angry, happy, neutral, sad, unknown"),
        ([], r"no class \(none given\)"),
        (["sad", "Sad"], "given twice: sad"),
        (["disgusted", "sad"], "no class disgusted"),
        (["angry happy"], "names are separated by commas"),
    ],
)
def test_labels_that_cannot_be_kept_are_refused(wanted, message):
    with pytest.raises(LabelError, match=message):
        LabelSet.from_tokens(SEED).restrict(wanted)


def test_a_model_without_classes_says_so():
    with pytest.raises(LabelError, match="it has no classes at all"):
        LabelSet.from_tokens([]).restrict(["sad"])


def test_two_rows_of_one_name_are_refused():
    with pytest.raises(LabelError, match="given twice: angry"):
        LabelSet.from_tokens(["生气/angry", "angry"])


@pytest.mark.parametrize("token", ["生气", "", "生气/", "very angry"])
def test_a_token_without_plain_name_is_refused(token):
    with pytest.raises(LabelError, match="no ASCII class name"):
        LabelSet.from_tokens([token])


def test_each_emotion_has_a_colour_of_its_own():
    assert len(set(COLOURS.values())) == len(EMOTIONS) == 9
