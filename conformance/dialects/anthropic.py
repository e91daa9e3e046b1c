"""Anthropic's Messages API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from conformance import jsontext
from conformance.dialects import anthropic_request
from conformance.dialects.base import (
    ERROR,
    Called,
    Dialect,
    Json,
    Meaning,
    body_of,
    json_reply,
    parsed,
    sse_reply,
)
from conformance.dialects.blocks import Block, Spoken, letters, of_chunks, of_completion
from conformance.model import Exchange, Request, Response
from conformance.replies import a_text, an_object, is_int, objects
from conformance.sse import StreamTooLong, parse

STOPPED: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
"""A stop sequence is not among them: an OpenAI answer doesn't tell whether one was met."""
FINISHED: Final = {
    **{stop_reason: finish for finish, stop_reason in STOPPED.items()},
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "model_context_window_exceeded": "length",
}
ERRORS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
SERVER_ERROR: Final = 500
PROMPT: Final = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
REQUEST_ID: Final = "req_011CSHoEeqs5C35K2UUqR7Fy"
ID: Final = 24
"""How many letters an id has after its prefix."""


class Anthropic(Dialect):
    """``POST …/v1/messages``."""

    name = "anthropic"
    path = re.compile(r"/v1/messages/?$")

    def asked(self, request: Request) -> Json:
        """The body, renamed."""
        return anthropic_request.openai(body_of(request))

    def whole(self, request: Request, completion: Json) -> Response:
        """A message."""
        del request
        return json_reply(message(of_completion(completion)))

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """A stream of named events."""
        del request
        return sse_reply((event["type"], event) for event in events(of_chunks(chunks)))

    def refused(self, status: int, message: str) -> Response:
        """An error in Anthropic's envelope."""
        otherwise = "api_error" if status >= SERVER_ERROR else "invalid_request_error"
        error = {"type": ERRORS.get(status, otherwise), "message": message}
        return json_reply({"type": "error", "error": error, "request_id": REQUEST_ID}, status)

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """What a message, a stream of events or an error says."""
        if exchange.response is None:
            return None
        body = exchange.response.body
        value = an_object(jsontext.parse(body).value)
        if value.get("type") == "error" or exchange.response.status >= ERROR:
            error = an_object(value.get("error"))
            return Meaning(error=a_text(error.get("message"))) if error else None
        return said(value) if value else told(_sent(body))


def message(spoken: Spoken, brand: str = "") -> Json:
    """The message that an answer is; ``brand`` stands in the ids of those who sell it on."""
    return _opening(spoken, brand) | {
        "content": [_block(block, brand, full=True) for block in spoken.blocks],
        "stop_reason": STOPPED.get(spoken.ended, spoken.ended),
        "usage": _usage(spoken, spoken.usage[1]),
    }


def _opening(spoken: Spoken, brand: str) -> Json:
    return {
        "id": f"msg_{brand}{letters(spoken.id)[:ID]}",
        "type": "message",
        "role": "assistant",
        "model": spoken.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(spoken, min(spoken.usage[1], 1)),
    }


def _usage(spoken: Spoken, output_tokens: int) -> Json:
    return {
        "input_tokens": spoken.usage[0],
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
    }


def _block(block: Block, brand: str, *, full: bool) -> Json:
    """A block; one that isn't ``full`` opens a stream's."""
    if block.name is None:
        return {"type": "text", "text": block.text if full else ""}
    return {
        "type": "tool_use",
        "id": f"toolu_{brand}{letters(block.id)[:ID]}",
        "name": block.name,
        "input": block.arguments if full else {},
    }


def events(spoken: Spoken, brand: str = "") -> Iterator[Json]:
    """The events that bring an answer bit by bit."""
    yield {"type": "message_start", "message": _opening(spoken, brand)}
    for index, block in enumerate(spoken.blocks):
        opened = _block(block, brand, full=False)
        yield {"type": "content_block_start", "index": index, "content_block": opened}
        if index == 0:
            yield {"type": "ping"}
        for piece in block.pieces:
            yield {"type": "content_block_delta", "index": index, "delta": _delta(block, piece)}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": STOPPED.get(spoken.ended, spoken.ended), "stop_sequence": None},
        "usage": {"output_tokens": spoken.usage[1]},
    }
    yield {"type": "message_stop"}


def _delta(block: Block, piece: str) -> Json:
    if block.name is None:
        return {"type": "text_delta", "text": piece}
    return {"type": "input_json_delta", "partial_json": piece}


def said(message: Json) -> Meaning | None:
    """What a message says; None for what is no message."""
    if not isinstance(message.get("content"), list):
        return None
    blocks = [block for _, block in objects(message, "content")]
    stop_reason = a_text(message.get("stop_reason"))
    return Meaning(
        text="".join(a_text(block.get("text")) for block in blocks if block.get("type") == "text"),
        finish=FINISHED.get(stop_reason, stop_reason) or None,
        usage=_spent(an_object(message.get("usage"))),
        calls=tuple(_called(block) for block in blocks if block.get("type") == "tool_use"),
        complete=bool(stop_reason),
    )


def _spent(usage: Json) -> tuple[int, int] | None:
    prompt, completion = (usage.get(name) for name in ("input_tokens", "output_tokens"))
    if not is_int(prompt) or not is_int(completion):
        return None
    return sum(usage[name] for name in PROMPT if is_int(usage.get(name))), completion


def _called(block: Json) -> Called:
    return Called(a_text(block.get("name")), block.get("input"), a_text(block.get("id")) or None)


def _sent(body: bytes) -> list[Json]:
    """The data of a stream's events, the last one's too if no blank line ended it."""
    try:
        stream = parse(body)
    except StreamTooLong:
        return []
    found = [*stream.events, *([stream.unterminated] if stream.unterminated else [])]
    return [an_object(jsontext.parse(event.data).value) for event in found]


def told(sent: Iterable[Json]) -> Meaning | None:
    """What the events of a stream say together; None for what is no such stream."""
    stream = _Told()
    for event in sent:
        stream.add(event)
    return stream.meaning()


class _Told:
    """A message, put together from the events that brought it."""

    def __init__(self) -> None:
        self.message: Json = {}
        self.blocks: dict[str, Json] = {}
        self.pieces: dict[str, list[str]] = {}
        self.error: str | None = None
        self.ended = False

    def add(self, event: Json) -> None:
        index = str(event.get("index"))
        match event.get("type"):
            case "message_start":
                self.message = {**an_object(event.get("message"))}
            case "content_block_start":
                self.blocks[index] = {**an_object(event.get("content_block"))}
            case "content_block_delta":
                delta = an_object(event.get("delta"))
                came = a_text(delta.get("text")) + a_text(delta.get("partial_json"))
                self.pieces.setdefault(index, []).append(came)
            case "message_delta":
                usage = an_object(self.message.get("usage")) | an_object(event.get("usage"))
                self.message |= an_object(event.get("delta")) | {"usage": usage}
            case "message_stop":
                self.ended = True
            case "error":
                self.error = a_text(an_object(event.get("error")).get("message"))

    def meaning(self) -> Meaning | None:
        if not self.message and self.error is None:
            return None
        content = [self._filled(index, block) for index, block in self.blocks.items()]
        meaning = said(self.message | {"content": content})
        return meaning and replace(meaning, error=self.error, complete=self.ended)

    def _filled(self, index: str, block: Json) -> Json:
        came = "".join(self.pieces.get(index, ()))
        if block.get("type") == "text":
            return block | {"text": a_text(block.get("text")) + came}
        return block | {"input": parsed(came)} if came else block
