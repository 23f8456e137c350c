"""Praat's TextGrid: writing in its long and short form, and reading either."""
