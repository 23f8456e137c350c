"""Run the command ``emo2vec`` with ``python -m emo2vec_plugins``."""

from emo2vec_plugins.cli import main

if __name__ == "__main__":
    main(prog_name="emo2vec")
