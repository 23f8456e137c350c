"""The layout of the package: layers, faces (public interfaces of folders), and docstrings."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from support.paths import ROOT, TESTS

import emo2vec_plugins

NAME = "emo2vec_plugins"
PACKAGE = Path(emo2vec_plugins.__file__).parent

ORDER = (
    *("_version", "errors", "core", "files", "audio", "engine", "models", "formats"),
    *("integrations", "integrations.*", "report", "cli"),
    *("evaluation", "training", "review", "bench"),
)
"""The layers, from the bottom up: a folder imports only from lower layers. Hosts share a layer."""

TOP = {NAME, "builtins", "testing", "__main__"}
"""Modules that combine the layers, or that only users import."""

MOST_FACES = 22


def modules():
    """Return the path of every module by its dotted name within the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts) or NAME] = path
    return found


MODULES = modules()


def folder_of(module):
    """Return the folder of a module; a top-level module is its own folder."""
    first, *rest = module.split(".")
    is_host = first == "integrations" and rest and (PACKAGE / first / rest[0]).is_dir()
    return f"{first}.{rest[0]}" if is_host else first


def path_of(folder):
    return PACKAGE.joinpath(*folder.split("."))


FOLDERS = {folder for folder in map(folder_of, MODULES) if path_of(folder).is_dir()}
FACES = {folder for folder in FOLDERS if (path_of(folder) / "__init__.pyi").exists()}


def layer_of(folder):
    return ORDER.index("integrations.*" if folder.startswith("integrations.") else folder)


@cache
def tree_of(path):
    return ast.parse(path.read_text("utf-8"))


def imported_from(tree):
    """Yield every (module, name) of the package that code imports, at any depth and branch."""
    faces = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            root, _, module = node.module.partition(".")
            if root == NAME:
                names = {alias.name: alias.asname or alias.name for alias in node.names}
                if (
                    not module
                ):  # ``from emo2vec_plugins import cli``: names are used as ``cli.name``
                    faces |= {asname: name for name, asname in names.items() if name in FACES}
                yield from ((module or NAME, name) for name in names if module or name not in FACES)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                root, _, module = alias.name.partition(".")
                if root == NAME:
                    yield module or NAME, None
    for node in ast.walk(tree):
        is_dotted = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if is_dotted and node.value.id in faces:
            yield faces[node.value.id], node.attr


def target(module, name):
    """Return the module an import refers to: ``core.plugins`` for ``from core import plugins``."""
    if module in FACES and name in face(module):
        return module
    submodule = name if module == NAME else f"{module}.{name}"
    return submodule if submodule in MODULES else module


