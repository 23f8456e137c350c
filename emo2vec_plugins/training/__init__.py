"""Training: from cuts with emotion labels to a model folder in the published layout."""
