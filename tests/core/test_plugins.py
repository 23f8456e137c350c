"""Finding plugins, skipping broken ones, and calling the others in order."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import threading
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import click
import pytest
from support.facts import assert_facts
from support.paths import ROOT
from support.sessions import Opened

from emo2vec_plugins.builtins import BUILT_IN
from emo2vec_plugins.core import hookspecs
from emo2vec_plugins.core import plugins as plugins_module
from emo2vec_plugins.core.backend import NamedModel
from emo2vec_plugins.core.format import Format
from emo2vec_plugins.core.hookspecs import hookimpl
from emo2vec_plugins.core.plugins import Plugins, as_plugins, default_plugins
from emo2vec_plugins.core.session import Options, Recording
from emo2vec_plugins.errors import (
    FormatError,
    OptionsError,
    PluginError,
    PluginWarning,
    SourceError,
)
from emo2vec_plugins.testing import FakeBackend

HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("emo2vec_"))
PREAMBLE = "from emo2vec_plugins import Format, NamedModel, hookimpl\nfrom support.sessions import Opened\n"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a distribution with one plugin, with the files pip writes."""

    def lay(name, source, *, entry=None, version="1.0"):
        folder = tmp_path / f"site-{name}"
        metadata = folder / f"{name}-{version}.dist-info"
        metadata.mkdir(parents=True)
        (folder / f"{name}.py").write_text(PREAMBLE + source)
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        (metadata / "entry_points.txt").write_text(
            f"[emo2vec_plugins]\n{name if entry is None else entry} = {name}\n"
        )
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, name, raising=False)

    return lay


def plugin_of(name="plugin", **hooks):
    module = types.ModuleType(name)
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))
    return module


def no_formats():
    return []


def format_of(name, description="a format"):
    return Format(name=name, suffixes=(f".{name}",), description=description, dumps=str)


def skipped(*plugins):
    """Return the `Plugins` without these plugins, and the message of the one warning."""
    with pytest.warns(PluginWarning) as caught:
        found = Plugins(plugins, installed=False)
    assert len(caught) == 1
    return found, str(caught[0].message)


# Every hook is documented and has its own test.


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_is_documented(hook):
    arguments = getattr(Plugins(installed=False).manager.hook, hook).spec.argnames
    page = (ROOT / "docs" / "plugin-hooks.md").read_text("utf-8")

    assert f"## `{hook}({', '.join(arguments)})`\n" in page


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_has_its_own_test(hook):
    assert f"def test_{hook}(" in inspect.getsource(sys.modules[__name__])


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_has_no_argument_with_a_default(hook):
    # pluggy does not pass arguments with defaults.
    parameters = inspect.signature(getattr(hookspecs, hook)).parameters.values()

    assert all(parameter.default is inspect.Parameter.empty for parameter in parameters)


def test_emo2vec_open():
    seen = []

    def emo2vec_open(source, options):
        seen.append((source, options))
        return Opened("a session") if source == "mine" else None

    options = Options(field="mood")
    plugins = Plugins([plugin_of(emo2vec_open=emo2vec_open)], installed=False)

    assert plugins.open("mine", options) == "a session"
    assert seen == [("mine", options)]


def test_emo2vec_formats():
    mine = format_of("mine")
    plugins = Plugins([plugin_of(emo2vec_formats=lambda: [mine])], installed=False)

    assert plugins.formats()["mine"] is mine


def test_emo2vec_models():
    model = NamedModel(name="mine", description="a model", load=FakeBackend)
    plugins = Plugins([plugin_of(emo2vec_models=lambda: (model,))], installed=False)

    assert plugins.models()["mine"] is model


def test_emo2vec_commands():
    def emo2vec_commands(cli):
        @cli.command()
        def sing():
            """Sing."""

    cli = click.Group()
    Plugins([plugin_of(emo2vec_commands=emo2vec_commands)], installed=False).add_commands(cli)

    assert "sing" in cli.commands


# Order.


