"""Files on the command line: inputs are never outputs, and outputs are checked before work starts."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.shell_completion import CompletionItem

from emo2vec_plugins.cli.output import complain
from emo2vec_plugins.cli.streams import standard_stream
from emo2vec_plugins.core import counted
from emo2vec_plugins.files import (
    Unfinished,
    check_overwrite,
    check_protected,
    items_path,
    lock_path,
    overwriting,
    protecting,
    record_path,
)

if TYPE_CHECKING:
    from emo2vec_plugins.core import Dialogue

Command = Callable[..., Any]

_OVERWRITE = "Also replace files that other programs wrote or that were edited."

_SLACK = 0.1
"""Seconds that a turn may end after the audio without a warning: diarizers round to frames."""


class FileName(click.ParamType):  # type: ignore[type-arg]  # not generic in older click
    """A file or folder to read, completed by the shell; its existence is not checked."""

    name = "file"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Let the shell complete file names."""
        return [CompletionItem(incomplete, type="file")]


class OutputName(FileName):
    """A file or folder to write, checked before the work starts.

    Args:
        suffixes: Allowed suffixes of a file; none allows all.
        kind: What the command writes. A ``folder`` is filled with files. A ``manifest`` is a file,
            or a folder if the input is one, and a ``store`` is either; both are written as a whole,
            and the run itself decides what to do with an existing one.
        stdout: Whether ``-`` means stdout.
    """

    def __init__(
        self,
        *suffixes: str,
        kind: Literal["file", "folder", "manifest", "store", "any"] = "file",
        stdout: bool = False,
    ) -> None:
        self._suffixes = suffixes
        self._stdout = stdout
        self.kind = kind

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name; a name that cannot be written is wrong usage."""
        if value == "-":
            if not self._stdout:
                self.fail("cannot write to stdout; './-' is a file of that name", param, ctx)
            return value
        if problem := self._problem(value) or self._stream_problem(value):
            self.fail(problem, param, ctx)
        return value

    def _stream_problem(self, value: str) -> str | None:
        name = standard_stream(value)
        if name is None:
            return None
        advice = "use '-'" if self._stdout and name == "stdout" else "choose another name"
        return f"{value} is {name}, which has other uses: {advice}"

    def _problem(self, value: str) -> str | None:
        path = Path(value)
        if not value or "\0" in value:
            return f"expected a name, got {value!r}"
        if self.kind in ("folder", "any"):
            return None
        if self.kind in ("manifest", "store"):
            is_new = path.name not in ("", "..")
            return None if is_new else f"expected the name of a new {self.kind}, got {value!r}"
        if self._suffixes and path.suffix.lower() not in self._suffixes:
            return f"expected a name in {', '.join(self._suffixes)}, got {value!r}"
        if path.is_dir():
            return f"expected a file to write, got the folder {value}"
        folder = next(each for each in path.absolute().parents if each.exists())
        # A device such as /dev/stdout can be writable in a folder that is not.
        is_device = path.exists() and not path.is_file()
        if not is_device and not os.access(folder, os.W_OK):
            return f"cannot write to the folder {folder}"
        return None


FILE_NAME = FileName()


def writes_files(*, overwrite: bool = True) -> Callable[[Command], Command]:
    """Return a decorator that protects the inputs of a command and checks its outputs.

    Apply it last, directly below ``click.command``.

    Args:
        overwrite: Add ``--overwrite``. Commands whose ``--overwrite`` replaces labels never
            replace files of others.
    """
    return functools.partial(_guarded, overwrite=overwrite)


def warn_of_missing_audio(dialogues: Iterable[Dialogue]) -> None:
    """Warn of recordings whose audio file does not exist, before other programs look for it."""
    for each in dialogues:
        if each.audio is not None and "://" not in each.audio and not Path(each.audio).exists():
            advice = "pass its current path with --audio FILE"
            complain("warning", f"{each.recording}: no audio at {each.audio}; {advice}")


def late_turns(dialogue: Dialogue) -> str | None:
    """Return a line about the turns that end after the recording, or None if there are none.

    A recording without a known duration has none.
    """
    length = math.inf if dialogue.duration is None else dialogue.duration
    late = [each.turn for each in dialogue.turns if each.turn.end > length + _SLACK]
    if not late:
        return None
    turns = f"{len(late)} of {counted(len(dialogue.turns), 'turn')}"
    return (
        f"{turns} beyond the end of the audio ({length:.3f} s): the first is "
        f"{late[0].start:.3f}-{late[0].end:.3f}; is this the audio of another recording?"
    )


def _guarded(command: Command, *, overwrite: bool) -> Command:
    @functools.wraps(command)
    def guarded(**given: Any) -> Any:
        replace = bool(given.pop("replace_files", False))
        ctx = click.get_current_context()
        with protecting(*_inputs(ctx)), overwriting(replace):
            _check_outputs(ctx, overwrite=overwrite)
            return command(**given)

    decorated: Any = guarded
    if overwrite:
        add = click.option("--overwrite", "replace_files", is_flag=True, help=_OVERWRITE)
        decorated = add(decorated)
        parameters = decorated.__click_params__
        parameters.insert(0, parameters.pop())  # listed last
    return decorated  # type: ignore[no-any-return]


def _inputs(ctx: click.Context) -> Iterator[str]:
    for _, value in _names(ctx, FileName):
        yield value
        if not Path(value).exists():
            yield value.partition("=")[2] or value  # NAME=FILE


def _check_outputs(ctx: click.Context, *, overwrite: bool) -> None:
    advice = {} if overwrite else {"advice": "remove it or choose another name"}
    outputs = [(kind.kind, value) for kind, value in _names(ctx, OutputName) if value != "-"]
    for (kind, one), (_, other) in permutations(outputs, 2):
        if _is_in_the_way(Path(other), of=Path(one), kind=kind):
            raise click.UsageError(f"{other!r} cannot be an output beside {one!r}: choose another")
    for kind, value in outputs:
        if kind == "manifest" and record_path(Path(value)).exists():
            check_protected(value)
        elif kind not in ("folder", "store"):
            check_overwrite(value, **advice)


def _is_in_the_way(other: Path, *, of: Path, kind: str) -> bool:
    """Return whether an output is the same file as another, is inside it, or has a name it needs."""
    path, own = Path(os.path.realpath(other)), Path(os.path.realpath(of))
    if kind == "folder" or path == own:
        return path == own
    needed = (*Unfinished(own).paths, lock_path(own), record_path(own), items_path(own))
    return path in needed or own in path.parents


def _names(ctx: click.Context, kind: type[FileName]) -> Iterator[tuple[Any, str]]:
    """Yield the type and the value of each parameter of exactly this kind."""
    for parameter in ctx.command.params:
        value = ctx.params.get(parameter.name or "")
        if type(parameter.type) is kind and value is not None:
            for each in value if isinstance(value, tuple) else (value,):
                yield parameter.type, each
