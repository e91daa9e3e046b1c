"""Cohere's Chat API, version 2, which has much of OpenAI's and calls some of it otherwise."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from conformance.dialects.base import (
    ERROR,
    Called,
    Dialect,
    Json,
    Meaning,
    Refused,
    body_of,
    json_reply,
    parsed,
    sse_reply,
)
from conformance.dialects.blocks import Block, Spoken, of_chunks, of_completion
from conformance.dialects.documents import documents, line_reply
from conformance.model import Exchange, Request, Response
from conformance.replies import a_list, a_text, an_object, is_int, objects
from conformance.targets import to_json

RENAMED: Final = {
    "frequency_penalty": "frequency_penalty",
    "logprobs": "logprobs",
    "max_tokens": "max_tokens",
    "model": "model",
    "p": "top_p",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "stop_sequences": "stop",
    "stream": "stream",
    "temperature": "temperature",
}
"""Parameters that OpenAI at most calls otherwise."""
PARAMETERS: Final = frozenset(
    {
        *RENAMED,
        *("citation_options", "documents", "k", "messages", "priority", "raw_prompting"),
        *("response_format", "return_prompt", "safety_mode", "strict_tools", "thinking"),
        *("tool_choice", "tools"),
    }
)
FUNCTION: Final = frozenset({"description", "name", "parameters"})
UNKNOWN: Final = (
    "unknown field: parameter '{}' is not a valid field. "
    "For proper usage, please refer to https://docs.cohere.com/reference/chat"
)
UNPROCESSABLE: Final = 422
"""The status Cohere refuses an unknown field with."""
JSON: Final = "application/json"
LINES: Final = "application/stream+json"
"""The media type of lines, in which version 1 of the API streams unless it is asked for events.

That version 2 does so too where events are not accepted is not recorded, but there are adapters
that accept no events and read lines, and this is not known to fail.
"""
WRITTEN: Final = {"length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}
FINISHES: Final = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
}


class Cohere(Dialect):
    """``POST …/v2/chat``."""

    name = "cohere"
    path = re.compile(r"/v2/chat/?$")

    def asked(self, request: Request) -> Json:
        """The body, renamed. Fields that Cohere does not have are refused, as it does."""
        body = body_of(request)
        _known(body, PARAMETERS)
        renamed = {ours: body.get(theirs) for theirs, ours in RENAMED.items()}
        return {
            **{name: value for name, value in renamed.items() if value not in (None, [])},
            "messages": [_message(one) for _, one in objects(body, "messages")],
            "stream": body.get("stream") is True,
            **_format(an_object(body.get("response_format"))),
            **_tools(body),
        }

    def whole(self, request: Request, completion: Json) -> Response:
        """The first choice; Cohere makes one answer only."""
        del request
        spoken = of_completion(completion)
        calls = [block for block in spoken.blocks if block.name is not None]
        said = [{"type": "text", "text": b.text} for b in spoken.blocks if b.name is None]
        called = {"tool_calls": [_call(one, one.text) for one in calls], "tool_plan": ""}
        message = {"role": "assistant", **({"content": said} if said else {})}
        reply = {
            "id": _id(spoken),
            "message": message | (called if calls else {}),
            "finish_reason": WRITTEN.get(spoken.ended, "COMPLETE"),
            "usage": _usage(spoken),
        }
        scored = _logprobs(completion["choices"][0])
        return json_reply(reply | ({"logprobs": scored} if scored else {}))

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """A stream of named events and OpenAI's end of it; lines for who accepts only JSON."""
        scores = [one for chunk in chunks for c in chunk["choices"] for one in _logprobs(c)]
        events = list(_events(of_chunks(chunks), scores))
        if request.headers.get("accept") == JSON:
            return line_reply(LINES, events)
        return sse_reply([*((event["type"], event) for event in events), (None, "[DONE]")])

    def refused(self, status: int, message: str) -> Response:
        """A message and an id."""
        return json_reply(
            {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, message)), "message": message}, status
        )

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """A message, or a stream of events. A plan and thoughts are no text."""
        if exchange.response is None:
            return None
        found = documents(exchange.response)
        if exchange.response.status >= ERROR:
            return Meaning(error=a_text(found[0].get("message")) if found else "")
        events = [one for one in found if isinstance(one.get("type"), str)]
        if events:
            return _told(events)
        return _said(found[0]) if found and isinstance(found[0].get("message"), dict) else None


def _known(given: Json, names: frozenset[str]) -> None:
    for name in given:
        if name not in names:
            raise Refused(UNKNOWN.format(name), UNPROCESSABLE)


def _message(message: Json) -> Json:
    content = message.get("content")
    calls = a_list(message.get("tool_calls"))
    role = message.get("role")
    if isinstance(content, list):
        content = [part for part in map(_part, content) if part] or ""
    return {
        "role": role,
        "content": content if content is not None or calls else "",
        **({"tool_calls": calls} if calls else {}),
        **({"tool_call_id": message.get("tool_call_id")} if role == "tool" else {}),
    }