def test_the_last_registered_plugin_is_called_first():
    called = []

    def opener(name, session):
        def emo2vec_open(source, options):
            called.append(name)
            return session and Opened(session)

        return plugin_of(name, emo2vec_open=emo2vec_open)

    plugins = Plugins(
        [opener("first", "of first"), opener("second", "of second"), opener("third", None)],
        installed=False,
    )

    assert plugins.open(object(), Options()) == "of second"
    assert called == ["third", "second"]


def test_built_in_plugins_are_called_last():
    plugins = Plugins([plugin_of("mine", emo2vec_formats=no_formats)], installed=False)

    names = [info.name for info in plugins.describe()]
    assert names == ["mine", *reversed(BUILT_IN)]
    assert {info.origin for info in plugins.describe()[1:]} == {"built-in"}
    assert plugins.describe()[0].origin == "passed in"


def test_an_installed_plugin_overrides_a_built_in_one(install):
    install("mine", "@hookimpl\ndef emo2vec_open(source, options):\n    return Opened('mine')\n")
    source = Recording(recording="a", audio=None)

    assert Plugins().open(source, Options()) == "mine"


def test_a_plugin_passed_in_overrides_an_installed_one(install):
    install(
        "installed",
        "@hookimpl\ndef emo2vec_open(source, options):\n    return Opened('installed')\n",
    )
    passed = plugin_of(emo2vec_open=lambda source, options: Opened("passed in"))

    assert Plugins([passed]).open(object(), Options()) == "passed in"


def test_pluggys_order_marks_work():
    def of(name):
        return lambda source, options: Opened(name)

    eager, last = types.ModuleType("eager"), types.ModuleType("last")
    eager.emo2vec_open = hookimpl(tryfirst=True)(of("eager"))
    last.emo2vec_open = hookimpl(of("last"))

    assert Plugins([eager, last], installed=False).open(object(), Options()) == "eager"


def test_the_last_of_two_formats_with_the_same_name_wins():
    first, second = format_of("x", "first"), format_of("x", "second")
    plugins = Plugins(
        [
            plugin_of("one", emo2vec_formats=lambda: [first]),
            plugin_of("two", emo2vec_formats=lambda: [second]),
        ],
        installed=False,
    )

    assert plugins.formats()["x"] is second


def test_a_hook_may_omit_arguments():
    plugin = plugin_of(
        emo2vec_open=lambda source: Opened(f"{source} opened"), emo2vec_commands=lambda: None
    )
    plugins = Plugins([plugin], installed=False)

    plugins.add_commands(click.Group())

    assert plugins.open("a", Options()) == "a opened"


def test_objects_and_generators_are_plugins_too():
    class Mine:
        @hookimpl
        def emo2vec_formats(self):
            yield format_of("mine")

    assert "mine" in Plugins([Mine()], installed=False).formats()


def test_an_installed_plugin_is_described(install):
    install("nice_plugin", "@hookimpl\ndef emo2vec_formats():\n    return []\n", version="2.3")

    info = Plugins().describe()[0]

    assert (info.name, info.hooks, info.origin) == (
        "nice_plugin",
        ("emo2vec_formats",),
        "nice_plugin 2.3",
    )


def test_installed_plugins_can_be_ignored(install):
    install("broken", "raise RuntimeError('no')\n")

    assert "broken" not in [info.name for info in Plugins(installed=False).describe()]


# Broken plugins are skipped with one warning that names them.

