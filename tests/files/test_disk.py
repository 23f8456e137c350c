"""The seam to the disk: all writes of the package go through one module."""

from __future__ import annotations

import ast
from pathlib import Path

import emo2vec_plugins
from emo2vec_plugins.files import disk

PACKAGE = Path(emo2vec_plugins.__file__).parent

METHODS = {
    *("write_text", "write_bytes", "mkdir", "rmdir", "rename", "replace", "unlink", "touch"),
    *("hardlink_to", "symlink_to", "chmod"),
}
FUNCTIONS = {
    *(
        "os.replace",
        "os.rename",
        "os.link",
        "os.symlink",
        "os.truncate",
        "os.ftruncate",
        "os.write",
    ),
    *("os.remove", "os.unlink", "os.rmdir", "os.mkdir", "os.makedirs", "os.fsync", "os.chmod"),
    *("shutil.rmtree", "shutil.copy", "shutil.copy2", "shutil.copyfile", "shutil.move"),
    *("shutil.copytree", "tempfile.TemporaryFile", "tempfile.NamedTemporaryFile"),
    *("tempfile.mkstemp", "tempfile.mkdtemp", "tempfile.TemporaryDirectory", "np.save", "np.savez"),
}
EXCEPTIONS = {
    "bench/command.py: tempfile.TemporaryDirectory": "files that only a benchmark reads",
    "formats/bundle.py: open": "a member of an archive that the seam opened",
    "bench/memory.py: write_text": "/proc/self/clear_refs, which is no file on a disk",
    "bench/remote.py: open": "a log of a benchmark's process, whose descriptor C code needs",
    "cli/streams.py: open": "the null device and copies of the standard streams",
    "integrations/funasr/reference.py: tempfile.TemporaryDirectory": "a folder for FunASR's own files",
    "integrations/huggingface/rows.py: tempfile.TemporaryDirectory": "a folder for parts",
    "integrations/lhotse/store_writers.py: np.save": "writes to a file that the seam opened",
    "models/onnx/plugin.py: tempfile.TemporaryDirectory": "a folder for the exporter's own file",
}
"""Writes that do not go through the seam, and why."""


def written_by(path):
    """Yield the name of each call in a module that changes files by itself."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        owner, _, method = name.rpartition(".")
        if owner == "disk":
            continue
        if name in FUNCTIONS:
            yield name
        elif owner and method in METHODS and is_of_a_path(method, node):
            yield method
        elif method == "open" or name == "open":
            modes = [
                each.value
                for each in (*node.args, *(k.value for k in node.keywords))
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            if owner not in {"disk"} and any(
                set(mode) & set("wax+") for mode in modes if len(mode) < 4
            ):
                yield "open"


def is_of_a_path(method, call):
    """Return whether a call is of a path's method, not of ``str.replace`` or ``Part.rename``."""
    if method in ("replace", "rename"):
        return len(call.args) == 1 and not call.keywords
    return True


def test_all_changes_of_files_go_through_one_module():
    found = {
        f"{path.relative_to(PACKAGE).as_posix()}: {call}"
        for path in PACKAGE.rglob("*.py")
        if path != PACKAGE / "files" / "disk.py"
        for call in written_by(path)
    }
    assert found - EXCEPTIONS.keys() == set()
    assert EXCEPTIONS.keys() - found == set(), "exceptions that are not needed"


def test_every_operation_has_a_function():
    assert all(callable(getattr(disk, name)) for name in disk.OPERATIONS)
