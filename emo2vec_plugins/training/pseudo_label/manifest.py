"""Pseudo-labels from manifest to manifest, in a run that may be killed and goes on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from emo2vec_plugins.core import Options, Scorer
from emo2vec_plugins.errors import LabelError, OptionsError, ResumeError
from emo2vec_plugins.files import write_whole
from emo2vec_plugins.integrations.lhotse import (
    Layout,
    LinesLayout,
    annotate_manifest,
    differences,
    field_names,
    hold,
    layout,
)
from emo2vec_plugins.training.pseudo_label.evidence import EvidenceScorer, note_names
from emo2vec_plugins.training.pseudo_label.labelling import (
    Judgement,
    check_models,
    evidence_plugins,
)
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
    """Write a manifest of cuts like *source* with labels where the model is to be trusted.

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
        second: A model that is to hear the same; of other classes, those that both have count.
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
        OptionsError: If two of the paths are one, or *trust* asks for windows of an engine that
            does not keep frames.
        FormatError: If a manifest is of another kind, or a line is no cut.
        ResumeError: If *target* or *scores* is there, and was made otherwise.
        OSError: If something cannot be written; what is on disk can be resumed.
    """
    wanted = trust or Trust()
    run = _Run(Path(source), Path(target), None if scores is None else Path(scores))
    compared_on = check_models(score, second, wanted)
    options = Options(field=field, overwrite=overwrite)
    scorer = EvidenceScorer(score, second=second, window=wanted.window)
    manifest = layout(run.source, run.target, fields=field_names(options) | note_names(options))
    task = _task(scorer, wanted, options, manifest)
    finished = run.finished(task)
    if finished:
        run.clear_up()
        return finished
    run.check_scores(task["scorer"])
    annotate_manifest(
        run.source,
        run.scores,
        score=scorer,
        options=options,
        plugins=evidence_plugins(),
        progress=progress,
    )
    judgement = Judgement(wanted, options, has_second=second is not None)
    try:
        report = judgement.survey(
            _stored(run.scores), models=scorer.identity, compared_on=compared_on
        )
    except LabelError as error:
        run.clear_up()
        raise LabelError(f"{run.source}: {error}") from error
    run.write(judgement.applied(_stored(run.scores)), task=task, report=report)
    run.clear_up()
    return report


class _Run:
    """The files of one output."""

    def __init__(self, source: Path, target: Path, scores: Path | None) -> None:
        self.source = source
        self.target = target
        is_file = target.name.endswith((".jsonl", ".jsonl.gz"))
        self._is_temporary = scores is None
        self.scores = scores or target.with_name(
            f"{target.name}.scores{'.jsonl' if is_file else ''}"
        )
        self._record = target.with_name(f"{target.name}.emo2vec.json")
        self._lines = target.with_name(f"{target.name}.labels.part.jsonl")
        places = {"the input": source, "the output": target, "the scores": self.scores}
        known: dict[Path, str] = {}
        for name, path in places.items():
            other = known.setdefault(path.resolve(), name)
            if other != name:
                raise OptionsError(f"{path} is {other} and {name}; {name} needs a name of its own")

    def finished(self, task: dict[str, Any]) -> Report | None:
        """Return the report if there is nothing left to do.

        Raises:
            ResumeError: If something else is in the way.
        """
        if not self.target.exists():
            return None
        record = json.loads(self._record.read_text("utf-8")) if self._record.is_file() else {}
        if "report" not in record:
            raise ResumeError(f"{self.target} is there already; remove it or write elsewhere")
        if record["task"] != task:
            raise ResumeError(
                f"{self.target} is there already, and was made otherwise: "
                f"{differences(record['task'], task)}. Remove it, or write elsewhere"
            )
        return replace(Report.from_json(record["report"]), was_finished=True)

    def check_scores(self, scorer: Any) -> None:
        """Refuse scores of other models or windows, before anyone removes the work of hours.

        Raises:
            ResumeError: If they are there; the message says what keeps them.
        """
        record = self.scores.with_name(f"{self.scores.name}.emo2vec.json")
        if self._is_temporary or not (self.scores.exists() and record.is_file()):
            return
        then = json.loads(record.read_text("utf-8"))["task"]["scorer"]
        if then != scorer:
            raise ResumeError(
                f"{self.scores} has other scores: "
                f"{differences({'scorer': then}, {'scorer': scorer})}. The models and the windows "
                "(--windows) belong to the scores, not to the criteria: name another file for the "
                "new scores (--scores), and these are kept"
            )

    def write(self, cuts: Iterator[Any], *, task: dict[str, Any], report: Report) -> None:
        """Write the record, then the cuts: a target that is there has its record beside it."""
        scored = layout(self.scores, self.target, fields=())
        with self._open_lines() as lines:
            for cut in cuts:
                lines.write(scored.line(cut).encode() + b"\n")
            lines.flush()
            record = {"task": task, "report": report.as_json()}
            write_whole(self._record, json.dumps(record, indent=2) + "\n", locked=True)
            scored.seal(self._lines, self.target)

    def clear_up(self) -> None:
        """Remove the scores, unless they were to be kept; a file that is not a run's stays."""
        record = self.scores.with_name(f"{self.scores.name}.emo2vec.json")
        if not (self._is_temporary and record.is_file()):
            return
        if self.scores.is_dir():
            shutil.rmtree(self.scores)
        else:
            self.scores.unlink(missing_ok=True)
        record.unlink()

    @contextmanager
    def _open_lines(self) -> Iterator[IO[bytes]]:
        """Open the lines on their way, empty and held; they are gone in the end."""
        self._lines.parent.mkdir(parents=True, exist_ok=True)
        with self._lines.open("ab") as lines:
            hold(lines)
            try:
                lines.truncate(0)
                yield lines
            finally:
                self._lines.unlink()


def _stored(path: Path) -> Iterator[Any]:
    """Yield the cuts of a finished manifest; of a Shar directory, without their audio."""
    files = sorted(path.glob("cuts.*")) if path.is_dir() else [path]
    for file in files:
        yield from LinesLayout(file).cuts(0)


def _task(
    scorer: EvidenceScorer, trust: Trust, options: Options, manifest: Layout
) -> dict[str, Any]:
    """Return all that the output depends on, as JSON values."""
    task = {
        "scorer": scorer.identity,
        "trust": trust.as_json(),
        "field": options.field,
        "overwrite": options.overwrite,
        "input": manifest.identity(),
    }
    return json.loads(json.dumps(task, default=str))  # type: ignore[no-any-return]
