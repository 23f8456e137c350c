"""A session for tests of plugins."""


class Opened(str):
    """A session that is identified by its text."""

    clips = take = finish = print
