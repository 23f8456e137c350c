"""A short run of each campaign."""

from __future__ import annotations

import pytest
from pytest_socket import enable_socket

from campaign.disturb import fault, flip, kill
from campaign.fuzz import fuzz
from campaign.hostile import run_hostile
from campaign.scenarios import all_scenarios
from campaign.targets import all_readers

pytestmark = [
    pytest.mark.slow,
    # The child is forked on purpose: it starts with everything imported.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
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

    assert tally.outcomes["read"] > 50
    assert tally.outcomes["refused"] > 50


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
