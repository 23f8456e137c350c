"""EmotionML, the W3C's XML for emotions: writing, reading, its times and its names."""
