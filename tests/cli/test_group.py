"""What holds for every command: help, plugins' commands, errors, warnings, exit statuses."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import warnings

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from support.cli_runner import run
from support.facts import assert_facts

from emo2vec_plugins import files, hookimpl
from emo2vec_plugins._version import __version__
from emo2vec_plugins.cli import main
from emo2vec_plugins.cli.group import SECTIONS
from emo2vec_plugins.cli.lazy import LazyCommand, lazy_command
from emo2vec_plugins.cli.progress import step_progress
from emo2vec_plugins.core.format import Format
from emo2vec_plugins.core.plugins import Plugins
from emo2vec_plugins.errors import Emo2vecError, Emo2vecWarning


class Offering:
    """Adds the command ``say``, which does whatever it was made with."""

    def __init__(self, action, name="say"):
        self.action = action
        self.name = name

    @hookimpl
    def emo2vec_commands(self, cli):
        cli.add_command(click.Command(self.name, callback=self.action, help="Say it."))


class Broken:
    @hookimpl
    def emo2vec_commands(self, cli):
        raise RuntimeError("over\nthere")


def raising(error):
    def action():
        raise error

    return Offering(action)


class Other(BaseException):
    """Neither an `Exception` nor Ctrl-C."""


@pytest.mark.parametrize("error", [Other("\x1b[2J"), GeneratorExit("over"), SystemExit("\x1b[2J")])
def test_a_command_may_raise_anything(error):
    result = run("say", plugins=[raising(error)])

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert_facts(result.stderr, str(error).replace("\x1b", "\\x1b"))


def test_a_command_may_set_its_exit_status():
    assert run("say", plugins=[raising(SystemExit(7))]).exit_code == 7


def emo2vec(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "emo2vec_plugins", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )


def lazy_commands():
    offered = click.Group()
    Plugins(installed=False).add_commands(offered)
    return [*main.commands.values(), *offered.commands.values()]


@pytest.mark.parametrize("command", lazy_commands(), ids=lambda each: each.name)
def test_a_command_is_listed_as_it_describes_itself(command):
    assert isinstance(command, LazyCommand)
    own = command.load()

    assert own.name == command.name
    assert own.get_short_help_str(100) == command.get_short_help_str(100)


def test_a_command_that_is_not_loaded_runs_in_any_group():
    group = click.Group(commands={each.name: each for each in lazy_commands()})

    result = CliRunner().invoke(group, ["pseudo-label", "--help"])

    assert "--max-ratio" in result.output


def test_the_names_for_plugins_commands_are_there():
    import emo2vec_plugins.cli as cli

    assert all(getattr(cli, name) for name in cli.__all__)
    with pytest.raises(AttributeError, match=r"No emo2vec_plugins\.cli attribute dance"):
        _ = cli.dance


def test_help_lists_every_command():
    commands = {"cuts", "demo", "diarize", "models", "plugins", "rttm", "score", "selfcheck"}

    result = run("--help")

    assert result.exit_code == 0
    assert commands <= set(result.stdout.split())
    assert result.stderr == ""


def test_help_fits_each_command_on_its_line():
    assert "..." not in run("--help").stdout.partition("Annotate:")[2]


def test_help_imports_no_heavy_library():
    heavy = ("torch", "lhotse", "pyannote.audio", "funasr", "rich", "huggingface_hub")
    code = (
        "import sys\nfrom emo2vec_plugins.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print('loaded', [name for name in {heavy!r} if name in sys.modules])"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert result.stdout.splitlines()[-1] == "loaded []"


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version_is_shown(option):
    assert run(option).stdout == f"emo2vec, version {__version__}\n"


def test_help_has_sections_and_commands_of_plugins_come_last():
    shown = run("--help", plugins=[Offering(lambda: None)]).stdout
    headings = [line for line in shown.splitlines() if line.endswith(":") and line[0] != " "]

    assert headings == ["Options:", *(f"{each}:" for each in SECTIONS)]
    assert shown.index("Other commands:") < shown.index("  say")


@pytest.mark.parametrize("section", [None, 3, ["x"], "", " "])
def test_a_section_that_is_not_text_is_ignored(section):
    class Odd:
        @hookimpl
        def emo2vec_commands(self, cli):
            lazy_command(cli, "say", "Say it.", section=section)(lambda: None)

    assert "Other commands:\n  say  Say it." in run("--help", plugins=[Odd()]).stdout


def test_a_section_of_a_plugin_is_shown():
    class Sectioned:
        @hookimpl
        def emo2vec_commands(self, cli):
            lazy_command(cli, "say", "Say it.", section="Speech")(lambda: None)

    shown = run("--help", plugins=[Sectioned()]).stdout

    assert "Speech:\n  say  Say it." in shown


@pytest.mark.parametrize("command", lazy_commands(), ids=lambda each: each.name)
def test_help_of_a_command_has_examples(command):
    shown = run(command.name, "--help").stdout

    if command.name != "review":  # a group
        example = shown[shown.index("Example") :]
        assert f"    emo2vec {command.name}" in example


@pytest.mark.parametrize(("wrong", "meant"), [("rtm", "'rttm'"), ("modles", "'models'")])
def test_a_close_command_is_suggested(wrong, meant):
    result = run(wrong)

    assert result.exit_code == 2
    assert_facts(result.stderr, repr(wrong), f"did you mean {meant}")


def test_a_file_in_place_of_a_command_gets_the_commands_for_files(tmp_path):
    (tmp_path / "meeting.wav").touch()

    result = run(tmp_path / "meeting.wav")

    assert result.exit_code == 2
    assert_facts(result.stderr, "emo2vec rttm", "emo2vec diarize")


def test_an_unlike_command_suggests_nothing():
    result = run("zzzzzz")

    assert result.exit_code == 2
    assert "'zzzzzz'" in result.stderr
    assert "did you mean" not in result.stderr


def complete(words, **more):
    return emo2vec(_EMO2VEC_COMPLETE="bash_complete", COMP_WORDS=words, **more).stdout.splitlines()


def test_commands_and_options_are_completed():
    assert complete("emo2vec r", COMP_CWORD="1") == ["plain,report", "plain,review", "plain,rttm"]
    assert complete("emo2vec rttm --overl", COMP_CWORD="2") == ["plain,--overlap"]


def completed(arguments, incomplete, *plugins):
    context = {"obj": Plugins(plugins, installed=False)}
    completion = ShellComplete(main, context, "emo2vec", "_EMO2VEC_COMPLETE")
    return [(each.value, each.type) for each in completion.get_completions(arguments, incomplete)]


class Unimportable:
    def __init__(self, load):
        self.load = load

    @hookimpl
    def emo2vec_commands(self, cli):
        lazy_command(cli, "rot", "Cannot be imported.")(self.load)


def fail():
    raise ImportError("no such library")


@pytest.mark.parametrize("load", [fail, lambda: None])
def test_a_command_that_cannot_be_imported_does_not_break_completion(load):
    names = [value for value, _ in completed([], "r", Unimportable(load))]

    assert names == ["report", "review", "rot", "rttm"]
    assert all(value.startswith("--") for value, _ in completed(["rot"], "--", Unimportable(load)))


@pytest.mark.parametrize(
    ("load", "reason"), [(fail, "ImportError: no such library"), (lambda: None, "None")]
)
def test_a_command_that_cannot_be_imported_names_its_plugin(load, reason):
    result = run("rot", plugins=[Unimportable(load)])

    assert result.exit_code == 1
    assert_facts(result.stderr, "'Unimportable'", "'rot'", reason)
    assert "bug" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "incomplete", "found"),
    [
        (["rttm"], "mee", [("mee", "file")]),
        (["rttm", "--rttm"], "mee", [("mee", "file")]),
        (["rttm", "-o"], "", [("", "file")]),
        (["rttm", "--format"], "te", [("textgrid", "plain")]),
        (["convert", "--input-format"], "el", [("elan", "plain")]),
        (["rttm", "--model"], "ti", [("tiny", "plain")]),
        (["rttm", "--model"], "./mine", [("./mine", "file")]),
        (["rttm", "--overlap"], "ex", [("exclude", "plain")]),
    ],
)
def test_files_and_values_are_completed(arguments, incomplete, found):
    assert completed(arguments, incomplete) == found


def test_listings_are_json_on_request():
    models = json.loads(run("models", "--json").stdout)
    plugins = json.loads(run("plugins", "--json", plugins=[Offering(lambda: None)]).stdout)

    assert {each["name"]: each["default"] for each in models}["emotion2vec_plus_large"] is True
    assert {"name", "description", "default"} == models[0].keys()
    assert plugins[0] == {
        "name": "Offering",
        "origin": "passed in",
        "hooks": ["commands"],
        "offers": ["command say"],
    }


def test_module_runs_as_the_command():
    result = emo2vec("--version")

    assert (result.returncode, result.stdout) == (0, f"emo2vec, version {__version__}\n")


def test_plugin_adds_a_command():
    offering = Offering(lambda: click.echo("hello"))

    assert "Say it." in run("--help", plugins=[offering]).stdout
    assert run("say", plugins=[offering]).stdout == "hello\n"


def test_plugins_of_one_run_are_not_those_of_the_next():
    run("say", plugins=[Offering(lambda: None)])

    assert run("say").exit_code == 2


def test_plugin_cannot_take_the_place_of_a_built_in_command():
    result = run("models", plugins=[Offering(lambda: click.echo("mine"), name="models")])

    assert "mine" not in result.stdout
    listing = run("--help", plugins=[Offering(lambda: None, name="models")])
    (line,) = listing.stderr.splitlines()
    for fact in ("emo2vec: warning: ", "plugin 'Offering'", "command 'models'"):
        assert fact in line


def test_broken_plugin_is_one_warning_in_one_line():
    result = run("--help", plugins=[Broken()])

    assert result.exit_code == 0
    assert "score" in result.stdout
    (line,) = result.stderr.splitlines()
    for fact in ("emo2vec: warning: ", "plugin 'Broken'", "emo2vec_commands: RuntimeError"):
        assert fact in line


def test_mistake_is_one_line_and_status_1():
    result = run("say", plugins=[raising(Emo2vecError("no\nsuch thing"))])

    assert result.exit_code == 1
    assert result.stderr == "emo2vec: error: no such thing\n"
    assert result.stdout == ""


def test_operating_systems_refusal_is_one_line_and_status_1():
    error = PermissionError(13, "Permission denied", "/results")

    result = run("say", plugins=[raising(error)])

    assert (result.exit_code, result.stderr) == (
        1,
        "emo2vec: error: /results: Permission denied\n",
    )


def test_bug_says_how_to_see_where():
    result = run("say", plugins=[raising(KeyError("x"))])

    assert result.exit_code == 1
    assert_facts(result.stderr, "emo2vec: error: ", "bug", "KeyError: 'x'", "emo2vec --debug")


def test_the_limit_of_reading_holds_for_one_command(monkeypatch):
    monkeypatch.delenv("EMO2VEC_READ_LIMIT", raising=False)
    limits = []

    said = Offering(lambda: limits.append(files.read_limit()))
    default = files.read_limit()
    assert run("--read-limit", "2GB", "say", plugins=[said]).exit_code == 0
    assert run("say", plugins=[said]).exit_code == 0
    assert limits == [2_000_000_000, default]


def test_a_limit_that_is_no_size_is_wrong_usage():
    result = run("--read-limit", "much", "formats")

    assert result.exit_code == 2
    assert_facts(result.stderr, "--read-limit", "much", "2GB")


@pytest.mark.parametrize("arguments", [["--debug", "say"], ["say"]])
def test_debug_lets_the_error_through(arguments, monkeypatch):
    if "--debug" not in arguments:
        monkeypatch.setenv("EMO2VEC_DEBUG", "1")

    result = run(*arguments, plugins=[raising(Emo2vecError("raised"))])

    assert isinstance(result.exception, Emo2vecError)


def test_wrong_usage_is_status_2():
    assert run("nothing-of-this-name").exit_code == 2
    assert run("score").exit_code == 2
    assert run("score", "a.wav", "--dtype", "int4").exit_code == 2


def test_interruption_is_status_130():
    result = run("say", plugins=[raising(KeyboardInterrupt())])

    assert (result.exit_code, result.stderr) == (130, "emo2vec: error: interrupted\n")


def test_warning_is_one_line_and_is_shown_once():
    def warn():
        for _ in range(3):
            warnings.warn("look\nout", Emo2vecWarning, stacklevel=1)

    result = run("say", plugins=[Offering(warn)])

    assert (result.exit_code, result.stderr) == (0, "emo2vec: warning: look out\n")


def test_unreachable_hub_is_one_line(tmp_path, write, noise):
    result = emo2vec(
        "score", write("a.wav", noise(16000), 16000), HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path)
    )

    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "tiny" in result.stderr


def test_models_lists_names_and_the_default():
    lines = run("models").stdout.splitlines()

    assert [line.split()[0] for line in lines] == [
        "model",
        "emotion2vec_base",
        "emotion2vec_plus_base",
        "emotion2vec_plus_large",
        "emotion2vec_plus_seed",
        "fake",
        "funasr:SOURCE",
        "onnx:SOURCE",
        "openvino:SOURCE",
        "tiny",
        "torch:SOURCE",
    ]
    assert [line.split()[0] for line in lines if line.endswith("(the default)")] == [
        "emotion2vec_plus_large"
    ]


def test_plugins_lists_who_is_there_and_what_they_offer():
    lines = run("plugins", plugins=[Offering(lambda: None)]).stdout.splitlines()

    assert lines[0].split() == ["plugin", "origin", "hooks", "offers"]
    assert lines[1].split() == ["Offering", "passed", "in", "commands", "command", "say"]
    assert lines[2].split() == ["FakeModels", "passed", "in", "models", "model", "fake"]
    assert any(line.startswith("formats ") and "format rttm" in line for line in lines)
    assert any(line.startswith("commands ") and "command diarize" in line for line in lines)


def test_a_step_that_is_done_is_shown_as_done(monkeypatch):
    """pyannote's hooks learn of a step's end from a call without counts."""
    shown = io.StringIO()
    shown.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", shown)

    with step_progress() as hook:
        hook("emotion", None, completed=1, total=2)
        hook("emotion", None)

    assert shown.getvalue().rfind("1/1") > shown.getvalue().rfind("1/2")


def test_formats_are_listed_with_what_can_be_done():
    class Reading:
        @hookimpl
        def emo2vec_formats(self):
            kind = {"name": "reading", "suffixes": (".read",), "description": "Only read."}
            return [Format(**kind, loads=lambda text: [])]

    table = run("formats", plugins=[Reading()]).stdout
    listed = {each["name"]: each for each in json.loads(run("formats", "--json").stdout)}

    [row] = [line for line in table.splitlines() if line.startswith("reading ")]
    assert row.split() == ["reading", ".read", "read", "Only", "read."]
    assert listed["rttm"]["suffixes"] == [".rttm"]
    assert listed["rttm"]["reads"] is listed["rttm"]["writes"] is True
