"""Exported graphs equal torch and the reference, in any padded batch."""

from __future__ import annotations

import csv
import pickle
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.reference import CONVOLUTIONS, LARGE, SMALL, TOKENS, save_reference

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.errors import ExportError, MissingExtraError, ModelNotFoundError, OptionsError
from emo2vec_plugins.models.config import Config
from emo2vec_plugins.models.onnx.export import export
from emo2vec_plugins.models.torch_backend import TorchBackend
from emo2vec_plugins.testing import check_backend

TOLERANCE = 1e-4
RUNTIMES = ("onnx", "openvino")
pytestmark = pytest.mark.filterwarnings("ignore")  # FunASR's imports raise many warnings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "small"
    save_reference(path, SMALL)
    return path


@pytest.fixture(scope="module")
def reference(folder):
    return load_model(f"funasr:{folder}", device="cpu")


@pytest.fixture(scope="module")
def files(folder):
    model = load_model(folder, device="cpu")
    for dtype in ("float32", "int8"):
        export(model, folder / f"{dtype}.onnx", dtype=dtype)
    return {dtype: folder / f"{dtype}.onnx" for dtype in ("float32", "int8")}


@pytest.fixture(scope="module")
def graphs(files):
    return {name: load_model(f"{name}:{files['float32']}") for name in RUNTIMES}


def noise_of(lengths):
    random = np.random.default_rng(sum(lengths))
    return [random.standard_normal(length).astype(np.float32) for length in lengths]


def assert_same(found, expected, tolerance=TOLERANCE):
    for (embeddings, logits), (theirs, head) in zip(found, expected, strict=True):
        np.testing.assert_allclose(embeddings, theirs, atol=tolerance, rtol=0)
        assert (logits is None) == (head is None)
        if head is not None:
            np.testing.assert_allclose(logits, head, atol=tolerance, rtol=0)


# Equality.


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(
    lengths=st.lists(
        st.integers(400, 400 + 320 * 40) | st.sampled_from([400, 719, 720, 721, 24_000]),
        min_size=1,
        max_size=8,
    )
)
@pytest.mark.parametrize("name", RUNTIMES)
def test_results_in_any_batch_equal_the_reference(graphs, reference, name, lengths):
    waveforms = noise_of(lengths)

    assert_same(graphs[name].run(waveforms), reference.run(waveforms))


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_model_in_place_of_a_file_is_exported_when_loaded(folder, reference, name):
    graph = load_model(f"{name}:{folder}")
    waveforms = noise_of([16_000, 4_000])

    assert_same(graph.run(waveforms), reference.run(waveforms))
    assert graph.provenance.model == f"{name}:small"
    assert graph.provenance.sha256 == load_model(folder, device="cpu").provenance.sha256


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_graph_passes_the_check_of_back_ends(graphs, name):
    check_backend(graphs[name])


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_model_without_a_head_returns_only_embeddings(tmp_path, name):
    save_reference(tmp_path / "headless", SMALL, tokens=())
    model = load_model(tmp_path / "headless", device="cpu")
    export(model, tmp_path / "headless.onnx")
    waveforms = noise_of([9_000, 400])

    found = load_model(f"{name}:{tmp_path / 'headless.onnx'}").run(waveforms)

    assert [logits for _, logits in found] == [None, None]
    assert_same(found, model.run(waveforms))


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_bias_scale_per_block_and_an_even_positional_kernel(tmp_path, name):
    config = Config(
        width=32,
        heads=4,
        prenet_depth=1,
        depth=2,
        conv_layers=CONVOLUTIONS,
        position_groups=4,
        position_width=40,
        scale_per_layer=True,
    )
    save_reference(tmp_path / "scales", config)
    model = load_model(tmp_path / "scales", device="cpu")
    waveforms = noise_of([9_000, 400, 16_123])

    assert_same(load_model(f"{name}:{tmp_path / 'scales'}").run(waveforms), model.run(waveforms))


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_embedded_model_has_the_same_scores_through_a_graph(name):
    sound = (noise_of([40_000])[0], 16_000)

    (ours,) = Engine(load_model("tiny", device="cpu")).score(sound)
    (theirs,) = Engine(load_model(f"{name}:tiny")).score(sound)

    assert theirs.scores == pytest.approx(ours.scores, abs=TOLERANCE)