@cache
def face(folder):
    """Return the names of a folder's face, with the module that defines each."""
    parts, prefix = ([], "") if folder == NAME else (folder.split("."), f"{folder}.")
    path = PACKAGE.joinpath(*parts, "__init__.pyi")
    return {
        alias.asname: f"{prefix}{node.module}"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def code_of_pages():
    """Yield the name and the syntax tree of all Python in README, docs and examples."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("examples/**/*.md")]
    for page in pages:
        for block in re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.S | re.M):
            yield page.name, ast.parse(block)
    for path in ROOT.glob("examples/**/*.py"):
        yield path.name, tree_of(path)


# Imports go one way.


@pytest.mark.parametrize("module", sorted(set(MODULES) - TOP))
def test_a_module_imports_only_from_lower_layers(module):
    here = folder_of(module)
    for other, name in imported_from(tree_of(MODULES[module])):
        there = folder_of(target(other, name))
        assert there not in TOP, f"{module} imports {name} from {other}"
        if there != here:
            assert layer_of(there) < layer_of(here), f"{module} imports {name} from {other}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_faces_or_its_own_folder(module):
    here = folder_of(module)
    for other, name in imported_from(tree_of(MODULES[module])):
        reached = target(other, name)
        there = folder_of(reached)
        if there in FOLDERS and there != here:
            assert there in FACES, f"{module} imports {name} from {there}, which has no face"
            assert reached == there, f"{module} imports {name} from {other}: behind the face"
            assert name in face(there), f"{module} imports {name}: not in the face of {there}"
        elif there in FACES:
            assert reached != there, f"{module} imports {name} from its own folder's face"


def test_there_are_no_import_cycles():
    graph = {}
    for module, path in MODULES.items():
        graph[module] = set()
        for other, name in imported_from(tree_of(path)):
            reached = target(other, name)
            graph[module].add(face(reached)[name] if reached in FACES else reached)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_imports_are_visible():
    for module, path in MODULES.items():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module}: relative imports hide where they point"
            word = getattr(node, "attr", None) or getattr(node, "id", None)
            if word in ("import_module", "__import__"):
                # For the built-in plugins listed in `builtins`, and for optional libraries.
                by_name = ("core.plugins", "core.messages")
                assert module in by_name, f"{module} imports by name"


def test_only_the_composition_root_names_modules_in_strings():
    for module, path in MODULES.items():
        tree = tree_of(path)
        prose = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = {*re.findall(rf"\b{NAME}\.([a-z]\w+)", node.value)} - face(NAME).keys()
                assert module == "builtins" or id(node) in prose or not named, module


def test_the_composition_root_names_every_built_in_plugin():
    hooked = {
        f"{NAME}.{module}"
        for module, path in MODULES.items()
        if any(
            isinstance(node, ast.FunctionDef)
            and any(ast.unparse(each) == "hookimpl" for each in node.decorator_list)
            for node in tree_of(path).body
        )
    }

    assert set(emo2vec_plugins.builtins.BUILT_IN.values()) == hooked


# Faces.


def test_there_are_few_faces():
    assert len(FACES) <= MOST_FACES


def test_docs_and_examples_import_from_few_faces_only():
    used = set()
    for page, tree in code_of_pages():
        for module, name in imported_from(tree):
            reached = target(module, name)
            is_face = reached in FACES or reached in TOP or reached == "errors"
            assert is_face, f"{page} imports {name} from {module}: behind the face"
            used.add(reached)

    assert len(used) <= MOST_FACES


@pytest.mark.parametrize("folder", sorted(FACES))
def test_the_names_of_a_face_exist(folder):
    module = __import__(f"{NAME}.{folder}", fromlist=["*"])

    assert sorted(module.__all__) == sorted(face(folder))
    for name in face(folder):
        assert getattr(module, name) is not None


@cache
def pages():
    paths = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.py"), *ROOT.glob("*.md")]
    return "\n".join(path.read_text("utf-8") for path in paths)


def named_on_pages(folder):
    """Return the names of a folder that pages and examples import, document or mention."""
    own = re.escape(f"{NAME}.{folder}")
    members = rf"automodule:: {own}\n +:members: (.+)"
    imports = rf"from {own} import (\([^)]+\)|.+)"
    listed = re.findall(rf"{members}|{imports}", pages())
    dotted = re.findall(rf"{own}\.(\w+)", pages())
    return {*re.findall(r"\w+", " ".join(map(" ".join, listed))), *dotted}


@pytest.mark.parametrize("folder", sorted(FACES))
def test_the_names_of_a_face_are_used_outside(folder):
    used = {
        name
        for module, path in MODULES.items()
        if folder_of(module) != folder
        for other, name in imported_from(tree_of(path))
        if other == folder
    }
    root = {name for name, home in face(NAME).items() if home == folder}
    unused = face(folder).keys() - used - root - named_on_pages(folder)

    assert unused == set()


# Docstrings and forbidden statements.


@pytest.mark.parametrize("module", sorted(MODULES))
def test_everything_public_is_documented(module):
    tree = tree_of(MODULES[module])
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


@pytest.mark.parametrize("module", sorted(MODULES))
def test_nothing_is_printed_asserted_or_caught_blindly(module):
    for node in ast.walk(tree_of(MODULES[module])):
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None)
        assert not (isinstance(node, ast.Assert) and module != "testing")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "eval", "exec")


# The tests mirror the package.


def test_each_folder_of_tests_mirrors_a_folder_of_the_package():
    folders = {
        path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py") if path.parent != TESTS
    }

    others = {Path("campaign"), Path("hostile")}  # attacks on the package as a whole
    assert {each for each in folders if not (PACKAGE / each).is_dir()} == others


def test_no_test_imports_another():
    for path in TESTS.rglob("*.py"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not re.search(r"(^|\.)(test_\w+|conftest)$", node.module), path
