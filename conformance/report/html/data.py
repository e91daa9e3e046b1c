"""The evidence behind the cells: one compressed text, which the page unpacks at the first click.

Everything in it is inert already: controls are spelled out, and what is long is cut. What many
cells share, the checks and the texts of exchanges, is there once and referred to by number.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from conformance.compare.cells import Cell, Tally
from conformance.compare.grid import Grid, Line
from conformance.compare.history import Since, since
from conformance.model import Outcome
from conformance.registry import Check, checks
from conformance.report.again import again
from conformance.report.curl import curl
from conformance.report.html.ages import date
from conformance.report.html.states import is_delivered
from conformance.report.inert import lines, short
from conformance.results.rows import Parameter, Passage, Result, Row, Shown, Side

FINDINGS: Final = 5
"""Findings of one check that are shown."""
RULES: Final = 500
"""Rules of one cell that are told, broken and held each: more than there are in one."""
LONG: Final = 600
"""Characters of a reason."""
BODY: Final = 24_000
"""Characters of a body: what a results file of ours keeps, and an end to any other's."""
HEADERS: Final = 40
ID: Final = 100
"""Characters of an id."""

Json = dict[str, Any]


def island(grid: Grid) -> str:
    """All evidence of the page, for its script."""
    data = json.dumps(evidence(grid), ensure_ascii=False, separators=(",", ":"))
    packed = gzip.compress(data.encode(), compresslevel=9, mtime=0)
    return base64.b64encode(packed).decode()


def evidence(grid: Grid) -> Json:
    """The same, not packed yet."""
    shared = _Shared()
    rows = [_row(shared, line, since(line.row.target, grid.runs)) for line in grid.lines]
    known = checks()
    return {
        "rows": rows,
        "checks": [_check(check, known.get(check)) for check in shared.checks.there],
        "texts": list(shared.texts.there),
        "exchanges": shared.exchanges,
    }


@dataclass(slots=True)
class _Numbered:
    """Different texts, each with its number."""

    there: dict[str, int] = field(default_factory=dict)

    def of(self, text: str) -> int:
        """The number of a text."""
        return self.there.setdefault(text, len(self.there))


@dataclass(slots=True)
class _Shared:
    """What cells refer to by number."""

    checks: _Numbered = field(default_factory=_Numbered)
    texts: _Numbered = field(default_factory=_Numbered)
    exchanges: list[Json] = field(default_factory=list)
    _shown: dict[int, int] = field(default_factory=dict)

    def exchange(self, row: Row, shown: Shown) -> int:
        """The number of an exchange, marked as it is here."""
        number = self._shown.setdefault(id(shown), len(self.exchanges))
        if number == len(self.exchanges):
            self.exchanges.append(self._exchange(row, shown))
        return number

    def _exchange(self, row: Row, shown: Shown) -> Json:
        command = curl(row, shown)
        return {
            "id": short(shown.exchange, ID),
            "headers": self._headers(shown.headers),
            "replied": self._headers(shown.response_headers),
            "curl": None if command is None else self.texts.of(command),
            "beyond": [self._side(side) for side in shown.beyond] if row.adapter else None,
            **self._side(shown),
        }

    def _side(self, side: Side | Shown) -> Json:
        return {
            "asked": f"{short(side.method, 20)} {short(side.url, LONG)}",
            "request": self._passage(side.request),
            "status": None if side.status is None else short(str(side.status), 20),
            "response": self._passage(side.response),
        }

    def _headers(self, pairs: Sequence[tuple[str, str]]) -> int:
        shown = [f"{short(name, ID)}: {short(value, LONG)}" for name, value in pairs[:HEADERS]]
        return self.texts.of("\n".join(shown))

    def _passage(self, passage: Passage) -> list[Any]:
        """What is before the place at fault, the place, what is after it; whether that is all."""
        parts, whole = _parts(passage)
        return [*(self.texts.of(lines(part)) for part in parts), whole]


