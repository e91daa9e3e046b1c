"""Recorded conversations: where they are kept, and how they are replayed offline."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from conformance.model import Exchange, Request
from conformance.routes import Call, Unanswered, addressed
from conformance.targets import Target
from conformance.traffic.cassettes import BadCassette, Cassette

SUFFIX = ".yaml"
STAND_IN = "sk-0123456789abcdefghij"
"""The key that replayed requests bear. Recordings hold none, but that one was sent, and whether
it was the same as before, are what some checks go by."""


class Store:
    """Cassettes in a folder: ``<provider>/<model slug>/<probe>.yaml``, one a call."""

    def __init__(self, folder: Path, secrets: Iterable[str] = ()) -> None:
        self.folder = folder
        self._secrets = tuple(secrets)
        self._open: dict[Call, Cassette] = {}

    def path(self, call: Call) -> Path:
        """Where a call's cassette is."""
        turn = f"@{call.turn}" if call.turn > 1 else ""
        return self.of(call.target) / f"{call.probe}{turn}{SUFFIX}"

    def of(self, target: Target) -> Path:
        """The folder of a target's cassettes."""
        return self.folder / target.provider / target.slug

    def has(self, target: Target) -> bool:
        """Whether anything was recorded of this target."""
        return any(self.of(target).glob(f"*{SUFFIX}"))

    @property
    def is_empty(self) -> bool:
        """Whether nothing was recorded of any target."""
        return not any(self.folder.glob(f"*/*/*{SUFFIX}"))

    def clear(self) -> None:
        """Delete every recording."""
        for path in self.folder.glob(f"*/*/*{SUFFIX}"):
            path.unlink()

    def orphans(self, targets: Iterable[Target]) -> list[Path]:
        """The folders that are no target's."""
        ours = {self.of(target) for target in targets}
        return sorted(
            folder for folder in self.folder.glob("*/*") if folder.is_dir() and folder not in ours
        )

    def leftovers(
        self, target: Target, probes: Iterable[str], turns: int | None = None
    ) -> Iterator[str]:
        """What of a target's cassettes these probes do not ask for, asked so many times."""
        asking, most = set(probes), 1
        for path in sorted(self.of(target).glob(f"*{SUFFIX}")):
            probe, _, turn = path.stem.partition("@")
            if probe not in asking:
                again = f"conformance run {shlex.quote(target.name)} --record"
                yield f"{path}: no probe asks for it; delete it, or record anew: {again}"
            elif turn.isdecimal():
                most = max(most, int(turn))
        if turns and most > turns:
            yield f"{self.of(target)}: recorded {most} times, replayed {turns}: add --repeat {most}"

    def take(self, call: Call, number: int, request: Request) -> list[Exchange] | None:
        """The recorded attempts of this request, the answer last; None when there are none left.

        Raises BadCassette.
        """
        cassette = self._cassette(call)
        attempts: list[Exchange] = []
        while not attempts or attempts[-1].retried:
            found = cassette.take(request)
            if found is None:
                break
            made = call.exchange(number, found.request, found.response, found.provenance)
            attempts.append(replace(made, failure=found.failure, retried=found.retried))
        return attempts or None

    def keep(self, call: Call, exchange: Exchange) -> None:
        """Write an exchange to its call's cassette, at once."""
        self._cassette(call).add(exchange)

    def nearest(self, call: Call, request: Request) -> str:
        """What was recorded that is most like this request, and how it differs."""
        return self._cassette(call).nearest(request)

    def close(self, call: Call) -> list[str]:
        """What of a call's cassette was never asked for."""
        cassette = self._open.pop(call, None)
        unused = cassette.unused if cassette else []
        return [f"{self.path(call)}: holds {len(unused)} recordings nobody asks for"] * bool(unused)

    def move(
        self, target: Target, into: Store, *, whole: bool, without: Collection[str] = ()
    ) -> int:
        """Move a target's cassettes, but those of some probes, to another store; says how many.

        They take the place of those it has of the same probes; of all, if the recording is whole.
        """
        moved = 0
        for path in list(self.of(target).glob(f"*{SUFFIX}")):
            if path.stem.partition("@")[0] in without:
                path.unlink()
        if self.has(target):
            into.of(target).mkdir(parents=True, exist_ok=True)
        for old in into.of(target).glob(f"*{SUFFIX}") if whole else ():
            old.unlink()
        for path in sorted(self.of(target).glob(f"*{SUFFIX}")):
            shutil.move(path, into.of(target) / path.name)
            moved += 1
        for emptied in (self.of(target), self.of(target).parent, self.folder):
            if emptied.exists() and not any(emptied.iterdir()):
                emptied.rmdir()
        return moved

    def _cassette(self, call: Call) -> Cassette:
        if call not in self._open:
            path = self.path(call)
            made = Cassette.load if path.exists() else Cassette
            self._open[call] = made(path, self._secrets)
        return self._open[call]


class Replay:
    """A route that asks nobody: every answer comes out of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def send(self, call: Call, number: int, request: Request) -> list[Exchange]:
        """As in :class:`conformance.routes.Route`."""
        sent = addressed(call.target, request, STAND_IN if call.target.key else None)
        path = self.store.path(call)
        if not path.exists():
            raise Unanswered(f"{path} is missing; {_again(call)}")
        try:
            attempts = self.store.take(call, number, sent)
        except BadCassette as error:
            raise Unanswered(f"{error}: {_command(call)}") from error
        if attempts is None:
            near = self.store.nearest(call, sent)
            raise Unanswered(f"{path} has no answer to request {number}: {near}; {_again(call)}")
        return attempts

    def close(self, call: Call) -> list[str]:
        """As in :class:`conformance.routes.Route`."""
        return [f"{problem}; {_again(call)}" for problem in self.store.close(call)]


def _again(call: Call) -> str:
    return f"record it again: {_command(call)}"


def _command(call: Call) -> str:
    words = ["conformance", "run", call.target.name, "--record", "--only", call.probe]
    repeat = ["--repeat", str(call.turn)] if call.turn > 1 else []
    return shlex.join([*words, *repeat])
