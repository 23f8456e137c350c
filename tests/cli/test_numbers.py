"""Numbers on the command line are finite and not absurdly large."""

from __future__ import annotations

import click
import pytest
from support.cli_runner import run
from support.cli_tree import COMMANDS
from support.facts import assert_facts

from emo2vec_plugins.cli.numbers import COUNT, POSITIVE, Integer, Number

NUMBERS = [
    (words, each)
    for words, command in COMMANDS.items()
    for each in command.params
    if isinstance(each.type, type(click.FLOAT) | type(click.INT))
]


@pytest.mark.parametrize(("words", "option"), NUMBERS, ids=lambda each: getattr(each, "name", None))
def test_every_number_has_a_type_with_limits(words, option):
    assert isinstance(option.type, Number | Integer), (words, option.opts)


@pytest.mark.parametrize(("words", "option"), NUMBERS, ids=lambda each: getattr(each, "name", None))
def test_the_help_has_a_limit_of_every_number(words, option):
    assert (option.type.min, option.type.max) != (None, None), (words, option.opts)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e305", "1e10", "1" + "0" * 400])
def test_numbers_without_limits_are_refused(value):
    with pytest.raises(click.BadParameter):
        POSITIVE.convert(value, None, None)
    with pytest.raises(click.BadParameter):
        Number().convert(value, None, None)


@pytest.mark.parametrize("value", ["1" + "0" * 30, "-1", "0", "nan", "1e3"])
def test_integers_without_limits_are_refused(value):
    with pytest.raises(click.BadParameter):
        COUNT.convert(value, None, None)


def test_usual_numbers_are_unchanged():
    assert POSITIVE.convert("0.5", None, None) == 0.5
    assert COUNT.convert("1000000000", None, None) == 1_000_000_000


@pytest.mark.parametrize("option", ["--max-window", "--batch-seconds"])
def test_a_wrong_number_is_wrong_usage_and_names_its_option(option):
    result = run("score", "a.wav", option, "1e305")

    assert result.exit_code == 2
    assert_facts(result.stderr, option, "1e+305")
