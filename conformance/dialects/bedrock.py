"""Amazon Bedrock's Converse API, which is the same for all models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from conformance import jsontext
from conformance.dialects import bedrock_request, eventstream
from conformance.dialects.base import (
    ERROR,
    Called,
    Dialect,
    Json,
    Meaning,
    body_of,
    json_reply,
    parsed,
)
from conformance.dialects.blocks import Block, Spoken, letters, of_chunks, of_completion
from conformance.model import Chunk, Exchange, Headers, Request, Response
from conformance.replies import a_text, an_object, is_int, objects
from conformance.targets import to_json

MODEL: Final = re.compile(r"/model/(.+)/[^/]+/?$")
STOPPED: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
}
"""A stop sequence is not among them: an OpenAI answer doesn't tell whether one was met."""
FINISHED: Final = {
    **{stop_reason: finish for finish, stop_reason in STOPPED.items()},
    "stop_sequence": "stop",
    "guardrail_intervened": "content_filter",
    "model_context_window_exceeded": "length",
}
ERRORS: Final = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
SERVER_ERROR: Final = 500
CORAL: Final = "http://internal.amazon.com/coral/com.amazon.bedrock/"
PROMPT: Final = ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
LATENCY: Final = 250
"""Milliseconds; any number does."""
ID: Final = 22
"""How many letters the id of a call has after its prefix."""


class Converse(Dialect):
    """``POST /model/{model}/converse`` and ``…/converse-stream``."""

    name = "bedrock"
    path = re.compile(r"/model/.+/converse(-stream)?/?$")

    def asked(self, request: Request) -> Json:
        """The body, renamed, with what the path says."""
        asked = bedrock_request.openai(body_of(request))
        return asked | {"model": model_of(request), "stream": streams(request)}

    def whole(self, request: Request, completion: Json) -> Response:
        """A document."""
        del request
        spoken = of_completion(completion)
        content = [_block(block) for block in spoken.blocks]
        document = {
            "metrics": {"latencyMs": LATENCY},
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": STOPPED.get(spoken.ended, spoken.ended),
            "usage": _usage(spoken),
        }
        return json_reply(document)

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """An event stream of AWS."""
        del request
        return stream_reply(_events(of_chunks(chunks)))

    def refused(self, status: int, message: str) -> Response:
        """An error as AWS has them."""
        return refusal(status, message)

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """What a document, a stream or an error says."""
        if exchange.response is None:
            return None
        if exchange.response.status >= ERROR:
            return error_of(exchange.response)
        if streams(exchange.request):
            return _told(eventstream.decode(exchange.response.body))
        return _said(an_object(jsontext.parse(exchange.response.body).value))


def model_of(request: Request) -> str:
    """The model that the path names, percent-encoded."""
    named = MODEL.search(urlsplit(request.url).path)
    return unquote(named[1]) if named else ""


def streams(request: Request) -> bool:
    """Whether the path asks for a stream."""
    return urlsplit(request.url).path.rstrip("/").endswith("-stream")


def stream_reply(events: Iterable[tuple[str, Json]]) -> Response:
    """Events, each its type and what it says, as a stream of AWS, a chunk each."""
    return Response(
        200,
        Headers([("content-type", eventstream.MEDIA_TYPE)]),
        tuple(Chunk(frame(kind, value)) for kind, value in events),
    )


def frame(kind: str, value: Any) -> bytes:
    """One event as a frame."""
    headers = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return eventstream.encode(headers, to_json(value))


def refusal(status: int, message: str) -> Response:
    """An error: its type is in a header."""
    otherwise = "InternalServerException" if status >= SERVER_ERROR else "ValidationException"
    kind = f"{ERRORS.get(status, otherwise)}:{CORAL}"
    return json_reply({"message": message}, status, [("x-amzn-errortype", kind)])


def error_of(response: Response) -> Meaning | None:
    """What an error says."""
    message = an_object(jsontext.parse(response.body).value).get("message")
    return Meaning(error=message) if isinstance(message, str) else None


def events_of(frames: Iterable[eventstream.Frame]) -> Iterator[tuple[str, Json]]:
    """The type and the value of each event; an exception's type is ``exception``."""
    for one in frames:
        value = an_object(jsontext.parse(one.payload).value)
        if one.headers.get(":message-type", "event") == "event":
            yield one.headers.get(":event-type", ""), value
        else:
            message = a_text(value.get("message")) or one.headers.get(":error-message", "")
            yield "exception", {"message": message}


