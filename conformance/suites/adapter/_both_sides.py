"""What was said on the far side of an adapter, in the words of the near one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from conformance import dialects
from conformance.dialects import Meaning, Refused
from conformance.model import STRANGER, Chunk, Exchange, Failure, Request
from conformance.mutate import DoesNotFit, Mutant
from conformance.registry import only_if
from conformance.replies import (
    ChatReply,
    Json,
    Place,
    Refusal,
    Reply,
    Stream,
    a_text,
    an_object,
    objects,
)

FAILED: Final = 400
"""The first status that is an error (RFC 9110 section 15.5)."""
RICH: Final = frozenset(
    {"anthropic", "bedrock", "bedrock_invoke_claude", "cohere", "gemini", "ollama", "openai"}
)
"""The dialects that have words for pictures and for tools; the others are about text."""
JSON_FORMATS: Final = ("json_object", "json_schema")


def sent_on(reply: Reply) -> tuple[Exchange, ...]:
    """What the adapter and the provider said to each other; not applicable without any of it."""
    known = tuple(one for one in reply.exchange.upstream if one.provider != STRANGER)
    only_if(known, "nothing was sent on")
    return known


def last(reply: Reply) -> Exchange:
    """The exchange that the adapter's answer is made of: the last that brought one."""
    known = sent_on(reply)
    return next((one for one in reversed(known) if _brings_an_answer(one.request)), known[-1])


def _brings_an_answer(request: Request) -> bool:
    """Whether it is more than a look at a model's card, or an order whose result comes later."""
    dialect = dialects.of(request)
    try:
        return dialect is not None and dialect.settled(request) is None
    except Refused:
        return True


def asked(reply: Reply) -> Json:
    """What the provider was asked, as an OpenAI request; not applicable where it can't be read."""
    found = next((asks for one in reversed(sent_on(reply)) if (asks := order(one.request))), None)
    only_if(found, "what was sent on is in no API that is known here, or refused in it")
    return found or {}


def order(request: Request) -> Json | None:
    """What a model is asked, as an OpenAI request; None where only a result is fetched, or less."""
    found = words(request) if request.method.upper() == "POST" else None
    return found if found and found.get("messages") else None


def said(reply: Reply) -> Meaning:
    """What the provider answered; not applicable where it is an error, or can't be read."""
    found = meaning(last(reply))
    only_if(found and found.error is None, "the provider did not answer, or not readably")
    return found or Meaning()


def said_in_full(reply: ChatReply) -> Meaning:
    """The same where it came to its end, and no answer but the first was asked for."""
    only_if(reply.request.get("n") in (None, 1), "several answers were asked for")
    found = said(reply)
    whole = found.complete and last(reply).failure is None
    only_if(whole, "the provider's answer was cut off")
    only_if(not (isinstance(reply, Stream) and reply.interrupted), "the stream was interrupted")
    only_if(reply.answers, "there is no answer")
    return found


def told_failure(reply: Reply) -> bool:
    """Whether a client is told that something went wrong."""
    if isinstance(reply, Stream) and reply.errors:
        return True
    return isinstance(reply, Refusal) or reply.exchange.failure is not None


def offers_tools(reply: Reply) -> bool:
    """Whether the client offers tools of its own."""
    return bool(reply.request.get("tools") or reply.request.get("functions"))


def format_of(reply: Reply) -> str:
    """The type of response_format."""
    return a_text(an_object(reply.request.get("response_format")).get("type"))


def texts(message: Json) -> list[str]:
    """What a message says, a part each, with every run of blanks as one; empty parts left out."""
    content = message.get("content")
    found = [part.get("text") for _, part in objects(message, "content")]
    spoken = [content] if isinstance(content, str) else found
    return [tidy for text in spoken if (tidy := " ".join(a_text(text).split()))]


def joined(request: Json, *roles: str) -> str:
    """All that the messages of these roles say, in order; of all roles without any."""
    messages = (message for _, message in objects(request, "messages"))
    wanted = (one for one in messages if not roles or one.get("role") in roles)
    return " ".join(text for message in wanted for text in texts(message))


def in_roles(request: Json, *roles: str) -> list[Place]:
    """The messages of these roles, with their places in the request."""
    found = objects(request, "messages", "request")
    return [(at, message) for at, message in found if message.get("role") in roles]


@lru_cache(maxsize=4)
def words(request: Request) -> Json | None:
    """A request in OpenAI's words; not to be changed. None in an unknown API, or refused by it."""
    dialect = dialects.of(request)
    try:
        return dialect.asked(request) if dialect else None
    except Refused:
        return None


@lru_cache(maxsize=4)
def meaning(exchange: Exchange) -> Meaning | None:
    """As :func:`conformance.dialects.meaning`; all checks want it of the same exchange."""
    return dialects.meaning(exchange)


def beyond(label: str, edit: Callable[[Exchange], Exchange]) -> Mutant:
    """An edit of all that happened on the far side."""

    def apply(exchange: Exchange) -> Exchange:
        if not exchange.upstream:
            raise DoesNotFit("there is no far side")
        return replace(exchange, upstream=tuple(map(edit, exchange.upstream)))

    return Mutant(label, apply)


def cut_off(exchange: Exchange) -> Exchange:
    """The first half of an answer, and that the connection was closed then."""
    if exchange.response is None:
        raise DoesNotFit("there is no answer")
    half = exchange.response.chunks[: len(exchange.response.chunks) // 2] or (Chunk(b'{"id"'),)
    failure = Failure("cut", "the connection was closed early")
    return replace(exchange, response=replace(exchange.response, chunks=half), failure=failure)
