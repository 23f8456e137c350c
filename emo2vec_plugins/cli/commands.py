"""The commands that are not always needed, added through the hook that any plugin may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emo2vec_plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands that not every run has a use for; each is imported when it is used."""
    from emo2vec_plugins.cli.lazy import LazyCommand

    for name, module, short_help in (
        ("bench", "bench", "Measure how fast this machine runs a model."),
        ("calibrate", "calibrate", "Make a model's scores mean what they say."),
        ("cuts", "cuts", "Score the supervisions of Lhotse cuts."),
        ("diarize", "diarize", "Diarize with pyannote, then score each turn."),
        ("evaluate", "evaluate", "Compare predictions with what people say."),
        ("export", "export", "Write a model's network as an ONNX file."),
        ("kaldi", "kaldi", "Score the utterances of a Kaldi data folder."),
        ("nemo", "nemo", "Score the lines of a NeMo manifest."),
        ("picture", "picture", "Draw who speaks when, and in which emotion."),
        ("pseudo-label", "pseudo_label", "Label turns where a model is to be trusted."),
        ("report", "report", "Show a recording on a page, with its sound."),
        ("review", "review", "Have people correct emotions, and bring that home."),
        ("train", "train", "Train a model on Lhotse cuts with emotion labels."),
    ):
        cli.add_command(LazyCommand(name, f"emo2vec_plugins.cli.{module}", short_help))
