"""stdout has only results, whatever libraries print; closed and full streams are errors in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from support.cli_runner import run
from support.facts import assert_facts
from support.paths import ROOT, TESTS, names_in

from emo2vec_plugins.cli import command, echo
from emo2vec_plugins.core import Plugins, hookimpl

NOISY = """
import ctypes, os, subprocess, sys
print("from an import")
from support.cli_runner import FakeModels
from emo2vec_plugins.cli import main
from emo2vec_plugins import Plugins, hookimpl
from emo2vec_plugins.testing import FakeBackend

class Noisy(FakeBackend):
    def run(self, waveforms):
        print("from Python")
        sys.stdout.write("to sys.stdout")
        os.write(1, b"to the descriptor")
        subprocess.run(["echo", "from a program"], check=True)
        ctypes.CDLL(None).printf(b"from C")  # C keeps it until it is flushed
        return super().run(waveforms)

class Loading:
    @hookimpl
    def emo2vec_commands(self, cli):
        print("from a plugin")

print("end of imports")
main(obj=Plugins([FakeModels(Noisy()), Loading()], installed=False))
"""
PRINTED = ("from Python", "to sys.stdout", "to the descriptor", "from a program", "from C")


def child(*arguments, **more):
    path = os.pathsep.join((str(ROOT), str(TESTS)))
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": path},
        **more,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs echo and a C library")
def test_what_libraries_print_is_not_in_the_results(write, noise):
    audio = write("a.wav", noise(16_000), 16_000)

    result = child("-c", NOISY, "score", "-m", "fake", audio, stdout=subprocess.PIPE)

    own, line = result.stdout.split("end of imports\n")
    assert own == "from an import\n"
    assert json.loads(line)["recording"] == "a"
    assert_facts(result.stderr, *PRINTED, "from a plugin")


def adding(add):
    class Adding:
        @hookimpl
        def emo2vec_commands(self, cli):
            add(cli)

    return Adding()


def test_a_command_of_a_plugin_prints_as_it_likes():
    @click.command("say")
    def say():
        print("a result")  # noqa: T201

    result = run("say", plugins=[adding(lambda cli: cli.add_command(say))])

    assert (result.stdout, result.stderr) == ("a result\n", "")


def test_a_command_of_a_plugin_can_keep_its_results_apart():
    @command("say")
    def say():
        print("a library")  # noqa: T201
        echo("a result")

    result = run("say", plugins=[adding(lambda cli: cli.add_command(say))])

    assert (result.stdout, result.stderr) == ("a result\n", "a library\n")


def shell(line):
    program = f'exec "{sys.executable}" -m emo2vec_plugins {line}'
    return subprocess.run(
        ["sh", "-c", program], capture_output=True, text=True, timeout=120, check=False
    )


unix = pytest.mark.skipif(sys.platform == "win32", reason="needs a shell of Unix")


@unix
@pytest.mark.parametrize(
    ("line", "facts"),
    [("models >&-", ["stdout is closed"]), ("models >/dev/full", ["No space left on device"])],
)
def test_results_that_cannot_be_written_are_an_error(line, facts):
    if "full" in line and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    result = shell(line)

    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert_facts(result.stderr, "emo2vec: error: ", *facts)


@unix
@pytest.mark.parametrize("line", ["models 2>&-", "models <&-", "models <&- 2>&-"])
def test_other_closed_streams_do_not_matter(line):
    result = shell(line)

    assert (result.returncode, result.stderr) == (0, "")
    assert "tiny" in result.stdout


@unix
def test_an_output_is_not_mistaken_for_a_closed_stream(tmp_path, write, noise):
    write("a.wav", noise(16_000), 16_000)

    result = shell(f"score {tmp_path}/a.wav -m tiny -o {tmp_path}/a.jsonl <&- 2>&-")

    assert result.returncode == 0
    [line] = (tmp_path / "a.jsonl").read_text().splitlines()
    assert json.loads(line)["recording"] == "a"


@unix
def test_a_list_on_a_closed_stdin_is_an_error_in_one_line():
    result = shell("score - -m tiny <&-")

    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert_facts(result.stderr, "emo2vec: error: ", "stdin", "closed")


@unix
@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ("score a.wav -q -m tiny -o /dev/stdout | cat", ["stdout", "'-'"]),
        ("score a.wav -q -m tiny -o /dev/fd/1 > out", ["stdout", "'-'"]),
        ("score a.wav -q -m tiny -o /dev/stderr 2> out", ["stderr", "another name"]),
        ("convert x.rttm --format elan -o link > out", ["stdout", "another name"]),
    ],
)
def test_a_standard_stream_is_not_the_name_of_a_file(line, facts, tmp_path, monkeypatch):
    if not Path("/dev/stdout").exists():
        pytest.skip("needs /dev/stdout")
    (tmp_path / "link").symlink_to("/dev/stdout")
    monkeypatch.chdir(tmp_path)

    result = shell(f"{line}; echo status $?")

    shown = (tmp_path / "out").read_text() if "out" in names_in(tmp_path) else ""
    assert_facts(result.stderr + shown, *facts)
    assert "recording" not in result.stdout + shown


@unix
@pytest.mark.parametrize(
    "line", ["score a.wav -m tiny -q -o", "convert x.rttm -q --format emotions.jsonl -o"]
)
def test_a_named_pipe_gets_the_results(line, tmp_path, write, noise, monkeypatch):
    write("a.wav", noise(16_000), 16_000)
    (tmp_path / "x.rttm").write_text("SPEAKER a 1 0.000 1.000 <NA> <NA> ann <NA> <NA>\n")
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    pipe = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)

    result = shell(f"{line} pipe")
    found = os.read(pipe, 100_000)
    os.close(pipe)

    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert json.loads(found)["recording"] == "a"


@unix
def test_a_reader_of_a_pipe_that_goes_is_no_error():
    program = f'"{sys.executable}" -m emo2vec_plugins formats | true'

    result = subprocess.run(["sh", "-c", program], capture_output=True, text=True, check=False)

    assert result.stderr == ""


def commands(group):
    for each in group.commands.values():
        loaded = each.load() if hasattr(each, "load") else each
        yield from commands(loaded) if isinstance(loaded, click.Group) else [loaded]


def test_every_command_keeps_its_results_apart():
    group = click.Group()
    Plugins(installed=False).add_commands(group)

    kind = type(command("x")(lambda: None))
    assert {type(each) for each in commands(group)} == {kind}


def test_only_the_modules_for_output_print():
    ways = ("click.echo(", "click.secho(", "sys.stdout.write", "stdout.buffer")
    allowed = {ROOT / "emo2vec_plugins" / "cli" / name for name in ("output.py", "streams.py")}
    paths = {*(ROOT / "emo2vec_plugins").rglob("*.py")} - allowed

    printing = [path.name for path in paths if any(way in path.read_text("utf-8") for way in ways)]

    assert printing == []
