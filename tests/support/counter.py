"""A class for tests of processes, which must import it by name."""

from __future__ import annotations

import os
import signal
import sys

from emo2vec_plugins.errors import OptionsError


class Counter:
    """Adds numbers, prints, raises and kills its process."""

    def __init__(self, start):
        if start < 0:
            raise OptionsError("a start is positive")
        self.total = start

    def add(self, number):
        sys.stdout.write("added\n")
        self.total += number
        return self.total

    def fail(self):
        raise ValueError("a bug")

    def die(self):
        sys.stderr.write("last words\n")
        os.kill(os.getpid(), signal.SIGKILL)

    def leave(self):
        os._exit(3)
