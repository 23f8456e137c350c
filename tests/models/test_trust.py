"""How far a model can be trusted: from its card, or built in for published models."""

from __future__ import annotations

import os

import pytest
from support.facts import assert_facts
from support.reference import SMALL, save_reference

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.models.published import PUBLISHED
from emo2vec_plugins.models.trust import MOST_TRUST, as_trust, trust_in_card, trust_of

NINE = tuple("abcdefghi")


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (
            b"# m\n\n**Trust:** for calls in German\n\n**Trust:** all speech\n",
            "for calls in German",
        ),
        (b"\xef\xbb\xbf**Trust:**  a demo \r\nmore\r\n", "a demo"),
        ("**Trust:** für Anrufe".encode("utf-16"), "für Anrufe"),
        (b"# m\nmore text **Trust:** inside\n", None),
        (b"**Trust:**\n\n**Trust:** the first text wins\n", "the first text wins"),
        (b"```\n**Trust:** an example\n```\n**Trust:** a demo\n", "a demo"),
        (b"~~~\n**Trust:** an example without an end\n", None),
        (b"**Trust:** good\x1b[2J\n", None),
        ("**Trust:** good\u202e doog\n".encode(), None),
        (b"**Trust:** \xff\n", None),
        (b"**Trust:** a\0b\n", None),
        (b"", None),
        (b"**Trust:** a\n" + b"x" * (2 << 20), None),
    ],
)
def test_the_first_line_of_a_card_counts_if_it_can_be_shown(tmp_path, card, expected):
    path = tmp_path / "README.md"
    path.write_bytes(card)

    assert trust_in_card(path) == expected


def test_a_long_text_is_shortened():
    assert len(as_trust("x" * 10_000)) <= MOST_TRUST + 3


def test_nothing_is_claimed_without_a_card(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    for name in ("missing", "folder", "pipe"):
        assert trust_in_card(tmp_path / name) is None


def test_a_folder_says_what_its_card_says(tmp_path):
    save_reference(tmp_path / "m", SMALL)
    without = load_model(tmp_path / "m", device="cpu")
    (tmp_path / "m" / "README.md").write_text("**Trust:** for calls\n")

    assert without.provenance.trust is None
    assert load_model(tmp_path / "m", device="cpu").provenance.trust == "for calls"


def test_a_card_wins_over_what_is_known_of_a_published_model(tmp_path):
    name = "emotion2vec/emotion2vec_plus_base"

    assert_facts(
        trust_of(tmp_path, name, NINE), "9 classes", "arXiv:2312.15185", "emo2vec evaluate"
    )
    (tmp_path / "README.md").write_text("**Trust:** tuned to calls\n")
    assert trust_of(tmp_path, name, NINE) == "tuned to calls"


def test_published_models_are_known_by_their_names_and_classes(tmp_path):
    for name in PUBLISHED:
        tokens = () if name == "emotion2vec_base" else NINE
        known = [trust_of(tmp_path, f"{owner}{name}", tokens) for owner in ("", "iic/")]
        assert known[0] == known[1] is not None
        assert (
            trust_of(tmp_path, name, NINE[:4]) is None
        )  # a folder of this name, trained by others
    for name in ("mine", "somebody/emotion2vec_plus_large", "tiny", ""):
        assert trust_of(tmp_path, name, NINE) is None


def test_the_embedded_model_is_for_trying_out():
    tiny = load_model("tiny", device="cpu")

    assert_facts(tiny.provenance.trust, "4 classes", "not reliable")


def test_a_folder_named_tiny_is_not_the_embedded_model(tmp_path):
    save_reference(tmp_path / "tiny", SMALL)

    assert load_model(tmp_path / "tiny", device="cpu").provenance.trust is None


def test_a_graph_says_what_its_model_says(tmp_path):
    pytest.importorskip("onnxruntime")
    save_reference(tmp_path / "m", SMALL)
    (tmp_path / "m" / "README.md").write_text("**Trust:** for calls\n")

    assert load_model(f"onnx:{tmp_path / 'm'}").provenance.trust == "for calls"


def test_runs_are_continued_after_a_change_of_the_card(tmp_path):
    save_reference(tmp_path / "m", SMALL)
    before = Engine(load_model(tmp_path / "m", device="cpu"))
    (tmp_path / "m" / "README.md").write_text("**Trust:** for calls\n")
    after = Engine(load_model(tmp_path / "m", device="cpu"))

    assert before.identity == after.identity
    assert before.backend.provenance == after.backend.provenance
