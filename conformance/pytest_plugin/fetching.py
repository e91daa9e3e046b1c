"""First fetch, then judge: everything is asked at once, and each item waits for its own answers."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Final, TypedDict

from conformance.cli.live import Live
from conformance.probe import Probe
from conformance.runner import Asked, Runner
from conformance.targets import Target

PATIENCE: Final = 3600.0
"""Seconds an item waits for its answers."""
Needed = Sequence[tuple[Target, Probe]]


class Places(TypedDict):
    """Where a live run keeps its answers, and where it notes which are complete."""

    exchanges: str
    marks: str


class Fetch:
    """Asks in a thread of its own, and notes in ``marks`` what is done."""

    def __init__(self, live: Live, marks: Path, needed: Needed) -> None:
        self._live = live
        self._marks = marks
        self._left = {_mark(marks, target, probe): (target, probe) for target, probe in needed}
        self._thread = threading.Thread(target=self._run, name="conformance-fetch", daemon=True)
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread.start()

    def stop(self) -> None:
        """Ask nothing more, and wait until that is so."""
        with suppress(RuntimeError):  # it is over already
            self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())
        self._thread.join()

    def _run(self) -> None:
        why = "was not asked, because the run was stopped"
        try:
            self._task = self._loop.create_task(self._ask())
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001  # else every item would wait for ever
            why = f"was not asked: {type(error).__name__}: {error}"
        finally:
            self._loop.close()
            for mark, (target, probe) in list(self._left.items()):
                self._note(mark, [f"{target.name}::{probe.id} {why}"])

    async def _ask(self) -> None:
        plan = list(self._left.values())
        route = self._live.route(lambda _in_flight, _sent: None)
        async with route, aclosing(Runner(route).run(plan)) as events:
            async for done in events:
                problems = done.problems if isinstance(done, Asked) else []
                self._note(_mark(self._marks, done.target, done.probe), problems)

    def _note(self, mark: Path, problems: list[str]) -> None:
        mark.parent.mkdir(parents=True, exist_ok=True)
        half = mark.with_suffix(".half")
        half.write_text(json.dumps(problems), "utf-8")
        half.replace(mark)
        self._left.pop(mark, None)


class Fetched:
    """What a fetch is to bring, seen from any process."""

    def __init__(self, marks: str, needed: Needed) -> None:
        self._marks = Path(marks)
        self._needed = {(target.name, probe.id) for target, probe in needed}

    def wait(self, target: Target, probe: Probe) -> list[str] | None:
        """Wait until a probe was asked; what kept it from being complete, None if nobody asks."""
        if (target.name, probe.id) not in self._needed:
            return None
        mark, end = _mark(self._marks, target, probe), time.monotonic() + PATIENCE
        while not mark.exists():
            if time.monotonic() > end:
                return [f"{target.name}::{probe.id} had no answer in {PATIENCE:.0f} seconds"]
            time.sleep(0.01)
        problems: list[str] = json.loads(mark.read_text("utf-8"))
        return problems


def _mark(marks: Path, target: Target, probe: Probe) -> Path:
    return marks / target.provider / target.slug / f"{probe.id}.done"
