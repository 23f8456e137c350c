"""Sphinx configuration: MyST pages, the API from docstrings, warnings as errors."""

import emo2vec_plugins
from emo2vec_plugins import __version__, errors

project = "emo2vec_plugins"
author = "The emo2vec_plugins developers"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_click",
]
exclude_patterns = ["_build"]
html_extra_path = ["../emo2vec_plugins/formats/emotions-1.schema.json"]
html_theme = "furo"
html_title = "emo2vec_plugins"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
default_role = "py:obj"  # a link where the name is known, code elsewhere


def find_public_name(app, env, node, content):
    """Link names as users import them, and errors, wherever they are spoken of."""
    name = node["reftarget"].removeprefix("emo2vec_plugins.")
    value = getattr(errors, name, None) or (
        getattr(emo2vec_plugins, name) if name in emo2vec_plugins.__all__ else None
    )
    home = getattr(value, "__module__", None)
    if node.get("refdomain") != "py" or home is None:
        return None
    python = env.domains.python_domain
    return python.resolve_xref(
        env, node["refdoc"], app.builder, "obj", f"{home}.{name}", node, content
    )


def setup(app):
    app.connect("missing-reference", find_public_name)
