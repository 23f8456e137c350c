"""Evaluation: how right a model is on turns whose emotion people have labelled, and how sure.

Metrics come from scikit-learn and pyannote.metrics; what is ours is reading truth and predictions,
and saying what the numbers are of.
"""
