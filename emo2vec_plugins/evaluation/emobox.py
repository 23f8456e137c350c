"""EmoBox: corpora of emotional speech in a common format, with fixed folds.

Ma et al., *EmoBox: Multilingual Multi-corpus Speech Emotion Recognition Toolkit and Benchmark*,
Interspeech 2024, arXiv:2406.07162. A corpus is a folder with ``fold_1``, ``fold_2``, ...; each has
``NAME_train_fold_1.jsonl``, ``NAME_test_fold_1.jsonl`` and sometimes ``NAME_valid_fold_1.jsonl``,
with one line per clip. EmoBox does not include audio; paths are relative to the folder where the
corpora were downloaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from lhotse import AudioSource, Recording, SupervisionSegment
from lhotse.cut import Cut

from emo2vec_plugins.core import Permissions, shown
from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.evaluation.predictions import few
from emo2vec_plugins.files import from_json, lines_of
from emo2vec_plugins.integrations.lhotse import recording_of

SPLITS = ("train", "valid", "test")
_FOLD = re.compile(r"fold_?(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmoBoxClip:
    """A clip: one line of a fold file. It may be part of a longer recording.

    Attributes:
        key: Id of the clip, the same in all folds.
        path: Path of the audio as in the file: relative, with slashes.
        emotion: Emotion, as the corpus names it.
        duration: Seconds.
        start: Seconds from the start of the audio.
        rate: Sampling rate in Hz.
        speaker: Speaker found in the key by a pattern, otherwise None: the format has no field
            for it.
    """

    key: str
    path: str
    emotion: str
    duration: float
    start: float = 0.0
    rate: int
    speaker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmoBoxFold:
    """One division of a corpus.

    Attributes:
        name: Name of the folder, such as ``fold_1``.
        splits: Clips by ``train``, ``valid`` (if the corpus has it) and ``test``.
    """

    name: str
    splits: Mapping[str, tuple[EmoBoxClip, ...]]


def is_emobox(path: Path) -> bool:
    """Return whether *path* is a folder that contains folds."""
    return path.is_dir() and bool(_fold_folders(path))


def read_emobox(folder: Path, *, speaker_pattern: str | None = None) -> list[EmoBoxFold]:
    r"""Read the folds of a corpus, in numerical order. Audio is not read.

    Args:
        folder: The folder that contains ``fold_1``, ``fold_2``, ...
        speaker_pattern: A regular expression to search in each key; its first group is the
            speaker. Use ``emodb-(\d\d)`` for EmoDB. Without it, clips have no speaker.

    Raises:
        FormatError: If there are no folds, a fold has no test file, or a line is malformed.
        OptionsError: If the pattern is invalid, has no group, or does not match a key.
    """
    folds = _fold_folders(folder)
    if not folds:
        raise FormatError(f"{folder}: expected EmoBox folders fold_1, fold_2, ..., found none")
    speaker = None if speaker_pattern is None else _speaker_rule(speaker_pattern)
    return [_read_fold(each, speaker) for each in folds]


def chosen_folds(folds: Sequence[EmoBoxFold], numbers: Sequence[int]) -> list[EmoBoxFold]:
    """Return the folds with these numbers, in the order of *folds*; all folds if *numbers* is empty.

    Raises:
        OptionsError: If a fold does not exist.
    """
    by_number = {_number(each.name): each for each in folds}
    unknown = [number for number in numbers if number not in by_number]
    if unknown:
        names, known = (", ".join(map(str, each)) for each in (unknown, by_number))
        raise OptionsError(f"no fold {names}; available folds: {known}")
    return [fold for number, fold in by_number.items() if not numbers or number in numbers]


def clips_of(folds: Iterable[EmoBoxFold], split: str = "test") -> list[EmoBoxClip]:
    """Return the clips of one split in all *folds*, in order, each clip once."""
    # By key, because a clip may be in several folds.
    return list({clip.key: clip for fold in folds for clip in fold.splits.get(split, ())}.values())


def missing_audio(clips: Iterable[EmoBoxClip], root: Path) -> list[EmoBoxClip]:
    """Return the clips for which `audio_path` finds no file in *root*."""
    return [clip for clip in clips if audio_path(clip, root) is None]


def audio_path(clip: EmoBoxClip, root: Path) -> Path | None:
    """Return the path of a clip's audio, or None if it is not found.

    Folder layouts differ between users, so leading parts of the clip's path, such as
    ``downloads/emodb/wav/03a01Wa.wav``, are dropped one by one until the rest is a file in *root*.
    """
    parts = PurePosixPath(clip.path).parts
    candidates = (root.joinpath(*parts[skip:]) for skip in range(len(parts)))
    return next((each for each in candidates if each.is_file()), None)


def as_cuts(
    clips: Iterable[EmoBoxClip],
    root: Path | None = None,
    permissions: Permissions | None = None,
) -> list[Cut]:
    """Return one cut per clip, with one supervision; the id of both is the clip's key.

    The recording's id is the file's path in EmoBox, so clips of one file share a recording.
    The supervision's ``emotion`` is the corpus's name for it.

    Args:
        clips: With *root*, all clips need audio; see `missing_audio`.
        root: The folder with the audio; only file headers are read. With None, lengths and
            rates come from EmoBox, and no audio is needed.
        permissions: Which files may be read; by default, all.

    Raises:
        AudioError: If a file cannot be read.
        FormatError: If audio is missing. The message has the number and the first paths.
    """
    kept = list(clips)
    missing = [] if root is None else missing_audio(kept, root)
    if missing:
        paths = few([clip.path for clip in missing])
        advice = "use the folder that contains the corpus, or skip missing clips"
        raise FormatError(
            f"{root}: no audio for {len(missing)} of {len(kept)} clips: {paths}; {advice}"
        )
    # Clips of one file must agree on its length.
    ends: dict[str, float] = {}
    for clip in kept:
        ends[clip.path] = max(ends.get(clip.path, 0.0), clip.start + clip.duration)
    return [
        _cut(clip, _recording(clip, root, permissions, seconds=ends[clip.path])) for clip in kept
    ]


def _recording(
    clip: EmoBoxClip, root: Path | None, permissions: Permissions | None, *, seconds: float
) -> Recording:
    """Return the recording of a clip; without a root, one that lasts *seconds*."""
    path = None if root is None else audio_path(clip, root)
    if path is not None:
        return recording_of(path, name=clip.path, permissions=permissions)
    samples = round(seconds * clip.rate)
    return Recording(
        id=clip.path,
        sources=[AudioSource(type="file", channels=[0], source=clip.path)],
        sampling_rate=clip.rate,
        num_samples=samples,
        duration=samples / clip.rate,
    )


def _cut(clip: EmoBoxClip, recording: Recording) -> Cut:
    cut = replace(recording.to_cut(), id=clip.key)
    turn = SupervisionSegment(
        id=clip.key,
        recording_id=recording.id,
        start=clip.start,
        duration=clip.duration,
        channel=recording.channel_ids if recording.num_channels > 1 else 0,
        speaker=clip.speaker,
        custom={"emotion": clip.emotion},
    )
    cut.supervisions = [turn]
    return cut


def _fold_folders(folder: Path) -> list[Path]:
    folds = [each for each in folder.iterdir() if each.is_dir() and _FOLD.fullmatch(each.name)]
    return sorted(folds, key=lambda each: _number(each.name))


def _number(name: str) -> int:
    found = _FOLD.fullmatch(name)
    return int(found[1]) if found else 0


def _read_fold(folder: Path, speaker: re.Pattern[str] | None) -> EmoBoxFold:
    files = {split: _split_file(folder, split) for split in SPLITS}
    splits = {split: _read_clips(path, speaker) for split, path in files.items() if path}
    if not splits.get("test"):
        raise FormatError(
            f"{folder}: expected clips in a file *_test_{folder.name}.jsonl, found none"
        )
    return EmoBoxFold(name=folder.name, splits=splits)


def _split_file(folder: Path, split: str) -> Path | None:
    number = _number(folder.name)
    # Some corpora have the same file under an older name, too.
    for pattern in (f"*_{split}_fold_{number}.jsonl", f"*_{split}_fold{number}.jsonl"):
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise FormatError(f"{folder}: expected one {pattern}, found {names}")
        if found:
            return found[0]
    return None


def _read_clips(path: Path, speaker: re.Pattern[str] | None) -> tuple[EmoBoxClip, ...]:
    clips = []
    for number, line in lines_of(path):
        where = f"{path}: line {number}"
        try:
            clip = _clip(from_json(line.decode(), where=where))
        except FormatError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            expected = "an EmoBox clip with key, wav, emo, length and sample_rate"
            cause = f"{type(error).__name__}: {error!s:.100}"
            raise FormatError(f"{where}: expected {expected} ({cause})") from error
        clips.append(replace(clip, speaker=speaker and _speaker(clip.key, speaker)))
    return tuple(clips)


def _clip(line: Mapping[str, Any]) -> EmoBoxClip:
    start, end = float(line.get("start_time") or 0.0), line.get("end_time")
    return EmoBoxClip(
        key=str(line["key"]),
        path=str(line["wav"]),
        emotion=str(line["emo"]),
        start=start,
        duration=float(line["length"]) if end is None else float(end) - start,
        rate=int(line["sample_rate"]),
    )


def _speaker_rule(pattern: str) -> re.Pattern[str]:
    try:
        rule = re.compile(pattern)
    except re.error as error:
        raise OptionsError(f"invalid speaker pattern {shown(pattern)}: {error}") from error
    if not rule.groups:
        advice = "put (...) around the speaker"
        raise OptionsError(f"speaker pattern {pattern!r} has no group: {advice}")
    return rule


def _speaker(key: str, rule: re.Pattern[str]) -> str:
    found = rule.search(key)
    if not found or not found[1]:
        raise OptionsError(f"speaker pattern {rule.pattern!r} does not match key {key!r}")
    return found[1]
