"""``python tests/campaign``: run a campaign and print its figures."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from campaign.disturb import fault, flip, kill
from campaign.fuzz import fuzz
from campaign.hostile import run_hostile
from campaign.isolated import Tally
from campaign.readers import UNPARSED
from campaign.scenarios import all_scenarios
from campaign.targets import all_readers

READING = {"fuzz": fuzz, "hostile": run_hostile}
WRITING = {"kill": kill, "fault": fault, "flip": flip}


def main() -> int:
    """Run the campaign of the command line; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python tests/campaign", description=__doc__)
    parser.add_argument("campaign", choices=[*READING, *WRITING])
    parser.add_argument("--n", type=int, default=1000, help="number of cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="readers or commands whose name contains this")
    parser.add_argument("--keep", type=Path, default=None, help="folder for failed cases")
    given = parser.parse_args()
    keep = given.keep or Path(tempfile.mkdtemp(prefix="campaign-"))
    keep.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        samples, cases = Path(scratch, "samples"), Path(scratch, "cases")
        samples.mkdir()
        things = all_readers(samples) if given.campaign in READING else all_scenarios(samples)
        chosen = [each for each in things if given.only in each.name]
        run = {**READING, **WRITING}[given.campaign]
        tally = run(chosen, n=given.n, first=given.seed, scratch=cases, keep=keep)
    return report(tally, seconds=time.monotonic() - started)


def report(tally: Tally, *, seconds: float) -> int:
    """Print the counts and failures of a campaign; return its exit status."""
    for failure in tally.failures:
        sys.stdout.write(f"{failure}\n\n")
    for name, found in sorted(tally.parts.items()):
        share = 1 - found[UNPARSED] / found.total()
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(found.items()))
        sys.stdout.write(f"{name}: {share:.0%} beyond the parser: {counts}\n")
    counts = ", ".join(f"{count} {name}" for name, count in sorted(tally.outcomes.items()))
    sys.stdout.write(f"{tally.cases} cases in {seconds:.0f} s: {counts}\n")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
