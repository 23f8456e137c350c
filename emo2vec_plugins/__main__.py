"""The command ``emo2vec``, also as ``python -m emo2vec_plugins``."""


def run() -> None:
    """Run the command line in a process of its own."""
    from emo2vec_plugins.cli.signals import end_at_once

    end_at_once()  # before the imports that take time
    from emo2vec_plugins.cli.group import main
    from emo2vec_plugins.cli.streams import open_closed_streams

    open_closed_streams()
    main(prog_name="emo2vec")


if __name__ == "__main__":
    run()
