"""What news is made of, whatever it is written on.

Texts are parts: our words as they are, and what a results file says as :class:`Quoted`, which each
renderer makes inert in its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.model import Level


class Quoted(str):
    """A text out of a results file."""

    __slots__ = ()


Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of news: what it is, and where it was seen."""

    what: Parts
    where: Parts = ()
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """News of one kind."""

    title: str
    entries: Sequence[Entry]
