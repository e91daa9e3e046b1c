"""The matrix as one JSON object, for programs; ``schemas/report/matrix-1.json`` describes it.

It holds what each cell rests on, and no evidence: bodies stay in the results files. A stranger's
texts are shortened and on one line, so that it is never much larger than what it is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from conformance.compare.cells import TOLD, Cell, State, Tally
from conformance.compare.grid import Column, Grid, Line
from conformance.compare.history import Point, Since, since
from conformance.report.inert import name, short
from conformance.results.reading import Run
from conformance.results.rows import BROKEN, Parameter, Result

VERSION: Final = 1
"""Raised when a reader of the old form could no longer read the new one."""
FINDINGS: Final = 3
"""Findings of one check that are shown."""


def document(grid: Grid) -> dict[str, Any]:
    """The whole matrix."""
    numbers = {id(run): number for number, run in enumerate(grid.runs)}
    states = Counter(cell.state for line in grid.lines for cell in line.cells)
    return {
        "version": VERSION,
        "made_from": [_run(run) for run in grid.runs],
        "columns": [_column(column) for column in grid.columns],
        "totals": {
            "must": _tally(sum((line.must for line in grid.lines), Tally())),
            "should": _tally(sum((line.should for line in grid.lines), Tally())),
            "untold": sum(cell.untold for line in grid.lines for cell in line.cells),
            "cells": {state.value: states[state] for state in State},
        },
        "targets": [_target(line, grid, numbers[id(line.run)]) for line in grid.lines],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "file": name(run.path.replace("\\", "/").rpartition("/")[2]),
        "started": short(run.started),
        "mode": short(run.mode),
        "tool": short(run.tool),
        "revision": short(run.revision),
        "complete": run.complete,
        "targets": len(run.rows),
        "problems": len(run.problems),
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "key": name(column.key),
        "title": name(column.title),
        "kind": "parameter" if column.is_parameter else "capability",
    }


def _target(line: Line, grid: Grid, run: int) -> dict[str, Any]:
    row, broken = line.row, since(line.row.target, grid.runs)
    return {
        "target": name(row.target),
        "provider": name(row.provider),
        "model": name(row.model),
        "adapter": name(row.adapter) or None,
        "title": short(row.title),
        "source": short(row.source),
        "software": short(row.software) or None,
        "recorded": [short(when) for when in row.recorded] if any(row.recorded) else None,
        "claims": None if row.claims is None else sorted(map(name, row.claims)),
        "run": run,
        "must": _tally(line.must),
        "should": _tally(line.should),
        "history": [_point(point) for point in line.history],
        "cells": {
            name(column.key): _cell(cell, broken)
            for column, cell in zip(grid.columns, line.cells, strict=True)
        },
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "started": short(point.started),
        "must": _tally(point.must),
        "should": _tally(point.should),
        "flaky": point.flaky,
    }


def _cell(cell: Cell, broken: Mapping[str, Since]) -> dict[str, Any]:
    """A cell; where nothing was told, only what says so."""
    made: dict[str, Any] = {"state": cell.state.value}
    if cell.reason and cell.state not in TOLD:
        made["reason"] = short(cell.reason)
    if cell.results:
        made["must"], made["should"] = _tally(cell.must), _tally(cell.should)
        made["untold"] = cell.untold
        made["checks"] = [_check(result, broken) for result in cell.results]
    if cell.parameter or cell.dropping:
        made["parameter"] = _parameter(cell.parameter, cell.dropping)
    return made


def _check(result: Result, broken: Mapping[str, Since]) -> dict[str, Any]:
    k, n = result.times
    made: dict[str, Any] = {
        "check": name(result.check),
        "level": result.level.value,
        "outcome": result.outcome.value,
        "times": {"k": k, "n": n},
    }
    if not result.broken:
        return made | ({"reason": short(result.reason)} if result.reason else {})
    made["findings"] = _findings(result)
    if result.is_broken:
        seen, blame = broken.get(result.check), _blame(result)
        made["known"] = short(result.known) if result.known else None
        made["since"] = _since(seen) if seen else None
        made |= {"blame": blame} if blame else {}
    return made


def _findings(result: Result) -> list[dict[str, str]]:
    """The first of each verdict, those that broke the rule before those that did not."""
    ordered = sorted(result.broken, key=lambda verdict: verdict.outcome not in BROKEN)
    firsts = [verdict.findings[0] for verdict in ordered[:FINDINGS]]
    return [
        {"at": short(f.at), "want": short(str(f.want)), "got": short(str(f.got))} for f in firsts
    ]


def _blame(result: Result) -> str | None:
    blamed = (verdict.blame for verdict in result.broken if verdict.blame)
    first = next(blamed, None)
    return short(first) if first else None


def _since(seen: Since) -> dict[str, str]:
    return {"first": short(seen.first), "broken": short(seen.unbroken), "last": short(seen.last)}


def _parameter(off: Parameter | None, on: Parameter | None) -> dict[str, Any]:
    shown = off or on
    return {
        "disposition": off.disposition.value if off else None,
        "dropping": on.disposition.value if on else None,
        "documented": shown.documented if shown else None,
        "declared": shown.declared if shown else None,
        "evidence": short(shown.evidence) if shown else "",
    }


def _tally(tally: Tally) -> dict[str, int]:
    return {"held": tally.held, "told": tally.told}
