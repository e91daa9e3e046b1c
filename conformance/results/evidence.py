"""An exchange as evidence: keys masked, bodies shortened, the place of a finding marked.

What a report shows behind a finding is in the results file itself, so that a report needs nothing
else: no cassette, no recording, no folder that moved.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from conformance.model import Exchange, Headers, Outcome, Request, Response, Verdict
from conformance.results.places import Span, keys, span
from conformance.results.rows import Passage, Shown, Side
from conformance.sse import parse
from conformance.traffic.masks import Masks

WHOLE: Final = 20_000
"""Characters of a request that are kept: all of most, so that it can be sent again."""
AROUND: Final = 1_200
"""Characters that are kept on either side of the marked place."""
MARKED: Final = 400
"""Characters that are marked at most."""
PRINTED: Final = 2**20
"""Bytes of a body up to which it is laid out for reading."""
SEARCHED: Final = 4 * 2**20
"""Bytes of a body up to which the place is looked for."""
MARGIN: Final = 4096
"""Characters beyond, in which keys are hidden as well; no key is as long."""
HEADERS: Final = 40
Hide = Callable[[str], str]
REMEMBERED: Final = 128 * 2**20
"""Bytes of bodies that are remembered for verdicts to come; then the latest only."""
SIDES: Final = 2
"""Requests to the far side of an adapter that are kept."""
_REQUEST: Final = re.compile(r"request(?:\.|$)")
_EVENT: Final = re.compile(r"events\[(\d+)\]\.?")
_ELSEWHERE: Final = re.compile(r"status$|body$|headers\.")
"""Places that are no part of a body, or all of it."""


@dataclass(slots=True)
class Evidence:
    """Picks the exchanges that are worth keeping: the first for each rule a target breaks."""

    _told: set[tuple[str, str, str]] = field(default_factory=set)
    """Target, check and capability of what there is evidence for."""
    _seen: dict[str, Exchange] = field(default_factory=dict)
    """By id, for the checks that compare exchanges when all are there."""
    _room: int = REMEMBERED

    def saw(self, *exchanges: Exchange) -> None:
        """Take the exchanges that the verdicts to come are about."""
        for exchange in exchanges:
            self._seen[exchange.id] = exchange
            self._room -= len(exchange.request.body)
            self._room -= len(exchange.response.body) if exchange.response else 0
        if self._room < 0:
            self._seen = {exchange.id: exchange for exchange in exchanges}

    def of(self, verdict: Verdict) -> Iterator[dict[str, Any]]:
        """The line to write behind a verdict, if it is worth one."""
        exchange = self._seen.get(verdict.exchange or "")
        if exchange and self.wants(verdict):
            yield line(verdict, exchange)

    def wants(self, verdict: Verdict) -> bool:
        """Whether a verdict breaks a rule and is the first of its kind, which it is only once."""
        cells = {(verdict.target, verdict.check, name) for name, _ in verdict.capabilities}
        harmless = verdict.outcome in (Outcome.REJECTED, Outcome.REJECTED_BADLY)
        if harmless or not verdict.findings or cells <= self._told:
            return False
        self._told |= cells
        return True


def line(verdict: Verdict, exchange: Exchange) -> dict[str, Any]:
    """The line of the results file that shows what a verdict's first finding is about."""
    about = {"type": "evidence", "target": verdict.target, "check": verdict.check}
    return about | asdict(shown(exchange, verdict.findings[0].at))


def shown(exchange: Exchange, at: str) -> Shown:
    """An exchange with the place ``at`` marked, in the request or in the response."""
    head, hide = _head(exchange), Masks().hiding(exchange.request)
    asked = _REQUEST.match(at)
    return Shown(
        exchange=exchange.id,
        method=head.request.method,
        url=head.request.url,
        headers=_headers(head.request.headers),
        request=_request(exchange.request, at[asked.end() :] if asked else None, hide),
        status=head.response.status if head.response else None,
        response_headers=_headers(head.response.headers) if head.response else (),
        response=_response(exchange.response, None if asked else at, hide),
        beyond=tuple(_side(one) for one in exchange.upstream[:SIDES]),
    )


def _side(exchange: Exchange) -> Side:
    head, hide = _head(exchange), Masks().hiding(exchange.request)
    return Side(
        method=head.request.method,
        url=head.request.url,
        request=_request(exchange.request, None, hide),
        status=head.response.status if head.response else None,
        response=_response(exchange.response, None, hide),
    )


def _head(exchange: Exchange) -> Exchange:
    """Everything but the bodies, keys masked: a body may be huge, and little of it is shown."""
    response = exchange.response and replace(exchange.response, chunks=())
    bare = replace(exchange, request=replace(exchange.request, body=b""), response=response)
    return Masks().exchange(bare)


def _headers(headers: Headers) -> tuple[tuple[str, str], ...]:
    return tuple((name, value[:MARKED]) for name, value in headers.pairs[:HEADERS])


def _request(request: Request, at: str | None, hide: Hide) -> Passage:
    """The body as it was sent, so that it can be sent again."""
    text = _text(request.body)
    return _cut(text, span(text, keys(at)) if at else None, WHOLE, hide)


def _response(response: Response | None, at: str | None, hide: Hide) -> Passage:
    """The part of the body around the place, laid out for reading."""
    if response is None:
        return Passage("", None)
    if at is None or _ELSEWHERE.match(at) or len(response.body) > SEARCHED:
        at = ""
    event = _EVENT.match(at)
    if event:
        return _event(response.body, int(event[1]), at[event.end() :], hide)
    text = _laid_out(response.body)
    return _cut(text, span(text, keys(at)) if at else None, AROUND, hide)


def _event(body: bytes, number: int, at: str, hide: Hide) -> Passage:
    """The event at fault, amid those around it."""
    events = parse(body).events
    if number >= len(events):
        return _cut(_text(body), None, AROUND, hide)
    event = events[number]
    before, block = _text(body[: event.start]), _text(event.raw)
    start = block.find(event.data) if event.data_fields == 1 else -1
    inner = span(event.data, keys(at)) if start >= 0 and at else None
    first, last = (start + inner[0], start + inner[1]) if inner else (0, len(block.rstrip()))
    whole = before + block + _text(body[event.end :])
    return _cut(whole, (len(before) + first, len(before) + last), AROUND, hide)


def _laid_out(body: bytes) -> str:
    """JSON with a member a line; anything else as it came."""
    if len(body) > PRINTED:
        return _text(body)
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _text(body)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _cut(text: str, mark: Span | None, room: int, hide: Hide) -> Passage:
    """The text with ``room`` characters on either side of the mark, or at the beginning.

    Keys are hidden in somewhat more than that: one that is cut in two could not be told.
    """
    first, last = (mark[0], min(mark[1], mark[0] + MARKED)) if mark else (room, room)
    start, end = max(0, first - room), last + room
    outer = max(0, start - MARGIN)
    around = text[outer : end + MARGIN]
    hidden = hide(around)
    kept = hidden[start - outer : end - outer]
    is_whole = start == 0 and end >= len(text)
    if mark is None or len(hidden) != len(around):
        return Passage(kept, None, whole=is_whole)
    return Passage(kept, (first - start, last - start), whole=is_whole)
