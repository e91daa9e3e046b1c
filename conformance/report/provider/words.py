"""The sentences that the page about a provider is made of, whatever it is written in.

``show`` puts a stranger's text into the language of the page, short and inert.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from conformance.compare.cells import State
from conformance.model import Level
from conformance.report.counting import count, held
from conformance.report.curl import curl
from conformance.report.naming import model_name, target_name
from conformance.report.provider.facts import Area, Facts, Group, Problem, Seen
from conformance.report.provider.limits import REQUEST
from conformance.results.reading import Run
from conformance.results.rows import Row, Shown

NAMED: Final = 4
"""Targets that are named; of more, their number is told."""
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
CAVEAT: Final = (
    "Rules that do not apply, that nobody asked about, or that a reply could not tell are in no "
    "number. A known failure is still a failure. What a model says is not graded."
)
Show = Callable[[str], str]


def summary(facts: Facts) -> Iterator[str]:
    """What it comes to, in sentences."""
    models = "" if facts.is_one else f" {len(facts.lines):,} models were looked at."
    if facts.unasked:
        models += f" Of {count(facts.unasked, 'more model')} nothing is known yet."
    if not facts.must.told + facts.should.told:
        yield f"Nothing could be told.{models}"
        return
    yield (
        f"{held(facts.must)} MUST rules held, of those that could be told, and "
        f"{held(facts.should)} SHOULD rules.{models}"
    )
    broken, known = facts.count(Level.MUST), facts.count(Level.MUST, known=True)
    causes = sum(problem.cause.level is Level.MUST for problem in facts.problems)
    if broken:
        yield (
            f"Behind the {count(broken, 'broken MUST rule')} {verb(causes)} "
            f"{count(causes, 'cause')}; {known:,} of {broken:,} were known."
        )
    else:
        yield "No MUST rule is broken."


def heading(problem: Problem) -> str:
    """A problem's rule in one sentence, or its check where the rule is not known here."""
    check, rule = problem.rules[0]
    return rule.rule if rule else check


def seen(one: Seen) -> str:
    """How often, and since when."""
    k, n = one.times
    often = f"{k:,} of {n:,} times" if n else f"{k:,} times"
    when = one.since
    if when is None:
        return often
    first, since, last = map(day, (when.first, when.unbroken, when.last))
    told = f"seen on {last}" if since == last else f"since {since}, last seen on {last}"
    again = f", for the first time on {first}" if first != since else ""
    return f"{often}; {told}{again}"


def area(one: Area, *, is_one: bool) -> str:
    """What became of a capability, with all denominators."""
    parts = []
    if one.must.told:
        parts.append(f"{held(one.must)} MUST rules held")
    if one.should.told:
        parts.append(f"{held(one.should)} SHOULD rules held")
    if not is_one:
        parts.append(f"without a fault at {held(one.models)} models")
    flaky = ", but not each time" if one.state is State.FLAKY else ""
    return ", ".join(parts) + flaky


def at(targets: Sequence[str], facts: Facts, show: Show) -> str:
    """Where, unless that is everywhere."""
    if len(targets) == len(facts.lines):
        return "" if facts.is_one else f"at all {len(targets):,} models"
    if len(targets) > NAMED:
        return f"at {len(targets):,} of {len(facts.lines):,} models"
    return "at " + ", ".join(show(model(target, facts)) for target in targets)


def model(target: str, facts: Facts) -> str:
    """A target as the page calls it, which is about one provider."""
    rest = target.removeprefix(f"{facts.name}/")
    return target_name(target) if rest == target else model_name(rest)


def parameters_held(facts: Facts) -> str:
    """How many parameters have their effect, of those that could be told."""
    works = sum(len(group.targets) for group in facts.delivered)
    told = works + sum(len(group.targets) for group in facts.avoid)
    each = "" if facts.is_one else ", each counted once a model"
    return f"{works:,} of {told:,} that could be told{each}"


def measured(run: Run, show: Show) -> str:
    """What a run was."""
    whole = "" if run.complete else "; it was interrupted, so this is not all"
    return (
        f"{show(run.mode)} run of {day(run.started)} by {show(run.tool)}, "
        f"against the OpenAI API as of {show(run.revision)}{whole}"
    )


def replies(facts: Facts, show: Show) -> Iterator[tuple[str, str]]:
    """Each target, and where its replies come from."""
    for line in facts.lines:
        row = line.row
        first, last = map(day, row.recorded)
        days = first if first == last else f"{first} to {last}"
        words = [show(row.source or line.run.mode), show(row.software)]
        came = days if any(row.recorded) else ""
        yield show(model(row.target, facts)), ", ".join(filter(None, (*words, came)))


def day(text: str) -> str:
    """The day of a moment."""
    found = DAY.match(text)
    return found[0] if found else "an unknown day"


def request(row: Row, shown: Shown) -> str | None:
    """The request for a shell, unless it is too large to be read."""
    command = curl(row, shown)
    return command if command and len(command) <= REQUEST else None


def verb(number: int) -> str:
    """The verb of a sentence about so many."""
    return "is" if number == 1 else "are"


def grouped(groups: Sequence[Group]) -> Iterator[tuple[str, str, Sequence[Group]]]:
    """Groups by what they say and why, in their order."""
    said: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        said.setdefault((group.says, group.why), []).append(group)
    for (says, why), members in said.items():
        yield says, why, members
