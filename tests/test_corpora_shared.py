"""Recipes on real files: every speaker, sex, language and emotion equals an independent list."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from support.corpora import made, put

SEXES = {"m": "male", "f": "female", "": None}


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def tree(folder: Path, source: Path, *, within: str = "") -> list[dict[str, str]]:
    """Link the files below *source* under the names that their publishers gave them."""
    listed = rows(source / "labels.csv")
    for row in listed:
        path = folder / row["source_path"].removeprefix(within)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(source / row["file"])
    return listed


def found(corpus: str, folder: Path, out: Path) -> dict[str, tuple]:
    """Return what the manifest says about each file."""
    cuts = made(corpus, folder, out=out)
    turns = {cut.recording.sources[0].source: cut.supervisions[0] for cut in cuts}
    return {
        Path(name).relative_to(folder).as_posix(): (
            turn.speaker,
            turn.gender,
            turn.language,
            turn.custom["emotion"],
            turn.custom.get("published_emotion"),
        )
        for name, turn in turns.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("corpus", "source", "within"),
    [
        ("emogator", "emogator", ""),
        ("ravdess", "evaluation_only/ravdess", "ravdess/"),
        ("nemo", "evaluation_only/nemo", ""),
        ("picovoice", "picovoice_wakewords", ""),
        ("mycroft", "mycroft_precise", ""),
    ],
)
def test_a_list_made_by_others_agrees(corpus, source, within, shared, tmp_path):
    folder = tmp_path / "tree"
    listed = tree(folder, shared / "speech" / source, within=within)
    # The table of nEMO; other recipes do not look at it.
    table = [(Path(row["source_path"]).name, row) for row in listed]
    lines = [
        "\t".join([name, row["emotion"], row["text"], row["speaker"][-3:], SEXES[row["sex"]] or ""])
        for name, row in table
    ]
    put(folder / "data.tsv", "\n".join(["file_id\temotion\traw_text\tspeaker_id\tgender", *lines]))

    assert found(corpus, folder, tmp_path / "made.jsonl") == {
        row["source_path"].removeprefix(within): (
            row["speaker"] or f"{corpus}_unknown",
            SEXES[row["sex"]],
            row["language"].partition("-")[0],
            row["emotion2vec_label"] or "neutral",
            row["emotion"] or None,
        )
        for row in listed
        if not row["source_path"].startswith("heysavant/")  # under another licence
    }


def test_a_list_of_emodb_made_by_others_agrees(shared, tmp_path):
    listed = rows(shared / "emodb" / "labels.csv")

    assert found("emodb", shared / "emodb", tmp_path / "made.jsonl") == {
        f"wav/{row['file']}": (
            f"emodb_{row['speaker']}",
            row["sex"],
            "de",
            row["emotion2vec_label"],
            row["emotion"],
        )
        for row in listed
        if row["emotion"] != "boredom"
    }
