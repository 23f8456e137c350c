"""The table in docs/formats.md matches the formats' declarations."""

from __future__ import annotations

from support.paths import ROOT

from emo2vec_plugins import Plugins
from emo2vec_plugins.formats.fidelity import FIELDS

COLUMNS = {
    "several": "several",
    "order": "order",
    "recording": "name",
    "audio": "audio",
    "recording_duration": "length",
    "speaker": "speaker",
    "channel": "channel",
    "label": "label",
    "score": "score",
    "scores": "scores",
    "logits": "logits",
    "flags": "flags",
    "reason": "reason",
    "duration": "seconds",
    "overlap_ratio": "overlap",
    "doubt": "doubt",
    "provenance": "model",
    "reviewed": "marks",
}
TIMES = {0: "exact", 1_000: "1 ms", 1_000_000: "1 µs", 1_000_000_000: "1 ns"}


def table() -> str:
    formats = Plugins(installed=False).formats().values()
    rows = [
        ["name", "file names end in", "times", *COLUMNS.values()],
        ["---"] * (len(COLUMNS) + 3),
        *(
            [
                f"`{each.name}`",
                " ".join(f"`{suffix}`" for suffix in each.suffixes),
                TIMES[each.ticks],
                *("✓" if name in each.holds else "" for name in COLUMNS),
            ]
            for each in formats
        ),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def test_every_field_has_a_column():
    assert FIELDS.keys() - {"empty"} == COLUMNS.keys()


def test_the_table_lists_the_declared_fields():
    page = (ROOT / "docs" / "formats.md").read_text("utf-8")
    shown = page.partition("/test_formats_page.py -->\n\n")[2].partition("\n<!-- end")[0]

    assert shown == table()
