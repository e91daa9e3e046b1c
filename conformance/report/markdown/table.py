"""The table of the Markdown matrix: a row a target, or a provider where there are many targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from conformance.compare.cells import ORDER, TOLD, Cell, State, Tally
from conformance.compare.grid import Column, Grid, Line
from conformance.dispositions.cells import DELIVERED, UNTOLD
from conformance.report.inert import code, name

SINGLE: Final = 40
"""Targets that have a row each; of more, each provider has one."""
COLUMNS: Final = 30
"""Capabilities that are shown."""
WORDS: Final = {
    State.BROKEN: "broken",
    State.FLAKY: "flaky",
    State.FLAWED: "should",
    State.HELD: "ok",
    State.REFUSED: "refused",
    State.INCONCLUSIVE: "?",
    State.ABSENT: "n.a.",
    State.UNTESTED: "-",
}
LEGEND: Final = {
    State.BROKEN: "`2/28 broken`: 2 of the 28 MUST rules that could be told, `known` if each was",
    State.FLAKY: "`flaky`: MUST rules that are broken sometimes",
    State.FLAWED: "`should`: only SHOULD rules are broken",
    State.HELD: "`ok 70`: all 70 rules that could be told held",
    State.REFUSED: "`refused`: in good order",
    State.INCONCLUSIVE: "`?`: tried, and nothing could be told",
    State.ABSENT: "`n.a.`: not claimed, or not there",
    State.UNTESTED: "`-`: nobody asked",
}
OF_PROVIDERS: Final = (
    "A row is a provider: `2/5 broken` says 2 of the 5 targets at which anything could be told, "
    "and names the worst; `ok 5`: at all 5 every rule held"
)


def rows(grid: Grid, room: int) -> list[str]:
    """The table and its legend, in not much more than ``room`` characters."""
    columns = [(i, column) for i, column in enumerate(grid.columns) if not column.is_parameter]
    shown = columns[:COLUMNS]
    if not grid.lines:
        return []
    by_provider = len(grid.lines) > SINGLE
    groups = list(grid.providers.values()) if by_provider else [[line] for line in grid.lines]
    head = _head([column for _, column in shown], grid, by_provider=by_provider)
    body = [_row(group, [i for i, _ in shown], grid, by_provider=by_provider) for group in groups]
    kept = fitting(body, room)
    left_out = _left_out(len(body) - kept, len(columns) - len(shown), by_provider=by_provider)
    return [*head, *body[:kept], "", *left_out, _legend(grid, shown, by_provider=by_provider)]


def fitting(lines: Sequence[str], room: int) -> int:
    """How many of these lines fit."""
    used = 0
    for number, line in enumerate(lines):
        used += len(line) + 1
        if used > room:
            return number
    return len(lines)


def _head(columns: Sequence[Column], grid: Grid, *, by_provider: bool) -> list[str]:
    titles = [
        code(column.title, 40) if column.key == column.title else column.title for column in columns
    ]
    first = ["provider", "targets"] if by_provider else ["target"]
    delivered = ["parameters delivered"] if _has_parameters(grid) else []
    cells = [*first, "MUST held", "SHOULD held", *titles, *delivered, "replies"]
    return [_cells(cells), _cells(["---"] * len(cells))]


def _row(group: Sequence[Line], places: Sequence[int], grid: Grid, *, by_provider: bool) -> str:
    row = group[0].row
    first = [code(name(row.provider)), str(len(group))] if by_provider else [code(name(row.target))]
    must = sum((line.must for line in group), Tally())
    should = sum((line.should for line in group), Tally())
    word = _several if by_provider else _single
    return _cells(
        [
            *first,
            _share(must),
            _share(should),
            *(word([line.cells[i] for line in group]) for i in places),
            *([_delivered(group)] if _has_parameters(grid) else []),
            _replies(group),
        ]
    )


def _single(cells: Sequence[Cell]) -> str:
    """One target's cell."""
    cell = cells[0]
    word = WORDS[cell.state]
    if cell.state in (State.BROKEN, State.FLAKY):
        text = f"{cell.must.told - cell.must.held}/{cell.must.told} {word}"
        return f"{text}, known" if cell.is_known else f"**{text}**"
    if cell.state is State.FLAWED:
        return f"{cell.should.told - cell.should.held}/{cell.should.told} {word}"
    return f"{word} {cell.tally.told}" if cell.state is State.HELD else word


def _several(cells: Sequence[Cell]) -> str:
    """The worst there is, and at how many targets of those at which anything could be told."""
    states = Counter(cell.state for cell in cells)
    worst = min(states, key=ORDER.__getitem__)
    told = sum(states[state] for state in TOLD)
    if not told:
        return WORDS[worst]
    if worst is State.HELD:
        return f"{WORDS[worst]} {told}"
    text = f"{states[worst]}/{told} {WORDS[worst]}"
    if worst not in (State.BROKEN, State.FLAKY):
        return text
    known = all(cell.is_known for cell in cells if cell.state is worst)
    return f"{text}, known" if known else f"**{text}**"


def _delivered(group: Sequence[Line]) -> str:
    """How many parameters get to where they have an effect, of those that could be told."""
    found = [p.disposition for line in group for p in line.row.parameters.values()]
    told = [disposition for disposition in found if disposition not in UNTOLD]
    return _share(Tally(sum(disposition in DELIVERED for disposition in told), len(told)))


def _share(tally: Tally) -> str:
    return f"{tally.held:,}/{tally.told:,}" if tally.told else "-"


def _replies(group: Sequence[Line]) -> str:
    """Who made the replies, and the day of the newest."""
    newest = max(group, key=lambda line: line.row.recorded[1])
    row, run = newest.row, newest.run
    words = [row.source or run.mode, row.software, row.recorded[1][:10]]
    return " ".join(code(word, 40) for word in words if word)


def _has_parameters(grid: Grid) -> bool:
    return any(column.is_parameter for column in grid.columns)


def _left_out(rows: int, columns: int, *, by_provider: bool) -> Iterator[str]:
    if rows:
        what = "providers" if by_provider else "targets"
        yield f"**Left out** for want of room: {rows:,} more {what}."
    if columns:
        yield f"**Left out** for want of room: {columns:,} more capabilities."


def _legend(grid: Grid, shown: Sequence[tuple[int, Column]], *, by_provider: bool) -> str:
    states = {line.cells[i].state for line in grid.lines for i, _ in shown}
    words = [LEGEND[state] for state in State if state in states]
    if by_provider:
        quiet = [LEGEND[state] for state in (State.INCONCLUSIVE, State.ABSENT, State.UNTESTED)]
        words = [OF_PROVIDERS, *(word for word in quiet if word in words)]
    return f"{'; '.join(words)}." if words else ""


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
