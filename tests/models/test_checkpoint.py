"""Model folders: loaded strictly and safely, and written for FunASR."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import pickle

import numpy as np
import pytest
import torch
from support.reference import SMALL, TOKENS, random_reference, save_reference

from emo2vec_plugins import load_model
from emo2vec_plugins.errors import CheckpointError, LabelError
from emo2vec_plugins.models.checkpoint import read_tensors, read_tokens, save_folder
from emo2vec_plugins.models.network import Network

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def folder(tmp_path):
    save_reference(tmp_path / "model", SMALL)
    return tmp_path / "model"


@pytest.fixture
def tensors(folder):
    return torch.load(folder / "model.pt", weights_only=True)["model"]  # noqa: TID251


def test_the_published_layout_loads_with_its_provenance(folder):
    backend = load_model(folder, device="cpu")

    assert backend.provenance.model == "model"
    assert (
        backend.provenance.sha256 == hashlib.sha256((folder / "model.pt").read_bytes()).hexdigest()
    )
    assert backend.provenance.tokens == TOKENS
    assert backend.labels.names[-1] == "unknown"


@pytest.mark.parametrize("wrap", ["bare", "model", "state_dict"])
@pytest.mark.parametrize("prefix", ["", "d2v_model."])
def test_tensors_may_be_nested_and_prefixed_or_not(folder, tensors, wrap, prefix):
    plain = {name.removeprefix("d2v_model."): tensor for name, tensor in tensors.items()}
    named = {prefix + name: tensor for name, tensor in plain.items()}
    torch.save(named if wrap == "bare" else {wrap: named, "epoch": 3}, folder / "model.pt")

    network = load_model(folder, device="cpu").network

    assert all(torch.equal(plain[name], value) for name, value in network.state_dict().items())


def test_weights_may_be_safetensors(tmp_path):
    network = Network(SMALL, len(TOKENS))
    save_folder(
        tmp_path / "safe",
        config=SMALL,
        tensors=network.state_dict(),
        tokens=TOKENS,
        weights="model.safetensors",
    )

    loaded = load_model(tmp_path / "safe", device="cpu").network
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "safe").iterdir()}

    assert len(modes) == 1  # all files follow the user's umask

    assert all(
        torch.equal(value, loaded.state_dict()[name])
        for name, value in network.state_dict().items()
    )


def test_tensors_for_training_are_ignored_and_logged_once(folder, tensors, caplog):
    extra = {"_ema": torch.zeros(2), "d2v_model.modality_encoders.AUDIO.decoder.w": torch.zeros(1)}
    torch.save({"model": tensors | extra}, folder / "model.pt")

    with caplog.at_level(logging.DEBUG, logger="emo2vec_plugins"):
        load_model(folder, device="cpu")

    messages = [r.message for r in caplog.records if r.name.startswith("emo2vec_plugins")]
    assert len(messages) == 1
    assert "2 unused tensors: _ema, modality_encoders.AUDIO.decoder.w" in messages[0]


def test_an_early_scale_without_its_first_dimension_loads(folder, tensors):
    name = "d2v_model.modality_encoders.AUDIO.alibi_scale"
    torch.save({"model": tensors | {name: tensors[name][0]}}, folder / "model.pt")

    network = load_model(folder, device="cpu").network

    assert network.modality_encoders["AUDIO"].alibi_scale.shape == (1, 1, 6, 1, 1)


def test_missing_and_misshapen_tensors_are_an_error_that_names_them(folder, tensors):
    del tensors["d2v_model.blocks.0.norm1.bias"]
    tensors["d2v_model.blocks.1.mlp.fc1.weight"] = torch.zeros(3, 48)
    torch.save({"model": tensors}, folder / "model.pt")

    with pytest.raises(CheckpointError) as caught:
        load_model(folder, device="cpu")

    assert "1 missing: blocks.0.norm1.bias" in str(caught.value)
    assert "blocks.1.mlp.fc1.weight: expected (192, 48), got (3, 48)" in str(caught.value)


class Bomb:
    def __reduce__(self):
        return (open, ("owned", "w"))


def test_a_pickle_with_code_is_rejected_and_not_run(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (folder / "model.pt").write_bytes(pickle.dumps({"model": Bomb()}, protocol=2))
    with pytest.raises(CheckpointError, match=r"model\.pt"):
        load_model(folder, device="cpu")

    torch.save({"model": {"x": Bomb()}}, folder / "model.pt")
    with pytest.raises(CheckpointError, match=r"run code: Unsupported global: GLOBAL _?io"):
        load_model(folder, device="cpu")

    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 torn zip"])
@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
def test_a_corrupt_file_is_an_error_that_names_it(folder, name, content):
    (folder / "model.pt").unlink()
    (folder / name).write_bytes(content)

    with pytest.raises(CheckpointError, match=name):
        load_model(folder, device="cpu")


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
def test_a_git_lfs_pointer_in_place_of_weights_is_recognised(folder, name):
    (folder / "model.pt").unlink()
    (folder / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")

    with pytest.raises(CheckpointError, match=rf"{name}.*'git lfs pull'"):
        load_model(folder, device="cpu")


@pytest.mark.parametrize("legacy", [True, False])
def test_a_checkpoint_with_any_bytes_changed_is_read_or_rejected(tmp_path, legacy):
    path = tmp_path / "model.pt"
    torch.save({"a": torch.ones(2)}, path, _use_new_zipfile_serialization=not legacy)
    whole = path.read_bytes()
    random = np.random.default_rng(0)

    for _ in range(300):
        torn = bytearray(whole)
        for _ in range(random.integers(1, 20)):
            torn[random.integers(len(torn))] = random.integers(256)
        path.write_bytes(torn)
        with contextlib.suppress(CheckpointError):
            read_tensors(path)


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(9, dtype=torch.int64),
        torch.zeros(9, dtype=torch.complex64),
        torch.zeros(9, device="meta"),
    ],
    ids=lambda value: f"{value.dtype} {value.device}",
)
def test_a_tensor_that_cannot_be_a_weight_is_rejected_by_name(folder, tensors, value):
    torch.save({"model": tensors | {"proj.bias": value}}, folder / "model.pt")

    with pytest.raises(CheckpointError, match=rf"proj\.bias: {value.dtype}.*{value.device}"):
        load_model(folder, device="cpu")


@pytest.mark.parametrize("document", [[torch.zeros(1)], {"model": {"epoch": 3}}, {}])
def test_a_file_without_named_tensors_is_rejected(folder, document):
    torch.save(document, folder / "model.pt")

    with pytest.raises(CheckpointError, match="tensors"):
        read_tensors(folder / "model.pt")


@pytest.mark.parametrize("name", ["config.yaml", "model.pt"])
def test_the_error_for_an_incomplete_folder_lists_its_files(folder, name):
    (folder / name).unlink()

    with pytest.raises(CheckpointError) as caught:
        load_model(folder, device="cpu")

    for fact in ("config.yaml", "model.safetensors or model.pt", "tokens.txt", f"no {name[:5]}"):
        assert fact in str(caught.value)


def test_classes_must_match_the_head(folder):
    (folder / "tokens.txt").write_text("a\nb\n", "utf-8")
    with pytest.raises(CheckpointError, match=r"9 rows.*tokens\.txt has 2 lines"):
        load_model(folder, device="cpu")

    (folder / "tokens.txt").unlink()
    with pytest.raises(CheckpointError, match=r"9 rows.*tokens\.txt has 0 lines"):
        load_model(folder, device="cpu")


def test_a_missing_head_is_an_error(folder, tensors):
    without = {name: value for name, value in tensors.items() if not name.startswith("proj.")}
    torch.save({"model": without}, folder / "model.pt")

    with pytest.raises(CheckpointError, match=r"tokens\.txt has 9 lines.*proj\.weight"):
        load_model(folder, device="cpu")

    (folder / "tokens.txt").unlink()
    assert load_model(folder, device="cpu").labels.names == ()


def test_tokens_may_have_a_byte_order_mark_and_any_line_ends_but_no_empty_lines(tmp_path):
    path = tmp_path / "tokens.txt"
    path.write_bytes("\ufeff生气/angry\r\n<unk>\r\n\r\n".encode())
    assert read_tokens(path) == ("生气/angry", "<unk>")

    path.write_text("angry\n\nsad\n", "utf-8")
    with pytest.raises(CheckpointError, match="line 2"):
        read_tokens(path)

    path.write_bytes(b"angry\n\xff\n")
    with pytest.raises(CheckpointError, match=r"tokens\.txt: line 2: .*not UTF-8"):
        read_tokens(path)


def test_two_rows_with_one_name_are_rejected(tmp_path):
    save_reference(tmp_path / "twice", SMALL, tokens=("x/sad", "y/sad", "<unk>"))

    with pytest.raises(LabelError, match=r"repeated.*sad"):
        load_model(tmp_path / "twice", device="cpu")


def test_a_folder_is_never_overwritten_and_never_half_written(tmp_path):
    network = random_reference(SMALL, 2)
    with pytest.raises(CheckpointError, match="missing"):
        save_folder(tmp_path / "new", config=SMALL, tensors={}, tokens=TOKENS[:2])
    assert list(tmp_path.iterdir()) == []

    save_folder(tmp_path / "new", config=SMALL, tensors=network.state_dict(), tokens=TOKENS[:2])
    with pytest.raises(CheckpointError, match="exists"):
        save_folder(tmp_path / "new", config=SMALL, tensors=network.state_dict(), tokens=TOKENS[:2])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new"]