@pytest.mark.slow
def test_the_published_shape_in_every_dtype(tmp_path):
    save_reference(tmp_path / "large", LARGE)
    model = load_model(tmp_path / "large", device="cpu")
    for dtype in ("float32", "int8"):
        export(model, tmp_path / f"{dtype}.onnx", dtype=dtype)
    waveforms = noise_of([48_000, 400, 24_319])
    expected = model.run(waveforms)

    for name in RUNTIMES:
        found = load_model(f"{name}:{tmp_path / 'float32.onnx'}").run(waveforms)
        assert_same(found, expected)
        eight = load_model(f"{name}:{tmp_path / 'int8.onnx'}", dtype="int8").run(waveforms)
        for (embeddings, _), (theirs, _) in zip(eight, expected, strict=True):
            assert cosine(embeddings.mean(0), theirs.mean(0)) > 0.999


# Lower precision.


def cosine(a, b):
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@pytest.fixture(scope="module")
def recordings(shared):
    """Recordings of emotional speech, and the results of the embedded model in float32."""
    with (shared / "emodb" / "labels.csv").open(encoding="utf-8", newline="") as file:
        paths = [shared / "emodb" / "wav" / row["file"] for row in csv.DictReader(file)]
    sounds = [(soundfile.read(path, dtype="float32")[0], 16_000) for path in paths]
    exact = Engine(load_model("tiny", device="cpu"))
    return sounds, [exact.score(sound)[0] for sound in sounds]


def margin(emotion):
    """Return how far the best score is above the second."""
    *_, second, best = sorted(emotion.scores.values())
    return best - second


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "dtype"),
    [
        ("onnx:tiny", "int8"),
        ("openvino:tiny", "int8"),
        ("openvino:tiny", "bfloat16"),
        ("tiny", "bfloat16"),
    ],
)
def test_a_trained_model_gives_nearly_the_same_with_lower_precision(recordings, model, dtype):
    """Only labels of turns on the border of two differ, and embeddings have nearly the same direction."""
    sounds, exact = recordings
    try:
        fewer = Engine(load_model(model, device="cpu", dtype=dtype))
    except OptionsError as error:
        if dtype != "bfloat16":  # which not every processor has
            raise
        pytest.skip(str(error))

    pairs = [(one, fewer.score(sound)[0]) for one, sound in zip(exact, sounds, strict=True)]

    assert len(pairs) > 250
    clear = [(a, b) for a, b in pairs if margin(a) >= 0.01]
    assert len(clear) >= 0.95 * len(pairs)
    assert [a.label for a, _ in clear] == [b.label for _, b in clear]
    assert all(
        b.scores[name] == pytest.approx(a.scores[name], abs=0.02)
        for a, b in pairs
        for name in a.scores
    )
    assert min(cosine(a.embedding, b.embedding) for a, b in pairs) >= 0.99


FEWER = (
    ("torch", "bfloat16"),
    ("onnx", "int8"),
    ("openvino", "int8"),
    ("openvino", "bfloat16"),
)


@pytest.fixture(scope="module")
def fewer(folder, files):
    def load(name, dtype):
        source = folder if name == "torch" else files["int8" if dtype == "int8" else "float32"]
        try:
            return load_model(f"{name}:{source}", device="cpu", dtype=dtype)
        except OptionsError:
            if dtype != "bfloat16":  # which not every processor has
                raise
            return None

    return {(name, dtype): load(name, dtype) for name, dtype in FEWER}


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(lengths=st.lists(st.integers(400, 30_000), min_size=1, max_size=6))
@pytest.mark.parametrize("model", FEWER, ids=":".join)
def test_lower_precision_is_close_in_any_batch(fewer, reference, model, lengths):
    if fewer[model] is None:
        pytest.skip("this processor does not support the dtype")
    waveforms = noise_of(lengths)

    for (found, _), (expected, _) in zip(
        fewer[model].run(waveforms), reference.run(waveforms), strict=True
    ):
        assert cosine(found.mean(0), expected.mean(0)) >= 0.99
        np.testing.assert_allclose(found, expected, atol=0.5, rtol=0)


@pytest.mark.parametrize("name", RUNTIMES)
def test_int8_is_close_and_smaller(files, graphs, name):
    eight = load_model(f"{name}:{files['int8']}", dtype="int8")
    waveforms = noise_of([16_000, 3_000])

    for (a, _), (b, _) in zip(eight.run(waveforms), graphs[name].run(waveforms), strict=True):
        assert 0.99 < cosine(a.mean(0), b.mean(0)) < 1
    assert eight.provenance.dtype == "int8"
    assert files["int8"].stat().st_size < files["float32"].stat().st_size


