"""What one exchange behind an adapter shows of its parameters: little enough to be kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from conformance import dialects
from conformance.dialects import Refused
from conformance.dispositions.flat import Leaves, beneath, parts_of, text_of
from conformance.model import STRANGER, Exchange, Request
from conformance.recognise import recognise
from conformance.replies import ChatReply, ChatStream, Raised, Reply, a_text, an_object
from conformance.scrub import Scrubber

ERROR: Final = 400
"""The first status that is an error (RFC 9110 section 15.5)."""
WORDS: Final = 110
"""Characters of an error message that are evidence."""
PASSING: Final = re.compile(r"127\.0\.0\.1:\d+|0x[0-9a-f]+|\b[0-9a-f-]{24,}\b|(?:/[\w.~-]+){3,}")
"""What differs from machine to machine, or from run to run: ports, ids, paths of files."""


@dataclass(frozen=True, slots=True)
class Error:
    """A refusal: ``how`` is the exception or the status, ``words`` the beginning of its message."""

    how: str
    words: str
    status: int

    def when(self, moment: str = "") -> str:
        """The refusal on one line, with the moment it came at."""
        told = " ".join(filter(None, (self.how, moment)))
        return f"{told}: {self.words}" if self.words else told


@dataclass(frozen=True)
class Seen:
    """Both sides of one exchange, as far as parameters go."""

    exchange: str
    asked: Mapping[str, Leaves]
    """Parameter -> the parts of its value, by what is to be added to its place."""
    messages: str
    """What has to be equal for two requests to be compared."""
    sent: Leaves | None
    """The parts of the request to the provider; None where there was none."""
    read: Mapping[str, Leaves] | None
    """The same request in OpenAI's words, as ``asked``; None where nobody knows its API."""
    error: Error | None
    """How the request was refused; None if it was not."""
    answered: bool
    """Whether the provider gave an answer that is no error."""
    delivered: frozenset[str]
    """The parameters whose effect the form of the answer shows, whoever saw to it."""
    dropping: bool

    @cached_property
    def digests(self) -> dict[str, str]:
        """Parameter -> something short that is the same for equal values."""
        return {name: text_of(dict(leaves)) for name, leaves in self.asked.items()}


def seen(exchange: Exchange) -> Seen | None:
    """What an exchange shows; None for one that is no chat completion behind an adapter."""
    reply = recognise(exchange)
    if reply is None or not exchange.behind_adapter or "messages" not in reply.request:
        return None
    through = _to_provider(exchange)
    return Seen(
        exchange=exchange.id,
        asked=_parameters(reply.request),
        messages=text_of(reply.request["messages"]),
        sent=parts_of(through.request) if through else None,
        read=_read(through.request) if through else None,
        error=None if isinstance(reply, ChatReply) else refusal(reply),
        answered=bool(through and through.response and through.response.status < ERROR),
        delivered=frozenset(delivered(reply)),
        dropping=bool(exchange.dropping),
    )


def _parameters(request: Mapping[str, Any]) -> dict[str, Leaves]:
    """The members of a chat completion request but for its messages; a null one is absent."""
    given = ((n, value) for n, value in request.items() if n != "messages")
    return {name: beneath(value) for name, value in given if value is not None}


def _to_provider(exchange: Exchange) -> Exchange | None:
    """The exchange in which the model was asked: the last of them, for the answer is made of it.

    Others are about a list, a template, a result that isn't there yet.
    """
    posts = [
        one
        for one in exchange.upstream
        if one.request.method == "POST" and one.provider != STRANGER
    ]
    known = [one for one in posts if dialects.of(one.request)]
    return next(reversed(known or posts), None)


def _read(request: Request) -> dict[str, Leaves] | None:
    dialect = dialects.of(request)
    if dialect is None:
        return None
    try:
        return _parameters(dialect.asked(request))
    except Refused:
        return None


def refusal(reply: Reply) -> Error:
    """How a reply that is an error says so."""
    error = an_object(reply.body.get("error"))
    scrubber = Scrubber.of(reply.exchange.request)  # a server may repeat a key there
    message = scrubber.text(" ".join(a_text(error.get("message")).split()))
    status = reply.status
    raised = f"raised {scrubber.text(a_text(error.get('type')))} ({status})"
    return Error(
        how=raised if isinstance(reply, Raised) else f"answered {status}",
        words=PASSING.sub("…", message)[:WORDS].strip(),
        status=status,
    )


def delivered(reply: Reply) -> Iterator[str]:
    """The parameters whose effect the form of an answer shows."""
    if not isinstance(reply, ChatReply):
        return
    if isinstance(reply, ChatStream):
        yield "stream"
        if reply.usage and reply.request.get("stream_options"):
            yield "stream_options"
    if len(reply.answers) == reply.request.get("n"):
        yield "n"
    if any(answer.calls for answer in reply.answers):
        yield "tools"
