"""The command ``emo2vec``: each of its commands is one call of the library.

Results go to stdout, everything else to stderr. Exit status: 0 when all went well, 1 for a
user's mistake, 2 for wrong usage, 3 when some items failed and the rest were written, 130 when
interrupted. Plugins add commands of their own through the hook ``emo2vec_commands``; the names
here are what they may use for that.
"""

from __future__ import annotations

import logging

import click

from emo2vec_plugins import __version__
from emo2vec_plugins.cli.demo import demo as _demo
from emo2vec_plugins.cli.group import PluginGroup, plugins_of
from emo2vec_plugins.cli.listings import models as _models
from emo2vec_plugins.cli.listings import plugins as _plugins
from emo2vec_plugins.cli.options import Scoring, scoring_options
from emo2vec_plugins.cli.output import Tally, note, progress
from emo2vec_plugins.cli.rttm import rttm as _rttm
from emo2vec_plugins.cli.score import score as _score
from emo2vec_plugins.cli.selfcheck import selfcheck as _selfcheck

__all__ = ["Scoring", "Tally", "main", "note", "plugins_of", "progress", "scoring_options"]


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


for _command in (_demo, _models, _plugins, _rttm, _score, _selfcheck):
    main.add_command(_command)
