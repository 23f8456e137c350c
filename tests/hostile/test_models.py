"""Model folders and graphs of strangers: nothing in them is executed by default."""

from __future__ import annotations

import pytest

from emo2vec_plugins import load_model
from emo2vec_plugins.errors import (
    CheckpointError,
    ConfigError,
    ExportError,
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

    for name in (folder, f"funasr:{folder}"):
        with pytest.raises(ConfigError, match=r"config\.yaml"):
            load_model(name, device="cpu")

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


def graph_with(weights, node):
    """Return an ONNX graph that adds weights, kept in another file, to its input."""
    onnx = pytest.importorskip("onnx")
    tensor = onnx.TensorProto(name="w", data_type=1, dims=[4])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": str(weights), "length": "16"}.items():
        tensor.external_data.add(key=key, value=value)
    x, y = (onnx.helper.make_tensor_value_info(name, 1, [4]) for name in "xy")
    graph = onnx.helper.make_graph([onnx.helper.make_node(**node)], "g", [x], [y], [tensor])
    opsets = [onnx.helper.make_opsetid(domain, 17) for domain in ("", "strangers")]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)


ADD = {"op_type": "Add", "inputs": ["x", "w"], "outputs": ["y"]}


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize("where", ["../weights.bin", "link.bin", "absolute"])
def test_weights_outside_of_the_folder_of_a_graph_are_not_read(tmp_path, runtime, where):
    pytest.importorskip("onnxruntime" if runtime == "onnx" else runtime)
    folder = tmp_path / "graph"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(16))
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    place = tmp_path / "weights.bin" if where == "absolute" else where
    (folder / "model.onnx").write_bytes(graph_with(place, ADD).SerializeToString())

    with pytest.raises(ExportError, match=r"model\.onnx: .* cannot open it"):
        load_model(f"{runtime}:{folder / 'model.onnx'}")


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_operators_of_strangers_are_not_looked_for(tmp_path, runtime):
    pytest.importorskip("onnxruntime" if runtime == "onnx" else runtime)
    (tmp_path / "weights.bin").write_bytes(bytes(16))
    graph = graph_with("weights.bin", ADD | {"domain": "strangers"})
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())

    with pytest.raises(ExportError, match=r"model\.onnx"):
        load_model(f"{runtime}:{tmp_path / 'model.onnx'}")
