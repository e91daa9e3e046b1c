"""The route through an adapter: asked from the north, with the far side of each answer kept."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

from conformance.adapter_file import NOWHERE, UPSTREAM, Adapter, Upstream
from conformance.adapting import function, identity, program, returned
from conformance.model import Exchange, Failure, Headers, Provenance, Request, Response, Source
from conformance.routes import Call, Unanswered, addressed
from conformance.routes.fetch import fetch
from conformance.targets import BadProvider, Target, to_json
from conformance.upstream.recorded import Recorded
from conformance.upstream.scripts import Told, told
from conformance.upstream.server import serving
from conformance.upstream.stage import Answers, Stage
from conformance.upstream.tap import tapped

CHAT: Final = "/chat/completions"
APART: Final = 1000
"""How far the numbers of two conversations' requests are apart: ids go by them."""
Json = dict[str, Any]
Said = tuple[Response | None, Failure | None]


class North(Protocol):
    """The side of an adapter that is asked."""

    async def ask(self, request: Request) -> Said:
        """What came back, and what went wrong."""

    def restore(self) -> None:
        """Put back what the last calls may have changed for later ones."""


@dataclass(slots=True)
class Adapted:
    """A route to the targets behind one adapter, one request at a time."""

    adapter: Adapter
    north: North
    stage: Stage
    origin: str | None
    """Where the stage listens; None where it does not."""
    moves: bool
    """Whether the adapter is led there, away from the addresses it was built with."""
    cassettes: Path
    """The folder of recordings, some of which the stage answers with."""
    _recorded: dict[str, Recorded] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, call: Call, number: int, request: Request) -> list[Exchange]:
        """As in :class:`conformance.routes.Route`. Raises Unanswered."""
        upstream = self.adapter.upstream_of(call.target)
        asked = self._addressed(call.target, upstream, request)
        sent = self._equipped(call.target, upstream, asked)
        async with self._lock:
            answers = self._answers(upstream, call)
            self.stage.begin(upstream.provider, upstream.host, answers, _name(call))
            response, failure = await self.north.ask(sent)
            beyond = self.stage.taken()
        provenance = Provenance(
            Source.LOCAL,
            software=identity.software(self.adapter),
            lacks=returned.LACKS if self.adapter.call else frozenset(),
        )
        made = call.exchange(number, asked, response, provenance, failure)
        session = f"{made.session}+dropping" if call.target.dropping else made.session
        if upstream.recorded and any(x.provenance.source is Source.REFERENCE for x in beyond):
            session += "+stand-in"  # which is another model than the one that was recorded
        return [
            replace(
                made,
                id=f"{_name(call)}#{number}",
                session=session,
                upstream=beyond,
                dropping=call.target.dropping,
            )
        ]

    def close(self, call: Call) -> list[str]:
        """As in :class:`conformance.routes.Route`: there is never anything wrong."""
        del call
        self.north.restore()
        return []

    def _answers(self, upstream: Upstream, call: Call) -> Answers:
        """What the provider says: what was recorded of it, else what a stand-in would.

        That depends on the conversation and on nothing that was asked before it.
        """
        name = upstream.recorded
        if name and name not in self._recorded:
            self._recorded[name] = Recorded(self.cassettes / name)
        first = zlib.crc32(_name(call).encode()) * APART

        def answers(request: Request, count: int) -> Told:
            known = self._recorded[name].answer(call.probe, request, count) if name else None
            return known or told(request, first + count, int(time.time()))

        return answers

    def _addressed(self, target: Target, upstream: Upstream, request: Request) -> Request:
        """``request`` with the adapter's address, and its name for the model."""
        body = _object(request.body)
        if self.adapter.call and (request.url != CHAT or body is None):
            raise Unanswered(f"{self.adapter.name} is a function, and takes chat completions only")
        fields = [*self.adapter.headers, *upstream.headers.items()]
        led = Headers((name, self._led(value, upstream)) for name, value in fields)
        sent = addressed(replace(target, headers=led), request, None)
        if body is None:
            return sent
        if isinstance(body.get("model"), str):
            body["model"] = upstream.calls_it.replace("{model}", body["model"])
        return replace(sent, body=to_json(body))

    def _equipped(self, target: Target, upstream: Upstream, request: Request) -> Request:
        """``request`` with all the adapter needs besides, which is not what a client asks for."""
        body, given = _object(request.body), self._given(target, upstream)
        if body is None or not given:
            return request
        return replace(request, body=to_json(body | given))

    def _given(self, target: Target, upstream: Upstream) -> Json:
        """The members that every request to this provider bears."""
        given = dict(upstream.give)
        if self.moves:
            given |= upstream.moved or {}
        if target.dropping and self.adapter.dropping:
            given |= self.adapter.dropping.members
        return {name: self._led(value, upstream) for name, value in given.items()}

    def _led(self, value: Any, upstream: Upstream) -> Any:
        """``value`` with the address of the stage where it stands for it."""
        if isinstance(value, str) and self.origin:
            return value.replace(UPSTREAM, f"{self.origin}/{upstream.provider}")
        return value


