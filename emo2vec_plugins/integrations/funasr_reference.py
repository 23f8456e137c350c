"""Placeholder, to be written."""

from emo2vec_plugins.hookspecs import hookimpl


@hookimpl
def emo2vec_formats() -> list:
    return []
