"""Ollama's own API, of a model on one's own machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from conformance.dialects import ollama_request
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
)
from conformance.dialects.blocks import Spoken, of_chunks, of_completion
from conformance.dialects.documents import documents, line_reply
from conformance.model import Exchange, Request, Response
from conformance.replies import a_text, an_object, is_int, objects

TOKEN_TIME: Final = 10_000_000
"""Nanoseconds that a token is said to take."""
CARD: Final = {
    "license": "None of its own.",
    "modelfile": "FROM reference\n",
    "parameters": "",
    "template": "{{ .System }}{{ .Tools }}{{ .Prompt }}",
    "details": {
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "8.0B",
        "quantization_level": "Q4_K_M",
    },
    "model_info": {
        "general.architecture": "llama",
        "general.parameter_count": 8_030_261_312,
        "llama.context_length": 131_072,
        "llama.embedding_length": 4096,
    },
    "capabilities": ["completion", "tools", "vision"],
    "modified_at": "2026-01-01T00:00:00.000000000Z",
}
"""What ``/api/show`` tells of any model."""


class Ollama(Dialect):
    """``POST /api/chat``, ``/api/generate`` and ``/api/show``."""

    name = "ollama"
    path = re.compile(r"/api/(?:chat|generate|show)/?$")

    def settled(self, request: Request) -> Response | None:
        """The card of a model."""
        return json_reply(CARD) if _ends(request, "show") else None

    def asked(self, request: Request) -> Json:
        """Messages, or a prompt; what Ollama does not know it ignores."""
        body = body_of(request)
        if not a_text(body.get("model")):
            raise Refused("model is required")
        generates = _ends(request, "generate")
        return ollama_request.prompted(body) if generates else ollama_request.chatted(body)

    def whole(self, request: Request, completion: Json) -> Response:
        """One object; Ollama makes one answer only."""
        spoken = of_completion(completion)
        said = "".join(block.text for block in spoken.blocks if block.name is None)
        scored = _scored(completion["choices"][0])
        return json_reply(
            _head(completion) | _saying(request, said, _calls(spoken)) | scored | _end(spoken)
        )

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """An object a line; a call comes whole, in a line of its own."""
        return line_reply("application/x-ndjson", _pieces(request, chunks))

    def refused(self, status: int, message: str) -> Response:
        """The message alone."""
        return json_reply({"error": message}, status)

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """The lines of a stream, or the one object. Thoughts are no text."""
        if exchange.response is None:
            return None
        found = documents(exchange.response)
        errors = [a_text(one["error"]) for one in found if "error" in one]
        if exchange.response.status >= ERROR:
            return Meaning(error=errors[0] if errors else "")
        said = [one for one in found if "message" in one or "response" in one]
        return _said(said, errors) if said or errors else None


def _ends(request: Request, name: str) -> bool:
    return urlsplit(request.url).path.rstrip("/").endswith(f"/api/{name}")


def _head(source: Json) -> Json:
    created = datetime.fromtimestamp(source["created"], UTC)
    return {"model": source["model"], "created_at": f"{created:%Y-%m-%dT%H:%M:%S.%f}Z"}


def _saying(request: Request, text: str, calls: Sequence[Json] = ()) -> Json:
    if _ends(request, "generate"):
        return {"response": text}
    called = {"tool_calls": list(calls)} if calls else {}
    return {"message": {"role": "assistant", "content": text, **called}}


def _calls(spoken: Spoken) -> list[Json]:
    """The calls whose arguments were not cut off: they are objects here."""
    return [
        {"function": {"name": block.name, "arguments": block.arguments}}
        for block in spoken.blocks
        if block.name is not None and isinstance(parsed(block.text), dict)
    ]


def _scored(choice: Json) -> Json:
    scored = an_object(choice.get("logprobs")).get("content")
    return {"logprobs": scored} if scored else {}


def _end(spoken: Spoken) -> Json:
    prompt, said = spoken.usage
    return {
        "done": True,
        "done_reason": "length" if spoken.finish == "length" else "stop",
        "total_duration": (prompt + said + 1) * TOKEN_TIME,
        "load_duration": TOKEN_TIME,
        "prompt_eval_count": prompt,
        "prompt_eval_duration": prompt * TOKEN_TIME,
        "eval_count": said,
        "eval_duration": said * TOKEN_TIME,
    }


def _pieces(request: Request, chunks: Sequence[Json]) -> Iterator[Json]:
    spoken, head = of_chunks(chunks), _head(chunks[0])
    for chunk in chunks:
        for choice in chunk["choices"]:
            text = choice["delta"].get("content")
            if text and choice["index"] == 0:
                yield head | _saying(request, text) | _scored(choice) | {"done": False}
    for call in _calls(spoken):
        yield head | _saying(request, "", [call]) | {"done": False}
    yield head | _saying(request, "") | _end(spoken)


def _said(pieces: Sequence[Json], errors: Sequence[str]) -> Meaning:
    messages = [an_object(piece.get("message")) for piece in pieces]
    texts = [one.get("response") for one in pieces] + [one.get("content") for one in messages]
    calls = tuple(_called(call) for one in messages for _, call in objects(one, "tool_calls"))
    ended = [piece for piece in pieces if piece.get("done") is True]
    finish = a_text(ended[0].get("done_reason")) or "stop" if ended else None
    return Meaning(
        text="".join(map(a_text, texts)),
        finish="tool_calls" if calls and finish == "stop" else finish,
        usage=_spent(ended[0]) if ended else None,
        calls=calls,
        error=errors[0] if errors else None,
        complete=bool(ended),
    )


def _called(call: Json) -> Called:
    function = an_object(call.get("function"))
    arguments = function.get("arguments")
    name, id_ = a_text(function.get("name")), a_text(call.get("id"))
    return Called(name, {} if arguments is None else arguments, id_ or None)


def _spent(line: Json) -> tuple[int, int] | None:
    """The counts; of a prompt that was cached there may be none."""
    prompt, said = line.get("prompt_eval_count"), line.get("eval_count")
    return (prompt, said) if is_int(prompt) and is_int(said) else None
