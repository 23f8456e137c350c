"""The files of one annotated manifest, unfinished and finished, and of its store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any

from emo2vec_plugins.errors import FormatError, OverwriteError, ResumeError, warn
from emo2vec_plugins.files import (
    Finished,
    Lock,
    Unfinished,
    check_overwrite,
    digest_in,
    items_path,
    lock_path,
    paired,
)
from emo2vec_plugins.integrations.lhotse import folders, records
from emo2vec_plugins.integrations.lhotse.manifest_files import Layout, items_in
from emo2vec_plugins.integrations.lhotse.store_files import StoreFiles, StorePlace, remains_in
from emo2vec_plugins.integrations.lhotse.stores import Store
from emo2vec_plugins.integrations.lhotse.summary import Counter, Summary

Settings = dict[str, Any]
State = dict[str, Any]

_OTHER_SETTINGS = (
    "to score only what has no label yet, use it as the input and choose another output; to score "
    "everything again, " + records.ADVICE
)


class RunFiles:
    """The files of a run.

    Args:
        source: The input, for messages.
        target: The output.
        settings: Everything that the output depends on, besides the items of the input.
        store: Where arrays go; None for none.

    Attributes:
        unfinished: The finished lines.
        store: The files of the store.
    """

    def __init__(
        self, source: Path, target: Path, settings: Settings, store: StorePlace | None
    ) -> None:
        self._source, self._target = source, target
        self._settings = settings
        self._is_new = False
        self.unfinished = Unfinished(target)
        self.store = StoreFiles(store, target, self.unfinished)

    def completed(self, manifest: Layout) -> Summary | None:
        """Return the summary if the output is complete, and made from the present items.

        Raises:
            ResumeError: If the output has other settings, or no record.
        """
        # The journal is removed after the output is written. A run that still has one is resumed.
        if self.unfinished.head() is not None:
            return None
        record = self._record()
        if record is None or (record["store"]["arrays"] and self.store.is_missing()):
            return None
        digests = (item.digest for item in manifest.items() if item.digest is not None)
        old = records.read_items(self._target, record)
        same = all(
            item is not None and line is not None and line.is_of(item)
            for item, line in zip_longest(digests, old)
        )
        return Summary.from_json(record["summary"]) if same else None

    def has_remains(self) -> bool:
        """Return whether there are files of a run that was killed, or is running."""
        own = self.unfinished.exists() or lock_path(self._target).exists()
        return own or self.store.has_remains()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the output and the store until the block ends.

        Raises:
            ResumeError: If another process has locked one of them.
        """
        with Lock(self._target), self.store.locked():
            yield

    def begin(self) -> State:
        """Resume the unfinished run, reopen the finished output, or start.

        Returns:
            The state after the last step.

        Raises:
            ResumeError: If files of another run are in the way.
            OverwriteError: If the output has been edited.
        """
        folders.restore_aside(self._target, records.digests_in_record(self._target))
        record = self._record()
        state = self.unfinished.resume(
            self._settings, holds=self.store.holds, remains=self._remains
        )
        if state is not None:
            return state
        if record is not None:
            return self._reopen(record)
        self.store.create()
        self._is_new = True
        self.unfinished.start(self._settings)
        return {}

    def abandon(self) -> None:
        """Remove the files of a run that has not finished a step."""
        if self._is_new and not self.unfinished.has_steps():
            with suppress(OSError):  # the error that ended the run is raised
                self.unfinished.remove()
                self.store.discard()

    def finish(self, manifest: Layout, store: Store, *, arrays: int) -> Summary:
        """Write the output and its record, and remove the files of the unfinished run.

        Args:
            manifest: Reads the items, and writes the output.
            store: The store, which is sealed.
            arrays: Number of arrays in the store.

        Raises:
            FormatError: If there are items, but no cut is among them.
            ResumeError: If the input has changed during the run.
            OverwriteError: If the output must not be replaced.
        """
        self._is_new = False
        counter = Counter()
        items = records.write_items(self._target, self._lines(manifest, counter))
        summary = counter.summary()
        if summary.bad and not summary.cuts:
            self._forget()
            raise FormatError(summary.bad_items[0])
        mark = store.seal()
        self._replace(manifest)
        records.write_record(
            self._target,
            task=self._settings,
            summary=summary.as_json(),
            output=folders.digests_of(self._target),
            items=items,
            store={"mark": mark, "arrays": arrays},
        )
        self.remove_remains()
        return summary

    def remove_remains(self) -> None:
        """Remove what a finished run does not need."""
        self.unfinished.remove()
        self.store.release()

    def _lines(self, manifest: Layout, counter: Counter) -> Iterator[Finished]:
        """Yield the finished lines in the order of the items, and count them."""
        for item, line in paired(manifest.items(), self.unfinished.finished()):
            if line is None and item.digest is not None:
                raise ResumeError(
                    f"{self._source} has changed during the run; run the same command again"
                )
            note = {"bad": ""} if line is None else line.note
            if "bad" in note:
                counter.add_bad(item.reason or note["bad"])
            else:
                counter.add(note)
            if line is not None:
                yield line

    def _replace(self, manifest: Layout) -> None:
        """Write the output; an older one is replaced if it has not been edited."""
        ordered = paired(records.read_items(self._target), self.unfinished.finished())
        lines = self.unfinished.lines(line for _, line in ordered if line is not None)
        records.seal(manifest, lines, self._target)

    def _record(self) -> dict[str, Any] | None:
        """Return the record of the finished output, or None if there is no such output.

        Raises:
            ResumeError: If the output has other settings, or no record.
            OverwriteError: If it has no record because a run was killed, but was edited since.
        """
        if self.unfinished.exists() and records.read_record(self._target) is None:
            check_overwrite(self._target, advice="remove it or choose another name")
            return None
        return records.recorded(self._target, task=self._settings, advice=_OTHER_SETTINGS)

    def _reopen(self, record: dict[str, Any]) -> State:
        """Make the lines of the finished output those of an unfinished run."""
        if record.get("output") != folders.digests_of(self._target):
            raise OverwriteError(
                f"{self._target} has been changed since emo2vec wrote it, and the input has changed "
                "too; choose another output"
            )
        if record.get("items") != digest_in(items_path(self._target)):
            warn(f"{items_path(self._target)} is missing or damaged; the run starts again")
        store = record["store"]
        state = {"store": store["mark"], "arrays": store["arrays"]}
        lines: Iterable[tuple[Finished, bytes]] = self._old_lines(record)
        if not self.store.holds({}, state):
            warn(f"arrays of {self._target} are missing; the run starts again")
            lines, state = (), {}
        self.unfinished.reopen(self._settings, lines, state)
        return state

    def _old_lines(self, record: dict[str, Any]) -> Iterator[tuple[Finished, bytes]]:
        raws = (item.raw + b"\n" for item in items_in(self._target) if item.raw is not None)
        for line in records.read_items(self._target, record):
            raw = next(raws, b"") if line.length else b""
            if len(raw) != line.length:
                return
            yield line, raw

    def _forget(self) -> None:
        """Remove the files of an unfinished run, unless they belong to a finished output."""
        self.unfinished.remove()
        if not self._target.exists():
            records.remove_record(self._target)
            self.store.discard()

    def _remains(self, settings: Settings) -> list[Path]:
        """Return the store of an unfinished run; the arrays of a finished output must stay."""
        store = None if self._target.exists() else remains_in(settings)
        return [] if store is None else [store]
