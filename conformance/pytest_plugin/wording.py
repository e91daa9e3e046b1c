"""What an item says of what it found. What a server sent is text here, on one line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from conformance.cli.gate import FAULTS
from conformance.model import Verdict
from conformance.pytest_plugin.bench import Result
from conformance.registry import Check, checks
from conformance.report.evidence import both_sides
from conformance.report.summary import ORDER
from conformance.report.terminal import example, printable

LISTED: Final = 5
"""How many places of one broken rule are shown, and how many problems; the results have all."""


def explained(result: Result, failing: Sequence[Verdict], problems: Sequence[str]) -> str:
    """A line that says what is wrong, then everything that isn't a plain pass, the worst first."""
    rest = [verdict for verdict in result.broken if verdict not in failing]
    ordered = [*sorted(failing, key=_weight), *sorted(rest, key=_weight)]
    first = {verdict.check: verdict for verdict in reversed(ordered[: len(failing)])}
    paragraphs = [
        "\n".join([*_paragraph(v, result), *(_sides(v, result) if v in first.values() else ())])
        for v in ordered
    ]
    heading = [printable(problem) for problem in problems[:LISTED]]
    if problems[LISTED:]:
        heading.append(f"and {len(problems) - LISTED} more like these")
    if failing:
        names = ", ".join(dict.fromkeys(verdict.check for verdict in ordered[: len(failing)]))
        heading.append(f"broken: {names}")
    return "\n\n".join(filter(None, ["\n".join(heading), *paragraphs]))


def _weight(verdict: Verdict) -> tuple[int, str]:
    return ORDER[verdict.level], verdict.check


def _paragraph(verdict: Verdict, result: Result) -> Iterator[str]:
    check = checks()[verdict.check]
    outcome = verdict.outcome.replace("_", " ")
    flaky = f", {verdict.repeat[0]} of {verdict.repeat[1]}" if verdict.repeat != (1, 1) else ""
    yield f"{verdict.level.upper()} {verdict.check} ({outcome}{flaky}): {printable(check.rule)}"
    for finding in verdict.findings[:LISTED]:
        yield f"  {example(finding)}"
    if verdict.findings[LISTED:]:
        yield f"  and {len(verdict.findings) - LISTED} more places"
    yield from _facts(verdict, check, result)


def _facts(verdict: Verdict, check: Check, result: Result) -> Iterator[str]:
    exchange = result.exchanges.get(verdict.exchange or "")
    facts = {
        "reason": verdict.reason,
        "known": verdict.known,
        "spec": check.spec,
        "blame": FAULTS.get(verdict.blame or ""),
        "exchange": verdict.exchange,
        "recorded in": exchange and exchange.provenance.origin,
    }
    for name, value in facts.items():
        if value:
            yield f"  {name}: {printable(value)}"


def _sides(verdict: Verdict, result: Result) -> Iterator[str]:
    """What an adapter made of it, on both sides."""
    exchange = result.exchanges.get(verdict.exchange or "")
    if exchange and exchange.behind_adapter and verdict.findings:
        for line in both_sides(exchange, verdict.findings[0]):
            yield f"  {printable(line)}"
