"""The broken rules as SARIF 2.1.0, so that they appear in code scanning.

One result is one rule broken at one target: an alert opens when a rule breaks there and closes when
it holds, however often and wherever it was broken in between. A known failure is a result with a
suppression and its reason. What held, and what cannot be told, is no result.

A service has no source file, and code scanning wants one for each result, the same in every run.
What was replayed points at its cassette, which is the evidence. What came through an adapter points
at that adapter's baseline, and anything else at the provider's file, there or not: that is where a
failure would be noted as known.

GitHub tells alerts apart by rule, file and ``primaryLocationLineHash``. Its upload action works
that out from the file, which fits cassettes: no two results of one rule share one. Where several
targets share a file, the hash given here tells them apart.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from conformance import __version__
from conformance.compare.grid import Grid, Line
from conformance.model import Level, Outcome, Verdict
from conformance.report.rulings import LONG, Ruling, line, rulings, run_name, shortfalls, underlying
from conformance.results.rows import Row
from conformance.targets import Target

MOST: Final = 25_000
"""Results that GitHub takes of one run; it shows the first 5,000, so the worst come first."""
NOTED: Final = 100
"""Problems that are listed."""
SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
LEVELS: Final = {Level.MUST: "error", Level.SHOULD: "warning", Level.MAY: "note"}
_PROBE: Final = re.compile(r"::([a-z0-9_]+\.[a-z0-9_]+(?:@\d+)?)#\d+")


@dataclass(frozen=True, slots=True)
class Broken:
    """One rule broken at one target."""

    row: Line
    ruling: Ruling

    @property
    def rank(self) -> tuple[int, bool, str, str]:
        """The place in a list with the worst first."""
        ruling = self.ruling
        level = list(Level).index(ruling.level)
        return level, ruling.known is not None, self.row.row.target, ruling.check


def sarif(grid: Grid) -> str:
    """The log as JSON, valid by the schema of SARIF 2.1.0, of at most :data:`MOST` results."""
    tried = [Broken(row, ruling) for row in grid.lines for ruling in rulings(row.row)]
    broken = sorted((one for one in tried if one.ruling.is_broken), key=lambda one: one.rank)
    kept, left = broken[:MOST], len(broken) - MOST
    rules = {one.ruling.check: one.ruling for one in kept}
    places = {check: number for number, check in enumerate(sorted(rules))}
    run = {
        "tool": {
            "driver": {
                "name": "conformance",
                "version": __version__,
                "rules": [_rule(rules[check]) for check in places],
            }
        },
        "invocations": [_invocation(grid, tried, left)],
        "results": [_result(one, places[one.ruling.check]) for one in kept],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=True) + "\n"


def _rule(ruling: Ruling) -> Mapping[str, Any]:
    """A check as a rule; of one that this version doesn't have there is only its id."""
    name, rule = line(ruling.check), ruling.rule
    said = rule.rule if rule else name
    source = [f"Source: {rule.spec}"] if rule else []
    more = [rule.why] if rule and rule.why else []
    help_text = "\n\n".join([said, *more, *source, f"More: conformance explain {name}"])
    return {
        "id": name,
        "shortDescription": {"text": said},
        "fullDescription": {"text": " ".join([said, *more])},
        "help": {"text": help_text},
        "defaultConfiguration": {"level": LEVELS[ruling.level]},
        "properties": {"tags": [ruling.level, name.partition(".")[0]]},
    }


def _result(one: Broken, place: int) -> Mapping[str, Any]:
    ruling, row = one.ruling, one.row.row
    made: dict[str, Any] = {
        "ruleId": line(ruling.check),
        "ruleIndex": place,
        "level": LEVELS[ruling.level],
        "message": {"text": _message(one)},
        "locations": [_location(one)],
        "partialFingerprints": _fingerprints(one),
        "properties": _properties(ruling, row),
    }
    if ruling.known:
        made["suppressions"] = [{"kind": "external", "justification": ruling.known}]
    return made


