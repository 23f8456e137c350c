"""No telemetry of the libraries that this package imports, unless the user asked for it.

pyannote.audio, ONNX Runtime and OpenVINO report their use to their makers by default. pyannote.audio
also imports ONNX Runtime, through Lightning. All of them read these settings when they are imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLES = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "PYANNOTE_METRICS_ENABLED": "false",
}
"""Environment variables that switch telemetry off, with their values."""

OPENVINO = "openvino_telemetry"
"""The module that reports the import of OpenVINO. No variable switches it off."""


def switch_off_telemetry() -> None:
    """Set `VARIABLES`, except those that the user has set."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)


@contextmanager
def without_telemetry() -> Iterator[None]:
    """Switch telemetry off for libraries that are imported in the block."""
    switch_off_telemetry()
    if OPENVINO in sys.modules or _agreed_with_openvino():
        yield
        return
    # OpenVINO works without this module: it is a package of its own.
    sys.modules[OPENVINO] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.modules.pop(OPENVINO, None)


def _agreed_with_openvino() -> bool:
    """Return whether the user ran ``opt_in_out --opt_in``, which writes a file with a 1."""
    try:
        if sys.platform == "win32":
            folder = Path(os.environ["LOCALAPPDATA"]) / "Intel Corporation"
        else:
            folder = Path.home() / "intel"
        return (folder / OPENVINO).read_bytes().strip() == b"1"
    except (OSError, KeyError, RuntimeError):  # RuntimeError: there is no home
        return False
