"""One recording as a page to look at and to listen to: HTML in one file that loads nothing.

Markup, style and scripts are files of their own, in ``web/``, and are put together here. What
comes from annotations reaches the page as JSON and is shown as text, never as markup; the
page's policy lets a browser run these scripts and no others, and load nothing else.
"""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from emo2vec_plugins._version import __version__
from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.errors import AudioError, OptionsError
from emo2vec_plugins.files import write_whole
from emo2vec_plugins.report.page_data import page_data, script_json
from emo2vec_plugins.report.page_sound import How, Sound, embedded, is_url, linked, origin
from emo2vec_plugins.report.style import shown

_Path = str | os.PathLike[str]
_SILENT = "This page was made without sound."

SCRIPTS = (
    *("data", "style", "state", "sound", "visits", "scale", "turns", "lanes", "overview", "curves"),
    *("details", "table", "summary", "keys", "start"),
)
"""The files of the page's program, in the order in which one uses the other."""


def write_page(
    dialogue: Dialogue, path: _Path, *, audio: _Path | None = None, sound: How = "embed"
) -> Sound:
    """Write the page of a recording, whole or not at all.

    Args:
        dialogue: One recording.
        path: The file to write.
        audio: Where its sound is: a file, or with ``link`` a URL. If None, where the dialogue
            says; if there is none, the page has no sound and says why.
        sound: ``embed`` it into the page, ``link`` to it from the page, or ``none``.

    Returns:
        What sound the page has.

    Raises:
        AudioError: If *audio* is given and cannot be read.
        OptionsError: If *audio* is given and not wanted, or turns are too far apart to be drawn.
        OSError: If the page cannot be written.
    """
    heard = _find_sound(dialogue, path, audio=audio, sound=sound)
    write_whole(Path(path), page(dialogue, sound=heard))
    return heard


def _find_sound(dialogue: Dialogue, path: _Path, *, audio: _Path | None, sound: How) -> Sound:
    if sound == "none":
        if audio is not None:
            raise OptionsError("audio is given, and sound is to be 'none': leave out one of them")
        return Sound(about=_SILENT)
    if audio is not None:
        return _sound(audio, path, sound)
    if dialogue.audio is None:
        return Sound(about="There is no sound: none was given when this page was made.")
    try:
        return _sound(dialogue.audio, path, sound)
    except AudioError as error:
        return Sound(about=f"There is no sound: {shown(str(error))}.")


def _sound(audio: _Path, path: _Path, how: How) -> Sound:
    if how == "link":
        return linked(audio, path)
    if is_url(audio):
        place = origin(os.fspath(audio))
        hint = "only files can be embedded, but a URL linked to"
        raise AudioError(f"the sound is at {place}: {hint}")
    return embedded(audio)


def page(dialogue: Dialogue, *, sound: Sound | None = None) -> str:
    """Return the page of a recording.

    Args:
        dialogue: One recording. Without turns, without speakers, or with turns beyond the sound,
            all there is is shown.
        sound: As `embedded` or `linked` give it.

    Raises:
        OptionsError: If turns are too far apart to be drawn.
    """
    heard = sound or Sound(about=_SILENT)
    # Where somebody has looked, the sound is as long as it is.
    whole = replace(dialogue, duration=heard.seconds or dialogue.duration)
    data = page_data(whole) | {"sound": heard.to_dict()}
    style = _web("style.css")
    script = "".join(_web(f"{name}.js") for name in SCRIPTS)
    script = f'(() => {{\n"use strict";\n{script}}})();\n'
    return Template(_web("page.html")).substitute(
        policy=escape(_policy(script, style, heard.url)),
        title=escape(shown(dialogue.recording)),
        version=escape(__version__),
        style=style,
        data=script_json(data),
        sound=heard.content,
        script=script,
    )


def _policy(script: str, style: str, url: str) -> str:
    rules = {
        # By digest: even markup that got in could neither run nor load anything.
        "default-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "script-src": _digest(script),
        "style-src": _digest(style),
        "media-src": (origin(url) if is_url(url) else "'self' file:") if url else "blob:",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}'"


def _web(name: str) -> str:
    return files(__package__).joinpath("web", name).read_text("utf-8")
