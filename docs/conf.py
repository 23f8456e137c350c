"""Sphinx configuration: MyST pages, the API from docstrings, warnings as errors."""

import re
import sys
from pathlib import Path

from sphinx.util.nodes import make_refnode

from emo2vec_plugins import __version__

sys.path.insert(0, str(Path(__file__).parent))  # for commands.py

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
copyright = "the emo2vec_plugins developers"
smartquotes = False  # options on the pages can be pasted
html_theme_options = {
    "source_repository": "https://github.com/emo2vec-plugins/emo2vec_plugins/",
    "source_branch": "main",
    "source_directory": "docs/",
}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
default_role = "py:obj"  # a link if the name is documented, code otherwise


def find_by_last_name(app, env, node, content):
    """Link a name that docstrings write without its module, if only one documented object has it."""
    if node.get("refdomain") != "py":
        return None
    suffix = f".{node['reftarget'].removeprefix('emo2vec_plugins.')}"
    objects = env.domains.python_domain.objects
    found = {
        (entry.docname, entry.node_id)
        for name, entry in objects.items()
        if name.endswith(suffix) and entry.objtype != "module"
    }
    if len(found) != 1:
        return None
    [(page, anchor)] = found
    return make_refnode(app.builder, node["refdoc"], page, anchor, content)


def plain_help(app, ctx, lines):  # noqa: ARG001 - the signature of the event
    """Show the help of a command as plain text, and the examples in it as code."""
    shown = []
    for line in lines:
        text = line.removeprefix("| ")  # sphinx-click's mark for lines that click does not wrap
        if text == "Examples:":
            shown += ["Examples::", ""]
        elif text != line and text.startswith(" "):
            shown.append(text)
        else:
            shown.append(re.sub(r"([*_`|\\])", r"\\\1", text))
    lines[:] = shown


def without_arguments(app, what, name, obj, options, signature, returns):  # noqa: ARG001 - as above
    """Leave out the ``(*args, **kwargs)`` of protocols, which have no arguments of their own."""
    return ("", None) if what == "class" and getattr(obj, "_is_protocol", False) else None


def setup(app):
    app.connect("missing-reference", find_by_last_name)
    app.connect("autodoc-process-signature", without_arguments)
    app.connect("sphinx-click-process-description", plain_help)
