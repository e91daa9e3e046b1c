"""The matrix: every target's newest run as a row, a column each capability and parameter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from conformance.capability import TITLES
from conformance.compare.cells import Cell, Refused, State, Tally, cell_of
from conformance.compare.history import Point, history, point
from conformance.compare.latest import latest
from conformance.model import Outcome
from conformance.results.reading import Run
from conformance.results.rows import Result, Row

OF_CLAIM: Final = {
    "stream": ("stream",),
    "tools": ("tools_forced", "tools_auto", "tools_streamed", "tools_round_trip"),
    "parallel_tools": ("tools_parallel",),
    "vision": ("vision",),
    "json_object": ("json_object",),
    "json_schema": ("json_schema",),
    "logprobs": ("logprobs",),
    "chat": ("chat",),
    "completions": ("completions",),
    "embeddings": ("embeddings",),
    "models": ("models",),
    "responses": ("responses",),
}
"""What a target may claim -> the columns that are about it."""
CLAIMED: Final = {column: claim for claim, columns in OF_CLAIM.items() for column in columns}
COLUMNS: Final = 300
"""Columns of a matrix; ours are about 60."""
PARAMS: Final = "params"
ERRORS: Final = "errors"
"""Where to be refused is what is asked for."""


@dataclass(frozen=True, slots=True)
class Column:
    """A capability, or a parameter."""

    key: str
    title: str
    is_parameter: bool = False


@dataclass(slots=True)
class Line:
    """A row of the matrix: what is known of a target, and how it fared in all runs."""

    row: Row
    run: Run
    """The newest that told anything of it."""
    cells: Sequence[Cell]
    """One a column."""
    history: Sequence[Point]
    """The oldest run first; empty where nothing came of it in any."""

    @property
    def must(self) -> Tally:
        """How many MUST rules held, of how many that could be told; each counts once."""
        return point("", self.row).must

    @property
    def should(self) -> Tally:
        """As ``must``."""
        return point("", self.row).should


@dataclass(slots=True)
class Grid:
    """The whole matrix."""

    columns: Sequence[Column]
    lines: Sequence[Line]
    """By provider and model."""
    runs: Sequence[Run] = field(default_factory=list)
    """All that it was made from, the oldest first."""
    left_out: int = 0
    """Columns for which there is no room: what files say they are about may be anything."""

    @property
    def told(self) -> Grid:
        """The same without the targets of which nothing is known yet."""
        return replace(self, lines=[line for line in self.lines if not line.row.is_empty])

    @property
    def untold(self) -> list[Line]:
        """The rows of targets that nobody asked, or recorded, so far."""
        return [line for line in self.lines if line.row.is_empty]

    @property
    def providers(self) -> Mapping[str, Sequence[Line]]:
        """The rows by provider."""
        grouped: dict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            grouped[line.row.provider].append(line)
        return grouped


def grid(runs: Iterable[Run]) -> Grid:
    """The matrix of these runs, in any order: of each target what is known now, and its history."""
    ordered = in_order(runs)
    targets = {target for run in ordered for target in run.rows}
    told = [found for target in targets if (found := latest(target, ordered))]
    rows = sorted(told, key=lambda pair: (pair[1].provider, pair[1].model, pair[1].target))
    names = tuple(dict.fromkeys(n for _, row in rows for n in (*row.parameters, *row.dropping)))
    split = {row.target: _by_column(row, names) for _, row in rows}
    wanted = _columns(split.values(), names)
    columns = wanted[:COLUMNS]
    lines = [
        Line(
            row=row,
            run=run,
            cells=[_cell(row, column, split[row.target].get(column.key, ())) for column in columns],
            history=history(row.target, ordered),
        )
        for run, row in rows
    ]
    return Grid(columns, lines, ordered, len(wanted) - len(columns))


def in_order(runs: Iterable[Run]) -> list[Run]:
    """The oldest first, and each once: a copy of a file, gzipped or not, is no other run."""
    each = {(run.started, run.mode, frozenset(run.rows)): run for run in runs}
    return sorted(each.values(), key=lambda run: run.started)


def parameter_of(check: str, names: Iterable[str]) -> str | None:
    """The parameter a check of the suite ``params`` is about: the longest its name begins with."""
    name = check.partition(".")[2]
    fitting = [p for p in names if name == p or name.startswith(f"{p}_")]
    return max(fitting, key=len, default=None)


def _by_column(row: Row, names: Sequence[str]) -> dict[str, list[Result]]:
    columns: dict[str, list[Result]] = defaultdict(list)
    for (capability, check), result in row.results.items():
        about = parameter_of(check, names) if capability == PARAMS else None
        columns[f"{PARAMS}.{about}" if about else capability].append(result)
    return columns


def _columns(rows: Iterable[Mapping[str, Sequence[Result]]], names: Sequence[str]) -> list[Column]:
    """Those of which anything was seen, in the order of their titles, and every parameter."""
    seen = {
        key
        for row in rows
        for key, results in row.items()
        if any(result.outcome is not Outcome.NOT_APPLICABLE for result in results)
    }
    listed = [Column(key, title) for key, title in TITLES.items() if key in seen]
    others = sorted(key for key in seen - TITLES.keys() if not key.startswith(f"{PARAMS}."))
    return [
        *listed,
        *(Column(key, key) for key in others),
        *(Column(f"{PARAMS}.{name}", name, is_parameter=True) for name in names),
    ]


def _cell(row: Row, column: Column, results: Sequence[Result]) -> Cell:
    name = column.title
    if column.is_parameter:
        return cell_of(results, row.parameters.get(name), row.dropping.get(name))
    claim = CLAIMED.get(column.key)
    unclaimed = claim and row.claims is not None and claim not in row.claims
    absent = f"{row.provider} does not claim it" if unclaimed else ""
    return cell_of(results, absent=absent, refused=None if absent else _refused(row, column.key))


def _refused(row: Row, column: str) -> Refused | None:
    """What is the case, and why, where nothing about a capability was answered."""
    claim = CLAIMED.get(column)
    gone = next((why for probe, why in row.absent.items() if _area(probe) == claim), "")
    if gone:
        return State.ABSENT, gone
    asked = row.asked.get(column)
    if column != ERRORS and asked and asked.asked and not asked.answered:
        return State.REFUSED, asked.refusal
    return None


def _area(probe: str) -> str:
    return probe.partition(".")[0]
