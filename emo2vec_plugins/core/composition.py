"""What the core takes from above it; `emo2vec_plugins.builtins`, the composition root, sets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

built_in_plugins: dict[str, str] = {}
"""Name and module of each built-in plugin, in the order in which they are registered."""

html_renderer: list[Callable[[Any], str]] = []
"""What notebooks show of a `Dialogue`, `ScoredTurn` or `Emotion`: gives HTML."""


def compose(plugins: Mapping[str, str], *, html: Callable[[Any], str]) -> None:
    """Set the modules that every `Plugins` registers first, and what notebooks show of values."""
    built_in_plugins.update(plugins)
    html_renderer[:] = [html]
