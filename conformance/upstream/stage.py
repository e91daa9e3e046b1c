"""The stage: it answers what an adapter sends on, and keeps both sides of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlsplit

from conformance.dialects.base import json_reply
from conformance.model import STRANGER, Exchange, Failure, Headers, Request, Response
from conformance.upstream.scripts import Told, told, without

HOST: Final = "upstream.test"
"""What the journal calls the stage, wherever it listens: no result depends on a port."""
TOKEN: Final = f"http://{HOST}/token"
"""Where a cloud's credentials are changed for a token. An adapter asks once and keeps what it got,
so that is in no journal: results would depend on what was asked first."""
MOST: Final = 64
"""Requests to the far side that one request may lead to: an adapter may retry for ever."""
ENOUGH: Final = Failure("cut", "the stage answers no more requests that one request leads to")

Answers = Callable[[Request, int], Told]


@dataclass(slots=True)
class Stage:
    """Everything an adapter reaches. Requests come from any thread; one exchange at a time."""

    side: tuple[str, ...] = ()
    """Hosts that it may reach besides; they are answered 404."""
    answers: Answers = told
    """What a provider says, given how often the same was asked before."""
    beside: set[str] = field(default_factory=set)
    """The hosts of ``side`` that were reached, at any time."""
    _provider: str = STRANGER
    _host: str = ""
    _conversation: str = ""
    _journal: list[Exchange] = field(default_factory=list)
    _asked: Counter[tuple[str, str, str, bytes]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(
        self, provider: str, host: str | None, answers: Answers = told, conversation: str = ""
    ) -> None:
        """From now on requests are to ``provider``, at hosts that match ``host``; None: any.

        How often the same was asked is counted within a ``conversation``.
        """
        with self._lock:
            self._provider, self._host, self.answers = provider, host or "*", answers
            self._conversation = conversation
            self._journal.clear()

    def taken(self) -> tuple[Exchange, ...]:
        """What was sent on since :meth:`begin`, in the order it came."""
        with self._lock:
            return tuple(self._journal)

    def answer(self, request: Request) -> Told:
        """What comes back to the adapter; never raises. ``request.url`` is absolute."""
        host = _host(request.url)
        if request.url == TOKEN:
            return Told(_a_token())
        with self._lock:
            if any(fnmatchcase(host, pattern) for pattern in self.side):
                self.beside.add(host)
                return Told(_nothing_here())
            if len(self._journal) >= MOST:
                return Told(None, ENOUGH)
            expected = host == HOST or fnmatchcase(host, self._host)
            said = self._said(request) if expected else Told(_nothing_here())
            self._keep(request, said, self._provider if expected else STRANGER)
            return said

    def refuse(self, host: str) -> None:
        """Note a host that was reached past every HTTP library we know."""
        with self._lock:
            self._keep(Request("CONNECT", f"//{host}"), Told(None), STRANGER)

    def _said(self, request: Request) -> Told:
        # Two that differ in their scripts only would get the same answer, the same id included.
        key = (self._conversation, request.method, request.url, without(request.body))
        before = self._asked[key]
        self._asked[key] += 1
        return self.answers(request, before)

    def _keep(self, request: Request, said: Told, provider: str) -> None:
        made = Exchange(
            id=f"upstream#{len(self._journal) + 1}",
            provider=provider,
            request=request,
            response=said.response,
            provenance=said.provenance,
            failure=said.failure,
        )
        self._journal.append(made)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _a_token() -> Response:
    """What RFC 6749 (section 5.1) and RFC 8693 (section 2.2.1) ask of a token endpoint."""
    return json_reply(
        {
            "access_token": "adapter",
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": 3600,
        }
    )


def _nothing_here() -> Response:
    return Response(404, Headers([("content-type", "text/plain")]))
