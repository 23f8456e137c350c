"""Names are printed with escapes for what would move the cursor, change colours or reorder text."""

from __future__ import annotations

import subprocess
import sys
import warnings

import click
import pytest
from support.cli_runner import run
from support.every_command import CASES, prepare

from emo2vec_plugins.cli.output import in_one_line, print_json_text, visible, visible_json
from emo2vec_plugins.core import hookimpl
from emo2vec_plugins.errors import Emo2vecError, Emo2vecWarning

HOSTILE = "\x9b31m\u202eevil\u200b\u2066"
"""A colour for terminals that know C1 controls, text from right to left, and nothing visible."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names that Windows refuses")


def assert_visible(result):
    for text in (result.stdout, result.stderr):
        hidden = {c for c in text if not c.isprintable()} - {"\n", "\t"}
        assert not hidden, (hidden, text)
    assert "this is a bug" not in result.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    prepare(folder, HOSTILE, speaker=HOSTILE)
    return folder


def hostile(arguments, model):
    """Return arguments with the hostile name, a fake model, and a file that does not exist."""
    return [
        model if each == "tiny" else each.replace("talk", HOSTILE).replace("onnx:tiny", "fake")
        for each in arguments
    ]


HEAVY = ("train", "calibrate", "bench", "export")
"""These need a real model, and print names of the same kinds as others."""
NAMING = [(command, line) for command, line in CASES if command not in HEAVY and line]


@pytest.mark.parametrize(("command", "arguments"), NAMING, ids=str)
def test_no_command_sends_names_to_the_terminal(place, monkeypatch, command, arguments):
    monkeypatch.chdir(place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyannote's imports
        assert_visible(run(*command.split(), *hostile(arguments, "fake"), "--overwrite"))
        assert_visible(run(*command.split(), *hostile(arguments, "fake")))


@pytest.mark.parametrize(("command", "arguments"), CASES, ids=str)
def test_names_in_errors_are_visible(tmp_path, monkeypatch, command, arguments):
    monkeypatch.chdir(tmp_path)
    odd = "\x1b[2J\r\x07" + HOSTILE

    for more in ([odd], [f"--{odd}"], ["--output", odd], ["--model", odd]):
        assert_visible(run(*command.split(), *hostile(arguments, odd), *more))


@pytest.mark.parametrize("arguments", [["\x1b[2J"], ["--\x1b[2J"], ["\x1b[2J", "--help"]])
def test_names_of_commands_are_visible(arguments):
    assert_visible(run(*arguments))


class Hostile:
    """A plugin with hostile texts wherever the package prints them."""

    @hookimpl
    def emo2vec_commands(self, cli):
        def say():
            warnings.warn("\x1b[2J", Emo2vecWarning, stacklevel=1)
            raise Emo2vecError("\x1b[2J\u202e")

        cli.add_command(click.Command("say", callback=say, short_help="\x1b[2J\u202e"))
        cli.add_command(click.Command("odd\x1b[2J", callback=say))

    @hookimpl
    def emo2vec_models(self):
        return ["\x1b[2J"]


@pytest.mark.parametrize("arguments", [["--help"], ["plugins"], ["models"], ["say"]])
def test_texts_of_plugins_are_visible(arguments):
    assert_visible(run(*arguments, plugins=[Hostile()]))


IN_A_TERMINAL = """
import os, pty, sys
from emo2vec_plugins.cli.output import echo, print_table
from emo2vec_plugins.cli.progress import progress

echo("a\\u202e\\x1b[2J")
print_table(["name"], [["b\\u202e\\x1b[2J"]])
with progress("c\\u202e\\x1b[2J[red]", total=1) as advance:
    advance()
"""


def test_a_terminal_gets_no_names_either():
    import pty

    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL], stdout=follower, stderr=follower
    ) as process:
        import os

        os.close(follower)
        shown = b""
        while True:
            try:
                part = os.read(leader, 4096)
            except OSError:  # Linux, when all of it was read
                break
            if not part:
                break
            shown += part
    os.close(leader)

    assert process.returncode == 0, shown
    text = shown.decode()
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    for name in ("a", "b", "c"):
        assert f"{name}\\u202e\\x1b[2J" in text
    assert "[red]" in text


def test_escapes_keep_ordinary_text():
    text = "Zoë 说 Ünïcode é ✓ \t tab\n"

    assert visible(text) == text
    assert in_one_line(text) == "Zoë 说 Ünïcode é ✓ tab"


def test_json_keeps_its_values(capsys):
    import json

    values = ["\x9b2J\u202e", "\U000e0001", "\udcff", "Zoë"]
    text = json.dumps(values, ensure_ascii=False)

    assert json.loads(visible_json(text)) == values
    print_json_text(text)
    assert json.loads(capsys.readouterr().out) == values


LOGGED = """
import logging, sys
from emo2vec_plugins.cli import main

main(["--debug", "formats"], standalone_mode=False)
logging.getLogger("emo2vec_plugins.x").debug("name: %s", "\\x1b[2J\\u202e")
"""


def test_debug_messages_are_visible():
    result = subprocess.run(
        [sys.executable, "-c", LOGGED], capture_output=True, text=True, check=True
    )

    assert result.stderr == "emo2vec: emo2vec_plugins.x: name: \\x1b[2J\\u202e\n"
