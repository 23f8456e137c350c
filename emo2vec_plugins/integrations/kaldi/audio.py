"""The sounds in a ``wav.scp``: files, and commands that write one, which run only on demand."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Hashable
from functools import cached_property
from io import BytesIO
from pathlib import Path

from emo2vec_plugins.audio import LazyAudio, MissingAudio, StreamAudio, open_audio
from emo2vec_plugins.core import Audio
from emo2vec_plugins.errors import AudioError

_OFFSET = re.compile(r":\d+$")
_SHOWN = 200


def open_kaldi(recording: str, location: str | None, folder: Path, run_pipes: bool) -> Audio:
    """Return the sound of a recording; nothing is opened or run yet.

    What cannot be opened fails when it is read, so that its utterances have a reason.

    Args:
        recording: Its name.
        location: What stands behind that name in ``wav.scp``, if it is there.
        folder: The data folder, which has the files that are not in the working directory.
        run_pipes: Run commands.
    """
    if location is None:
        return MissingAudio(f"recording {recording!r} is not in wav.scp")
    if location.endswith("|"):
        if not run_pipes:
            shown = repr(location[:_SHOWN])
            return MissingAudio(
                f"wav.scp has a command, {shown}, run by --run-pipes or run_pipes=True"
            )
        return PipeAudio(location[:-1].strip())
    path = next((each for each in (Path(location), folder / location) if _exists(each)), None)
    if path is not None:
        return open_audio(path)
    if location == "-" or location.startswith("|"):
        return MissingAudio(f"wav.scp has {location[:_SHOWN]!r}, expected a file")
    if _OFFSET.search(location):
        return MissingAudio(f"{location}: is a place in an archive; 'wav-copy' writes files")
    return open_audio(location)


def channel_of(audio: Audio, channel: int | None) -> int | None:
    """Return which channel to read, if that must still be chosen.

    What a command gives, or a file for each side, is that channel already.
    """
    try:
        return channel if channel is not None and len(audio.channels) > 1 else None
    except AudioError:
        return None  # what fails here fails in the engine, too


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long a name, for one
        return False


class PipeAudio(LazyAudio):
    """What a command writes to its standard output, which is run when it is first asked for."""

    def __init__(self, command: str) -> None:
        self._command = command

    @property
    def serial_group(self) -> Hashable | None:
        """The command, which runs once."""
        return id(self)

    @cached_property
    def _run(self) -> subprocess.CompletedProcess[bytes]:
        # A shell, because that is how Kaldi runs them, and what 'a | b |' needs.
        return subprocess.run(  # noqa: S602 - the user asked for it
            self._command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )

    @cached_property
    def whole(self) -> StreamAudio:
        """What the command wrote."""
        if self._run.returncode:
            said = self._run.stderr.decode("utf-8", "replace").strip().splitlines()
            how = f"status {self._run.returncode}: {said[-1] if said else 'it gave no reason'}"
            raise AudioError(f"the command {self._command[:_SHOWN]!r} failed with {how}")
        return StreamAudio(BytesIO(self._run.stdout))
