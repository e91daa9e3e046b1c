"""The matrix as JUnit XML, which CI systems read: a suite a target, a test case a rule.

A test case fails where a gate should stop: a MUST is broken, and nobody knew; behind an adapter,
whose baseline has every level, a SHOULD as well. Whatever else isn't
a pass is *skipped* with its reason, since JUnit has no word for a warning, and green would claim
that the rule held: a known failure, a broken SHOULD, a refused parameter, a reply that cannot tell,
a capability that the target does not have. An *error* is no fault of the target: a check that
failed itself, or a run that isn't complete.

A rule that applied to none of the replies is no test case; each suite has their number among its
properties. What becomes of parameters without a check is not in here: that is news of the gate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from conformance.compare.cells import State
from conformance.compare.grid import Column, Grid, Line
from conformance.model import Outcome
from conformance.report.rulings import LONG, Ruling, line, rulings, run_name, shortfalls, underlying
from conformance.results.reading import Run
from conformance.results.rows import Row, is_news

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>'
LISTED: Final = 100
"""How many problems of one run are listed."""
_UNSAFE: Final = re.compile(r"[^\w-]+")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_KINDS: Final = ("failure", "error", "skipped")


def junit(grid: Grid) -> str:
    """The XML document. It is valid by Jenkins' schema of JUnit reports, whatever the files say."""
    suites = [_target(row, grid.columns) for row in grid.lines]
    suites += [_incomplete(run) for run in underlying(grid) if shortfalls(run)]
    root = Element("testsuites", name="conformance", time="0")
    root.extend(suites)
    for number in ("tests", "failures", "errors"):
        root.set(number, str(sum(int(suite.get(number, "0")) for suite in suites)))
    indent(root)
    return f"{DECLARATION}\n{tostring(root, encoding='unicode')}\n"


def _target(row: Line, columns: Sequence[Column]) -> Element:
    found = rulings(row.row)
    suite = _suite(row.row.target, row.run)
    ran = [ruling for ruling in found if ruling.outcome is not Outcome.NOT_APPLICABLE]
    properties = SubElement(suite, "properties")
    for name, value in _properties(row, len(found) - len(ran)):
        if value:
            SubElement(properties, "property", name=name, value=value)
    group = f"{_safe(row.row.provider)}.{_safe(row.row.model)}"
    suite.extend(_case(ruling, group, row.row.provider) for ruling in ran)
    for column, cell in zip(columns, row.cells, strict=True):
        if cell.state is State.ABSENT:
            case = SubElement(suite, "testcase", name=line(column.key), classname=group, time="0")
            SubElement(case, "skipped", message=f"not there: {line(cell.reason)}")
    return _counted(suite)


def _properties(row: Line, inapplicable: int) -> Iterator[tuple[str, str]]:
    told: Row = row.row
    yield "source", line(told.source)
    yield "software", line(told.software)
    yield "recorded", " to ".join(dict.fromkeys(line(one) for one in told.recorded if one))
    yield "base_url", line(told.base_url)
    yield "tool", line(row.run.tool)
    yield "revision", line(row.run.revision)
    yield "results", run_name(row.run)
    yield "must", f"{row.must.held} of {row.must.told} held"
    yield "should", f"{row.should.held} of {row.should.told} held"
    yield "not_applicable", str(inapplicable)


def _case(ruling: Ruling, group: str, provider: str) -> Element:
    case = Element("testcase", name=line(ruling.check), classname=group, time="0")
    kind, word, message = _said(ruling, provider)
    if kind:
        said = SubElement(case, kind, type=word, message=message)
        said.text = "\n".join(_details(ruling))
    return case


def _said(ruling: Ruling, provider: str) -> tuple[str, str, str]:
    """The element that says what came of a rule, its type and its message."""
    outcome, known = ruling.outcome, ruling.known
    first = next(ruling.places(), "") or ruling.reason
    if ruling.is_broken and known:
        return "skipped", "known", f"known: {known}; {first}"
    if ruling.is_broken and not is_news(provider, ruling.level, known):
        return "skipped", ruling.level, f"{ruling.level.upper()} broken: {first}"
    if ruling.is_broken:
        return "failure", outcome, f"{first}{_often(ruling)}"
    if ruling.outcomes[Outcome.ERROR]:
        return "error", Outcome.ERROR, first or "the check failed"
    if outcome is Outcome.PASS:
        return "", "", ""
    word = outcome.replace("_", " ")
    return "skipped", outcome, f"{word}: {first}" if first else word


def _often(ruling: Ruling) -> str:
    broken, told = ruling.times
    return f" ({broken:,} of {told:,} times)" if told > 1 else ""


def _details(ruling: Ruling) -> Iterator[str]:
    yield ""
    yield f"{ruling.level.upper()} {line(ruling.check)}{_often(ruling)}"
    rule = ruling.rule
    if rule:
        yield rule.rule
        yield f"Source: {rule.spec}"
    yield from ruling.places()
    blamed = {line(verdict.blame) for verdict in ruling.broken if verdict.blame}
    if blamed:
        yield f"At fault: {', '.join(sorted(blamed))}"
    yield f"More: conformance explain {line(ruling.check)}"


def _incomplete(run: Run) -> Element:
    """A suite of errors: what is missing must not look like a pass."""
    suite = _suite(f"incomplete: {run_name(run)}", run)
    problems = shortfalls(run)
    for number, problem in enumerate(problems[:LISTED], 1):
        case = SubElement(
            suite, "testcase", name=f"problem {number}", classname="conformance.run", time="0"
        )
        SubElement(case, "error", type="incomplete", message=problem)
    if len(problems) > LISTED:
        SubElement(suite, "system-err").text = f"and {len(problems) - LISTED:,} more problems"
    return _counted(suite)


def _suite(name: str, run: Run) -> Element:
    suite = Element("testsuite", name=line(name, LONG), time="0")
    moment = _MOMENT.match(run.started)
    if moment:
        suite.set("timestamp", moment[0])
    return suite


def _counted(suite: Element) -> Element:
    cases = suite.findall("testcase")
    failures, errors, skipped = (len(suite.findall(f"testcase/{kind}")) for kind in _KINDS)
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    suite.set("skipped", str(skipped))
    return suite


def _safe(name: str) -> str:
    """A name without dots, which Jenkins takes for the borders of packages."""
    return _UNSAFE.sub("_", line(name)).strip("_") or "_"
