"""What plugins do that would end the process, and commands that nobody could type."""

from __future__ import annotations

import types

import click
import pytest
from support.facts import assert_facts

from emo2vec_plugins import Engine, Turn, annotate, load_model
from emo2vec_plugins.core import Plugins, hookimpl
from emo2vec_plugins.core.backend import NamedModel
from emo2vec_plugins.core.format import Format
from emo2vec_plugins.core.session import Clip, Options
from emo2vec_plugins.errors import PluginError, PluginWarning
from emo2vec_plugins.formats import read_dialogues
from emo2vec_plugins.integrations import RecordingSession
from emo2vec_plugins.testing import FakeBackend


class Other(BaseException):
    """Neither an `Exception` nor Ctrl-C."""


@pytest.fixture(params=[SystemExit, Other])
def kind(request):
    return request.param


@pytest.fixture
def leave(kind):
    def leave(*_, **__):
        raise kind("7")

    return leave


def plugin_of(name, **hooks):
    module = types.ModuleType(name)
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))
    return module


def plugins_of(**hooks):
    return Plugins([plugin_of("leaving", **hooks)], installed=False)


def test_a_hook_that_exits_is_an_error_that_names_its_plugin(leave, kind):
    with pytest.raises(PluginError) as caught:
        plugins_of(emo2vec_open=lambda source: leave()).open(object(), Options())

    assert_facts(str(caught.value), "'leaving'", "emo2vec_open", kind.__name__, "7")


def test_a_wrapper_that_exits_is_an_error_that_names_it(leave, kind):
    def emo2vec_open(source):
        yield
        leave()

    leaving = types.ModuleType("leaving")
    leaving.emo2vec_open = hookimpl(wrapper=True)(emo2vec_open)

    with pytest.raises(PluginError) as caught:
        Plugins([leaving], installed=False).open(object(), Options())

    assert_facts(str(caught.value), "'leaving'", "emo2vec_open", kind.__name__, "7")


@pytest.mark.parametrize(
    ("hook", "call"),
    [
        ("emo2vec_formats", Plugins.formats),
        ("emo2vec_models", Plugins.models),
        ("emo2vec_commands", lambda plugins: plugins.add_commands(click.Group())),
    ],
)
def test_an_offer_that_exits_is_left_out(leave, kind, hook, call):
    function = (lambda cli: leave()) if hook == "emo2vec_commands" else (lambda: leave())
    plugins = plugins_of(**{hook: function})

    with pytest.warns(PluginWarning) as caught:
        call(plugins)

    assert_facts(str(caught[0].message), "'leaving'", hook, kind.__name__)


@pytest.mark.parametrize("step", ["clips", "take", "finish"])
def test_a_session_that_exits_fails_its_source_only(leave, kind, step, noise, write):
    class Leaving(RecordingSession):
        pass

    setattr(Leaving, step, leave)
    audio = write("a.wav", noise(16_000), 16_000)

    def opened(source, options):
        session = Leaving if source == "bad" else RecordingSession
        return session(source, audio, [Turn(start=0, end=1)], options)

    plugins = plugins_of(emo2vec_open=opened)
    found = []

    def failed(source, error):
        found.append(error)
        return "failed"

    results = annotate(["bad", "good"], score=Engine(FakeBackend()), plugins=plugins, failed=failed)

    assert [each == "failed" for each in results] == [True, False]
    assert_facts(str(found[0]), "Leaving", step, kind.__name__)


def test_audio_that_exits_fails_its_clip(leave, kind, noise):
    class Audio:
        rate, length, channels = 16_000, 16_000, (0,)
        read = leave

    clip = Clip(turn=Turn(start=0, end=1), audio=Audio())

    [(_, emotion)] = Engine(FakeBackend())([clip])

    assert kind.__name__ in emotion.reason


def test_a_back_end_that_exits_is_an_error_that_names_it(leave, kind, noise):
    class Leaving(FakeBackend):
        run = leave

    with pytest.raises(PluginError) as caught:
        Engine(Leaving()).score((noise(16_000), 16_000))

    assert_facts(str(caught.value), "Leaving", kind.__name__, "7")


def test_a_model_that_exits_is_an_error_that_names_it(leave, kind):
    model = NamedModel(name="leaving", description="", load=leave)

    with pytest.raises(PluginError) as caught:
        load_model("leaving", plugins=plugins_of(emo2vec_models=lambda: [model]))

    assert_facts(str(caught.value), "'leaving'", kind.__name__, "7")


def test_a_format_that_exits_is_an_error_that_names_it(leave, kind, tmp_path):
    (tmp_path / "a.bye").write_text("x")
    format_ = Format(name="bye", suffixes=(".bye",), description="", loads=leave)

    with pytest.raises(PluginError) as caught:
        read_dialogues(tmp_path / "a.bye", plugins=plugins_of(emo2vec_formats=lambda: [format_]))

    assert_facts(str(caught.value), "'bye'", kind.__name__)


def added(name, command):
    def add(cli):
        cli.commands[name] = command

    found = click.Group()
    plugins_of(emo2vec_commands=add).add_commands(found)
    return found.commands


@pytest.mark.parametrize("name", ["", " ", "a b", "\x1b[31mred", "-x", "--help", "a/b", 3, None])
def test_a_command_that_nobody_can_type_is_left_out(name):
    with pytest.warns(PluginWarning) as caught:
        assert name not in added(name, click.Command("x"))

    assert_facts(str(caught[0].message), "'leaving'", repr(name))


@pytest.mark.parametrize("command", [None, "say", lambda: None, click.Command])
def test_what_is_no_command_is_left_out(command):
    with pytest.warns(PluginWarning) as caught:
        assert "say" not in added("say", command)

    assert_facts(str(caught[0].message), "'leaving'", "'say'")


@pytest.mark.parametrize("name", ["say", "say-it", "say_2", "сказать", "说"])
def test_names_in_any_script_can_be_used(name):
    assert name in added(name, click.Command(name))


def test_the_owner_of_a_command_is_named():
    with pytest.warns(PluginWarning) as caught:
        added("models", click.Command("models"))

    assert_facts(str(caught[0].message), "'leaving'", "'models'", "'commands'")
