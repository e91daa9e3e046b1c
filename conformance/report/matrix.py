"""The matrix in a terminal: a row a target, a column a suite, below it what is news, a verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from conformance.compare.cells import Tally
from conformance.model import Level, Provenance, Source, Verdict
from conformance.report import refused
from conformance.report.board import Area, Board, Row
from conformance.report.counting import count, held
from conformance.report.terminal import STYLES, example, printable, table

LISTED = 40
"""How many failures of one target are printed; reports have them all."""
LEGEND = (
    "60/2~1·3 = 60 rules held, 2 MUST broken, 1 MUST known to be broken, 3 SHOULD broken; "
    "- = nothing could be told"
)


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
        console.print(Text(LEGEND, "dim"))
        if absent:
            named = ", ".join(f"{name} ({absent[name]})" for name in sorted(absent))
            line = f"not recorded yet (models): {printable(named)}"
            console.print(Text(line, "dim"))
        console.print()
    nobody = refused.silent(problems)
    for name, row in sorted(board.rows.items()):
        if name not in nobody:
            _target(console, name, row)
    for message in news:
        console.print(Text(f"news: {printable(message)}", "magenta"), soft_wrap=True)
    messages = sorted(_grouped(problems), key=lambda one: bool(refused.silent([one])))
    for message in messages[-LISTED:]:
        style = "bold red" if refused.silent([message]) else "red"
        console.print(Text(f"incomplete: {printable(message)}", style), soft_wrap=True)


def verdict(console: Console, board: Board, problems: Sequence[str]) -> None:
    """Print the last line: how many rules held, of how many.

    A target that refused everything was asked the wrong way: nothing is counted of it.
    """
    nobody = refused.silent(problems)
    rows = [row for name, row in board.rows.items() if name not in nobody and row.is_told]
    if not rows:
        return
    line = Text(f"{count(len(rows), 'target')}: " if len(rows) > 1 else "", "bold")
    line.append(_tallies(rows))
    if problems:
        line.append(f"; incomplete: {count(len(problems), 'problem')}", "red")
    console.print(line, soft_wrap=True)


def _tallies(rows: Sequence[Row]) -> Text:
    """``MUST 10 of 12 held (1 known to fail), SHOULD 5 of 5 held``."""
    text = Text()
    for level in (Level.MUST, Level.SHOULD):
        tally = sum((row.tally(level) for row in rows), Tally())
        known = sum(len(row.failures(level, known=True)) for row in rows)
        all_known = tally.held + known == tally.told
        style = "green" if tally.held == tally.told else "yellow" if all_known else STYLES[level]
        text.append(", " if text else "").append(f"{level.upper()} {held(tally)} held", style)
        text.append(f" ({known:,} known to fail)" if known else "", style)
    return text


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
    cell = Text(str(len(area.held)), "red" if must else "green")
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
    if not broken and not row.skipped:
        return
    heading = Text(printable(name), style="bold")
    console.print(heading.append("  ").append(_tallies([row])))
    for verdict in broken[:LISTED]:
        console.print(_line(verdict), soft_wrap=True)
    if len(broken) > LISTED:
        console.print(Text(f"  and {len(broken) - LISTED} more: see --html or --json", "dim"))
    for opener, reason in sorted(row.skipped.items()):
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
