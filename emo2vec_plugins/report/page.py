"""The interactive report of a recording: a single HTML file with playback.

This module joins the markup, the style and the scripts, which are separate files in ``web/``.
Annotations are stored in the page as JSON and shown as text, never as markup. The page's content
security policy allows only these scripts and no other resources.
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
from emo2vec_plugins.core import Dialogue, Permissions
from emo2vec_plugins.errors import AudioError, NotAllowedError, OptionsError
from emo2vec_plugins.files import write_whole
from emo2vec_plugins.report.page_data import page_data, script_json
from emo2vec_plugins.report.page_sound import Sound, SoundMode, embedded, is_url, linked, origin
from emo2vec_plugins.report.style import shown

_Path = str | os.PathLike[str]
_SILENT = "This page has no audio."

SCRIPTS = (
    *("data", "style", "state", "sound", "visits", "scale", "turns", "lanes", "overview", "curves"),
    *("details", "table", "summary", "keys", "start"),
)
"""The script files, in an order in which each comes after those it uses."""


def write_page(
    dialogue: Dialogue,
    path: _Path,
    *,
    audio: _Path | None = None,
    sound: SoundMode = "embed",
    permissions: Permissions | None = None,
) -> Sound:
    """Write the page of a recording atomically.

    Args:
        dialogue: One recording.
        path: The file to write.
        audio: The recording's audio file, or with ``link`` a file or a URL. If None, the audio that
            the dialogue names; it is embedded only from the root of *permissions*, because
            annotations of others may name any file. The page states why it has no audio.
        sound: ``embed`` the audio in the page, ``link`` to it, or ``none``.
        permissions: Which files the dialogue may name.

    Returns:
        The audio of the page.

    Raises:
        AudioError: If *audio* is given and cannot be read; with ``link``, if the file does not
            exist or the URL is invalid.
        OptionsError: If *audio* is given with ``none``, or turns are too far apart to draw.
        OverwriteError: If the file must not be replaced.
        OSError: If the page cannot be written.
    """
    allowed = permissions or Permissions()
    used = _find_sound(dialogue, path, audio=audio, sound=sound, permissions=allowed)
    write_whole(Path(path), page(dialogue, sound=used))
    return used


def _find_sound(
    dialogue: Dialogue,
    path: _Path,
    *,
    audio: _Path | None,
    sound: SoundMode,
    permissions: Permissions,
) -> Sound:
    if sound == "none":
        if audio is not None:
            raise OptionsError("expected no audio with sound='none', got both; remove one of them")
        return Sound(about=_SILENT)
    if audio is not None:
        return _sound(audio, path, sound)
    if dialogue.audio is None:
        return Sound(about="No audio: none was given when this page was written.")
    if sound == "embed" and permissions.root is None and not is_url(dialogue.audio):
        named = shown(dialogue.audio, most=200)
        return Sound(about=f"No audio: the annotations name {named}, which was not asked for.")
    try:
        if not is_url(dialogue.audio):
            permissions.check_file(dialogue.audio)
        return _sound(dialogue.audio, path, sound)
    except (AudioError, NotAllowedError) as error:
        return Sound(about=f"No audio: {shown(str(error)).rstrip('.')}.")


def _sound(audio: _Path, path: _Path, how: SoundMode) -> Sound:
    if how == "link":
        return linked(audio, path)
    if is_url(audio):
        place = origin(os.fspath(audio))
        raise AudioError(
            f"expected an audio file to embed, got a URL of {place}; link to it instead"
        )
    return embedded(audio)


def page(dialogue: Dialogue, *, sound: Sound | None = None) -> str:
    """Return the page of a recording.

    Args:
        dialogue: One recording. It may lack turns or speakers, and turns may lie beyond the audio.
        sound: The result of `embedded` or `linked`.

    Raises:
        OptionsError: If turns are too far apart to draw.
    """
    used = sound or Sound(about=_SILENT)
    # A measured duration takes precedence over that of the annotations.
    whole = replace(dialogue, duration=used.seconds or dialogue.duration)
    data = page_data(whole) | {"sound": used.to_dict()}
    style = _web("style.css")
    script = "".join(_web(f"{name}.js") for name in SCRIPTS)
    script = f'(() => {{\n"use strict";\n{script}}})();\n'
    return Template(_web("page.html")).substitute(
        policy=escape(_policy(script, style, used.url)),
        title=escape(shown(dialogue.recording, most=60)),
        version=escape(__version__),
        style=style,
        data=script_json(data),
        sound=used.content,
        script=script,
    )


def _policy(script: str, style: str, url: str) -> str:
    rules = {
        # Scripts are allowed by digest: injected markup could not run or load anything.
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
