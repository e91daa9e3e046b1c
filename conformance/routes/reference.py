"""The reference server in process: nothing is sent, and everything is answered well."""

from __future__ import annotations

from collections import Counter

from conformance.model import Exchange, Provenance, Request, Source
from conformance.reference import answer
from conformance.routes import Call, addressed

KEY = "sk-reference"


class Reference:
    """A route to the reference server; it has seen nothing when it is made."""

    def __init__(self) -> None:
        self._asked: Counter[tuple[str, str, bytes]] = Counter()

    async def send(self, call: Call, number: int, request: Request) -> list[Exchange]:
        """As in :class:`conformance.routes.Route`; never raises."""
        sent = addressed(call.target, request, KEY)
        asked = (sent.method, sent.url, sent.body)
        response = answer(sent, self._asked[asked])
        self._asked[asked] += 1
        return [call.exchange(number, sent, response, Provenance(Source.REFERENCE))]

    def close(self, call: Call) -> list[str]:  # noqa: ARG002  # it keeps nothing of a call
        """As in :class:`conformance.routes.Route`: there is never anything wrong."""
        return []
