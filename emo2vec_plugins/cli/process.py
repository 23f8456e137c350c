"""The entry point of the command ``emo2vec``."""

from __future__ import annotations

from emo2vec_plugins.cli.signals import end_at_once


def run() -> None:
    """Run the group `main` in a process of its own, with its signals and standard streams."""
    end_at_once()  # before the imports that take time
    from emo2vec_plugins.cli.group import main
    from emo2vec_plugins.cli.streams import open_closed_streams

    open_closed_streams()
    main(prog_name="emo2vec")
