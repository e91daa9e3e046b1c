"""What a dialect is: an API for chatting with a model, put into the words of OpenAI's and back."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from conformance import jsontext
from conformance.model import Chunk, Exchange, Headers, Request, Response
from conformance.targets import to_json

Json = dict[str, Any]
ERROR: Final = 400
"""The first status that is an error (RFC 9110 section 15.5)."""


class Refused(Exception):  # noqa: N818  # an answer, not an error
    """What was asked breaks the API's own rules; ``status`` and the message are the answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call. ``arguments`` are the JSON value; the text as it came where it is no JSON."""

    name: str
    arguments: Any
    id: str | None = None
    """None where the API gives calls no ids."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reply says, whatever API it came by. None is for what this API, or reply, leaves out.

    ``finish`` is OpenAI's word: ``stop``, ``length``, ``tool_calls`` or ``content_filter``; a word
    of the API that has no counterpart is kept as it is. ``usage`` is (prompt, completion) tokens.
    ``error`` is the message of an error reply, also of an error inside a stream; ``complete`` is
    false for a stream that came to no end.
    """

    text: str = ""
    finish: str | None = None
    usage: tuple[int, int] | None = None
    calls: tuple[Called, ...] = ()
    error: str | None = None
    complete: bool = True


class Dialect(ABC):
    """One API. Pure functions of bytes: nothing is sent, and nothing is remembered.

    Reading (``asked``, ``meaning``) is lenient about replies, which anybody may have recorded, and
    as strict about requests as the real API is. Writing (``whole``, ``streamed``, ``refused``)
    makes what the real API would send.
    """

    name: ClassVar[str]
    path: ClassVar[re.Pattern[str]]
    """Matches the path of a request that is made in this dialect."""

    def speaks(self, request: Request) -> bool:
        """Whether ``request`` is one of this API."""
        try:
            return self.path.search(urlsplit(request.url).path) is not None
        except ValueError:
            return False

    def settled(self, request: Request) -> Response | None:
        """The answer to a request that asks no model anything, as for a result; None for others."""
        del request
        return None

    @abstractmethod
    def asked(self, request: Request) -> Json:
        """The same request as the body of an OpenAI chat completion, as far as it has the words.

        ``stream`` says whether a stream is wanted. What the API calls otherwise is renamed, what
        OpenAI has no word for is left out. Raises Refused where the real API answers with an error.
        """

    @abstractmethod
    def whole(self, request: Request, completion: Json) -> Response:
        """An OpenAI chat completion (one choice or more) as this API's answer in one piece."""

    @abstractmethod
    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """OpenAI chat completion chunks, usage included, as this API's stream."""

    @abstractmethod
    def refused(self, status: int, message: str) -> Response:
        """An error in this API's form."""

    @abstractmethod
    def meaning(self, exchange: Exchange) -> Meaning | None:
        """What a reply of this API says; None where it can't be read, or there is none."""


def body_of(request: Request) -> Json:
    """The JSON object that was sent. Raises Refused for anything else."""
    document = jsontext.parse(request.body)
    if document.error or not isinstance(document.value, dict):
        raise Refused("The request body is not a JSON object.")
    return document.value


def json_reply(value: Any, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """A JSON document as a response."""
    content = ("content-type", "application/json")
    return Response(status, Headers([content, *headers]), (Chunk(to_json(value)),))


def sse_reply(events: Iterable[tuple[str | None, Any]]) -> Response:
    """Server-sent events, each ``(event name or None, JSON value or text)``, a chunk each."""
    return Response(
        200,
        Headers([("content-type", "text/event-stream")]),
        tuple(Chunk(_event(name, value)) for name, value in events),
    )


def _event(name: str | None, value: Any) -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    data = value.encode() if isinstance(value, str) else to_json(value)
    return head + b"data: " + data + b"\n\n"


def parsed(arguments: Any) -> Any:
    """A call's arguments as the JSON value they are; as they came where they are no JSON."""
    try:
        return json.loads(arguments)
    except (TypeError, ValueError, RecursionError):
        return arguments
