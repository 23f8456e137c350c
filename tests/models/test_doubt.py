"""The measure of doubt in a model folder: its arithmetic, its file, and the loaders that read it."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logit, softmax
from scipy.stats import ortho_group
from support.facts import assert_facts
from support.reference import SMALL, TOKENS, save_reference

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.errors import CheckpointError, ExportError, OptionsError
from emo2vec_plugins.models.checkpoint import FILES
from emo2vec_plugins.models.doubt import (
    DOUBT,
    MOST_CERTAIN,
    Cloud,
    FittedDoubt,
    certainty,
    doubt_of,
    read_doubt,
)
from emo2vec_plugins.models.onnx.export import FACTS, read_facts

WIDTH, CLASSES = 6, 2
FINITE = st.floats(-1e6, 1e6)


def measure_of(width=WIDTH, directions=2, **changed):
    random = np.random.default_rng(0)
    cloud = Cloud(
        means=random.standard_normal((2, width)),
        directions=ortho_group.rvs(width, random_state=0)[:directions],
        variances=np.arange(directions, 0, -1) + 1.0,
        rest=0.25,
    )
    given = {"threshold": 0.4, "bias": 0.1, "certainty": -0.8, "distance": 1.5, "cloud": cloud}
    return FittedDoubt(**given | changed)


def document_of(**changed):
    return measure_of().to_document() | changed


def test_the_certainty_is_the_logit_of_the_largest_probability():
    logits = np.random.default_rng(0).standard_normal((20, 5)) * 3

    np.testing.assert_allclose(certainty(logits), logit(softmax(logits, axis=1).max(axis=1)))
    np.testing.assert_allclose(certainty(logits[0]), logit(softmax(logits[0]).max()))


@pytest.mark.parametrize("logits", [[3.0], [1e9, 0.0], [0.0, -np.inf], [0.0, -30.0]])
def test_the_certainty_of_a_sure_or_only_class_is_bounded(logits):
    assert certainty(np.array(logits)) == MOST_CERTAIN


def test_equal_classes_are_as_unsure_as_can_be():
    assert certainty(np.zeros(4)) == pytest.approx(logit(0.25))


def test_the_distance_is_that_of_the_whole_covariance():
    cloud = measure_of().cloud
    embeddings = np.random.default_rng(1).standard_normal((10, WIDTH))
    along = cloud.directions.T @ np.diag(cloud.variances) @ cloud.directions
    outside = cloud.rest * (np.eye(WIDTH) - cloud.directions.T @ cloud.directions)
    inverse = np.linalg.inv(along + outside)
    centred = embeddings[:, None] - cloud.means

    squared = np.einsum("nki,ij,nkj->nk", centred, inverse, centred).min(axis=1)

    np.testing.assert_allclose(cloud.distance(embeddings), np.log1p(squared / WIDTH))
    assert cloud.distance(cloud.means).tolist() == [0.0, 0.0]


@given(
    embedding=arrays(np.float64, WIDTH, elements=st.floats(-1e30, 1e30)),
    logits=arrays(np.float64, 3, elements=FINITE),
)
def test_every_result_has_a_doubt(embedding, logits):
    assert 0.0 <= measure_of()(embedding, logits) <= 1.0


@given(
    logits=arrays(np.float64, 3, elements=st.floats(-30, 30)),
    steps=st.tuples(st.floats(0, 10), st.floats(0, 10)),
)
def test_more_certainty_and_less_distance_never_raise_the_doubt(logits, steps):
    measure = measure_of()
    away = measure.cloud.means[0] - measure.cloud.means[1]
    near, far = (measure.cloud.means[0] + sum(steps[:n]) * away for n in (1, 2))
    surer = logits.copy()
    surer[logits.argmax()] += 1.0

    assert measure(near, logits) <= measure(far, logits)
    assert measure(near, surer) <= measure(near, logits)


# The file.


@pytest.mark.parametrize("directions", [0, 1, WIDTH - 1])
def test_a_measure_survives_its_document(directions):
    measure = measure_of(directions=directions)
    document = json.loads(json.dumps(measure.to_document()))

    again = doubt_of(document, width=WIDTH, classes=CLASSES, where="x")

    assert again.sha256 == measure.sha256
    assert again.threshold == measure.threshold
    embedding, logits = np.ones(WIDTH), np.array([1.0, 0.0])
    assert again(embedding, logits) == pytest.approx(measure(embedding, logits), abs=1e-6)


def test_another_measure_has_another_digest():
    assert measure_of(bias=0.2).sha256 != measure_of().sha256


def save(folder, document):
    (folder / DOUBT).write_text(document if isinstance(document, str) else json.dumps(document))


@pytest.mark.parametrize(
    ("changed", "facts"),
    [
        ({"threshold": 1.5}, ("threshold", "0 to 1", "1.5")),
        ({"threshold": None}, ("threshold", "number", "None")),
        ({"threshold": True}, ("threshold", "number", "True")),
        ({"bias": float("nan")}, ("bias",)),
        ({"bias": "0.5"}, ("bias", "'0.5'")),
        ({"certainty": 0.5}, ("certainty", "to 0", "0.5")),
        ({"distance": -0.5}, ("distance", "from 0", "-0.5")),
        ({"rest": 0.0}, ("rest", "0.0")),
        ({"variances": [1.0, -1.0]}, ("variances", "-1.0")),
        ({"variances": 7}, ("variances", "list", "7")),
        ({"variances": [1.0] * 50}, ("directions", "50")),
        ({"means": []}, ("means", f"1 x {WIDTH} numbers")),
        ({"means": [[1.0] * WIDTH] * 3}, ("means", "at most 2", "found 3")),
        ({"means": [1.0, 2.0]}, ("means", f"2 x {WIDTH} numbers")),
        ({"means": [[[1.0]] * WIDTH]}, ("means", f"1 x {WIDTH} numbers")),
        ({"means": [[1e308] * WIDTH]}, ("means", "1e+30")),
        ({"directions": [[1.0] * WIDTH]}, ("directions", f"2 x {WIDTH}")),
        ({"directions": [[1.0] * WIDTH] * 2}, ("orthonormal",)),
        ({"directions": [["a"] * WIDTH] * 2}, ("directions",)),
    ],
)
def test_a_wrong_number_is_named(tmp_path, changed, facts):
    save(tmp_path, document_of(**changed))

    with pytest.raises(CheckpointError) as raised:
        read_doubt(tmp_path, width=WIDTH, classes=CLASSES)
    assert_facts(str(raised.value), DOUBT, *facts)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize("text", ["[]", "{", "null", "\0", "[" * 10**5, "{" + " " * (17 << 20)])
def test_a_file_that_is_no_measure_is_refused(tmp_path, text):
    save(tmp_path, text)

    with pytest.raises(CheckpointError) as raised:
        read_doubt(tmp_path, width=WIDTH, classes=CLASSES)
    assert_facts(str(raised.value), DOUBT)


@pytest.mark.parametrize("kind", ["broken link", "loop", "pipe", "folder"])
def test_what_is_no_file_is_refused(tmp_path, kind):
    path = tmp_path / DOUBT
    {
        "broken link": lambda: path.symlink_to("nowhere"),
        "loop": lambda: path.symlink_to(DOUBT),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }[kind]()

    with pytest.raises(CheckpointError) as raised:
        read_doubt(tmp_path, width=WIDTH, classes=CLASSES)
    assert_facts(str(raised.value), path, "expected a file")


@pytest.mark.parametrize("name", [*document_of()])
def test_a_missing_number_is_named(tmp_path, name):
    document = document_of()
    del document[name]
    save(tmp_path, document)

    with pytest.raises(CheckpointError) as raised:
        read_doubt(tmp_path, width=WIDTH, classes=CLASSES)
    assert_facts(str(raised.value), DOUBT, name)


# The loaders.


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random model with a measure of doubt."""
    path = tmp_path_factory.mktemp("doubt") / "model"
    save_reference(path, SMALL, TOKENS)
    save(path, measure_of(SMALL.width).to_document())
    return path


