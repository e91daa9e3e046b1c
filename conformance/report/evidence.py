"""An exchange through an adapter, shown from both sides: what its maintainer needs to see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.model import Exchange, Request, Response, show
from conformance.scrub import Scrubber

SHOWN: Final = 300
"""Characters of a body that are shown."""
SENT: Final = 2
"""Requests to the far side that are shown."""


def both_sides(exchange: Exchange) -> Iterator[str]:
    """What was asked, what the adapter sent on and got, and what it returned; a line each."""
    yield f"asked     {_body(exchange.request)}"
    for one in exchange.upstream[:SENT]:
        yield f"sent on   {one.request.method} {one.request.url[:SHOWN]} {_body(one.request)}"
        failed = f" {one.failure.kind}" if one.failure else ""
        yield f"answered  {_answer(one.response)}{failed}"
    if not exchange.upstream:
        yield "sent on   nothing"
    if exchange.upstream[SENT:]:
        yield f"          and {len(exchange.upstream) - SENT} more requests"
    yield f"returned  {_answer(exchange.response)}"


def _answer(response: Response | None) -> str:
    if response is None:
        return "nothing"
    return f"{response.status} {_text(response.body)}"


def _body(request: Request) -> str:
    return Scrubber.of(request).text(_text(request.body))


def _text(body: bytes) -> str:
    return Scrubber().text(show(body, SHOWN)[1:-1].replace('\\"', '"'))
