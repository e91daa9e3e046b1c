"""One probe's exchanges in a file that stock vcrpy can replay as well.

They are written through vcrpy's own Cassette, with a serializer that gives readable YAML: bodies
are blocks of text, so that a change of one line is a difference of one line. They are read by
:mod:`conformance.traffic`, which trusts no file and needs no vcrpy.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from conformance.model import MISSING, Exchange, Headers, Request, show
from conformance.traffic import Unreadable, read
from conformance.traffic.masks import Masks, restored
from conformance.traffic.recording import OWN
from conformance.traffic.yamlwrite import is_whole, write

_SHOWN: Final = 60
_Key = tuple[str, str, bytes]


class BadCassette(Exception):  # noqa: N818  # the file is at fault
    """A cassette can't be used; the message names the file, what is wrong and what to do."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}; delete it and record it again")


class Cassette:
    """A file of exchanges in the order in which they were made; each is given once.

    ``secrets`` are keys that must not reach the file besides those in a request's own headers.
    """

    def __init__(self, path: Path, secrets: Iterable[str] = ()) -> None:
        """An empty one; what the file held is replaced by the first :meth:`add`."""
        self.path = path
        self._masks = Masks(tuple(secrets))
        self._exchanges: list[Exchange] = []
        self._waiting: defaultdict[_Key, deque[int]] = defaultdict(deque)

    @classmethod
    def load(cls, path: Path, secrets: Iterable[str] = ()) -> Cassette:
        """What the file holds.

        Raises FileNotFoundError where there is none, and BadCassette for one that is half written,
        was edited so that it no longer adds up, or is another program's.
        """
        cassette = cls(path, secrets)
        if not is_whole(path):
            raise BadCassette(path, "breaks off before its end")
        for exchange in read(path):
            if isinstance(exchange, Unreadable):
                raise BadCassette(path, f"line {exchange.line}: {exchange.reason}")
            if exchange.provenance.source not in OWN:
                raise BadCassette(path, "was not recorded by this program")
            cassette._append(exchange)
        return cassette

    def __len__(self) -> int:
        """How many exchanges it holds."""
        return len(self._exchanges)

    def take(self, request: Request) -> Exchange | None:
        """The next recorded answer to a request of this method, URL and body, byte for byte.

        It bears the request as given, with those recorded headers that it lacks; and a key that the
        server had repeated is put back. None where there is no such answer, or none left.
        """
        waiting = self._waiting.get(_key(self._masks.request(request)))
        if not waiting:
            return None
        found = self._exchanges[waiting.popleft()]
        response = found.response and restored(found.response, request)
        more = [pair for pair in found.request.headers if pair[0] not in request.headers]
        request = replace(request, headers=Headers((*request.headers, *more)))
        return replace(found, request=request, response=response)

    def add(self, exchange: Exchange) -> None:
        """Append an exchange and write the file. Raises OSError.

        It is not given out again: the same may be asked once more, and be answered differently.
        """
        self._exchanges.append(self._masks.exchange(exchange))
        write(self.path, self._exchanges)

    @property
    def unused(self) -> list[Request]:
        """The requests whose answers were never taken, in order and without their keys."""
        left = sorted(number for numbers in self._waiting.values() for number in numbers)
        return [self._exchanges[number].request for number in left]

    def nearest(self, request: Request) -> str:
        """One line on the recording most like ``request``, and how it differs; shows no key."""
        wanted = self._masks.request(request)
        stored = [exchange.request for exchange in self._exchanges]
        if not stored:
            return "the cassette is empty"
        number = min(range(len(stored)), key=lambda n: _distance(wanted, stored[n]))
        differences = _differences(wanted, stored[number])
        if not differences:
            times = sum(_key(one) == _key(wanted) for one in stored)
            return f"it was recorded {times} times and asked once more"
        few = "; ".join(differences[:3]) + ("; …" if differences[3:] else "")
        return f"the nearest of {len(stored)}, number {number + 1}, differs: {few}"

    def _append(self, exchange: Exchange) -> None:
        self._waiting[_key(exchange.request)].append(len(self._exchanges))
        self._exchanges.append(exchange)


def _key(request: Request) -> _Key:
    return request.method, request.url, request.body


def _distance(wanted: Request, stored: Request) -> tuple[bool, int]:
    """How unlike two requests are; those to the same URL are nearer than any other."""
    return wanted.url != stored.url, len(_differences(wanted, stored))


def _differences(wanted: Request, stored: Request) -> list[str]:
    """How the request asked for differs from a recorded one, a phrase for each place."""
    found = []
    for name in ("method", "url"):
        ours, theirs = getattr(wanted, name), getattr(stored, name)
        if ours != theirs:
            found.append(_phrase(name, ours, theirs))
    ours, theirs = _members(wanted.body), _members(stored.body)
    names = sorted(ours.keys() | theirs.keys())
    members = ((name, ours.get(name, MISSING), theirs.get(name, MISSING)) for name in names)
    found += [_phrase(*member) for member in members if member[1] != member[2]]
    if not found and wanted.body != stored.body:
        found.append("the body is the same JSON, written differently")
    return found


def _members(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"body": body}


def _phrase(name: str, ours: object, theirs: object) -> str:
    return f"{name} is {show(ours, _SHOWN)}, recorded {show(theirs, _SHOWN)}"
