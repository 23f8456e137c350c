"""Whole audio files: a line of ``emotions.jsonl`` for each, and arrays; in a run that resumes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Options, Recording, annotate, counted, shown
from emo2vec_plugins.errors import OptionsError, ResumeError, warn
from emo2vec_plugins.files import (
    Finished,
    Lock,
    Unfinished,
    check_overwrite,
    one_step,
    paired,
    protecting,
    replacing,
    settings_of,
)
from emo2vec_plugins.formats import EMOTIONS_JSONL
from emo2vec_plugins.integrations.file_arrays import ARRAY_OPTIONS, FileArrays, Name
from emo2vec_plugins.integrations.inputs import Input, check_distinct_keys
from emo2vec_plugins.integrations.recordings import unscored
from emo2vec_plugins.integrations.resuming import group_seconds, identity_of, option_values

if TYPE_CHECKING:
    from emo2vec_plugins.core import Dialogue, Plugins, Scorer

BYTES_PER_SECOND = 32_000
"""Size of a second of audio, by which files are grouped: of 16-bit samples at 16 kHz."""

Scored = tuple[Input, bytes, str | None]
"""A file, its line, and the reason if it has failed."""

Done = Callable[[Input, str | None], None]
"""Called for each file that is finished, also by an earlier run, with the reason if it failed."""


def score_files(
    files: Sequence[Input],
    *,
    score: Scorer,
    options: Options | None = None,
    arrays: FileArrays | None = None,
    plugins: Plugins | None = None,
) -> Generator[Scored, None, None]:
    """Return an iterator of each file with its line, as it is scored.

    The arrays are locked from the first line to the end.

    Args:
        files: What to score; keys must be distinct.
        score: An `Engine` or another `Scorer`.
        options: What to compute.
        arrays: Where arrays go, made with the same files and options; None for no arrays.
        plugins: The installed plugins by default.

    Raises:
        OptionsError: If two files share a key, or the options ask for other arrays.
        ResumeError: If another process is writing the arrays.
        OSError: If an array cannot be written.
    """
    wanted = _checked(files, options, arrays)

    def scored() -> Generator[Scored, None, None]:
        with _locked(arrays):
            yield from _scored(files, score, wanted, arrays, plugins)

    return scored()


def write_scores(
    target: Name,
    files: Iterable[Input],
    *,
    score: Scorer,
    options: Options | None = None,
    arrays: FileArrays | None = None,
    plugins: Plugins | None = None,
    done: Done = lambda *_: None,
) -> None:
    """Score files, and write their lines to a file of ``emotions.jsonl``.

    An unfinished run keeps its lines in ``TARGET.part.jsonl``, and a journal with checksums in
    ``TARGET.part.journal``. If these files exist, the run resumes from them: files are scored
    again if they have changed, or if their lines or arrays are missing or damaged. A run that
    fails in its first group removes them.

    Args:
        target: The output, which is complete or absent.
        files: What to score, in the order of the lines; keys must be distinct.
        score: An `Engine` or another `Scorer`. Set the ``identity`` of another scorer to a value
            that distinguishes its models.
        options: What to compute.
        arrays: Where arrays go, made with the same files and options; None for no arrays.
        plugins: The installed plugins by default.
        done: Called for each file.

    Raises:
        OptionsError: If two files share a key, the options ask for other arrays, or the output is
            one of the arrays.
        ResumeError: If an unfinished run has other settings, its journal is damaged while it runs,
            or another process is writing the output or the arrays.
        OverwriteError: If the output or an array must not be replaced, such as one of the files.
        OSError: If a file cannot be written. The run can be resumed.
    """
    files, target = list(files), Path(target)
    wanted = _checked(files, options, arrays)
    if arrays is not None and target in arrays.folder:
        raise OptionsError(f"output and an array are the same, {target}; choose another output")
    settings = settings_of(
        scorer=identity_of(score),
        options=option_values(wanted, ARRAY_OPTIONS),
        store=None if arrays is None else arrays.name,
    )
    items = [_Item(file) for file in files]
    with protecting(*(file.source for file in files)), Lock(target), _locked(arrays):
        check_overwrite(target)
        with _unfinished(target) as unfinished:
            if unfinished.resume(settings) is None:
                unfinished.start(settings)
            new = iter(_new(items, unfinished, arrays, done))
            most = group_seconds(score) * BYTES_PER_SECOND
            while chosen := list(one_step(new, weigh=lambda item: item.size, most=most)):
                found = _scored([item.file for item in chosen], score, wanted, arrays, plugins)
                for item, (file, line, reason) in zip(chosen, found, strict=True):
                    stored = {} if arrays is None else arrays.folder.commit()
                    unfinished.add(item.digest, line, {"reason": reason, "arrays": stored})
                    done(file, reason)
                unfinished.commit({})
            with replacing(target) as stream:
                stream.writelines(unfinished.lines(_finished(items, unfinished)))


@dataclass(frozen=True)
class _Item:
    """A file to score.

    Attributes:
        file: Its key and path.
    """

    file: Input

    @cached_property
    def digest(self) -> str:
        """A digest of key and path, and of the file's size and time, which change with it."""
        found = self._status
        known = None if found is None else (found.st_size, found.st_mtime_ns)
        named = f"{self.file.key}\n{self.file.source}\n{known}"
        return hashlib.sha256(named.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def size(self) -> int:
        """Size in bytes; 0 for a file that is missing."""
        return 0 if self._status is None else self._status.st_size

    @cached_property
    def _status(self) -> os.stat_result | None:
        try:
            return Path(self.file.source).stat()
        except (OSError, ValueError):  # the line has the reason
            return None


def _checked(files: Sequence[Input], options: Options | None, arrays: FileArrays | None) -> Options:
    """Return the options, if all that they ask for can be written."""
    wanted = Options() if options is None else options
    check_distinct_keys(files)
    if arrays is not None:
        arrays.check(files, wanted)
    elif wanted.embeddings or wanted.frames:
        raise OptionsError("embeddings and frames need a folder; pass arrays=FileArrays(...)")
    return wanted


def _scored(
    files: Sequence[Input],
    score: Scorer,
    options: Options,
    arrays: FileArrays | None,
    plugins: Plugins | None,
) -> Iterator[Scored]:
    sources = [Recording(recording=file.key, audio=file.source) for file in files]
    results = annotate(sources, score=score, plugins=plugins, options=options, failed=unscored)
    for file, dialogue in zip(files, results, strict=True):
        emotion = dialogue.turns[0].emotion
        if arrays is not None:
            arrays.write(file.key, emotion)
        # A dialogue of a failed file has no audio path; its line has it anyway.
        yield file, _line(replace(dialogue, audio=file.source)), emotion.reason


def _line(dialogue: Dialogue) -> bytes:
    dump: Any = EMOTIONS_JSONL.dumps
    text: str = dump([dialogue])
    return text.encode()


def _locked(arrays: FileArrays | None) -> AbstractContextManager[None]:
    return nullcontext() if arrays is None else arrays.folder.locked()


@contextmanager
def _unfinished(target: Path) -> Iterator[Unfinished]:
    """Yield the unfinished lines, which are removed at the end, or if nothing was finished."""
    unfinished = Unfinished(target)
    try:
        yield unfinished
    except BaseException:
        if not unfinished.has_steps():
            unfinished.remove()
        raise
    unfinished.remove()


def _new(
    items: Iterable[_Item], unfinished: Unfinished, arrays: FileArrays | None, done: Done
) -> list[_Item]:
    """Return the items that have no line, or lack arrays as they were written with it."""
    new: list[_Item] = []
    lost: list[str] = []
    for item, line in paired(items, unfinished.finished()):
        match None if line is None else line.note:
            case {"reason": None | str() as reason, "arrays": dict(stored)}:
                if arrays is None or arrays.folder.holds(stored):
                    done(item.file, reason)
                    continue
                lost.append(item.file.key)
        new.append(item)
    if arrays is not None and lost:
        whose = f"{counted(len(lost), 'file')}, such as {shown(lost[0])}"
        warn(f"{arrays.name}: arrays of {whose}, are missing or have changed: scored again")
    return new


def _finished(items: Iterable[_Item], unfinished: Unfinished) -> Iterator[Finished]:
    """Yield the line of each item."""
    for item, line in paired(items, unfinished.finished()):
        if line is None or not line.length:
            raise ResumeError(
                f"{unfinished.paths[1]}: damaged during the run: the line of "
                f"{shown(item.file.key)} is missing; run the same command again"
            )
        yield line