def _part(part: Any) -> Json | None:
    """A text or a picture as it is, a document as its text; of thoughts OpenAI is told nothing."""
    match part:
        case {"type": "text" | "image_url"}:
            return dict(part)
        case {"type": "document", "document": document}:
            data = an_object(document).get("data", document)
            text = data if isinstance(data, str) else to_json(data).decode()
            return {"type": "text", "text": text}
    return None


def _format(wanted: Json) -> Json:
    if wanted.get("type") != "json_object":
        return {}
    schema = wanted.get("json_schema") or wanted.get("schema")
    if not schema:
        return {"response_format": {"type": "json_object"}}
    described = {"name": "response", "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _tools(body: Json) -> Json:
    tools = a_list(body.get("tools"))
    for tool in tools:
        _known(an_object(an_object(tool).get("function")), FUNCTION)
    choice = a_text(body.get("tool_choice")).lower()
    if not tools:
        return {}
    return {"tools": tools, **({"tool_choice": choice} if choice else {})}


def _id(spoken: Spoken) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, spoken.id))


def _call(block: Block, arguments: str) -> Json:
    function = {"name": block.name, "arguments": arguments}
    return {"id": block.id, "type": "function", "function": function}


def _usage(spoken: Spoken) -> Json:
    counts = {"input_tokens": spoken.usage[0], "output_tokens": spoken.usage[1]}
    return {"billed_units": counts, "tokens": counts}


def _logprobs(choice: Json) -> list[Json]:
    scored = an_object(choice.get("logprobs")).get("content")
    return [
        {"text": one["token"], "token_ids": one["bytes"], "logprobs": [one["logprob"]]}
        for one in scored or ()
    ]


def _events(spoken: Spoken, scores: Sequence[Json]) -> Iterator[Json]:
    opening = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
    start = {"message": opening | {"citations": []}}
    yield {"id": _id(spoken), "type": "message-start", "delta": start}
    texts = [block for block in spoken.blocks if block.name is None]
    for index, block in enumerate(texts):
        yield from _text_events(index, block, scores)
    for index, block in enumerate(block for block in spoken.blocks if block.name is not None):
        yield from _call_events(index, block)
    finish = WRITTEN.get(spoken.ended, "COMPLETE")
    yield {"type": "message-end", "delta": {"finish_reason": finish, "usage": _usage(spoken)}}


def _text_events(index: int, block: Block, scores: Sequence[Json]) -> Iterator[Json]:
    yield _event("content-start", index, {"content": {"type": "text", "text": ""}})
    for at, piece in enumerate(block.pieces):
        event = _event("content-delta", index, {"content": {"text": piece}})
        yield event | ({"logprobs": scores[at]} if at < len(scores) else {})
    yield {"type": "content-end", "index": index}


def _call_events(index: int, block: Block) -> Iterator[Json]:
    """The events of a call; for empty arguments there are none in between."""
    yield _event("tool-call-start", index, {"tool_calls": _call(block, "")})
    for piece in block.pieces if block.text != "{}" else ():
        more = {"tool_calls": {"function": {"arguments": piece}}}
        yield _event("tool-call-delta", index, more)
    yield {"type": "tool-call-end", "index": index}


def _event(kind: str, index: int, message: Json) -> Json:
    return {"type": kind, "index": index, "delta": {"message": message}}


def _said(reply: Json) -> Meaning:
    message = an_object(reply.get("message"))
    finish = a_text(reply.get("finish_reason"))
    return Meaning(
        text="".join(a_text(part.get("text")) for _, part in objects(message, "content")),
        finish=FINISHES.get(finish, finish) or None,
        usage=_spent(reply),
        calls=tuple(_called(call) for _, call in objects(message, "tool_calls")),
        complete=bool(finish),
    )


def _called(call: Json) -> Called:
    function = an_object(call.get("function"))
    arguments = parsed(function.get("arguments") or "{}")
    return Called(a_text(function.get("name")), arguments, a_text(call.get("id")) or None)


def _spent(reply: Json) -> tuple[int, int] | None:
    """The tokens there were, of which fewer may be billed."""
    tokens = an_object(an_object(reply.get("usage")).get("tokens"))
    counts = tokens.get("input_tokens"), tokens.get("output_tokens")
    return (counts[0], counts[1]) if is_int(counts[0]) and is_int(counts[1]) else None


def _told(events: Iterable[Json]) -> Meaning:
    """The message that a stream's events make, read as one that came whole."""
    texts, calls, end = list[Json](), list[Json](), Json()
    for event in events:
        delta = an_object(event.get("delta"))
        message = an_object(delta.get("message"))
        match event["type"]:
            case "content-delta":
                texts.append(an_object(message.get("content")))
            case "tool-call-start":
                calls.append(an_object(message.get("tool_calls")))
            case "tool-call-delta":
                _append(calls, an_object(message.get("tool_calls")))
            case "message-end":
                end = delta
    return _said({**end, "message": {"content": texts, "tool_calls": calls}})


def _append(calls: list[Json], more: Json) -> None:
    """Add to the arguments of the call under way; calls come one after the other."""
    if calls:
        function = an_object(calls[-1].get("function"))
        said = a_text(function.get("arguments"))
        said += a_text(an_object(more.get("function")).get("arguments"))
        calls[-1] = calls[-1] | {"function": function | {"arguments": said}}
