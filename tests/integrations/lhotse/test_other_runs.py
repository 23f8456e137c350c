"""Unfinished files of another kind of run beside an output."""

from __future__ import annotations

import pytest
from support.facts import assert_facts
from support.runs import run

from emo2vec_plugins.errors import ResumeError
from emo2vec_plugins.files import Unfinished


def test_an_unfinished_run_of_another_kind_is_an_error_that_names_its_files(manifest, tmp_path):
    out = tmp_path / "out.jsonl"
    other = Unfinished(out)
    other.start({"store": str(tmp_path / "arrays"), "kind": "score"})
    other.add("ab", b"{}\n", {})
    other.commit({})

    with pytest.raises(ResumeError) as caught:
        run(manifest, out)

    assert_facts(str(caught.value), out, "out.jsonl.part.journal", "kind")
