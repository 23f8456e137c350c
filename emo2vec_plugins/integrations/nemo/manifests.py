"""Manifests of NVIDIA NeMo: JSON lines in, the same lines with an emotion each out.

A line is a stretch of an audio file, or, where it names an RTTM, the speaker turns in that
stretch. What a line says already is written again character for character.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from emo2vec_plugins.core import (
    Clip,
    Dialogue,
    Emotion,
    Options,
    Plugins,
    ScoredTurn,
    Scorer,
    Turn,
    annotate,
    as_options,
    hookimpl,
)
from emo2vec_plugins.errors import Emo2vecError, OptionsError, warn
from emo2vec_plugins.files import replacing
from emo2vec_plugins.integrations import RecordingSession, is_labelled, with_emotion
from emo2vec_plugins.integrations.nemo.lines import ManifestLine, read_manifest

NAMED = 10
"""Most failures that are named; the manifest has them all."""


@dataclass(slots=True, kw_only=True)
class ManifestSummary:
    """What became of a manifest.

    Attributes:
        lines: All of them.
        skipped: Lines with a label that was there already.
        turns: In the other lines: one, or those of the line's RTTM.
        failed: Turns without a label and with the reason; a line whose turns are not known, for
            want of its RTTM, counts as one.
        failures: The first ten that failed, by their lines, each with the reason.
    """

    lines: int = 0
    skipped: int = 0
    turns: int = 0
    failed: int = 0
    failures: tuple[str, ...] = ()

    def count(self, line: ManifestLine) -> None:
        """Add one line as it was written."""
        self.lines += 1
        if line.emotions is None:
            self.skipped += 1
            return
        self.turns += len(line.emotions.turns)
        failed = [each for each in line.emotions.turns if each.emotion.reason is not None]
        self.failed += len(failed)
        for each in failed[: NAMED - len(self.failures)]:
            times = (
                f", {each.turn.start:.3f}-{each.turn.end:.3f}"
                if len(line.emotions.turns) > 1
                else ""
            )
            self.failures += (f"line {line.number}{times}: {each.emotion.reason}",)


def annotate_manifest(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    score: Scorer,
    options: Options | None = None,
    plugins: Plugins | None = None,
    progress: Callable[[int], Any] | None = None,
) -> ManifestSummary:
    """Write a manifest like *path* in which every line has an emotion.

    The file is there whole or not at all. Before anything is scored every line is read once, so
    that a line that is none costs no work. Memory does not grow with the number of lines.

    Args:
        path: Of a manifest.
        out: May be *path*. Lines name audio relative to the folder of
            their manifest, so it belongs beside *path*; elsewhere there is a warning.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        options: The field, whether to replace labels that are there, and the overlap policy for
            the turns of RTTMs. Manifests hold no arrays.
        plugins: Those installed, unless given.
        progress: Called with 1 after each line.

    Raises:
        FormatError: If a line is no JSON object, or its audio is in a tar file; names the file
            and the line. Nothing has been written then.
        OptionsError: If arrays are asked for.
        OSError: If a file cannot be read or written.
    """
    wanted = as_options(options)
    if wanted.embeddings or wanted.frames:
        raise OptionsError("a manifest has no room for embeddings and frames; Lhotse's cuts have")
    _check(Path(path), Path(out))

    def failed(line: ManifestLine, error: Exception) -> ManifestLine:
        return unscored(line, str(error), wanted)

    lines = annotate(
        read_manifest(path), score=score, plugins=plugins, options=wanted, failed=failed
    )
    summary = ManifestSummary()
    with replacing(Path(out)) as stream:
        _write(lines, summary, progress or (lambda _: None), stream)
    return summary


@hookimpl
def emo2vec_open(source: Any, options: Options) -> LineSession | None:
    """Open a line of a manifest."""
    return LineSession(source, options) if isinstance(source, ManifestLine) else None


class LineSession:
    """One line: its stretch of audio as one turn, or the turns of its RTTM within that stretch."""

    def __init__(self, line: ManifestLine, options: Options) -> None:
        self._line = line
        self._options = options
        self._scoring: RecordingSession | None = None
        self._reason: str | None = None
        if not _is_kept(line, options):
            try:
                self._scoring = _scoring(line, options)
            except (Emo2vecError, OSError) as error:
                self._reason = str(error)

    def clips(self) -> Iterator[Clip]:
        """Yield the line's turns, unless it has a label that is kept."""
        if self._scoring is not None:
            yield from self._scoring.clips()

    def take(self, clip: Clip, emotion: Emotion) -> None:
        """Keep one result."""
        if self._scoring is not None:
            self._scoring.take(clip, emotion)

    def finish(self) -> ManifestLine:
        """Return the line with its emotions; the line itself if it had one that is kept."""
        if self._reason is not None:
            return unscored(self._line, self._reason, self._options)
        if self._scoring is None:
            return self._line
        return _with_emotions(self._line, self._scoring.finish(), self._options)


