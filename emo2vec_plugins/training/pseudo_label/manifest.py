"""Pseudo-labels from manifest to manifest, in a run that may be killed and resumed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import Options, Scorer
from emo2vec_plugins.errors import LabelError, OptionsError, ResumeError
from emo2vec_plugins.integrations import field_names
from emo2vec_plugins.integrations.lhotse import (
    ENDINGS,
    LinesLayout,
    annotate_manifest,
    as_task,
    differences,
    held_lines,
    layout,
    record_path,
    recorded,
    write_record,
)
from emo2vec_plugins.training.pseudo_label.evidence import evidence_plugins, note_names
from emo2vec_plugins.training.pseudo_label.labelling import Judgement
from emo2vec_plugins.training.pseudo_label.report import Report
from emo2vec_plugins.training.pseudo_label.trust import Trust


def pseudo_label_manifest(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    score: Scorer,
    second: Scorer | None = None,
    trust: Trust | None = None,
    field: str = "emotion",
    overwrite: bool = False,
    scores: str | os.PathLike[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Write a manifest of cuts like *source* with labels where the model can be trusted.

    What a turn gets is what `pseudo_label` gives it. Cuts stream from file to file; of each turn
    that is judged, eleven bytes are kept. What the models say goes to *scores* first, in a run
    that may be killed and goes on when the same is called again. *target* is complete or absent,
    and ``TARGET.emo2vec.json`` beside it has the report; done again with the same, nothing is
    left to do.

    Args:
        source: A ``.jsonl``, a ``.jsonl.gz`` or a Shar directory.
        target: Of the same kind. A new Shar directory has links to the audio of the old.
        score: The model that gives labels: an `Engine`, with ``granularity="frame"`` if *trust*
            asks for windows.
        second: A model that must predict the same; of other classes, those that both have count.
        trust: The criteria; `Trust` as it is, unless given.
        field: Where labels are and go, and prefix of what stands beside them.
        overwrite: Judge turns that have a label, too; they lose it even if they are rejected, but
            not if they could not be scored.
        scores: Where what the models say is kept, a manifest like *target*: another call with
            other criteria starts from it, and scores nothing. Models and the windows of *trust*
            belong to what is kept: others need another path. Beside *target*, and gone in the end,
            if None.
        progress: Called with the number of cuts that were scored since the last call.

    Raises:
        LabelError: If there is no cut, a model has no classes, or two have none to compare.
        OptionsError: If two of the paths are the same, or *trust* asks for windows of an engine
            that does not keep frames.
        FormatError: If a manifest is of another kind, or a line is no cut.
        ResumeError: If *target* or *scores* is there, and was made otherwise.
        OSError: If something cannot be written; what is on disk can be resumed.
    """
    files = _Files(Path(source), Path(target), None if scores is None else Path(scores))
    options, criteria = Options(field=field, overwrite=overwrite), trust or Trust()
    judgement = Judgement(score, second, criteria, options)
    manifest = layout(files.source, files.target, fields=field_names(options) | note_names(options))
    task = as_task(
        scorer=judgement.scorer.identity,
        trust=criteria.as_json(),
        field=field,
        overwrite=overwrite,
        input=manifest.identity(),
    )
    # Before anything is scored: the scores of a finished run may be gone.
    finished = recorded(files.target, task=task, result="report")
    if finished is not None:
        files.clear_up()
        return replace(Report.from_json(finished), was_finished=True)
    files.check_scores(task["scorer"])
    annotate_manifest(
        files.source,
        files.scores,
        score=judgement.scorer,
        options=options,
        plugins=evidence_plugins(),
        progress=progress,
    )
    try:
        report = judgement.survey(_cuts_in(files.scores))
    except LabelError as error:
        files.clear_up()
        raise LabelError(f"{files.source}: {error}") from error
    files.write(judgement.applied(_cuts_in(files.scores)), task=task, report=report)
    files.clear_up()
    return report


class _Files:
    """What is read and written for one output."""

    def __init__(self, source: Path, target: Path, scores: Path | None) -> None:
        self.source = source
        self.target = target
        self._is_temporary = scores is None
        # Uncompressed: they are read twice, and removed in the end.
        ending = ".jsonl" if target.name.endswith(ENDINGS) else ""
        self.scores = scores or target.with_name(f"{target.name}.scores{ending}")
        self._lines = target.with_name(f"{target.name}.labels.part.jsonl")
        purposes = {"the input": source, "the output": target, "the scores": self.scores}
        known: dict[Path, str] = {}
        for name, path in purposes.items():
            # Resolved: one file may be named in two ways.
            other = known.setdefault(path.resolve(), name)
            if other != name:
                raise OptionsError(f"{path} is {other} and {name}; {name} needs a name of its own")

    def check_scores(self, scorer: Any) -> None:
        """Refuse scores of other models or windows before `annotate_manifest` refuses them.

        Its advice, to remove what is there, would cost the user hours of scoring.

        Raises:
            ResumeError: If they are there; the message says how to keep them.
        """
        record = record_path(self.scores)
        if self._is_temporary or not (self.scores.exists() and record.is_file()):
            return
        then = json.loads(record.read_text("utf-8"))["task"]["scorer"]
        if then != scorer:
            changed = differences({"scorer": then}, {"scorer": scorer})
            raise ResumeError(
                f"{self.scores} has other scores: {changed}. Models and windows (--windows) belong "
                "to the scores: name another file for the new ones (--scores), and these are kept"
            )

    def write(self, cuts: Iterator[Any], *, task: dict[str, Any], report: Report) -> None:
        """Write the labelled cuts and the report."""
        scored = layout(self.scores, self.target, fields=())
        with held_lines(self._lines) as lines:
            try:
                lines.truncate(0)  # judging is quick: a killed run starts it over
                for cut in cuts:
                    lines.write(scored.line(cut).encode() + b"\n")
                lines.flush()
                # The record first: an output that is there can then be recognised as finished.
                write_record(self.target, task=task, report=report.as_json())
                scored.seal(self._lines, self.target)
            finally:
                self._lines.unlink()

    def clear_up(self) -> None:
        """Remove the scores, unless they must be kept; a file without a record stays."""
        record = record_path(self.scores)
        if not (self._is_temporary and record.is_file()):
            return
        if self.scores.is_dir():
            shutil.rmtree(self.scores)
        else:
            self.scores.unlink(missing_ok=True)
        record.unlink()


def _cuts_in(path: Path) -> Iterator[Any]:
    """Yield the cuts of a finished manifest; of a Shar directory, without their audio."""
    # Placeholders where there was audio do not matter: only fields are read and written.
    for file in sorted(path.glob("cuts.*")) if path.is_dir() else [path]:
        yield from LinesLayout(file).cuts(0)
