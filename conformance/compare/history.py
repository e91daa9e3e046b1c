"""How a target fared in run after run, and since when a rule is broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.compare.cells import Tally
from conformance.model import Level, Outcome
from conformance.results.reading import Run
from conformance.results.rows import BROKEN, Decided, Row


@dataclass(frozen=True, slots=True)
class Point:
    """One target in one run."""

    started: str
    must: Tally
    should: Tally
    flaky: int = 0
    """Checks that were broken only sometimes."""


@dataclass(frozen=True, slots=True)
class Since:
    """When a rule was seen broken: ISO texts of the runs' beginnings."""

    first: str
    """The first time of all."""
    unbroken: str
    """The beginning of the time in which no run saw it held."""
    last: str
    """The last time of all."""


def history(target: str, runs: Sequence[Run]) -> list[Point]:
    """A target in each of the runs that it is in, which are in order, the oldest first."""
    rows = ((run, run.rows.get(target)) for run in runs)
    return [point(run.started, row) for run, row in rows if row and not row.is_empty]


def point(started: str, row: Row) -> Point:
    """What a row comes to; each rule counts once, whatever columns it stands in."""
    outcomes = row.outcomes()
    return Point(
        started=started,
        must=_tally(outcomes, Level.MUST),
        should=_tally(outcomes, Level.SHOULD),
        flaky=sum(outcome is Outcome.FLAKY for _, _, outcome in outcomes),
    )


def _tally(outcomes: Sequence[Decided], level: Level) -> Tally:
    return Tally.of(outcome for _, on, outcome in outcomes if on is level)


def since(target: str, runs: Sequence[Run]) -> dict[str, Since]:
    """For each check that a target ever broke, since when; the runs are in order."""
    found: dict[str, Since] = {}
    held: set[str] = set()
    for started, check, outcome in _told(target, runs):
        if outcome is Outcome.PASS:
            held.add(check)
        elif outcome in BROKEN:
            before = found.get(check)
            new = before is None or check in held
            found[check] = Since(
                first=before.first if before else started,
                unbroken=started if new or before is None else before.unbroken,
                last=started,
            )
            held.discard(check)
    return found


def _told(target: str, runs: Sequence[Run]) -> Iterator[tuple[str, str, Outcome]]:
    for run in runs:
        if target in run.rows:
            for check, _, outcome in run.rows[target].outcomes():
                yield run.started, check, outcome
