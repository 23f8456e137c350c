"""The cost of importing the package, and its public names."""

from __future__ import annotations

import importlib
import importlib.resources
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import emo2vec_plugins
from emo2vec_plugins.builtins import BUILT_IN

HEAVY = (
    *("torch", "torchaudio", "lhotse", "pyannote.audio", "pyannote.core", "funasr", "modelscope"),
    *("onnx", "onnxruntime", "openvino"),
)
LISTING_NEEDS_NONE_OF = {
    *("numpy", "soundfile", "yaml", "rich", "safetensors", "huggingface_hub", "torch"),
    *("torchaudio", "lhotse", "pyannote", "funasr", "modelscope", "onnxruntime", "openvino"),
}
"""Other installed plugins, such as the example plugin, may load more."""


def loaded_by(statements):
    """Return the heavy libraries that statements load in a new interpreter."""
    code = f"{statements}\nimport sys\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return result.stdout.split()


def test_the_package_loads_nothing_heavy():
    assert loaded_by("import emo2vec_plugins") == []


@pytest.mark.parametrize("module", BUILT_IN.values())
def test_a_built_in_plugin_loads_nothing_heavy(module):
    assert loaded_by(f"import {module}") == []


@pytest.mark.parametrize("folder", ["core", "files", "audio", "engine", "formats", "report", "cli"])
def test_no_module_of_the_core_loads_anything_heavy(folder):
    root = Path(emo2vec_plugins.__file__).parent
    names = [
        ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((root / folder).rglob("*.py"))
    ]

    assert loaded_by("\n".join(f"import {name}" for name in names)) == []


def test_calling_every_plugin_loads_nothing_heavy():
    statements = (
        "import click\n"
        "from emo2vec_plugins import Plugins\n"
        "plugins = Plugins(installed=False)\n"
        "plugins.formats(), plugins.models(), plugins.add_commands(click.Group())\n"
        "plugins.describe()"
    )

    assert loaded_by(statements) == []


def test_scoring_audio_at_the_models_rate_loads_nothing_heavy():
    statements = (
        "from emo2vec_plugins import Engine\n"
        "from emo2vec_plugins.testing import FakeBackend, tone\n"
        "(emotion,) = Engine(FakeBackend()).score((tone(1.0), 16_000))\n"
        "assert emotion.label"
    )

    assert loaded_by(statements) == []


def test_opening_an_unknown_object_loads_nothing_heavy():
    statements = (
        "from emo2vec_plugins import Options, Plugins\n"
        "from emo2vec_plugins.errors import SourceError\n"
        "try:\n    Plugins(installed=False).open(object(), Options())\n"
        "except SourceError:\n    pass"
    )

    assert loaded_by(statements) == []


def test_a_list_of_commands_loads_none_of_them():
    code = (
        "import sys\n"
        "from emo2vec_plugins.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        f"print(*loaded & {LISTING_NEEDS_NONE_OF})\n"
        "print(*[name for name in sys.modules if name.startswith('emo2vec_plugins.cli.')])"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    *listing, loaded, modules = result.stdout.split("\n")[:-1]

    assert any(line.split()[:1] == ["pseudo-label"] for line in listing)
    assert loaded == ""
    assert {name.rpartition(".")[2] for name in modules.split()} <= {
        *("group", "lazy", "main", "output", "plugin", "signals", "streams"),
    }


@pytest.mark.parametrize("name", emo2vec_plugins.__all__)
def test_public_names_exist_and_are_documented(name):
    value = getattr(emo2vec_plugins, name)

    assert name in dir(emo2vec_plugins)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


def test_a_star_import_imports_the_public_names():
    names: dict[str, object] = {}
    exec("from emo2vec_plugins import *", names)

    assert set(emo2vec_plugins.__all__) <= set(names)


def test_other_names_raise_an_attribute_error():
    with pytest.raises(AttributeError, match="annotate_everything"):
        _ = emo2vec_plugins.annotate_everything


def test_the_package_is_typed():
    assert (importlib.resources.files("emo2vec_plugins") / "py.typed").is_file()


def test_every_error_is_an_emo2vec_error_and_a_builtin_one():
    errors = importlib.import_module("emo2vec_plugins.errors")
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if kind is not errors.Emo2vecError and not issubclass(kind, Warning)
    ]

    assert kinds
    for kind in kinds:
        assert issubclass(kind, errors.Emo2vecError)
        assert len(kind.__bases__) == 2
        assert inspect.getdoc(kind).endswith(".")
