"""The page about a provider as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.capability import TITLES
from conformance.report.counting import count
from conformance.report.inert import BEGIN, END, block, code, marked, name, sentence
from conformance.report.markdown import item
from conformance.report.naming import target_name
from conformance.report.provider import words
from conformance.report.provider.facts import Facts, Group, Problem
from conformance.report.provider.limits import FULL, LINES, ROWS, RULES, SIDES
from conformance.results.rows import Passage, Shown


def page(facts: Facts) -> str:
    """The whole page."""
    title = f" ({code(facts.title, 80)})" if facts.title and facts.title != facts.name else ""
    parts = [
        [f"# {code(target_name(facts.name))}{title}: is it compatible with the OpenAI API?"],
        list(words.summary(facts)),
        *_problems(facts),
        list(_works(facts)),
        list(_avoid(facts)),
        list(_untold(facts)),
        list(_measured(facts)),
        list(_again(facts)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _problems(facts: Facts) -> Iterator[list[str]]:
    if facts.problems:
        yield ["## What does not work"]
        yield [f"The worst first. In an answer, {BEGIN} and {END} stand around the place at fault."]
    for number, problem in enumerate(facts.problems[:FULL], 1):
        yield from _problem(number, problem, facts)
    rest = facts.problems[FULL:]
    if rest:
        yield [f"### And {count(len(rest), 'more cause')}"]
        yield [item(problem.cause) for problem in rest[:LINES]]
    if rest[LINES:]:
        yield [f"Left out for want of room: {count(len(rest) - LINES, 'more cause')}."]


def _problem(number: int, problem: Problem, facts: Facts) -> Iterator[list[str]]:
    check, rule = problem.rules[0]
    what = sentence(rule.rule) if rule else code(name(check))
    yield [f"### {number}. {problem.cause.level.upper()}: {what}"]
    yield list(_told(problem, facts))
    if problem.shown:
        yield from _exchange(problem, problem.shown)
    if problem.command:
        yield ["Judged again by:"]
        yield [block(problem.command, "sh")]


def _told(problem: Problem, facts: Facts) -> Iterator[str]:
    cause = problem.cause
    place = f"at {code(cause.place)}: " if cause.place else ""
    yield f"- {place}wanted {code(cause.want) or 'another'}, got {code(cause.got) or 'nothing'}"
    for check, rule in problem.rules[:RULES]:
        why = f" {_joined(rule.why)}" if rule and rule.why else ""
        source = f" Source: {sentence(rule.spec)}." if rule else ""
        also = f" {sentence(rule.rule)}" if rule and check != problem.rules[0][0] else ""
        yield f"- {code(name(check))}:{also}{why}{source}"
    if problem.rules[RULES:]:
        yield f"- and {count(len(problem.rules) - RULES, 'more rule')}"
    if cause.example.verdict.blame:
        yield f"- whose fault: {code(cause.example.verdict.blame, 20)}"
    for one in problem.seen[:ROWS]:
        where = "" if facts.is_one else f"{code(words.model(one.target, facts))}: "
        known = f"; known: {code(one.known)}" if one.known else ""
        yield f"- {where}broken {words.seen(one)}{known}"
    if problem.seen[ROWS:]:
        yield f"- and at {count(len(problem.seen) - ROWS, 'more model')}"


def _joined(text: str) -> str:
    return sentence(" ".join(text.split()))


def _exchange(problem: Problem, shown: Shown) -> Iterator[list[str]]:
    command = words.request(problem.row, shown)
    yield ["The request:"]
    yield [block(command, "sh")] if command else [_sent(shown.method, shown.url, shown.request)]
    yield ["The answer:"]
    yield [_came(shown.status, shown.response)]
    for side in shown.beyond[:SIDES]:
        yield ["What the adapter sent on for it, and got:"]
        yield [_sent(side.method, side.url, side.request)]
        yield [_came(side.status, side.response)]


def _sent(method: str, url: str, body: Passage) -> str:
    return block(f"{method[:20]} {url[:300]}\n\n{marked(body)}".rstrip())


def _came(status: int | None, body: Passage) -> str:
    head = "no answer" if status is None else f"HTTP {str(status)[:40]}"
    return block(f"{head}\n\n{marked(body)}".rstrip())


def _works(facts: Facts) -> Iterator[str]:
    yield "## What works"
    yield ""
    for area in facts.works:
        told = words.area(area, is_one=facts.is_one)
        yield f"- {_title(area.title)}" + (f": {told}" if told else "")
    if facts.delivered:
        yield f"- Parameters with their effect: {words.parameters_held(facts)}: " + _names(
            facts.delivered, facts
        )
    if not facts.works and not facts.delivered:
        yield "Nothing that could be told works without a broken MUST rule."


def _avoid(facts: Facts) -> Iterator[str]:
    if not facts.broken and not facts.avoid:
        return
    yield "## What to avoid"
    yield ""
    for area in facts.broken:
        yield f"- {_title(area.title)}: {words.area(area, is_one=facts.is_one)}"
    for says, _, groups in words.grouped(facts.avoid):
        yield f"- Parameters, {says}: {_names(groups, facts)}"


def _untold(facts: Facts) -> Iterator[str]:
    if not facts.untold:
        return
    yield "## What was not tested, or could not be told"
    yield ""
    yield "None of this is in any number above, and none of it is a pass."
    yield ""
    groups = list(words.grouped(facts.untold))
    for says, why, members in groups[:ROWS]:
        yield f"- {says}{f' ({code(why)})' if why else ''}: {_names(members, facts)}"
    if groups[ROWS:]:
        yield f"- and {count(len(groups) - ROWS, 'more reason')}"


def _names(groups: Sequence[Group], facts: Facts) -> str:
    shown = [
        " ".join(filter(None, (_title(group.what), _at(group, facts)))) for group in groups[:LINES]
    ]
    more = f" and {len(groups) - LINES:,} more" if groups[LINES:] else ""
    return ", ".join(shown) + more


def _at(group: Group, facts: Facts) -> str:
    where = words.at(group.targets, facts, code)
    return f"({where})" if where else ""


def _title(text: str) -> str:
    """A heading of ours as it is; any other is a stranger's."""
    return text if text in TITLES.values() else code(name(text))


def _measured(facts: Facts) -> Iterator[str]:
    yield "## How it was measured"
    yield ""
    yield from (f"- {words.measured(run, code)}" for run in facts.runs[:ROWS])
    replies = list(words.replies(facts, code))
    yield from (f"- {target}: {told}" for target, told in replies[:LINES])
    if replies[LINES:]:
        yield f"- and {count(len(replies) - LINES, 'more model')}"
    yield ""
    yield words.CAVEAT


def _again(facts: Facts) -> Iterator[str]:
    if facts.commands:
        yield "## How to see it again"
        yield ""
        yield block("\n".join(facts.commands[:ROWS]), "sh")
