"""The command ``emo2vec``, a group to which plugins add every command.

Results go to stdout, everything else to stderr. Exit status: 0 for success, 1 for an error,
2 for wrong usage, 3 when some items failed and the rest were written, 130 when interrupted, 143
after SIGTERM.
"""

from __future__ import annotations

import errno
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from emo2vec_plugins._version import __version__
from emo2vec_plugins.audio import READABLE_SUFFIXES
from emo2vec_plugins.cli.lazy import OTHER, LazyCommand
from emo2vec_plugins.cli.output import complain, in_one_line, visible
from emo2vec_plugins.cli.signals import signals_raised, status_of
from emo2vec_plugins.cli.streams import results_alone
from emo2vec_plugins.core import Plugins, as_plugins, did_you_mean, switch_off_telemetry
from emo2vec_plugins.errors import (
    Emo2vecError,
    Emo2vecWarning,
    OptionsError,
    PluginError,
    described,
)
from emo2vec_plugins.files import parse_size, set_read_limit

SECTIONS = ("Annotate", "Use results", "Train and evaluate", "Models and plugins", OTHER)
"""Sections of ``emo2vec --help``, in order; sections of plugins follow."""

COMPLETING = "_EMO2VEC_COMPLETE"
"""Environment variable that click's completion scripts set."""

_COMMANDS = f"{__name__}.commands"


class Failure(click.ClickException):
    """An error, reported in one line; exit status 1."""

    def show(self, file: Any = None) -> None:
        """Write the line to stderr."""
        complain("error", self.message, file=file)


