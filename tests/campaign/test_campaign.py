"""A short run of each campaign."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st
from pytest_socket import enable_socket

from campaign.damage import SHAPES, is_sound
from campaign.disturb import fault, flip, kill
from campaign.fuzz import fuzz
from campaign.hostile import run_hostile
from campaign.readers import READ, REFUSED, UNPARSED
from campaign.scenarios import all_scenarios
from campaign.targets import all_readers

pytestmark = [
    pytest.mark.slow,
    # The child is forked on purpose: it starts with everything imported.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
    # audformat calls pandas in a way that pandas 3.1 warns about.
    pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return all_readers(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory):
    return all_scenarios(tmp_path_factory.mktemp("inputs"))


@pytest.fixture
def run(tmp_path):
    def run(campaign, things, n):
        keep = tmp_path / "keep"
        keep.mkdir()
        tally = campaign(things, n=n, first=0, scratch=tmp_path / "cases", keep=keep)
        assert not tally.failures, "\n".join(tally.failures)
        assert tally.cases >= n
        return tally

    return run


def test_damaged_files_are_read_or_refused(readers, run):
    tally = run(fuzz, readers, 400)

    assert tally.outcomes[READ] > 50
    assert tally.outcomes[REFUSED] > 50
    assert tally.outcomes[UNPARSED] < 0.6 * tally.cases


def test_the_samples_are_read(readers, run):
    intact = [replace(reader, shape="intact") for reader in readers]
    tally = run(fuzz, intact, len(intact))

    assert set(tally.outcomes) == {READ}, dict(tally.parts)


@pytest.mark.parametrize("shape", sorted({*SHAPES} - {"intact"}))
def test_a_change_of_values_keeps_the_syntax(readers, shape):
    change, _, _ = SHAPES[shape]
    samples = [each.sample for each in readers if each.shape == shape]
    kept = []

    @seed(0)
    @settings(max_examples=40, phases=[Phase.generate], database=None, deadline=None)
    @given(st.data())
    def change_one(data):
        sample = data.draw(st.sampled_from(samples))
        kept.append(is_sound(change(data.draw, sample), shape))

    change_one()

    assert sum(kept) > 0.6 * len(kept)


def test_nothing_in_a_file_is_executed(readers, run):
    enable_socket()  # a payload must be able to connect
    run(run_hostile, readers, 200)


@pytest.mark.parametrize("campaign", [kill, fault])
def test_a_disturbed_run_ends_as_if_nothing_had_happened(scenarios, run, campaign):
    tally = run(campaign, scenarios, 24)

    assert tally.outcomes == {"equal bytes": 24}


def test_flipped_bits_are_found(scenarios, run):
    tally = run(flip, scenarios, 14)

    assert tally.outcomes["equal bytes"] > 0
