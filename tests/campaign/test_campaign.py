"""A short run of each campaign."""

from __future__ import annotations

import pytest

from campaign.fuzz import fuzz
from campaign.hostile import run_hostile
from campaign.targets import all_readers

pytestmark = [
    pytest.mark.slow,
    # The child is forked on purpose: it starts with everything imported.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

SEED = 0


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return all_readers(tmp_path_factory.mktemp("samples"))


def test_damaged_files_are_read_or_refused(readers, tmp_path):
    (tmp_path / "keep").mkdir()
    tally = fuzz(readers, n=600, first=SEED, scratch=tmp_path / "cases", keep=tmp_path / "keep")

    assert not tally.failures, "\n".join(tally.failures)
    assert tally.cases >= 600
    assert tally.outcomes["read"] > 50
    assert tally.outcomes["refused"] > 50


def test_nothing_in_a_file_is_executed(readers, tmp_path):
    (tmp_path / "keep").mkdir()
    tally = run_hostile(
        readers, n=300, first=SEED, scratch=tmp_path / "cases", keep=tmp_path / "keep"
    )

    assert not tally.failures, "\n".join(tally.failures)
    assert tally.cases >= 300
