"""Sphinx configuration: MyST pages, the API from docstrings, warnings as errors."""

from emo2vec_plugins import __version__

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
html_theme = "furo"
html_title = "emo2vec_plugins"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
default_role = "code"
