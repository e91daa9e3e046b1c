"""An exchange through an adapter, shown from both sides: what its maintainer needs to see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from conformance.model import Exchange, Finding, Response, show
from conformance.report.terminal import example
from conformance.scrub import Scrubber
from conformance.sse import parse

SHOWN: Final = 300
"""Characters of a body that are shown."""
SENT: Final = 2
"""Requests to the far side that are shown."""
EVENT: Final = re.compile(r"events\[(\d+)\]")


def both_sides(exchange: Exchange, finding: Finding) -> Iterator[str]:
    """What was asked, what the adapter sent on and got, what it returned and what is wrong in it.

    A line each, without keys; of a stream the event that is at fault.
    """
    scrubber = Scrubber.of(exchange.request, *(one.request for one in exchange.upstream))
    yield from map(scrubber.text, _sides(exchange, finding))


def _sides(exchange: Exchange, finding: Finding) -> Iterator[str]:
    yield f"asked     {_text(exchange.request.body)}"
    for one in exchange.upstream[:SENT]:
        yield f"sent on   {one.request.method} {one.request.url[:SHOWN]} {_text(one.request.body)}"
        failed = f" {one.failure.kind}" if one.failure else ""
        yield f"answered  {_answer(one.response)}{failed}"
    if not exchange.upstream:
        yield "sent on   nothing"
    if exchange.upstream[SENT:]:
        yield f"          and {len(exchange.upstream) - SENT} more requests"
    yield f"returned  {_answer(exchange.response, finding.at)}"
    yield f"but       {example(finding)}"


def _answer(response: Response | None, at: str = "") -> str:
    if response is None:
        return "nothing"
    return f"{response.status} {_part(response, at)}"


def _part(response: Response, at: str) -> str:
    """The event a place is in; the beginning of the whole for any other place."""
    event = EVENT.match(at)
    events = parse(response.body).events if event else ()
    number = int(event[1]) if event else 0
    if number < len(events):
        return f"… {_text(events[number].data.encode())}"
    return _text(response.body)


def _text(body: bytes) -> str:
    return show(body, SHOWN)[1:-1].replace('\\"', '"')
