"""Chat messages: what may be said by whom, and what the pretend model reads of it."""

from __future__ import annotations

from typing import Any

from conformance.reference.errors import (
    ApiError,
    empty_array,
    invalid,
    missing,
    wrong_type,
    wrong_value,
)
from conformance.reference.images import Image, look
from conformance.reference.model import Turn
from conformance.reference.validate import items, mapping, text

ROLES = ("system", "assistant", "user", "function", "tool", "developer")
PARTS = {"user": ("text", "image_url"), "assistant": ("text", "refusal")}
CALLED = {"custom": ("custom", "input")}
"""For a type of call that is no function: its member, and what in it the call is given."""
DETAILS = ("auto", "low", "high")


def read(messages: object, *, sees: bool) -> tuple[Turn, ...]:
    """The turns of a chat request; ``sees`` says whether the model takes images.

    Raises ApiError for whatever OpenAI refuses: unknown roles and parts, tool results without a
    call, calls without a result.
    """
    listed = items("messages", messages)
    if not listed:
        raise empty_array("messages")
    turns = tuple(
        _turn(mapping(f"messages[{i}]", message), f"messages[{i}]", sees=sees)
        for i, message in enumerate(listed)
    )
    _match_results(listed)
    return turns


def _turn(message: dict[str, Any], at: str, *, sees: bool) -> Turn:
    role = message.get("role")
    if role is None:
        raise missing(f"{at}.role")
    if role not in ROLES:
        raise wrong_value(f"{at}.role", role, ROLES)
    if role == "function" and not isinstance(message.get("name"), str):
        raise missing(f"{at}.name")
    said = message.get("content")
    if said is None:
        if role != "assistant" or not _speaks_otherwise(message):
            raise wrong_type(f"{at}.content", "one of a string or array of objects", None)
        said = ""
    if isinstance(said, str):
        return Turn(role, said + _called(message, at))
    if not isinstance(said, list):
        raise wrong_type(f"{at}.content", "one of a string or array of objects", said)
    if not said:
        raise empty_array(f"{at}.content")
    read_parts = [
        _part(mapping(f"{at}.content[{i}]", part), f"{at}.content[{i}]", role)
        for i, part in enumerate(said)
    ]
    images = tuple(part for part in read_parts if isinstance(part, Image))
    if images and not sees:
        message_text = "Invalid content type. image_url is only supported by certain models."
        raise invalid(message_text, f"{at}.content")
    words = "".join(part for part in read_parts if isinstance(part, str))
    return Turn(role, words + _called(message, at), images)


def _speaks_otherwise(message: dict[str, Any]) -> bool:
    return any(message.get(key) for key in ("tool_calls", "function_call", "refusal"))


def _part(part: dict[str, Any], at: str, role: str) -> str | Image:
    kind = part.get("type")
    supported = PARTS.get(role, ("text",))
    if kind not in supported:
        raise wrong_value(f"{at}.type", kind, supported)
    if kind == "image_url":
        return _image(part.get("image_url"), f"{at}.image_url")
    words = part.get(str(kind))
    text(f"{at}.{kind}", words)
    return str(words)


def _image(value: object, at: str) -> Image:
    picture = mapping(at, value)
    url, detail = picture.get("url"), picture.get("detail", "auto")
    if not isinstance(url, str):
        raise wrong_type(f"{at}.url", "a base64-encoded data URL", url)
    if detail not in DETAILS:
        raise wrong_value(f"{at}.detail", detail, DETAILS)
    return look(url, detail)


def _called(message: dict[str, Any], at: str) -> str:
    """The calls of an assistant's message as words, since they too are read."""
    calls = message.get("tool_calls")
    if message["role"] != "assistant" or calls is None:
        return ""
    at = f"{at}.tool_calls"
    if not items(at, calls):
        raise empty_array(at)
    words = []
    for i, call in enumerate(calls):
        one = mapping(f"{at}[{i}]", call)
        text(f"{at}[{i}].id", one.get("id"))
        kind, given = CALLED.get(str(one.get("type")), ("function", "arguments"))
        called = mapping(f"{at}[{i}].{kind}", one.get(kind))
        for key in ("name", given):
            text(f"{at}[{i}].{kind}.{key}", called.get(key))
        words.append(f" {called['name']}({called[given]})")
    return "".join(words)


def _match_results(messages: list[dict[str, Any]]) -> None:
    """Every call needs its result right after it, every result its call; in any order."""
    open_calls: set[str] = set()
    for i, message in enumerate(messages):
        if message["role"] == "tool":
            answered = message.get("tool_call_id")
            text(f"messages[{i}].tool_call_id", answered)
            if answered not in open_calls:
                raise _orphan(i)
            open_calls.remove(answered)
        elif open_calls:
            raise _unanswered(i, open_calls)
        elif message["role"] == "assistant":
            open_calls = {call["id"] for call in message.get("tool_calls") or ()}
    if open_calls:
        raise _unanswered(len(messages), open_calls)


def _orphan(at: int) -> ApiError:
    message = (
        "Invalid parameter: messages with role 'tool' must be a response to a preceding message "
        "with 'tool_calls'."
    )
    return invalid(message, f"messages[{at}].role")


def _unanswered(at: int, open_calls: set[str]) -> ApiError:
    message = (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        f"{', '.join(sorted(open_calls))[:400]}"
    )
    return invalid(message, f"messages[{at}].role")
