"""The audio of a page: embedded, linked, or absent with a reason.

Embedded audio is the mean of all channels at 16 kHz, the model's input for a turn that names no
channels, as an MP3 with a constant bit rate. Every browser plays it, and two hours take 29 MB. With a constant rate, browsers seek exactly;
with a variable rate, they would have to guess. (Opus would sound better at that size, but encoding
takes five times as long.)
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

SoundMode = Literal["embed", "link", "none"]

_MP3 = {"format": "MP3", "subtype": "MPEG_LAYER_III"}
# libsndfile's scale; this level is 32 kbit/s at 16 kHz.
_CONSTANT: dict[str, Any] = {"bitrate_mode": "CONSTANT", "compression_level": 0.85}
# Delay of decoded audio: 576 samples from LAME and 529 from any decoder (LAME's technical FAQ).
# Browsers compensate for it if a tag in the file states it, but libsndfile writes no such tag.
_DELAY = (576 + 529) / MODEL_RATE

_HOST = re.compile(r"[a-z0-9.-]+|[a-f0-9:.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """The audio of a page.

    Attributes:
        about: One or two sentences for the page that describe the audio, or why there is none.
        seconds: Duration; None if unknown.
        content: Embedded audio: an MP3 in base64.
        url: Address of linked audio.
        delay: Delay of *content* in seconds when it is played.
    """

    about: str
    seconds: float | None = None
    content: str = ""
    url: str = ""
    delay: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that the page needs besides the audio itself."""
        return {name: getattr(self, name) for name in ("about", "seconds", "url", "delay")}


def embedded(audio: str | os.PathLike[str]) -> Sound:
    """Return the audio of a file, for embedding in a page.

    The file is read a minute at a time. Only the MP3 is kept in memory, at 4 kB per second.

    Raises:
        AudioError: If the file cannot be read or is empty, or this libsndfile does not write MP3.
    """
    path = Path(audio)
    source = FileAudio(path)
    seconds = source.length / source.rate
    if not source.length:
        raise AudioError(f"{path}: expected audio, found 0 samples")
    return Sound(
        about=_about(shown(path.name), len(source.channels)),
        seconds=seconds,
        content=b64encode(_mp3(source, seconds)).decode("ascii"),
        delay=_DELAY,
    )


def _about(name: str, channels: int) -> str:
    if channels == 1:
        return (
            f"The audio is {name} as the model receives it, at 16 kHz, compressed to 32 kbit/s for "
            "playback."
        )
    return (
        f"The audio is the mean of the {channels} channels of {name} at 16 kHz, compressed to "
        "32 kbit/s for playback. A turn that names a channel was scored on that channel only."
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
        found = f"{path}: cannot encode MP3 for the page: {without_file(error)}"
        remedy = "use libsndfile 1.1.0 or newer, --sound link, or --sound none"
        raise AudioError(f"{found}; {remedy}") from error


def linked(audio: str | os.PathLike[str], page: str | os.PathLike[str]) -> Sound:
    """Return the audio of a file or URL, for linking from a page.

    Args:
        audio: A file or a URL. A path is stored relative to the page's folder, so both can be
            moved together; on another drive, it is stored as an absolute URL.
        page: The path of the page.

    Raises:
        AudioError: If the file does not exist, or the URL is invalid or contains a user name.
    """
    given = os.fspath(audio)
    if is_url(given):
        origin(given)
        return Sound(about=f"The audio is played from {shown(given)}.", url=given)
    path = Path(given)
    if not path.is_file():
        raise AudioError(f"{path}: no such audio file")
    return Sound(
        about=f"The audio is played from {shown(path.name)}. Keep this file and the page in the same "
        "places relative to each other.",
        seconds=_length(path),
        url=_relative(path, Path(page).absolute().parent),
    )


def _length(path: Path) -> float | None:
    """Return the duration of a file; None if only browsers can read it."""
    source = FileAudio(path)
    try:
        return source.length / source.rate
    except AudioError:
        return None


def is_url(audio: str | os.PathLike[str]) -> bool:
    """Return whether audio is given as an HTTP URL."""
    return os.fspath(audio).lower().startswith(("http://", "https://"))


def origin(url: str) -> str:
    """Return the origin of a URL for a content security policy: scheme, host and port.

    Raises:
        AudioError: If the URL has no plain host, or contains a user name or password, which the
            page would reveal.
    """
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise AudioError("expected an audio URL without a user name, which the page would reveal")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AudioError(f"{url!r}: expected an audio URL: {error}") from error
    if not _HOST.fullmatch(host):
        raise AudioError(f"{url!r}: expected an audio URL with a plain host name")
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}" + ("" if port is None else f":{port}")


def _relative(path: Path, folder: Path) -> str:
    # Symbolic links are not resolved: a link beside the page is linked as such.
    try:
        steps = os.path.relpath(path.absolute(), folder)
    except ValueError:  # on another drive
        return path.absolute().as_uri()
    return quote(os.fsencode(Path(steps).as_posix()))
