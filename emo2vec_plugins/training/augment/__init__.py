"""Augmentation: random changes of waveforms, in the order of a recipe's fields."""
