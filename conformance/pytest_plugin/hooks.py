"""Takes part in pytest's run: brings the items, passes on what they found, and sums it up."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final

import pytest
from rich.console import Console

from conformance.pytest_plugin.bench import Bench
from conformance.pytest_plugin.fetching import Fetch, Fetched
from conformance.pytest_plugin.gathering import Gathering
from conformance.pytest_plugin.items import CaseItem, TargetCollector
from conformance.pytest_plugin.roster import roster
from conformance.report import matrix
from conformance.report.results import ResultsFile
from conformance.session import Session

ATTRIBUTE: Final = "conformance_result"
"""Where a report carries what its item found, as JSON text: xdist passes that on as it is."""


class Hooks:
    """One run. Under xdist each worker judges, and the controller gathers and asks."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.roster = roster(config)
        worker = getattr(config, "workerinput", None)
        self.is_worker = worker is not None
        self.gathering = Gathering(self.roster)
        self.session: Session | None = None
        self.selected: list[str] = []
        self._stack = ExitStack()
        self._file: IO[str] | None = None
        self.fetch: Fetch | None = None
        self.fetched: Fetched | None = None
        if self.roster.is_live and worker is not None:
            self.fetched = Fetched(Path(worker[ATTRIBUTE]))
