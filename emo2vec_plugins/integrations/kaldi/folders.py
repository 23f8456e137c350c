"""Annotation of Kaldi data folders, with results in separate files.

An utterance is a line of ``segments``, or of ``wav.scp`` if there is no ``segments``. Recordings
are read in the order of ``wav.scp``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from emo2vec_plugins.core import (
    Clip,
    Options,
    Plugins,
    Recording,
    Scorer,
    Turn,
    annotate,
    as_options,
    hookimpl,
    shown,
)
from emo2vec_plugins.errors import FormatError, OptionsError, warn
from emo2vec_plugins.integrations import RecordingSession, seconds_of, unscored
from emo2vec_plugins.integrations.kaldi.files import (
    Segment,
    read_channels,
    read_segments,
    read_table,
)
from emo2vec_plugins.integrations.kaldi.results import KaldiResults, KaldiWriter, ScoredRecording

MAX_NAMED = 5
"""Most utterances that a warning names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KaldiRecording:
    """A recording with its utterances: a source. The result is a `ScoredRecording`.

    Attributes:
        recording: Name of the recording in ``wav.scp``.
        location: Its path or command in ``wav.scp``; None if it is missing there.
        folder: The data folder.
        segments: The utterances, in the order of ``segments``. Without that file, one utterance
            over the whole recording.
        speakers: The speaker of each utterance.
        channel: The channel of the recording in a file with several; None for their mean.
    """

    recording: str
    location: str | None
    folder: Path
    segments: tuple[Segment, ...]
    speakers: Mapping[str, str] = field(default_factory=dict, repr=False)
    channel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KaldiFolder:
    """A data folder, read without its audio.

    Attributes:
        path: Path of the folder.
        recordings: Recordings with utterances, in the order of ``wav.scp``. Recordings missing
            from ``wav.scp`` come last.
        bad_items: Lines that were left out, each with the file, the line and what is wrong.
    """

    path: Path
    recordings: tuple[KaldiRecording, ...]
    bad_items: tuple[str, ...] = ()

    @property
    def utterances(self) -> tuple[str, ...]:
        """Names of all utterances, in the order of reading."""
        return _names([each for recording in self.recordings for each in recording.segments])


BadLines = Literal["drop", "stop"]
"""What to do with a bad line: leave it out, or raise its error."""


def read_kaldi(folder: str | os.PathLike[str], *, bad_items: BadLines = "drop") -> KaldiFolder:
    """Read a data folder.

    It must have ``wav.scp``. It may have ``segments``, the times of utterances; ``utt2spk``, the
    speakers; and ``reco2file_and_channel``, the channels of recordings in stereo files. If every
    utterance has a separate speaker with the name of the utterance, which is how Kaldi writes
    unknown speakers, the speakers are unknown.

    Args:
        folder: A Kaldi data directory.
        bad_items: What to do with a malformed line of ``wav.scp``, ``segments`` or ``utt2spk``:
            ``drop`` leaves it out, ``stop`` raises its error.

    Raises:
        FormatError: If there is no ``wav.scp``; if a line is malformed and *bad_items* is ``stop``
            or the file is ``reco2file_and_channel``; or if all lines are. The message has the file
            and the line number.
        OptionsError: If *bad_items* is unknown.
        OSError: If a file cannot be read.
    """
    path = Path(folder)
    if not (path / "wav.scp").is_file():
        raise FormatError(f"{path}: expected a Kaldi data folder, found no wav.scp")
    if bad_items not in get_args(BadLines):
        raise OptionsError(f"bad_items must be drop or stop, got {shown(bad_items)}")
    bad: list[str] = []
    allowed = None if bad_items == "stop" else bad
    locations = read_table(path / "wav.scp", rest=True, bad=allowed)
    if (path / "segments").is_file():
        segments = read_segments(path / "segments", bad=allowed)
    else:
        segments = [
            Segment(utterance=name, recording=name, start=0.0, end=None) for name in locations
        ]
    if bad and not segments:
        raise FormatError(f"{bad[0]}; no line is better")
    speakers = _speakers(path, [each.utterance for each in segments], allowed)
    named = path / "reco2file_and_channel"
    channels = read_channels(named) if named.is_file() else {}
    # By recording, so that each is opened once, whatever the order of the segments.
    by_recording: dict[str, list[Segment]] = {name: [] for name in locations}
    for segment in segments:
        by_recording.setdefault(segment.recording, []).append(segment)
    recordings = (
        KaldiRecording(
            recording=name,
            location=locations.get(name),
            folder=path,
            segments=tuple(found),
            speakers={key: speakers[key] for key in _names(found) if key in speakers},
            channel=channels.get(name),
        )
        for name, found in by_recording.items()
        if found
    )
    return KaldiFolder(path=path, recordings=tuple(recordings), bad_items=tuple(bad))


