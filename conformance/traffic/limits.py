"""How much of a stranger's file is read, and how the reading of one part of it is given up.

Every limit of this package is here. They bound memory, not only output: one exchange is in memory
at a time, which takes some four times ``MAX_ENTRY`` when it is mostly text, and 25 times when a
stranger filled it with empty lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BLOCK: Final = 1 << 16
"""Bytes read from a file at a time."""

MAX_ENTRY: Final = 32 << 20
"""Bytes in one recorded exchange: a line, a member of a JSON array, a YAML interaction."""

MAX_BODY: Final = 32 << 20
"""Bytes in one body after its content encoding is undone."""

MAX_UNPACKED: Final = 4 << 30
"""Bytes in one ``.gz`` file after it is unpacked."""

MAX_YAML: Final = 256 << 20
"""Bytes in one YAML file: libyaml is some ten times slower than the other readers."""

MAX_DEPTH: Final = 100
"""Levels of nesting in a YAML file, and around the recorded exchanges of a JSON file."""

YAML_NODE: Final = 128
"""What one YAML node counts for, in bytes, besides its text."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an exchange stands: its first line, and its number in a file that isn't line by line.

    Both count from 1.
    """

    path: str
    line: int
    entry: int | None = None

    def __str__(self) -> str:
        """Return ``path:line``, with ``#entry`` where several may share a line."""
        return f"{self.path}:{self.line}" + (f"#{self.entry}" if self.entry else "")


class UnusableError(ValueError):
    """One recorded exchange can't be read; the message says why, for the file's owner."""


class ForeignError(UnusableError):
    """An entry is something else than a recorded exchange."""


class HopelessError(UnusableError):
    """Nothing after this place in the file can be read."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        """Give ``line`` where the reader knows it."""
        super().__init__(reason)
        self.line = line
