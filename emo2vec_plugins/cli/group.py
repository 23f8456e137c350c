"""The command ``emo2vec``: a group without commands of its own; plugins add them all.

Results go to stdout, everything else to stderr. Exit status: 0 when all went well, 1 for a
user's mistake, 2 for wrong usage, 3 when some items failed and the rest were written, 130 when
interrupted.
"""

from __future__ import annotations

import errno
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from emo2vec_plugins._version import __version__
from emo2vec_plugins.cli.output import complain
from emo2vec_plugins.core import Plugins, as_plugins
from emo2vec_plugins.errors import Emo2vecError, Emo2vecWarning

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of the signal, as shells have it."""

_COMMANDS = f"{__name__}.commands"


class LazyCommand(click.Command):
    """Stands for a command whose module is imported when it is used, not when it is listed.

    Args:
        name: Of the command.
        short_help: The first sentence of its help, for lists of commands.
        load: Imports the command and returns it.
    """

    def __init__(self, name: str, short_help: str, load: Callable[[], click.Command]) -> None:
        super().__init__(name, short_help=short_help)
        self.load = load

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Make the context of the command itself, which is what any group then runs."""
        return self.load().make_context(*args, **kwargs)


def lazy_command(
    cli: click.Group, name: str, short_help: str
) -> Callable[[Callable[[], click.Command]], None]:
    """Return a decorator for a function that imports a command and returns it; adds it to *cli*."""
    return lambda load: cli.add_command(LazyCommand(name, short_help, load))


class Failure(click.ClickException):
    """A mistake, reported in one line; exit status 1."""

    def show(self, file: Any = None) -> None:
        """Write the line to stderr."""
        complain("error", self.message, file=file)


class PluginGroup(click.Group):
    """A group that plugins add commands to, and that reports errors in one line.

    Its context's ``obj`` may be a `Plugins`; those installed are used otherwise, and found only
    when something asks for them.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, showing each warning as one line."""
        # Around everything: plugins warn while commands are looked up, before one is invoked.
        with shown_warnings():
            return super().main(*args, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the built-in commands and those of plugins, sorted."""
        return sorted(_commands(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported."""
        found = _commands(ctx).get(cmd_name)
        return found.load() if isinstance(found, LazyCommand) else found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, as click does, but without loading them."""
        shown = [(name, each) for name, each in sorted(_commands(ctx).items()) if not each.hidden]
        if shown:
            # click's own method would get, and so import, every command to ask for its help.
            room = formatter.width - 6 - max(len(name) for name, _ in shown)
            with formatter.section("Commands"):
                formatter.write_dl([(name, each.get_short_help_str(room)) for name, each in shown])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn what it raises into one line and an exit status."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            complain("error", "interrupted")
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug") or getattr(error, "errno", None) == errno.EPIPE:
                raise  # click ends quietly when the reader of a pipe has gone
            raise Failure(explain(error)) from error


@click.group(
    cls=PluginGroup, context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
@click.version_option(__version__, prog_name="emo2vec")
@click.option(
    "--debug",
    is_flag=True,
    envvar="EMO2VEC_DEBUG",
    help="Show tracebacks and debug messages. Also: EMO2VEC_DEBUG=1.",
)
def main(*, debug: bool) -> None:
    """Emotion in speech, per speaker turn.

    Results go to stdout, everything else to stderr. The exit status is 1 for a mistake, 2 for
    wrong usage, 3 when some items failed and the rest were written.
    """
    if debug:
        logging.basicConfig(format="emo2vec: %(name)s: %(message)s")
        logging.getLogger("emo2vec_plugins").setLevel(logging.DEBUG)


def plugins_of(ctx: click.Context) -> Plugins:
    """Return the plugins of this run: those given as the context's object, or those installed."""
    # The root's: click copies `obj` to a context when it is made, before anything asked for plugins.
    root = ctx.find_root()
    if root.obj is None:
        root.obj = as_plugins(None)
    if not isinstance(root.obj, Plugins):
        raise TypeError(f"the context's object is to be Plugins, got {type(root.obj).__name__}")
    return root.obj


def explain(error: Exception) -> str:
    """Say in one line what went wrong; a bug says how to see where."""
    match error:
        case Emo2vecError():
            return str(error)
        case OSError(strerror=str(reason)):
            return f"{error.filename}: {reason}" if error.filename else reason
        case MemoryError():
            return "out of memory; try a smaller --batch-seconds or --max-window"
    advice = "run again with 'emo2vec --debug ...' to see where"
    return f"this is a bug: {type(error).__name__}: {error} ({advice})"


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Show each of our warnings once, as one line on stderr; leave others to their filters."""
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


def _commands(ctx: click.Context) -> dict[str, click.Command]:
    # Asked for once per run, and kept apart from the group itself, which other runs share.
    root = ctx.find_root()
    if _COMMANDS not in root.meta:
        group = click.Group()
        plugins_of(ctx).add_commands(group)
        root.meta[_COMMANDS] = group.commands
    return root.meta[_COMMANDS]  # type: ignore[no-any-return]
