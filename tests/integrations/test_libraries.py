"""Objects of libraries that may not be loaded."""

from __future__ import annotations

from fractions import Fraction

from emo2vec_plugins.integrations.recordings import is_a


def test_objects_are_recognised_by_the_classes_of_a_module():
    assert is_a(Fraction(1, 2), "fractions", "Decimal", "Fraction")
    assert not is_a(0.5, "fractions", "Fraction")
    assert not is_a(Fraction(1, 2), "fractions", "Decimal")


def test_a_module_that_is_not_loaded_has_no_objects():
    assert not is_a(Fraction(1, 2), "no_such_module", "Fraction")
