"""Model folders of strangers for FunASR, which evaluates and imports what they name."""

from __future__ import annotations

import json

import pytest
import yaml
from support.cli_runner import run
from support.facts import assert_facts

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.errors import (
    CheckpointError,
    ConfigError,
    LabelError,
    ModelNotFoundError,
    NotAllowedError,
)


def changed(folder, **values):
    """Change the top level of config.yaml."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values))


@pytest.fixture
def funasr():
    return pytest.importorskip("funasr")


@pytest.mark.usefixtures("funasr")
def test_funasr_evaluates_no_layers(marker, folder, with_spec):
    with_spec(f"[(24, 10, 5)] if {marker.python} else []")

    with pytest.raises(NotAllowedError) as caught:
        load_model(f"funasr:{folder}", device="cpu")

    assert_facts(str(caught.value), folder, "--allow code", 'allow=("code",)')
    assert not marker.exists


@pytest.mark.usefixtures("funasr")
def test_funasr_evaluates_layers_if_code_is_allowed(marker, folder, with_spec):
    """The hostile folder does what it says: the other tests test something."""
    document = yaml.safe_load((folder / "config.yaml").read_text())
    spec = document["model_conf"]["modalities"]["audio"]["feature_encoder_spec"]
    with_spec(f"({marker.python}, {spec})[1]")

    backend = load_model(f"funasr:{folder}", device="cpu", allow=("code",))

    assert marker.exists
    assert backend.labels.names


@pytest.mark.usefixtures("funasr")
@pytest.mark.parametrize(
    "values",
    [
        {"trust_remote_code": True, "remote_code": "evil.py"},
        {"remote_code": "evil.py"},
        {"vad_model": "evil"},
        {"punc_model": "evil"},
        {"spk_model": "evil"},
        {"hub": "openai"},
        {"frontend": "WavFrontend", "frontend_conf": {"cmvn_file": "evil.py"}},
        {"init_param": "evil.pt"},
        {"oss_bucket": "evil"},
        {"model_path": "evil"},
    ],
)
def test_funasr_gets_nothing_but_a_network(marker, folder, tmp_path, values):
    marker.module(tmp_path / "evil.py")
    marker.module(folder / "model.py")
    (folder / "requirements.txt").write_text("--editable .\n")
    changed(folder, **values)

    with pytest.raises(NotAllowedError) as caught:
        load_model(f"funasr:{folder}", device="cpu")

    assert_facts(str(caught.value), folder / "config.yaml", *values, "--allow code")
    assert not marker.exists


def broken(folder, file, content):
    path = folder / file
    if callable(content):
        content = content(path.read_bytes())
    path.unlink() if content is None else path.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "content", "error"),
    [
        ("config.yaml", b"model: [", ConfigError),
        ("config.yaml", b"- 1", ConfigError),
        ("config.yaml", b"", ConfigError),
        ("config.yaml", b"\xff\xfe\x00", ConfigError),
        ("config.yaml", b"model: Emotion2vec", ConfigError),
        ("config.yaml", b"a: " + b"[" * 5000, ConfigError),
        ("config.yaml", b"model: !!python/name:os.system ''", ConfigError),
        ("config.yaml", lambda data: data.replace(b"depth", b"deep"), ConfigError),
        ("config.yaml", lambda data: data.replace(b"embed_dim: ", b"embed_dim: 9999"), ConfigError),
        ("config.yaml", lambda data: data.replace(b"(24, 10, 5)", b"(24, 10"), ConfigError),
        ("config.yaml", lambda data: data.replace(b"(24, 10, 5)", b"(24, 10, x)"), ConfigError),
        ("config.yaml", lambda data: data.replace(b"(24, 10, 5)", b"(24, 10, -5)"), ConfigError),
        ("config.yaml", None, CheckpointError),
        ("model.pt", None, CheckpointError),
        ("model.pt", b"", CheckpointError),
        ("model.pt", b"<html>", CheckpointError),
        ("model.pt", lambda data: data[: len(data) // 2], CheckpointError),
        ("tokens.txt", None, CheckpointError),
        ("tokens.txt", b"\xff", CheckpointError),
        ("tokens.txt", lambda data: data + b"\nmore", CheckpointError),
        ("tokens.txt", lambda data: b"\n".join([data.split(b"\n")[0]] * 9), LabelError),
    ],
)
def test_a_broken_folder_is_no_question_of_permission(folder, file, content, error):
    if error is LabelError:
        content = b"\n".join([b"same"] * len((folder / file).read_bytes().splitlines()))
    broken(folder, file, content)

    with pytest.raises(error) as caught:
        load_model(f"funasr:{folder}", device="cpu")

    message = str(caught.value)
    assert_facts(message, folder)
    assert file in message
    assert "--allow" not in message


def test_weights_that_do_not_match_are_named(folder):
    path = folder / "config.yaml"
    path.write_text(path.read_text().replace("mlp_ratio: ", "mlp_ratio: 1"))

    with pytest.raises(CheckpointError) as caught:
        load_model(f"funasr:{folder}", device="cpu")

    assert_facts(str(caught.value), folder / "model.pt", "mlp.fc1")


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ModelNotFoundError, match="gone"):
        load_model(f"funasr:{tmp_path / 'gone'}")


@pytest.mark.usefixtures("funasr")
def test_funasr_reads_no_other_configuration(marker, folder):
    """``configuration.json`` can name another file in place of config.yaml and model.pt."""
    evil = folder / "evil.yaml"
    evil.write_text((folder / "config.yaml").read_text())
    document = yaml.safe_load(evil.read_text())
    document |= {"trust_remote_code": True, "remote_code": str(marker.module(folder / "evil.py"))}
    evil.write_text(yaml.safe_dump(document))
    metas = {"init_param": "model.pt", "config": "evil.yaml"}
    (folder / "configuration.json").write_text(json.dumps({"file_path_metas": metas}))
    marker.torch(folder / "evil.pt")

    backend = load_model(f"funasr:{folder}", device="cpu")

    assert backend.labels.names
    assert not marker.exists


@pytest.mark.usefixtures("funasr")
def test_modules_and_requirements_in_a_folder_are_not_used(marker, folder):
    marker.module(folder / "model.py")
    (folder / "requirements.txt").write_text("--editable .\n")

    load_model(f"funasr:{folder}", device="cpu")

    assert not marker.exists


@pytest.mark.usefixtures("funasr")
def test_funasr_gives_the_same_frames_for_a_copy(folder, noise):
    sound = (noise(16_000), 16_000)

    copy = Engine(load_model(f"funasr:{folder}", device="cpu")).score(sound)
    whole = Engine(load_model(f"funasr:{folder}", device="cpu", allow=("code",))).score(sound)

    assert copy[0].logits == whole[0].logits


def test_an_incomplete_folder_is_one_line(tmp_path):
    (tmp_path / "model").mkdir()

    for name in (f"funasr:{tmp_path / 'model'}", "funasr:./gone", "~nouser/tiny", "onnx:~nouser/x"):
        result = run("score", "a.wav", "--model", name)

        assert result.exit_code == 1
        assert "bug" not in result.stderr
        assert_facts(result.stderr, name.partition(":")[2] or name)
