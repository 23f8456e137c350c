"""First weights with which a network reads a turn as statistics of its loud frames."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.models.config import Config
from emo2vec_plugins.models.network import Network
from emo2vec_plugins.models.packing import lay
from emo2vec_plugins.training.filter_bank import layers, set_filter_bank
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.statistics_start import start_with_statistics

SPEC = layers(24)
CONFIG = Config(
    width=32,
    heads=2,
    prenet_depth=1,
    depth=1,
    conv_layers=SPEC,
    position_depth=1,
    position_width=3,
    extra_tokens=2,
)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = Network(CONFIG, 4).eval()
    set_filter_bank(network.encoder, SPEC)
    start_with_statistics(network)
    return network


def frames_of(network, waveform):
    layout = lay([len(waveform)], gap=network.gap)
    with torch.no_grad():
        return network.encoder.frames(waveform, layout)


def test_the_first_channel_rises_with_the_level_of_a_frame(network):
    levels = torch.linspace(-2, 1, 50).exp().repeat_interleave(320)
    noise = torch.randn(len(levels), generator=torch.Generator().manual_seed(1)) * levels
    found = frames_of(network, noise)[:, 0]
    expected = levels.unfold(0, 400, 320).mean(1).log()
    assert torch.corrcoef(torch.stack([found, expected]))[0, 1] > 0.98


def test_attention_prefers_loud_frames_and_not_near_ones(network):
    block = network.encoder.context_encoder.blocks[0]
    x = torch.zeros(3, 32)
    x[:, 0] = torch.tensor([0.0, 0.0, 1.0])  # the level
    queries, keys, _ = block.attn.qkv(x).view(3, 3, 2, 16).unbind(1)
    logits = torch.einsum("ihd,jhd->hij", queries, keys) / 4
    weights = logits.softmax(-1)
    assert (weights[:, :, 2] > 4 * weights[:, :, 0]).all()
    torch.testing.assert_close(weights[..., 0], weights[..., 1])
    assert network.encoder.attention_slopes().eq(0).all()


def test_the_first_hidden_layer_measures_magnitudes(network):
    mlp = network.encoder.context_encoder.blocks[0].mlp
    x = torch.randn(5, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(mlp(x), mlp(-x))
        assert mlp(2 * x).sub(mlp.fc2.bias).norm() > 1.5 * mlp(x).sub(mlp.fc2.bias).norm()


def test_the_positions_are_nearly_constant(network):
    seconds = torch.randn(16_000, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        x = network.encoder.project_features(network.encoder.local_encoder(seconds))
    positions = frames_of(network, seconds) - x
    assert positions.std(0).mean() < 0.2 * positions.mean(0).std()


def test_a_network_without_blocks_is_refused():
    network = Network(replace(CONFIG, prenet_depth=0, depth=0), 4)
    with pytest.raises(OptionsError) as error:
        start_with_statistics(network)
    assert "depth 0" in str(error.value)


def test_a_recipe_with_statistics_needs_a_filter_bank():
    with pytest.raises(OptionsError) as error:
        Recipe(tune="new", start="statistics")
    assert "filter-bank" in str(error.value)
