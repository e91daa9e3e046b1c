"""Numbers with what they count, as every report writes them."""

from __future__ import annotations

from conformance.compare.cells import Tally


def held(tally: Tally) -> str:
    """``held of told``."""
    return f"{tally.held:,} of {tally.told:,}"


def count(number: int, what: str) -> str:
    """A number and what it counts."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
