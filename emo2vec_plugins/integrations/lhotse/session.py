"""Scoring the turns of one Lhotse cut, and copying the cut with new fields.

Fields go to ``custom`` as plain JSON values and array manifests. The given cut is never changed:
copies of a supervision share ``custom``, so that setting a field in place would change them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from numbers import Integral
from typing import Any

from emo2vec_plugins.audio import MissingAudio
from emo2vec_plugins.core import Clip, Emotion, Options, Turn, overlaps, shortened, shown
from emo2vec_plugins.errors import SourceError, warn
from emo2vec_plugins.integrations import (
    absent_fields,
    is_a,
    is_done,
    is_wanted,
    label_fields,
    merged,
    missing_arrays,
)
from emo2vec_plugins.integrations.lhotse.arrays import (
    FRAME_SHIFT,
    ArraySink,
    divides,
    pad_to_lhotse,
)
from emo2vec_plugins.integrations.lhotse.audio import MixtureAudio, RecordingAudio, Stretch
from emo2vec_plugins.integrations.lhotse.checks import problem_of

Place = tuple[int, int | None]
"""Track and index of a supervision; the index is None for a whole cut.

Supervisions are never identified by id, because ``cut.append(cut)`` repeats ids.
"""

Describe = Callable[[Emotion, Mapping[str, Any]], Mapping[str, Any]]
"""Returns the new fields of a turn, given its emotion and its current fields."""


class CutSession:
    """The session of one cut.

    Args:
        cut: A cut of any kind.
        options: What to attach. If the store is an `ArraySink`, cuts share it.
        describe: Replaces the default fields of a scored turn. Arrays are added to its result.

    Raises:
        SourceError: If a value of the cut has the wrong type.
    """

    def __init__(self, cut: Any, options: Options, *, describe: Describe | None = None) -> None:
        if problem := problem_of(cut):
            raise SourceError(f"cut {shown(cut.id)}: {problem}")
        self._cut = cut
        self._options = options
        self._describe = describe or (lambda emotion, _: label_fields(emotion, options))
        self._mixed = _is_mixed(cut)
        self._places = places(cut)
        self._holders = {track: (offset, holder) for track, offset, holder in tracks(cut)}
        self._fields: dict[Place, dict[str, Any]] = kept_fields(self._places, options)

    def clips(self) -> Iterator[Clip]:
        """Yield the turns that must be scored, in the order of tracks and supervisions.

        Times are relative to the cut that contains the supervision. Parts of a turn outside of
        this cut are not scored, and the turn is flagged.
        """
        audio = self._audio()
        turns = [
            (place, self._holders[place[0]][0], self._turn(place, audio)) for place in self._places
        ]
        # Each track has its own times. Overlap is computed in those of the mixture.
        everyone = [
            replace(turn, start=turn.start + offset, end=turn.end + offset)
            for _, offset, turn in turns
        ]
        for (place, offset, turn), spans in zip(turns, overlaps(everyone), strict=True):
            if is_wanted(self._places[place].custom, self._options):
                yield Clip(
                    turn=turn,
                    audio=self._stretch(place, audio),
                    overlaps=spans and tuple((a - offset, b - offset) for a, b in spans),
                    alone=self._options.overlap == "exclude",
                    key=place,
                )

    def take(self, clip: Clip, emotion: Emotion) -> None:
        """Keep the fields of one turn. Arrays are stored immediately."""
        place: Place = clip.key
        if place not in self._fields:  # otherwise the label is kept and only arrays are added
            own = self._places[place].custom or {}
            self._fields[place] = dict(self._describe(emotion, own))
        self._fields[place] |= self._arrays(clip, emotion)

    def finish(self) -> Any:
        """Return a copy of the cut with the new fields."""
        return enriched(self._cut, self._fields, self._options)

    @cached_property
    def _sink(self) -> ArraySink:
        store = self._options.store
        is_shared = isinstance(store, ArraySink)
        return store if is_shared else ArraySink(store, dtype=self._options.array_dtype)

    def _audio(self) -> Any:
        holders = [holder for _, _, holder in tracks(self._cut)]
        has_audio = [each.has_recording and not _is_padding(each) for each in holders]
        if not holders or not all(has_audio):
            return MissingAudio(f"{type(self._cut).__name__} {self._cut.id!r} has no recording")
        if any(map(is_placeholder, holders)):
            return MissingAudio(
                f"the audio of cut {self._cut.id!r} is in an archive of a Shar directory; open the "
                "directory instead of a file with its cuts"
            )
        if self._mixed:
            # With the number of clips, the mixture can be freed after the last one.
            clips = sum(is_wanted(own.custom, self._options) for own in self._places.values())
            return MixtureAudio(self._cut, clips=clips, permissions=self._options.permissions)
        return RecordingAudio(self._cut.recording, self._options.permissions)

    def _origin(self, place: Place) -> float:
        """Return where the cut at *place* starts in the audio that is read, in seconds."""
        offset, holder = self._holders[place[0]]
        if not self._mixed:
            return float(holder.start)
        return 0.0 if place[1] is None else float(offset)

    def _turn(self, place: Place, audio: Any) -> Turn:
        index, origin = place[1], self._origin(place)
        if index is None:
            return Turn(start=0.0, end=self._cut.duration)
        own = self._places[place]
        start, end = own.start, max(own.start, own.end)  # rounding may put the end first
        if not isinstance(audio, MissingAudio):
            # Rounded to samples of the audio that is read: the turn has the same samples as in
            # the file, even if the cut starts between two samples.
            first = round(origin * audio.rate)
            start, end = (
                (round(round(origin + t, 8) * audio.rate) - first) / audio.rate
                for t in (start, end)
            )
        return Turn(start=start, end=end, speaker=own.speaker, channel=self._channel(place))

    def _channel(self, place: Place) -> int | tuple[int, ...] | None:
        """Return the channels of a turn, as numbered in its audio."""
        holder = self._holders[place[0]][1]
        if not is_a(holder, "lhotse.cut", "MultiCut"):
            return None
        wanted, known = _as_tuple(self._places[place].channel), _as_tuple(holder.channel)
        if not self._mixed:
            return wanted
        return tuple(known.index(channel) if channel in known else channel for channel in wanted)

    def _stretch(self, place: Place, audio: Any) -> Any:
        if isinstance(audio, MissingAudio):
            return audio
        holder = self._cut if place[1] is None else self._holders[place[0]][1]
        return Stretch(
            audio,
            origin=round(self._origin(place) * audio.rate),
            length=holder.num_samples,
            channels=audio.channels if self._mixed else _as_tuple(holder.channel),
        )

    def _arrays(self, clip: Clip, emotion: Emotion) -> dict[str, Any]:
        missing = missing_arrays(self._places[clip.key].custom, self._options)
        if missing and clip.key[1] is None and self._mixed:
            warn(f"mixed cut {self._cut.id!r} has no supervisions and cannot store arrays")
            return {}
        fields: dict[str, Any] = {}
        if "embedding" in missing:
            fields["embedding"] = self._store(clip.key, "embedding", emotion.embedding)
        if "frames" in missing:
            fields |= self._frames(clip, emotion)
        return {f"{self._options.field}_{name}": value for name, value in fields.items()}

    def _frames(self, clip: Clip, emotion: Emotion) -> dict[str, Any]:
        (track, index), frames = clip.key, emotion.frame_embeddings
        holder = self._holders[track][1]
        if index is None:  # a TemporalArray, which Lhotse truncates with the cut
            if frames is not None and divides(clip.audio.rate):
                frames = pad_to_lhotse(frames, samples=clip.audio.length, rate=clip.audio.rate)
            return {"frames": self._store(clip.key, "frames", frames, start=holder.start)}
        start = round(holder.start + max(0.0, clip.turn.start), 8)
        return {
            "frames": self._store(clip.key, "frames", frames),
            "frames_start": None if frames is None else start,
            "frames_shift": None if frames is None else FRAME_SHIFT,
        }

    def _store(self, place: Place, kind: str, value: Any, start: float | None = None) -> Any:
        if value is None:
            return None
        # The place distinguishes turns of one cut; the sink's counter, cuts with the same id.
        name = f"{self._cut.id}\n{place}\n{self._options.field}_{kind}"
        return self._sink.store(value, name=name, start=start)


def _as_tuple(channel: Any) -> tuple[int, ...]:
    """Return one or several channel numbers, also those of NumPy, as a tuple."""
    return (int(channel),) if isinstance(channel, Integral) else tuple(map(int, channel))


def tracks(cut: Any) -> list[tuple[int, float, Any]]:
    """Return the tracks that can have supervisions, as (index, offset in seconds, cut).

    A cut that is not mixed is its own only track. Muted tracks and padding are skipped.
    """
    if not _is_mixed(cut):
        return [(0, 0.0, cut)]
    return [
        (index, track.offset, track.cut)
        for index, track in enumerate(cut.tracks)
        if not track.mute and not _is_padding(track.cut)
    ]


def places(cut: Any) -> dict[Place, Any]:
    """Return every turn of a cut, with the object whose ``custom`` gets its fields.

    A cut without supervisions is one turn. For a mixed cut, that object is the first track's cut.
    """
    found = tracks(cut)
    # Not cut.supervisions: in a mixed cut they are copies without their track.
    turns: dict[Place, Any] = {
        (track, index): supervision
        for track, _, holder in found
        for index, supervision in enumerate(holder.supervisions)
    }
    return turns or {(track, None): holder for track, _, holder in found[:1]}


def is_placeholder(holder: Any) -> bool:
    """Return whether the recording of a cut stands for audio in an archive of a Shar directory."""
    recording = getattr(holder, "recording", None)
    return recording is not None and recording.is_placeholder


def _is_mixed(cut: Any) -> bool:
    """Return whether a cut has tracks."""
    return is_a(cut, "lhotse.cut", "MixedCut")


def _is_padding(cut: Any) -> bool:
    return is_a(cut, "lhotse.cut", "PaddingCut")


def turn_name(cut: Any, place: Place, own: Any) -> str:
    """Name a turn in messages, by the ids of its cut and supervision."""
    name = f"cut {shortened(str(cut.id))}"
    return name if place[1] is None else f"{name}, supervision {shortened(str(own.id))}"


def kept_fields(turns: Mapping[Place, Any], options: Options) -> dict[Place, dict[str, Any]]:
    """Return the turns whose results are kept, with empty values for the fields they lack."""
    return {
        place: absent_fields(own.custom, options)
        for place, own in turns.items()
        if is_done(own.custom, options)
    }


def enriched(cut: Any, fields: Mapping[Place, Mapping[str, Any]], options: Options) -> Any:
    """Return a copy of *cut* with *fields* added to its turns."""
    if not _is_mixed(cut):
        return _with_fields(cut, 0, fields, options)
    tracks = list(cut.tracks)
    for index in {track for track, _ in fields}:
        own = _with_fields(tracks[index].cut, index, fields, options)
        tracks[index] = replace(tracks[index], cut=own)
    return replace(cut, tracks=tracks)


def _with_fields(
    cut: Any, track: int, fields: Mapping[Place, Mapping[str, Any]], options: Options
) -> Any:
    def copied(own: Any, index: int | None) -> Any:
        new = fields.get((track, index))
        return own if new is None else replace(own, custom=merged(own.custom, new, options))

    own = [copied(supervision, index) for index, supervision in enumerate(cut.supervisions)]
    # An empty list is not passed: a PaddingCut has no such argument.
    return replace(copied(cut, None), supervisions=own) if own else copied(cut, None)
