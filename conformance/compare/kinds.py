"""The kinds of change that a rule can undergo from one run to another."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from conformance.model import Outcome
from conformance.results.rows import BROKEN, WORST


class Kind(StrEnum):
    """What became of a rule."""

    NEW = "new"
    """Broken; it was told, and was not."""
    COVERED_BROKEN = "covered_broken"
    """Broken; it was not told before."""
    FLAKY = "flaky"
    """Broken only sometimes; it was told, and always came to the same."""
    FIXED = "fixed"
    """Not broken; it was."""
    STEADY = "steady"
    """No longer flaky: held, or always broken."""
    WORSE = "worse"
    """Broken in another way, or refused, which is further from a pass than before."""
    BETTER = "better"
    """As ``worse``, nearer to a pass."""
    COVERED = "covered"
    """Told, and not broken; it was not told before."""
    DISAPPEARED = "disappeared"
    """No longer told."""


UNTOLD: Final = frozenset(
    {Outcome.NOT_APPLICABLE, Outcome.INCONCLUSIVE, Outcome.ERROR, Outcome.STALE}
)
"""The outcomes that tell nothing about a rule."""


def kind_of(before: Outcome | None, after: Outcome | None) -> Kind | None:
    """What kind of change two outcomes make, None where nobody asked; None where they make none."""
    if before is None or before in UNTOLD:
        return _covered(after)
    if after is None or after in UNTOLD:
        return Kind.DISAPPEARED
    return None if before is after else _turned(before, after)


def _covered(after: Outcome | None) -> Kind | None:
    if after is None or after in UNTOLD:
        return None
    return Kind.COVERED_BROKEN if after in BROKEN else Kind.COVERED


def _turned(before: Outcome, after: Outcome) -> Kind:
    """The kind of a change between two outcomes that tell something."""
    if Outcome.FLAKY in (before, after):
        return Kind.FLAKY if after is Outcome.FLAKY else Kind.STEADY
    if (before in BROKEN) is not (after in BROKEN):
        return Kind.NEW if after in BROKEN else Kind.FIXED
    return Kind.WORSE if WORST.index(after) < WORST.index(before) else Kind.BETTER
