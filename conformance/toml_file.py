"""A TOML file of a user: its tables read by kind, a mistake told with its place and its mend."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from conformance.targets import BadProvider


@dataclass(frozen=True, slots=True)
class TomlFile:
    """Reads one file's tables, and says where a mistake is: behind ``start``, if it is there.

    Everything that reads raises BadProvider, with file, line and the way to mend it.
    """

    path: Path
    text: str
    start: int = 0

    @classmethod
    def opened(cls, path: Path) -> tuple[Self, dict[str, Any]]:
        """The file, and its outermost table."""
        try:
            text = path.read_text("utf-8")
            return cls(path, text), tomllib.loads(text)
        except OSError as error:
            raise BadProvider(f"{path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise BadProvider(f"{path}:{line}: save it as UTF-8: {error.reason}") from error
        except (ValueError, RecursionError) as error:
            reason, _, place = str(error).partition(" (at line ")
            line = int(place.partition(",")[0]) if place else text.count("\n") + 1
            raise BadProvider(f"{path}:{line}: this is not TOML: {reason}") from error

    def table(self, owner: dict[str, Any], name: str) -> dict[str, Any]:
        """A table in ``owner``; empty where it is not given."""
        value = owner.get(name, {})
        if not isinstance(value, dict):
            raise self.bad(name, f"make it a table: [{name}]")
        return value

    def text_of(self, owner: dict[str, Any], name: str) -> str | None:
        """A string in ``owner``; None where it is not given, or empty."""
        value = owner.get(name)
        if value is not None and not isinstance(value, str):
            raise self.bad(name, "make it a string")
        return value or None

    def number(self, owner: dict[str, Any], name: str) -> int | None:
        """A whole number from 1 in ``owner``; None where it is not given."""
        value = owner.get(name)
        if value is not None and (type(value) is not int or value < 1):
            raise self.bad(name, "make it a whole number from 1")
        return value

    def strings(self, owner: dict[str, Any], name: str) -> list[str]:
        """A list of strings in ``owner``; empty where it is not given."""
        values = owner.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self.bad(name, "make it a list of strings")
        return values

    def names(self, owner: dict[str, Any], name: str, choices: frozenset[str]) -> frozenset[str]:
        """A list of strings in ``owner``, all of them among ``choices``."""
        if not choices.issuperset(self.strings(owner, name)):
            raise self.bad(name, f"choose from {', '.join(sorted(choices))}")
        return frozenset(owner.get(name, []))

    def only(self, table: dict[str, Any], names: str | Sequence[str]) -> None:
        """Refuse what is not among ``names``; as a text they are separated by spaces."""
        known = names.split() if isinstance(names, str) else names
        for name in table:
            if name not in known:
                raise self.bad(name, f"unknown here; known are {', '.join(known)}")

    def under(self, header: str, number: int = 0) -> Self:
        """The same, for the table that has the header of this pattern and number."""
        found = list(re.finditer(rf"^[ \t]*\[\s*{header}\s*\]", self.text, re.MULTILINE))
        return replace(self, start=found[number].start() if number < len(found) else 0)

    def bad(self, name: str, fix: str) -> BadProvider:
        """The error for the member ``name``; ``fix`` says how to mend it."""
        key = re.compile(rf"^[ \t]*\[*[\"']?{re.escape(name)}\b", re.MULTILINE)
        found = key.search(self.text, self.start)
        return BadProvider(f"{self.place(found.start() if found else self.start)}: {name}: {fix}")

    def place(self, offset: int) -> str:
        """File and line of an offset in its text."""
        return f"{self.path}:{self.text.count(chr(10), 0, offset) + 1}"
