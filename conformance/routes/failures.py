"""What can end an exchange early, as one word each: the kinds of :class:`Failure` on the wire."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Iterator
from typing import Final

import httpx

from conformance.model import Failure

SHOWN: Final = 300
"""How many characters of an error's message are kept."""


class TooLong(httpx.ReadError):
    """An answer passed a limit of ours, and was cut there."""


class Deadline(httpx.ReadTimeout):
    """An answer was not complete in time."""


_Kinds = tuple[tuple[type[BaseException], str], ...]

_CAUSES: Final[_Kinds] = (
    (ConnectionRefusedError, "connect_refused"),
    (socket.gaierror, "dns_error"),
    (ssl.SSLError, "tls_error"),
    (ConnectionResetError, "reset"),
    (BrokenPipeError, "reset"),
)
"""What the operating system said, wherever in the chain of causes it stands."""
_OURS: Final[_Kinds] = (
    (TooLong, "too_long"),
    (Deadline, "deadline"),
    (httpx.ConnectTimeout, "connect_timeout"),
    (httpx.ReadTimeout, "read_timeout"),
    (httpx.WriteTimeout, "write_timeout"),
    (httpx.PoolTimeout, "pool_timeout"),
    (httpx.LocalProtocolError, "unsendable"),
    (asyncio.CancelledError, "cancelled"),
)
"""What we did ourselves, whatever else was going on."""
_KINDS: Final[_Kinds] = (
    (httpx.ConnectError, "connect_error"),
    (httpx.ReadError, "read_error"),
    (httpx.WriteError, "write_error"),
    (httpx.ProxyError, "proxy_error"),
    (httpx.RemoteProtocolError, "protocol_error"),
)
_PHRASES: Final = (
    ("without sending a response", "no_response"),  # httpcore's
    ("peer closed connection", "cut"),  # h11's
)
BEFORE_ANY_ANSWER: Final = frozenset(
    {
        "connect_refused",
        "connect_timeout",
        "connect_error",
        "dns_error",
        "proxy_error",
        "reset",
        "read_error",
        "write_error",
        "no_response",
    }
)
"""The kinds of a connection that failed, where there is no response at all: worth another try."""
NEVER_SENT: Final = frozenset(
    {"connect_refused", "connect_timeout", "connect_error", "dns_error", "tls_error", "unsendable"}
)
"""The kinds after which no server has seen the request."""


def failure_of(error: BaseException, at: float | None) -> Failure:
    """What ``error`` says of an exchange that it ended, ``at`` seconds after the request."""
    kind, cause = (
        _first([error], _OURS)
        or _first(_causes(error), _CAUSES)
        or _first([error], _KINDS)
        or ("error", error)
    )
    if kind == "protocol_error":  # two of which only the messages tell apart
        kind = next((known for phrase, known in _PHRASES if phrase in str(error)), kind)
    return Failure(kind, str(cause)[:SHOWN] or type(cause).__name__, at)


def _first(errors: Iterable[BaseException], kinds: _Kinds) -> tuple[str, BaseException] | None:
    found = ((kind, one) for one in errors for types, kind in kinds if isinstance(one, types))
    return next(found, None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what led to it; each error once, should they name each other."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if not isinstance(one, ssl.SSLWantReadError):  # which only says that it waited
            yield one
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        waiting += [cause for cause in (one.__context__, one.__cause__) if cause is not None]
