"""``--allow`` and ``--root`` are on every command whose inputs name models or audio."""

from __future__ import annotations

import pytest
from support.cli_tree import COMMANDS

from emo2vec_plugins.core import KINDS

# bench writes a copy of a model with what our own parser found, and reads no audio of others.
WITHOUT = {("bench",)}
AUDIO = {("report",), ("review", "read"), ("train",), ("calibrate",)}


def options_of(words):
    return {name: each for each in COMMANDS[words].params for name in each.opts}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_with_a_model_take_permissions(words):
    options = options_of(words)

    if "--model" in options and words not in WITHOUT:
        assert [*options["--allow"].type.choices] == [*KINDS]
        assert options["--allow"].multiple
    else:
        assert "--allow" not in options


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_that_read_audio_take_a_root(words):
    options = options_of(words)

    assert ("--root" in options) == ("--max-window" in options or words in AUDIO)
