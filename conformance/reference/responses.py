"""``/v1/responses``: an answer as one document or as a stream of typed events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from conformance.reference.errors import SHOWN, ApiError
from conformance.reference.model import Answer, Call, generate
from conformance.reference.responses_request import ResponsesRequest, parse
from conformance.reference.wire import BASE_TIME, Events, Ids, event

DEFAULTS: Final[dict[str, Any]] = {
    "background": False,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "model": None,
    "output": [],
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": None,
    "user": None,
}
ECHOED: Final = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "store",
    "temperature",
    "tool_choice",
    "top_p",
    "truncation",
    "user",
)


def respond(body: dict[str, Any], ids: Ids) -> dict[str, Any] | Events:
    """Answer a responses request: a document, or the events of a stream. Raises ApiError."""
    request = parse(body, ids.nonce)
    answer = generate(request.task)
    if request.given.get("stream"):
        return tuple(_numbered(_events(request, answer, ids)))
    return _finished(request, answer, ids)


def retrieve(name: str, stored: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The answer to ``GET /v1/responses/{name}``, the name being decoded. Raises ApiError."""
    if name not in stored:
        raise ApiError(404, f"Response with id '{name[:SHOWN]}' not found.")
    return stored[name]


def _response(request: ResponsesRequest, ids: Ids, status: str) -> dict[str, Any]:
    given = request.given
    head = {
        "id": ids.digits("resp_", "response", 48),
        "object": "response",
        "created_at": BASE_TIME,
        "status": status,
    }
    echoed = {name: given[name] for name in ECHOED if name in given}
    tools = [{"description": None, "strict": True} | tool for tool in given.get("tools", ())]
    merged = {name: DEFAULTS[name] | given[name] for name in ("text", "reasoning") if name in given}
    return head | DEFAULTS | echoed | {"model": given["model"], "tools": tools} | merged


def _finished(request: ResponsesRequest, answer: Answer, ids: Ids) -> dict[str, Any]:
    cut = answer.finish == "length"
    read, written = request.input_tokens, request.thought + answer.spent
    return _response(request, ids, "incomplete" if cut else "completed") | {
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": [*_thoughts(request, ids), *_output(answer, ids)],
        "usage": {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": request.thought},
            "total_tokens": read + written,
        },
    }


def _thoughts(request: ResponsesRequest, ids: Ids) -> list[dict[str, Any]]:
    item = {"id": ids.digits("rs_", "reasoning", 48), "type": "reasoning", "summary": []}
    return [item] if request.thought else []


def _output(answer: Answer, ids: Ids) -> list[dict[str, Any]]:
    status = "incomplete" if answer.finish == "length" else "completed"
    if answer.calls:
        return [
            _call(ids, i, call.name, call.arguments, status) for i, call in enumerate(answer.calls)
        ]
    return [_message(ids, [_part(answer.text)], status)]


def _message(ids: Ids, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {
        "id": ids.digits("msg_", "message", 48),
        "type": "message",
        "status": status,
        "content": content,
        "role": "assistant",
    }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _call(ids: Ids, index: int, name: str, arguments: str, status: str) -> dict[str, Any]:
    return {
        "id": ids.digits("fc_", index, 48),
        "type": "function_call",
        "status": status,
        "arguments": arguments,
        "call_id": ids.letters("call_", index, 24),
        "name": name,
    }


def _numbered(events: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    for number, one in enumerate(events):
        yield event(one | {"sequence_number": number}, one["type"])


def _events(request: ResponsesRequest, answer: Answer, ids: Ids) -> Iterator[dict[str, Any]]:
    begun = _response(request, ids, "in_progress")
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    thoughts = _thoughts(request, ids)
    for index, item in enumerate(thoughts):
        yield {"type": "response.output_item.added", "output_index": index, "item": item}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    for i, item in enumerate(_output(answer, ids)):
        index = len(thoughts) + i
        call = answer.calls[i] if answer.calls else None
        if call is None:
            yield from _spoken(answer, item, index, ids)
        else:
            yield from _called(call, item, index)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    ended = _finished(request, answer, ids)
    yield {"type": f"response.{ended['status']}", "response": ended}


def _spoken(answer: Answer, item: dict[str, Any], index: int, ids: Ids) -> Iterator[dict[str, Any]]:
    opened = _message(ids, [], "in_progress")
    yield {"type": "response.output_item.added", "output_index": index, "item": opened}
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    yield {"type": "response.content_part.added", **place, "part": _part("")}
    for token in answer.tokens:
        yield {"type": "response.output_text.delta", **place, "delta": token, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": answer.text, "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": _part(answer.text)}


def _called(call: Call, item: dict[str, Any], index: int) -> Iterator[dict[str, Any]]:
    opened = item | {"status": "in_progress", "arguments": ""}
    yield {"type": "response.output_item.added", "output_index": index, "item": opened}
    place = {"item_id": item["id"], "output_index": index}
    kind = "response.function_call_arguments"
    for token in call.tokens:
        yield {"type": f"{kind}.delta", **place, "delta": token}
    yield {"type": f"{kind}.done", **place, "name": call.name, "arguments": call.arguments}
