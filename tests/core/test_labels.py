"""Emotion classes and the raw tokens in checkpoints."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from emo2vec_plugins.core.labels import COLOURS, EMOTIONS, LabelSet, canonical
from emo2vec_plugins.errors import LabelError

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


def test_a_string_is_rejected_as_a_list_of_labels():
    with pytest.raises(LabelError, match=r"list.* string 'angry'"):
        LabelSet.from_tokens(["angry", "sad"]).restrict("angry")


def test_no_restriction_keeps_all():
    labels = LabelSet.from_tokens(SEED)

    assert labels.restrict(None) is labels


@pytest.mark.parametrize(
    ("wanted", "facts"),
    [
        (["bored"], ["bored", "angry, happy, neutral, sad, unknown"]),
        ([], ["none given"]),
        (["sad", "Sad"], ["repeated", "sad"]),
        (["disgusted", "sad"], ["no class disgusted"]),
        (["angry happy"], ["angry happy", "commas"]),
    ],
)
def test_labels_that_cannot_be_kept_are_rejected(wanted, facts):
    with pytest.raises(LabelError) as caught:
        LabelSet.from_tokens(SEED).restrict(wanted)

    for fact in facts:
        assert fact in str(caught.value)


def test_restricting_a_model_without_classes_is_an_error():
    with pytest.raises(LabelError, match=r"sad.*no classes"):
        LabelSet.from_tokens([]).restrict(["sad"])


def test_two_rows_with_one_name_are_rejected():
    with pytest.raises(LabelError, match=r"repeated.*angry"):
        LabelSet.from_tokens(["生气/angry", "angry"])


@pytest.mark.parametrize("token", ["生气", "", "生气/", "very angry"])
def test_a_token_without_an_ascii_name_is_rejected(token):
    with pytest.raises(LabelError, match="ASCII") as caught:
        LabelSet.from_tokens([token])

    assert repr(token) in str(caught.value)


def test_each_emotion_has_its_own_colour():
    assert len(set(COLOURS.values())) == len(EMOTIONS) == 9


# Simulation matrices for linear RGB with the strongest form of each colour blindness, from
# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency", 2009.
SIGHT = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = [[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0178, 0.1095, 0.8728]]  # white: 1


def lab(colour, sight):
    """Return the CIELAB coordinates of a colour as seen with *sight*."""
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(np.array(XYZ) @ np.clip(np.array(sight) @ linear, 0, 1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT.values(), ids=SIGHT)
def test_colours_are_distinguishable_with_colour_blindness(sight):
    """A difference of 2.3 is just noticeable; the two lighter greys also have textures."""
    plain = [colour for name, colour in COLOURS.items() if name not in ("other", "unknown")]
    seen = [lab(colour, sight) for colour in plain]

    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 15
