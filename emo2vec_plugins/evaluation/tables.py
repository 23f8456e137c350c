"""An evaluation as text: columns that line up, in a terminal and in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from emo2vec_plugins.evaluation.results import Calibration, Estimate, Evaluation, TimeWeighted

NONE = "-"
"""Stands for what is not defined."""

INTERVAL = "95 %"
"""Heads the columns of intervals."""


def as_text(evaluation: Evaluation) -> str:
    """Return all of an evaluation as text, without a last newline."""
    parts = [
        _head(evaluation),
        _summary(evaluation),
        _classes(evaluation),
        _confusion(evaluation),
        _lengths(evaluation),
        *([_calibration(evaluation.calibration)] if evaluation.calibration else []),
        *([_time(evaluation.time)] if evaluation.time else []),
        _footnote(evaluation),
    ]
    return "\n\n".join(parts)


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as lines: the first column to the left, all others to the right.

    Columns of intervals are left out where there is not one.

    >>> print(aligned([("", "turns"), ("angry", "12")]))
           turns
    angry     12
    """
    columns = [
        column
        for column in zip(*rows, strict=True)
        if column[0] != INTERVAL or set(column[1:]) != {NONE}
    ]
    cells = list(zip(*columns, strict=True))
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def percent(value: float | None) -> str:
    """Return a share in per cent with one decimal, or a dash."""
    return NONE if value is None else f"{100 * value:.1f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _estimate(estimate: Estimate) -> tuple[str, str]:
    if estimate.low is None or estimate.high is None:
        return percent(estimate.value), NONE
    return percent(estimate.value), f"{percent(estimate.low)} to {percent(estimate.high)}"


def _decimal(estimate: Estimate) -> tuple[str, str]:
    value = NONE if estimate.value is None else f"{estimate.value:.3f}"
    if estimate.low is None or estimate.high is None:
        return value, NONE
    return value, f"{estimate.low:.3f} to {estimate.high:.3f}"


def _head(evaluation: Evaluation) -> str:
    who = "" if evaluation.speakers is None else f" of {_count(evaluation.speakers, 'speaker')}"
    lines = [f"{_count(evaluation.turns, 'turn')}{who}, classes: {', '.join(evaluation.classes)}"]
    if evaluation.unscored:
        fate = "counted as wrong" if evaluation.unscored_as == "wrong" else "left out"
        lines.append(f"{evaluation.unscored} of them without a prediction, {fate}")
    return "\n".join(lines)


def _summary(evaluation: Evaluation) -> str:
    return aligned(
        [
            ("", "%", INTERVAL),
            ("UA, unweighted average recall", *_estimate(evaluation.ua)),
            ("WA, accuracy", *_estimate(evaluation.wa)),
            ("macro F1", *_estimate(evaluation.macro_f1)),
            ("weighted F1", *_estimate(evaluation.weighted_f1)),
        ]
    )


def _classes(evaluation: Evaluation) -> str:
    rows = [
        (
            name,
            str(result.turns),
            *_estimate(result.recall),
            percent(result.precision),
            percent(result.f1),
            str(result.predicted),
        )
        for name, result in evaluation.classes.items()
    ]
    return aligned(
        [("class", "turns", "recall %", INTERVAL, "precision %", "F1 %", "heard"), *rows]
    )


def _confusion(evaluation: Evaluation) -> str:
    matrix = evaluation.confusion
    rows = [
        (name, *map(str, counts)) for name, counts in zip(matrix.rows, matrix.counts, strict=True)
    ]
    return aligned([("true \\ heard", *matrix.columns), *rows])


def _lengths(evaluation: Evaluation) -> str:
    rows = [
        (name, str(result.turns), *_estimate(result.ua), *_estimate(result.wa))
        for name, result in evaluation.lengths.items()
    ]
    return aligned([("turn lasts", "turns", "UA %", INTERVAL, "WA %", INTERVAL), *rows])


def _calibration(calibration: Calibration) -> str:
    before, after = calibration.before, calibration.after
    rows = [
        ("calibration", "ECE", "Brier (0-2)", INTERVAL, "log loss"),
        (
            "scores as they are",
            f"{before.ece:.3f}",
            *_decimal(before.brier),
            _nats(before.log_loss),
        ),
    ]
    if after is not None:
        rows.append(
            ("after temperature", f"{after.ece:.3f}", *_decimal(after.brier), _nats(after.log_loss))
        )
    return f"{aligned(rows)}\n{_how(calibration)}"


def _nats(value: float) -> str:
    return f"{value:.3f}"


def _how(calibration: Calibration) -> str:
    of = f"of {_count(calibration.turns, 'turn')} with scores"
    if calibration.after is None:
        return f"{of}; no temperature: {calibration.reason}"
    low, high = min(calibration.temperatures), max(calibration.temperatures)
    return (
        f"{of}; each turn's T was fitted on other {calibration.by}s in "
        f"{len(calibration.temperatures)} folds, T = {low:.2f} to {high:.2f}"
    )


def _time(time: TimeWeighted) -> str:
    return (
        f"by seconds: {percent(time.error)} % of {time.total:.1f} s are wrong "
        f"({time.confusion:.1f} s another class, {time.missed:.1f} s without prediction) "
        f"in {_count(time.recordings, 'recording')}"
    )


def _footnote(evaluation: Evaluation) -> str:
    if not evaluation.resamples:
        return "no intervals were asked for"
    text = (
        f"95 %: percentiles of {evaluation.resamples} draws of whole {evaluation.resample_by}s, "
        f"seed {evaluation.seed}"
    )
    several = evaluation.speakers is not None and evaluation.speakers < evaluation.turns
    if evaluation.resample_by == "turn" and several:
        text += "; turns of one speaker are alike, so that other speakers may differ by more"
    return text.replace("whole turns", "turns")
