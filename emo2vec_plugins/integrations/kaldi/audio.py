"""Audio of a ``wav.scp``: files, and commands that write audio, which need permission."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Hashable
from functools import cached_property
from io import BytesIO
from pathlib import Path

from emo2vec_plugins.audio import LazyAudio, MissingAudio, StreamAudio, open_audio
from emo2vec_plugins.core import Audio, Permissions, shown
from emo2vec_plugins.errors import AudioError, NotAllowedError

_OFFSET = re.compile(r":\d+$")
_SHOWN = 200


def open_kaldi(
    recording: str, location: str | None, folder: Path, permissions: Permissions
) -> Audio:
    """Return the audio of a recording. Nothing is opened or run yet.

    Audio that cannot be opened raises the error when it is read, so that its utterances get a
    reason.

    Args:
        recording: Name of the recording.
        location: Its path or command in ``wav.scp``; None if it is missing there.
        folder: The data folder. A path is relative to the working directory, or else to it.
        permissions: Whether commands may run, and which files may be read.
    """
    if location is None:
        return MissingAudio(f"recording {shown(recording)} is not in wav.scp")
    if location.endswith("|"):
        try:
            permissions.check(
                "commands", f"the command {shown(location)}", where=folder / "wav.scp"
            )
        except NotAllowedError as error:
            return MissingAudio(str(error))
        return PipeAudio(location[:-1].strip())
    path = next((each for each in (Path(location), folder / location) if _exists(each)), None)
    if path is not None:
        return open_audio(path, permissions=permissions)
    if location == "-" or location.startswith("|"):
        return MissingAudio(f"expected a file in wav.scp, found {location[:_SHOWN]!r}")
    if _OFFSET.search(location):
        return MissingAudio(
            f"expected a file in wav.scp, found {shown(location)}, an offset in an archive; extract files "
            "with 'wav-copy'"
        )
    return open_audio(location, permissions=permissions)


def channel_of(audio: Audio, channel: int | None) -> int | None:
    """Return *channel* if the audio has several, else None.

    The output of a command, or a file for each side, usually has only that channel.
    """
    try:
        return channel if channel is not None and len(audio.channels) > 1 else None
    except AudioError:
        return None  # the engine raises the same error


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # for example, a name that is too long
        return False


class PipeAudio(LazyAudio):
    """Audio that a command writes to standard output. The command runs at the first read."""

    def __init__(self, command: str) -> None:
        self._command = command

    @property
    def serial_group(self) -> Hashable | None:
        """One group for each command, so that it runs once."""
        return id(self)

    @cached_property
    def _run(self) -> subprocess.CompletedProcess[bytes]:
        # Kaldi uses a shell, and 'a | b |' needs one.
        return subprocess.run(  # noqa: S602 - only on request of the user
            self._command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )

    @cached_property
    def whole(self) -> StreamAudio:
        """The output of the command."""
        if self._run.returncode:
            errors = self._run.stderr.decode("utf-8", "replace").strip().splitlines()
            raise AudioError(
                f"the command {self._command[:_SHOWN]!r} failed with status "
                f"{self._run.returncode}: {errors[-1] if errors else 'no error message'}"
            )
        return StreamAudio(BytesIO(self._run.stdout))