# The file.


def test_the_file_is_plain_onnx_with_dynamic_dimensions(files):
    for path in files.values():
        model = onnx.load(path)
        onnx.checker.check_model(model)
        assert {domain.domain for domain in model.opset_import} <= {"", "ai.onnx"}
        shapes = {
            each.name: [d.dim_param or d.dim_value for d in each.type.tensor_type.shape.dim]
            for each in [*model.graph.input, *model.graph.output]
        }
        assert shapes["waveforms"] == ["clips", "samples"]
        assert shapes["lengths"] == ["clips"]
        assert shapes["frame_embeddings"][:2] == ["clips", "frames"]


def test_the_file_can_be_used_without_this_package(files, reference):
    session = onnxruntime.InferenceSession(files["float32"])
    (waveform,) = noise_of([16_000])
    ((embeddings, logits),) = reference.run([waveform])
    rows = np.zeros((2, 20_000), np.float32)
    rows[0, :16_000] = waveform

    names = [each.name for each in session.get_outputs()]
    found = session.run(None, {"waveforms": rows, "lengths": np.array([16_000, 20_000])})
    outputs = dict(zip(names, found, strict=True))

    assert outputs["frames"].tolist() == [49, 62]
    np.testing.assert_allclose(outputs["embeddings"][0], embeddings.mean(0), atol=TOLERANCE)
    np.testing.assert_allclose(outputs["logits"][0], logits.mean(0), atol=TOLERANCE)
    assert not outputs["frame_embeddings"][0, 49:].any()
    assert not outputs["frame_logits"][0, 49:].any()


def test_a_graph_with_different_results_is_not_written(folder, tmp_path):
    class Other(TorchBackend):
        def run(self, waveforms):
            return [(embeddings + 1e-3, logits) for embeddings, logits in super().run(waveforms)]

    model = load_model(folder, device="cpu")
    other = Other(model.network, labels=model.labels, provenance=model.provenance, device="cpu")

    with pytest.raises(ExportError, match=r"at most 0\.0001 .* got 0\.001"):
        export(other, tmp_path / "other.onnx")
    assert list(tmp_path.iterdir()) == []


# Mistakes.


def test_only_a_torch_model_in_float32_is_exported(files, folder, tmp_path):
    graph = load_model(f"onnx:{files['float32']}")
    with pytest.raises(OptionsError, match="GraphBackend in float32"):
        export(graph, tmp_path / "again.onnx")
    half = load_model(folder, device="cpu", dtype="bfloat16")
    with pytest.raises(OptionsError, match="TorchBackend in bfloat16"):
        export(half, tmp_path / "half.onnx")
    with pytest.raises(OptionsError, match="float32 or int8, got 'int4'"):
        export(load_model(folder, device="cpu"), tmp_path / "small.onnx", dtype="int4")


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_dtype_that_differs_from_the_file_is_rejected(files, name):
    with pytest.raises(OptionsError, match=r"int8\.onnx has int8 .*'float32'.* int8"):
        load_model(f"{name}:{files['int8']}")
    with pytest.raises(OptionsError, match=r"float32\.onnx has float32 .*'int8'"):
        load_model(f"{name}:{files['float32']}", dtype="int8")


def test_a_dtype_that_a_runtime_does_not_support_is_rejected(folder):
    with pytest.raises(OptionsError, match=r"onnx: .*float32, int8, .*'bfloat16'"):
        load_model(f"onnx:{folder}", dtype="bfloat16")
    with pytest.raises(OptionsError, match=r"'int8'.* openvino:MODEL"):
        load_model(folder, device="cpu", dtype="int8")


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_device_that_a_runtime_does_not_support_is_rejected(files, name):
    with pytest.raises(OptionsError, match="'cuda:1'"):
        load_model(f"{name}:{files['float32']}", device="cuda:1")


@pytest.mark.parametrize("name", RUNTIMES)
def test_other_files_are_rejected_with_a_reason(tmp_path, name):
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "other", [value], [out]),
        opset_imports=[onnx.helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, tmp_path / "other.onnx")
    (tmp_path / "text.onnx").write_text("no graph")

    with pytest.raises(ExportError, match=r"other\.onnx: .*'emo2vec export'"):
        load_model(f"{name}:{tmp_path / 'other.onnx'}")
    with pytest.raises(ExportError, match=r"text\.onnx: .*cannot open"):
        load_model(f"{name}:{tmp_path / 'text.onnx'}")
    with pytest.raises(ModelNotFoundError, match=r"none\.onnx: .*'emo2vec export'"):
        load_model(f"{name}:{tmp_path / 'none.onnx'}")