def unscored(line: ManifestLine, reason: str, options: Options) -> ManifestLine:
    """Return a line of which nothing could be scored, and why."""
    nothing = ScoredTurn(turn=Turn(start=0.0, end=0.0), emotion=Emotion(reason=reason))
    dialogue = Dialogue(recording=line.name, turns=(nothing,))
    if not line.has_rttm:
        return _with_emotions(line, dialogue, options)
    fields = {_turns_key(options): [], _reason_key(options): reason}
    return line.with_record(_without_turns(line, options) | fields, dialogue)


def _scoring(line: ManifestLine, options: Options) -> RecordingSession:
    from emo2vec_plugins.audio import open_audio

    audio = open_audio(line.audio())
    return RecordingSession(line.name, audio, line.turns(audio), options)


def _with_emotions(line: ManifestLine, dialogue: Dialogue, options: Options) -> ManifestLine:
    if not line.has_rttm:
        [scored] = dialogue.turns
        return line.with_record(with_emotion(line.record, scored.emotion, options), dialogue)
    fields = {_turns_key(options): [_turn_fields(each, options) for each in dialogue.turns]}
    return line.with_record(_without_turns(line, options) | fields, dialogue)


def _turn_fields(scored: ScoredTurn, options: Options) -> dict[str, Any]:
    turn = scored.turn
    record = {"start": turn.start, "end": turn.end, "speaker": turn.speaker}
    return with_emotion(record, scored.emotion, options)


def _without_turns(line: ManifestLine, options: Options) -> dict[str, Any]:
    """Return what the line says but for the results of an earlier run."""
    stale = (_turns_key(options), _reason_key(options))
    return {key: value for key, value in line.record.items() if key not in stale}


def _is_kept(line: ManifestLine, options: Options) -> bool:
    """Return whether the line has a label, or turns with labels, that are not to be replaced."""
    if line.has_rttm:
        return bool(line.record.get(_turns_key(options))) and not options.overwrite
    return is_labelled(line.record, options)


def _turns_key(options: Options) -> str:
    return f"{options.field}_turns"


def _reason_key(options: Options) -> str:
    return f"{options.field}_reason"


def _check(path: Path, out: Path) -> None:
    """Read every line once, and warn if their paths will not lead anywhere from *out*."""
    relative = sum(line.names_relative_files for line in read_manifest(path))
    if relative and path.parent.resolve() != out.parent.resolve():
        warn(
            f"{out}: {relative} of its lines name files relative to the folder of their manifest, "
            f"which was {path.parent}; move it there"
        )


def _write(
    lines: Iterator[ManifestLine],
    summary: ManifestSummary,
    progress: Callable[[int], Any],
    file: IO[bytes],
) -> None:
    for line in lines:
        file.write(line.text.encode("utf-8") + b"\n")
        summary.count(line)
        progress(1)
