"""The table of parameters: what is said of each, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.dispositions.measure import Measured
from conformance.model import Disposition

DELIVERED: Final = frozenset(
    {
        *(Disposition.FORWARDED, Disposition.RENAMED, Disposition.TRANSLATED),
        *(Disposition.SENT_BY_DEFAULT, Disposition.HONOURED),
    }
)
"""What a user calls support."""
UNTOLD: Final = frozenset({Disposition.ACCEPTED_UNVERIFIED, Disposition.UNKNOWN})
"""What says nothing either way."""
SILENT: Final = frozenset({Disposition.LOST, Disposition.CHANGED, Disposition.IGNORED})
"""What a user is told nothing of."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One parameter at one target; ``documented`` and ``declared`` are None where nobody says."""

    target: str
    parameter: str
    dropping: bool
    documented: bool | None
    declared: bool | None
    disposition: Disposition
    evidence: str

    @property
    def delivered(self) -> bool | None:
        """Whether the parameter gets to where it has an effect; None where nobody can tell."""
        return None if self.disposition in UNTOLD else self.disposition in DELIVERED


@dataclass(frozen=True, slots=True)
class Tally:
    """The cells in which words and deeds differ."""

    undelivered: Sequence[Cell]
    """Documented, and not delivered."""
    undocumented: Sequence[Cell]
    """Delivered, and not documented by those who document something."""
    undeclared: Sequence[Cell]
    """Delivered, and declared not to be."""
    overdeclared: Sequence[Cell]
    """Declared, and not delivered."""
    silent: Sequence[Cell]
    """Lost, changed or ignored without a word."""
    is_documented: bool = True
    """Whether anybody says what is; without that, that nothing differs means nothing."""
    is_declared: bool = True


def tally(cells: Iterable[Cell]) -> Tally:
    """Words against deeds, with dropping off: what is dropped on demand is nobody's fault."""
    told = [cell for cell in cells if not cell.dropping]
    delivered = [cell for cell in told if cell.delivered]
    failed = [cell for cell in told if cell.delivered is False]
    return Tally(
        undelivered=[cell for cell in failed if cell.documented],
        undocumented=[cell for cell in delivered if cell.documented is False],
        undeclared=[cell for cell in delivered if cell.declared is False],
        overdeclared=[cell for cell in failed if cell.declared],
        silent=[cell for cell in failed if cell.disposition in SILENT],
        is_documented=any(cell.documented is not None for cell in told),
        is_declared=any(cell.declared is not None for cell in told),
    )


def undeclared(off: Mapping[str, Measured], on: Mapping[str, Measured]) -> Iterator[str]:
    """The parameters that are dropped with dropping on, and reach the provider with it off.

    To drop is to leave out what would be refused. What is lost in either case is lost already.
    """
    for parameter, measured in on.items():
        before = off.get(parameter)
        reached = before is not None and before.disposition in DELIVERED
        if reached and measured.disposition is Disposition.DROPPED:
            yield parameter