def _message(one: Broken) -> str:
    """Plain text: what a server sent must not become a link in it."""
    ruling, target = one.ruling, line(one.row.row.target)
    said = ruling.rule.rule if ruling.rule else f"{line(ruling.check)} is broken."
    places = "\n".join(ruling.places())
    return f"{target}: {said}\n{places}".replace("](", "] (")


def _location(one: Broken) -> Mapping[str, Any]:
    target, verdict = line(one.row.row.target), _first(one.ruling)
    logical = [{"name": target, "fullyQualifiedName": target, "kind": "target"}]
    if verdict:
        exchange = line(verdict.exchange) or target
        at = next((line(finding.at) for finding in verdict.findings), "")
        logical += [
            {"name": exchange, "fullyQualifiedName": exchange, "kind": "exchange"},
            {"name": at, "fullyQualifiedName": f"{exchange} {at}", "kind": "member"},
        ]
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _cassette(one) or _shared_file(one.row.row)},
            "region": {"startLine": 1},
        },
        "logicalLocations": logical,
    }


def _cassette(one: Broken) -> str:
    """Where the evidence is recorded; nothing where it isn't, or isn't known to be."""
    row, verdict = one.row.row, _first(one.ruling)
    if one.row.run.mode != "replay" or not verdict:
        return ""
    probe = _PROBE.search(line(verdict.exchange, LONG))
    return f"cassettes/{_name(row.provider)}/{_name(row.model)}/{probe[1]}.yaml" if probe else ""


def _shared_file(row: Row) -> str:
    if row.adapter:
        return f"baselines/{_name(row.adapter)}.toml"
    return f"providers/{_name(row.provider)}.toml"


def _name(text: str) -> str:
    """As files are called after a model or a provider: no path leads out of its folder."""
    return Target("", str(text), "").slug


def _fingerprints(one: Broken) -> Mapping[str, str]:
    about = f"{one.row.row.target}\n{one.ruling.check}".encode("utf-8", "surrogatepass")
    mark = hashlib.sha256(about).hexdigest()[:16]
    line_hash = {} if _cassette(one) else {"primaryLocationLineHash": f"{mark}:1"}
    return {"conformance/v1": mark} | line_hash


def _properties(ruling: Ruling, row: Row) -> Mapping[str, Any]:
    broken, told = ruling.times
    verdict = _first(ruling)
    told_of = {
        "target": row.target,
        "outcome": ruling.outcome,
        "probe": verdict.probe if verdict else None,
        "exchange": verdict.exchange if verdict else None,
        "fault": verdict.blame if verdict else None,  # tools take "blame" for that of git
        "source": row.source,
        "software": row.software,
        "recorded": row.recorded[1],
    }
    texts = {name: line(value) for name, value in told_of.items() if value}
    return texts | {"broken": broken, "told": told}


def _first(ruling: Ruling) -> Verdict | None:
    return ruling.broken[0] if ruling.broken else None


def _invocation(grid: Grid, tried: Iterable[Broken], left: int) -> Mapping[str, Any]:
    """Whether the runs were complete, and what kept them from it."""
    missing = [
        f"{run_name(run)}: {problem}" for run in underlying(grid) for problem in shortfalls(run)
    ]
    failed = [*_failed(tried)]
    notes = [*_notes([*missing, *failed], "error")]
    if left > 0:
        cut = f"{left:,} more broken rules are left out, the least of them: the limit is {MOST:,}"
        notes += _notes([cut], "warning")
    return {"executionSuccessful": not missing, "toolExecutionNotifications": notes}


def _failed(tried: Iterable[Broken]) -> Iterator[str]:
    for one in tried:
        if one.ruling.outcomes[Outcome.ERROR]:
            yield f"{line(one.row.row.target)}: {line(one.ruling.check)}: {one.ruling.reason}"


def _notes(messages: Sequence[str], level: str) -> Iterator[Mapping[str, Any]]:
    for message in messages[:NOTED]:
        yield {"level": level, "message": {"text": message.replace("](", "] (")}}
    if len(messages) > NOTED:
        yield {"level": level, "message": {"text": f"and {len(messages) - NOTED:,} more"}}
