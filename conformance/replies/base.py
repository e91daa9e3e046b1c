"""What every reply has: the helpers, the plain reply, errors, and event streams."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import Any, Final, TypeGuard
from urllib.parse import unquote, urlsplit

from conformance import jsontext, schema
from conformance.model import Evidence, Exchange, Finding, Headers, NotApplicable, Response
from conformance.sse import Event, EventStream
from conformance.sse import parse as parse_events

Json = dict[str, Any]
Place = tuple[str, Json]
"""A place and the JSON object found there."""

DONE: Final = "[DONE]"
ITEMS: Final = 100_000
"""How many items of an array are looked at; no genuine reply comes near."""
NO_MODEL: Final = "-"
"""The model of a reply that is about none, or about all of them."""


_DEPLOYMENT: Final = re.compile(
    r"/(?:deployments|models)/(.+?)(?:/v1)?(?:/chat)?/(?:completions|embeddings)/?$"
)


def an_object(value: Any) -> Json:
    """``value`` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def a_list(value: Any) -> list[Any]:
    """``value`` if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def a_text(value: Any) -> str:
    """``value`` if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def is_int(value: Any) -> TypeGuard[int]:
    """Whether ``value`` is a JSON integer: not a float, and not a boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether ``value`` is a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def index_of(choice: Json, otherwise: int = 0) -> int:
    """The index of a choice, or ``otherwise`` where it has none."""
    index = choice.get("index")
    return index if is_int(index) else otherwise


def objects(owner: Json, name: str, at: str = "") -> list[Place]:
    """The JSON objects in the array ``owner[name]``, each with its place."""
    prefix = f"{at}.{name}" if at else name
    items = enumerate(islice(a_list(owner.get(name)), ITEMS))
    return [(f"{prefix}[{i}]", item) for i, item in items if isinstance(item, dict)]


class Endpoint(StrEnum):
    """The routes of the OpenAI API that are judged."""

    CHAT = "chat/completions"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    MODELS = "models"
    MODEL = "models/{id}"
    RESPONSES = "responses"
    RESPONSE = "responses/{id}"


class Reply:
    """Any answer of a judged endpoint."""

    def __init__(self, exchange: Exchange, response: Response, endpoint: Endpoint) -> None:
        self.exchange = exchange
        self.response = response
        self.endpoint = endpoint

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    @property
    def method(self) -> str:
        """The HTTP method, in capitals."""
        return self.exchange.request.method.upper()

    @cached_property
    def path(self) -> str:
        """The path of the request's URL, still percent-encoded."""
        return urlsplit(self.exchange.request.url).path

    def header(self, name: str) -> str | None:
        """A response header; not applicable where it is absent and the recorder dropped some."""
        value = self.response.headers.get(name)
        if value is None and self.lacks(Evidence.HEADERS):
            raise NotApplicable(f"the recording has no {name} header")
        return value

    @property
    def request_headers(self) -> Headers:
        """The headers of the request."""
        return self.exchange.request.headers

    def lacks(self, evidence: Evidence) -> bool:
        """Whether the recorder lost this kind of evidence."""
        return evidence in self.exchange.provenance.lacks

    @property
    def media_type(self) -> str | None:
        """The response's media type in lower case, without parameters."""
        value = self.header("content-type")
        return None if value is None else value.partition(";")[0].strip().lower()

    @cached_property
    def request(self) -> Json:
        """The request's JSON object; empty when there was none."""
        return an_object(self.request_document.value)

    @cached_property
    def request_document(self) -> jsontext.Document:
        """The request's body, read as JSON."""
        return jsontext.parse(self.exchange.request.body)

    @cached_property
    def document(self) -> jsontext.Document:
        """The response's body, read as JSON."""
        return jsontext.parse(self.response.body)

    @cached_property
    def body(self) -> Json:
        """The response's JSON object; empty when it is something else."""
        return an_object(self.document.value)

    @cached_property
    def asked_to_stream(self) -> bool:
        """Whether the request said ``stream: true``."""
        return self.request.get("stream") is True

    @cached_property
    def model(self) -> str:
        """The model asked for, else the deployment in the URL, else the one that answered."""
        deployment = _DEPLOYMENT.search(self.path)
        named = unquote(deployment[1]) if deployment else ""
        asked = a_text(self.request.get("model"))
        return asked or named or a_text(self.body.get("model")) or NO_MODEL

    @cached_property
    def asked_id(self) -> str:
        """The id in the URL, percent-decoded."""
        return unquote(self.path.rstrip("/").partition("/models/")[2])


