"""What the page shows without a click, in the words of its template: all of it inert text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.compare.cells import Cell, State, Tally
from conformance.compare.grid import Column, Grid, Line
from conformance.model import Source
from conformance.report.html.ages import age, date, days
from conformance.report.html.states import css_of, text_of
from conformance.report.html.trend import Trend, trend
from conformance.report.inert import name, short
from conformance.report.naming import model_name
from conformance.results.rows import is_news

SOURCES: Final = {
    Source.LIVE: "live",
    Source.LOCAL: "local",
    Source.DOCUMENTED: "documented",
    Source.RECORDING: "a stranger's recordings",
    Source.REFERENCE: "the reference",
}
NOTHING: Final = "nothing is recorded yet"
ASKING: Final = ("live", "adapter")
ANSWERING: Final = (Source.LIVE, Source.LOCAL)
"""Runs, and who answers in them: their replies are of that day where they bear no date."""
RUNS: Final = 20
"""Runs that are listed."""
MESSAGES: Final = 20
"""Messages of runs that are listed."""


@dataclass(frozen=True, slots=True)
class Share:
    """A tally: ``text`` has its denominator, ``part`` is for sorting, empty where none is."""

    text: str
    percent: str
    part: str


@dataclass(frozen=True, slots=True)
class Target:
    """A row."""

    number: int
    key: str
    provider: str
    model: str
    origin: str
    age: str
    recorded: str
    days: str
    must: Share
    should: Share
    trend: Trend
    is_unasked: bool
    """Whether nothing is known of it yet."""
    is_news: bool
    """Whether something is broken in it that nobody knew of."""
    cells: Sequence[tuple[str, str]]
    """Classes and text."""
    musts: str
    """What the cells come to when MUST rules alone count: ``held/told``, or nothing."""


@dataclass(frozen=True, slots=True)
class Group:
    """A provider's rows."""

    key: str
    title: str
    must: Share
    told: int
    """How many of them anything is known of."""
    targets: Sequence[Target]


@dataclass(frozen=True, slots=True)
class Heading:
    """A column."""

    key: str
    title: str
    is_parameter: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A run that the page was made from."""

    started: str
    mode: str
    tool: str
    revision: str
    targets: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """What all rows come to, and what is not in it."""

    targets: int
    unasked: int
    """Targets of which nothing is known yet; they are in no other number."""
    providers: int
    must: Share
    should: Share
    states: dict[State, int]


def groups(grid: Grid) -> Iterator[Group]:
    """The rows by provider, numbered through."""
    numbers = {id(line): number for number, line in enumerate(grid.lines)}
    now = newest(grid)
    for provider, lines in grid.providers.items():
        yield Group(
            key=name(provider),
            title=short(lines[0].row.title, 60) or name(provider),
            must=share(sum((line.must for line in lines), Tally())),
            told=sum(not line.row.is_empty for line in lines),
            targets=[_target(numbers[id(line)], line, now) for line in lines],
        )


def headings(columns: Iterable[Column]) -> list[Heading]:
    """The columns."""
    return [Heading(name(one.key), short(one.title, 60), one.is_parameter) for one in columns]


def totals(grid: Grid) -> Totals:
    """What all rows come to."""
    told = grid.told
    states = dict.fromkeys(State, 0)
    for line in told.lines:
        for cell in line.cells:
            states[cell.state] += 1
    return Totals(
        targets=len(told.lines),
        unasked=len(grid.untold),
        providers=len(told.providers),
        must=share(sum((line.must for line in told.lines), Tally())),
        should=share(sum((line.should for line in told.lines), Tally())),
        states=states,
    )


def made_from(grid: Grid) -> list[Made]:
    """The runs, the newest first; of many the newest."""
    return [
        Made(
            started=date(run.started),
            mode=short(run.mode, 20),
            tool=short(run.tool, 40),
            revision=short(run.revision, 20),
            targets=sum(not row.is_empty for row in run.rows.values()),
            complete=run.complete,
        )
        for run in reversed(grid.runs[-RUNS:])
    ]


def messages(grid: Grid) -> list[str]:
    """What the runs behind the rows say themselves: what is new, and what kept them incomplete."""
    runs = {id(line.run): line.run for line in grid.lines}.values()
    said = [text for run in runs for text in (*run.problems, *run.news)]
    more = [f"and {len(said) - MESSAGES:,} more"] if len(said) > MESSAGES else []
    return [short(text, 300) for text in said[:MESSAGES]] + more


def newest(grid: Grid) -> str:
    """When the newest run began: the page's own now."""
    return max((run.started for run in grid.runs), default="")


def share(tally: Tally) -> Share:
    """A tally with its denominator; only what is whole is 100 %."""
    if not tally.told:
        return Share("–", "", "")  # noqa: RUF001  # a dash
    percent = 100 * tally.held // tally.told
    part = tally.held / tally.told
    return Share(f"{tally.held:,}/{tally.told:,}", f"{percent} %", f"{part:.6f}")


def _target(number: int, line: Line, now: str) -> Target:
    row = line.row
    asked_now = line.run.mode in ASKING and row.source in ANSWERING and not any(row.recorded)
    oldest, latest = (line.run.started,) * 2 if asked_now else row.recorded
    passed = days(oldest, now)
    return Target(
        number=number,
        key=name(row.target),
        provider=name(row.provider),
        model=model_name(row.model),
        origin=NOTHING if row.is_empty else _origin(row.source, row.software),
        age=age(oldest, now),
        recorded=date(oldest) if oldest == latest else f"{date(oldest)} to {date(latest)}",
        days="" if passed is None else str(passed),
        must=share(line.must),
        should=share(line.should),
        trend=trend(line.history),
        is_unasked=row.is_empty,
        is_news=any(
            is_news(row.provider, result.level, result.known)
            for cell in line.cells
            for result in cell.broken
        ),
        cells=[(css_of(cell), text_of(cell)) for cell in line.cells],
        musts=",".join(map(_must, line.cells)).rstrip(","),
    )


def _origin(source: str, software: str) -> str:
    told = next((words for known, words in SOURCES.items() if known == source), short(source, 20))
    return f"{told}, {short(software, 40)}" if software else told or "of unknown origin"


def _must(cell: Cell) -> str:
    return f"{cell.must.held}/{cell.must.told}" if cell.must.told else ""
