"""Evaluation: how right a model is on cuts whose emotion people have labelled."""
