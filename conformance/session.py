"""One run from its first answer to its last verdict: judged, compared with what is known, written.

It holds together what the command line and the pytest plugin both do; neither asks anything here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.account import Account
from conformance.engine import Audit
from conformance.expect import Expectations, pointless
from conformance.model import Exchange, Level, Verdict
from conformance.probe import probes
from conformance.registry import checks
from conformance.report import refused
from conformance.report.board import Board
from conformance.results.writing import ResultsFile
from conformance.runner import Asked, Skipped
from conformance.samples import samples
from conformance.targets import Target


@dataclass(slots=True)
class Session:
    """Everything a run comes to, as it comes; feed it what the runner brings."""

    audit: Audit
    expectations: Expectations
    writer: ResultsFile | None
    board: Board = field(default_factory=Board)
    problems: list[str] = field(default_factory=list)
    news: list[str] = field(default_factory=list)
    account: Account = field(init=False)
    _opened: dict[Target, list[str | None]] = field(default_factory=lambda: defaultdict(list))
    """Why each of the probes that open an area was refused; None for those that were not."""
    incomplete: set[tuple[str, str]] = field(default_factory=set)
    """The target and the id of every probe that came to no end."""

    def __post_init__(self) -> None:
        """Have everything written down."""
        self.account = Account(self.writer)

    def take(self, done: Asked | Skipped) -> None:
        """Judge what a probe brought, or note that it was not asked."""
        if isinstance(done, Skipped):
            opener = done.opener.id
            skipped = self.board.rows[done.target.name].skipped
            if opener not in skipped and (done.target.name, opener) not in self.incomplete:
                skipped[opener] = done.reason
            if self.writer:
                self.writer.skipped(done.target.name, done.probe.id, done.reason)
            return
        for problem in done.problems:
            self.problem(problem)
            self.incomplete.add((done.target.name, done.probe.id))
        if done.probe.opens and not done.problems:
            self.opened(done.target, done.refusal)
        if not done.problems:
            self.account.asked(done.target, done.probe.id, done.refusal)
        for answers in done.slots():
            self._judge(*answers)

    def samples(self, folders: Iterable[tuple[Target, Path]]) -> None:
        """Judge the exchanges in targets' folders that no probe asked for."""
        for item in samples(folders):
            if isinstance(item, Exchange):
                self._judge(item)
            else:
                self.problem(str(item))

    def _judge(self, *answers: Exchange) -> None:
        self.account.saw(*answers)
        self.verdicts(self.audit.add(*answers))

    def problem(self, message: str) -> None:
        """Note what kept the run from being complete."""
        self.problems.append(message)
        if self.writer:
            self.writer.problem(message)

    def line(self, line: dict[str, Any]) -> None:
        """Write a line of another kind."""
        if self.writer:
            self.writer.line(line)

    def verdicts(self, verdicts: Iterable[Verdict]) -> None:
        """Note verdicts, and which of them were to be expected."""
        for verdict in verdicts:
            marked = self.expectations.mark(verdict)
            self.board.add(marked)
            self.account.verdict(marked)

    def close(self, *, whole: bool) -> None:
        """Judge the sets and end the results; only a whole run can tell what is fixed."""
        self.verdicts(self.audit.close())
        if whole and not self.problems:
            for target, known in self.expectations.fixed():
                self.news.append(f"{known.where}: {known.check} is fixed for {target}")
        self.news += pointless(self.expectations.targets, checks())
        self.account.targets(self.expectations.targets)
        if self.writer:
            for message in self.news:
                self.writer.news(message)
            counts = self.audit.read, self.audit.judged, 0, self.audit.outcomes
            self.writer.end(*counts, whole=whole and self.audit.checks.leave_none_out)

    def opened(self, target: Target, refusal: str | None) -> None:
        """Note how a target took one of the probes that open an area."""
        self._opened[target].append(refusal)

    def refused(self) -> None:
        """Note the targets that refused all they were asked: live, the mistake may be ours."""
        for target, refusals in self._opened.items():
            if all(refusals):
                self.problem(refused.told(target, [one for one in refusals if one]))
                self.incomplete |= {(target.name, probe) for probe in probes()}

    def failed(self, fail_on: str) -> bool:
        """Whether this is a failure: ``news``, ``must``, ``should`` or ``never`` makes it one.

        News that is no verdict counts only where news does.
        """
        return bool(self.failures(fail_on)) or (fail_on == "news" and bool(self.news))

    @property
    def lowest(self) -> Level:
        """The lowest level on which a failure that nobody knew of is news.

        A baseline has what an adapter breaks on every level, so what is not in it is new.
        """
        is_adapted = any(target.adapter for target in self.expectations.targets)
        return Level.SHOULD if is_adapted else Level.MUST

    def failures(self, fail_on: str) -> list[Verdict]:
        """The verdicts that make it one, the worst first.

        One that nobody knew of is news, down to ``lowest``. Asked for a level, what is known
        counts as well.
        """
        if fail_on == "never":
            return []
        if fail_on == "news":
            return list(self.board.news(self.lowest))
        levels = [Level.MUST, Level.SHOULD] if fail_on == "should" else [Level.MUST]
        rows = self.board.rows.values()
        return [
            verdict
            for level in levels
            for row in rows
            for known in (False, True)
            for verdict in row.failures(level, known=known)
        ]