def annotate_kaldi(
    folder: str | os.PathLike[str] | KaldiFolder,
    *,
    score: Scorer,
    out: str | os.PathLike[str] | None = None,
    options: Options | None = None,
    plugins: Plugins | None = None,
    progress: Callable[[int], None] | None = None,
) -> KaldiResults:
    """Score every utterance of a data folder, and write result files.

    Files are written atomically, after all recordings are scored.

    Args:
        folder: A path, or the result of `read_kaldi`. Bad lines of a path are left out; its
            ``bad_items`` names them.
        score: An `Engine` or another `Scorer`.
        out: Folder for the results; the data folder if None.
        options: Whether to write embeddings, as a Kaldi archive, to replace existing results, and
            to run the commands in ``wav.scp`` in a shell: ``allow=("commands",)``.
        plugins: The installed plugins by default.
        progress: Called with the number of utterances scored since the last call.

    Returns:
        The written files, the numbers of scored and failed utterances, and the failures.

    Raises:
        FormatError: If the folder is not a Kaldi data folder; see `read_kaldi`.
        OptionsError: If the options request arrays that a Kaldi archive cannot store.
        OverwriteError: If a result file exists that this package did not write or that has been
            changed, and the options do not overwrite it.
        OSError: If results cannot be written.
    """
    given = folder if isinstance(folder, KaldiFolder) else read_kaldi(folder)
    wanted = as_options(options)
    with KaldiWriter(given.path if out is None else Path(out), options=wanted) as writer:
        for scored in annotate(
            given.recordings, score=score, options=wanted, plugins=plugins, failed=_unscored
        ):
            writer.add(scored)
            if progress is not None:
                progress(len(scored.utterances))
        return replace(writer.finish(), bad_items=given.bad_items)


@hookimpl
def emo2vec_open(source: Any, options: Options) -> KaldiSession | None:
    """Open a `KaldiRecording`."""
    return KaldiSession(source, options) if isinstance(source, KaldiRecording) else None


class KaldiSession(RecordingSession):
    """The utterances of one recording, in the order of ``segments``."""

    def __init__(self, source: KaldiRecording, options: Options) -> None:
        from emo2vec_plugins.integrations.kaldi.audio import channel_of, open_kaldi

        self._source = source
        audio = open_kaldi(source.recording, source.location, source.folder, options.permissions)
        is_open = any(segment.end is None for segment in source.segments)
        length = seconds_of(audio) if is_open else None  # only if needed: it may run a command
        channel = channel_of(audio, source.channel)
        turns = [_turn(each, source, length or 0.0, channel) for each in source.segments]
        super().__init__(source.recording, audio, turns, options)

    def clips(self) -> Iterator[Clip]:
        """Yield one clip for each utterance."""
        from emo2vec_plugins.audio import MissingAudio

        for clip in super().clips():
            segment = self._source.segments[clip.key]
            why = f"expected start <= end of the segment, got {segment.start} to {segment.end}"
            is_backward = segment.end is not None and segment.end < segment.start
            yield replace(clip, audio=MissingAudio(why)) if is_backward else clip

    def finish(self) -> ScoredRecording:
        """Return the recording with emotions."""
        return ScoredRecording(dialogue=super().finish(), utterances=_names(self._source.segments))


def _turn(
    segment: Segment, source: KaldiRecording, length: float = 0.0, channel: int | None = None
) -> Turn:
    """Return a segment as a turn. An open segment ends at *length*."""
    end = max(segment.start, length) if segment.end is None else segment.end
    return Turn(
        start=min(segment.start, end),
        end=max(segment.start, end),
        speaker=source.speakers.get(segment.utterance),
        channel=channel if segment.channel is None else segment.channel,
    )


def _speakers(path: Path, utterances: Sequence[str], bad: list[str] | None) -> dict[str, str]:
    named = path / "utt2spk"
    speakers = read_table(named, bad=bad) if named.is_file() else {}
    lost = sorted(set(speakers).difference(utterances))
    if lost:
        few = ", ".join(lost[:MAX_NAMED]) + (", ..." if len(lost) > MAX_NAMED else "")
        warn(f"{path}: skipped utterances of utt2spk without audio: {few}")
    are_unknown = all(utterance == speaker for utterance, speaker in speakers.items())
    return {} if are_unknown else speakers


def _names(segments: Sequence[Segment]) -> tuple[str, ...]:
    return tuple(segment.utterance for segment in segments)


def _unscored(source: KaldiRecording, error: Exception) -> ScoredRecording:
    """Return a recording without labels, with *error* as the reason."""
    turns = [_turn(segment, source) for segment in source.segments]
    recording = Recording(recording=source.recording, audio=None, turns=turns)
    names = _names(source.segments)
    return ScoredRecording(dialogue=unscored(recording, error), utterances=names)
