"""What FunASR's ``generate()`` accepts as input: paths, lists of paths, samples and bytes."""

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


def named_sounds(given: Any, *, key: str | Sequence[str] | None = None) -> list[Input]:
    """Return the items in *given*, in order, with FunASR's keys.

    A list of files can have keys. The key of another file is its stem, or as much of its path as
    distinguishes files with the same stem. Any other item gets ``rand_key_`` and thirteen random
    letters or digits.

    Args:
        given: A path; a ``.scp``, ``.txt``, ``.text``, ``.json`` or ``.jsonl`` list of paths;
            samples; bytes; a binary file; or a list or tuple of these.
        key: Replaces the keys: one key for a single item, or one for each item.

    Raises:
        OptionsError: If the number of keys is not that of the items.
        FormatError: If a line of a list is malformed.
        OSError: If a list cannot be read.
    """
    sounds = with_distinct_keys(map(_input, _items(given)))
    if key is None:
        return sounds
    keys = [key] if isinstance(key, str) else list(key)
    if len(keys) != len(sounds) or not all(isinstance(each, str) for each in keys):
        raise OptionsError(
            f"expected a string as key of each of {len(sounds)} items, got {key!r:.100}"
        )
    return [replace(sound, key=each) for sound, each in zip(sounds, keys, strict=True)]


def as_audio(source: Any, rate: int) -> Audio:
    """Return the audio of one item. If it is not audio, reading the result raises an error.

    Args:
        source: A path, samples of one channel or several, bytes, or anything else that
            `emo2vec_plugins.audio.open_audio` opens. Bytes are an audio file or 16-bit samples
            without a header.
        rate: Samples per second of arrays and of bytes without a header.
    """
    try:
        if isinstance(source, str) and source.startswith(("http://", "https://")):
            return MissingAudio(f"{source}: URLs are not supported; download the file first")
        if isinstance(source, bytes | bytearray | memoryview):
            return _from_bytes(bytes(source), rate)
        if hasattr(source, "shape"):
            return ArrayAudio(_channels_first(source), rate)
        return open_audio(source)
    except (TypeError, ValueError) as error:
        return MissingAudio(str(error))


def _from_bytes(data: bytes, rate: int) -> Audio:
    if is_audio_file(data):
        return StreamAudio(BytesIO(data))
    # FunASR reads bytes without a header as 16-bit samples.
    if len(data) % 2:
        raise AudioError(f"expected an audio file or 16-bit samples, got {len(data)} other bytes")
    return ArrayAudio(np.frombuffer(data, dtype="<i2"), rate)


def _channels_first(samples: Any) -> Any:
    """Return samples of shape (samples,) or (channels, samples); the shorter axis is channels."""
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
    """Parse ``KEY PATH``, or only a path, which may contain spaces."""
    # FunASR accepts both forms in any of these lists. An existing file decides.
    alone = len(line.split(maxsplit=1)) == 1 or Path(line).is_file()
    return unnamed(line) if alone else scp_line(line)


_LISTS = dict.fromkeys((".scp", ".txt", ".text", ".json"), _line) | {".jsonl": json_line}


def _input(item: Any) -> Input:
    if isinstance(item, Input):
        return item
    if _is_path(item) and Path(item).stem:
        return unnamed(os.fspath(item))
    ending = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(13))
    return Input(key=f"rand_key_{ending}", source=item, named=True)
