"""Models by name: no network access for local models, one clear error for missing ones."""

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
    """An empty cache, offline mode, and blocked sockets."""
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


def test_a_path_object_is_a_folder_even_if_a_model_has_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_reference(tmp_path / "tiny", SMALL)

    assert load_model(Path("tiny"), device="cpu").width == 48


def test_the_error_for_an_unreachable_hub_is_one_line_with_advice(offline):
    with pytest.raises(ModelNotFoundError) as caught:
        load_model("emotion2vec_plus_large", device="cpu")

    message = str(caught.value)
    for fact in (
        "'emotion2vec/emotion2vec_plus_large'",
        "HF_HUB_OFFLINE",
        "config.yaml, model.pt or model.safetensors, and tokens.txt",
        "'tiny'",
    ):
        assert fact in message
    for other in ("\n", "HF_HUB_OFFLINE=0", "--model"):
        assert other not in message


def test_a_cached_model_loads_offline_with_its_revision(offline):
    revision = "0123456789abcdef0123456789abcdef01234567"
    repository = offline / "models--emotion2vec--emotion2vec_plus_seed"
    save_reference(repository / "snapshots" / revision, SMALL)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)

    provenance = load_model("emotion2vec_plus_seed", device="cpu").provenance

    assert provenance.model == "emotion2vec/emotion2vec_plus_seed"
    assert provenance.revision == revision


def test_model_names_win_over_folders_of_that_name(offline, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()

    assert find_folder("tiny").path == TINY
    assert find_folder("./tiny").path.resolve() == tmp_path / "tiny"
    with pytest.raises(ModelNotFoundError, match="'emotion2vec/emotion2vec_plus_base'"):
        find_folder("emotion2vec_plus_base")


def test_a_modelscope_name_is_downloaded_from_modelscope(offline, monkeypatch, tmp_path):
    pytest.importorskip("modelscope")
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "modelscope"))

    with pytest.raises(ModelNotFoundError, match="ModelScope hub"):
        find_folder("iic/emotion2vec_plus_large")


def test_the_error_for_a_missing_modelscope_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "modelscope.hub.snapshot_download", None)

    with pytest.raises(MissingExtraError, match=r"\[funasr\]"):
        find_folder("iic/emotion2vec_plus_large")


@pytest.mark.parametrize("name", ["large", "a/b/c"])
def test_an_unknown_name_is_an_error(offline, name):
    with pytest.raises(ModelNotFoundError, match=f"^{name!r}.*emo2vec models"):
        load_model(name)


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "../nowhere", "~/nowhere"])
def test_a_missing_folder_is_an_error_that_names_it(offline, name):
    with pytest.raises(ModelNotFoundError, match=f"^no such folder: '{name}'"):
        load_model(name)


def test_a_file_in_place_of_its_folder_is_an_error(offline, tmp_path):
    (tmp_path / "model.pt").touch()

    with pytest.raises(ModelNotFoundError, match=r"folder.*file '.*model\.pt'"):
        load_model(tmp_path / "model.pt")


def test_the_error_for_a_misspelt_name_suggests_the_right_one(offline):
    with pytest.raises(ModelNotFoundError, match=r"did you mean 'emotion2vec_plus_large'\?"):
        load_model("emotion2vec_plus_larg")


def test_a_loader_without_a_source_is_an_error():
    with pytest.raises(ModelNotFoundError, match="'torch:FOLDER'"):
        load_model("torch")


@pytest.mark.parametrize(
    "wrong", [{"dtype": "int3"}, {"device": "warp"}, {"device": "cuda:99"}], ids=str
)
def test_an_unavailable_device_or_dtype_is_rejected(tmp_path, wrong):
    save_reference(tmp_path / "model", SMALL)
    (value,) = wrong.values()

    with pytest.raises(OptionsError, match=repr(value)):
        load_model(tmp_path / "model", **wrong)
