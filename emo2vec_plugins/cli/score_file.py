"""The output file of ``emo2vec score``: lines are on disk as they are scored, in a run that resumes.

Files are scored in groups that depend only on the list of files, so that a resumed run has the
same batches, and writes the same bytes, as an uninterrupted one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from emo2vec_plugins.files import Lock, Unfinished, group, match, replacing
from emo2vec_plugins.integrations import Input

GROUP_BATCHES = 10
"""Batches in a group of files, about: the most that a resumed run scores again."""

BYTES_PER_SECOND = 32_000
"""Size of a second of audio, by which files are grouped: of 16-bit samples at 16 kHz."""


@dataclass(frozen=True)
class AudioFile:
    """A file to score.

    Attributes:
        input: Its key and path.
    """

    input: Input

    @cached_property
    def digest(self) -> str:
        """A digest of key and path, and of the file's size and time, which change with it."""
        found = self._status
        known = None if found is None else (found.st_size, found.st_mtime_ns)
        named = f"{self.input.key}\n{self.input.source}\n{known}"
        return hashlib.sha256(named.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def size(self) -> int:
        """Size in bytes; 0 for a file that is missing."""
        return 0 if self._status is None else self._status.st_size

    @cached_property
    def _status(self) -> Any:
        try:
            return Path(self.input.source).stat()
        except (OSError, ValueError):  # the line has the reason
            return None


Score = Callable[[Sequence[Input]], Iterator[tuple[Input, bytes, str | None]]]
"""Yields each file with its line, and the reason if it failed."""

Done = Callable[[Input, str | None], None]
"""Called for each file that is finished, also by an earlier run."""


def write_lines(
    target: Path,
    files: Iterable[Input],
    score: Score,
    *,
    settings: Mapping[str, Any],
    batch_seconds: float,
    done: Done,
) -> None:
    """Score files and write their lines. A run that was killed is resumed.

    Args:
        target: The output, which is complete or absent.
        files: What to score, in the order of the lines.
        score: Scores some of them.
        settings: Everything else that the lines depend on, as JSON values.
        batch_seconds: Seconds of audio in a batch.
        done: Called for each file.

    Raises:
        ResumeError: If an unfinished run has other settings, or another process is writing.
        OSError: If the output cannot be written; the run can be resumed.
    """
    items = [AudioFile(file) for file in files]
    with Lock(target):
        unfinished = Unfinished(target)
        if unfinished.resume(settings) is None:
            unfinished.start(settings)
        try:
            new = _new(items, unfinished, done)
            most = GROUP_BATCHES * batch_seconds * BYTES_PER_SECOND
            while chosen := list(group(new, weigh=lambda file: file.size, most=most)):
                found = score([each.input for each in chosen])
                for file, (own, line, reason) in zip(chosen, found, strict=True):
                    unfinished.add(file.digest, line, reason)
                    done(own, reason)
                unfinished.commit({})
            with replacing(target) as stream:
                known = (line for _, line in match(items, unfinished.finished()) if line)
                stream.writelines(unfinished.lines(known))
        except BaseException:
            if not unfinished.has_steps():
                unfinished.remove()
            raise
        unfinished.remove()


def _new(items: Iterable[AudioFile], unfinished: Unfinished, done: Done) -> Iterator[AudioFile]:
    for item, line in match(items, unfinished.finished()):
        if line is None:
            yield item
        else:
            done(item.input, line.note)
