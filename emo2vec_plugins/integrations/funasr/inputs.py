"""The input of FunASR's ``generate()``: files, lists of them, arrays, bytes; each with its key.

Whatever cannot be read becomes audio that fails with the reason, so that one broken item fails alone.
"""

from __future__ import annotations

import os
import secrets
import string
from collections.abc import Sequence
from dataclasses import replace
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


def named_sounds(given: Any, *, key: str | Sequence[str] | None = None) -> list[Input]:
    """Return the items in *given*, in order.

    Keys are those the reference derives: of a list its own, of a file its stem, where files of
    one stem get as much of their paths as distinguishes them; of anything else ``rand_key_`` and
    thirteen letters, for each its own.

    Args:
        given: A path; a ``.scp``, ``.txt``, ``.text``, ``.json`` or ``.jsonl`` list of paths;
            samples; bytes; a binary file; or a list or tuple of these.
        key: Replaces the keys: one for one item, or one for each.

    Raises:
        OptionsError: If there are not as many keys as items.
        FormatError: If a line of a list is malformed.
        OSError: If a list cannot be read.
    """
    sounds = with_distinct_keys(map(_input, _items(given)))
    return sounds if key is None else _renamed(sounds, key)


def as_audio(source: Any, rate: int) -> Audio:
    """Return the sound of one item; one that is not audio fails when it is read.

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
    # Without a header the reference reads 16-bit samples: half a sample is something else.
    if len(data) % 2:
        raise AudioError(f"{len(data)} bytes are neither an audio file nor samples of 16 bits each")
    return ArrayAudio(np.frombuffer(data, dtype="<i2"), rate)


def _channels_first(samples: Any) -> Any:
    """Return samples as (samples,) or (channels, samples); the shorter axis is the channels."""
    if hasattr(samples, "detach"):
        samples = samples.detach().cpu()
        # numpy has no bfloat16.
        samples = (samples.float() if samples.is_floating_point() else samples).numpy()
    array = np.atleast_1d(np.squeeze(np.asarray(samples)))
    return array.T if array.ndim == 2 and len(array) > array.shape[1] else array


def _items(given: Any) -> list[Any]:
    if isinstance(given, list | tuple):
        return list(given)
    parse = _LISTS.get(Path(given).suffix.lower()) if _is_path(given) else None
    if parse is not None and Path(given).is_file():
        return open_list(os.fspath(given), parse)
    return [given]


def _is_path(given: Any) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(given, str | os.PathLike)


def _line(line: str) -> Input:
    """Read ``KEY PATH``, or a path alone, with blanks in it or not."""
    # The reference takes any of these lists in either form, and so decides by what is there.
    alone = len(line.split(maxsplit=1)) == 1 or Path(line).is_file()
    return unnamed(line) if alone else scp_line(line)


_LISTS = dict.fromkeys((".scp", ".txt", ".text", ".json"), _line) | {".jsonl": json_line}


def _input(item: Any) -> Input:
    if isinstance(item, Input):
        return item
    if _is_path(item) and Path(item).stem:
        return unnamed(os.fspath(item))
    ending = "".join(secrets.choice(LETTERS) for _ in range(13))
    return Input(key=f"rand_key_{ending}", source=item, named=True)


def _renamed(sounds: Sequence[Input], key: str | Sequence[str]) -> list[Input]:
    keys = [key] if isinstance(key, str) else list(key)
    if len(keys) != len(sounds) or not all(isinstance(each, str) for each in keys):
        raise OptionsError(f"key is a string for each of {len(sounds)} items, got {key!r:.100}")
    return [replace(sound, key=each) for sound, each in zip(sounds, keys, strict=True)]
