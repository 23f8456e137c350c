"""Description of the machine, and the versions of installed libraries."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from emo2vec_plugins._version import __version__
from emo2vec_plugins.engine import cores

CPU_INFO = Path("/proc/cpuinfo")

FLAGS = (
    *("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_bf16", "amx_int8", "asimd", "asimddp", "bf16", "i8mm", "sve"),
)
"""CPU features that determine the speed of matrix products."""

LIBRARIES = (
    *("torch", "torchaudio", "numpy", "onnxruntime", "openvino", "funasr", "transformers"),
    "lhotse",
)


def describe(device: str) -> dict[str, Any]:
    """Describe this machine and *device*, as JSON values."""
    name, flags = _cpu(CPU_INFO.read_text("utf-8") if CPU_INFO.exists() else "")
    return {
        "cpu": name or platform.processor() or platform.machine(),
        "cores": cores(),
        "flags": flags,
        "memory": _memory(),
        "device": device,
        "gpu": torch.cuda.get_device_name(device) if device.startswith("cuda") else None,
        "system": platform.platform(),
    }


def load() -> float | None:
    """Return the load average of the last minute (runnable threads); None if unknown."""
    with suppress(AttributeError, OSError):  # not a POSIX system
        return round(os.getloadavg()[0], 2)
    return None


def versions() -> dict[str, str]:
    """Return the versions of Python, this package and the installed libraries."""
    found = {"python": platform.python_version(), "emo2vec-plugins": __version__}
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found


def _cpu(info: str) -> tuple[str, list[str]]:
    # The fields of the first core are used.
    pairs = [line.partition(":") for line in reversed(info.splitlines())]
    fields = {name.strip(): value.strip() for name, colon, value in pairs if colon}
    # ARM names the field "Features".
    has = set((fields.get("flags") or fields.get("Features") or "").split())
    return fields.get("model name", ""), [flag for flag in FLAGS if flag in has]


def _memory() -> int | None:
    with suppress(AttributeError, ValueError, OSError):  # not a POSIX system
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None
