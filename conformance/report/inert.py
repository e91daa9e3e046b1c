"""A stranger's texts made inert: short, on one line where they must be, and nothing but text.

In Markdown they stand in code: there no ``@name`` calls anybody, no URL or ``#1`` is a link, and no
``<`` begins a tag. A backslash would not do: those are found in the page that Markdown makes.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from conformance.report.terminal import printable
from conformance.results.rows import Passage

SHORT: Final = 200
"""Characters of a text in a sentence or a table."""
NAME: Final = 100
"""Characters of a name."""
AROUND: Final = 300
"""Characters of a body on either side of the place at fault."""
FOUND: Final = 600
"""Characters of the value at fault."""
BEGIN, END = "»", "«"
"""What stands around the place at fault where nothing can be coloured."""
_TOLD: Final = re.compile(r"…[0-9a-f]{8}$")
"""The end of a name that was changed."""
_SPECIAL: Final = re.compile(r"([\\`*\[\]<>|~])")
_LINE_ENDS: Final = re.compile(r"\r\n?")


def short(text: str, limit: int = SHORT) -> str:
    """``text`` on one line, nothing in it invisible, and hardly longer than ``limit``."""
    shown = printable(text[: limit + 1])
    more = f" ({len(text):,} characters)" if len(text) > limit else ""
    return f"{shown[:limit]}…{more}" if len(shown) > limit else shown


def name(text: str, limit: int = NAME) -> str:
    """A name, short; two that differ stay two."""
    shown = printable(text[: limit + 1])
    if shown == text and len(shown) <= limit and not _TOLD.search(text):
        return shown
    shown = shown[: limit - 9]
    told = sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{shown}…{told}"


def code(text: str, limit: int = SHORT) -> str:
    """``text`` as code in a line of Markdown, in a cell of a table too; nothing for nothing."""
    shown = re.sub(r"(\\?)\|", _pipe, short(text, limit))
    if not shown.strip():
        return ""
    fence = "`" * (_longest(shown) + 1)
    pad = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _pipe(found: re.Match[str]) -> str:
    """A cell ends at a pipe, whatever it stands in; after a backslash no other helps."""
    return rf"{found[1]}\x7c" if found[1] else r"\|"


def sentence(text: str) -> str:
    """A sentence of ours, such as a rule, in which nothing is meant as Markdown."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def block(text: str, language: str = "text") -> str:
    """``text`` as a block of code, its lines kept."""
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{language}\n{lines(text)}\n{fence}"


def lines(text: str) -> str:
    """``text`` with its lines kept, and nothing else in it invisible."""
    return "\n".join(map(printable, _LINE_ENDS.sub("\n", text).replace("\t", "  ").split("\n")))


def excerpt(passage: Passage) -> tuple[str, str, str]:
    """A body before, at and after the place at fault; all is before where none is marked."""
    text, size = passage.text, len(passage.text)
    start, end = passage.mark or (0, 0)
    if not 0 <= start < end <= size:
        start = end = min(size, 2 * AROUND)
    before, value, after = text[:start], text[start:end], text[end:]
    if value:
        before = f"…{before[-AROUND:]}" if len(before) > AROUND else before
    if len(value) > FOUND:
        value = f"{value[:FOUND]}… ({len(value):,} characters)"
    more = len(after) > AROUND or not passage.whole
    after = f"{after[:AROUND]}…" if more else after
    return before, value, after


def marked(passage: Passage) -> str:
    """An excerpt as one text, the place at fault between two marks."""
    before, value, after = excerpt(passage)
    return f"{before}{BEGIN}{value}{END}{after}" if value else f"{before}{after}"


def _longest(text: str) -> int:
    """The length of the longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)
