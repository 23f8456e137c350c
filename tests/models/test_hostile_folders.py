"""Model folders that would cost more than their files: refused before memory is used."""

from __future__ import annotations

import shutil
import zipfile

import pytest
import torch
import yaml
from support.facts import assert_facts
from support.reference import SMALL, TOKENS, save_reference

from emo2vec_plugins import load_model
from emo2vec_plugins.errors import CheckpointError, ConfigError, LabelError
from emo2vec_plugins.models.checkpoint import read_tensors, read_tokens
from emo2vec_plugins.models.pickles import read_state, save_state


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "small"
    save_reference(path, SMALL, tokens=TOKENS)
    return path


@pytest.fixture
def folder(published, tmp_path):
    return shutil.copytree(published, tmp_path / "small")


def repacked(path, *, compression, change=lambda name, data: data):
    """Write the members of a zip file of torch again."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, change(name, data))


def test_a_compressed_state_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    save_state(tmp_path / "last.pt", {"step": torch.zeros(100_000)})
    repacked(tmp_path / "last.pt", compression=zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(zipfile.ZipFile, "testzip", None)

    with pytest.raises(CheckpointError) as error:
        read_state(tmp_path / "last.pt")
    assert_facts(str(error.value), "last.pt", "compressed")


def test_compressed_members_are_refused(folder):
    repacked(
        folder / "model.pt",
        compression=zipfile.ZIP_DEFLATED,
        change=lambda name, data: b"0" * 10**8 if name.endswith("data.pkl") else data,
    )

    with pytest.raises(CheckpointError) as error:
        load_model(folder, device="cpu")
    assert_facts(str(error.value), "model.pt", "compressed", "data.pkl")


def test_members_that_share_bytes_are_refused(tmp_path):
    path = tmp_path / "model.pt"
    torch.save({"a": torch.ones(1000)}, path)
    with zipfile.ZipFile(path, "a") as archive:
        for n in range(100):  # as in an overlapping zip bomb
            info = zipfile.ZipInfo(f"archive/data/{n + 5}")
            archive.writestr(info, b"x")
            archive.getinfo(info.filename).file_size = archive.getinfo(
                info.filename
            ).compress_size = 10**6

    with pytest.raises(CheckpointError, match="bytes"):
        read_tensors(path)


@pytest.mark.parametrize("shape", ["repeated", "shared"])
def test_tensors_that_repeat_few_bytes_are_refused(folder, shape):
    tensors = read_tensors(folder / "model.pt")
    if shape == "repeated":
        views = {name: torch.zeros(1).expand(each.shape) for name, each in tensors.items()}
    else:
        storage = torch.zeros(max(each.numel() for each in tensors.values()))
        views = {n: storage[: each.numel()].view(each.shape) for n, each in tensors.items()}
    torch.save({"model": views}, folder / "model.pt")

    with pytest.raises(CheckpointError) as error:
        load_model(folder, device="cpu")
    assert_facts(str(error.value), "model.pt", "bytes")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("depth", value) for value in (10**9, -1, 10**300, "9" * 5000, 1.5, True, None, [1])),
        *(("embed_dim", value) for value in (2**40, 0, "wide")),
        *(("mlp_ratio", value) for value in (1e308, "1e999999999", "nan", ".inf", 10**300)),
        ("num_heads", 7),
    ],
)
def test_impossible_dimensions_are_refused(folder, name, value):
    path = folder / "config.yaml"
    document = yaml.safe_load(path.read_text("utf-8"))
    document["model_conf"][name] = value
    path.write_text(yaml.safe_dump(document), "utf-8")

    with pytest.raises(ConfigError) as error:
        load_model(folder, device="cpu")
    assert_facts(str(error.value), "config.yaml")
    assert len(str(error.value)) < 600


def test_a_larger_network_than_the_weights_is_refused(folder):
    path = folder / "config.yaml"
    document = yaml.safe_load(path.read_text("utf-8"))
    document["model_conf"] |= {"depth": 64, "mlp_ratio": 65536.0}
    path.write_text(yaml.safe_dump(document), "utf-8")

    with pytest.raises(CheckpointError, match=r"model\.pt.*missing"):
        load_model(folder, device="cpu")


@pytest.mark.parametrize("content", [b"a\n" * (2 << 20), b"a" * (3 << 20), b"\0" * 100])
def test_a_large_list_of_classes_is_refused(tmp_path, content):
    (tmp_path / "tokens.txt").write_bytes(content)

    with pytest.raises(CheckpointError) as error:
        read_tokens(tmp_path / "tokens.txt")
    assert_facts(str(error.value), "tokens.txt")
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("line", ["生" * 10**5, "x " * 10**5, "a\nb\na\n" + "c\n" * 1000])
def test_messages_about_classes_are_short(folder, line):
    (folder / "tokens.txt").write_text(line + "\n<unk>", "utf-8")

    with pytest.raises((LabelError, CheckpointError)) as error:
        load_model(folder, device="cpu")
    assert_facts(str(error.value), "tokens.txt")
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors", "state"])
@pytest.mark.parametrize(
    "content",
    [
        b"secret passphrase of a person, more than forty characters",
        b"<html>secret",
        b"\x80secret\x00secret",
        b"\x20" + b"\0" * 7 + b'{"a": {"dtype": "secret", "x": 1}',
        b"\x0e" + b"\0" * 7 + b'{"secret": 11}' + b"\0" * 8,
    ],
)
def test_an_unreadable_file_is_not_quoted(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(CheckpointError) as error:
        (read_state if name == "state" else read_tensors)(path)
    assert_facts(str(error.value), name)
    assert "secret" not in str(error.value)
