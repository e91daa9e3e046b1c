"""Where in a JSON text the value of a place stands: for marking it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json import JSONDecoder
from typing import Final

_TOKEN: Final = re.compile(r'\[("(?:[^"\\]|\\.)*")\]|\[(\d+|\*)\]|([^.\[\]]+)')
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = JSONDecoder()
Span = tuple[int, int]


def keys(place: str) -> list[str | int]:
    """The member names and indices of a place; ``[*]`` stands for the first item."""
    found = (token.groups() for token in _TOKEN.finditer(place))
    return [_key(*token) for token in found]


def _key(quoted: str | None, index: str | None, name: str | None) -> str | int:
    if quoted:
        return str(json.loads(quoted, strict=False))
    if index:
        return 0 if index == "*" else int(index)
    return name or ""


def span(text: str, path: list[str | int]) -> Span | None:
    """The characters of the value at ``path`` in a JSON text, or of the nearest that holds it.

    None for the whole text, and for one that is no JSON.
    """
    found: Span | None = None
    start = _space(text, 0)
    try:
        for key in path:
            inner = next((s for name, s in _members(text, start) if name == key), None)
            if inner is None:
                break
            found, start = inner, inner[0]
    except (ValueError, IndexError, RecursionError):
        return None
    return found


def _members(text: str, start: int) -> Iterator[tuple[str | int, Span]]:
    """Each member of the object or array that begins at ``start``, with its value's span.

    Raises ValueError, IndexError and RecursionError for what is no JSON.
    """
    is_object = text[start] == "{"
    if not is_object and text[start] != "[":
        return
    at, number = _space(text, start + 1), 0
    while text[at] not in "]}":
        name: str | int = number
        if is_object:
            name, at = _DECODER.raw_decode(text, at)
            at = _space(text, _space(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield name, (at, end)
        at = _space(text, end)
        at = _space(text, at + 1) if text[at] == "," else at
        number += 1


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
