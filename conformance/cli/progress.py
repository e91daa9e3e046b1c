"""A bar on standard error while a run asks or replays."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance.report.terminal import printable


class Bar:
    """Shows how many probes are done, and what is in flight; nothing where there is no terminal."""

    def __init__(self, total: int) -> None:
        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        console = Console(stderr=True)
        unseen = not console.is_terminal
        self._bar = Progress(*columns, console=console, transient=True, disable=unseen)
        self._task = self._bar.add_task("", total=total)
        self._last = ""

    def done(self, name: str) -> None:
        """One probe is over."""
        self._last = printable(name)
        self._bar.update(self._task, advance=1, description=self._last)

    def traffic(self, in_flight: int, sent: int) -> None:
        """How many requests are out, and how many were sent in all."""
        said = f"{sent:,} requests sent, {in_flight} in flight  {self._last}"
        self._bar.update(self._task, description=said)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()
