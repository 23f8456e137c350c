"""Checks of training data: what could spoil a model, found before hours of training."""
