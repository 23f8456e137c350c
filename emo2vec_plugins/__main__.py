"""``python -m emo2vec_plugins`` is the command ``emo2vec``."""

from emo2vec_plugins.cli import main

if __name__ == "__main__":
    main(prog_name="emo2vec")
