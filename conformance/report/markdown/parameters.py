"""What becomes of parameters, in the Markdown matrix: a letter a target, or numbers for many."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console

from conformance.compare.grid import Grid
from conformance.dispositions import Cell
from conformance.dispositions.cells import DELIVERED, UNTOLD
from conformance.model import Disposition
from conformance.report.inert import block, code, name
from conformance.report.parameters import ACROSS, WIDTH, letters
from conformance.results.rows import Row

PARAMETERS: Final = 60
"""Parameters that are shown."""
SHORT: Final = 40
"""Characters of a parameter's name."""


def parameters(grid: Grid) -> list[str]:
    """What becomes of each parameter of which anything is known anywhere."""
    rows = [line.row for line in grid.lines if line.row.parameters]
    known = {
        told.name
        for row in rows
        for told in row.parameters.values()
        if told.disposition is not Disposition.UNKNOWN
    }
    names = [c.title for c in grid.columns if c.is_parameter and c.title in known]
    if not names:
        return []
    shown = names[:PARAMETERS]
    made = _letters(rows, shown) if len(rows) <= ACROSS else list(_numbers(rows, shown))
    more = len(names) - len(shown)
    left_out = ["", f"**Left out** for want of room: {more:,} more parameters."] if more else []
    return ["What becomes of each parameter:", "", *made, *left_out]


def _letters(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """A letter for each, as in a terminal."""
    cells = [_cell(row, one) for one in names for row in rows if one in row.parameters]
    out = io.StringIO()
    letters(Console(file=out, width=WIDTH, no_color=True), cells)
    lines = out.getvalue().rstrip().split("\n")
    return [block("\n".join(line.rstrip() for line in lines if line.strip() or line == ""))]


def _cell(row: Row, parameter: str) -> Cell:
    measured = row.parameters[parameter]
    return Cell(
        target=name(row.target),
        parameter=name(parameter, SHORT),
        dropping=False,
        documented=measured.documented,
        declared=measured.declared,
        disposition=measured.disposition,
        evidence="",
    )


def _numbers(rows: Sequence[Row], names: Sequence[str]) -> Iterator[str]:
    """At how many targets each is delivered, of those where that could be told."""
    yield "| parameter | delivered | otherwise | could not be told |"
    yield "| --- | --- | --- | --- |"
    for one in names:
        found = Counter(row.parameters[one].disposition for row in rows if one in row.parameters)
        told = {kind: count for kind, count in found.items() if kind not in UNTOLD}
        delivered = sum(count for kind, count in told.items() if kind in DELIVERED)
        others = (k for k in Disposition if k in told and k not in DELIVERED)
        otherwise = ", ".join(f"{told[kind]:,} {kind.replace('_', ' ')}" for kind in others)
        share = f"{delivered:,}/{sum(told.values()):,}" if told else "-"
        untold = sum(found.values()) - sum(told.values())
        yield f"| {code(name(one, SHORT))} | {share} | {otherwise or '-'} | {untold:,} |"
