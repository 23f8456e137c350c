"""Loading models by name, and loading the same model in another process."""

from __future__ import annotations

import gc
import pickle
import shutil

import pytest

from emo2vec_plugins import NamedModel, Plugins, hookimpl
from emo2vec_plugins.core import loading
from emo2vec_plugins.core.loading import LoadedModel, load_model, loaded_model
from emo2vec_plugins.errors import ModelNotFoundError, OptionsError, PluginError, PluginWarning
from emo2vec_plugins.models.pickles import load_pickle, save_pickle
from emo2vec_plugins.models.published import TINY
from emo2vec_plugins.testing import FakeBackend


class Models:
    @hookimpl
    def emo2vec_models(self):
        return [NamedModel(name="mine", description="", load=lambda *_, **__: FakeBackend())]


def test_how_a_model_was_loaded_pickles():
    backend = load_model("tiny", device="cpu")

    model = pickle.loads(pickle.dumps(loaded_model(backend)))

    assert model == LoadedModel("tiny", "cpu", "float32", backend.provenance.sha256)
    assert model.load() is model.load()
    assert model.load().provenance == backend.provenance


def test_a_model_that_load_model_did_not_return_cannot_be_loaded_again():
    with pytest.raises(OptionsError, match=r"FakeBackend .*load_model"):
        loaded_model(FakeBackend())


def test_a_model_of_plugins_that_do_not_pickle_cannot_be_loaded_again():
    backend = load_model("mine", plugins=Plugins([Models()], installed=False))

    with pytest.raises(OptionsError, match="FakeBackend"):
        loaded_model(backend)


def test_a_back_end_that_cannot_be_weakly_referenced_is_not_remembered():
    class Slotted:
        __slots__ = ()

        def run(self, waveforms):
            return []

    model = NamedModel(name="slotted", description="", load=lambda *_, **__: Slotted())
    plugin = type("Models", (), {"emo2vec_models": hookimpl(lambda self: [model])})()

    backend = load_model("slotted", plugins=Plugins([plugin], installed=False))
    loading._remember(backend, LoadedModel("slotted", None, "float32"))

    with pytest.raises(OptionsError, match="Slotted"):
        loaded_model(backend)


@pytest.mark.parametrize(
    ("loaded", "found"),
    [(None, "NoneType"), ("weights", "str"), (FakeBackend, "the class FakeBackend")],
)
def test_a_load_that_returns_no_back_end_names_the_model(loaded, found):
    models = [
        NamedModel(name=name, description="", load=lambda *_, **__: loaded, needs_source=needs)
        for name, needs in (("odd", False), ("from", True))
    ]
    plugin = type("Models", (), {"emo2vec_models": hookimpl(lambda self: models)})()
    plugins = Plugins([plugin], installed=False)

    for name in ("odd", "from:source"):
        with pytest.raises(PluginError, match=rf"'{name}' .*run\(\), got {found}"):
            load_model(name, plugins=plugins)


def test_a_source_for_a_model_without_one_is_an_error():
    with pytest.raises(ModelNotFoundError, match=r"'tiny'.*'/no/such/folder'"):
        load_model("tiny:/no/such/folder")


def test_a_deleted_model_is_forgotten():
    backend = load_model("tiny", device="cpu")
    key = id(backend)
    assert key in loading._loaded

    del backend
    gc.collect()

    assert key not in loading._loaded


def test_a_moved_model_is_loaded_on_its_current_device():
    backend = load_model("tiny", device="cpu")
    backend.device = "meta"

    assert loaded_model(backend).device == "meta"


def test_a_model_name_wins_over_a_folder_of_that_name(tmp_path, monkeypatch):
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path)

    assert loaded_model(load_model("tiny", device="cpu")).name == "tiny"


def test_changed_weights_are_rejected(tmp_path):
    folder = shutil.copytree(TINY, tmp_path / "mine")
    model = loaded_model(load_model(folder, device="cpu"))
    document = load_pickle(folder / "model.pt", mmap=False)
    document["model"]["proj.bias"] += 1
    (folder / "model.pt").unlink()
    save_pickle(folder / "model.pt", document)

    with pytest.raises(ModelNotFoundError, match=f"sha256 {model.sha256}"):
        model.load()


def test_a_loader_is_remembered_with_an_absolute_path(tmp_path, monkeypatch):
    shutil.copytree(TINY, tmp_path / "mine")
    monkeypatch.chdir(tmp_path)

    assert loaded_model(load_model("torch:mine", device="cpu")).name == f"torch:{tmp_path / 'mine'}"


def test_without_the_loader_for_folders_a_name_is_rejected():
    class Culprit:
        @hookimpl(wrapper=True)
        def emo2vec_models(self):
            raise RuntimeError("out of order")
            yield

    plugins = Plugins([Culprit()], installed=False)

    with (
        pytest.warns(PluginWarning, match=r"Culprit' .*emo2vec_models: RuntimeError: out"),
        pytest.raises(ModelNotFoundError, match="'tiny'"),
    ):
        load_model("tiny", plugins=plugins)


def test_a_folder_is_remembered_with_an_absolute_path(tmp_path, monkeypatch):
    shutil.copytree(TINY, tmp_path / "mine")
    monkeypatch.chdir(tmp_path)

    assert loaded_model(load_model("mine", device="cpu")).name == f"torch:{tmp_path / 'mine'}"


def offering(load):
    model = NamedModel(name="mine", description="", load=load)
    plugin = type("Models", (), {"emo2vec_models": hookimpl(lambda self: [model])})()
    return Plugins([plugin], installed=False)


def test_a_loader_gets_the_arguments_that_it_declares():
    found = []

    def load(source, *, device, dtype, allow, plugins):
        found.append((source, device, dtype, allow, plugins))
        return FakeBackend()

    plugins = offering(load)
    load_model("mine", device="cpu", plugins=plugins, allow=["code"])
    load_model("mine", plugins=offering(lambda source, *, device, dtype: FakeBackend()))

    assert found == [(None, "cpu", "float32", ("code",), plugins)]


def test_unknown_permissions_are_refused_before_anything_is_loaded():
    with pytest.raises(OptionsError, match="codes"):
        load_model("no-such-model", allow=("codes",))


def test_what_was_allowed_goes_to_other_processes():
    backend = load_model("tiny", device="cpu", allow=("code",))

    assert loaded_model(backend).allow == ("code",)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_the_models_of_plugins_can_run_as_graphs(runtime):
    pytest.importorskip("onnxruntime" if runtime == "onnx" else runtime)
    pytest.importorskip("onnx")

    def load(source, *, device, dtype):
        return load_model(TINY, device=device, dtype=dtype)

    plugins = offering(load)

    backend = load_model(f"{runtime}:mine", plugins=plugins)

    assert backend.labels == load_model("tiny", device="cpu").labels
    with pytest.raises(ModelNotFoundError, match="mine"):
        load_model(f"{runtime}:mine", plugins=Plugins(installed=False))
