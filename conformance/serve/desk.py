"""What a server remembers between requests, so that the reference itself can stay a function."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from typing import Any, Final, TypeVar

from conformance.model import Request, Response
from conformance.reference import answer
from conformance.reference.server import RESPONSES
from conformance.registry import Check
from conformance.serve.breaking import Breaking

ASKED: Final = 10_000
"""How many different requests are counted."""
STORED: Final = 1_000
"""How many answers of ``/v1/responses`` can be retrieved."""

K = TypeVar("K")
V = TypeVar("V")


class Desk:
    """Where requests are answered: well, or so that exactly one check fails.

    ``pace`` is how many real seconds a second of an answer takes.
    """

    def __init__(self, breaking: Check | None = None, pace: float = 0.0) -> None:
        self._breaking = Breaking(breaking, pace) if breaking else None
        self._asked: OrderedDict[bytes, int] = OrderedDict()
        self._stored: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def answer(self, request: Request) -> Response:
        """What is sent back; never raises."""
        nonce = self._count(request)
        response = answer(request, nonce, self._stored)
        self._keep(request, response)
        if self._breaking:
            return self._breaking.broken(request, nonce, response) or response
        return response

    def _count(self, request: Request) -> int:
        """How often the same was asked before."""
        asked = f"{request.method} {request.url}\n".encode() + request.body
        key = hashlib.sha256(asked).digest()
        before = self._asked.pop(key, 0)
        _put(self._asked, key, before + 1, ASKED)
        return before

    def _keep(self, request: Request, response: Response) -> None:
        """Remember an answer that can be retrieved later on."""
        if not request.url.partition("?")[0].endswith(RESPONSES) or response.status >= 400:  # noqa: PLR2004  # RFC 9110 section 15.5
            return
        data = response.chunks[-1].data
        value = json.loads(data if data.startswith(b"{") else data.partition(b"data: ")[2])
        made = value.get("response", value)
        if made.get("store"):
            _put(self._stored, made["id"], made, STORED)


def _put(known: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    known[key] = value
    if len(known) > most:
        known.popitem(last=False)
