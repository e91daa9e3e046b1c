"""Finds keys in bytes, however they are written there.

A server may write a key as it likes: with the escapes of JSON, URLs or HTML, in the other case, in
base64 among other things, or cut off. So a text is read with its escapes undone as well, and what
is looked for is any piece of a key that is long enough to give it away.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

_SHORTEST: Final = 6
"""Shorter values are placeholders, and would mask ordinary words."""
_LONGEST: Final = 2**14
"""No key is as long; of what is longer, the rest is not looked for."""
_PIECE: Final = 12
"""Bytes of a key in a row that give it away."""
_BLOCK: Final = _PIECE // 2
"""So many bytes, from some multiple of their number on, are in every piece, wherever it begins."""
_ALIKE: Final = 16
"""Places of one block in keys that are tried; only a key of one character has more."""
_DEEP: Final = 2
"""Escapes within escapes that are undone: JSON in a text in JSON, or an address in one."""
_AT_ONCE: Final = 2**16
"""Bytes that are read at once, besides the beginning of what follows: a body may be huge."""
Span = tuple[int, int]


def is_key(secret: str) -> bool:
    """Whether it is long enough, and no scheme without a key behind it."""
    return len(secret) >= _SHORTEST and secret.lower() != "bearer"


def hide(text: bytes, secrets: tuple[str, ...], mask: Callable[[int], bytes]) -> bytes:
    """``text`` with a mask for every place of a secret, made for the length it has there.

    The very same object where there is none.
    """
    kept, last = [], 0
    for start, end in _places(text, _forms(secrets)) if secrets else ():
        kept += [text[last:start], mask(end - start)]
        last = end
    return b"".join([*kept, text[last:]]) if kept else text


@dataclass(frozen=True, slots=True)
class _Forms:
    """What is looked for: secrets and their base64, in lower case."""

    short: tuple[bytes, ...]
    """Those that count only as a whole."""
    blocks: dict[bytes, tuple[tuple[bytes, int], ...]]
    """Every block of the others, and where in which of them it is."""

    def runs(self, text: bytes) -> Iterator[Span]:
        """Where a form stands, or a piece of it."""
        for form in self.short:
            yield from (
                (found.start(), found.end()) for found in re.finditer(re.escape(form), text)
            )
        last = 0
        for at in [i for i in range(0, len(text), _BLOCK) if text[i : i + _BLOCK] in self.blocks]:
            if at + _BLOCK > last:
                same = self.blocks[text[at : at + _BLOCK]]
                run = max((_grown(text, at, *one) for one in same), key=lambda run: run[1] - run[0])
                if run[1] - run[0] >= _PIECE:
                    yield run
                    last = run[1]


@lru_cache(maxsize=512)
def _forms(secrets: tuple[str, ...]) -> _Forms:
    keys = (secret[:_LONGEST] for secret in secrets if is_key(secret))
    known = sorted({form.lower() for key in keys for form in _written(key)})
    blocks: dict[bytes, tuple[tuple[bytes, int], ...]] = {}
    for form in known:
        for start in range(len(form) - _BLOCK + 1) if len(form) >= _PIECE else ():
            others = blocks.get(form[start : start + _BLOCK], ())
            blocks[form[start : start + _BLOCK]] = (*others, (form, start))[:_ALIKE]
    return _Forms(tuple(form for form in known if len(form) < _PIECE), blocks)


def _written(key: str) -> Iterator[bytes]:
    """A key as it is, and what all base64 that it is in has in common, wherever it is in it."""
    for form in {key, unquote(key)}:
        plain = form.encode("utf-8", "surrogatepass")
        yield plain
        for before, start in enumerate((0, 2, 3)):
            encoded = b64encode(b"\0" * before + plain)
            inner = encoded[start : (before + len(plain)) * 8 // 6]
            yield from (inner, inner.translate(bytes.maketrans(b"+/", b"-_")))


def _grown(text: bytes, at: int, form: bytes, start: int) -> Span:
    """All that is the same in both around a block of ``form`` that stands ``at`` there."""
    first, last = 0, _BLOCK
    while min(at, start) + first > 0 and text[at + first - 1] == form[start + first - 1]:
        first -= 1
    room = min(len(text) - at, len(form) - start)
    while last < room and text[at + last] == form[start + last]:
        last += 1
    return at + first, at + last


def _places(text: bytes, forms: _Forms) -> list[Span]:
    """Where secrets stand in a text, whatever escapes are in them; in order, none in another."""
    found = set[Span]()
    for begin in range(0, len(text), _AT_ONCE):
        for reading in _readings(text[begin : begin + _AT_ONCE + _LONGEST]):
            for run in forms.runs(reading.text.lower()):
                start, end = reading.below(*run)
                found.add(_whole(text, begin + start, begin + end))
    merged: list[Span] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _whole(text: bytes, start: int, end: int) -> Span:
    """A span with the rest of the characters that it cuts."""
    while start > 0 and text[start] & 0xC0 == 0x80:  # noqa: PLR2004  # a later byte of one in UTF-8
        start -= 1
    while end < len(text) and text[end] & 0xC0 == 0x80:  # noqa: PLR2004  # as above
        end += 1
    return start, end


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text, and what it was made of: another, by undoing the escapes of one kind."""

    text: bytes
    here: tuple[int, ...] = ()
    """Where what is as it was begins in ``text``, and where an escape did; in turn."""
    there: tuple[int, ...] = ()
    """The same places in the other text."""
    made_of: _Reading | None = None

    def below(self, start: int, end: int) -> Span:
        """A span in the text that all was made of."""
        if self.made_of is None:
            return start, end
        first, last = bisect_right(self.here, start) - 1, bisect_right(self.here, end - 1) - 1
        start = self.there[first] + (0 if first % 2 else start - self.here[first])
        end = self.there[last + 1] if last % 2 else self.there[last] + end - self.here[last]
        return self.made_of.below(start, end)


