"""Helpers of the tests: makers of models, cuts, files and dialogues, and a browser."""
