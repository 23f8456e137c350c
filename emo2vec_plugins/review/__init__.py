"""Corrections coming home: what people changed, how far they agree, and cuts to train on."""
