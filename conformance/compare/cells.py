"""The cell of a matrix: what one target makes of one capability or parameter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from conformance.model import Disposition, Level, Outcome
from conformance.results.rows import BROKEN, WORST, Parameter, Result


class State(StrEnum):
    """What a cell shows. Only the first four say that something held or was broken."""

    BROKEN = "broken"
    """A MUST is broken, or a parameter changed, lost or ignored without a word."""
    FLAKY = "flaky"
    """A MUST is broken sometimes."""
    FLAWED = "flawed"
    """A SHOULD is broken, and no MUST."""
    HELD = "held"
    """Every rule that could be told held; a parameter is delivered."""
    REFUSED = "refused"
    """It is refused in good order, or left out as demanded."""
    INCONCLUSIVE = "inconclusive"
    """It was tried, and nothing can be told."""
    ABSENT = "absent"
    """The target does not claim it, or its endpoint is not there: not applicable."""
    UNTESTED = "untested"
    """Nobody asked."""


ORDER: Final = {state: place for place, state in enumerate(State)}
TOLD: Final = (State.BROKEN, State.FLAKY, State.FLAWED, State.HELD)
"""The states that count in percentages."""
ADVERSE: Final = (State.BROKEN, State.FLAKY, State.FLAWED)
OF_DISPOSITION: Final = {
    Disposition.FORWARDED: State.HELD,
    Disposition.RENAMED: State.HELD,
    Disposition.TRANSLATED: State.HELD,
    Disposition.SENT_BY_DEFAULT: State.HELD,
    Disposition.HONOURED: State.HELD,
    Disposition.ACCEPTED_UNVERIFIED: State.INCONCLUSIVE,
    Disposition.CHANGED: State.BROKEN,
    Disposition.IGNORED: State.BROKEN,
    Disposition.LOST: State.BROKEN,
    Disposition.REJECTED: State.REFUSED,
    Disposition.RAISED: State.REFUSED,
    Disposition.DROPPED: State.REFUSED,
    Disposition.REJECTED_BADLY: State.FLAWED,
    Disposition.DEAD: State.INCONCLUSIVE,
    Disposition.UNKNOWN: State.UNTESTED,
}


Refused = tuple[State, str]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rules held, of how many that could be told, on one level."""

    held: int = 0
    told: int = 0

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Tally:
        """The tally of these; refused and lenient ones are neither held nor broken."""
        told = [outcome for outcome in outcomes if outcome in BROKEN or outcome is Outcome.PASS]
        return cls(told.count(Outcome.PASS), len(told))

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.held + other.held, self.told + other.told)


@dataclass(slots=True)
class Cell:
    """One target and one column."""

    state: State
    must: Tally = field(default_factory=Tally)
    should: Tally = field(default_factory=Tally)
    untold: int = 0
    """Checks that ran and could not tell."""
    results: Sequence[Result] = ()
    """The checks that had something to say, the worst first."""
    parameter: Parameter | None = None
    dropping: Parameter | None = None
    reason: str = ""
    """Why nothing is told, where nothing is."""

    @property
    def broken(self) -> list[Result]:
        """The checks that were broken."""
        return [result for result in self.results if result.is_broken]

    @property
    def tally(self) -> Tally:
        """How many rules held, of how many, on both levels."""
        return self.must + self.should

    @property
    def is_known(self) -> bool:
        """Whether all that is broken in it was known."""
        return bool(self.broken) and all(result.known for result in self.broken)


def cell_of(
    results: Iterable[Result],
    parameter: Parameter | None = None,
    dropping: Parameter | None = None,
    absent: str = "",
    refused: Refused | None = None,
) -> Cell:
    """The cell that these results and this disposition come to.

    ``absent`` says why there can be none, where there is none. ``refused`` is what is the case, and
    why, where nothing that was asked was answered.
    """
    there = [result for result in results if result.outcome is not Outcome.NOT_APPLICABLE]
    ordered = sorted(there, key=_weight)
    own = OF_DISPOSITION[parameter.disposition] if parameter else State.UNTESTED
    states = _states([*map(_state, ordered)], refused[0] if refused else own)
    nothing = State.ABSENT if absent else State.UNTESTED
    told = [state for state in states if state is not State.UNTESTED]
    untold = [result for result in ordered if _state(result) is State.INCONCLUSIVE]
    return Cell(
        state=min(told, key=ORDER.__getitem__, default=nothing),
        must=_tally(ordered, Level.MUST),
        should=_tally(ordered, Level.SHOULD),
        untold=len(untold),
        results=ordered,
        parameter=parameter,
        dropping=dropping,
        reason=refused[1] if refused else _commonest(untold) if told else absent,
    )


def _states(states: list[State], own: State) -> list[State]:
    """What decides about a cell.

    That a value is taken does not show that it has an effect, and that an error is in good order
    not that there is anything but errors. So where something is known of the whole, the rules that
    held do not decide.
    """
    if own is State.UNTESTED:
        return states
    return [own, *(state for state in states if state in ADVERSE)]


def _commonest(results: Iterable[Result]) -> str:
    """The reason that most of them give."""
    reasons = Counter(result.reason for result in results if result.reason)
    return reasons.most_common(1)[0][0] if reasons else ""


def _state(result: Result) -> State:
    outcome = result.outcome
    if outcome in (Outcome.FAIL, Outcome.IGNORED):
        return State.BROKEN if result.level is Level.MUST else State.FLAWED
    if outcome is Outcome.FLAKY:
        return State.FLAKY if result.level is Level.MUST else State.FLAWED
    if outcome in (Outcome.PASS, Outcome.LENIENT):
        return State.HELD
    if outcome in (Outcome.REJECTED, Outcome.REJECTED_BADLY, Outcome.UNSUPPORTED):
        return State.REFUSED
    return State.INCONCLUSIVE


def _weight(result: Result) -> tuple[int, int, str]:
    return WORST.index(result.outcome), list(Level).index(result.level), result.check


def _tally(results: Iterable[Result], level: Level) -> Tally:
    return Tally.of(result.outcome for result in results if result.level is level)
