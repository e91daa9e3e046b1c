"""What each rule came to at a target, over all capabilities: what JUnit and SARIF are made of.

Everything here is text of a stranger's file, and is made one line of bounded length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any, Final

from conformance.compare.grid import Grid
from conformance.model import Finding, show
from conformance.registry import Check, checks
from conformance.report.terminal import printable
from conformance.results.reading import Run
from conformance.results.rows import BROKEN, Result, Row

SHORT: Final = 200
LONG: Final = 2_000
PLACES: Final = 10
"""How many places of one broken rule are listed."""
_INDEX: Final = re.compile(r"\[\d+\]")


class Ruling(Result):
    """One rule at one target, over all the columns that it stands in.

    Of what was broken, only what breaks the rule; what nobody knew of comes first.
    """

    __slots__ = ()

    @property
    def known(self) -> str | None:
        """Why it is known to be broken, if each time was known."""
        return line(super().known, LONG) or None

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