def _parts(passage: Passage) -> tuple[tuple[str, str, str], bool]:
    text = passage.text
    first, last = passage.mark or (0, 0)
    if not 0 <= first <= last <= len(text):
        first = last = 0
    start = max(0, min(first - BODY // 2, len(text) - BODY))
    end = start + BODY
    whole = passage.whole and start == 0 and end >= len(text)
    return (text[start:first], text[first : min(last, end)], text[last:end]), whole


def _row(shared: _Shared, line: Line, ages: Mapping[str, Since]) -> Json:
    """A target; ``ask`` asks one of which nothing is known yet."""
    cells = [_cell(shared, line, cell, ages) for cell in line.cells]
    return {"ask": again(line.row, line.run.mode) if line.row.is_empty else None, "cells": cells}


def _cell(shared: _Shared, line: Line, cell: Cell, ages: Mapping[str, Since]) -> Json | int:
    """A cell; 0 for one of which nothing is known."""
    held = [one for one in cell.results if one.outcome is Outcome.PASS]
    others = [one for one in cell.results if one.outcome is not Outcome.PASS]
    told = {
        "must": _tally(cell.must),
        "should": _tally(cell.should),
        "untold": cell.untold,
        "reason": short(cell.reason, LONG),
        "off": _parameter(cell.parameter),
        "on": _parameter(cell.dropping),
        "results": [_result(shared, line, one, ages.get(one.check)) for one in others[:RULES]],
        "more": len(others[RULES:]) + len(held[RULES:]),
        "held": [shared.checks.of(one.check) for one in held[:RULES]],
    }
    return {key: value for key, value in told.items() if value} or 0


def _tally(tally: Tally) -> list[int] | None:
    return [tally.held, tally.told] if tally.told else None


def _parameter(told: Parameter | None) -> Json | None:
    if told is None:
        return None
    return {
        "disposition": told.disposition.replace("_", " "),
        "documented": told.documented,
        "declared": told.declared,
        "vain": bool(told.documented) and not is_delivered(told.disposition),
        "evidence": short(told.evidence, LONG),
    }


def _result(shared: _Shared, line: Line, result: Result, age: Since | None) -> Json:
    found = [finding for verdict in result.broken for finding in verdict.findings]
    shown = [[short(str(v), LONG) for v in (f.at, f.want, f.got)] for f in found[:FINDINGS]]
    blame = next((v.blame for v in result.broken if v.blame), "") or ""
    told = {
        "check": shared.checks.of(result.check),
        "level": result.level,
        "outcome": result.outcome.replace("_", " "),
        "times": result.times if result.is_broken else None,
        "findings": shown,
        "more": len(found) - len(shown),
        "known": short(result.known or "", LONG),
        "blame": short(blame, ID),
        "reason": short(result.reason or "", LONG),
        "since": [date(one) for one in (age.first, age.unbroken, age.last)] if age else None,
        "again": _again(line, result),
    }
    if result.evidence:
        told["exchange"] = shared.exchange(line.row, result.evidence)
    return {key: value for key, value in told.items() if value or key in ("check", "exchange")}


def _again(line: Line, result: Result) -> str | None:
    """What asks again what a broken rule was seen in, if possible in the exchange that is shown."""
    shown = result.evidence.exchange if result.evidence else None
    first = next((verdict for verdict in result.broken if verdict.exchange == shown), None)
    verdict = first or (result.broken[0] if result.broken else None)
    return again(line.row, line.run.mode, verdict) if verdict else None


def _check(name: str, check: Check | None) -> Json:
    """What is known of a check; of a later version's, or a stranger's, its id alone."""
    found: Json = {"id": short(name, ID)}
    if not check:
        return found
    link = check.spec if check.spec.startswith("https://") else ""
    return found | {"rule": check.rule, "why": check.why, "spec": check.spec, "link": link}
