"""Streams in pieces: OpenAI's chunks put together, and the JSON objects that a reply consists of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from conformance import jsontext
from conformance.dialects.base import Json
from conformance.model import Response
from conformance.replies.base import ITEMS
from conformance.sse import StreamTooLong, parse


def together(chunks: Sequence[Json]) -> Json:
    """The completion that a whole stream of chunks tells: its choices and its usage."""
    choices: dict[int, Json] = {}
    usage: Json = {}
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for piece in chunk["choices"]:
            index = piece["index"]
            silent = {"index": index, "message": {"content": "", "tool_calls": []}}
            _add(choices.setdefault(index, silent), piece)
    return {**chunks[0], "choices": [choices[index] for index in sorted(choices)], "usage": usage}


def _add(choice: Json, piece: Json) -> None:
    choice["finish_reason"] = piece["finish_reason"]
    message, delta = choice["message"], piece["delta"]
    message["content"] += delta.get("content") or ""
    for bit in delta.get("tool_calls") or ():
        calls = message["tool_calls"]
        if bit["index"] == len(calls):
            calls.append({"id": bit["id"], "type": "function", "function": {"arguments": ""}})
        called, said = calls[bit["index"]]["function"], bit["function"]
        called["name"] = said.get("name") or called["name"]
        called["arguments"] += said.get("arguments") or ""


def documents(response: Response) -> list[Json]:
    """The JSON objects of a reply: the one it is, those in an array, or those in its events."""
    document = jsontext.parse(response.body)
    if isinstance(document.value, dict):
        return [document.value]
    values: list[Any] = document.value if isinstance(document.value, list) else _events(response)
    return [value for value in islice(values, ITEMS) if isinstance(value, dict)]


def _events(response: Response) -> list[Any]:
    try:
        stream = parse(response.body)
    except StreamTooLong:
        return []
    last = stream.unterminated
    events = stream.events if last is None else (*stream.events, last)
    return [jsontext.parse(event.data).value for event in events]
