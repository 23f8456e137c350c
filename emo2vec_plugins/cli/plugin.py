"""The commands of the core, of the hosts and of pictures, through the hook that any plugin may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emo2vec_plugins.cli.lazy import lazy_command
from emo2vec_plugins.core import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add the commands; each is imported when it is used."""

    @lazy_command(cli, "convert", "Write annotations in another format.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.convert import convert

        return convert

    @lazy_command(cli, "cuts", "Score the supervisions of Lhotse cuts.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.cuts import cuts

        return cuts

    @lazy_command(cli, "demo", "Try it on a conversation of 30 s, offline.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.demo import demo

        return demo

    @lazy_command(cli, "diarize", "Diarize with pyannote, then score each turn.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.diarize import diarize

        return diarize

    @lazy_command(cli, "export", "Write a model's network as an ONNX file.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.export import export

        return export

    @lazy_command(cli, "kaldi", "Score the utterances of a Kaldi data folder.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.kaldi import kaldi

        return kaldi

    @lazy_command(cli, "models", "List the models that have a name.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.listings import models

        return models

    @lazy_command(cli, "nemo", "Score the lines of a NeMo manifest.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.nemo import nemo

        return nemo

    @lazy_command(cli, "picture", "Draw who speaks when, and in which emotion.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.picture import picture

        return picture

    @lazy_command(cli, "plugins", "List plugins and what they offer.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.listings import plugins

        return plugins

    @lazy_command(cli, "report", "Show a recording on a page, with its sound.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.report import report

        return report

    @lazy_command(cli, "rttm", "Score the speaker turns of an RTTM.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.rttm import rttm

        return rttm

    @lazy_command(cli, "score", "Score audio files, one JSON line for each.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.score import score

        return score

    @lazy_command(cli, "selfcheck", "Compare the model with its published scores.")
    def _() -> click.Command:
        from emo2vec_plugins.cli.selfcheck import selfcheck

        return selfcheck
