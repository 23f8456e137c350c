"""Annotation of NVIDIA NeMo manifests, with an emotion on every line.

A line is a part of an audio file, or, if it names an RTTM, the speaker turns in that part.
Existing values of a line keep exactly the same characters.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
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
from emo2vec_plugins.errors import Emo2vecError, FormatError, OptionsError, warn
from emo2vec_plugins.files import protecting, replacing
from emo2vec_plugins.integrations import (
    MAX_FAILURES,
    NAMED_ITEMS,
    NOWHERE,
    BadItems,
    RecordingSession,
    bad_line,
    check_bad_items,
    compressed,
    interleaved,
    is_done,
    is_label,
    with_emotion,
)
from emo2vec_plugins.integrations.nemo.lines import BadLine, ManifestLine, read_lines

if TYPE_CHECKING:
    from emo2vec_plugins.core import Audio, Turn


@dataclass(slots=True, kw_only=True)
class ManifestSummary:
    """Counts of annotated lines and turns in a manifest.

    Attributes:
        lines: Number of lines.
        skipped: Lines with an existing label, or one that an earlier run withheld.
        turns: Turns of the other lines: one for each line, or those of its RTTM.
        withheld: Turns whose label was withheld, because its doubt is too high.
        failed: Turns without a label but with another reason. A line with an unreadable RTTM counts as
            one.
        failures: Line numbers and reasons of the first ten failed turns.
        bad: Bad lines, which are not JSON objects or have their audio in tar files. *lines* does
            not count them.
        bad_items: The first hundred of them, each with the file, the line and what is wrong.
    """

    lines: int = 0
    skipped: int = 0
    turns: int = 0
    withheld: int = 0
    failed: int = 0
    failures: tuple[str, ...] = ()
    bad: int = 0
    bad_items: tuple[str, ...] = ()

    def count_bad(self, reason: str) -> None:
        """Count one bad line."""
        self.bad += 1
        self.bad_items = (*self.bad_items, reason)[:NAMED_ITEMS]

    def count(self, line: ManifestLine) -> None:
        """Count one written line."""
        self.lines += 1
        if line.emotions is None:
            self.skipped += 1
            return
        turns = line.emotions.turns
        reasons = [each for each in turns if each.emotion.reason is not None]
        failed = [each for each in reasons if not each.emotion.withheld]
        self.turns += len(turns)
        self.withheld += len(reasons) - len(failed)
        self.failed += len(failed)
        for each in failed[: MAX_FAILURES - len(self.failures)]:
            times = f", {each.turn.start:.3f}-{each.turn.end:.3f}" if len(turns) > 1 else ""
            self.failures += (f"line {line.number}{times}: {each.emotion.reason}",)


def annotate_nemo(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    score: Scorer,
    options: Options | None = None,
    bad_items: BadItems = "keep",
    plugins: Plugins | None = None,
    progress: Callable[[int], None] | None = None,
) -> ManifestSummary:
    """Write a copy of a manifest with an emotion on every line.

    The file is written atomically. All lines are read once before scoring starts, so that a wrong
    file does not waste work. Memory use does not grow with the number of lines.

    Args:
        path: A manifest.
        out: The output. Paths in lines are relative to the folder of the manifest, so there is a
            warning if *out* is in another folder.
        score: An `Engine` or another `Scorer`.
        options: The field, whether to replace existing labels, and the overlap policy for the
            turns of RTTMs. A manifest cannot store arrays.
        bad_items: What to do with a line that is not a JSON object or has its audio in a tar file:
            ``keep`` writes it unchanged, ``drop`` leaves it out, ``stop`` raises its error.
        plugins: The installed plugins by default.
        progress: Called with the number of lines annotated since the last call.

    Raises:
        FormatError: If all lines are bad, or one is and *bad_items* is ``stop``. The message has the
            file and the line number. Nothing is written.
        OptionsError: If the options request arrays, or *bad_items* is unknown.
        OSError: If a file cannot be read or written.
    """
    wanted = as_options(options)
    if wanted.embeddings or wanted.frames:
        raise OptionsError(
            "a NeMo manifest cannot store embeddings and frames; annotate Lhotse cuts instead"
        )
    check_bad_items(bad_items)
    path, out = Path(path), Path(out)
    _check_lines(path, out, bad_items)
    summary = ManifestSummary()
    work = partial(
        annotate,
        score=score,
        plugins=plugins,
        options=wanted,
        failed=lambda line, error: _unscored(line, str(error), wanted),
    )
    lines = interleaved(read_lines(path), work, source_of=_scorable)
    with protecting(path), replacing(out) as file, compressed(file, like=out) as stream:
        for line, result in lines:
            if isinstance(line, BadLine):
                stream.write(bad_line(line.raw, line.reason, bad_items))
                summary.count_bad(line.reason)
            else:
                stream.write(result.text.encode() + b"\n")
                summary.count(result)
            if progress is not None:
                progress(1)
    return summary


def _check_lines(path: Path, out: Path, bad_items: BadItems) -> None:
    """Read all lines once, and warn if their paths do not work from the folder of the output.

    Raises:
        FormatError: If a line is bad and *bad_items* is ``stop``, or if all are bad.
    """
    good = relative = 0
    reason: str | None = None
    for line in read_lines(path):
        if isinstance(line, BadLine):
            bad_line(line.raw, line.reason, bad_items)
            reason = reason or line.reason
        else:
            good += 1
            relative += line.names_relative_files
    if reason is not None and not good:
        raise FormatError(f"{reason}; no line is better")
    if relative and path.parent.resolve() != out.parent.resolve():
        warn(
            f"{out}: {relative} of its lines have paths relative to the folder of the first "
            f"manifest, {path.parent}; move the file to that folder"
        )


def _scorable(line: ManifestLine | BadLine) -> ManifestLine | None:
    return None if isinstance(line, BadLine) else line


@hookimpl
def emo2vec_open(source: Any, options: Options) -> LineSession | None:
    """Open a `ManifestLine`."""
    return LineSession(source, options) if isinstance(source, ManifestLine) else None


class LineSession(RecordingSession):
    """One line: its part of the audio as one turn, or the turns of its RTTM within that part."""

    def __init__(self, line: ManifestLine, options: Options) -> None:
        from emo2vec_plugins.audio import MissingAudio, open_audio

        self._line = line
        self._is_kept = _is_kept(line, options)
        self._problem: str | None = None
        audio: Audio = MissingAudio("the line is not scored")
        turns: list[Turn] = []
        if not self._is_kept:
            try:
                audio = open_audio(line.audio(), permissions=options.permissions)
                turns = line.turns(audio)
            except (Emo2vecError, OSError) as error:
                self._problem = str(error)
        super().__init__(line.recording, audio, turns, options)

    def finish(self) -> ManifestLine:
        """Return a copy of the line with emotions, or the line itself if its label is kept."""
        if self._is_kept:
            return self._line
        if self._problem is not None:
            return _unscored(self._line, self._problem, self._options)
        return _with_emotions(self._line, super().finish(), self._options)


def _unscored(line: ManifestLine, reason: str, options: Options) -> ManifestLine:
    """Return a copy of the line without a label, but with a reason."""
    nothing = ScoredTurn(turn=NOWHERE, emotion=Emotion(reason=reason))
    dialogue = Dialogue(recording=line.recording, turns=(nothing,))
    if not line.has_rttm:
        return _with_emotions(line, dialogue, options)
    # The turns are unknown, so the line gets the reason.
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
    """Return a copy of the line in which *fields* replace those of an earlier run."""
    stale = (f"{options.field}_turns", f"{options.field}_reason")
    others = {key: value for key, value in line.record.items() if key not in stale}
    return line.with_record(others | fields, dialogue)


def _is_kept(line: ManifestLine, options: Options) -> bool:
    """Return whether the line has a result or turns that must not be replaced."""
    if line.has_rttm:
        return is_label(line.record.get(f"{options.field}_turns")) and not options.overwrite
    return is_done(line.record, options)