def test_the_error_for_a_file_without_a_runtime_names_the_loaders(files):
    with pytest.raises(ModelNotFoundError, match=r"onnx:.* or openvino:"):
        load_model(str(files["float32"]))


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("onnx", "onnxruntime", r"\[onnx\]"),
        ("openvino", "openvino", r"\[openvino\]"),
    ],
)
def test_a_missing_runtime_is_named(files, monkeypatch, name, module, extra):
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtraError, match=extra):
        load_model(f"{name}:{files['float32']}")


def test_a_named_model_is_found_again_despite_a_folder_of_its_name(tmp_path, monkeypatch):
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path)
    engine = Engine(load_model("onnx:tiny"))

    assert pickle.loads(pickle.dumps(engine)).identity == engine.identity


SIGNAL_AFTER_TWO_MODELS = """
import os, signal, sys
from emo2vec_plugins import load_model

first, second = load_model(sys.argv[1]), load_model(sys.argv[1])
del first
del second
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="OpenVINO sets a signal stack only on Linux")
def test_signals_are_handled_after_openvino_models_are_deleted(files):
    command = [sys.executable, "-c", SIGNAL_AFTER_TWO_MODELS, f"openvino:{files['float32']}"]

    run = subprocess.run(command, capture_output=True, text=True)

    assert (run.returncode, run.stdout) == (0, "handled\n"), run.stderr


def test_exporting_needs_onnx(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)

    with pytest.raises(MissingExtraError, match=r"\[onnx\]"):
        export(load_model(folder, device="cpu"), tmp_path / "graph.onnx")


def test_a_graph_scores_an_audio_file(files, tmp_path):
    soundfile.write(tmp_path / "a.wav", noise_of([16_000])[0] * 0.1, 16_000)

    (emotion,) = Engine(load_model(f"onnx:{files['float32']}")).score(tmp_path / "a.wav")

    assert len(emotion.scores) == len(TOKENS)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_model_that_returns_nan_is_not_written(folder, tmp_path, dtype):
    class Broken(TorchBackend):
        def run(self, waveforms):
            return [(embeddings * np.nan, logits) for embeddings, logits in super().run(waveforms)]

    model = load_model(folder, device="cpu")
    broken = Broken(model.network, labels=model.labels, provenance=model.provenance, device="cpu")

    with pytest.raises(ExportError, match=r"broken\.onnx .*got nan"):
        export(broken, tmp_path / "broken.onnx", dtype=dtype)
    assert list(tmp_path.iterdir()) == []


class Interrupting(list):
    """Clips of which one cannot be read, as if Ctrl-C came between two calls."""

    interrupted = 0

    def __getitem__(self, index):
        if index == self.interrupted:
            raise KeyboardInterrupt
        return super().__getitem__(index)


@pytest.fixture
def several_threads():
    """Let torch use three threads, and so OpenVINO three streams."""
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_model_works_after_interrupts(files, reference, several_threads, name):
    model = load_model(f"{name}:{files['float32']}")
    # Too different to be in one group, so there are as many calls as clips.
    clips = noise_of([400 * 2**power for power in range(6)])

    for interrupted in range(len(clips)):
        some = Interrupting(clips)
        some.interrupted = interrupted
        with pytest.raises(KeyboardInterrupt):
            model.run(some)

    assert_same(model.run(clips), reference.run(clips))


IN_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from emo2vec_plugins import load_model

models = [load_model(name) for name in sys.argv[1:] for _ in range(2)]
clips = [np.sin(np.arange(400 * 2**power, dtype=np.float32)) for power in range(6)]
with ThreadPoolExecutor(8) as pool:
    found = [*pool.map(lambda place: models[place % len(models)].run(clips), range(24))]
for run in found[1:]:
    for (a, _), (b, _) in zip(run, found[0], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
print("same")
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNTIMES)
def test_models_can_be_used_from_several_threads(files, name):
    # In a process of its own: the very first calls are the ones that could wait for each other.
    command = [sys.executable, "-c", IN_THREADS, f"{name}:{files['float32']}"]

    run = subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert (run.returncode, run.stdout) == (0, "same\n"), run.stderr
