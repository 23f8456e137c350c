"""Label Studio's labelling configuration, and the names that it shares with tasks.

The configuration is XML, whose attributes hold neither control characters nor, for sure, spaces
other than the ordinary one. Names are escaped for it, and in tasks in the same way: Label Studio
knows a label by its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle
from xml.sax.saxutils import escape

from emo2vec_plugins.core import COLOURS, EMOTIONS, Dialogue
from emo2vec_plugins.formats.escaping import Escaping
from emo2vec_plugins.formats.rttm.lines import NOBODY

AUDIO, SPEAKER, EMOTION = "audio", "speaker", "emotion"
"""What the tags of the configuration are called, and so the results of tasks that refer to them."""

SPEAKERS = Escaping(str.isprintable, frozenset({NOBODY}))
CLASSES = Escaping(str.isprintable)

# Paul Tol's muted colours: none is one of a class.
_SPEAKER_COLOURS = (
    *("#332288", "#88ccee", "#44aa99", "#117733", "#999933"),
    *("#ddcc77", "#cc6677", "#882255", "#aa4499"),
)
_NOBODY_COLOUR = "#dddddd"
_MOST_HOTKEYS = 9
_QUOTE = {'"': "&quot;"}


def labelling_config(dialogues: Iterable[Dialogue]) -> str:
    """Return the labelling configuration of a Label Studio project for some dialogues.

    It knows their speakers, ``?`` for nobody, the nine emotions, and others that occur. Keys 1 to
    9 choose an emotion for the region that is selected.
    """
    given = list(dialogues)
    lines = [
        "<View>",
        f'  <Audio name="{AUDIO}" value="$audio" hotkey="space" zoom="true" speed="true"/>',
        '  <Header value="Who speaks?" size="5"/>',
        f'  <Labels name="{SPEAKER}" toName="{AUDIO}" choice="single">',
        *_labels(_speakers(given)),
        "  </Labels>",
        '  <Header value="Which emotion is heard? (select a region)" size="5"/>',
        f'  <Choices name="{EMOTION}" toName="{AUDIO}" perRegion="true" required="true"',
        '           requiredMessage="Choose an emotion for every region" choice="single"',
        '           showInline="true">',
        *_choices(_classes(given)),
        "  </Choices>",
        "</View>",
    ]
    return "".join(f"{line}\n" for line in lines)


def _speakers(dialogues: Iterable[Dialogue]) -> list[str]:
    """Return the speakers' names, each once, in order of first appearance."""
    turns = [scored.turn for dialogue in dialogues for scored in dialogue.turns]
    return list(dict.fromkeys(turn.speaker for turn in turns if turn.speaker is not None))


def _classes(dialogues: Iterable[Dialogue]) -> list[str]:
    """Return the nine emotions and then those that occur beside them."""
    heard = [scored.emotion.label for dialogue in dialogues for scored in dialogue.turns]
    return list(dict.fromkeys([*EMOTIONS, *(label for label in heard if label is not None)]))


def _labels(speakers: Iterable[str]) -> Iterator[str]:
    for name, colour in zip(speakers, cycle(_SPEAKER_COLOURS), strict=False):
        yield f'    <Label value={_attribute(SPEAKERS.escape(name))} background="{colour}"/>'
    yield f'    <Label value="{NOBODY}" background="{_NOBODY_COLOUR}"/>'


def _choices(classes: Iterable[str]) -> Iterator[str]:
    for number, name in enumerate(classes, 1):
        colour = f' background="{COLOURS[name]}"' if name in COLOURS else ""
        hotkey = f' hotkey="{number}"' if number <= _MOST_HOTKEYS else ""
        yield f"    <Choice value={_attribute(CLASSES.escape(name))}{colour}{hotkey}/>"


def _attribute(value: str) -> str:
    return '"' + escape(value, _QUOTE) + '"'
