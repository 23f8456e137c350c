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

from emo2vec_plugins.core import Options, Recording, annotate
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import (
    ArrayFolder,
    Lock,
    Unfinished,
    one_step,
    paired,
    replacing,
    settings_of,
)
from emo2vec_plugins.formats import EMOTIONS_JSONL
from emo2vec_plugins.integrations.inputs import Input
from emo2vec_plugins.integrations.recordings import unscored
from emo2vec_plugins.integrations.resuming import group_seconds, identity_of

if TYPE_CHECKING:
    from emo2vec_plugins.core import Dialogue, Emotion, Plugins, Scorer

BYTES_PER_SECOND = 32_000
"""Size of a second of audio, by which files are grouped: of 16-bit samples at 16 kHz."""

_FRAMES = {".frames": "frame_embeddings", ".frame_logits": "frame_logits"}
"""Suffix of each array of frames, and the emotion's field that it stores."""

_OPTIONS = ("embeddings", "frames", "array_dtype", "allow", "root")
"""Options on which the lines and arrays depend."""

Name = str | os.PathLike[str]

Scored = tuple[Input, bytes, str | None]
"""A file, its line, and the reason if it has failed."""

Done = Callable[[Input, str | None], None]
"""Called for each file that is finished, also by an earlier run, with the reason if it failed."""


class FileArrays:
    """The folder for arrays of files: ``KEY.npy``, ``KEY.frames.npy`` and ``KEY.frame_logits.npy``.

    Arrays of an earlier run with the same keys are replaced.

    Args:
        folder: Created with the first array.
        files: The files that will be scored.
        options: Which arrays to write, and their type.
        beside: Other files that will be written, such as the one with the lines.

    Attributes:
        name: The folder, as given.

    Raises:
        OptionsError: If two arrays or other files would be the same file, or a key leads out of
            the folder.
        OverwriteError: If a file must not be replaced.
        OSError: If the folder cannot be written to.
    """

    def __init__(
        self, folder: Name, files: Iterable[Input], options: Options, *, beside: Iterable[Name] = ()
    ) -> None:
        self.name = os.fspath(folder)
        self._dtype = options.array_dtype
        self._fields = {"": "embedding"} if options.embeddings else {}
        self._fields |= _FRAMES if options.frames else {}
        keys = dict.fromkeys(file.key for file in files)
        frames = (f"{key}{ending}" for key in keys for ending in self._fields if ending)
        clash = next((name for name in frames if name in keys), None)
        if clash and options.embeddings:
            raise OptionsError(
                f"frames of one key and the embedding of another would both be {clash}.npy"
            )
        names = (f"{key}{ending}" for key in keys for ending in self._fields)
        self.folder = ArrayFolder(folder, names, beside=beside)

    def write(self, key: str, emotion: Emotion) -> None:
        """Write the arrays of one file."""
        from emo2vec_plugins.files import cast  # here, because it loads numpy

        for ending, field in self._fields.items():
            array = getattr(emotion, field)
            if array is not None:
                self.folder.write(f"{key}{ending}", cast(array, self._dtype))


def score_files(
    files: Sequence[Input],
    *,
    score: Scorer,
    options: Options | None = None,
    arrays: FileArrays | None = None,
    plugins: Plugins | None = None,
) -> Generator[Scored, None, None]:
    """Yield each file with its line, as it is scored. The arrays are locked until the end.

    Args:
        files: What to score; keys must be distinct.
        score: An `Engine` or another `Scorer`.
        options: What to compute.
        arrays: Where arrays go; None for nowhere.
        plugins: The installed plugins by default.

    Raises:
        ResumeError: If another process is writing the arrays.
        OSError: If an array cannot be written.
    """
    with _locked(arrays):
        yield from _scored(files, score, Options() if options is None else options, arrays, plugins)


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
        arrays: Where arrays go; None for nowhere.
        plugins: The installed plugins by default.
        done: Called for each file.

    Raises:
        ResumeError: If an unfinished run has other settings, or another process is writing the
            output or the arrays.
        OverwriteError: If the output or an array must not be replaced.
        OSError: If a file cannot be written. The run can be resumed.
    """
    wanted = Options() if options is None else options
    settings = settings_of(
        scorer=identity_of(score),
        options={name: getattr(wanted, name) for name in _OPTIONS},
        store=None if arrays is None else arrays.name,
    )
    target, items = Path(target), [_Item(file) for file in files]
    with Lock(target), _locked(arrays), _unfinished(target) as unfinished:
        if unfinished.resume(settings, holds=lambda _, state: _holds(arrays, state)) is None:
            unfinished.start(settings)
        new = _new(items, unfinished, done)
        most = group_seconds(score) * BYTES_PER_SECOND
        while chosen := list(one_step(new, weigh=lambda item: item.size, most=most)):
            found = _scored([item.file for item in chosen], score, wanted, arrays, plugins)
            for item, (file, line, reason) in zip(chosen, found, strict=True):
                unfinished.add(item.digest, line, reason)
                done(file, reason)
            unfinished.commit({} if arrays is None else {"arrays": arrays.folder.commit()})
        with replacing(target) as stream:
            known = (line for _, line in paired(items, unfinished.finished()) if line)
            stream.writelines(unfinished.lines(known))


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


def _holds(arrays: FileArrays | None, state: dict[str, Any]) -> bool:
    return arrays is None or arrays.folder.holds(state["arrays"])


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


def _new(items: Iterable[_Item], unfinished: Unfinished, done: Done) -> Iterator[_Item]:
    for item, line in paired(items, unfinished.finished()):
        if line is None:
            yield item
        else:
            done(item.file, line.note)
