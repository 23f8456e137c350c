"""Pseudo-labels from manifest to manifest, in a run that can be killed and resumed."""

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
    differences,
    layout,
    locked_lines,
    record_path,
    recorded,
    task_document,
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
    """Copy a manifest of cuts and add labels where the model can be trusted.

    Turns get the same fields as from `pseudo_label`. Cuts stream from file to file; eleven bytes
    of memory are used for each turn that is judged. Scores are written to *scores* first. A killed
    run resumes when called again with the same arguments. *target* is complete or absent, and
    ``TARGET.emo2vec.json`` next to it contains the report. If *target* is complete already, the
    call returns its report and does nothing else.

    Args:
        source: A ``.jsonl``, a ``.jsonl.gz`` or a Shar directory.
        target: Path of the result, of the same kind. A new Shar directory links to the audio of
            the old one.
        score: The model that gives labels: an `Engine`, with ``granularity="frame"`` if *trust*
            uses windows.
        second: A model that must predict the same label. Only classes that both models have are
            compared.
        trust: The criteria. The default is ``Trust()``.
        field: Field with the labels, and prefix of the other fields.
        overwrite: Also judge turns that have a label. They lose it if they are rejected, and keep
            it if they could not be scored.
        scores: Path of a manifest like *target* in which the scores are kept. A call with other
            criteria reuses them and scores nothing. The scores depend on the models and on the
            windows of *trust*; choose another path to change those. If None, the scores are next
            to *target* and are removed at the end.
        progress: Called with the number of cuts scored since the last call.

    Raises:
        LabelError: If there are no cuts, a model has no classes, or two models share fewer than
            two.
        OptionsError: If two of the paths are the same, or *trust* uses windows and the engine does
            not keep frames.
        FormatError: If a manifest is of another kind, or a line is not a cut.
        ResumeError: If *target* or *scores* exists and comes from a different run.
        OSError: If a file cannot be written; the run can be resumed.
    """
    files = _Files(Path(source), Path(target), None if scores is None else Path(scores))
    options, criteria = Options(field=field, overwrite=overwrite), trust or Trust()
    judgement = Judgement(score, second, criteria, options)
    manifest = layout(files.source, files.target, fields=field_names(options) | note_names(options))
    task = task_document(
        scorer=judgement.scorer.identity,
        trust=criteria.as_json(),
        field=field,
        overwrite=overwrite,
        input=manifest.identity(),
    )
    # Before scoring, because the scores of a finished run may have been removed.
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
    """The files that are read and written for one output."""

    def __init__(self, source: Path, target: Path, scores: Path | None) -> None:
        self.source = source
        self.target = target
        self._is_temporary = scores is None
        # Uncompressed, as they are read twice and then removed.
        ending = ".jsonl" if target.name.endswith(ENDINGS) else ""
        self.scores = scores or target.with_name(f"{target.name}.scores{ending}")
        self._lines = target.with_name(f"{target.name}.labels.part.jsonl")
        purposes = {"the input": source, "the output": target, "the scores": self.scores}
        known: dict[Path, str] = {}
        for name, path in purposes.items():
            # Resolved, because two different paths may name the same file.
            other = known.setdefault(path.resolve(), name)
            if other != name:
                raise OptionsError(f"{path} is both {other} and {name}; rename {name}")

    def check_scores(self, scorer: Any) -> None:
        """Reject scores of other models or windows before `annotate_manifest` does.

        Its message advises removing the old file, which may have taken hours to compute.

        Raises:
            ResumeError: If *scores* has other scores. The message says how to keep them.
        """
        record = record_path(self.scores)
        if self._is_temporary or not (self.scores.exists() and record.is_file()):
            return
        then = json.loads(record.read_text("utf-8"))["task"]["scorer"]
        if then != scorer:
            changed = differences({"scorer": then}, {"scorer": scorer})
            raise ResumeError(
                f"{self.scores} has other scores: {changed}. Scores depend on the models and on "
                "--windows; to keep these, use another file for the new ones (--scores)"
            )

    def write(self, cuts: Iterator[Any], *, task: dict[str, Any], report: Report) -> None:
        """Write the labelled cuts and the report."""
        scored = layout(self.scores, self.target, fields=())
        with locked_lines(self._lines) as lines:
            try:
                lines.truncate(0)  # judging is fast, so a killed run starts it again
                for cut in cuts:
                    lines.write(scored.line(cut).encode() + b"\n")
                lines.flush()
                # The record comes first, so that an existing output can be recognised as complete.
                write_record(self.target, task=task, report=report.as_json())
                scored.seal(self._lines, self.target)
            finally:
                self._lines.unlink()

    def clear_up(self) -> None:
        """Remove temporary scores; a file without a record is left alone."""
        record = record_path(self.scores)
        if not (self._is_temporary and record.is_file()):
            return
        if self.scores.is_dir():
            shutil.rmtree(self.scores)
        else:
            self.scores.unlink(missing_ok=True)
        record.unlink()


def _cuts_in(path: Path) -> Iterator[Any]:
    """Yield the cuts of a finished manifest; cuts of a Shar directory have no audio."""
    # Placeholders for the audio do no harm, as only fields are read and written.
    for file in sorted(path.glob("cuts.*")) if path.is_dir() else [path]:
        yield from LinesLayout(file).cuts(0)
