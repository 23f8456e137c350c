"""The command ``emo2vec``: each of its commands is one call of the library.

Results go to stdout, everything else to stderr. Exit status: 0 when all went well, 1 for a
user's mistake, 2 for wrong usage, 3 when some items failed and the rest were written, 130 when
interrupted. Plugins add commands of their own through the hook ``emo2vec_commands``; the names
here are what they may use for that.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins import __version__
from emo2vec_plugins.cli.group import PluginGroup
from emo2vec_plugins.cli.lazy import LazyCommand

if TYPE_CHECKING:
    from emo2vec_plugins.cli.group import plugins_of
    from emo2vec_plugins.cli.options import Scoring, scoring_options
    from emo2vec_plugins.cli.output import Tally, note, progress

__all__ = ["Scoring", "Tally", "main", "note", "plugins_of", "progress", "scoring_options"]

_HOMES = {
    "Scoring": "options",
    "Tally": "output",
    "note": "output",
    "plugins_of": "group",
    "progress": "output",
    "scoring_options": "options",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


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


for _name, _module, _help in (
    ("convert", "convert", "Write annotations in another format."),
    ("demo", "demo", "Try it on a conversation of 30 s, offline."),
    ("models", "listings", "List the models that have a name."),
    ("plugins", "listings", "List plugins and what they offer."),
    ("rttm", "rttm", "Score the speaker turns of an RTTM."),
    ("score", "score", "Score audio files, one JSON line for each."),
    ("selfcheck", "selfcheck", "Compare the model with its published scores."),
):
    main.add_command(LazyCommand(_name, f"{__name__}.{_module}", _help))
