"""Formats and models with attributes of the wrong type are rejected when they are made."""

from __future__ import annotations

import pytest

from emo2vec_plugins import Format, NamedModel, Plugins, hookimpl
from emo2vec_plugins.errors import FormatError, OptionsError, PluginWarning

FORMAT = {"name": "l", "suffixes": (".l",), "description": "", "dumps": str}
MODEL = {"name": "m", "description": "", "load": print}


@pytest.mark.parametrize(
    ("wrong", "facts"),
    [
        ({"name": 3}, "name .*string, got 3"),
        ({"name": ""}, "name .*non-empty string, got ''"),
        ({"suffixes": None}, "suffixes .*'l' .*tuple of strings, got None"),
        ({"suffixes": (1,)}, r"suffixes .*'l' .*tuple of strings, got \(1,\)"),
        ({"description": None}, "description .*'l' .*string, got None"),
        ({"dumps": "text"}, "dumps .*'l' .*function or None, got 'text'"),
        ({"loads": 0}, "loads .*'l' .*function or None, got 0"),
        ({"binary": "no"}, "binary .*'l' .*True or False, got 'no'"),
        ({"holds": "speaker"}, "holds .*'l' .*set of strings or None, got 'speaker'"),
        ({"holds": {1}}, r"holds .*'l' .*set of strings or None, got \{1\}"),
        ({"ticks": 0.001}, "ticks .*'l' .*integer of at least 0, got 0.001"),
        ({"ticks": True}, "ticks .*'l' .*integer of at least 0, got True"),
        ({"least": -1}, "least .*'l' .*integer of at least 0, got -1"),
    ],
)
def test_a_badly_typed_format_is_rejected(wrong, facts):
    with pytest.raises(FormatError, match=facts):
        Format(**FORMAT | wrong)


@pytest.mark.parametrize(
    "changed", [{"suffixes": [".l"]}, {"suffixes": ()}, {"holds": {"label"}}, {"ticks": 1000}]
)
def test_a_valid_format_is_accepted(changed):
    Format(**FORMAT | changed)


@pytest.mark.parametrize(
    ("wrong", "facts"),
    [
        ({"name": ""}, "name .*non-empty string, got ''"),
        ({"name": None}, "name .*string, got None"),
        ({"description": 3}, "description .*'m' .*string, got 3"),
        ({"load": None}, "load .*'m' .*function, got None"),
        ({"needs_source": "yes"}, "needs_source .*'m' .*True or False, got 'yes'"),
    ],
)
def test_a_badly_typed_model_is_rejected(wrong, facts):
    with pytest.raises(OptionsError, match=facts):
        NamedModel(**MODEL | wrong)


def test_a_badly_typed_format_does_not_break_those_of_other_plugins():
    class Bad:
        @hookimpl
        def emo2vec_formats(self):
            return [Format(**FORMAT | {"description": None})]

    with pytest.warns(PluginWarning, match=r"Bad'.*description .*'l' "):
        found = Plugins([Bad()], installed=False).formats()

    assert "rttm" in found
    assert "l" not in found