def scored(model, noise, **options):
    return Engine(model, **options).score((noise(16_000), 16_000))[0]


def test_a_folder_with_the_file_gives_doubts(folder, noise):
    backend = load_model(folder, device="cpu")

    emotion = scored(backend, noise)

    logits = np.array(list(emotion.logits.values()))
    assert emotion.doubt == backend.doubt(emotion.embedding, logits)
    assert scored(backend, noise, abstain=emotion.doubt / 2).withheld
    assert not scored(backend, noise, abstain=emotion.doubt).withheld
    assert Engine(backend, abstain=True).identity["abstain"] == 0.4


def test_a_folder_without_the_file_has_no_measure(tmp_path, noise):
    save_reference(tmp_path / "model", SMALL, TOKENS)
    backend = load_model(tmp_path / "model", device="cpu")

    assert scored(backend, noise).doubt is None
    with pytest.raises(OptionsError, match="emo2vec calibrate"):
        Engine(backend, abstain=True)


def test_a_measure_of_another_model_is_refused(tmp_path):
    save_reference(tmp_path / "model", SMALL, TOKENS)
    save(tmp_path / "model", document_of())

    with pytest.raises(CheckpointError) as raised:
        load_model(tmp_path / "model", device="cpu")
    assert_facts(str(raised.value), DOUBT, "means", f"2 x {SMALL.width} numbers")


@pytest.mark.parametrize("loader", ["onnx", "openvino", "funasr"])
def test_other_loaders_of_the_folder_give_the_same_doubts(folder, noise, loader):
    pytest.importorskip({"onnx": "onnxruntime"}.get(loader, loader))
    expected = scored(load_model(folder, device="cpu"), noise)

    backend = load_model(f"{loader}:{folder}", device="cpu")

    assert scored(backend, noise).doubt == pytest.approx(expected.doubt, abs=1e-3)
    assert backend.doubt.sha256 == load_model(folder, device="cpu").doubt.sha256
    assert scored(backend, noise, abstain=0.0).withheld


def test_the_file_is_downloaded_from_hubs():
    assert DOUBT in FILES


FACTS_OF_A_GRAPH = {
    "width": WIDTH,
    "normalize": True,
    "dtype": "float32",
    "provenance": {"model": "m", "tokens": ["angry", "sad"]},
}


def facts_with(tmp_path, **more):
    return read_facts({FACTS: json.dumps(FACTS_OF_A_GRAPH | more)}, tmp_path / "m.onnx")


def test_graphs_of_earlier_versions_have_no_measure(tmp_path):
    assert facts_with(tmp_path)["doubt"] is None


def test_a_wrong_number_in_a_graph_is_named(tmp_path):
    assert facts_with(tmp_path, doubt=document_of())["doubt"].sha256 == measure_of().sha256
    for wrong in (document_of(threshold=2), [1], "much"):
        with pytest.raises(ExportError) as raised:
            facts_with(tmp_path, doubt=wrong)
        assert_facts(str(raised.value), "m.onnx", "doubt")
