"""The command ``emo2vec`` itself: a group without commands of its own; plugins add them all.

Results go to stdout, everything else to stderr. Exit status: 0 when all went well, 1 for a
user's mistake, 2 for wrong usage, 3 when some items failed and the rest were written, 130 when
interrupted.
"""

from __future__ import annotations

import logging

import click

from emo2vec_plugins._version import __version__
from emo2vec_plugins.cli.group import PluginGroup


@click.group(cls=PluginGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="emo2vec")
@click.option(
    "--debug",
    is_flag=True,
    envvar="EMO2VEC_DEBUG",
    help="Show tracebacks, every warning and debug messages. Also: EMO2VEC_DEBUG=1.",
)
def main(*, debug: bool) -> None:
    """Emotion in speech, per speaker turn.

    Results go to stdout, everything else to stderr. The exit status is 1 for a mistake, 2 for
    wrong usage, 3 when some items failed and the rest were written.
    """
    if debug:
        logging.basicConfig(format="emo2vec: %(name)s: %(message)s")
        logging.getLogger("emo2vec_plugins").setLevel(logging.DEBUG)
