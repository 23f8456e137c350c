"""HTML of emotions, turns and dialogues for notebooks.

Text from files is escaped. The HTML loads nothing and runs nothing, and its styles and names do not
affect other cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from emo2vec_plugins.core import Dialogue, Emotion, ScoredTurn, counted
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.report.layout import extent
from emo2vec_plugins.report.notebook_timeline import style_of, svg_timeline
from emo2vec_plugins.report.style import HOUR, clock, palette, shown, why_unlabelled
from emo2vec_plugins.report.summary import SpeakerSummary, placeholders, summarise

MOST_ROWS = 20
"""Maximum number of speakers in the table, those who talk first."""

_MOST_LABELS = 12  # maximum in the legend and in a row of the table


def notebook_html(value: Dialogue | ScoredTurn | Emotion) -> str:
    """Return a value as HTML for a notebook.

    A dialogue has a timeline and a table of speakers; a turn has its time, speaker and emotion; an
    emotion has a bar for the probability of each class.
    """
    if isinstance(value, Dialogue):
        return _dialogue(value)
    return _scored(value) if isinstance(value, ScoredTurn) else _box(_emotion(value))


def _dialogue(dialogue: Dialogue) -> str:
    colours = palette(each.emotion.label for each in dialogue.turns)
    speakers = summarise(dialogue)
    return _box(
        _heading(dialogue, len(speakers)),
        *(_timeline(dialogue, colours) if dialogue.turns else ()),
        *([_table(speakers, colours)] if speakers else ()),
    )


def _scored(scored: ScoredTurn) -> str:
    turn = scored.turn
    hours = max(abs(turn.start), abs(turn.end)) >= HOUR
    start, end = (clock(each, hours=hours, digits=2) for each in (turn.start, turn.end))
    when = f"{start} to {end} ({turn.duration:.2f} s)"
    return _box(f"<div>{_name(turn.speaker)}, {when}</div>", _emotion(scored.emotion))


def _box(*parts: str) -> str:
    return (
        '<div style="font-family:sans-serif;font-size:13px;line-height:1.5;max-width:960px">'
        f"{''.join(parts)}</div>"
    )


def _heading(dialogue: Dialogue, speakers: int) -> str:
    parts = [counted(len(dialogue.turns), "turn"), counted(speakers, "speaker")]
    parts += [f"{number:,} {name}" for name, number in placeholders(dialogue).items()]
    if dialogue.duration is not None:
        parts.append(clock(dialogue.duration, hours=dialogue.duration >= HOUR))
    return f"<div><b>{_name(dialogue.recording)}</b>: {', '.join(parts)}</div>"


def _timeline(dialogue: Dialogue, colours: Mapping[str, str]) -> Iterable[str]:
    try:
        start, end = extent(dialogue)
    except OptionsError as error:
        return [_note(str(error))]
    drawn = svg_timeline(dialogue, start, end)
    parts = [drawn.svg, _key(dialogue, colours)]
    if drawn.narrow:
        narrow = f"{counted(drawn.narrow, 'turn')} narrower than a pixel"
        parts.append(_note(f"{narrow}; each pixel shows its longest emotion"))
    if drawn.without_lane:
        parts.append(_note(f"{counted(drawn.without_lane, 'more speaker')} not shown"))
    return parts


def _key(dialogue: Dialogue, colours: Mapping[str, str]) -> str:
    keys: list[tuple[str | None, str]] = [(x, _name(x)) for x in list(colours)[:_MOST_LABELS]]
    keys += [(None, text) for text in placeholders(dialogue)]
    more = len(colours) - _MOST_LABELS
    swatches = [f'<path {style_of(name, 1.0, colours)} d="M1 1h10v10h-10z"/>' for name, _ in keys]
    items = [
        f'<span style="white-space:nowrap;margin-right:14px">{_inline(12, swatch)} {text}</span>'
        for (_, text), swatch in zip(keys, swatches, strict=True)
    ]
    items += [f"<span>and {counted(more, 'more label')}</span>"] * (more > 0)
    return f'<div style="margin:2px 0 8px 0">{"".join(items)}</div>'


def _inline(width: int, paths: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="12" '
        f'style="vertical-align:-1px;display:inline">{paths}</svg>'
    )


def _table(speakers: list[SpeakerSummary], colours: Mapping[str, str]) -> str:
    hours = any(each.seconds >= HOUR for each in speakers)
    head = "".join(
        f'<th style="{_CELL};white-space:nowrap;text-align:{side}">{name}</th>'
        for name, side in _COLUMNS.items()
    )
    rows = "".join(_row(each, colours, hours=hours) for each in speakers[:MOST_ROWS])
    table = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    rest = speakers[MOST_ROWS:]
    turns = counted(sum(each.turns for each in rest), "turn")
    more = _note(f"and {counted(len(rest), 'more speaker')} with {turns}") if rest else ""
    return f'<table style="{_TABLE}">{table}</table>{more}'


_COLUMNS = {
    "speaker": "left",
    **dict.fromkeys(("talk time", "turns", "no label", "changes", "mean score"), "right"),
    **dict.fromkeys(("share of talk time", ""), "left"),
}
_TABLE = "border-collapse:collapse;margin:0;font-size:13px;line-height:1.5;color:inherit"
_CELL = "padding:2px 10px 2px 0;border:none;font-variant-numeric:tabular-nums;vertical-align:top"


def _row(summary: SpeakerSummary, colours: Mapping[str, str], *, hours: bool) -> str:
    numbers = (
        clock(summary.seconds, hours=hours),
        f"{summary.turns:,}",
        f"{summary.unscored:,}",
        f"{summary.changes:,}",
        "" if summary.score is None else f"{summary.score:.2f}",
    )
    right = "".join(f'<td style="{_CELL};text-align:right">{each}</td>' for each in numbers)
    left = f'<td style="{_CELL};text-align:left'
    bar = _bar([(colours[label], share) for label, share in summary.shares.items()])
    return (
        f'<tr>{left};white-space:nowrap">{_name(summary.speaker, most=30)}</td>{right}'
        f'{left}">{bar}</td>{left}">{_shares(summary)}</td></tr>'
    )


def _shares(summary: SpeakerSummary) -> str:
    shares = list(summary.shares.items())
    words = [f"{_name(label)} {share:.0%}" for label, share in shares[:_MOST_LABELS]]
    rest = shares[_MOST_LABELS:]
    if rest:
        words.append(f"{counted(len(rest), 'more label')} {sum(s for _, s in rest):.0%}")
    if summary.unscored:
        words.append(f"no label {summary.unscored_share:.0%}")
    return ", ".join(words)


def _bar(parts: Iterable[tuple[str, float]]) -> str:
    """Return a bar of adjacent shares; the remainder to 1 stays empty."""
    width, x, paths = 120, 0.0, []
    for colour, share in parts:
        paths.append(f'<path fill="{colour}" d="M{x:.1f} 1h{share * width:.1f}v10H{x:.1f}z"/>')
        x += share * width
    back = f'<path fill="currentColor" fill-opacity="0.1" d="M0 1h{width}v10H0z"/>'
    return _inline(width, back + "".join(paths))


def _emotion(emotion: Emotion) -> str:
    ordered = sorted(emotion.scores.items(), key=lambda item: -item[1])
    colours = palette([emotion.label, *emotion.scores])
    if not ordered:
        return _label_line(emotion)
    # A NaN score has an empty bar: max returns its first argument, 0.
    rows = "".join(
        f'<tr><td style="{_CELL};text-align:left">{_name(label)}</td>'
        f'<td style="{_CELL}">{_bar([(colours[label], min(max(0.0, score), 1.0))])}</td>'
        f'<td style="{_CELL};text-align:right">{score:.3f}</td></tr>'
        for label, score in ordered
    )
    return f'{_label_line(emotion)}<table style="{_TABLE}"><tbody>{rows}</tbody></table>'


def _label_line(emotion: Emotion) -> str:
    if emotion.label is None:
        head = _name(why_unlabelled(emotion), most=300)
    else:
        score = "" if emotion.score is None else f" {emotion.score:.2f}"
        head = f"<b>{_name(emotion.label)}</b>{score}"
    flags = f" ({', '.join(map(_name, emotion.flags))})" if emotion.flags else ""
    return f"<div>{head}{flags}</div>"


def _note(text: str) -> str:
    return f'<div style="opacity:0.75">{escape(text)}</div>'


def _name(name: str | None, *, most: int = 100) -> str:
    """Return a name; a long one is shortened, with a tooltip."""
    text, short = shown(name), shown(name, most=most)
    title = "" if text == short else f' title="{escape(text)}"'
    # Isolated, so that a right-to-left name does not reverse the text beside it.
    return f"<bdi{title}>{escape(short)}</bdi>"
