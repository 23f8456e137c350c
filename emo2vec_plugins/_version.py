"""The version of the package, in a place that everything may import from."""

__version__ = "0.3.0.dev0"