def _readings(text: bytes) -> Iterator[_Reading]:
    """The text as it stands, then with escapes undone, in any order of their kinds."""
    known, layer = {text}, [_Reading(text)]
    for _ in range(_DEEP):
        yield from layer
        made = (_undone(one, *kind) for one in layer for kind in _ESCAPES if kind[0] in one.text)
        layer = []
        for one in made:
            if one.text not in known:
                known.add(one.text)
                layer.append(one)
    yield from layer


def _undone(
    one: _Reading, _: bytes, escape: re.Pattern[bytes], undo: Callable[[bytes], bytes]
) -> _Reading:
    parts, here, there = [], [0], [0]
    for found in escape.finditer(one.text):
        same, meant = one.text[there[-1] : found.start()], undo(found[0])
        parts += [same, meant]
        here += [here[-1] + len(same), here[-1] + len(same) + len(meant)]
        there += found.span()
    parts.append(one.text[there[-1] :])
    return _Reading(b"".join(parts), tuple(here), tuple(there), one)


@lru_cache(maxsize=4096)
def _of_json(escape: bytes) -> bytes:
    text: str = json.loads(b'"%b"' % escape)
    return text.encode("utf-8", "surrogatepass")


def _of_html(escape: bytes) -> bytes:
    return html.unescape(escape.decode()).encode("utf-8", "surrogatepass")


_ESCAPES: Final = (
    (
        b"\\",
        re.compile(rb"(?i)\\u(?:d[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|[0-9a-f]{4})|\\[\"\\/]"),
        _of_json,
    ),
    (b"%", re.compile(rb"%[0-9A-Fa-f]{2}"), unquote_to_bytes),
    (b"&", re.compile(rb"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[a-z]{2,4});"), _of_html),
)
"""JSON, addresses, HTML: what is in every escape, what one looks like, what it means."""
