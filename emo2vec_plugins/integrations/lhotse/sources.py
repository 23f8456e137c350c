"""What Lhotse would run, fetch or unpickle to load audio or an array, checked before it does."""

from __future__ import annotations

import os
import pickle
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from emo2vec_plugins.core import FloatArray, Permissions, kind_of_location, shown
from emo2vec_plugins.errors import AudioError, FormatError, NotAllowedError
from emo2vec_plugins.files import reading
from emo2vec_plugins.integrations import is_a
from emo2vec_plugins.integrations.lhotse.conditions import SHAPE, TEXT, Checked, first_problem
from emo2vec_plugins.integrations.lhotse.stored_arrays import check_stored

_DECODED_IN_A_SHELL: dict[str, Callable[[str], str]] = {
    ".sph": shlex.quote,
    ".opus": lambda path: path.replace("'", ""),
}
"""Lhotse puts these paths into a shell command; each function returns a harmless path unchanged."""

_PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.,-]+:")
"""Start of a path that FFmpeg would take for a URL."""

_OF_NUMPY = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}
"""Everything that a pickled array of numbers refers to."""


def check_sources(loaded: Any, permissions: Permissions, *, where: str) -> None:
    """Check everything that Lhotse would read for the audio of a recording or a mixed cut.

    Args:
        loaded: A ``Recording`` or a cut.
        permissions: What is allowed.
        where: Name of the object, for messages.

    Raises:
        AudioError: If a source is not allowed, or of an unknown type.
    """
    try:
        for kind, source in _sources(loaded):
            _check_source(kind, source, permissions, where)
    except NotAllowedError as error:
        raise AudioError(str(error)) from error


def check_path(path: str, permissions: Permissions, *, where: str) -> None:
    """Check the path of a source that is one file. Arguments and errors are those of `check_sources`."""
    if (kind := kind_of_location(path)) and not os.path.lexists(path):
        kinds = {"commands": "command", "urls": "url"}
        raise AudioError(
            f"{where}: found the path {path!r:.200} in a source of the type 'file'; if {kind} are "
            f"meant, change the type to {kinds[kind]!r}, and allow it with --allow {kind}, "
            f'allow=("{kind}",)'
        )
    try:
        permissions.check_file(path)
    except NotAllowedError as error:
        raise AudioError(f"{error} ({where})") from error
    reading(path)
    if not Path(path).is_file():
        raise AudioError(f"{path}: no such audio file ({where})")


def load_array(manifest: Any, permissions: Permissions, *, where: str) -> FloatArray:
    """Return the array of an ``Array`` or ``TemporalArray``.

    Raises:
        NotAllowedError: If loading it needs something that is not allowed.
        FormatError: If it cannot be loaded, or is not an array of numbers of the stated shape.
        OSError: If its file cannot be read.
    """
    array = getattr(manifest, "array", manifest)
    if problem := first_problem(_values_of_array(array)):
        raise FormatError(f"{where}: {problem}")
    _check_storage(array, permissions, where)
    try:
        check_stored(array, where=where)
        is_pickle = array.storage_type == "memory_raw"
        found = np.asarray(_unpickled(array.storage_key) if is_pickle else manifest.load())
    except FormatError:
        raise
    # Readers of Lhotse raise errors of any kind for damaged data.
    except Exception as error:
        if isinstance(error, OSError) and error.filename:  # which h5py's errors lack
            raise
        problem = f"{type(error).__name__}: {error}"[:200]
        place = shown(array.storage_path)
        raise FormatError(f"{where}: cannot read the array in {place}: {problem}") from error
    if found.dtype.kind not in "biuf" or found.shape != tuple(array.shape):
        raise FormatError(
            f"{where}: expected an array of numbers of shape {shown(tuple(array.shape))}, found "
            f"{found.dtype} of shape {found.shape}"
        )
    return found


def _values_of_array(array: Any) -> Iterator[Checked]:
    yield "its manifest", array, (lambda v: is_a(v, "lhotse.array", "Array"), "an array of Lhotse")
    yield "storage_type", array.storage_type, TEXT
    yield "shape", array.shape, SHAPE


def _check_storage(array: Any, permissions: Permissions, where: str) -> None:
    if array.storage_type == "kaldiio":
        what = f"the Kaldi archive {shown(array.storage_path)}, which may contain commands"
        permissions.check("commands", what, where=where)
    if not array.is_in_memory:
        # Readers join the two, and take a result such as "pipe:ls" for a command.
        base, key = str(array.storage_path or ""), str(array.storage_key)
        for place in (base, key, str(Path(base) / key)):
            kind = kind_of_location(place)
            if kind:
                permissions.check(kind, f"the array {shown(place)}", where=where)
        if array.storage_type == "lilcom_url":
            permissions.check("urls", f"the array {shown(base)}", where=where)


def _sources(loaded: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the type and the source of each ``AudioSource``, also of impulse responses."""
    if is_a(loaded, "lhotse.cut", "MixedCut"):
        for track in loaded.tracks:
            yield from _sources(track.cut)
        yield from _sources(loaded.transforms)
    elif is_a(loaded, "lhotse.cut", "MonoCut", "MultiCut"):
        yield from _sources(loaded.recording)  # nothing else of a cut is loaded
    elif isinstance(loaded, Mapping):
        if "type" in loaded and "source" in loaded:
            yield loaded["type"], loaded["source"]
        for value in loaded.values():
            yield from _sources(value)
    elif isinstance(loaded, list | tuple):
        for value in loaded:
            yield from _sources(value)
    elif is_dataclass(loaded):
        yield from _sources({each.name: getattr(loaded, each.name) for each in fields(loaded)})


def _check_source(kind: Any, source: Any, permissions: Permissions, where: str) -> None:
    if kind in ("memory", "shar"):
        return
    source = os.fspath(source) if isinstance(source, os.PathLike) else source
    if kind not in ("file", "url", "command") or not isinstance(source, str):
        raise AudioError(f"{where}: expected an audio source of Lhotse, found {kind!r:.100}")
    if kind == "command":
        permissions.check("commands", f"the command {shown(source)}", where=where)
        return
    needed = kind_of_location(source) or ("urls" if kind == "url" else None)
    if needed:
        permissions.check(needed, f"the location {shown(source)}", where=where)
    else:
        _check_path(source, permissions, where)


def _check_path(path: str, permissions: Permissions, where: str) -> None:
    for ending, quoted in _DECODED_IN_A_SHELL.items():
        # As Lhotse does: a file may be called ".sph", which has no suffix.
        if path.lower().endswith(ending) and quoted(path) != path:
            what = f"a file name with shell characters {shown(path)}"
            permissions.check("commands", what, where=where)
    if _PROTOCOL.match(path):
        permissions.check("urls", f"the location {shown(path)}", where=where)
    check_path(path, permissions, where=where)


def _unpickled(data: Any) -> Any:
    """Return an array that Lhotse keeps in memory as a pickle; nothing else is unpickled."""
    return _ArrayUnpickler(BytesIO(data)).load()


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _OF_NUMPY:
            raise pickle.UnpicklingError(f"rejected {module}.{name}, which is not part of an array")
        return super().find_class(module, name)
