"""Settings that the core needs from higher layers; `emo2vec_plugins.builtins` provides them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

built_in_plugins: dict[str, str] = {}
"""Name and module of each built-in plugin, in registration order."""

html_renderer: list[Callable[[Any], str]] = []
"""Renders a `Dialogue`, `ScoredTurn` or `Emotion` as HTML for notebooks."""


def compose(plugins: Mapping[str, str], *, html: Callable[[Any], str]) -> None:
    """Set the modules that every `Plugins` registers first, and the HTML renderer for notebooks."""
    built_in_plugins.update(plugins)
    html_renderer[:] = [html]
