"""In the process that was started: gathers what items found, writes it and sums it up."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from conformance.cli.live import Live, live
from conformance.pytest_plugin.fetching import Fetch, Places
from conformance.pytest_plugin.gathering import Gathering
from conformance.pytest_plugin.judging import RESULT
from conformance.pytest_plugin.roster import Roster, usage_errors
from conformance.report import matrix
from conformance.report.terminal import printable
from conformance.results.writing import ResultsFile
from conformance.session import Session


class Summing:
    """One run, whoever judges its items."""

    def __init__(self, config: pytest.Config, roster: Roster) -> None:
        self._config = config
        self._roster = roster
        self._gathering = Gathering(roster)
        self._selected: set[str] = set()
        self._session: Session | None = None
        self._recorded: list[str] = []
        self._stack = ExitStack()
        self._live: Live | None = None
        self._fetch: Fetch | None = None
        self.places: Places | None = None
        if not config.option.collectonly:
            self._prepare()

    def _prepare(self) -> None:
        """Open the results file and, for a live run, places for the answers."""
        options, results = self._config.option, self._config.option.conformance_json
        path = self._config.invocation_params.dir / results if results else None
        if self._roster.is_live:
            names = ["concurrency", "rpm", "timeout", "allow_http", "max_requests", "max_tokens"]
            given = {name: getattr(options, f"conformance_{name}") for name in names}
            with usage_errors():
                asking = live(self._roster.targets, path, {**given, "retries": 2, "resume": None})
                self._live = self._stack.enter_context(asking)
            marks = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="conformance-"))
            self.places = {"exchanges": str(self._live.store.folder), "marks": marks}
        self._writer = self._opened(path) if path else None

    def _opened(self, path: Path) -> ResultsFile:
        try:
            file = self._stack.enter_context(path.open("w", encoding="utf-8", buffering=1))
        except OSError as error:
            raise pytest.UsageError(f"conformance: {path}: {error.strerror}") from error
        writer = ResultsFile(file)
        mode = "adapter" if self._roster.through else "live" if self._roster.is_live else "replay"
        writer.start(mode, ["pytest", *map(str, self._config.invocation_params.args)])
        return writer

    def pytest_report_header(self) -> list[str]:
        """Say what is odd about what the options ask for."""
        return self._roster.notes.splitlines()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of xdist where answers are."""
        node.workerinput["conformance"] = self.places

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know what is going to be judged, and begin to ask."""
        self._begin(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Iterable[str]) -> None:
        """The same under xdist, where all workers find the same."""
        self._begin(ids)

    def _begin(self, ids: Iterable[str]) -> None:
        if self._selected or self._config.option.collectonly:
            return
        self._selected = self._gathering.known(ids)
        needed = self._roster.needed(self._selected)
        if self._live and self.places and needed:
            self._fetch = Fetch(self._live, Path(self.places["marks"]), needed)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what an item found off its report, which others keep."""
        if found := report.__dict__.pop(RESULT, None):
            self._gathering.take(json.loads(found))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge the whole: known failures that are fixed are news as well."""
        if self._fetch:
            self._fetch.stop()
        if not self._selected:
            return
        judged = self._session = self._gathering.session()
        is_complete = self._selected <= self._gathering.ids
        if self._writer:
            self._gathering.write(judged, self._writer)
            if is_complete:
                audit = judged.audit
                counts = audit.read, audit.judged, 0, audit.outcomes
                whole = self._gathering.is_whole and audit.checks.leave_none_out
                self._writer.end(*counts, whole=whole)
        if self._config.option.conformance_record and self._live:
            self._recorded = self._publish(self._live, complete=is_complete)
        failed = judged.problems or judged.failed(self._config.option.conformance_fail_on)
        if session.exitstatus == pytest.ExitCode.OK and failed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _publish(self, asking: Live, *, complete: bool) -> list[str]:
        """Move what was recorded to where it is replayed from, if it is all there."""
        if not complete or (self._session and self._session.problems):
            return ["not recorded, because the run is incomplete"]
        said = []
        for target in self._roster.targets:
            if asking.store.has(target):
                moved = asking.store.move(
                    target, self._roster.store, whole=self._gathering.is_whole
                )
                said.append(f"recorded {moved} probes: {self._roster.store.of(target)}")
        return said

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the matrix, or what is news where it shall be quiet: that fails a run as well."""
        if self._session is None:
            return
        if self._config.option.verbose < 0:
            lines = [f"news: {printable(message)}" for message in self._session.news]
        else:
            terminalreporter.section("conformance")
            lines = self._matrix(self._session, colours=terminalreporter.hasmarkup)
        for line in (*lines, *self._recorded):
            terminalreporter.write_line(line)

    def _matrix(self, session: Session, *, colours: bool) -> list[str]:
        text, width = io.StringIO(), shutil.get_terminal_size().columns
        console = Console(file=text, width=width, force_terminal=colours, highlight=False)
        matrix.run(console, session.board, session.news, session.problems)
        return text.getvalue().splitlines()

    def pytest_unconfigure(self) -> None:
        """Close the results and forget answers that nobody wanted kept."""
        if self._fetch:
            self._fetch.stop()
        self._stack.close()
