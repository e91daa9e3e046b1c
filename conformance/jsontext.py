"""JSON texts, read strictly (RFC 8259), with notes on what a lenient reader would not mention.

The JSON of a server under test can be anything, so nothing here raises, every note is bounded, and
a value that is returned is never nested deeper than :data:`MAX_DEPTH`: later code may recurse.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NoReturn

from conformance.model import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH: Final = 200
"""How deep arrays and objects may be nested; RFC 8259 section 9 lets a parser set such a limit."""
NOTED: Final = 20
"""How many different duplicates, and how many different constants, are noted: the first ones."""
SHOWN: Final = 80
"""How many characters of a noted name or literal are kept."""

_BOM: Final = "\ufeff"
_TOO_DEEP: Final = f"The text is nested too deep: more than {MAX_DEPTH} levels."
_TOO_LONG: Final = f"An integer has more than {sys.get_int_max_str_digits()} digits."
_CONTAINERS: Final = (dict, list)


@dataclass(frozen=True, slots=True)
class Document:
    """What one JSON text holds, or why it holds nothing."""

    value: Any
    """The value, :data:`~conformance.model.MISSING` when there is an error."""
    error: str | None = None
    """One plain sentence, at most a few hundred characters long."""
    duplicates: tuple[str, ...] = ()
    """Names that occur more than once in one object (section 4); the last value wins."""
    constants: tuple[str, ...] = ()
    """NaN, Infinity and -Infinity (section 6), and literals too large for a double, like 1e999;
    their values are floats."""
    bom: bool = False
    """Whether the text starts with a byte order mark (section 8.1), which is then skipped."""
    invalid_utf8_at: int | None = None
    """The offset of the first byte sequence that is not UTF-8."""

    @property
    def beyond_limits(self) -> bool:
        """Whether the error is a limit of this reader; the text may be JSON all the same."""
        return self.error in (_TOO_DEEP, _TOO_LONG)


def parse(text: bytes | str) -> Document:
    """Read ``text`` as one JSON text; never raises."""
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            return _not_utf8(error)
    bom = text.startswith(_BOM)
    if bom:
        text = text[1:]
    try:
        value, problem = _read(text, _REGULAR)
    except _IrregularError:
        notes = _Notes()
        value, problem = _read(text, _decoder(notes.duplicate, notes.constant))
        return Document(value, problem, tuple(notes.duplicates), tuple(notes.constants), bom)
    return Document(value, problem, bom=bom)


def _not_utf8(error: UnicodeDecodeError) -> Document:
    return Document(
        MISSING,
        f"The text is not UTF-8: byte 0x{error.object[error.start]:02x} at offset {error.start}.",
        bom=error.object.startswith(_BOM.encode()),
        invalid_utf8_at=error.start,
    )


def _read(text: str, decoder: json.JSONDecoder) -> tuple[Any, str | None]:
    """Return the value, or a sentence on why there is none."""
    try:
        value = decoder.decode(text)
    except RecursionError:
        return MISSING, _TOO_DEEP
    except json.JSONDecodeError as error:
        return MISSING, _not_json(error)
    except ValueError:
        return MISSING, _TOO_LONG
    # Few texts have so many brackets, and only those need the walk.
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_too_deep(value):
        return MISSING, _TOO_DEEP
    return value, None


def _is_too_deep(value: object) -> bool:
    """Go down level by level, without recursion, with one list of containers for each level."""
    level: list[Any] = [value] if isinstance(value, _CONTAINERS) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, _CONTAINERS)
        ]
    return bool(level)


def _not_json(error: json.JSONDecodeError) -> str:
    if not error.doc.strip(" \t\r\n"):
        return "The text is empty."
    problem = error.msg[:SHOWN].removesuffix(" at")
    return f"The text is not JSON: {problem}, at line {error.lineno} column {error.colno}."


def _decoder(
    duplicate: Callable[[list[tuple[str, Any]]], None], constant: Callable[[str], float]
) -> json.JSONDecoder:
    """Make a decoder that reports objects with duplicate names, and numbers that are none."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        unique = dict(pairs)
        if len(unique) != len(pairs):
            duplicate(pairs)
        return unique

    def number(literal: str) -> float:
        value = float(literal)
        return value if isfinite(value) else constant(literal)

    return json.JSONDecoder(object_pairs_hook=members, parse_float=number, parse_constant=constant)


class _IrregularError(Exception):
    """Raised where there is something to note; the text is then read again, more slowly.

    So the decoder that reads nearly every text holds no state and can serve all threads.
    """


def _irregular(_: object) -> NoReturn:
    raise _IrregularError


class _Notes:
    """Writes down what is irregular in one text; the dictionaries serve as ordered sets."""

    def __init__(self) -> None:
        self.duplicates: dict[str, None] = {}
        self.constants: dict[str, None] = {}

    def duplicate(self, pairs: list[tuple[str, Any]]) -> None:
        seen = set()
        for name, _ in pairs:
            if name in seen and len(self.duplicates) < NOTED:
                self.duplicates[name[:SHOWN]] = None
            seen.add(name)

    def constant(self, literal: str) -> float:
        if len(self.constants) < NOTED:
            self.constants[literal[:SHOWN]] = None
        return float(literal)


_REGULAR: Final = _decoder(_irregular, _irregular)
