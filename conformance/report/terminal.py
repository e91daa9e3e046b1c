"""What a person sees. Everything a server sent is text here: no markup, no control characters."""

from __future__ import annotations

import sys
from contextlib import suppress

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.engine import UNTOLD, Audit
from conformance.model import Finding, Level, Outcome, show
from conformance.report.summary import Broken, Summary, by_provider
from conformance.results.writing import show_place, wanted

STYLES = {Level.MUST: "bold red", Level.SHOULD: "yellow", Level.MAY: "dim"}


WIDE = 200
"""Columns where there is no terminal to say how wide it is: a log, a pipe."""
SHOWN = 80
"""Characters of a value that are shown."""


class Written(str):
    """A value as a results file has it, which is a text already."""

    __slots__ = ()


class _Output(Console):
    def on_broken_pipe(self) -> None:
        """Rich ends with 1, which says that an API fails."""
        with suppress(SystemExit):
            super().on_broken_pipe()
        sys.exit(2)


def console() -> Console:
    """Standard output."""
    return _Output(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def printable(text: str) -> str:
    """``text`` with every control, format and bidirectional character spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def audited(console: Console, audit: Audit, summary: Summary) -> None:
    """Print an audit: each provider with its broken checks, then the counts."""
    providers = by_provider(audit.targets)
    width = max((len(b.check) for p in providers for b in summary.of(p)), default=0)
    for provider, (replies, models) in providers.items():
        broken = list(summary.of(provider))
        console.print(_heading(provider, replies, models, clean=not broken))
        for entry in broken:
            line = _line(entry, summary.ran[provider, entry.check], width)
            console.print(line, soft_wrap=True)
        console.print()
    if audit.judged:
        _counts(console, audit, summary)
    if summary.foreign:
        files = _plural(summary.foreign, "file or entry", "files or entries")
        console.print(Text(f"{files} passed over: not a recording", "dim"))
    for problem in summary.problems:
        console.print(Text(f"unreadable: {printable(problem)}", "red"), soft_wrap=True)
    if summary.unreadable > len(summary.problems):
        more = summary.unreadable - len(summary.problems)
        console.print(Text(f"unreadable: {more:,} more entries", "red"))


def _heading(provider: str, replies: int, models: int, *, clean: bool) -> Text:
    heading = Text(printable(provider), style="bold")
    heading.append(f"  {_plural(replies, 'reply', 'replies')}, {_plural(models, 'model')}", "dim")
    if clean:
        heading.append("  nothing broken", "green")
    return heading


def _line(entry: Broken, ran: int, width: int) -> Text:
    line = Text("  ")
    line.append(f"{entry.level.upper():<7}", STYLES[entry.level])
    line.append(f"{entry.check:<{width}}  ")
    line.append(f"{entry.count:>4} of {ran:<4}  ", "bold")
    outcome = entry.example.outcome
    if outcome is not Outcome.FAIL:
        line.append(f"{outcome}: ", "magenta")
    line.append(example(entry.example.findings[0]))
    made = entry.example.provenance
    origin = made.origin.rpartition("/")[2] if made else ""
    where = f"{entry.example.model}, {origin or str(entry.example.exchange)[:12]}"
    line.append(f"  ({printable(where)})", "dim")
    return line


def example(finding: Finding) -> str:
    """A finding on one line."""
    got = finding.got if isinstance(finding.got, Written) else show(finding.got)
    want, got = wanted(finding.want), got if len(got) <= SHOWN else f"{got[:SHOWN]}…"
    return printable(f"{show_place(finding.at)}: wanted {want}, got {got}")


def _counts(console: Console, audit: Audit, summary: Summary) -> None:
    told = {o: n for o, n in audit.outcomes.items() if o not in UNTOLD}
    parts = [f"{n:,} {o.replace('_', ' ')}" for o, n in sorted(told.items(), key=lambda x: -x[1])]
    console.print(Text(f"{sum(told.values()):,} verdicts: {', '.join(parts)}"))
    untold = [f"{audit.outcomes[o]:,} {o.replace('_', ' ')}" for o in UNTOLD]
    console.print(Text(f"no verdict (not passes): {', '.join(untold)}", "dim"))
    console.print(
        Text(
            f"{audit.read:,} exchanges read, {audit.judged:,} judged, "
            f"{audit.left_out:,} left out (not OpenAI-shaped LLM traffic, or marked suspect)",
            "dim",
        ),
        soft_wrap=True,
    )
    must, should = summary.failures[Level.MUST], summary.failures[Level.SHOULD]
    style = "bold red" if must else "green"
    console.print(Text(f"{must:,} MUST and {should:,} SHOULD findings", style))


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def table(*columns: str, no_wrap: bool = False) -> Table:
    """A plain table with these column headings."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=no_wrap)
    return made
