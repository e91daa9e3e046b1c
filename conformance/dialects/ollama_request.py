"""What Ollama is asked, in OpenAI's words. What it does not know, it ignores."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from conformance.dialects.base import Json, Refused
from conformance.replies import a_list, a_text, an_object, is_int, is_number, objects
from conformance.targets import to_json

OPTIONS: Final = {
    "frequency_penalty": "frequency_penalty",
    "num_predict": "max_tokens",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "stop": "stop",
    "temperature": "temperature",
    "top_p": "top_p",
}
"""Options that OpenAI at most calls otherwise. A repeat_penalty is none of its penalties."""
WRONG_OPTION: Final = 500
"""The status for an option of another type."""
PICTURES: Final = {"/9j/": "jpeg", "R0lG": "gif", "UklG": "webp"}
"""How pictures begin in base64; others are PNG."""


def prompted(body: Json) -> Json:
    """A request to continue a prompt, as a conversation of that prompt."""
    system = a_text(body.get("system"))
    told = [{"role": "system", "content": system}] if system else []
    asked = _turn("user", a_text(body.get("prompt")), a_list(body.get("images")))
    return _common(body) | {"messages": [*told, asked]}


def chatted(body: Json) -> Json:
    """A request to chat, whose tools are those that are functions; no other is ever called."""
    functions = [an_object(tool.get("function")) for _, tool in objects(body, "tools")]
    tools = [{"type": "function", "function": one} for one in functions if one.get("name")]
    return _common(body) | {"messages": _messages(body)} | ({"tools": tools} if tools else {})


def _common(body: Json) -> Json:
    options = {ours: _option(body, theirs) for theirs, ours in OPTIONS.items()}
    effort, scored = body.get("think"), body.get("logprobs") is True
    scores = {name: body.get(name) for name in ("logprobs", "top_logprobs") if scored}
    return {
        "model": body["model"],
        "stream": body.get("stream") is not False,
        **{name: value for name, value in options.items() if _is_given(name, value)},
        **{name: value for name, value in scores.items() if value is not None},
        **({"reasoning_effort": effort} if isinstance(effort, str) else {}),
        **_format(body.get("format")),
    }


def _option(body: Json, name: str) -> Any:
    """The value of an option. Raises Refused, as Ollama does, where it is of another type."""
    value = an_object(body.get("options")).get(name)
    if value is None:
        return None
    if name == "stop":
        if not isinstance(value, list):
            raise _mistyped(name, "type array")
        if not all(isinstance(one, str) for one in value):
            raise _mistyped(name, "an array of strings")
        return value
    whole = name in ("num_predict", "seed")
    if not is_number(value):
        raise _mistyped(name, "type integer" if whole else "type float32")
    return int(value) if whole and math.isfinite(value) else value


def _mistyped(name: str, wanted: str) -> Refused:
    return Refused(f'option "{name}" must be of {wanted}', WRONG_OPTION)


def _is_given(name: str, value: Any) -> bool:
    """A limit below 1 is none, and neither is an empty list."""
    if name == "max_tokens" and is_int(value):
        return value > 0
    return value not in (None, [])


def _turn(role: str, text: str, images: Iterable[Any]) -> Json:
    """A message; its pictures come without saying of which type they are."""
    shown = [
        {"type": "image_url", "image_url": {"url": _data_url(image)}}
        for image in images
        if isinstance(image, str)
    ]
    return {"role": role, "content": [{"type": "text", "text": text}, *shown] if shown else text}


def _data_url(image: str) -> str:
    return f"data:image/{PICTURES.get(image[:4], 'png')};base64,{image}"


def _messages(body: Json) -> list[Json]:
    messages: list[Json] = []
    waiting: list[Json] = []
    for at, (_, message) in enumerate(objects(body, "messages")):
        if message.get("role") == "tool":
            messages.append(_result(message, waiting))
            continue
        role, text = a_text(message.get("role")), a_text(message.get("content"))
        turn = _turn(role, text, a_list(message.get("images")))
        called = objects(message, "tool_calls")
        waiting = [_call(one, f"call_{at}_{i}") for i, (_, one) in enumerate(called)]
        messages.append(turn | ({"tool_calls": list(waiting)} if waiting else {}))
    return messages


def _call(call: Json, otherwise: str) -> Json:
    function = an_object(call.get("function"))
    arguments = to_json(an_object(function.get("arguments"))).decode()
    return {
        "id": a_text(call.get("id")) or otherwise,
        "type": "function",
        "function": {"name": a_text(function.get("name")), "arguments": arguments},
    }


def _result(message: Json, waiting: list[Json]) -> Json:
    """A result, of the call with its id or its tool's name, else of the first one that has none.

    Without any call it is just another turn to Ollama's models, and so to ours.
    """
    text = a_text(message.get("content"))
    if not waiting:
        return {"role": "user", "content": text}
    name = message.get("tool_name") or message.get("name")
    alike = [call for call in waiting if call["id"] == message.get("tool_call_id")]
    alike += [call for call in waiting if call["function"]["name"] == name]
    call = (alike or waiting)[0]
    waiting.remove(call)
    return {"role": "tool", "tool_call_id": call["id"], "content": text}


def _format(wanted: Any) -> Json:
    if wanted == "json":
        return {"response_format": {"type": "json_object"}}
    if not isinstance(wanted, dict) or not wanted:
        return {}
    described = {"name": "response", "schema": wanted}
    return {"response_format": {"type": "json_schema", "json_schema": described}}
