"""Damage to the values in JSON, YAML and XML; the syntax stays valid."""

from __future__ import annotations

import copy
import json
from typing import Any
from xml.etree import ElementTree

import yaml
from hypothesis import strategies as st

from campaign.draws import DEEP, ODD_WORDS, RAW, Draw, near, wrong


class UnstructuredError(Exception):
    """Earlier damage left nothing that can be parsed."""


def change_json(draw: Draw, data: bytes) -> bytes:
    """Change one value of a JSON document."""
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnstructuredError from error
    return _as_json(changed(draw, whole))


def change_jsonl(draw: Draw, data: bytes) -> bytes:
    """Change one value in one of the lines."""
    lines = data.splitlines(keepends=True)
    if not lines:
        raise UnstructuredError
    place = draw(st.integers(0, len(lines) - 1))
    lines[place] = change_json(draw, lines[place]).replace(b"\n", b"") + b"\n"
    return b"".join(lines)


def change_yaml(draw: Draw, data: bytes) -> bytes:
    """Change one value, or add a tag, aliases that expand, or deep nesting."""
    if b": &" in data:  # aliases, which a walk over the values would expand
        raise UnstructuredError
    match draw(st.sampled_from([*["value"] * 9, "aliases", "tag", "deep"])):
        case "aliases":
            return _BOMB + data
        case "tag":
            return data + f"\nextra: {draw(st.sampled_from(_TAGS))}\n".encode()
        case "deep":
            return data + b"\nextra: " + b"[" * DEEP + b"]" * DEEP
    try:
        whole = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnstructuredError from error
    return _as_json(changed(draw, whole))  # JSON is YAML


_BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    f"{name}: &{name} [{','.join([f'*{last}'] * 9)}]\n".encode()
    for name, last in zip("bcdefghi", "abcdefgh", strict=True)
)

_TAGS = ("!!python/object/apply:os.system ['touch x']", "!!python/name:os.system", "!x y")


def change_xml(draw: Draw, data: bytes) -> bytes:
    """Change a text, an attribute or an element, or add entities or deep nesting."""
    kind = draw(st.sampled_from([*["value"] * 6, "repeat", "drop", "entity", "deep"]))
    if kind == "entity":
        bomb = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        head, mark, tail = data.partition(b"?>")
        return head + mark + bomb + tail if mark else bomb + data
    if kind == "deep":
        return data.replace(b"</", b"<a>" * DEEP + b"</a>" * DEEP + b"</", 1)
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError) as error:
        raise UnstructuredError from error
    elements = [(parent, child) for parent in root.iter() for child in parent]
    if not elements:
        raise UnstructuredError
    parent, child = elements[draw(st.integers(0, len(elements) - 1))]
    if kind == "repeat":
        times = draw(st.sampled_from([1, 500]))
        parent.extend(copy.deepcopy(child) for _ in range(times))
    elif kind == "drop":
        parent.remove(child)
    elif child.attrib and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(child.attrib)))
        if draw(st.integers(0, 3)):
            child.set(name, _word(draw, child.attrib[name]))
        else:
            del child.attrib[name]
    else:
        child.text = _word(draw, child.text or "")
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _word(draw: Draw, before: str) -> str:
    odd = [word for word in ODD_WORDS if word.isprintable()]
    return draw(st.sampled_from(odd)) if draw(st.booleans()) else near(draw, before)


def changed(draw: Draw, whole: Any) -> Any:
    """Return a JSON value with one wrong, missing, renamed or repeated part."""
    places = places_in(whole)
    if not places:
        return wrong(draw, whole, [])
    holder, key = places[draw(st.integers(0, len(places) - 1))]
    match draw(st.sampled_from([*["value"] * 5, "drop", "rename", "repeat"])):
        case "drop":
            del holder[key]
        case "rename" if isinstance(holder, dict):
            holder[draw(st.sampled_from(["", "id", "type", "duration", "x"]))] = holder.pop(key)
        case "repeat" if isinstance(holder, list):
            holder.extend([holder[key]] * draw(st.sampled_from([1, 1000])))
        case _:
            plain = [each[name] for each, name in places if not isinstance(each[name], dict | list)]
            holder[key] = wrong(draw, holder[key], plain[:200])
    return whole


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key or index) within a JSON value."""
    stack, found = [value], []
    while stack:
        holder = stack.pop()
        if isinstance(holder, dict | list):
            for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
                found.append((holder, key))
                stack.append(holder[key])
    return found


def _as_json(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=True)
    for name, raw in RAW.items():
        text = text.replace(f'"{name}"', raw)
    return text.encode()