class Shaped(Reply):
    """A reply whose body has a schema of ours."""

    schema_name: str

    @cached_property
    def violations(self) -> tuple[Finding, ...]:
        """Every place where the body breaks its schema."""
        return schema.violations(self.schema_name, self.document.value)

    def breaks(self, *patterns: str) -> Iterator[Finding]:
        """The violations at these places; ``[*]`` is any item, ``.**`` anything beneath."""
        return schema.matching(self.violations, *patterns)


class Refusal(Reply):
    """Any answer that is a refusal or failure, and no result."""

    @cached_property
    def error(self) -> Json:
        """The ``error`` object; empty when there is none."""
        return an_object(self.body.get("error"))

    @property
    def is_orderly(self) -> bool:
        """Whether this is a refusal that a client can tell from a failure, and report."""
        return 400 <= self.status < 500 and bool(a_text(self.error.get("message")))  # noqa: PLR2004  # RFC 9110 section 15.5


class ErrorReply(Refusal):
    """One over HTTP: status 400 and above, or an error object where a result should be."""


class Raised(Refusal):
    """The exception of an adapter that is a function: there is no HTTP, and no envelope to judge.

    Its ``error`` holds what the exception says of itself.
    """

    @cached_property
    def message(self) -> str:
        """What it says."""
        return a_text(self.error.get("message"))


class EndlessStream(Reply):
    """A stream with more events than anybody can be expected to read."""


class Stream(Shaped):
    """A reply delivered as server-sent events."""

    @cached_property
    def sse(self) -> EventStream:
        """The events and the framing around them."""
        return parse_events(self.response.body)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Every event a client may see, one left without its blank line at the end included."""
        last = self.sse.unterminated
        return self.sse.events if last is None else (*self.sse.events, last)

    @cached_property
    def documents(self) -> list[tuple[str, jsontext.Document]]:
        """Each event's data read as JSON, ``[DONE]`` left out."""
        return [
            (f"events[{i}]", jsontext.parse(event.data))
            for i, event in enumerate(self.events)
            if event.data.strip() != DONE
        ]

    @cached_property
    def payloads(self) -> list[Place]:
        """Each event's data that is a JSON object, errors included."""
        return [(at, doc.value) for at, doc in self.documents if isinstance(doc.value, dict)]

    @cached_property
    def errors(self) -> list[Place]:
        """The payloads that report an error, in the right shape or another."""
        named = {f"events[{i}]" for i, event in enumerate(self.events) if event.event == "error"}
        return [
            (at, value)
            for at, value in self.payloads
            if value.get("error") or value.get("object") == "error" or at in named
        ]

    @cached_property
    def chunks(self) -> list[Place]:
        """The payloads that carry the answer."""
        errors = {at for at, _ in self.errors}
        return [place for place in self.payloads if place[0] not in errors]

    @cached_property
    def interrupted(self) -> bool:
        """Whether an error, a failure or unreadable data may have kept some of the answer back."""
        unreadable = any(document.error for _, document in self.documents)
        return bool(self.exchange.failure or self.errors) or unreadable

    @cached_property
    def model(self) -> str:
        """As in :attr:`Reply.model`, with the model named by the first chunk that does."""
        named = (a_text(chunk.get("model")) for _, chunk in self.chunks)
        known = super().model
        return known if known != NO_MODEL else next(filter(None, named), known)

    @cached_property
    def violations(self) -> tuple[Finding, ...]:
        """Every place where a chunk breaks the schema."""
        return tuple(
            Finding(at if found.at == "body" else f"{at}.{found.at}", found.want, found.got)
            for at, chunk in self.judged_chunks
            for found in schema.violations(self.schema_name, chunk)
        )

    @property
    def judged_chunks(self) -> list[Place]:
        """The chunks the schema is meant for."""
        return self.chunks
