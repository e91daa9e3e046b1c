"""What all items came to, whichever process judged them, as one session in one order."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.capability import asked_about
from conformance.engine import Audit, Checks
from conformance.expect import Expectations
from conformance.model import MISSING, Finding, Provenance, Source, Verdict, show
from conformance.probe import probes
from conformance.pytest_plugin.roster import Case, Roster
from conformance.results.evidence import Evidence
from conformance.results.origin import Origins
from conformance.results.writing import ResultsFile, verdict_of
from conformance.runner import Skipped
from conformance.session import Session

_Cell = tuple[str, str, str]
"""Target, check and outcome."""


@dataclass(slots=True)
class Gathering:
    """Takes what :meth:`conformance.pytest_plugin.bench.Result.portable` gives, in any order."""

    roster: Roster
    _ranks: dict[str, int] = field(init=False)
    _found: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Case -> what it came to, without its tallies."""
    _cells: dict[_Cell, tuple[int, dict[str, Any], int]] = field(default_factory=dict)
    """The rank and line of its first verdict, and how often there was one."""
    _about: dict[_Cell, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """The capabilities that its verdicts are about."""
    _evidence: Evidence = field(default_factory=Evidence)

    def __post_init__(self) -> None:
        self._ranks = {case.id: rank for rank, case in enumerate(self.roster.ordered())}

    @property
    def is_whole(self) -> bool:
        """Whether every case there is was judged."""
        return len(self._found) == len(self._ranks)

    @property
    def ids(self) -> set[str]:
        """The cases that were judged."""
        return set(self._found)

    def known(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that are cases."""
        return self._ranks.keys() & set(ids)

    def take(self, portable: Mapping[str, Any]) -> None:
        """Add what one case came to; the first time counts."""
        name = portable["id"]
        if name in self._found:
            return
        rank = self._ranks[name]
        for line, count in portable["tallies"]:
            cell = line["target"], line["check"], line["outcome"]
            first, example, before = self._cells.get(cell, (rank, line, 0))
            self._cells[cell] = (*min((first, example), (rank, line), key=_rank), before + count)
            self._about[cell].update(line.get("capabilities", {}))
        self._found[name] = {k: v for k, v in portable.items() if k != "tallies"}

    def session(self) -> Session:
        """All of it, judged to the end."""
        audit = Audit(Checks(self.roster.checks))
        session = Session(audit, Expectations(self.roster.targets), None)
        for case, found in self._in_order():
            audit.read += found["read"]
            audit.judged += found["judged"]
            session.verdicts(_restored(line) for line in found["lines"])
            for refusal in found["opened"]:
                session.opened(case.target, refusal)
            session.problems += [p for p in found["problems"] if p not in session.problems]
            if found["skipped"] and case.probe:
                opener, reason = found["skipped"]
                session.take(Skipped(case.target, case.probe, probes()[opener], reason))
        for cell, (_, line, count) in sorted(self._cells.items(), key=lambda x: (x[1][0], x[0])):
            about = {"capabilities": self._about[cell]}
            audit.tallies.count(verdict_of(line | about), count)
        self._completeness(session)
        if not session.problems:
            session.news += self._changed()
        session.close(whole=self.is_whole)
        return session

    def _completeness(self, session: Session) -> None:
        """Note what nobody answered, or what nobody asks for any more."""
        if self.roster.is_live:
            session.refused()
        elif self.is_whole and not self.roster.through:
            for target in self.roster.targets:
                asking = [case.name for case in self.roster.asking(target)]
                session.problems += self.roster.store.leftovers(target, asking)

    def _changed(self) -> Iterator[str]:
        """What is news of an adapter besides the verdicts."""
        if self.roster.through and self.is_whole and not self.roster.patterns:
            yield from self.roster.through.overdue()
        for _, found in self._in_order():
            yield from found["news"]

    def write(self, session: Session, writer: ResultsFile) -> None:
        """Write the lines of ``conformance run --json`` between the first and the last."""
        for case, found in self._in_order():
            if found["skipped"]:
                writer.skipped(case.target.name, case.name, found["skipped"][1])
            self._broken(found, writer)
        for message in session.problems:
            writer.problem(message)
        for line in self._origins(session).lines(self.roster.targets):
            writer.line(line)
        for _, found in self._in_order():
            for line in found["parameters"]:
                writer.line(line)
        controls = {check.id: check.control for check in self.roster.checks if check.control}
        for verdict in session.audit.tallies.close(controls):
            writer.verdict(verdict)
        for message in session.news:
            writer.news(message)

    def _broken(self, found: Mapping[str, Any], writer: ResultsFile) -> None:
        """Write what a case found, with the evidence for what no case before it found."""
        for line, shown in zip(found["lines"], found["evidence"], strict=True):
            writer.line(line)
            if self._evidence.wants(verdict_of(line)) and shown:
                writer.line(shown)

    def _origins(self, session: Session) -> Origins:
        """Where all of it comes from."""
        origins = Origins()
        for tally in session.audit.tallies.found.values():
            origins.made(tally.first.provider, tally.first.model, None)
        for case, found in self._in_order():
            for refusal in found["refused"]:
                origins.asked(case.target, asked_about(case.name), refusal)
            for source, at, software in found["made"]:
                made = Provenance(Source(source), recorded_at=at, software=software)
                origins.made(case.target.provider, case.target.model, made)
        return origins

    def _in_order(self) -> Iterator[tuple[Case, dict[str, Any]]]:
        for case in self.roster.ordered():
            if case.id in self._found:
                yield case, self._found[case.id]


def _rank(entry: tuple[Any, ...]) -> int:
    return int(entry[0])


def _restored(line: Mapping[str, Any]) -> Verdict:
    """The verdict of a line, with findings that read as they did before they were written."""
    verdict = verdict_of(line)
    found = tuple(Finding(f.at, f.want, _value(f.got)) for f in verdict.findings)
    return replace(verdict, findings=found)


def _value(text: str) -> Any:
    """The value that was shown as ``text``, unless it was cut."""
    if text == show(MISSING):
        return MISSING
    try:
        return json.loads(text)
    except ValueError:
        return text