@contextmanager
def adapted(
    adapter: Adapter,
    *,
    served: bool = False,
    dropping: bool = False,
    cassettes: Path = Path("cassettes"),
) -> Iterator[Adapted]:
    """An adapter, called or running for as long as the block lasts.

    ``served`` leads a function to the stage's server instead of answering it in process;
    ``dropping`` has it drop by its settings, once for all; ``cassettes`` is the folder of
    recordings that the stage may answer with. Raises BadProvider.
    """
    stage = Stage(adapter.side)
    settings = dict(adapter.settings)
    if dropping and adapter.dropping:
        settings |= adapter.dropping.settings
    with ExitStack() as stack:
        always = [adapter.environment, *(each.give for each in adapter.upstreams.values())]
        listens = served or not adapter.call or UPSTREAM in repr(always)
        origin = stack.enter_context(_listening(stage, adapter.port)) if listens else None
        values = {"upstream": origin or "", "dropping": json.dumps(dropping)}
        surroundings = {n: program.filled(v, values) for n, v in adapter.environment.items()}
        stack.enter_context(function.environment(surroundings))
        north: North
        if adapter.call:
            stack.enter_context(tapped(stage, origin))
            north = _Called(adapter, settings)
        else:
            base_url = adapter.base_url
            if adapter.program:
                base_url = stack.enter_context(program.running(adapter.program, values))
            north = _Served(base_url, adapter.timeout)
        moves = served or not adapter.call
        yield Adapted(adapter, north, stage, origin, moves, cassettes)


@contextmanager
def _listening(stage: Stage, port: int) -> Iterator[str]:
    """The stage as a server. Raises BadProvider where the port can't be had."""
    with ExitStack() as stack:
        try:
            origin = stack.enter_context(serving(stage, port))
        except OSError as error:
            free = "choose another upstream_port, or end what has it"
            raise BadProvider(f"port {port} can't be had; {free}: {error.strerror}") from error
        yield origin


class _Called:
    """The north side of a function."""

    def __init__(self, adapter: Adapter, settings: Mapping[str, Any]) -> None:
        self._function = function.Function(adapter.call or "", settings)
        self._timeout = adapter.timeout

    async def ask(self, request: Request) -> Said:
        """The members of the body are its keywords."""
        return await self._function.ask(json.loads(request.body), self._timeout)

    def restore(self) -> None:
        """Its package's settings are put back."""
        self._function.restore()


class _Served:
    """The north side of a server; recordings bear another address than the one it has."""

    def __init__(self, base_url: str, timeout: float) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._tls = httpx.create_ssl_context()  # which takes 25 ms to make

    async def ask(self, request: Request) -> Said:
        """Sent as it is, to where the server is."""
        url = self._base_url + request.url.removeprefix(NOWHERE)
        async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False) as pool:
            heard = await fetch(pool, replace(request, url=url), self._timeout)
        return heard.response, heard.failure

    def restore(self) -> None:
        """What another process keeps is its own."""


def _name(call: Call) -> str:
    """A conversation's name; one with dropping is another."""
    return f"{call.name}+dropping" if call.target.dropping else call.name


def _object(body: bytes) -> Json | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
