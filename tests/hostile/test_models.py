"""Model folders and graphs of strangers: nothing in them is executed by default."""

from __future__ import annotations

import pytest

from emo2vec_plugins import load_model
from emo2vec_plugins.errors import (
    CheckpointError,
    ConfigError,
    ExportError,
    NotAllowedError,
)


@pytest.mark.parametrize("loader", ["torch", "funasr"])
def test_weights_that_are_a_pickle_with_code_are_refused(marker, folder, loader):
    marker.torch(folder / "model.pt")

    with pytest.raises(CheckpointError, match=r"model\.pt"):
        load_model(f"{loader}:{folder}", device="cpu")

    assert not marker.exists


def test_a_plain_pickle_as_weights_is_refused(marker, folder):
    marker.pickle(folder / "model.pt")

    with pytest.raises(CheckpointError, match=r"model\.pt"):
        load_model(folder, device="cpu")

    assert not marker.exists


def test_a_configuration_with_tags_for_python_is_refused(marker, folder):
    marker.yaml(folder / "config.yaml")

    with pytest.raises(ConfigError, match=r"config\.yaml"):
        load_model(folder, device="cpu")
    with pytest.raises(NotAllowedError, match="--allow code"):
        load_model(f"funasr:{folder}", device="cpu")

    assert not marker.exists


def test_layers_are_not_evaluated(marker, folder, with_spec):
    with_spec(f"[(24, 10, 5)] if {marker.python} else []")

    with pytest.raises(ConfigError, match="feature_encoder_spec"):
        load_model(folder, device="cpu")

    assert not marker.exists


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_file_that_is_no_graph_is_refused(marker, tmp_path, runtime):
    pytest.importorskip("onnxruntime" if runtime == "onnx" else runtime)
    marker.pickle(tmp_path / "model.onnx")

    with pytest.raises(ExportError, match=r"model\.onnx"):
        load_model(f"{runtime}:{tmp_path / 'model.onnx'}")

    assert not marker.exists
