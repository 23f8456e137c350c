"""What plugins may return and raise: problems of sessions and commands, and errors that name them."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Any, cast

import pluggy

from emo2vec_plugins.core.messages import shown
from emo2vec_plugins.errors import OUTSIDE, PluginError, described

STEPS = ("clips", "take", "finish")
"""Methods of a session."""

_COMMAND = re.compile(r"[\w.][\w.-]*")


def problem_of_command(name: Any, command: Any) -> str | None:
    """Return why a command cannot be used or typed; None if it can."""
    import click

    if not isinstance(command, click.Command):
        return f"must add click commands, got {shown(command)} as {shown(name)}"
    if not isinstance(name, str) or not _COMMAND.fullmatch(name):
        rule = "letters, digits, '-', '_' and '.', and not start with '-'"
        return f"must add commands whose names have {rule}, got {shown(name)}"
    return None


def problem_of_session(result: Any) -> str | None:
    """Return why a result of ``emo2vec_open`` is no session; None if it is one, or None."""
    missing = [step for step in STEPS if not callable(getattr(result, step, None))]
    if result is None or not missing:
        return None
    return f"must return a session or None, got {shown(result)} without {', '.join(missing)}"


def name_failures(hook: str, implementation: pluggy.HookImpl) -> None:
    """Wrap a plugin's function so that its errors name the plugin, which pluggy does not do.

    Each function is wrapped once, at registration. pluggy still makes the calls, so order, first
    results, wrappers and tracing work as usual.
    """
    plugin, function = implementation.plugin_name, implementation.function

    def failure(error: BaseException) -> PluginError:
        return PluginError(f"plugin {plugin!r} failed in {hook}: {described(error)}")

    def wrap(*arguments: Any) -> Generator[Any, Any, Any]:
        try:
            return (yield from cast(Generator[Any, Any, Any], function(*arguments)))
        except (PluginError, *OUTSIDE):  # the first names the wrapped plugin already
            raise
        except BaseException as error:
            raise failure(error) from error

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            result = function(*arguments, **named)
            # A generator runs only here, and may raise half-way.
            result = list(result) if isinstance(result, Iterator) else result
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise failure(error) from error
        if hook == "emo2vec_open" and (problem := problem_of_session(result)):
            raise PluginError(f"plugin {plugin!r}: emo2vec_open {problem}")
        return result

    # pluggy reads this attribute at each call; only type checkers treat it as final.
    is_wrapper = implementation.wrapper or implementation.hookwrapper
    implementation.function = wrap if is_wrapper else call  # type: ignore[misc]
