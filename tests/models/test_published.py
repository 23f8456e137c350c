"""Models by name: no network for what is local, one clear sentence for what is not available."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from support.reference import SMALL, save_reference

from emo2vec_plugins import load_model
from emo2vec_plugins.errors import MissingExtraError, ModelNotFoundError, OptionsError
from emo2vec_plugins.models.published import TINY, find_folder


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """An empty cache, offline mode, and no way to open a socket."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))

    def refuse(*_args, **_kwargs):
        raise AssertionError("a network call was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tmp_path / "cache"


def test_a_folder_makes_no_network_call(offline, tmp_path):
    save_reference(tmp_path / "model", SMALL)

    assert load_model(tmp_path / "model", device="cpu").width == 48
    assert load_model(f"torch:{tmp_path / 'model'}", device="cpu").width == 48


def test_a_path_object_is_a_folder_also_where_a_model_has_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_reference(tmp_path / "tiny", SMALL)

    assert load_model(Path("tiny"), device="cpu").width == 48


def test_a_hub_that_cannot_be_reached_is_one_sentence_with_a_way_out(offline):
    with pytest.raises(ModelNotFoundError) as caught:
        load_model("emotion2vec_plus_large", device="cpu")

    message = str(caught.value)
    assert "\n" not in message
    assert "'emotion2vec/emotion2vec_plus_large' is neither a folder nor in the cache" in message
    assert "HF_HUB_OFFLINE is set" in message
    assert "HF_HUB_OFFLINE=0" not in message
    assert "--model" not in message
    assert "model.pt or model.safetensors, and tokens.txt, copied from a machine" in message
    assert message.endswith("or use the embedded model, 'tiny'")


def test_a_cached_model_loads_offline_with_its_revision(offline):
    revision = "0123456789abcdef0123456789abcdef01234567"
    repository = offline / "models--emotion2vec--emotion2vec_plus_seed"
    save_reference(repository / "snapshots" / revision, SMALL)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)

    provenance = load_model("emotion2vec_plus_seed", device="cpu").provenance

    assert provenance.model == "emotion2vec/emotion2vec_plus_seed"
    assert provenance.revision == revision


def test_names_of_models_are_found_where_names_are_meant(offline, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()

    assert find_folder("tiny").path == TINY
    assert find_folder("./tiny").path.resolve() == tmp_path / "tiny"
    with pytest.raises(ModelNotFoundError, match="'emotion2vec/emotion2vec_plus_base'"):
        find_folder("emotion2vec_plus_base")


def test_a_modelscope_name_is_fetched_from_modelscope(offline, monkeypatch, tmp_path):
    pytest.importorskip("modelscope")
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "modelscope"))

    with pytest.raises(ModelNotFoundError, match="the ModelScope hub did not provide it"):
        find_folder("iic/emotion2vec_plus_large")


def test_modelscope_without_its_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "modelscope.hub.snapshot_download", None)

    with pytest.raises(MissingExtraError, match=r"\[funasr\]"):
        find_folder("iic/emotion2vec_plus_large")


@pytest.mark.parametrize("name", ["large", "a/b/c"])
def test_what_is_no_model_is_said_to_be_none(offline, name):
    with pytest.raises(ModelNotFoundError, match="neither a model's name"):
        load_model(name)


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "../nowhere", "~/nowhere"])
def test_what_can_only_be_a_folder_is_said_not_to_be_there(offline, name):
    with pytest.raises(ModelNotFoundError, match=r"^no such folder: '"):
        load_model(name)


def test_a_file_in_place_of_its_folder_is_said_to_be_one(offline, tmp_path):
    (tmp_path / "model.pt").touch()

    with pytest.raises(ModelNotFoundError, match="is a file; give the folder that it lies in"):
        load_model(tmp_path / "model.pt")


def test_a_name_that_is_nearly_right_is_told_the_right_one(offline):
    with pytest.raises(ModelNotFoundError, match=r"did you mean 'emotion2vec_plus_large'\?"):
        load_model("emotion2vec_plus_larg")


def test_a_way_of_loading_alone_is_no_model():
    with pytest.raises(ModelNotFoundError, match="needs a source: 'torch:FOLDER'"):
        load_model("torch")


@pytest.mark.parametrize(
    "wrong", [{"dtype": "int3"}, {"device": "warp"}, {"device": "cuda:99"}], ids=str
)
def test_a_device_or_type_that_is_not_there_is_refused(tmp_path, wrong):
    save_reference(tmp_path / "model", SMALL)

    with pytest.raises(OptionsError, match=r"int3|warp|cuda"):
        load_model(tmp_path / "model", **wrong)
