"""Outputs that are written line by line, over hours, in a run that can be killed and resumed.

Finished lines are appended to ``OUT.part.jsonl`` in the order in which they are finished, and
``OUT.part.journal`` has the digest of the input item of each. A resumed run asks which items have a
line, so items may change, come and go between the runs: only new ones need work. At the end, the
lines are read in the order of the items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import emo2vec_plugins.files.disk as disk
from emo2vec_plugins.core import shortened
from emo2vec_plugins.errors import OverwriteError, ResumeError, warn
from emo2vec_plugins.files.finished import RECORD_ITEMS, Finished, batches, finished_in
from emo2vec_plugins.files.journal import (
    DIGITS,
    Journal,
    Record,
    checksum_of,
    digest_of_part,
    not_ours,
)
from emo2vec_plugins.files.own_files import check_regular, open_own
from emo2vec_plugins.files.settings import differences

_MOST_TEXT = 1000
"""Characters of a text in a note."""

Holds = Callable[[Record, Record], bool]
"""Returns whether what a step has stored elsewhere is intact, given the states before and after."""


class Unfinished:
    """The finished lines of one output. The caller must have locked the output.

    Lines are finished in steps: after `commit`, those before it are on disk. Each step has a
    state, which is the caller's.

    Args:
        target: The output.

    Attributes:
        paths: The files, for messages.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._lines = target.with_name(f"{target.name}.part.jsonl")
        self._journal = Journal(target.with_name(f"{target.name}.part.journal"))
        self.paths = (self._lines, self._journal.path)
        self._pending: list[tuple[str, bytes, Any]] = []
        self._length = 0

    def head(self) -> Record | None:
        """Return the settings of the run that began; None if there are none, or damaged ones."""
        return self._journal.head()

    def has_steps(self) -> bool:
        """Return whether the run has finished a step."""
        return any(True for _ in self._journal.records())

    def exists(self) -> bool:
        """Return whether there are files of an unfinished run."""
        return any(path.exists() for path in self.paths)

    def start(self, head: Mapping[str, Any]) -> None:
        """Begin a run without lines; those of an earlier run are removed."""
        # The journal first: lines without a journal are not ours.
        self._journal.write(head)
        self._cut_lines(0)

    def reopen(
        self,
        head: Mapping[str, Any],
        lines: Iterable[tuple[Finished, bytes]],
        state: Mapping[str, Any],
    ) -> None:
        """Begin a run with the lines of a finished output, in their order."""
        self.start(head)

        def steps() -> Iterator[Record]:
            for batch in batches(lines, RECORD_ITEMS):
                for finished, line in batch:
                    self.add(finished.digest, line, finished.note)
                yield self._written(state)

        # At once: after a kill, the output is reopened again, not a part of it resumed.
        self._journal.write(head, steps())

    def resume(
        self,
        head: Mapping[str, Any],
        *,
        holds: Holds = lambda *_: True,
        remains: Callable[[Record], Iterable[Path]] = lambda _: (),
    ) -> Record | None:
        """Continue the run with these settings: drop what was not finished.

        Damage to the lines or the journal is reported as a warning. The steps before it count.

        Args:
            head: The settings.
            holds: Checks what the caller stores elsewhere.
            remains: Returns what else there is of the run with the given settings.

        Returns:
            The state after the last step, empty if all steps are damaged; None if there is no
            run to resume, so that the caller must `start` one.

        Raises:
            OverwriteError: If there are files of another program in their place.
            ResumeError: If a run with other settings has finished a step.
        """
        self._check_ours()
        places = self._journal.places()
        first = next(places, None)
        if first is None and self._journal.path.exists():
            warn(f"{self._journal.path}: the first line is damaged; the run starts again")
        if first is None:
            return None
        if not self.has_steps():
            self._warn_if_damaged(first.end, steps=0)
            return None
        if first.record != head:
            files = ", ".join(map(str, (*self.paths, *remains(first.record))))
            raise ResumeError(
                f"{self._target} is unfinished and has other settings: "
                f"{differences(first.record, head)}; resume with the earlier settings, or remove "
                f"{files} and start over"
            )
        end, self._length, state, steps = first.end, 0, Record(), 0
        for place in places:
            if not self._is_intact(place.record, holds, state):
                break
            end, steps = place.end, steps + 1
            self._length, state = place.record["bytes"][1], place.record["state"]
        self._warn_if_damaged(end, steps=steps)
        self._journal.cut_back(end)
        self._cut_lines(self._length)
        return state

    def finished(self) -> Iterator[Finished]:
        """Yield the finished lines of all steps so far, in the order in which they were added."""
        for place in self._journal.records():
            yield from finished_in(place.record, start=place.record["bytes"][0])

    def add(self, digest: str | None, line: bytes, note: Any) -> None:
        """Add the line of an item to the current step; without a digest, it is not kept.

        Texts in the note are shortened, because all notes of a step are one record.
        """
        if digest is not None:
            self._pending.append((digest[:DIGITS], line, _short(note)))

    def commit(self, state: Mapping[str, Any]) -> None:
        """Finish a step. What the caller stores elsewhere must be on disk."""
        self._journal.append(self._written(state))

    def lines(self, finished: Iterable[Finished]) -> Iterator[bytes]:
        """Yield the given lines, in the given order."""
        with open_own(self._lines) as file:
            for each in finished:
                if each.length:
                    if file.tell() != each.start:
                        file.seek(each.start)
                    yield file.read(each.length)

    def remove(self) -> None:
        """Remove the files, but not those of another program in their place."""
        try:
            self._check_ours()
        except OverwriteError:
            return
        # A journal without lines would be damaged, and lines without a journal not ours.
        if head := next(self._journal.places(), None):
            self._journal.cut_back(head.end)
        for path in self.paths:
            if path.exists():
                disk.unlink(path)

    def _check_ours(self) -> None:
        self._journal.check_ours()
        check_regular(self._lines)
        if _size(self._lines) and not _size(self._journal.path):
            raise not_ours(self._lines)

    def _written(self, state: Mapping[str, Any]) -> Record:
        """Append the lines of the step to the file, and return its record."""
        whole = b"".join(line for _, line, _ in self._pending)
        with disk.open_file(self._lines, "ab") as file:
            file.write(whole)
            disk.sync(file)
        start, self._length = self._length, self._length + len(whole)
        items = [(digest, len(line), note) for digest, line, note in self._pending]
        self._pending = []
        place = {"bytes": [start, self._length], "digest": checksum_of(whole)}
        return {**place, "state": dict(state), "items": items}

    def _warn_if_damaged(self, end: int, *, steps: int) -> None:
        if self._journal.is_damaged(beyond=end):
            warn(
                f"{self._journal.path}: damaged after {steps} steps: a checksum is wrong, of the "
                "journal, its lines or its arrays; what follows is done again"
            )

    def _is_intact(self, record: Record, holds: Holds, before: Record) -> bool:
        try:
            start, end = record["bytes"]
            lengths = [each.length for each in finished_in(record, start=start)]
            return (
                start == self._length
                and sum(lengths) == end - start
                and min(lengths, default=0) >= 0
                and record["digest"] == self._digest(start, end)
                and holds(before, record["state"])
            )
        except (KeyError, TypeError, ValueError):  # a record of another program
            return False

    def _digest(self, start: int, end: int) -> str | None:
        try:
            with open_own(self._lines) as file:
                return digest_of_part(file, start, end)
        except FileNotFoundError:
            return None

    def _cut_lines(self, length: int) -> None:
        self._length = length
        with disk.open_file(self._lines, "ab") as file:
            if file.tell() > length:
                file.truncate(length)


def _size(path: Path) -> int:
    """Return the size of a file; 0 if it is missing."""
    return path.stat().st_size if path.exists() else 0


def _short(note: Any) -> Any:
    if isinstance(note, str):
        return shortened(note, most=_MOST_TEXT)
    if isinstance(note, list):
        return [_short(each) for each in note]
    if isinstance(note, dict):
        return {name: _short(each) for name, each in note.items()}
    return note
