"""Names that the field for labels must not have."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.cli_runner import run
from support.facts import assert_facts

from emo2vec_plugins.core import Options
from emo2vec_plugins.core.field_names import OF_LHOTSE, OF_OTHERS, SUFFIXES
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.integrations.fields import ARRAYS, NOTES, PARTS


def test_the_names_are_those_of_lhotses_cuts_and_supervisions():
    from lhotse import MonoCut, MultiCut, SupervisionSegment
    from lhotse.cut import MixedCut, PaddingCut

    kinds = (SupervisionSegment, MonoCut, MultiCut, MixedCut, PaddingCut)
    of_classes = {name for kind in kinds for name in (*dir(kind), *kind.__dataclass_fields__)}

    # Other versions of Lhotse may lack some of them.
    assert {name for name in of_classes if not name.startswith("_")} <= OF_LHOTSE


def test_the_suffixes_are_those_of_the_fields_beside_the_label():
    assert {*PARTS, *ARRAYS, *NOTES, "model"} <= {*SUFFIXES}


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        *((name, [name]) for name in ("id", "start", "text", "speaker", "custom", "end", "trim")),
        *((name, [name]) for name in sorted(OF_OTHERS)),
        ("num", ["'num'", "num_frames"]),
        ("emotion_score", ["'emotion_score'", "'emotion'"]),
        ("my_frames_start", ["'my_frames_start'", "'my'"]),
        ("two words", ["identifier", "'two words'"]),
        ("", ["identifier"]),
        (None, ["identifier", "None"]),
        ("__class__", ["underscore", "'__class__'"]),
        ("_label", ["underscore", "'_label'"]),
    ],
)
def test_a_taken_name_is_refused(field, facts):
    with pytest.raises(OptionsError) as caught:
        Options(field=field)

    assert_facts(str(caught.value), *facts)


@pytest.mark.parametrize("field", ["emotion", "mood", "label", "emotion2", "model", "score"])
def test_other_names_are_free(field):
    assert Options(field=field).field == field


def test_the_command_line_refuses_the_same_names(tmp_path):
    (tmp_path / "cuts.jsonl").write_text("")

    result = run(
        *("cuts", str(tmp_path / "cuts.jsonl"), "-o", str(tmp_path / "out.jsonl")),
        *("--model", "tiny", "--field", "speaker"),
    )

    assert result.exit_code == 1
    assert_facts(result.stderr, "'speaker'", "Lhotse")


def test_the_check_does_not_import_lhotse():
    code = "import sys; from emo2vec_plugins import Options; Options(); assert 'lhotse' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], check=True)
