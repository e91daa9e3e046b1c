"""Replays and judges one case at a time; what comes out can travel between processes."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from conformance.engine import Audit, Checks, Tallies
from conformance.expect import Expectations
from conformance.model import Exchange, Outcome, Verdict
from conformance.probe import Probe
from conformance.pytest_plugin.roster import SAMPLES, Case, Roster
from conformance.report.results import verdict_line
from conformance.routes.replay import Replay
from conformance.runner import Asked, Runner, Skipped
from conformance.samples import samples
from conformance.targets import Target


@dataclass(slots=True)
class Result:
    """What a case came to; ``origins`` says where each of its exchanges is recorded."""

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
    origins: dict[str, str] = field(default_factory=dict)

    def portable(self) -> dict[str, Any]:
        """It as JSON, but for the origins."""
        return {
            "id": self.case.id,
            "lines": [verdict_line(verdict) for verdict in self.broken if verdict.findings],
            "tallies": [(verdict_line(t.first), t.count) for t in self.tallies.found.values()],
            "read": self.read,
            "judged": self.judged,
            "problems": self.problems,
            "opened": self.opened,
            "skipped": self.skipped and (self.skipped.opener.id, self.skipped.reason),
        }


class Bench:
    """Judges cases, best those of one target after another: what was replayed is kept as long.

    ``wait`` returns when a probe has been asked, and says what kept it from being complete.
    """

    def __init__(
        self, roster: Roster, wait: Callable[[Target, Probe], list[str] | None] | None = None
    ) -> None:
        self._roster = roster
        self.store = roster.store
        self._wait = wait
        self._expectations = Expectations(roster.targets)
        self._singles = Checks(check for check in roster.checks if check.over is None)
        self._sets = Checks(check for check in roster.checks if check.over is not None)
        self._all = Checks(roster.checks)
        self._loop = asyncio.new_event_loop()
        self._target: Target | None = None
        self._done: dict[str, Asked | Skipped] = {}
        self._runner = Runner(Replay(self.store))

    def close(self) -> None:
        """Let go of what it holds."""
        self._loop.close()

    def judge(self, case: Case) -> Result:
        """Replay what a case is about, and judge it."""
        with offline():
            if case.probe:
                return self._probe(case, case.probe)
            return self._samples(case) if case.name == SAMPLES else self._compared(case)

    def _probe(self, case: Case, probe: Probe) -> Result:
        result, audit = Result(case), Audit(self._singles)
        done, problems = self._asked(case.target, [probe])[0]
        result.problems += problems
        if isinstance(done, Skipped):
            result.skipped = done
            return result
        if probe.opens and not problems:
            result.opened = (done.refusal,)
        for answers in done.slots():
            self._note(result, audit.add(*answers), answers)
        return _added_up(result, audit)

    def _compared(self, case: Case) -> Result:
        """The sets over everything that a target's probes brought, each exchange read before."""
        result, audit = Result(case), Audit(self._sets)
        for done, problems in self._asked(case.target, self._roster.probes(case.target)):
            result.problems += problems
            for answers in done.slots() if isinstance(done, Asked) else ():
                self._note(result, audit.add(*answers), answers)
        self._note(result, audit.compare())
        result = _added_up(result, audit)
        result.read = result.judged = 0
        return result

    def _samples(self, case: Case) -> Result:
        result, audit = Result(case), Audit(self._all)
        for item in samples([(case.target, self.store.of(case.target))]):
            if isinstance(item, Exchange):
                self._note(result, audit.add(item), [item])
            else:
                result.problems.append(str(item))
        self._note(result, audit.compare())
        return _added_up(result, audit)

    def _note(
        self, result: Result, verdicts: Iterable[Verdict], exchanges: Iterable[Exchange] = ()
    ) -> None:
        result.origins.update((x.id, x.provenance.origin) for x in exchanges)
        result.broken += [self._expectations.mark(verdict) for verdict in verdicts]

    def _asked(
        self, target: Target, probes: Sequence[Probe]
    ) -> list[tuple[Asked | Skipped, list[str]]]:
        """The probes' conversations and what is wrong with each.

        Those that open an area come first, for they may say that it is not there.
        """
        if target != self._target:
            self._target, self._done = target, {}
            self._runner = Runner(self._runner.route)
        openers = [probe for probe in self._roster.probes(target) if probe.opens]
        said = {}
        for probe in dict.fromkeys((*openers, *probes)):
            said[probe.id] = self._wait(target, probe) if self._wait else []
        plan = [
            (target, probe)
            for probe in dict.fromkeys((*openers, *probes))
            if said[probe.id] is not None and probe.id not in self._done
        ]
        self._loop.run_until_complete(self._replay(plan))
        return [
            (done, said[probe.id] or (done.problems if isinstance(done, Asked) else []))
            for probe in probes
            if (done := self._done.get(probe.id))
        ]

    async def _replay(self, plan: Sequence[tuple[Target, Probe]]) -> None:
        async with aclosing(self._runner.run(plan)) as events:
            async for done in events:
                self._done[done.probe.id] = done


def _added_up(result: Result, audit: Audit) -> Result:
    """With the counts, and with the checks that failed themselves."""
    result.tallies, result.read, result.judged = audit.tallies, audit.read, audit.judged
    for tally in audit.tallies.found.values():
        if tally.first.outcome is Outcome.ERROR and not tally.first.findings:
            result.broken.append(tally.first)
    return result


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
