"""Labels from a model for turns without a label, where the model can be trusted.

There are two steps. First, every turn without a label is scored, as in `annotate_cuts`, and the
evidence is written next to it. Then the turns are judged: one pass counts them and fills the
quotas, and a second pass writes. Existing labels are ignored.

Confident labels of one model train the next: Xie et al., "Self-training with Noisy Student
improves ImageNet classification" (2020). emotion2vec+ was trained this way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import LabelSet, Options, Permissions, Scorer, check_sources
from emo2vec_plugins.errors import LabelError, OptionsError, warn
from emo2vec_plugins.integrations import PSEUDO, field_names, is_labelled
from emo2vec_plugins.integrations.lhotse import (
    Place,
    annotated_pairs,
    enriched,
    places,
    turn_name,
)
from emo2vec_plugins.training.pseudo_label.evidence import (
    EvidenceScorer,
    evidence_in,
    evidence_plugins,
    note_names,
    seconds_within,
)
from emo2vec_plugins.training.pseudo_label.report import Outcomes, Report
from emo2vec_plugins.training.pseudo_label.selection import Judge, Selection, verdict
from emo2vec_plugins.training.pseudo_label.trust import Evidence, Trust

if TYPE_CHECKING:
    from lhotse import CutSet
    from lhotse.cut import Cut


def pseudo_label(
    cuts: Iterable[Cut],
    *,
    score: Scorer,
    second: Scorer | None = None,
    trust: Trust | None = None,
    field: str = "emotion",
    overwrite: bool = False,
    permissions: Permissions | None = None,
) -> tuple[CutSet, Report]:
    """Return copies of all cuts, in order, with labels where the model can be trusted.

    An accepted turn has the label in *field* and ``pseudo`` in ``FIELD_source``. A rejected turn
    has None in *field* and the reason in ``FIELD_rejected``; the prediction stays in
    ``FIELD_scores``. A turn with a label is not scored, and gets only its missing fields.

    All cuts are kept in memory; `pseudo_label_manifest` streams from file to file.

    Args:
        cuts: A ``CutSet`` or any iterable of cuts.
        score: The model that gives labels: an `Engine`, with ``granularity="frame"`` if *trust*
            uses windows.
        second: A model that must predict the same label. Only classes that both models have are
            compared.
        trust: The criteria. The default is ``Trust()``.
        field: Field with the labels, and prefix of the other fields.
        overwrite: Also judge turns that have a label. They lose it if they are rejected, and keep
            it if they could not be scored.
        permissions: What reading the audio may do; by default, read local files.

    Raises:
        LabelError: If there are no cuts, a model has no classes, or two models share fewer than
            two.
        OptionsError: If *trust* uses windows and the engine does not keep frames.
    """
    from lhotse import CutSet

    check_sources(cuts)
    allowed = asdict(permissions or Permissions())
    options = Options(field=field, overwrite=overwrite, **allowed)
    judgement = Judgement(score, second, trust or Trust(), options)
    pairs = annotated_pairs(
        cuts, score=judgement.scorer, options=options, plugins=evidence_plugins()
    )
    scored = [after for _, after in pairs]  # a list, as it is read twice: to choose and to label
    report = judgement.survey(scored)
    return CutSet.from_cuts(judgement.applied(scored)), report


class Judgement:
    """The second step: reads cuts with evidence once to choose turns, and again to label them.

    Args:
        score: The model that gives labels.
        second: The model that must agree.
        trust: The criteria.
        options: The field, and whether labels are replaced.

    Attributes:
        scorer: Collects the evidence in the first step.

    Raises:
        LabelError, OptionsError: As `check_models` does.
    """

    def __init__(
        self, score: Scorer, second: Scorer | None, trust: Trust, options: Options
    ) -> None:
        self._compared_on = check_models(score, second, trust)
        self.scorer = EvidenceScorer(score, second=second, window=trust.window)
        self._trust = trust
        self._options = options
        self._selection: Selection | None = None

    def survey(self, cuts: Iterable[Any]) -> Report:
        """Read all turns, choose those that get a label, and return the report.

        Raises:
            LabelError: If there are no cuts.
        """
        judge, outcomes, prefix = Judge(self._trust), Outcomes(), self._options.field
        for cut in cuts:
            outcomes.cuts += 1
            for place, own, evidence in self._turns(cut):
                custom = own.custom or {}
                if evidence is not None:
                    judge.add(evidence)
                elif is_labelled(custom, self._options):
                    outcomes.keep(custom, prefix)
                else:
                    reason = custom.get(f"{prefix}_reason") or "the model gave no label"
                    outcomes.fail(turn_name(cut, place, own), reason)
        if not outcomes.cuts:
            raise LabelError("there are no cuts")
        self._selection = judge.choose()
        return outcomes.report(
            self._selection,
            trust=self._trust.as_json(),
            prefix=prefix,
            models=self.scorer.identity,
            compared_on=self._compared_on,
        )

    def applied(self, cuts: Iterable[Any]) -> Iterator[Any]:
        """Yield a labelled copy of each cut.

        Args:
            cuts: The cuts that `survey` read, in the same order.
        """
        if self._selection is None:
            raise OptionsError("call survey() before applied()")
        # One value for each turn with evidence, in the order of the survey.
        chosen = iter(self._selection.chosen.tolist())
        for cut in cuts:
            fields = {
                place: self._completed(own.custom or {})
                if evidence is None
                else self._judged(own.custom, evidence, is_chosen=next(chosen))
                for place, own, evidence in self._turns(cut)
            }
            yield enriched(cut, fields, self._options)

    def _turns(self, cut: Any) -> Iterator[tuple[Place, Any, Evidence | None]]:
        """Yield every turn with its evidence, or with None if it must not be judged."""
        lengths = seconds_within(cut)
        for place, own in places(cut).items():
            evidence = evidence_in(
                own.custom or {},
                self._options.field,
                duration=lengths[place],
                temperature=self._trust.temperature,
                has_second=self.scorer.has_second,
            )
            yield place, own, evidence

    def _judged(
        self, custom: Mapping[str, Any], evidence: Evidence, *, is_chosen: bool
    ) -> dict[str, Any]:
        prefix = self._options.field
        caps = self._selection.caps if self._selection else {}
        reason = verdict(evidence, self._trust, is_chosen=is_chosen, caps=caps)
        # Pass all of our fields again: a new label removes any that are missing.
        ours = field_names(self._options) | note_names(self._options)
        return {name: value for name, value in custom.items() if name in ours} | {
            prefix: evidence.label if is_chosen else None,
            f"{prefix}_score": evidence.confidence if is_chosen else None,
            f"{prefix}_scores": dict(evidence.scores),
            f"{prefix}_source": PSEUDO if is_chosen else None,
            f"{prefix}_rejected": reason or None,
        }

    def _completed(self, custom: Mapping[str, Any]) -> dict[str, Any]:
        """Return the missing fields of a turn without evidence, all None."""
        # A labelled turn that could not be scored again keeps the notes of its earlier run.
        keeps = is_labelled(custom, replace(self._options, overwrite=False))
        return {name: None for name in note_names(self._options) if not (keeps and name in custom)}


def check_models(score: Any, second: Any, trust: Trust) -> list[str] | None:
    """Return the classes on which two models are compared.

    Warns if the models have different classes, and if both are the same model.

    Returns:
        None if there is no second model, or if the classes of one are unknown.

    Raises:
        LabelError: If a model has no classes, the first lacks an accepted label, or the models
            share fewer than two classes.
        OptionsError: If *trust* uses windows and the first model does not keep frames.
    """
    names = _classes_of(score, "the model")
    if trust.window is not None and getattr(score, "granularity", "frame") != "frame":
        raise OptionsError("windows need frame logits; use Engine(..., granularity='frame')")
    if names and trust.accepted_labels is not None:
        score.labels.restrict(trust.accepted_labels)  # raises if the model has no such class
    if second is None:
        return None
    others = _classes_of(second, "the second model")
    first, other = (getattr(each, "backend", None) for each in (score, second))
    if first and other and first.provenance == other.provenance:
        warn("both models are the same, so they always agree; the second one has no effect")
    if names is None or others is None:  # a scorer need not declare its classes
        return None
    shared = [name for name in names if name in others]
    if len(shared) < 2:
        theirs = f"the first has {', '.join(names)}, the second {', '.join(others)}"
        raise LabelError(f"the two models must share at least two classes; {theirs}")
    lost = ", ".join(name for name in names if name not in others)
    rejected = f"the second model has no class {lost}, so all such turns are rejected; "
    if lost or len(shared) < len(others):
        warn(f"{rejected if lost else ''}the models are compared on {', '.join(shared)}")
    return shared


def _classes_of(score: Any, who: str) -> tuple[str, ...] | None:
    labels = getattr(score, "labels", None)
    if not isinstance(labels, LabelSet):
        return None
    if not labels.names:
        raise LabelError(f"{who} has no classes; it only computes embeddings")
    return labels.names
