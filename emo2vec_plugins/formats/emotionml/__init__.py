"""EmotionML, the W3C's XML for emotions: writing, and reading documents of others, too."""
