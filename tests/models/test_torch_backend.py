"""Running packed batches on a device, even if a batch does not fit in its memory."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from support.reference import SMALL, TOKENS

from emo2vec_plugins.core.labels import LabelSet
from emo2vec_plugins.core.loading import load_model
from emo2vec_plugins.core.values import Provenance
from emo2vec_plugins.errors import Emo2vecError, OptionsError
from emo2vec_plugins.models.attention import alibi_slopes
from emo2vec_plugins.models.network import Network
from emo2vec_plugins.models.torch_backend import TorchBackend


class SmallDevice(Network):
    """Runs out of CUDA memory above a number of samples."""

    limit = 40_000

    def __init__(self, config, classes):
        super().__init__(config, classes)
        self.sizes = []

    def forward(self, waveform, layout):
        self.sizes.append(len(waveform))
        if len(waveform) > self.limit:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return super().forward(waveform, layout)


@pytest.fixture
def backend():
    torch.manual_seed(0)
    return TorchBackend(
        SmallDevice(SMALL, len(TOKENS)),
        labels=LabelSet.from_tokens(TOKENS),
        provenance=Provenance(model="small"),
        device="cpu",
    )


@pytest.fixture
def waveforms():
    random = np.random.default_rng(0)
    return [random.standard_normal(n).astype(np.float32) for n in (16_000, 20_000, 400, 9_000)]


def test_a_batch_that_does_not_fit_is_split_and_tried_again(backend, waveforms):
    together = backend.run(waveforms)

    assert max(backend.network.sizes) > backend.network.limit
    assert sum(size <= backend.network.limit for size in backend.network.sizes) == 2
    for waveform, (embeddings, logits) in zip(waveforms, together, strict=True):
        alone, logits_alone = backend.run([waveform])[0]
        np.testing.assert_allclose(embeddings, alone, atol=1e-5)
        np.testing.assert_allclose(logits, logits_alone, atol=1e-5)


def test_the_error_for_a_waveform_that_does_not_fit_gives_advice(backend):
    with pytest.raises(Emo2vecError, match=r"50000 samples.*max_window"):
        backend.run([np.zeros(50_000, np.float32)])


def test_running_computes_no_gradients_and_changes_no_weights(backend, waveforms):
    before = {name: value.clone() for name, value in backend.network.state_dict().items()}

    backend.run(waveforms[2:])

    assert not backend.network.training
    assert not any(value.requires_grad for value in backend.network.parameters())
    assert all(torch.equal(before[n], v) for n, v in backend.network.state_dict().items())


@pytest.mark.parametrize("heads", [1, 2, 3, 6, 8, 12, 16])
def test_slopes_equal_the_reference(heads):
    pytest.importorskip("funasr")
    level = logging.root.level
    from funasr.models.emotion2vec.base import get_alibi

    logging.root.setLevel(level)
    expected = -get_alibi(2, heads)[:, 0, 1]

    assert alibi_slopes(heads) == pytest.approx(expected.tolist(), rel=1e-6)


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="this machine has the device")
def test_a_device_that_torch_was_built_without_is_rejected(backend):
    with pytest.raises(OptionsError, match="device 'mps'"):
        backend.to("mps")


def test_the_error_for_an_unknown_device_lists_the_devices():
    with pytest.raises(OptionsError) as caught:
        load_model("tiny", device="gpu")

    for fact in ("'gpu'", "cpu", "cuda:1", "mps"):
        assert fact in str(caught.value)
