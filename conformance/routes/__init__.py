"""How a probe's requests travel: over HTTP, out of a cassette, or to the reference in process.

Every route does the same thing: it addresses a request to the target, and returns what came of it
as exchanges. Nothing here looks at what an answer says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

from conformance.model import Exchange, Failure, Headers, Provenance, Request, Response
from conformance.targets import Target

AGENT: Final = "llm-api-conformance"


class Unanswered(Exception):  # noqa: N818  # an answer, not an error
    """A request could not be asked at all; the message says why, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One run of one probe at one target. ``turn`` counts the repeats from 1."""

    target: Target
    probe: str
    turn: int = 1

    @property
    def name(self) -> str:
        """``provider/model::probe``, and ``@turn`` from the second on."""
        turn = f"@{self.turn}" if self.turn > 1 else ""
        return f"{self.target.name}::{self.probe}{turn}"

    def exchange(  # noqa: PLR0913  # the parts of an exchange
        self,
        number: int,
        request: Request,
        response: Response | None,
        provenance: Provenance,
        failure: Failure | None = None,
        *,
        retried: bool = False,
    ) -> Exchange:
        """What came of request ``number`` (from 1) of this call."""
        return Exchange(
            id=f"{self.name}#{number}",
            provider=self.target.provider,
            request=request,
            response=response,
            provenance=provenance,
            failure=failure,
            session=f"{self.target.name}@{self.turn}",
            model=self.target.model,
            probe=self.probe,
            retried=retried,
        )


class Route(Protocol):
    """A way to a target."""

    async def send(self, call: Call, number: int, request: Request) -> list[Exchange]:
        """Ask, and return every attempt; the last one is the answer, the others were retried.

        Raises Unanswered.
        """

    def close(self, call: Call) -> list[str]:
        """Say that the call is over; returns what is wrong with it, one sentence each."""


def addressed(target: Target, request: Request, key: str | None) -> Request:
    """``request`` with the target's address, its headers, and its key where it has one.

    A header the probe gave wins; given as an empty string it is not sent.
    """
    default = {
        "accept": "application/json",
        "accept-encoding": "identity",  # nothing between us and the bytes
        "user-agent": AGENT,
        **dict(target.headers),
    }
    if request.body:
        default["content-type"] = "application/json"
    if key:
        bearer = target.key_header == "authorization"
        default[target.key_header] = f"Bearer {key}" if bearer else key
    headers = Headers(default.items())
    for name, value in request.headers:
        headers = _given(headers, target, name, value, key)
    return replace(request, url=target.base_url.rstrip("/") + request.url, headers=headers)


def _given(headers: Headers, target: Target, name: str, value: str, key: str | None) -> Headers:
    """``headers`` with what a probe gave for one of them.

    It speaks of authorization; where the target's key goes by another name, so does what it gave.
    A scheme alone is meant to go with the target's key.
    """
    if name != "authorization":
        return headers.replaced(name, value or None)
    if target.key_header != name:
        value = value.rpartition(" ")[2]
    elif value and " " not in value and key:
        value = f"{value} {key}"
    return headers.replaced(target.key_header, value or None)
