"""The matrix in a terminal: a row a target, a column a suite, and below it what is news."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from conformance.model import Level, Provenance, Source, Verdict
from conformance.report.board import Area, Board, Row
from conformance.report.terminal import STYLES, example, printable, table

LISTED = 40
"""How many failures of one target are printed; the results file has them all."""


def run(
    console: Console,
    board: Board,
    news: Sequence[str],
    problems: Sequence[str],
    absent: Mapping[str, int] | None = None,
) -> None:
    """Print everything a run came to.

    ``absent`` has the providers of which nothing is known, with the number of their models.
    """
    rows = board.rows.values()
    suites = sorted({name for row in rows for name, area in row.areas.items() if area.told})
    if suites:
        _matrix(console, board, suites)
        console.print(Text("checks passed /MUST broken ~MUST known to be ·SHOULD broken", "dim"))
        if absent:
            named = ", ".join(f"{name} ({count})" for name, count in absent.items())
            line = f"not recorded yet (models): {printable(named)}"
            console.print(Text(line, "dim"))
        console.print()
    for name, row in board.rows.items():
        _target(console, name, row)
    for message in news:
        console.print(Text(f"news: {printable(message)}", "magenta"), soft_wrap=True)
    for message in list(_grouped(problems))[:LISTED]:
        console.print(Text(f"incomplete: {printable(message)}", "red"), soft_wrap=True)


def _grouped(problems: Sequence[str]) -> Iterator[str]:
    """The problems, with probes that had the same one in one line: a budget ends for many."""
    probes: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        where, _, cause = problem.partition(": ")
        if "::" in where and cause:
            probes[cause].append(where)
        else:
            yield problem
    for cause, (first, *others) in probes.items():
        more = f" and {len(others):,} more" if others else ""
        yield f"{first}{more}: {cause}"


def _matrix(console: Console, board: Board, suites: Sequence[str]) -> None:
    grid = table("target", *suites, "replies", no_wrap=True)
    for name, row in sorted(board.rows.items()):
        cells = [_cell(row.areas[suite]) if suite in row.areas else Text("") for suite in suites]
        grid.add_row(printable(name), *cells, Text(origin(row.provenance), "dim"))
    console.print(grid)


def _cell(area: Area) -> Text:
    """How many checks passed, and how many are broken."""
    must, known = area.failures(Level.MUST), area.failures(Level.MUST, known=True)
    should = [*area.failures(Level.SHOULD), *area.failures(Level.SHOULD, known=True)]
    if not area.told:
        return Text("-", "dim")
    cell = Text(str(len(area.passed - area.broken.keys())), "red" if must else "green")
    if must:
        cell.append(f"/{len(must)}", "bold red")
    if known:
        cell.append(f"~{len(known)}", "yellow")
    if should:
        cell.append(f"·{len(should)}", "dim")
    return cell


def origin(provenance: Provenance | None) -> str:
    """Where replies come from and how old they are, in a few words."""
    if provenance is None:
        return ""
    what = provenance.software or ""
    day = (provenance.recorded_at or "")[:10]
    words = [provenance.source if provenance.source is not Source.LOCAL else "", what, day]
    return printable(", ".join(filter(None, words)) or str(provenance.source))


def _target(console: Console, name: str, row: Row) -> None:
    broken: list[Verdict] = [v for level in Level for v in row.failures(level)]
    known = sum(len(row.failures(level, known=True)) for level in Level)
    if not broken and not row.skipped:
        return
    heading = Text(printable(name), style="bold")
    heading.append(f"  {known} known" if known else "", "dim")
    console.print(heading)
    for verdict in broken[:LISTED]:
        console.print(_line(verdict), soft_wrap=True)
    if len(broken) > LISTED:
        console.print(Text(f"  and {len(broken) - LISTED} more: see --json", "dim"))
    for opener, reason in row.skipped.items():
        area = Text(f"  not there: {opener}: {printable(reason)}", "dim")
        console.print(area, soft_wrap=True)
    console.print()


def _line(verdict: Verdict) -> Text:
    line = Text("  ")
    line.append(f"{verdict.level.upper():<7}", STYLES[verdict.level])
    line.append(f"{verdict.check}  ")
    if verdict.outcome != "fail":
        line.append(f"{verdict.outcome.replace('_', ' ')}: ", "magenta")
    if verdict.repeat != (1, 1):
        line.append(f"{verdict.repeat[0]} of {verdict.repeat[1]}: ", "bold")
    line.append(example(verdict.findings[0]))
    line.append(f"  ({printable(verdict.probe or str(verdict.exchange))})", "dim")
    return line
