"""The sound of a page: within it, beside it, or not there, and then it says why.

Sound within is what the model heard, all channels averaged and at 16 kHz, as an MP3 of a constant
bit rate. Every browser plays that, two hours are 29 MB, and since each second takes as many
bytes, a browser that goes to a time lands on it: with a variable rate it has to guess. (Opus
would sound better at that size, but takes five times as long to make.)
"""

from __future__ import annotations

import io
import os
import re
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import numpy as np
import soundfile

from emo2vec_plugins.audio import MODEL_RATE, FileAudio, mono, without_file
from emo2vec_plugins.core import Turn
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.report.style import shown

How = Literal["embed", "link", "none"]

_MP3 = {"format": "MP3", "subtype": "MPEG_LAYER_III"}
# On libsndfile's scale; 32 kbit/s at 16 kHz.
_CONSTANT: dict[str, Any] = {"bitrate_mode": "CONSTANT", "compression_level": 0.85}
# By how much decoded sound is late: 576 samples by LAME, 529 by any decoder (LAME's technical
# FAQ). Browsers take that off where a tag in the file says so; libsndfile writes none.
_DELAY = (576 + 529) / MODEL_RATE

_HOST = re.compile(r"[a-z0-9.-]+|[a-f0-9:.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Sound for a page.

    Attributes:
        about: One sentence for whoever reads the page: what is heard, or why nothing is.
        seconds: How long it is; None if nobody has looked.
        content: An MP3 in base64, for a page that has it within.
        url: Where it lies, for a page that only points at it.
        delay: By how many seconds all that is heard of *content* is late.
    """

    about: str
    seconds: float | None = None
    content: str = ""
    url: str = ""
    delay: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return what the page needs to know beside the sound itself."""
        return {name: getattr(self, name) for name in ("about", "seconds", "url", "delay")}


def embedded(audio: str | os.PathLike[str]) -> Sound:
    """Return the sound of a file, to be written into a page.

    The file is read a minute at a time; only its MP3 is in memory as a whole, 4 kB a second.

    Raises:
        AudioError: If it cannot be read, is empty, or this libsndfile has no MP3.
    """
    path = Path(audio)
    source = FileAudio(path)
    seconds = source.length / source.rate
    if not source.length:
        raise AudioError(f"{path}: there is no sound in it, its length is 0 samples")
    return Sound(
        about=f"The sound is {shown(path.name)}, as the model hears it: mono at 16 kHz. For listening, "
        "it is compressed to 32 kbit/s.",
        seconds=seconds,
        content=b64encode(_mp3(source, seconds)).decode("ascii"),
        delay=_DELAY,
    )


def _mp3(source: FileAudio, seconds: float) -> bytes:
    stream = io.BytesIO()
    with _writer(stream, source.path) as file:
        try:
            for block in mono(Turn(start=0.0, end=seconds), source):
                file.write(np.clip(block, -1.0, 1.0))
        except AudioError as error:
            place = f"{source.path}: "
            raise AudioError(place + str(error).removeprefix(place)) from error
    return stream.getvalue()


def _writer(stream: io.BytesIO, path: Path) -> Any:
    try:
        return soundfile.SoundFile(stream, "w", MODEL_RATE, 1, **_MP3, **_CONSTANT)
    except (soundfile.LibsndfileError, ValueError) as error:
        found = f"{path}: cannot be compressed for the page: {without_file(error)}"
        remedy = "libsndfile writes MP3 from version 1.1.0 on; or use --sound link or none"
        raise AudioError(f"{found}; {remedy}") from error


def linked(audio: str | os.PathLike[str], page: str | os.PathLike[str]) -> Sound:
    """Return the sound of a file or URL, to be pointed at by a page.

    Args:
        audio: Where the sound is. A path is made relative to the page's folder, so both can be
            moved together.
        page: Where the page is to be.

    Raises:
        AudioError: If there is no such file.
    """
    given = os.fspath(audio)
    if is_url(given):
        origin(given)
        return Sound(about=f"The sound is played from {shown(given)}.", url=given)
    path = Path(given)
    if not path.is_file():
        raise AudioError(f"{path}: no such audio file")
    return Sound(
        about=f"The sound is played from {shown(path.name)}, which has to stay where it is, as "
        "seen from this page.",
        seconds=_length(path),
        url=_relative(path, Path(page).absolute().parent),
    )


def _length(path: Path) -> float | None:
    """Return how long a file is; None where only browsers can read it."""
    source = FileAudio(path)
    try:
        return source.length / source.rate
    except AudioError:
        return None


def is_url(audio: str | os.PathLike[str]) -> bool:
    """Return whether sound lies on the network."""
    return os.fspath(audio).lower().startswith(("http://", "https://"))


def origin(url: str) -> str:
    """Return where sound on the network is from, as a policy names it: scheme, host and port.

    Raises:
        AudioError: If the URL has none, or a name and a password, which a page would tell.
    """
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise AudioError("the URL of the sound has a name in it, which the page would show")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AudioError(f"{url!r}: is no URL: {error}") from error
    if not _HOST.fullmatch(host):
        raise AudioError(f"{url!r}: expected the URL of a sound, found no plain host in it")
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}" + ("" if port is None else f":{port}")


def _relative(path: Path, folder: Path) -> str:
    # Links are kept: what is beside the page stays beside it.
    try:
        steps = os.path.relpath(path.absolute(), folder)
    except ValueError:  # another drive
        return path.absolute().as_uri()
    return quote(os.fsencode(Path(steps).as_posix()))
