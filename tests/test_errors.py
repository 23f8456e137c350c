"""Warnings point to the code outside the package that led to them."""

from __future__ import annotations

import pytest

from emo2vec_plugins.errors import Emo2vecWarning, warn


@pytest.mark.parametrize(
    "name", ["emo2vec_plugins_mine", "emo2vec_plugins_mine.session", "lhotsex"]
)
def test_a_warning_points_to_packages_with_similar_names(name):
    module = {"__name__": name, "warn": warn}
    exec(compile("def call():\n    warn('look out')\n", "plugin.py", "exec"), module)

    with pytest.warns(Emo2vecWarning) as caught:
        module["call"]()

    assert (caught[0].filename, caught[0].lineno) == ("plugin.py", 2)
