"""WebVTT, captions for video players: the turns in cues, and the blocks of a file."""
