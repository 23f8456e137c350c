"""A Kaldi data folder for tests."""

from __future__ import annotations


def make_folder(tmp_path, write, noise):
    """Make a folder of two recordings and three utterances, whose sort orders differ."""
    write("b.wav", noise(32_000, seed=1), 16_000)
    write("a.wav", noise(16_000, seed=2), 16_000)
    path = tmp_path / "data"
    path.mkdir()
    (path / "wav.scp").write_text(f"r1 {tmp_path / 'b.wav'}\nr2 {tmp_path / 'a.wav'}\n")
    (path / "segments").write_text("A-1 r2 0.25 -1\nA-2 r1 0.5 2.0\nB-1 r1 0 1.0\n")
    (path / "utt2spk").write_text("A-1 A\nA-2 A\nB-1 B\n")
    return path
