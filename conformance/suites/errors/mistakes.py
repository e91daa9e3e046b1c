"""What is wrong with a request, where there is no doubt about it."""

from __future__ import annotations

from math import inf
from typing import Any, Final

from conformance.replies import Endpoint, Reply, is_number

_RANGES: Final = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "n": (1, inf),
    "max_tokens": (1, inf),
    "max_completion_tokens": (1, inf),
    "top_logprobs": (0, 20),
}
"""The lowest and the highest value of each parameter (CreateChatCompletionRequest)."""
_ROLES: Final = ("developer", "system", "user", "assistant", "tool", "function")


def mistake(reply: Reply) -> str:
    """The one parameter of a chat request that is out of its range; empty if it isn't just one."""
    if reply.endpoint is not Endpoint.CHAT:
        return ""
    given = ((name, reply.request.get(name), *bounds) for name, bounds in _RANGES.items())
    wrong = [name for name, value, *ends in given if is_number(value) and _outside(value, *ends)]
    return wrong[0] if len(wrong) == 1 else ""


def misshapen(reply: Reply) -> bool:
    """Whether a chat request has messages that are none: of a wrong type, or in nobody's role.

    That is ChatCompletionRequestMessage, apart from what only some kinds of message have.
    """
    messages = reply.request.get("messages", [])
    if reply.endpoint is not Endpoint.CHAT:
        return False
    return not isinstance(messages, list) or not all(map(_is_message, messages))


def _is_message(message: Any) -> bool:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        return False
    content = message.get("content")
    if isinstance(content, list):
        return all(map(_is_part, content))
    silent = content is None and message["role"] in ("assistant", "function")
    return silent or isinstance(content, str)


def _is_part(part: Any) -> bool:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return False
    return part["type"] != "text" or isinstance(part.get("text"), str)


def _outside(value: float, low: float, high: float) -> bool:
    return not low <= value <= high
