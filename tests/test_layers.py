"""Imports point one way, and each module says what it is for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import emo2vec_plugins

PACKAGE = Path(emo2vec_plugins.__file__).parent
NAME = "emo2vec_plugins"

# Each layer may import those below it, and nothing of its own layer but what stands before it.
LAYERS = (
    ("errors", "ahead", "whole_files"),
    ("labels", "dialogue", "labelled", "spilling"),
    ("windows", "packing"),
    ("audio_files", "audio", "turn_audio"),
    ("session", "overlap", "backend", "pieces"),
    ("formats", "hookspecs"),
    ("plugins",),
    ("pipeline", "loading", "reading", "merging", "engine", "selfcheck", "testing"),
)
RANK = {
    name: (rank, place) for rank, layer in enumerate(LAYERS) for place, name in enumerate(layer)
}
MODEL = {
    "errors",
    "labels",
    "dialogue",
    "backend",
    "pieces",
    "packing",
    "windows",
    "hookspecs",
    "audio",
    "turn_audio",
}
TOOLS = {"evaluation", "training", "bench", "review", "report"}
CORE = {name for layer in LAYERS for name in layer} - {"selfcheck", "testing"}
HEAVY = {
    *("torch", "torchaudio", "lhotse", "pyannote", "funasr", "modelscope", "transformers"),
    *("onnx", "onnxruntime", "openvino"),
    *("audformat", "datasets", "pandas", "pyarrow"),
}

# Modules that are imported only where their library is there; the first match counts.
LAZY = {
    "graph/export": {"torch"},
    "graph/network": {"torch"},
    "model/attention": {"torch"},
    "model/network": {"torch"},
    "model/torch_backend": {"torch"},
    "model/transfer": {"torch"},
    "model/upload": {"torch"},
    "model/checkpoint": {"torch"},
    "model/pickles": {"torch"},
    "integrations/pyannote_audio": {"torch", "pyannote"},
    "integrations/pyannote_pipeline": {"torch", "pyannote"},
    "integrations/lhotse_cuts": set(),
    "integrations/lhotse_": {"torch", "lhotse"},
    "training/": {"torch", "torchaudio", "lhotse"},
    "evaluation/": {"lhotse", "pyannote"},
    "bench/": {"torch"},
}


def modules():
    return sorted(path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))


def imports_of(path):
    """Give every module that a file imports from, at any depth, except for type checking."""
    tree = ast.parse((PACKAGE / path).with_suffix(".py").read_text("utf-8"))
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.ImportFrom) and node.module == NAME:
            yield from (f"{NAME}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they point"
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def own(path):
    """Give the part of the package that each of a file's imports belongs to."""
    for name in imports_of(path):
        root, *rest = name.split(".")
        if root == NAME and rest and rest[0] != "__version__":
            yield rest[0]


def test_every_module_has_its_place():
    tops = {path.parts[0] for path in modules()}

    assert tops <= {
        *RANK,
        *(
            "model",
            "graph",
            "formats",
            "integrations",
            "evaluation",
            "training",
            "bench",
            "review",
            "report",
            "cli",
        ),
        *("__init__", "__main__"),
    }


@pytest.mark.parametrize("name", [name for name in RANK if name != "formats"])
def test_the_core_imports_what_lies_below_it(name):
    for other in own(Path(name)):
        assert other in RANK, f"{name} imports {other}"
        assert RANK[other] < RANK[name], f"{name} imports {other}, which lies above it"


def test_the_pipeline_takes_any_scorer():
    assert "engine" not in set(own(Path("pipeline")))


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("model", MODEL | {"model"}),
        (
            "formats",
            {"errors", "labels", "dialogue", "spilling", "whole_files", "formats", "hookspecs"},
        ),
        ("graph", MODEL | {"model", "graph"}),
        ("integrations", CORE | {"model", "graph", "integrations"}),
        ("evaluation", CORE | {"evaluation", "report", "model", "integrations"}),
        ("training", CORE | {"training", "evaluation", "model", "integrations"}),
        ("review", CORE | {"review"}),
        ("report", CORE | {"report"}),
        ("bench", CORE | {"bench", "model", "integrations"}),
        ("cli", CORE | {"cli", "graph", "integrations", *TOOLS, "selfcheck"}),
    ],
)
def test_folders_import_what_lies_below_them(folder, allowed):
    for path in modules():
        if path.parts[0] == folder:
            assert set(own(path)) <= allowed, path


@pytest.mark.parametrize("name", [*RANK, "model"])
def test_plugins_of_the_package_are_named_only_as_strings(name):
    for path in modules():
        if path.parts[0] == name:
            assert not {"graph", "integrations", *TOOLS, "cli"} & set(own(path)), path


@pytest.mark.parametrize("path", modules(), ids=str)
def test_heavy_libraries_are_imported_where_they_are_needed(path):
    tree = ast.parse((PACKAGE / path).with_suffix(".py").read_text("utf-8"))
    found = {
        alias.name.split(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        node.module.split(".")[0]
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
    }
    allowed = next((libs for head, libs in LAZY.items() if path.as_posix().startswith(head)), set())

    assert found & HEAVY <= allowed


@pytest.mark.parametrize("path", modules(), ids=str)
def test_everything_public_is_documented(path):
    tree = ast.parse((PACKAGE / path).with_suffix(".py").read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    outer = [node for node in tree.body if isinstance(node, kinds)]
    inner = [
        node
        for outside in outer
        if isinstance(outside, ast.ClassDef) and not outside.name.startswith("_")
        for node in outside.body
        if isinstance(node, kinds)
    ]
    bare = [
        node.name
        for node in [*outer, *inner]
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]

    assert ast.get_docstring(tree)
    assert bare == []


@pytest.mark.parametrize("path", modules(), ids=str)
def test_nothing_is_printed_asserted_or_caught_blindly(path):
    tree = ast.parse((PACKAGE / path).with_suffix(".py").read_text("utf-8"))

    for node in ast.walk(tree):
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None)
        assert not (isinstance(node, ast.Assert) and path.name != "testing")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "eval", "exec")
