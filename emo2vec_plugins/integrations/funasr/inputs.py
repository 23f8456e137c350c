"""What FunASR's ``generate()`` is given: files, lists of them, arrays, bytes; each with its key.

Whatever cannot be heard becomes audio that says why, so that one broken item fails alone.
"""

from __future__ import annotations

import os
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from emo2vec_plugins.audio import ArrayAudio, MissingAudio, StreamAudio, is_audio_file, open_audio
from emo2vec_plugins.core import Audio
from emo2vec_plugins.errors import AudioError, OptionsError
from emo2vec_plugins.integrations import (
    Input,
    json_line,
    open_list,
    scp_line,
    unnamed,
    with_distinct_keys,
)

LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSound:
    """One item of what was given.

    Attributes:
        key: What its result is called.
        source: A path, an array, bytes: as it was given.
    """

    key: str
    source: Any


def named_sounds(given: Any, *, key: str | Sequence[str] | None = None) -> list[NamedSound]:
    """Return the items that *given* stands for, in order.

    Keys are those the reference derives: of a list its own, of a file its stem, where files of
    one stem get as much of their paths as tells them apart; of anything else ``rand_key_`` and
    thirteen letters, for each its own.

    Args:
        given: A path; a ``.scp``, ``.txt``, ``.text``, ``.json`` or ``.jsonl`` list of paths;
            samples; bytes; a binary file; or a list or tuple of these.
        key: Replaces the keys: one for one item, or one for each.

    Raises:
        OptionsError: If there are not as many keys as items.
        FormatError: If a line of a list is none.
        OSError: If a list cannot be read.
    """
    sounds = _with_keys(_items(given))
    return sounds if key is None else _renamed(sounds, key)


def refuse_shared_keys(sounds: Sequence[NamedSound]) -> None:
    """Refuse two items of one key, which would be one file.

    Raises:
        OptionsError: If there are, and they are not the same file.
    """
    owner: dict[str, Any] = {}
    for sound in sounds:
        first = owner.setdefault(sound.key, sound.source)
        if not _is_same(first, sound.source):
            raise OptionsError(
                f"two items have the key {sound.key!r}, and would be one file: "
                f"{_shown(first)} and {_shown(sound.source)}"
            )


def as_audio(source: Any, rate: int) -> Audio:
    """Return the sound of one item; what is none says why when it is read.

    Args:
        source: A path, samples of one channel or several, bytes, or anything that
            `emo2vec_plugins.audio.open_audio` opens. Bytes are an audio file, or else samples of
            16 bits without a header.
        rate: Of samples, per second; a file knows its own.
    """
    try:
        return _opened(source, rate)
    except (TypeError, ValueError) as error:
        return MissingAudio(str(error))


def _is_same(one: Any, other: Any) -> bool:
    if _is_path(one) and _is_path(other):
        return Path(one).absolute() == Path(other).absolute()
    return one is other


def _shown(source: Any) -> str:
    return os.fspath(source) if _is_path(source) else type(source).__name__


def _opened(source: Any, rate: int) -> Audio:
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        raise AudioError(f"{source}: nothing is fetched from the network; save it to a file first")
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), rate)
    if hasattr(source, "shape"):
        return ArrayAudio(_channels_first(source), rate)
    return open_audio(source)


def _from_bytes(data: bytes, rate: int) -> Audio:
    if is_audio_file(data):
        return StreamAudio(BytesIO(data))
    if len(data) % 2:
        raise AudioError(f"{len(data)} bytes are neither an audio file nor samples of 16 bits each")
    return ArrayAudio(np.frombuffer(data, dtype="<i2"), rate)


def _channels_first(samples: Any) -> Any:
    """Return samples as (samples,) or (channels, samples); the shorter axis is the channels."""
    if hasattr(samples, "detach"):
        samples = samples.detach().cpu()
        samples = (samples.float() if samples.is_floating_point() else samples).numpy()
    array = np.atleast_1d(np.squeeze(np.asarray(samples)))
    return array.T if array.ndim == 2 and len(array) > array.shape[1] else array


def _items(given: Any) -> list[Any]:
    if isinstance(given, list | tuple):
        return list(given)
    parse = _LISTS.get(Path(given).suffix.lower()) if _is_path(given) else None
    if parse is not None and Path(given).is_file():
        return list(open_list(os.fspath(given), parse))
    return [given]


def _is_path(given: Any) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(given, str | os.PathLike)


def _line(line: str) -> Input:
    """Read ``KEY PATH``, or a path alone, with blanks in it or not."""
    alone = len(line.split(maxsplit=1)) == 1 or Path(line).is_file()
    return unnamed(line) if alone else scp_line(line)


_LISTS = {
    ".scp": _line,
    ".txt": _line,
    ".text": _line,
    ".json": _line,
    ".jsonl": json_line,
}


def _with_keys(items: Sequence[Any]) -> list[NamedSound]:
    inputs = [
        unnamed(os.fspath(each)) if _is_path(each) and Path(each).stem else each for each in items
    ]
    keyed = iter(with_distinct_keys([each for each in inputs if isinstance(each, Input)]))
    return [
        _of_file(next(keyed)) if isinstance(each, Input) else _of_sound(each) for each in inputs
    ]


def _of_file(found: Input) -> NamedSound:
    return NamedSound(key=found.key, source=found.path)


def _of_sound(source: Any) -> NamedSound:
    ending = "".join(secrets.choice(LETTERS) for _ in range(13))
    return NamedSound(key=f"rand_key_{ending}", source=source)


def _renamed(sounds: Sequence[NamedSound], key: str | Sequence[str]) -> list[NamedSound]:
    keys = [key] if isinstance(key, str) else list(key)
    if len(keys) != len(sounds) or not all(isinstance(each, str) for each in keys):
        raise OptionsError(
            f"key is a string for each of {len(sounds)} items, got {key!r:.100}; "
            "leave it out to have files called by their names"
        )
    return [replace(sound, key=each) for sound, each in zip(sounds, keys, strict=True)]
