"""Test helpers: models, cuts, files, dialogues, and a browser."""
