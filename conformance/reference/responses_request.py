"""Reading a responses request: its checks, and the task it gives the pretend model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from conformance.reference import validate
from conformance.reference.chat_request import count, form, luck
from conformance.reference.errors import (
    SHOWN,
    context_length,
    empty_array,
    invalid,
    missing,
    unsupported,
    wrong_type,
    wrong_value,
)
from conformance.reference.images import Image, look
from conformance.reference.instances import to_text
from conformance.reference.model import CONTEXT, LONGEST, Task, Turn, tokenise
from conformance.reference.offers import offer
from conformance.reference.tools import flat, toolbox
from conformance.reference.validate import items, mapping, text

ROLES: Final = ("assistant", "system", "developer", "user")
ITEMS: Final = ("message", "function_call", "function_call_output")
TEXTS: Final = ("input_text", "output_text")
DETAILS: Final = ("auto", "low", "high")
SMALLEST_LIMIT: Final = 16
EFFORTS: Final = ("none", "low", "medium", "high")
THOUGHT: Final = 8
"""How many tokens the pretend model thinks for when an effort is asked of it."""


def _only(value: object) -> validate.Check:
    """Accept nothing but the default."""

    def check(name: str, given: object) -> None:
        if given != value:
            raise unsupported(name)

    return check


def _reasoning(name: str, value: object) -> None:
    for key, given in mapping(name, value).items():
        if key != "effort":
            raise unsupported(f"{name}.{key}")
        if given is not None:
            validate.one_of(*EFFORTS)(f"{name}.{key}", given)


def _strings(name: str, value: object) -> None:
    for one in items(name, value):
        text(name, one)


PARAMETERS: Final[dict[str, validate.Check]] = {
    "model": validate.anything,
    "input": validate.anything,
    "background": _only(value=False),
    "conversation": validate.refused,
    "include": _strings,
    "instructions": validate.text,
    "max_output_tokens": validate.integer(SMALLEST_LIMIT),
    "max_tool_calls": validate.integer(1),
    "metadata": validate.metadata,
    "parallel_tool_calls": validate.boolean,
    "previous_response_id": validate.text,
    "prompt": validate.refused,
    "prompt_cache_key": validate.text,
    "prompt_cache_retention": validate.text,
    "reasoning": _reasoning,
    "safety_identifier": validate.text,
    "service_tier": validate.one_of("auto", "default", "flex", "priority"),
    "store": validate.boolean,
    "stream": validate.boolean,
    "stream_options": validate.stream_options,
    "temperature": validate.decimal(0, 2),
    "text": validate.anything,
    "tool_choice": validate.anything,
    "tools": validate.anything,
    "top_logprobs": _only(0),
    "top_p": validate.decimal(0, 1),
    "truncation": validate.one_of("disabled", "auto"),
    "user": validate.text,
}


@dataclass(frozen=True, slots=True)
class ResponsesRequest:
    """A request that will be answered; ``given`` are its members that are not null."""

    given: Mapping[str, Any]
    task: Task
    input_tokens: int
    thought: int
    """How many tokens of reasoning come before the answer."""


def parse(body: dict[str, Any], nonce: int) -> ResponsesRequest:
    """The request in ``body``. Raises ApiError where OpenAI answers 4xx."""
    model = offer(body)
    given = validate.accepted(body, PARAMETERS)
    if "input" not in given:
        raise missing("input")
    if "previous_response_id" in given:
        name = given["previous_response_id"][:SHOWN]
        message = f"Previous response with id '{name}' not found."
        raise invalid(message, "previous_response_id", "previous_response_not_found")
    turns = _turns(given["input"], sees=model.sees)
    if "instructions" in given:
        turns = (Turn("system", given["instructions"]), *turns)
    effort = given.get("reasoning", {}).get("effort")
    thought = THOUGHT if effort in EFFORTS[1:] else 0
    task = _task(given, turns, nonce, thought)
    tokens = count(turns) + sum(len(tokenise(to_text(tool))) for tool in given.get("tools", ()))
    if tokens > CONTEXT:
        raise context_length(CONTEXT, tokens, "input")
    return ResponsesRequest(given, task, tokens, thought)


def _task(given: Mapping[str, Any], turns: tuple[Turn, ...], nonce: int, thought: int) -> Task:
    box = toolbox(given, flat)
    asked = mapping("text", given.get("text", {}))
    as_json, schema = form(asked.get("format") or {"type": "text"}, "text.format")
    if as_json and not any("json" in turn.text.lower() for turn in turns):
        message = (
            "Response input messages must contain the word 'json' in some form to use "
            "'text.format' of type 'json_object'."
        )
        raise invalid(message, "input")
    return Task(
        turns=turns,
        tools=box.tools,
        must_call=box.must_call,
        one_call=box.one_call,
        schema=schema,
        as_json=as_json,
        limit=min(given.get("max_output_tokens", LONGEST), LONGEST) - thought,
        luck=luck(given, nonce),
    )


def _turns(value: object, *, sees: bool) -> tuple[Turn, ...]:
    if isinstance(value, str):
        return (Turn("user", value),)
    if not isinstance(value, list):
        raise wrong_type("input", "one of a string or array of objects", value)
    if not value:
        raise empty_array("input")
    listed = [mapping(f"input[{i}]", one) for i, one in enumerate(value)]
    called = {str(one.get("call_id")) for one in listed if one.get("type") == "function_call"}
    turns = tuple(_turn(one, f"input[{i}]", called) for i, one in enumerate(listed))
    if not sees and any(turn.images for turn in turns):
        raise invalid("Invalid content type. input_image is not supported by this model.", "input")
    return turns


def _turn(item: dict[str, Any], at: str, called: set[str]) -> Turn:
    kind = item.get("type", "message")
    if kind not in ITEMS:
        raise wrong_value(f"{at}.type", kind, ITEMS)
    if kind == "message":
        return _message(item, at)
    text(f"{at}.call_id", item.get("call_id"))
    if kind == "function_call":
        for key in ("name", "arguments"):
            text(f"{at}.{key}", item.get(key))
        return Turn("assistant", f" {item['name']}({item['arguments']})")
    if item["call_id"] not in called:
        name = item["call_id"][:SHOWN]
        raise invalid(f"No tool call found for function call output with call_id {name}.", "input")
    said, _ = _content(item.get("output"), f"{at}.output")
    return Turn("tool", said)


def _message(item: dict[str, Any], at: str) -> Turn:
    role = item.get("role")
    if role is None:
        raise missing(f"{at}.role")
    if role not in ROLES:
        raise wrong_value(f"{at}.role", role, ROLES)
    said, images = _content(item.get("content"), f"{at}.content")
    return Turn(role, said, images)


def _content(value: object, at: str) -> tuple[str, tuple[Image, ...]]:
    """The words and pictures of a string or of an array of parts."""
    if isinstance(value, str):
        return value, ()
    words, images = [], []
    for i, one in enumerate(items(at, value)):
        part, here = mapping(f"{at}[{i}]", one), f"{at}[{i}]"
        if part.get("type") == "input_image":
            text(f"{here}.image_url", part.get("image_url"))
            detail = part.get("detail", "auto")
            if detail not in DETAILS:
                raise wrong_value(f"{here}.detail", detail, DETAILS)
            images.append(look(part["image_url"], detail))
        elif part.get("type") in TEXTS:
            text(f"{here}.text", part.get("text"))
            words.append(part["text"])
        else:
            raise wrong_value(f"{here}.type", part.get("type"), (*TEXTS, "input_image"))
    return "".join(words), tuple(images)
