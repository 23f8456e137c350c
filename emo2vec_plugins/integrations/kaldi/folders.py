"""Kaldi data folders: every utterance scored, the results beside the others' files.

An utterance is a line of ``segments`` or, where there is none, of ``wav.scp``. Recordings are read one
after another, in the order of ``wav.scp``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

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
)
from emo2vec_plugins.errors import FormatError, warn
from emo2vec_plugins.integrations import RecordingSession, seconds_of, unscored
from emo2vec_plugins.integrations.kaldi.files import (
    Segment,
    read_channels,
    read_segments,
    read_table,
)
from emo2vec_plugins.integrations.kaldi.results import KaldiResults, KaldiWriter, ScoredRecording

NOTICED = 5
"""How many utterances a warning names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KaldiRecording:
    """A recording with its utterances: a source, annotated to a `ScoredRecording`.

    Attributes:
        recording: Its name in ``wav.scp``.
        location: Where it is by ``wav.scp``; None if it is not in there.
        folder: The data folder.
        segments: Its utterances, in the order of ``segments``; one from 0 to the end where there
            is no such file.
        speakers: Who speaks in an utterance, by its name.
        channel: Which channel of a file with several is the recording; None for the mean of all.
        run_pipes: Run commands.
    """

    recording: str
    location: str | None
    folder: Path
    segments: tuple[Segment, ...]
    speakers: Mapping[str, str] = field(default_factory=dict, repr=False)
    channel: int | None = None
    run_pipes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KaldiFolder:
    """A data folder that has been read, but for its audio.

    Attributes:
        path: Where it is.
        recordings: Those that have utterances, in the order of ``wav.scp``; those missing from it
            come last.
    """

    path: Path
    recordings: tuple[KaldiRecording, ...]

    @property
    def utterances(self) -> tuple[str, ...]:
        """Their names, in the order of reading."""
        return _names([each for recording in self.recordings for each in recording.segments])


def read_kaldi(folder: str | os.PathLike[str], *, run_pipes: bool = False) -> KaldiFolder:
    """Read a data folder: ``wav.scp``, and what else is there.

    ``segments`` says where utterances are, ``utt2spk`` who speaks, ``reco2file_and_channel`` which
    channel of a stereo file a recording is. Where every utterance is a speaker of its own, which
    is how Kaldi writes unknown speakers, there are none.

    Args:
        folder: What Kaldi calls a data directory.
        run_pipes: Run the commands that ``wav.scp`` has in place of files, in a shell: only of a
            folder that you trust.

    Raises:
        FormatError: If it has no ``wav.scp``, or a line is not of its file's kind; names it.
        OSError: If a file cannot be read.
    """
    path = Path(folder)
    if not (path / "wav.scp").is_file():
        raise FormatError(f"{path}: expected a data folder of Kaldi, found no wav.scp in it")
    locations = read_table(path / "wav.scp", rest=True)
    if (path / "segments").is_file():
        segments = read_segments(path / "segments")
    else:
        segments = [
            Segment(utterance=name, recording=name, start=0.0, end=None) for name in locations
        ]
    speakers = _speakers(path, [each.utterance for each in segments])
    named = path / "reco2file_and_channel"
    channels = read_channels(named) if named.is_file() else {}
    # In the order of wav.scp, so that each recording is opened once, whatever the segments' order.
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
            run_pipes=run_pipes,
        )
        for name, found in by_recording.items()
        if found
    )
    return KaldiFolder(path=path, recordings=tuple(recordings))


