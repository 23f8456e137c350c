"""Long tests against damage: ``python tests/campaign --help``; docs/campaign.md has the figures."""
