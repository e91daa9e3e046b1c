"""How a state looks: a class, a mark and words. A mark alone says it too, without its colour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from conformance.compare.cells import Cell, State
from conformance.dispositions.cells import DELIVERED, UNTOLD
from conformance.model import Disposition
from conformance.report.parameters import LETTERS


@dataclass(frozen=True, slots=True)
class Look:
    """A state's look: ``css`` is one letter, as it stands in every cell of the page."""

    css: str
    glyph: str
    word: str
    meaning: str


LOOKS: Final = {
    State.BROKEN: Look(
        "b", "✕", "broken", "a MUST is broken, or a parameter lost, changed or ignored"
    ),
    State.FLAKY: Look("k", "≈", "flaky", "a MUST is broken sometimes"),
    State.FLAWED: Look("w", "!", "flawed", "a SHOULD is broken, and no MUST"),
    State.HELD: Look("h", "✓", "held", "every rule that could be told held"),
    State.REFUSED: Look("r", "⊘", "refused", "refused in good order"),
    State.INCONCLUSIVE: Look("i", "?", "inconclusive", "tried, and nothing can be told"),
    State.ABSENT: Look("a", "–", "absent", "not claimed, or not there"),  # noqa: RUF001  # a dash
    State.UNTESTED: Look("u", "·", "untested", "nobody asked"),
}


def css_of(cell: Cell) -> str:
    """The classes of a cell; a parameter's letter is ``p``, and what was promised in vain ``d``."""
    look = LOOKS[cell.state].css
    if cell.parameter is None or cell.parameter.disposition is Disposition.UNKNOWN:
        return look
    vain = cell.parameter.documented and not is_delivered(cell.parameter.disposition)
    return f"{look} p d" if vain else f"{look} p"


def is_delivered(disposition: Disposition) -> bool:
    """Whether a parameter gets to where it has an effect, or may do."""
    return disposition in DELIVERED or disposition in UNTOLD


def text_of(cell: Cell) -> str:
    """What stands in a cell: a letter for a parameter, else how many rules held, of how many."""
    if cell.parameter and cell.parameter.disposition is not Disposition.UNKNOWN:
        return LETTERS[cell.parameter.disposition]
    held, told = cell.tally.held, cell.tally.told
    return f"{held}/{told}" if held < told else str(told or "")


def letters(dispositions: Iterable[Disposition]) -> dict[str, str]:
    """Letter -> what it stands for, for those that are there."""
    there = set(dispositions)
    found: dict[str, list[str]] = {}
    for disposition, letter in LETTERS.items():
        if disposition in there:
            found.setdefault(letter, []).append(disposition.replace("_", " "))
    return {letter: " or ".join(words) for letter, words in found.items()}
