"""Adds the core commands through the same hook as any plugin."""

from __future__ import annotations

import click

from emo2vec_plugins.cli.lazy import lazy_command
from emo2vec_plugins.core import hookimpl


@hookimpl
def emo2vec_commands(cli: click.Group) -> None:
    """Add commands, each imported when it is used."""

    @lazy_command(cli, "convert", "Write annotations in another format.", section="Use results")
    def convert() -> click.Command:
        from emo2vec_plugins.cli.convert import convert_command

        return convert_command

    @lazy_command(cli, "cuts", "Score the supervisions of Lhotse cuts.", section="Annotate")
    def cuts() -> click.Command:
        from emo2vec_plugins.cli.cuts import cuts_command

        return cuts_command

    @lazy_command(cli, "demo", "Score a sample conversation of 30 s, offline.", section="Annotate")
    def demo() -> click.Command:
        from emo2vec_plugins.cli.demo import demo_command

        return demo_command

    @lazy_command(
        cli, "diarize", "Diarize with pyannote, then score each turn.", section="Annotate"
    )
    def diarize() -> click.Command:
        from emo2vec_plugins.cli.diarize import diarize_command

        return diarize_command

    @lazy_command(
        cli, "export", "Write a model's network as an ONNX file.", section="Models and plugins"
    )
    def export() -> click.Command:
        from emo2vec_plugins.cli.export import export_command

        return export_command

    @lazy_command(cli, "formats", "List annotation formats, for --format.", section="Use results")
    def formats() -> click.Command:
        from emo2vec_plugins.cli.models import formats_command

        return formats_command

    @lazy_command(cli, "kaldi", "Score the utterances of a Kaldi data folder.", section="Annotate")
    def kaldi() -> click.Command:
        from emo2vec_plugins.cli.kaldi import kaldi_command

        return kaldi_command

    @lazy_command(cli, "models", "List named models, for --model.", section="Models and plugins")
    def models() -> click.Command:
        from emo2vec_plugins.cli.models import models_command

        return models_command

    @lazy_command(cli, "nemo", "Score the lines of a NeMo manifest.", section="Annotate")
    def nemo() -> click.Command:
        from emo2vec_plugins.cli.nemo import nemo_command

        return nemo_command

    @lazy_command(
        cli, "picture", "Draw who speaks when, and in which emotion.", section="Use results"
    )
    def picture() -> click.Command:
        from emo2vec_plugins.cli.picture import picture_command

        return picture_command

    @lazy_command(
        cli,
        "plugins",
        "List plugins, their hooks, formats, models and commands.",
        section="Models and plugins",
    )
    def plugins() -> click.Command:
        from emo2vec_plugins.cli.models import plugins_command

        return plugins_command

    @lazy_command(
        cli, "report", "Write an HTML page that shows and plays a recording.", section="Use results"
    )
    def report() -> click.Command:
        from emo2vec_plugins.cli.report import report_command

        return report_command

    @lazy_command(cli, "rttm", "Score the speaker turns of an RTTM.", section="Annotate")
    def rttm() -> click.Command:
        from emo2vec_plugins.cli.rttm import rttm_command

        return rttm_command

    @lazy_command(cli, "score", "Score audio files, one JSON line for each.", section="Annotate")
    def score() -> click.Command:
        from emo2vec_plugins.cli.score import score_command

        return score_command

    @lazy_command(
        cli,
        "selfcheck",
        "Compare a model with its published scores.",
        section="Models and plugins",
    )
    def selfcheck() -> click.Command:
        from emo2vec_plugins.cli.selfcheck import selfcheck_command

        return selfcheck_command
