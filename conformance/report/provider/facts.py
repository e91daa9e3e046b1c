"""What a page about a provider says, before it is put into Markdown or HTML.

The rows are one target, or all of one provider's: what several have in common is told once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.compare.causes import Cause, Failure, causes, failures_of
from conformance.compare.cells import ORDER, TOLD, State, Tally
from conformance.compare.grid import Grid, Line
from conformance.compare.history import Since, since
from conformance.dispositions.cells import DELIVERED
from conformance.model import Disposition, Level
from conformance.registry import Check, checks
from conformance.report.again import again
from conformance.results.reading import Run
from conformance.results.rows import Row, Shown

AVOID: Final = {
    Disposition.LOST: "left out without a word",
    Disposition.CHANGED: "sent on with another value",
    Disposition.IGNORED: "accepted, and has no effect",
    Disposition.REJECTED_BADLY: "refused by an error that no client can read",
    Disposition.REJECTED: "refused",
    Disposition.RAISED: "refused by the adapter",
    Disposition.DROPPED: "left out, as the adapter was told to",
}
"""What becomes of a parameter that a client should not rely on."""
UNVERIFIED: Final = {
    Disposition.ACCEPTED_UNVERIFIED: "accepted; whether it has an effect was not seen",
    Disposition.DEAD: "even a request without it is refused",
    Disposition.UNKNOWN: "nothing can be told",
}
UNTOLD: Final = {
    State.REFUSED: "refused in good order",
    State.UNTESTED: "nobody asked",
    State.ABSENT: "not there",
    State.INCONCLUSIVE: "tried, and nothing could be told",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A cause at one target: how often its most frequent rule was broken, and since when."""

    target: str
    times: tuple[int, int]
    since: Since | None
    known: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right."""

    cause: Cause
    rules: Sequence[tuple[str, Check | None]]
    """The checks it breaks, with what is known of each."""
    seen: Sequence[Seen]
    row: Row
    """Of the example."""
    shown: Shown | None
    command: str | None
    """What asks the same again."""


@dataclass(frozen=True, slots=True)
class Area:
    """A capability over these rows."""

    title: str
    state: State
    """The worst."""
    must: Tally
    should: Tally
    models: Tally
    """At how many targets nothing was broken, of how many it could be told at."""


@dataclass(frozen=True, slots=True)
class Group:
    """A capability or a parameter of which the same is to be said at several targets."""

    what: str
    says: str
    targets: Sequence[str]
    why: str = ""
    """The reason that a file gives."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything on the page."""

    name: str
    title: str
    lines: Sequence[Line]
    unasked: int
    """Other models of the provider, of which nothing is known yet."""
    must: Tally
    should: Tally
    problems: Sequence[Problem]
    works: Sequence[Area]
    broken: Sequence[Area]
    delivered: Sequence[Group]
    """Parameters that have their effect."""
    avoid: Sequence[Group]
    """Parameters that have not."""
    untold: Sequence[Group]
    runs: Sequence[Run]
    """Those that the rows rest on."""

    @property
    def commands(self) -> list[str]:
        """What asks everything again."""
        lines = (again(line.row, line.run.mode) for line in self.lines)
        return list(dict.fromkeys(filter(None, lines)))

    @property
    def is_one(self) -> bool:
        """Whether it is about one target."""
        return len(self.lines) == 1

    def count(self, level: Level, *, known: bool | None = None) -> int:
        """How many rules are broken on a level, each once a target: all, the known, or the new."""
        found = (f for problem in self.problems for f in problem.cause.failures if f.level is level)
        return sum(known is None or (f.verdict.known is not None) is known for f in found)


def facts(given: Sequence[Line], grid: Grid) -> Facts:
    """What the page about these rows says; there is at least one, all of one provider."""
    lines = [line for line in given if not line.row.is_empty] or given
    row = lines[0].row
    areas = list(_areas(lines, grid))
    return Facts(
        name=row.target if len(lines) == 1 else row.provider,
        title=next((line.row.title for line in lines if line.row.title), ""),
        lines=lines,
        unasked=len(given) - len(lines),
        must=sum((line.must for line in lines), Tally()),
        should=sum((line.should for line in lines), Tally()),
        problems=list(_problems(lines, grid)),
        works=[area for area in areas if area.state in (State.HELD, State.FLAWED)],
        broken=[area for area in areas if area.state in (State.BROKEN, State.FLAKY)],
        delivered=_parameters(lines, {d: "" for d in Disposition if d in DELIVERED}),
        avoid=_parameters(lines, AVOID),
        untold=[*_untold(lines, grid), *_parameters(lines, UNVERIFIED)],
        runs=list({id(line.run): line.run for line in lines}.values()),
    )


