"""Plain YAML, whose aliases, depth and numbers are bounded."""

from __future__ import annotations

import datetime
import time

import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.files import bounded
from emo2vec_plugins.files.yaml_text import from_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("\ufeffa: 1", {"a": 1}),
        ("a: &x [1, 2]\nb: *x\n", {"a": [1, 2], "b": [1, 2]}),
        ("a: &x {k: v}\nb: {<<: *x, l: w}\n", {"a": {"k": "v"}, "b": {"k": "v", "l": "w"}}),
        ("2020-01-02", datetime.date(2020, 1, 2)),
        ('{"json": [null, true, "\\u00e9"]}', {"json": [None, True, "é"]}),
        ("- " * 20 + "1", None),
    ],
)
def test_yaml_is_read(text, value):
    found = from_yaml(text, where="a.yaml")

    assert found == value or value is None


def laughs(levels, kind):
    """Return a document whose aliases expand ninefold at each level."""
    if kind == "list":
        lines = ["a0: &a0 [x]"] + [
            f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)
        ]
    else:  # merged mappings
        lines = ["a0: &a0 {x: y}"] + [
            f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, levels)
        ]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        laughs(40, "list"),
        laughs(40, "merge"),
        "&a [*a]",
        "&a {b: *a}",
        "[" * 100_000,
        "- " * 21 + "1",
        "[" * 20 + "{a: 1}" + "]" * 20,
        "\n".join(["- &a0 [1]"] + [f"- &a{n} [*a{n - 1}]" for n in range(1, 200)]),
        "9" * 5000,
        "1" + ":1" * 100_000,
        "1" * 5000 + ".5",
        "0x" + "f" * 5000,
        "!!int ''",
        "!!int x",
        "!!timestamp x",
        "!!bool x",
        "!!binary é",
        "2020-99-99",
        "!!python/object/apply:os.system [true]",
        "? [1]\n: 2",
        "a: *missing",
        "a: b: c",
        "\0",
        "a: \x07",
        "--- 1\n--- 2",
        "%YAML 9.9\n---\n1",
        "!<tag:yaml.org,2002:map> 1",
    ],
)
def test_other_documents_are_refused_in_time(text):
    begin = time.perf_counter()
    with pytest.raises(FormatError) as error:
        from_yaml(text, where="a.yaml")
    assert time.perf_counter() - begin < 10
    assert_facts(str(error.value), "a.yaml: ")
    assert len(str(error.value)) < 400
    assert "\n" not in str(error.value)


def test_many_deep_lists_are_refused_without_reading_them():
    deep = "[" * 90 + "]" * 90  # each open bracket makes every token slower to read
    begin = time.process_time()
    with pytest.raises(FormatError, match="20 levels"):
        from_yaml(f"[{', '.join([deep] * 1300)}]", where="a.yaml")
    assert time.process_time() - begin < 1


def test_the_line_is_named():
    with pytest.raises(FormatError, match="line 2"):
        from_yaml("a: 1\nb: c: d\n", where="a.yaml")


def test_a_file_that_would_take_long_is_refused(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n" * 400_000)

    with pytest.raises(OptionsError) as error:
        read_yaml(path, dict, expected="a mapping", wrong=OptionsError)
    assert_facts(str(error.value), str(path), "256KiB", "--read-limit", bounded.VARIABLE)


@pytest.mark.parametrize("content", [b"\xff\xfe\xff", b"\xe9", b"[1]", b"", b"a\0"])
def test_the_file_and_what_was_expected_are_named(tmp_path, content):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)

    with pytest.raises(OptionsError, match=r"a\.yaml"):
        read_yaml(path, dict, expected="a mapping", wrong=OptionsError)


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "x: {a: 1,\n  b: 2,\n  a: 3}\n"])
def test_a_key_that_occurs_twice_is_named(text):
    with pytest.raises(FormatError) as error:
        from_yaml(text, where="labels.yaml")

    assert_facts(str(error.value), "labels.yaml", "line 3", "'a'", "twice")
