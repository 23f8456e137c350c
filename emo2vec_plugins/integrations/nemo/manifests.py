"""Manifests of NVIDIA NeMo: JSON lines in, the same lines with an emotion each out.

A line is a stretch of an audio file, or, where it names an RTTM, the speaker turns in that
stretch. What a line has already is written again character for character.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import (
    Dialogue,
    Emotion,
    Options,
    Plugins,
    ScoredTurn,
    Scorer,
    annotate,
    as_options,
    hookimpl,
)
from emo2vec_plugins.errors import Emo2vecError, OptionsError, warn
from emo2vec_plugins.files import replacing
from emo2vec_plugins.integrations import NOWHERE, RecordingSession, is_labelled, with_emotion
from emo2vec_plugins.integrations.nemo.lines import ManifestLine, read_manifest

if TYPE_CHECKING:
    from emo2vec_plugins.core import Audio, Turn

NAMED = 10
"""How many failures are named; the manifest has them all."""


@dataclass(slots=True, kw_only=True)
class ManifestSummary:
    """What became of a manifest.

    Attributes:
        lines: All of them.
        skipped: Lines with a label that was there already.
        turns: In the other lines: one, or those of the line's RTTM.
        failed: Turns without a label and with the reason; a line whose RTTM cannot be read counts
            as one.
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
        turns = line.emotions.turns
        failed = [each for each in turns if each.emotion.reason is not None]
        self.turns += len(turns)
        self.failed += len(failed)
        for each in failed[: NAMED - len(self.failures)]:
            times = f", {each.turn.start:.3f}-{each.turn.end:.3f}" if len(turns) > 1 else ""
            self.failures += (f"line {line.number}{times}: {each.emotion.reason}",)


def annotate_nemo(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    score: Scorer,
    options: Options | None = None,
    plugins: Plugins | None = None,
    progress: Callable[[int], None] | None = None,
) -> ManifestSummary:
    """Write a manifest like *path* in which every line has an emotion.

    The file is complete or absent. Every line is read once before anything is scored, so that a
    malformed line costs no work. Memory does not grow with the number of lines.

    Args:
        path: Of a manifest.
        out: May be *path*. Lines name audio relative to the folder of their manifest, so write
            it beside *path*; elsewhere there is a warning.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        options: The field, whether to replace labels that are there, and the overlap policy for
            the turns of RTTMs. Manifests hold no arrays.
        plugins: Those installed, unless given.
        progress: Called with the number of lines done since the last call.

    Raises:
        FormatError: If a line is not a JSON object, or its audio is in a tar file; names the file
            and the line. Nothing has been written then.
        OptionsError: If arrays are asked for.
        OSError: If a file cannot be read or written.
    """
    wanted = as_options(options)
    if wanted.embeddings or wanted.frames:
        raise OptionsError("a manifest has no room for embeddings and frames; Lhotse's cuts have")
    # Every line is read before any work, and is no use where its paths lead nowhere.
    path, out = Path(path), Path(out)
    relative = sum(line.names_relative_files for line in read_manifest(path))
    if relative and path.parent.resolve() != out.parent.resolve():
        where = f"the folder of their manifest, {path.parent}: move it there"
        warn(f"{out}: {relative} of its lines name files relative to {where}")
    summary = ManifestSummary()
    lines = annotate(
        read_manifest(path),
        score=score,
        plugins=plugins,
        options=wanted,
        failed=lambda line, error: _unscored(line, str(error), wanted),
    )
    with replacing(out) as stream:
        for line in lines:
            stream.write(line.text.encode() + b"\n")
            summary.count(line)
            if progress is not None:
                progress(1)
    return summary


@hookimpl
def emo2vec_open(source: Any, options: Options) -> LineSession | None:
    """Open a line of a manifest."""
    return LineSession(source, options) if isinstance(source, ManifestLine) else None


class LineSession(RecordingSession):
    """One line: its stretch of audio as one turn, or the turns of its RTTM within that stretch."""

    def __init__(self, line: ManifestLine, options: Options) -> None:
        from emo2vec_plugins.audio import MissingAudio, open_audio

        self._line = line
        self._is_kept = _is_kept(line, options)
        self._problem: str | None = None
        audio: Audio = MissingAudio("nothing is scored")
        turns: list[Turn] = []
        if not self._is_kept:
            try:
                audio = open_audio(line.audio())
                turns = line.turns(audio)
            except (Emo2vecError, OSError) as error:
                self._problem = str(error)
        super().__init__(line.recording, audio, turns, options)

    def finish(self) -> ManifestLine:
        """Return the line with its emotions; the line itself if it had one that is kept."""
        if self._is_kept:
            return self._line
        if self._problem is not None:
            return _unscored(self._line, self._problem, self._options)
        return _with_emotions(self._line, super().finish(), self._options)


def _unscored(line: ManifestLine, reason: str, options: Options) -> ManifestLine:
    """Return a line without a label, and why."""
    nothing = ScoredTurn(turn=NOWHERE, emotion=Emotion(reason=reason))
    dialogue = Dialogue(recording=line.recording, turns=(nothing,))
    if not line.has_rttm:
        return _with_emotions(line, dialogue, options)
    # Which turns there are is not known: the line itself has the reason.
    fields = {f"{options.field}_turns": [], f"{options.field}_reason": reason}
    return _with_turns(line, fields, dialogue, options)


def _with_emotions(line: ManifestLine, dialogue: Dialogue, options: Options) -> ManifestLine:
    if not line.has_rttm:
        [scored] = dialogue.turns
        return line.with_record(with_emotion(line.record, scored.emotion, options), dialogue)
    turns = []
    for each in dialogue.turns:
        times = {"start": each.turn.start, "end": each.turn.end, "speaker": each.turn.speaker}
        turns.append(with_emotion(times, each.emotion, options))
    return _with_turns(line, {f"{options.field}_turns": turns}, dialogue, options)


def _with_turns(
    line: ManifestLine, fields: dict[str, Any], dialogue: Dialogue, options: Options
) -> ManifestLine:
    """Return the line with *fields* in place of those of an earlier run."""
    stale = (f"{options.field}_turns", f"{options.field}_reason")
    others = {key: value for key, value in line.record.items() if key not in stale}
    return line.with_record(others | fields, dialogue)


def _is_kept(line: ManifestLine, options: Options) -> bool:
    """Return whether the line has a label, or turns with labels, that must not be replaced."""
    if line.has_rttm:
        return bool(line.record.get(f"{options.field}_turns")) and not options.overwrite
    return is_labelled(line.record, options)
