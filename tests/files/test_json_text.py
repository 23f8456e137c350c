"""JSON within bounds of depth, of numbers and of characters."""

from __future__ import annotations

import json

import pytest

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files.json_text import from_json


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -1.5, "a\u2028é😀", [], {}, {"a": [1, {"b": None}]}, 10**307, [[[]]] * 1000],
)
def test_json_is_read(value):
    assert from_json(json.dumps(value)) == value
    assert from_json("\ufeff" + json.dumps(value, ensure_ascii=False)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nil",
        "1 2",
        "[" * 100_000,
        "[" * 101 + "]" * 101,
        '{"a":' * 101 + "1" + "}" * 101,
        "9" * 309,
        "-" + "9" * 5000,
        r'"\ud800"',
        r'{"\udc00": 1}',
        '"\ud800\\ud800"',
        '"\0"',
    ],
)
def test_other_texts_are_refused_with_their_place(text):
    with pytest.raises(FormatError) as error:
        from_json(text, where="a.json")
    assert str(error.value).startswith("a.json: ")
    assert len(str(error.value)) < 200


def test_the_line_of_a_mistake_in_several_lines_is_named():
    with pytest.raises(FormatError, match="line 2"):
        from_json('{\n"a" 1}', where="a.json")


def test_pairs_of_surrogates_are_characters():
    assert from_json(r'"\ud83d\ude00"') == "😀"
    assert from_json(r'"\ud83d"', surrogates=True) == "\ud83d"
