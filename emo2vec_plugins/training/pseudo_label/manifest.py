"""Pseudo-labels from manifest to manifest, in a run that can be killed and resumed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import Options, Permissions, Scorer
from emo2vec_plugins.errors import LabelError, OptionsError, ResumeError
from emo2vec_plugins.files import Lock, differences, disk, record_path, settings_of
from emo2vec_plugins.integrations import BadItems, field_names, interleaved
from emo2vec_plugins.integrations.lhotse import (
    ENDINGS,
    annotate_manifest,
    digest_of_items,
    digests_of,
    items_in,
    layout,
    read_record,
    recorded,
    remove_record,
    scorable,
    seal,
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
    bad_items: BadItems = "keep",
    permissions: Permissions | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Copy a manifest of cuts and add labels where the model can be trusted.

    Turns get the same fields as from `pseudo_label`. Cuts stream from file to file; eleven bytes
    of memory are used for each turn that is judged. Scores are written to *scores* first. A killed
    run resumes when called again with the same arguments. *target* is complete or absent, and
    ``TARGET.emo2vec.json`` next to it contains the report. If *target* is complete already, the
    call returns its report and does nothing else. If lines of *source* have changed since, *target*
    is written again.

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
        bad_items: What to do with a line that is not a cut: ``keep`` writes it unchanged, ``drop``
            leaves it out, ``stop`` raises its error.
        permissions: What reading the audio may do; by default, read local files.
        progress: Called with the number of cuts scored since the last call.

    Raises:
        LabelError: If there are no cuts, a model has no classes, or two models share fewer than
            two.
        OptionsError: If two of the paths are the same, or *trust* uses windows and the engine does
            not keep frames.
        FormatError: If a manifest is of another kind, or, for ``stop``, a line is not a cut.
        ResumeError: If *target* or *scores* exists and comes from a different run.
        OSError: If a file cannot be written; the run can be resumed.
    """
    files = _Files(Path(source), Path(target), None if scores is None else Path(scores))
    allowed = asdict(permissions or Permissions())
    options = Options(field=field, overwrite=overwrite, **allowed)
    criteria = trust or Trust()
    judgement = Judgement(score, second, criteria, options)
    fields = field_names(options) | note_names(options)
    manifest = layout(files.source, files.target, fields=fields, bad_items=bad_items)
    task = settings_of(
        scorer=judgement.scorer.identity,
        trust=criteria.as_json(),
        field=field,
        overwrite=overwrite,
        allow=sorted(options.allow),
        root=None if options.root is None else os.path.realpath(options.root),
        bad_items=bad_items,
        input=manifest.identity(),
    )
    items = digest_of_items(manifest)
    # Before scoring, because the scores of a finished run may have been removed.
    finished = recorded(files.target, task=task)
    if finished is not None and finished.get("items") == items:
        files.clear_up()
        return replace(Report.from_json(finished["report"]), was_finished=True)
    files.check_scores(task["scorer"])
    scored = annotate_manifest(
        files.source,
        files.scores,
        score=judgement.scorer,
        options=options,
        plugins=evidence_plugins(),
        bad_items=bad_items,
        progress=progress,
    )
    try:
        report = judgement.survey(
            item.cut for item in items_in(files.scores) if item.cut is not None
        )
    except LabelError as error:
        files.clear_up()
        raise LabelError(f"{files.source}: {error}") from error
    report = replace(report, bad=scored.bad, bad_items=list(scored.bad_items))
    files.write(judgement, task=task, items=items, report=report)
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
        record = read_record(self.scores) if self.scores.exists() else None
        if self._is_temporary or record is None:
            return
        then = record["task"]["scorer"]
        if then != scorer:
            changed = differences({"scorer": then}, {"scorer": scorer})
            raise ResumeError(
                f"{self.scores} has other scores: {changed}. Scores depend on the models and on "
                "--windows; to keep these, use another file for the new ones (--scores)"
            )

    def write(
        self, judgement: Judgement, *, task: dict[str, Any], items: str, report: Report
    ) -> None:
        """Write the labelled cuts and the report. Lines that are not cuts stay as they are."""
        scored = layout(self.scores, self.target, fields=())
        judged = interleaved(items_in(self.scores), judgement.applied, source_of=scorable)
        lines = (scored.line_of(item, cut, "keep")[0] for item, cut in judged)
        results: dict[str, Any] = {"report": report.as_json(), "items": items}
        with Lock(self.target):
            # First, so that an output that exists can be recognised as complete.
            if not self.target.exists():
                write_record(self.target, task=task, **results)
            seal(scored, lines, self.target)
            write_record(self.target, task=task, **results, output=digests_of(self.target))

    def clear_up(self) -> None:
        """Remove temporary scores; a file without a record is left alone."""
        if self._is_temporary and record_path(self.scores).is_file():
            if self.scores.is_dir():
                disk.remove_tree(self.scores)
            elif self.scores.exists():
                disk.unlink(self.scores)
            remove_record(self.scores)
