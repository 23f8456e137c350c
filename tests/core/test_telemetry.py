"""Libraries that report their use to their makers do not, unless the user asked for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from emo2vec_plugins.core.telemetry import VARIABLES

IMPORTED = """
import json, os, sys
from emo2vec_plugins.core import import_extra
if sys.argv[1] == "early":
    import openvino_telemetry
import_extra("openvino", extra="openvino")
from openvino.tools.ovc import telemetry_utils
found = {name: os.environ[name] for name in sys.argv[2:]}
print(json.dumps([telemetry_utils.tm.__name__, "openvino_telemetry" in sys.modules, found]))
"""


def imported(home, *arguments, **environment):
    """Return which module reports the import of OpenVINO, whether it is loaded, and the variables."""
    others = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORTED, *(arguments or ["late"]), *VARIABLES],
        capture_output=True,
        text=True,
        check=True,
        # In CI, OpenVINO sends nothing.
        env=others | {"HOME": str(home), "LOCALAPPDATA": str(home), "CI": "true"} | environment,
    )
    return json.loads(run.stdout)


def test_telemetry_is_off(tmp_path):
    assert imported(tmp_path) == ["openvino.tools.ovc.telemetry_stub", False, VARIABLES]
    assert list(tmp_path.iterdir()) == []  # OpenVINO writes an identifier of the user


def test_settings_of_the_user_are_kept(tmp_path):
    own = dict.fromkeys(VARIABLES, "own")

    assert imported(tmp_path, **own)[2] == own


@pytest.mark.parametrize(("answer", "module"), [("1", ""), ("0", ".tools.ovc.telemetry_stub")])
def test_the_users_answer_to_openvino_counts(tmp_path, answer, module):
    folder = tmp_path / ("Intel Corporation" if sys.platform == "win32" else "intel")
    folder.mkdir()
    (folder / "openvino_telemetry").write_text(answer)

    assert imported(tmp_path)[0] == f"openvino{module or '_telemetry'}"


def test_a_module_that_the_program_imported_stays(tmp_path):
    assert imported(tmp_path, "early")[:2] == ["openvino_telemetry", True]
