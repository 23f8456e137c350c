"""The commands of the core, of the hosts and of pictures, through the hook that any plugin may use."""

from __future__ import annotations

import click

from emo2vec_plugins.cli.group import add_lazy_commands
from emo2vec_plugins.core import hookimpl

COMMANDS = {
    "convert": ("convert:convert_command", "Write annotations in another format."),
    "cuts": ("cuts:cuts_command", "Score the supervisions of Lhotse cuts."),
    "demo": ("demo:demo_command", "Try it on a conversation of 30 s, offline."),
    "diarize": ("diarize:diarize_command", "Diarize with pyannote, then score each turn."),
    "export": ("export:export_command", "Write a model's network as an ONNX file."),
    "kaldi": ("kaldi:kaldi_command", "Score the utterances of a Kaldi data folder."),
    "models": ("models:models_command", "List the models that have a name."),
    "nemo": ("nemo:nemo_command", "Score the lines of a NeMo manifest."),
    "picture": ("picture:picture_command", "Draw who speaks when, and in which emotion."),
    "plugins": ("models:plugins_command", "List plugins and what they offer."),
    "report": ("report:report_command", "Show a recording on a page, with its sound."),
    "rttm": ("rttm:rttm_command", "Score the speaker turns of an RTTM."),
    "score": ("score:score_command", "Score audio files, one JSON line for each."),
    "selfcheck": ("selfcheck:selfcheck_command", "Compare the model with its published scores."),
}


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported when it is used."""
    add_lazy_commands(cli, __package__, COMMANDS)
