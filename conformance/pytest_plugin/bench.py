"""Asks, or replays, and judges one case at a time; what comes out can travel between processes."""

from __future__ import annotations

import asyncio
import socket
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conformance.answers import Answers
from conformance.engine import Audit, Checks, Tallies
from conformance.expect import Expectations
from conformance.model import Exchange, Outcome, Provenance, Verdict
from conformance.probe import Probe
from conformance.pytest_plugin.roster import SAMPLES, Case, Roster
from conformance.report import parameters
from conformance.results.evidence import Evidence
from conformance.results.writing import verdict_line
from conformance.routes import Route
from conformance.runner import Asked, Runner, Skipped
from conformance.samples import samples
from conformance.targets import Target


@dataclass(slots=True)
class Result:
    """What a case came to."""

    case: Case
    broken: list[Verdict] = field(default_factory=list)
    """The verdicts with findings, and those of checks that failed themselves."""
    tallies: Tallies = field(default_factory=Tallies)
    read: int = 0
    judged: int = 0
    problems: list[str] = field(default_factory=list)
    skipped: Skipped | None = None
    opened: tuple[str | None, ...] = ()
    """Why it was refused, or None, where it is a probe that opens an area."""
    refused: tuple[str | None, ...] = ()
    """Why its first request was refused, or None, where a probe came to its end."""
    news: list[str] = field(default_factory=list)
    """What has changed behind an adapter, besides the verdicts."""
    parameters: list[dict[str, Any]] = field(default_factory=list)
    """What becomes of a target's parameters there, as lines of the results."""
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    """By id; the first where there are two."""

    def portable(self) -> dict[str, Any]:
        """It as JSON; of the exchanges only what is evidence, and where they come from."""
        told = [verdict for verdict in self.broken if verdict.findings]
        evidence = Evidence()
        evidence.saw(*self.exchanges.values())
        return {
            "id": self.case.id,
            "lines": [verdict_line(verdict) for verdict in told],
            "evidence": [next(evidence.of(verdict), None) for verdict in told],
            "refused": self.refused,
            "made": [(m.source, m.recorded_at, m.software) for m in self._ends()],
            "tallies": [(verdict_line(t.summed()), t.count) for t in self.tallies.found.values()],
            "read": self.read,
            "judged": self.judged,
            "problems": self.problems,
            "news": self.news,
            "opened": self.opened,
            "parameters": self.parameters,
            "skipped": self.skipped and (self.skipped.opener.id, self.skipped.reason),
        }

    def _ends(self) -> list[Provenance]:
        """Where the oldest and the newest of its exchanges come from."""
        made = sorted(
            (exchange.provenance for exchange in self.exchanges.values()),
            key=lambda provenance: provenance.recorded_at or "",
        )
        return made[:1] + made[1:][-1:]


