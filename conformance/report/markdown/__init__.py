"""The matrix as Markdown: for a README, a comment on a pull request, the summary of a CI job.

Short, and news first. Whatever the grid, it stays under :data:`LIMIT` characters, which is what
GitHub takes as a comment, and says what was left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from conformance.compare.causes import Cause, Failure, causes, failures_of
from conformance.compare.cells import Tally
from conformance.compare.grid import Grid, Line
from conformance.model import Level
from conformance.report.counting import count, held
from conformance.report.inert import code, name
from conformance.report.markdown import table
from conformance.report.markdown.parameters import parameters
from conformance.report.markdown.table import fitting
from conformance.results.reading import Run

LIMIT: Final = 60_000
"""Characters of the whole; GitHub cuts comments off at 65,536."""
CAUSES, FOR_CAUSES = 12, 14_000
"""Causes that are listed, and the characters that there are for them."""
TOLD, FOR_TOLD = 5, 4_000
"""The same of a run's messages, and of runs."""
FOR_TABLE: Final = 18_000
UNTOLD: Final = 60
"""Providers of which nothing is known that are named."""
NAMED: Final = 3
"""Checks and targets of a cause that are named."""


def matrix(of: Grid) -> str:
    """The whole matrix; targets of which nothing is known yet are named below it."""
    grid = of.told
    failures = [failure for line in grid.lines for failure in failures_of(line.row)]
    parts = [
        list(_verdict(grid, failures)),
        list(_news(grid)),
        list(_failures(failures)),
        table.rows(grid, FOR_TABLE),
        parameters(grid),
        list(_untold_of(of.untold)),
        list(_made_from(grid.runs)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _verdict(grid: Grid, failures: Sequence[Failure]) -> Iterator[str]:
    """What a reader in a hurry wants to know: what is new, what is known, out of how much."""
    must = sum((line.must for line in grid.lines), Tally())
    should = sum((line.should for line in grid.lines), Tally())
    if not must.told + should.told:
        yield f"**Nothing could be told** of {count(len(grid.lines), 'target')}."
        return
    new = [failure for failure in failures if failure.is_news]
    known = sum(f.level is Level.MUST and f.verdict.known is not None for f in failures)
    if new:
        at = count(len({failure.target for failure in new}), "target")
        what = f"**{count(len(new), 'new failure')} at {at}** of {len(grid.lines):,}"
        yield f"{what}: rules that nobody knew to be broken."
    else:
        yield f"**No new failure** at {count(len(grid.lines), 'target')}."
    yield (
        f"{count(known, 'known failure')}. Held: {held(must)} MUST and {held(should)} SHOULD rules"
        f" that could be told, each counted once a target; {_untold(grid)}."
    )


def _untold(grid: Grid) -> str:
    """What is in no number."""
    untold = sum(cell.untold for line in grid.lines for cell in line.cells)
    return f"in neither number: {untold:,} that ran and could not tell, and what nobody asked"


def _untold_of(lines: Sequence[Line]) -> Iterator[str]:
    """Who nobody asked, or recorded, so far: providers with the number of their models."""
    models = Counter(line.row.provider for line in lines)
    named = [f"{code(name(provider))} ({many:,})" for provider, many in models.items()]
    if named:
        more = f" and {len(named) - UNTOLD:,} more" if len(named) > UNTOLD else ""
        yield f"Nothing is known yet of (models): {', '.join(named[:UNTOLD])}{more}."


def _news(grid: Grid) -> Iterator[str]:
    """What the newest runs say themselves: whether they are whole, and what changed."""
    runs = list({id(line.run): line.run for line in grid.lines}.values()) or grid.runs[-1:]
    broken_off = [run for run in runs if not run.complete]
    if broken_off:
        yield f"- **Incomplete**: {count(len(broken_off), 'run')} without an end, interrupted"
    problems = [message for run in runs for message in run.problems]
    yield from _listed("**Incomplete**", problems)
    yield from _listed("News", [message for run in runs for message in run.news])


def _listed(what: str, messages: Sequence[str]) -> Iterator[str]:
    lines = [f"- {what}: {code(message)}" for message in messages[:TOLD]]
    kept = fitting(lines, FOR_TOLD)
    yield from lines[:kept]
    if messages[kept:]:
        yield f"- {what}: {len(messages) - kept:,} more in the results file"


def _failures(failures: Iterable[Failure]) -> Iterator[str]:
    """The failures nobody knew of, one item a cause."""
    unknown = [failure for failure in failures if failure.verdict.known is None]
    found = causes(failure for failure in unknown if failure.is_news)
    should = sum(f.level is Level.SHOULD and not f.is_news for f in unknown)
    if found:
        yield f"**New failures, by cause** ({len(found):,}, what breaks most first):"
        yield ""
    items = [item(cause) for cause in found[:CAUSES]]
    kept = fitting(items, FOR_CAUSES)
    yield from items[:kept]
    if found[kept:]:
        rest = sum(len(cause.failures) for cause in found[kept:])
        yield f"- and {count(len(found) - kept, 'more cause')} of {count(rest, 'failure')}"
    if should:
        yield ""
        yield f"Besides, {count(should, 'SHOULD failure')} that nobody knew of."


def item(cause: Cause) -> str:
    """A cause as an item of a list."""
    place = f"at {code(cause.place)}: " if cause.place else ""
    what = f"{place}wanted {code(cause.want) or 'another'}, got {code(cause.got) or 'nothing'}"
    rules = _named(cause.checks, "rule")
    return (
        f"- **{cause.level.upper()}** {what}; breaks {rules} at {_named(cause.targets, 'target')}"
    )


def _named(names: Sequence[str], what: str) -> str:
    """The first of these, and how many more there are."""
    shown = ", ".join(code(name(one)) for one in names[:NAMED])
    more = len(names) - NAMED
    return f"{shown} and {count(more, f'more {what}')}" if more > 0 else shown


def _made_from(runs: Sequence[Run]) -> Iterator[str]:
    """The newest runs that it was made from."""
    yield "Made from:"
    yield ""
    lines = [f"- {_file(run)}: {made(run)}" for run in reversed(runs[-TOLD:])]
    kept = fitting(lines, FOR_TOLD)
    yield from lines[:kept]
    if runs[kept:]:
        yield f"- and {count(len(runs) - kept, 'older run')}"


def made(run: Run) -> str:
    """What a run was, in a few words."""
    return (
        f"{code(run.mode, 20)} run of {code(run.started[:16].replace('T', ' '), 20)} by "
        f"{code(run.tool, 40)}, against the OpenAI API as of {code(run.revision, 20)}"
    )


def _file(run: Run) -> str:
    return code(name(run.path.replace("\\", "/").rpartition("/")[2])) or "a run"