def _problems(lines: Sequence[Line], grid: Grid) -> Iterator[Problem]:
    by_target = {line.row.target: line for line in lines}
    ever = {target: since(target, grid.runs) for target in by_target}
    known = checks()
    for cause in causes(failure for line in lines for failure in failures_of(line.row)):
        best = max(cause.failures, key=lambda f: _evidence(by_target[f.target].row, f) is not None)
        line = by_target[best.target]
        grouped: dict[str, list[Failure]] = defaultdict(list)
        for failure in cause.failures:
            grouped[failure.target].append(failure)
        yield Problem(
            cause=cause,
            rules=[(check, known.get(check)) for check in dict.fromkeys(_ids(cause, best))],
            seen=[
                _seen(by_target[target].row, failures, ever[target])
                for target, failures in sorted(grouped.items())
            ],
            row=line.row,
            shown=_evidence(line.row, best),
            command=again(line.row, line.run.mode, best.verdict),
        )


def _ids(cause: Cause, first: Failure) -> Iterator[str]:
    """The rules, the one that is shown first."""
    yield first.check
    yield from cause.checks


def _seen(row: Row, failures: Sequence[Failure], ever: dict[str, Since]) -> Seen:
    most = max(failures, key=lambda failure: _times(row, failure.check))
    reasons = [failure.verdict.known for failure in failures]
    return Seen(
        target=row.target,
        times=_times(row, most.check),
        since=ever.get(most.check),
        known=reasons[0] if all(reasons) else None,
    )


def _times(row: Row, check: str) -> tuple[int, int]:
    """How often a rule was broken, of how often it could be told, whatever the capability."""
    found = [result.times for (_, name), result in row.results.items() if name == check]
    return sum(k for k, _ in found), sum(n for _, n in found)


def _evidence(row: Row, failure: Failure) -> Shown | None:
    """The exchange that a failure rests on, else another that breaks the rule."""
    found = [r.evidence for (_, name), r in row.results.items() if name == failure.check]
    there = [shown for shown in found if shown]
    exact = (shown for shown in there if shown.exchange == failure.verdict.exchange)
    return next(exact, there[0] if there else None)


def _areas(lines: Sequence[Line], grid: Grid) -> Iterator[Area]:
    """The capabilities of which anything could be told."""
    for place, column in enumerate(grid.columns):
        cells = [line.cells[place] for line in lines if line.cells[place].state in TOLD]
        if cells and not column.is_parameter:
            held = sum(cell.state is State.HELD for cell in cells)
            yield Area(
                title=column.title,
                state=min((cell.state for cell in cells), key=ORDER.__getitem__),
                must=sum((cell.must for cell in cells), Tally()),
                should=sum((cell.should for cell in cells), Tally()),
                models=Tally(held, len(cells)),
            )


def _parameters(lines: Iterable[Line], words: dict[Disposition, str]) -> list[Group]:
    """The parameters of which one of these is to be said, in the order of the words."""
    found: dict[tuple[Disposition, str], list[str]] = defaultdict(list)
    for row in (line.row for line in lines):
        for parameter in row.parameters.values():
            key = parameter.disposition, parameter.name
            if parameter.disposition in words:
                found[key].append(row.target)
    ordered = sorted(found, key=lambda key: list(words).index(key[0]))
    return [Group(key[1], words[key[0]], found[key]) for key in ordered]


def _untold(lines: Sequence[Line], grid: Grid) -> Iterator[Group]:
    """The capabilities of which nothing can be said, and why."""
    for place, column in enumerate(grid.columns):
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for line in lines:
            cell = line.cells[place]
            if not column.is_parameter and cell.state in UNTOLD:
                found[UNTOLD[cell.state], cell.reason].append(line.row.target)
        yield from (Group(column.title, says, at, why) for (says, why), at in found.items())