class Bench:
    """Judges cases, best those of one target after another: what was asked is kept as long.

    ``way`` is the route that is asked, opened when it is needed. ``wait`` returns when a probe has
    been asked, and says what kept it from being complete.
    """

    def __init__(
        self,
        roster: Roster,
        way: Callable[[], AbstractContextManager[Route]],
        wait: Callable[[Target, Probe], list[str] | None] | None = None,
    ) -> None:
        self._roster = roster
        self._way = way
        self._wait = wait
        self._expectations = Expectations(roster.targets)
        self._singles = Checks(check for check in roster.checks if check.over is None)
        self._sets = Checks(check for check in roster.checks if check.over is not None)
        self._all = Checks(roster.checks)
        self._loop = asyncio.new_event_loop()
        self._target = ""
        self._done: dict[str, Asked | Skipped] = {}
        self._stack = ExitStack()
        self._runner: Runner | None = None

    def open(self) -> Runner:
        """What asks, over the route, which is opened if it is not yet. Raises what that raises."""
        if self._runner is None:
            with unconcerned():
                self._runner = Runner(self._stack.enter_context(self._way()))
        return self._runner

    def place(self, case: Case) -> Path:
        """The file, or the folder, that a case is judged by."""
        return self._roster.place(case)

    def leave(self) -> None:
        """Close the route, which may change what others in this process do."""
        self._target, self._runner = "", None
        self._stack.close()

    def close(self) -> None:
        """Let go of what it holds."""
        self.leave()
        self._loop.close()

    def judge(self, case: Case) -> Result:
        """Have the conversation that a case is about, and judge it."""
        # An adapter may be reached over the network; its route lets nothing out.
        with unconcerned() if self._roster.through else offline():
            if case.probe:
                return self._probe(case, case.probe)
            return self._samples(case) if case.name == SAMPLES else self._compared(case)

    def _probe(self, case: Case, probe: Probe) -> Result:
        result, audit = Result(case), Audit(self._singles)
        done, problems = self._asked([case])[0]
        result.problems += problems
        if isinstance(done, Skipped):
            result.skipped = done
            return result
        if not problems:
            result.refused = (done.refusal,)
            result.opened = result.refused if probe.opens else ()
        for answers in done.slots():
            self._note(result, audit.add(*answers), answers)
        return _added_up(result, audit)

    def _compared(self, case: Case) -> Result:
        """The sets over everything that a target's probes brought, each exchange read before."""
        result, audit = Result(case), Audit(self._sets)
        brought = self._asked(self._roster.asking(case.target))
        for done, problems in brought:
            result.problems += problems
            for answers in done.slots() if isinstance(done, Asked) else ():
                self._note(result, audit.add(*answers), answers)
        self._note(result, audit.compare())
        result = _added_up(result, audit)
        result.read = result.judged = 0
        if self._roster.through and not result.problems:
            asked = [done for done, _ in brought if isinstance(done, Asked)]
            result.news, result.parameters = self._roster.through.measured(case.target, asked)
        elif not self._roster.through:
            slots = [
                slot for done, _ in brought if isinstance(done, Asked) for slot in done.slots()
            ]
            result.parameters = _parameters(case.target, slots)
        return result

    def _samples(self, case: Case) -> Result:
        result, audit = Result(case), Audit(self._all)
        for item in samples([(case.target, self._roster.store.of(case.target))]):
            if isinstance(item, Exchange):
                self._note(result, audit.add(item), [item])
            else:
                result.problems.append(str(item))
        if not self._roster.asking(case.target):
            result.parameters = _parameters(case.target, [[x] for x in result.exchanges.values()])
        self._note(result, audit.compare())
        return _added_up(result, audit)

    def _note(
        self, result: Result, verdicts: Iterable[Verdict], exchanges: Iterable[Exchange] = ()
    ) -> None:
        for exchange in exchanges:
            result.exchanges.setdefault(exchange.id, exchange)
        result.broken += [self._expectations.mark(verdict) for verdict in verdicts]

    def _asked(self, cases: Sequence[Case]) -> list[tuple[Asked | Skipped, list[str]]]:
        """The conversations of some cases of one target, and what is wrong with each.

        Those that open an area come first, for they may say that it is not there.
        """
        self._turn_to(cases[0].target)
        wanted = {case.id: case for case in (*self._openers(cases), *cases)}
        said = {name: self._waited(case) for name, case in wanted.items()}
        self._loop.run_until_complete(
            self._ask([c for n, c in wanted.items() if said[n] is not None and n not in self._done])
        )
        return [
            (done, said[case.id] or (done.problems if isinstance(done, Asked) else []))
            for case in cases
            if (done := self._done.get(case.id))
        ]

    def _turn_to(self, target: Target) -> None:
        """Forget what was asked of another target."""
        if target.name != self._target:
            self._runner = Runner(self.open().route)
            self._target, self._done = target.name, {}

    def _openers(self, cases: Sequence[Case]) -> Iterator[Case]:
        """The cases that may say there is no use in asking these."""
        probes = [case.probe for case in cases if case.probe]
        for case in self._roster.asking(cases[0].target):
            opener = case.probe
            if opener and opener.opens and any(probe.belongs_to(opener) for probe in probes):
                yield case

    def _waited(self, case: Case) -> list[str] | None:
        return self._wait(case.target, case.probe) if self._wait and case.probe else []

    async def _ask(self, cases: Sequence[Case]) -> None:
        plan = [(case.target, case.probe) for case in cases if case.probe]
        async with aclosing(self.open().run(plan)) as events:
            async for done in events:
                self._done[Case.of(done.target, done.probe).id] = done


def _parameters(target: Target, slots: Iterable[Sequence[Exchange]]) -> list[dict[str, Any]]:
    """What a target's answers tell of its parameters, as lines of the results."""
    answers = Answers()
    for slot in slots:
        answers.add(*slot)
    answers.close()
    return [parameters.line(cell) for cell in answers.claimed(target)]


def _added_up(result: Result, audit: Audit) -> Result:
    """With the counts, and with the checks that failed themselves."""
    result.tallies, result.read, result.judged = audit.tallies, audit.read, audit.judged
    for tally in audit.tallies.found.values():
        if tally.first.outcome is Outcome.ERROR and not tally.first.findings:
            result.broken.append(tally.first)
    return result


@contextmanager
def unconcerned() -> Iterator[None]:
    """Let an adapter warn as it likes: it is no business of the project's own filters."""
    with warnings.catch_warnings(action="ignore"):
        yield


class NetworkUsedError(RuntimeError):
    """Something wanted to use the network while recordings were judged."""


@contextmanager
def offline() -> Iterator[None]:
    """Refuse every connection that this thread wants to make; those of others are theirs."""
    here = threading.get_ident()

    def refusing(method: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(self: socket.socket, *given: Any) -> Any:
            if threading.get_ident() == here:
                raise NetworkUsedError(f"judging recordings needs no network; {given} was wanted")
            return method(self, *given)

        return guarded

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, refusing(getattr(socket.socket, name)))
        yield
