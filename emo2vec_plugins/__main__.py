"""Run the command ``emo2vec`` with ``python -m emo2vec_plugins``."""

from emo2vec_plugins.cli import run

if __name__ == "__main__":
    run()
