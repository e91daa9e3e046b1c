"""OpenAI's own chat completions, which many providers speak, each a little differently."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from conformance.dialects.base import (
    Called,
    Dialect,
    Json,
    Meaning,
    body_of,
    json_reply,
    parsed,
    sse_reply,
)
from conformance.model import Exchange, Request, Response
from conformance.recognise import recognise
from conformance.replies import ChatReply, ErrorReply, Place, Stream, a_text, an_object, is_int

TYPES: Final = {429: "rate_limit_error", 401: "authentication_error"}
SERVER_ERROR: Final = 500


class OpenAI(Dialect):
    """``POST …/chat/completions``."""

    name = "openai"
    path = re.compile(r"/chat/completions/?$")

    def asked(self, request: Request) -> Json:
        """The body as it is."""
        return body_of(request)

    def whole(self, request: Request, completion: Json) -> Response:
        """The completion as it is."""
        del request
        return json_reply(completion)

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """The chunks as they are, without the usage that nobody asked for."""
        options = an_object(body_of(request).get("stream_options"))
        if not options.get("include_usage"):
            bare = ({k: v for k, v in chunk.items() if k != "usage"} for chunk in chunks)
            chunks = [chunk for chunk in bare if chunk["choices"]]
        return sse_reply([*((None, chunk) for chunk in chunks), (None, "[DONE]")])

    def refused(self, status: int, message: str) -> Response:
        """OpenAI's error envelope."""
        otherwise = "server_error" if status >= SERVER_ERROR else "invalid_request_error"
        kind = TYPES.get(status, otherwise)
        error = {"message": message, "type": kind, "param": None, "code": None}
        return json_reply({"error": error}, status)

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """The first choice of a completion or a stream, or the message of an error."""
        reply = recognise(exchange)
        if isinstance(reply, ErrorReply):
            return Meaning(
                error=a_text(reply.error.get("message")) or a_text(reply.body.get("error"))
            )
        return _said(reply) if isinstance(reply, ChatReply) and reply.answers else None


def _said(reply: ChatReply) -> Meaning:
    answer = reply.answers[0]
    spent = reply.usage[1] if reply.usage else {}
    counts = spent.get("prompt_tokens"), spent.get("completion_tokens")
    errors = [an_object(value.get("error")) for _, value in _errors(reply)]
    return Meaning(
        text=answer.text,
        finish=a_text(answer.finish_reason) or None,
        usage=(counts[0], counts[1]) if is_int(counts[0]) and is_int(counts[1]) else None,
        calls=tuple(Called(c.name, parsed(c.arguments), c.id or None) for c in answer.calls),
        error=a_text(errors[0].get("message")) if errors else None,
        complete=bool(answer.finish_reason),
    )


def _errors(reply: ChatReply) -> list[Place]:
    return reply.errors if isinstance(reply, Stream) else []
