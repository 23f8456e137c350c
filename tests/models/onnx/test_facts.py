"""The metadata of exported files, which others may have changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import ExportError
from emo2vec_plugins.models.onnx.export import FACTS, read_facts

WHOLE = {
    "width": 4,
    "normalize": True,
    "dtype": "float32",
    "provenance": {"model": "m", "tokens": ["angry", "sad"]},
}


def read(**changed):
    return read_facts({FACTS: json.dumps(WHOLE | changed)}, Path("m.onnx"))


def test_whole_metadata_is_read():
    assert read()["provenance"].tokens == ("angry", "sad")


@pytest.mark.parametrize(
    "tokens", [["angry", "angry"], ["angry", ""], ["生气"], [1], "angry", None]
)
def test_classes_that_are_no_labels_are_refused_with_the_file(tokens):
    with pytest.raises(ExportError) as caught:
        read(provenance={"model": "m", "tokens": tokens})

    assert_facts(str(caught.value), "m.onnx")