class PluginGroup(click.Group):
    """A group with the commands of plugins, which reports errors in one line.

    The context's ``obj`` may be a `Plugins`. Otherwise installed plugins are loaded when they
    are first needed.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; print each warning as one line."""
        switch_off_telemetry()
        if COMPLETING in os.environ:  # a warning would appear in the middle of the user's line
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return super().main(*args, **kwargs)
        # Outermost: plugins can warn while commands are looked up, before one is invoked.
        with shown_warnings():
            return super().main(*args, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted(_commands(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported unless the shell only completes names."""
        found = _commands(ctx).get(cmd_name)
        # Completion asks for every command; one that cannot be imported would break them all.
        if isinstance(found, LazyCommand) and not ctx.resilient_parsing:
            return _imported(ctx, found)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command named by the first argument, and the other arguments.

        Raises:
            click.UsageError: If there is no such command; the message suggests a close name.
        """
        name, known = args[0], _commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            advice = did_you_mean(name, known)
            if Path(name).suffix.lower() in READABLE_SUFFIXES:
                advice = "; to annotate a recording, use 'emo2vec rttm' or 'emo2vec diarize'"
            ctx.fail(f"No such command {name!r}{advice}.")
        found = super().resolve_command(ctx, args)
        ctx.with_resource(signals_raised())  # from here on, there are files to clean up
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, without importing them."""
        shown = {name: each for name, each in _commands(ctx).items() if not each.hidden}
        sections = {name: _section(each) for name, each in shown.items()}
        room = formatter.width - 6 - max(map(len, shown), default=0)
        for section in dict.fromkeys((*SECTIONS, *sorted({*sections.values()}))):
            names = sorted(name for name in shown if sections[name] == section)
            if names:
                with formatter.section(section):
                    lines = [(name, _short_help(shown[name], room)) for name in names]
                    formatter.write_dl(lines, col_max=formatter.width)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Return the context of the group's own options."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise _visible(error) from error
        except OSError as error:  # --help and --version write here
            if error.errno == errno.EPIPE:
                raise
            raise Failure(explain(error)) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn an exception into one line and an exit status."""
        try:
            _check_working_folder()
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            status, word = status_of(error)
            complain("error", word)
            ctx.exit(status)
        except click.UsageError as error:
            raise _visible(error) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BaseException as error:
            if ctx.params.get("debug") or getattr(error, "errno", None) == errno.EPIPE:
                raise  # click exits quietly when the reader of a pipe has gone
            if isinstance(error, SystemExit) and isinstance(error.code, int | None):
                raise  # a command of a plugin sets its exit status
            raise Failure(explain(error)) from error


def _set_limit(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is None or ctx.resilient_parsing:
        return
    try:
        set_read_limit(parse_size(value, "--read-limit"))
    except OptionsError as error:
        raise click.BadParameter(str(error), ctx, param) from error
    ctx.call_on_close(lambda: set_read_limit(None))


class _VisibleFormatter(logging.Formatter):
    """Escapes names in debug messages as in all others."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


@click.group(
    cls=PluginGroup, context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
@click.version_option(__version__, "-V", "--version", prog_name="emo2vec")
@click.option(
    "--debug",
    is_flag=True,
    envvar="EMO2VEC_DEBUG",
    help="Show tracebacks and debug messages; so does EMO2VEC_DEBUG=1.",
)
@click.option(
    "--read-limit",
    metavar="SIZE",
    expose_value=False,
    callback=_set_limit,
    help="Most bytes of one text document or one line, such as 2GB; EMO2VEC_READ_LIMIT sets it "
    "too.  [default: 16MiB]",
)
def main(*, debug: bool) -> None:
    """Emotion in speech, per speaker turn.

    Results go to stdout, everything else to stderr. The exit status is 1 for an error, 2 for
    wrong usage, 3 when some items failed and the rest were written.

    \b
    Examples:
      emo2vec demo
      emo2vec rttm meeting.wav --rttm meeting.rttm -o results
      emo2vec cuts cuts.jsonl.gz -o cuts_emotion.jsonl.gz
    """
    if debug:
        handler = logging.StreamHandler()
        handler.setFormatter(_VisibleFormatter("emo2vec: %(name)s: %(message)s"))
        logging.basicConfig(handlers=[handler])
        logging.getLogger("emo2vec_plugins").setLevel(logging.DEBUG)


def plugins_of(ctx: click.Context) -> Plugins:
    """Return the plugins of this run: the context's object, or else all installed plugins."""
    # On the root: click copies `obj` to a context when it is made, before plugins are needed.
    root = ctx.find_root()
    if root.obj is None:
        root.obj = as_plugins(None)
    if not isinstance(root.obj, Plugins):
        raise TypeError(f"expected Plugins as the context's object, got {type(root.obj).__name__}")
    return root.obj


def explain(error: BaseException) -> str:
    """Return one line for an error; for a bug, with how to get a traceback."""
    match error:
        case Emo2vecError():
            return str(error)
        case OSError(strerror=str(reason)):
            return f"{error.filename}: {reason}" if error.filename else reason
        case MemoryError():
            return "out of memory; try a smaller --batch-seconds or --max-window"
        case SystemExit():
            return str(error.code)
    advice = "'emo2vec --debug ...' shows the traceback"
    return f"this is a bug: {described(error)} ({advice})"


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Print each of our warnings once, as one line on stderr; leave others to their filters."""
    seen: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = str(message)
        if text not in seen:
            seen.add(text)
            complain("warning", text)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=Emo2vecWarning)
        warnings.showwarning = show
        yield


def _check_working_folder() -> None:
    """Raise an error in a deleted folder, where torch's mathematics library ends the process."""
    try:
        Path.cwd()
    except OSError as error:
        raise Failure("the working directory does not exist any more; change to another") from error


def _visible(error: click.UsageError) -> click.UsageError:
    """Return the error with escapes: a pattern of the shell can put any file name into it."""
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
        return error  # its message is the help
    return click.UsageError(in_one_line(error.format_message()), error.ctx)


def _short_help(command: click.Command, room: int) -> str:
    try:
        return in_one_line(command.get_short_help_str(room))
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - a plugin may give anything for a text
        return ""


def _section(command: click.Command) -> str:
    section = getattr(command, "section", OTHER)
    return section if isinstance(section, str) and section.strip() else OTHER


def _imported(ctx: click.Context, command: LazyCommand) -> click.Command:
    """Import a command; an error names its plugin."""
    try:
        with results_alone():
            loaded: object = command.load()
    except (Emo2vecError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _broken(ctx, command, described(error)) from error
    if not isinstance(loaded, click.Command):
        raise _broken(ctx, command, f"expected a click command, got {loaded!r:.100}")
    return loaded


def _broken(ctx: click.Context, command: LazyCommand, reason: str) -> PluginError:
    offers = plugins_of(ctx).offers().items()
    owner = next((name for name, offered in offers if f"command {command.name}" in offered), "?")
    return PluginError(f"plugin {owner!r}: cannot import its command {command.name!r}: {reason}")


def _commands(ctx: click.Context) -> dict[str, click.Command]:
    # Once per run, and not on the group itself, which all runs share.
    root = ctx.find_root()
    if _COMMANDS not in root.meta:
        group = click.Group()
        with results_alone():
            plugins_of(ctx).add_commands(group)
        root.meta[_COMMANDS] = group.commands
    return root.meta[_COMMANDS]  # type: ignore[no-any-return]
