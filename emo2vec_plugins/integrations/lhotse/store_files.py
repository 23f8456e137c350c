"""The files of a store, which belongs to one output until that is finished."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from emo2vec_plugins.errors import OptionsError, ResumeError
from emo2vec_plugins.files import Lock, Unfinished, disk, lock_path, make_folder
from emo2vec_plugins.integrations.lhotse.stores import STORES, SUFFIXES, Store, log_path

State = Mapping[str, Any]
"""State of a run after a step; its ``store`` is a mark."""


class StorePlace(NamedTuple):
    """Type, a key of `STORES`, and path of a store."""

    type: str
    path: Path


def store_place(
    path: str | os.PathLike[str], kind: str | None, *, outside: Iterable[Path]
) -> StorePlace:
    """Return the type of a store, and its path with the suffix that Lhotse adds.

    Args:
        path: An archive or a folder.
        kind: One of `STORES`; None to choose by the suffix of *path*.
        outside: Shar directories, which must not contain the store.

    Raises:
        OptionsError: If the type is unknown, the suffix does not determine it, or the store is
            inside one of the folders.
    """
    path = Path(path)
    found = kind or SUFFIXES.get(path.suffix)
    if found is None:
        raise OptionsError(
            f"expected a .lca file, an .h5 file or a folder without suffix as store, got {path}; "
            "for a folder with a suffix, use the store type numpy_files"
        )
    if found not in STORES:
        raise OptionsError(f"expected one of {', '.join(STORES)} as store_type, got {kind!r}")
    # Resolve links: one may lead into one of the folders.
    for folder in outside:
        if folder.resolve() in path.resolve().parents:
            raise OptionsError(
                f"expected a store outside of {folder}, where Lhotse reads every file as data, "
                f"got {path}"
            )
    suffix = STORES[found].suffix
    named = path if path.suffix == suffix else path.with_name(path.name + suffix)
    return StorePlace(found, named)


class StoreFiles:
    """The files of the store of one output, or of none.

    A lock beside the store names the output from the start of its run to the end, so that no other
    output takes what a killed run has left.

    Args:
        place: Where arrays go; None for none.
        target: The output.
        unfinished: Its finished lines. Their head has the place of the store, too.
    """

    def __init__(self, place: StorePlace | None, target: Path, unfinished: Unfinished) -> None:
        self._place = place
        self._owner = os.path.realpath(target)
        self._unfinished = unfinished
        self._lock: Lock | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the store until the block ends.

        Raises:
            ResumeError: If another process has locked it.
        """
        if self._place is None:
            yield
            return
        with Lock(self._place.path) as self._lock:
            yield

    def has_remains(self) -> bool:
        """Return whether there are files of a run that was killed, or is running."""
        if self._place is None:
            return False
        return log_path(self._place.path).exists() or lock_path(self._place.path).exists()

    def is_missing(self) -> bool:
        """Return whether the store of a finished output does not exist."""
        return self._place is not None and not self._place.path.exists()

    def holds(self, before: State, after: State) -> bool:
        """Return whether all arrays between two states are whole."""
        if self._place is None:
            return True
        kind = STORES[self._place.type]
        return kind.holds(self._place.path, before.get("store", {}), after["store"])

    def create(self) -> None:
        """Create an empty store, which belongs to the output; one of an earlier run is removed.

        Raises:
            ResumeError: If there is a store of another output or program.
        """
        self._discard_former()
        if self._place is None or self._lock is None:
            return
        path, owner = self._place.path, self._lock.owner
        found = _occupied(path)
        if found and self._owns(path, owner):
            _discard(path)
        elif found:
            whose = f" and belongs to the unfinished run of {owner}" if owner else ""
            raise ResumeError(f"{found} already exists{whose}; remove it or choose another store")
        self._lock.own(self._owner)
        _create(self._place)

    def open(self, state: State) -> Store:
        """Open the store at a state."""
        if self._place is None:
            return Store()
        return STORES[self._place.type](self._place.path, state.get("store", {}))

    def release(self) -> None:
        """Remove what a finished store does not need; it belongs to no run any more."""
        if self._place is not None and log_path(self._place.path).exists():
            disk.unlink(log_path(self._place.path))
        if self._lock is not None:
            self._lock.disown()

    def discard(self) -> None:
        """Remove the store."""
        if self._place is not None and self._lock is not None:
            _discard(self._place.path)
            self._lock.disown()

    def _discard_former(self) -> None:
        """Remove the store of a run with other settings that has not finished a step."""
        path = _store_in(self._unfinished.head())
        if path is not None and (self._place is None or self._place.path != path):
            with Lock(path) as lock:
                if self._owns(path, lock.owner):
                    _discard(path)
                    lock.disown()

    def _owns(self, path: Path, owner: str | None) -> bool:
        """Return whether a store is left by a run of this output."""
        if owner is None:  # damaged
            return _store_in(self._unfinished.head()) == path
        return owner == self._owner


def remains_in(settings: Mapping[str, Any] | None) -> Path | None:
    """Return what there is of the store of a run with these settings, or None."""
    path = _store_in(settings)
    return None if path is None else _occupied(path)


def _store_in(settings: Mapping[str, Any] | None) -> Path | None:
    """Return the store of a run; its settings may be those of another kind of run."""
    store = (settings or {}).get("store")
    path = store.get("path") if isinstance(store, dict) else None
    return Path(path) if isinstance(path, str) else None


def _occupied(path: Path) -> Path | None:
    """Return the path of an existing store, finished or unfinished, that blocks a new one."""
    return next((found for found in (path, log_path(path)) if found.exists()), None)


def _create(place: StorePlace) -> None:
    make_folder(place.path.parent)
    try:
        if place.type == "numpy_files":
            disk.make_folder(place.path)
        else:
            path = log_path(place.path) if place.type == "numpy_hdf5" else place.path
            disk.open_file(path, "xb").close()
    except FileExistsError as error:  # on a disk without locks
        raise ResumeError(
            f"{place.path} is being written by another process; choose another store"
        ) from error


def _discard(path: Path) -> None:
    while found := _occupied(path):
        if found.is_dir():
            disk.remove_tree(found)
        else:
            disk.unlink(found)