def annotate_kaldi(
    folder: str | os.PathLike[str] | KaldiFolder,
    *,
    score: Scorer,
    out: str | os.PathLike[str] | None = None,
    options: Options | None = None,
    plugins: Plugins | None = None,
    run_pipes: bool = False,
    progress: Callable[[int], None] | None = None,
) -> KaldiResults:
    """Score every utterance of a data folder, and write the results beside its files.

    Files are written once all recordings are scored; each is complete or absent.

    Args:
        folder: A path, or what `read_kaldi` gave.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        out: Where the results go; the data folder if None.
        options: Embeddings are written as Kaldi's archives if these ask for them.
        plugins: Those installed, unless given.
        run_pipes: Run the commands that ``wav.scp`` has in place of files.
        progress: Called with the number of utterances done since the last call.

    Returns:
        Which files were written, how many utterances have a label, and which failed.

    Raises:
        FormatError: If the folder is not Kaldi's; see `read_kaldi`.
        OSError: If results cannot be written.
    """
    given = folder if isinstance(folder, KaldiFolder) else read_kaldi(folder, run_pipes=run_pipes)
    wanted = as_options(options)
    with KaldiWriter(given.path if out is None else Path(out), options=wanted) as writer:
        for scored in annotate(
            given.recordings, score=score, options=wanted, plugins=plugins, failed=_unscored
        ):
            writer.add(scored)
            if progress is not None:
                progress(len(scored.utterances))
        return writer.finish()


@hookimpl
def emo2vec_open(source: Any, options: Options) -> KaldiSession | None:
    """Open a `KaldiRecording`."""
    return KaldiSession(source, options) if isinstance(source, KaldiRecording) else None


class KaldiSession(RecordingSession):
    """The utterances of one recording, in the order of ``segments``."""

    def __init__(self, source: KaldiRecording, options: Options) -> None:
        from emo2vec_plugins.integrations.kaldi.audio import channel_of, open_kaldi

        self._source = source
        audio = open_kaldi(source.recording, source.location, source.folder, source.run_pipes)
        is_open = any(segment.end is None for segment in source.segments)
        length = seconds_of(audio) if is_open else None  # a command has to run for it
        channel = channel_of(audio, source.channel)
        turns = [_turn(each, source, length or 0.0, channel) for each in source.segments]
        super().__init__(source.recording, audio, turns, options)

    def clips(self) -> Iterator[Clip]:
        """Yield one clip an utterance."""
        from emo2vec_plugins.audio import MissingAudio

        for clip in super().clips():
            segment = self._source.segments[clip.key]
            why = f"the segment ends before it starts, {segment.start} to {segment.end}"
            is_backward = segment.end is not None and segment.end < segment.start
            yield replace(clip, audio=MissingAudio(why)) if is_backward else clip

    def finish(self) -> ScoredRecording:
        """Return the turns with their emotions."""
        return ScoredRecording(dialogue=super().finish(), utterances=_names(self._source.segments))


def _turn(
    segment: Segment, source: KaldiRecording, length: float = 0.0, channel: int | None = None
) -> Turn:
    """Return a segment as a turn, an open one up to *length*."""
    end = max(segment.start, length) if segment.end is None else segment.end
    return Turn(
        start=min(segment.start, end),
        end=max(segment.start, end),
        speaker=source.speakers.get(segment.utterance),
        channel=channel if segment.channel is None else segment.channel,
    )


def _speakers(path: Path, utterances: Sequence[str]) -> dict[str, str]:
    named = path / "utt2spk"
    speakers = read_table(named) if named.is_file() else {}
    lost = sorted(set(speakers).difference(utterances))
    if lost:
        few = ", ".join(lost[:NOTICED]) + (", ..." if len(lost) > NOTICED else "")
        warn(f"{path}: utterances of utt2spk that have no audio are left out: {few}")
    are_unknown = all(utterance == speaker for utterance, speaker in speakers.items())
    return {} if are_unknown else speakers


def _names(segments: Sequence[Segment]) -> tuple[str, ...]:
    return tuple(segment.utterance for segment in segments)


def _unscored(source: KaldiRecording, error: Exception) -> ScoredRecording:
    """Return a recording without labels, *error* being the reason."""
    turns = [_turn(segment, source) for segment in source.segments]
    recording = Recording(recording=source.recording, audio=None, turns=turns)
    names = _names(source.segments)
    return ScoredRecording(dialogue=unscored(recording, error), utterances=names)