def _usage(spoken: Spoken) -> Json:
    prompt, completion = spoken.usage
    return {
        "inputTokens": prompt,
        "outputTokens": completion,
        "totalTokens": prompt + completion,
    }


def _block(block: Block) -> Json:
    if block.name is None:
        return {"text": block.text}
    return {"toolUse": {**_named(block), "input": block.arguments}}


def _named(block: Block) -> Json:
    return {"toolUseId": f"tooluse_{letters(block.id)[:ID]}", "name": block.name}


def _events(spoken: Spoken) -> Iterator[tuple[str, Json]]:
    yield "messageStart", {"role": "assistant"}
    for index, block in enumerate(spoken.blocks):
        here = {"contentBlockIndex": index}
        # What a text begins with goes without saying.
        if block.name is not None:
            yield "contentBlockStart", here | {"start": {"toolUse": _named(block)}}
        for piece in block.pieces:
            delta = {"text": piece} if block.name is None else {"toolUse": {"input": piece}}
            yield "contentBlockDelta", here | {"delta": delta}
        yield "contentBlockStop", here
    yield "messageStop", {"stopReason": STOPPED.get(spoken.ended, spoken.ended)}
    yield "metadata", {"metrics": {"latencyMs": LATENCY}, "usage": _usage(spoken)}


def _said(document: Json) -> Meaning | None:
    message = an_object(an_object(document.get("output")).get("message"))
    if not isinstance(message.get("content"), list):
        return None
    blocks = [block for _, block in objects(message, "content")]
    uses = [an_object(block.get("toolUse")) for block in blocks]
    stop_reason = a_text(document.get("stopReason"))
    return Meaning(
        text="".join(a_text(block.get("text")) for block in blocks),
        finish=FINISHED.get(stop_reason, stop_reason) or None,
        usage=_spent(an_object(document.get("usage"))),
        # Bedrock runs tools of its own, which are none of the client's.
        calls=tuple(_called(use) for use in uses if use and use.get("type") != "server_tool_use"),
        complete=bool(stop_reason),
    )


def _spent(usage: Json) -> tuple[int, int] | None:
    prompt, completion = (usage.get(name) for name in ("inputTokens", "outputTokens"))
    if not is_int(prompt) or not is_int(completion):
        return None
    return sum(usage[name] for name in PROMPT if is_int(usage.get(name))), completion


def _called(use: Json) -> Called:
    return Called(a_text(use.get("name")), use.get("input"), a_text(use.get("toolUseId")) or None)


def _told(frames: Iterable[eventstream.Frame]) -> Meaning | None:
    stream = _Told()
    for kind, value in events_of(frames):
        stream.add(kind, value)
    return stream.meaning()


class _Told:
    """A document, put together from the events that brought it."""

    def __init__(self) -> None:
        self.document: Json | None = None
        self.uses: dict[str, Json] = {}
        self.pieces: dict[str, list[str]] = {}
        self.error: str | None = None

    def add(self, kind: str, value: Json) -> None:
        index = str(value.get("contentBlockIndex"))
        match kind:
            case "messageStart" | "messageStop" | "metadata":
                self.document = (self.document or {}) | value
            case "contentBlockStart":
                self.pieces.setdefault(index, [])
                self.uses[index] = an_object(an_object(value.get("start")).get("toolUse"))
            case "contentBlockDelta":
                delta = an_object(value.get("delta"))
                said = delta.get("text"), an_object(delta.get("toolUse")).get("input")
                self.pieces.setdefault(index, []).extend(map(a_text, said))
            case "exception":
                self.error = a_text(value.get("message"))

    def meaning(self) -> Meaning | None:
        if self.document is None and self.error is None:
            return None
        content = [self._block(index, "".join(said)) for index, said in self.pieces.items()]
        document = self.document or {}
        meaning = _said(document | {"output": {"message": {"content": content}}})
        return meaning and replace(meaning, error=self.error)

    def _block(self, index: str, said: str) -> Json:
        if not self.uses.get(index):
            return {"text": said}
        return {"toolUse": self.uses[index] | {"input": parsed(said) if said else {}}}
