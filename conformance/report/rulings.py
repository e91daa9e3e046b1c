"""What each rule came to at a target, over all capabilities: what JUnit and SARIF are made of.

Everything here is text of a stranger's file, and is made one line of bounded length.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final

from conformance.compare.grid import Grid
from conformance.model import Finding, Level, Outcome, Verdict, show
from conformance.registry import Check, checks
from conformance.report.terminal import printable
from conformance.results.reading import BROKEN, WORST, Row, Run

SHORT: Final = 200
LONG: Final = 2_000
PLACES: Final = 10
"""How many places of one broken rule are listed."""
_INDEX: Final = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class Ruling:
    """One rule at one target, over all the columns that it stands in."""

    check: str
    level: Level
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    broken: list[Verdict] = field(default_factory=list)
    """Those that break the rule; what nobody knew of comes first."""
    reason: str = ""
    """Why nothing is told, where nothing is."""

    @property
    def outcome(self) -> Outcome:
        """The outcome that decides."""
        return next((one for one in WORST if self.outcomes[one]), Outcome.NOT_APPLICABLE)

    @property
    def is_broken(self) -> bool:
        """Whether the rule was broken at least once."""
        return self.outcome in BROKEN

    @property
    def known(self) -> str | None:
        """Why it is known to be broken, if each time was known."""
        first = self.broken[0].known if self.broken else None
        return line(first, LONG) if first else None

    @property
    def times(self) -> tuple[int, int]:
        """How often the rule was broken, of how often it could be told."""
        broken = sum(self.outcomes[one] for one in BROKEN)
        return broken, broken + self.outcomes[Outcome.PASS]

    @property
    def rule(self) -> Check | None:
        """The check; None where this version has no such check."""
        return checks().get(self.check)

    def places(self) -> Iterator[str]:
        """What is wrong at each place, a line each; indices don't make another place."""
        seen: set[str] = set()
        for verdict in self.broken:
            for finding in verdict.findings:
                place = _INDEX.sub("[*]", line(finding.at))
                if place not in seen and len(seen) < PLACES:
                    yield f"{_wrong(finding)} ({line(verdict.probe or verdict.exchange)})"
                seen.add(place)
        if len(seen) > PLACES:
            yield f"and at {len(seen) - PLACES:,} more places"


def _wrong(finding: Finding) -> str:
    return f"{line(finding.at)}: wanted {line(finding.want)}, got {line(finding.got)}"


def rulings(row: Row) -> list[Ruling]:
    """Every rule that was tried at a target, by the id of its check."""
    found: dict[str, Ruling] = {}
    for (_, check), result in row.results.items():
        ruling = found.setdefault(check, Ruling(check, result.level))
        ruling.outcomes.update(result.outcomes)
        ruling.reason = ruling.reason or line(result.reason)
        ruling.broken += [verdict for verdict in result.broken if verdict.outcome in BROKEN]
    for ruling in found.values():
        ruling.broken.sort(key=lambda verdict: bool(verdict.known))
    return [found[check] for check in sorted(found)]


def underlying(grid: Grid) -> Sequence[Run]:
    """The runs that a row rests on, and the newest even if none does."""
    runs = [row.run for row in grid.lines] + list(grid.runs[-1:])
    return list({id(run): run for run in runs}.values())


def run_name(run: Run) -> str:
    """The name of a results file; the folder is only of use on one machine."""
    return line(PurePath(run.path).name)


def shortfalls(run: Run) -> list[str]:
    """What kept a run from being complete, a line each."""
    cut = [] if run.complete else ["it was interrupted: the file has no last line"]
    return cut + [line(problem, LONG) for problem in run.problems]


def line(value: Any, limit: int = SHORT) -> str:
    """Any value of a results file as one printable line; nothing for None."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else show(value)
    shown = printable(text[:limit])
    return shown if len(text) <= limit and len(shown) <= limit else f"{shown[:limit]}…"
