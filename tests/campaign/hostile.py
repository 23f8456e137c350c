"""Inputs that would run a command or open a connection if any part of them were executed.

A payload creates a marker file or connects to a port of this machine. After each case there must
be no marker and no connection.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import socket
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from campaign.damage import BINARY
from campaign.draws import RAW, Draw
from campaign.isolated import Tally, Watch, run_isolated, shares
from campaign.readers import Reader
from campaign.trees import places_in

MARKER = "executed"


def payloads(marker: Path, port: int) -> tuple[str, ...]:
    """Return strings that some tool would execute or fetch."""
    touch, url = f"touch {marker}", f"http://127.0.0.1:{port}/x"
    return (
        *(f"{touch} |", f"|{touch}", f"pipe:{touch}", f"$({touch})", f"`{touch}`", f"x; {touch};"),
        *(f"{touch}\n", f"a.wav;{touch}|.wav", f"__import__('os').system('{touch}')"),
        *(f"!!python/object/apply:os.system ['{touch}']", f"=cmd|'{touch}'!A1"),
        *(url, f"{url}.wav", f"ftp://127.0.0.1:{port}/x.wav", f"s3://127.0.0.1:{port}/x.wav"),
        *(f"https://127.0.0.1:{port}/x.wav", f"//127.0.0.1:{port}/x.wav", f"ais://x:{port}/x"),
        *("os.system", "subprocess.run", "builtins.eval", "file:///etc/hostname", "/dev/zero"),
        *(f"<script src='{url}'></script>", f"{{{{ {touch} }}}}", f"%({touch})s", f"${{{touch}}}"),
    )


class _Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self._command,)


@st.composite
def hostile(draw: Draw, reader: Reader, marker: Path, port: int) -> bytes:
    """Draw a copy of a reader's sample with one payload in it."""
    payload = draw(st.sampled_from(payloads(marker, port)))
    shape, data = reader.shape, reader.sample
    if shape in ("json", "yaml"):
        return _in_values(draw, data, payload)
    if shape == "jsonl":
        lines = data.splitlines()
        place = draw(st.integers(0, len(lines) - 1))
        lines[place] = _in_values(draw, lines[place], payload)
        return b"\n".join(lines) + b"\n"
    if shape in BINARY:
        return _pickled(draw, data, f"touch {marker}")
    text = data.decode()
    words = sorted({word for word in text.split() if len(word) > 1})
    quoted = payload.replace("&", "&amp;").replace("<", "&lt;") if shape == "xml" else payload
    return text.replace(draw(st.sampled_from(words)), quoted, 1).encode()


def _in_values(draw: Draw, data: bytes, payload: str) -> bytes:
    whole = yaml.safe_load(data)
    kind = draw(st.sampled_from(["command", "url", "file", "s3"]))
    source = {"type": kind, "channels": [0], "source": payload}
    holder, key = draw(st.sampled_from(places_in(whole)))
    value = draw(st.sampled_from([payload, source, [payload], {"_target_": payload}]))
    if isinstance(holder, dict) and draw(st.booleans()):
        key = draw(st.sampled_from(["remote_code", "source", "type", "path", "model", "url", "!x"]))
    holder[key] = value
    assert not any(raw in payload for raw in RAW), "a payload must not look like a placeholder"
    return json.dumps(whole).encode()


def _pickled(draw: Draw, data: bytes, command: str) -> bytes:
    bomb = pickle.dumps({"model": {"x": _Bomb(command)}}, protocol=2)
    if not zipfile.is_zipfile(io.BytesIO(data)) or draw(st.booleans()):
        return bomb
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, bomb if name.endswith("data.pkl") else old.read(name))
    return changed.getvalue()


def run_hostile(
    readers: Sequence[Reader], *, n: int, first: int, scratch: Path, keep: Path
) -> Tally:
    """Give each reader its share of *n* hostile files; the arguments are those of `fuzz`."""
    tally = Tally()
    usable = [each for each in readers if not each.shape.endswith(".gz")]
    marker = scratch / MARKER
    scratch.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]

        def check(outcome: str) -> str:
            assert not marker.exists(), "a command was executed"
            try:
                server.accept()
            except BlockingIOError:
                return outcome
            raise AssertionError("a connection was opened")

        for reader, share in zip(usable, shares(n, len(usable)), strict=True):
            files = hostile(reader, marker, port)

            def work(
                watch: Watch, reader: Reader = reader, share: int = share, files: Any = files
            ) -> None:
                watch.cases(reader, files, n=share, first=first, check=check)

            tally.add(run_isolated(work, scratch=scratch, keep=keep, name=reader.name))
            marker.unlink(missing_ok=True)
    return tally