BROKEN = {
    "import_exits": ("raise SystemExit(3)\n", "SystemExit: 3"),
    "import_ends": ("raise GeneratorExit('over')\n", "GeneratorExit: over"),
    "raises_no_exception": (
        "class Mute(BaseException):\n    def __str__(self):\n        raise ValueError\nraise Mute\n",
        "cannot be imported: Mute",
    ),
    "import_fails": ("raise RuntimeError('no licence')\n", "RuntimeError: no licence"),
    "needs_another": ("import a_module_that_is_not_there\n", "ModuleNotFoundError"),
    "not_python": ("def\n", "SyntaxError"),
    "misspelled": (
        "@hookimpl\ndef emo2vec_opne(source):\n    pass\n",
        "hook emo2vec_opne; the hooks are emo2vec_commands, emo2vec_formats",
    ),
    "no_hooks": ("def emo2vec_open(source, options):\n    pass\n", "no hooks"),
    "wrong_arguments": (
        "@hookimpl\ndef emo2vec_open(source, model):\n    pass\n",
        "emo2vec_open has no argument model; the arguments are source, options",
    ),
    "no_generator": (
        "@hookimpl(wrapper=True)\ndef emo2vec_open(source):\n    return None\n",
        "Declared as wrapper=True",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_installed_plugin_is_skipped_by_name(install, name):
    source, reason = BROKEN[name]
    install("fine", "@hookimpl\ndef emo2vec_open(source, options):\n    return Opened('fine')\n")
    install(name, source)

    with pytest.warns(PluginWarning) as caught:
        plugins = Plugins()

    (message,) = [str(warning.message) for warning in caught]
    assert f"skipped plugin '{name}'" in message
    assert reason in message
    assert plugins.describe()[0].name == "fine"
    assert plugins.open(object(), Options()) == "fine"


def test_several_broken_plugins_do_not_hide_a_working_one(install):
    for name, (source, _) in BROKEN.items():
        install(name, source)
    install("fine", "@hookimpl\ndef emo2vec_open(source, options):\n    return Opened('fine')\n")

    with pytest.warns(PluginWarning) as caught:
        plugins = Plugins()

    assert len(caught) == len(BROKEN)
    assert plugins.open(object(), Options()) == "fine"


def test_a_plugin_whose_name_is_taken_is_skipped(install):
    hooks = "@hookimpl\ndef emo2vec_formats():\n    return [Format(name='{}', suffixes=(), description='', dumps=str)]\n"
    install("one", hooks.format("of_one"), entry="same")
    install("two", hooks.format("of_two"), entry="same")

    with pytest.warns(PluginWarning, match="'same'.* same name"):
        formats = Plugins().formats()

    assert len({"of_one", "of_two"} & set(formats)) == 1


def test_a_plugin_passed_in_twice_is_registered_once():
    plugin = plugin_of("twice", emo2vec_formats=lambda: [format_of("mine")])

    found, message = skipped(plugin, plugin)

    assert "skipped plugin 'twice'" in message
    assert "mine" in found.formats()


def test_two_objects_of_one_class_are_two_plugins():
    class Mine:
        def __init__(self, name):
            self.name = name

        @hookimpl
        def emo2vec_formats(self):
            return [format_of(self.name)]

    plugins = Plugins([Mine("one"), Mine("two")], installed=False)

    assert {"one", "two"} <= plugins.formats().keys()
    names = [info.name.rpartition(".")[2] for info in plugins.describe()]
    assert names[:2] == ["Mine-2", "Mine"]


def test_a_hook_of_a_later_version_may_be_marked_optional():
    plugin = plugin_of(emo2vec_formats=no_formats)
    plugin.emo2vec_dance = hookimpl(optionalhook=True)(lambda: None)

    names = [info.name for info in Plugins([plugin], installed=False).describe()]

    assert names[0] == "plugin"


def test_a_class_in_place_of_an_object_is_skipped():
    class Mine:
        @hookimpl
        def emo2vec_formats(self):
            return []

    _, message = skipped(Mine)

    for fact in ("skipped plugin 'Mine'", "class", "Mine()"):
        assert fact in message


@pytest.mark.parametrize("plugins", ["mine", plugin_of(emo2vec_formats=no_formats)])
def test_one_plugin_in_place_of_a_list_is_rejected(plugins):
    with pytest.raises(OptionsError, match=rf"list of plugins.* one {type(plugins).__name__}"):
        Plugins(plugins, installed=False)


def test_a_warning_points_to_the_line_that_creates_the_plugins():
    with pytest.warns(PluginWarning) as caught:
        Plugins([object()], installed=False)
    assert [warning.filename for warning in caught] == [__file__]


# Features of pluggy keep working.


def test_a_hook_may_be_wrapped():
    def emo2vec_open(source, options):
        session = yield
        return Opened(f"{session}, wrapped")

    wrapper = types.ModuleType("wrapper")
    wrapper.emo2vec_open = hookimpl(wrapper=True)(emo2vec_open)
    opener = plugin_of("opener", emo2vec_open=lambda source: Opened("a session"))
    plugins = Plugins([opener, wrapper], installed=False)

    assert plugins.open(object(), Options()) == "a session, wrapped"
    assert plugins.describe()[0].hooks == ("emo2vec_open",)


def test_a_wrapper_may_replace_what_others_offer():
    @hookimpl(wrapper=True)
    def emo2vec_formats():
        return [*(yield), [format_of("more")]]

    wrapper = types.ModuleType("wrapper")
    wrapper.emo2vec_formats = emo2vec_formats
    formats = Plugins([wrapper], installed=False).formats()

    assert {"more", "rttm"} <= formats.keys()


def test_a_hooks_arguments_may_have_defaults():
    plugin = plugin_of(emo2vec_open=lambda source, options=None: Opened(f"{source} opened"))

    assert Plugins([plugin], installed=False).open("a", Options()) == "a opened"


def test_a_plugin_may_have_several_functions_for_a_hook():
    plugin = types.ModuleType("several")
    plugin.one = hookimpl(specname="emo2vec_formats")(lambda: [format_of("one")])
    plugin.two = hookimpl(specname="emo2vec_formats")(lambda: [format_of("two")])

    assert {"one", "two"} <= Plugins([plugin], installed=False).formats().keys()


def test_a_plugin_that_cannot_be_hashed_is_skipped():
    class Unhashable:
        __hash__ = None

        @hookimpl
        def emo2vec_formats(self):
            return []

    _, message = skipped(Unhashable())

    assert "unhashable" in message


def test_no_order_mark_lets_a_plugin_replace_a_built_in_command():
    plugin = types.ModuleType("eager")
    plugin.emo2vec_commands = hookimpl(trylast=True)(
        lambda cli: cli.add_command(click.Command("score", help="mine"))
    )
    cli = click.Group()

    with pytest.warns(PluginWarning, match="plugin 'eager'.* command 'score'"):
        Plugins([plugin], installed=False).add_commands(cli)

    assert cli.commands["score"].help != "mine"


def wrapper_of(hook, function):
    module = types.ModuleType("wrapper")
    setattr(module, hook, hookimpl(wrapper=True)(function))
    return module


def test_a_wrapper_that_raises_hides_no_other_plugin():
    def emo2vec_formats():
        offered = yield
        if any(each.name == "mine" for formats in offered for each in formats):
            failing()
        return offered

    mine = plugin_of("mine", emo2vec_formats=lambda: [format_of("mine")])
    plugins = Plugins([mine, wrapper_of("emo2vec_formats", emo2vec_formats)], installed=False)

    with pytest.warns(PluginWarning, match="'wrapper' .*emo2vec_formats: ZeroDiv"):
        formats = plugins.formats()

    assert "rttm" in formats
    assert "mine" not in formats


def replaced_by_a_word(source):
    yield
    return "nope"


def failed_late(source):
    yield
    failing()


@pytest.mark.parametrize(
    ("function", "facts"),
    [
        (replaced_by_a_word, "wrapper of emo2vec_open .*'nope'"),
        (failed_late, "'wrapper' .*emo2vec_open: ZeroDivisionError"),
    ],
)
def test_the_result_of_a_wrapper_is_checked(function, facts):
    opener = plugin_of("opener", emo2vec_open=lambda source: Opened("a session"))
    plugins = Plugins([opener, wrapper_of("emo2vec_open", function)], installed=False)

    with pytest.raises(PluginError, match=facts):
        plugins.open(object(), Options())


def test_calls_can_be_traced():
    calls = []
    plugins = Plugins([plugin_of(emo2vec_open=lambda: Opened("a session"))], installed=False)
    plugins.manager.add_hookcall_monitoring(
        lambda name, implementations, arguments: calls.append((name, arguments["source"])),
        lambda outcome, *_: calls.append(outcome.get_result()),
    )

    plugins.open("a", Options())

    assert calls == [("emo2vec_open", "a"), "a session"]


def test_plugins_are_loaded_once_in_a_process(monkeypatch):
    built = []
    monkeypatch.setattr(Plugins, "__init__", lambda self: built.append(self))
    plugins_module._default.cache_clear()

    assert as_plugins(None) is as_plugins(None)
    assert len(built) == 1

    plugins_module._default.cache_clear()


# Plugins that fail later.


def test_a_result_that_is_not_a_session_is_rejected_with_the_plugins_name():
    bad = plugin_of("bad", emo2vec_open=lambda source, options: "a string")

    with pytest.raises(
        PluginError, match=r"'bad': emo2vec_open .*session.* 'a string' .*clips, take, finish"
    ):
        Plugins([bad], installed=False).open(object(), Options())


@pytest.mark.parametrize(
    ("fields", "facts"),
    [
        ({"suffixes": ".l", "dumps": str}, r"suffixes .*tuple.*'\.l'.* \('\.l',\)"),
        ({"suffixes": ("l",), "dumps": str}, "suffix .*dot.* 'l'"),
        ({"suffixes": (".l",)}, "'l' .*dumps .*loads"),
    ],
)
def test_an_invalid_format_is_rejected(fields, facts):
    with pytest.raises(FormatError, match=facts):
        Format(name="l", description="", **fields)


def failing(*arguments):
    raise ZeroDivisionError("division by zero")


def test_a_hook_that_raises_is_named():
    bad = plugin_of("bad", emo2vec_open=lambda source, options: failing())
    good = plugin_of("good", emo2vec_open=lambda source, options: None)

    with pytest.raises(
        PluginError,
        match=r"'bad' .*emo2vec_open: ZeroDivisionError: division by zero",
    ) as caught:
        Plugins([good, bad], installed=False).open(object(), Options())

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_ctrl_c_in_a_hook_is_no_error_of_the_plugin():
    def emo2vec_formats():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Plugins([plugin_of(emo2vec_formats=emo2vec_formats)], installed=False).formats()


def test_ctrl_c_while_a_plugin_is_imported_names_it(install):
    install("slow", "raise KeyboardInterrupt\n")

    with pytest.raises(KeyboardInterrupt, match="'slow'"):
        Plugins()


def generator_that_fails():
    yield format_of("half")
    failing()


@pytest.mark.parametrize(
    ("hook", "facts"),
    [
        (failing, ["emo2vec_formats: ZeroDivisionError"]),
        (generator_that_fails, ["emo2vec_formats: ZeroDivisionError"]),
        (lambda: None, ["list of Format", "None"]),
        (lambda: "srt", ["list of Format", "'srt'"]),
        (lambda: {"srt": 1}, ["list of Format", "{'srt': 1}"]),
        (lambda: ["srt"], ["only Format", "'srt'"]),
    ],
)
def test_formats_of_a_broken_plugin_are_left_out(hook, facts):
    bad = plugin_of("bad", emo2vec_formats=hook)
    good = plugin_of("good", emo2vec_formats=lambda: [format_of("mine")])
    plugins = Plugins([good, bad], installed=False)

    with pytest.warns(PluginWarning) as caught:
        formats = plugins.formats()

    (message,) = [str(warning.message) for warning in caught]
    for fact in ("a part of plugin 'bad'", *facts):
        assert fact in message
    assert "mine" in formats


@pytest.mark.parametrize("hook", [lambda cli: failing(), lambda cli: click.Command("sing")])
def test_commands_of_a_broken_plugin_are_left_out(hook):
    plugins = Plugins([plugin_of("bad", emo2vec_commands=hook)], installed=False)

    with pytest.warns(PluginWarning, match="a part of plugin 'bad'"):
        plugins.add_commands(click.Group())


def test_a_plugin_that_fails_half_way_leaves_no_commands():
    def half(cli):
        cli.add_command(click.Command("half"))
        failing()

    bad = plugin_of("bad", emo2vec_commands=half)
    good = plugin_of("good", emo2vec_commands=lambda cli: cli.add_command(click.Command("whole")))
    plugins, cli = Plugins([bad, good], installed=False), click.Group()

    with pytest.warns(PluginWarning, match="a part of plugin 'bad'"):
        plugins.add_commands(cli)
    with pytest.warns(PluginWarning, match="a part of plugin 'bad'"):
        offers = plugins.offers()

    assert "half" not in cli.commands
    assert "whole" in cli.commands
    assert offers["good"] == ["command whole"]
    assert "bad" not in offers


def test_a_plugin_that_is_installed_and_passed_in_is_registered_once(install):
    install("twice", "@hookimpl\ndef emo2vec_formats():\n    return []\n", entry="short")
    module = importlib.import_module("twice")

    with pytest.warns(PluginWarning) as caught:
        plugins = Plugins([module])

    (message,) = [str(warning.message) for warning in caught]
    for fact in ("skipped plugin 'twice'", "already", "'short'"):
        assert fact in message
    assert [info.name for info in plugins.describe()].count("short") == 1


def test_a_source_that_no_plugin_opens_is_rejected():
    plugins = Plugins(installed=False)

    with pytest.raises(SourceError, match=r"fractions\.Fraction"):
        plugins.open(Fraction(1, 2), Options())


def test_the_built_in_plugins_raise_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plugins = Plugins(installed=False)
        plugins.formats()
        plugins.models()
        plugins.add_commands(click.Group())


def test_the_example_plugin_is_a_plugin():
    script = (
        "import emo2vec_plugin_srt; from emo2vec_plugins import Plugins; "
        "assert 'srt' in Plugins([emo2vec_plugin_srt], installed=False).formats()"
    )

    subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        check=True,
        cwd=ROOT / "examples" / "plugin_srt",
    )


class Odd:
    """An object that raises when it is compared or its name is read."""

    def __eq__(self, other):
        raise ZeroDivisionError

    __hash__ = object.__hash__

    @property
    def __name__(self):
        raise ZeroDivisionError

    @hookimpl
    def emo2vec_formats(self):
        return [format_of("odd")]


def test_an_object_that_does_not_compare_is_skipped():
    found, message = skipped(Odd())

    for fact in ("skipped plugin 'Odd'", "ZeroDivisionError"):
        assert fact in message
    assert "rttm" in found.formats()


def test_an_error_without_a_message_is_named_by_its_class():
    class Mute:
        def __hash__(self):
            raise NotImplementedError

    _, message = skipped(Mute())

    assert "Mute'" in message
    assert "NotImplementedError" in message


def test_a_plugin_registered_directly_with_pluggy_is_described():
    plugins = Plugins(installed=False)
    plugins.manager.register(plugin_of(emo2vec_formats=no_formats), "late")

    assert plugins.describe()[0].name == "late"


def test_threads_share_the_plugins_of_the_process():
    plugins_module._default.cache_clear()
    barrier = threading.Barrier(4)

    def find(_):
        barrier.wait()
        return default_plugins()

    with ThreadPoolExecutor(4) as pool:
        found = set(map(id, pool.map(find, range(4))))

    assert len(found) == 1


def test_installed_plugins_can_be_switched_off(install, monkeypatch):
    for name in ("one", "two", "three"):
        install(
            f"switched_{name}", "@hookimpl\ndef emo2vec_formats():\n    return []\n", entry=name
        )
    monkeypatch.setenv("EMO2VEC_DISABLE_PLUGINS", "one, three")

    names = [each.name for each in Plugins().describe()]

    assert "two" in names
    assert not {"one", "three"} & {*names}


def test_all_installed_plugins_can_be_switched_off(install, monkeypatch):
    install("switched", "raise RuntimeError")
    monkeypatch.setenv("EMO2VEC_DISABLE_PLUGINS", "all")

    assert {each.origin for each in Plugins().describe()} == {"built-in"}


def test_a_misspelt_plugin_to_switch_off_is_reported(install, monkeypatch):
    install("switched", "@hookimpl\ndef emo2vec_formats():\n    return []\n")
    monkeypatch.setenv("EMO2VEC_DISABLE_PLUGINS", "swiched")

    with pytest.warns(PluginWarning) as caught:
        assert "switched" in [each.name for each in Plugins().describe()]

    assert_facts(
        str(caught[0].message), "EMO2VEC_DISABLE_PLUGINS", "'swiched'", "did you mean 'switched'"
    )
