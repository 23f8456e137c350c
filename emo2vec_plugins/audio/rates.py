"""Sampling rates of audio that can be used."""

from __future__ import annotations

LEAST_RATE = 1_000
"""Lowest sampling rate in Hz: one sample of a file becomes at most 16 for the model."""

MOST_RATE = 10_000_000
"""Highest sampling rate in Hz."""
