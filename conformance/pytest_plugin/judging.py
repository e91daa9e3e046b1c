"""In every process that runs items: collects them, and puts what they found on their reports."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from conformance.adapting import adapted
from conformance.probe import Probe
from conformance.pytest_plugin.bench import Bench
from conformance.pytest_plugin.fetching import Fetched, Places
from conformance.pytest_plugin.items import ConformanceItem, ConformanceTarget
from conformance.pytest_plugin.roster import Roster
from conformance.routes import Route
from conformance.routes.replay import Replay, Store
from conformance.targets import Target

RESULT: Final = "conformance_result"
"""Where a report carries what its item found, as JSON text: xdist passes that on as it is."""


class Judging:
    """Items are judged by what ``places`` holds in a live run, else by what the route answers."""

    def __init__(self, roster: Roster, places: Places | None) -> None:
        self._places = places
        self._fetched: Fetched | None = None
        if places:
            roster = replace(roster, store=Store(Path(places["exchanges"])))
        self._roster = roster
        self._bench = Bench(roster, partial(_way, roster), self._wait)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add a collector for each target to those of the session."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            for target in self._roster.targets:
                if cases := self._roster.chosen(target):
                    report.result.append(ConformanceTarget.of(collector, cases, self._bench))
        return report

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know what is going to be asked."""
        if self._places:
            ids = [item.nodeid for item in session.items if isinstance(item, ConformanceItem)]
            self._fetched = Fetched(self._places["marks"], self._roster.needed(ids))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put what an item found on the last report that matters."""
        report = yield
        if not isinstance(item, ConformanceItem) or item.result is None:
            return report
        if call.when == "call" or (call.when == "setup" and call.excinfo):
            setattr(report, RESULT, json.dumps(item.result.portable()))
            item.result = None
        if report.skipped and call.when == "setup":
            report.longrepr = (report.location[0], 1, str(call.excinfo and call.excinfo.value))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, nextitem: pytest.Item | None) -> None:
        """Leave no trace for tests that are not ours: an adapter's route changes the process."""
        if not isinstance(nextitem, ConformanceItem):
            self._bench.leave()

    def pytest_unconfigure(self) -> None:
        """Let go of what it holds."""
        self._bench.close()

    def _wait(self, target: Target, probe: Probe) -> list[str] | None:
        return self._fetched.wait(target, probe) if self._fetched else []


def _way(roster: Roster) -> AbstractContextManager[Route]:
    """How everything is asked: through an adapter, else of the recordings."""
    if roster.through:
        return adapted(roster.through.adapter, cassettes=roster.store.folder)
    return nullcontext(Replay(roster.store))
