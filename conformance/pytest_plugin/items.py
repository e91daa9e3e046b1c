"""Targets as pytest collectors, their cases as items, and what pytest says of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import pytest

from conformance.model import Level, Verdict
from conformance.pytest_plugin.bench import Bench, Result
from conformance.pytest_plugin.roster import Case
from conformance.pytest_plugin.wording import explained
from conformance.report.summary import HARMLESS
from conformance.report.terminal import printable
from conformance.targets import BadProvider


class ConformanceTarget(pytest.Collector):
    """One model of one provider; its items bear ids like ``provider/model::stream.basic``."""

    cases: Sequence[Case]
    bench: Bench

    @classmethod
    def of(cls, parent: pytest.Session, cases: Sequence[Case], bench: Bench) -> Self:
        """The collector of one target's cases."""
        name = cases[0].target.name
        made: Self = cls.from_parent(parent, name=name, nodeid=name)
        made.cases, made.bench = cases, bench
        return made

    def collect(self) -> Iterator[pytest.Item]:
        """As pytest has it."""
        for case in self.cases:
            yield ConformanceItem.of(self, case)


class ConformanceItem(pytest.Item):
    """A case. It is judged while it is set up, so that a missing recording is an error."""

    case: Case
    bench: Bench
    result: Result | None = None

    @classmethod
    def of(cls, parent: ConformanceTarget, case: Case) -> Self:
        """The item of one case."""
        made: Self = cls.from_parent(parent, name=case.name)
        made.case, made.bench = case, parent.bench
        return made

    def setup(self) -> None:
        """Ask and judge; skipped where there is nothing to judge, an error where it is lost."""
        self._open()
        result = self.result = self.bench.judge(self.case)
        if result.skipped:
            pytest.skip(f"not there: {printable(result.skipped.reason)}")
        if result.problems:
            problems = [problem.removeprefix(f"{self.case.id}: ") for problem in result.problems]
            pytest.fail(explained(result, [], problems), pytrace=False)

    def _open(self) -> None:
        """Open the way to what is asked: where there is none, one error says so for all items."""
        try:
            self.bench.open()
        except Exception as error:
            self.session.shouldstop = "conformance: there is no way to what shall be asked"
            if isinstance(error, BadProvider | OSError):
                said = "\n".join(printable(line) for line in str(error).splitlines())
                pytest.fail(said, pytrace=False)
            raise

    def runtest(self) -> None:
        """Say whether what was found is a failure, and which of it was to be expected."""
        result, fail_on = self.result, self.config.option.conformance_fail_on
        if result is None or not (result.broken or result.news):
            return
        weighty = [verdict for verdict in result.broken if self._weighs(verdict, fail_on)]
        strict = fail_on != "news" or self.config.option.runxfail
        failing = [v for v in weighty if strict or v.known is None]
        if fail_on == "never":
            failing = []
        news = [f"news: {message}" for message in result.news]
        text = explained(result, failing, news)
        if failing or (news and fail_on == "news"):
            pytest.fail(text, pytrace=False)
        self.add_report_section("call", "conformance", text)
        known = dict.fromkeys(f"{v.check}: {v.known}" for v in weighty if v.known is not None)
        if known and not self.config.option.runxfail:
            raise pytest.xfail.Exception(printable("; ".join(known)))

    def _weighs(self, verdict: Verdict, fail_on: str) -> bool:
        """Whether a verdict is of the kind that can fail an item, known or not.

        Of an adapter everything is known, so that on any level what is not is news.
        """
        is_strict = fail_on == "should" or (fail_on == "news" and self.case.target.adapter)
        levels = (Level.MUST, Level.SHOULD) if is_strict else (Level.MUST,)
        is_broken = bool(verdict.findings) and verdict.outcome not in HARMLESS
        return is_broken and verdict.level in levels

    def reportinfo(self) -> tuple[str, int, str]:
        """As pytest has it: where it is recorded, a line, and a heading."""
        place = str(self.bench.place(self.case))
        return place, 0, f"{self.case.target.name} {self.case.name}"
