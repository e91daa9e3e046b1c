"""Exchanges that ask for the same thing, streamed or in one piece, once or several times."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from conformance.registry import only_if
from conformance.replies import ChatReply, ChatStream, Reply, objects

T = TypeVar("T")

DELIVERY: Final = ("stream", "stream_options")
"""The parameters that change how an answer is delivered, not what it is."""
UNDERSTOOD: Final = frozenset(
    (
        *DELIVERY,
        "frequency_penalty",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "presence_penalty",
        "response_format",
        "seed",
        "stop",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
    )
)
"""The parameters that leave the prompt alone, or change it alike each time."""


@dataclass(frozen=True, slots=True)
class Twin(Generic[T]):
    """What one exchange contributes to a comparison; twins have equal ``request`` digests."""

    request: str
    streamed: bool
    value: T


def twin(reply: ChatReply, value: T, *apart_from: str) -> Twin[T]:
    """``value`` under the digest of its request; these parameters and delivery don't count.

    A null parameter is an absent one. Not applicable where the request isn't known.
    """
    return Twin(digest(reply, *DELIVERY, *apart_from), isinstance(reply, ChatStream), value)


def digest(reply: Reply, *apart_from: str) -> str:
    """What equal requests have in common; these parameters don't count, a null one is absent.

    Not applicable where the request isn't known.
    """
    only_if(reply.request, "the request is not known")
    kept = {k: v for k, v in reply.request.items() if k not in apart_from and v is not None}
    return digest_of(json.dumps([reply.exchange.request.url, kept], sort_keys=True))


def digest_of(*texts: str) -> str:
    """A short stand-in for these texts, to be compared with another."""
    joined = "\0".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()


def prompt_twin(reply: ChatReply) -> Twin[int] | None:
    """The prompt tokens of a request, to be compared with those of the same request."""
    tokens = prompt_tokens(reply)
    return None if tokens is None else twin(reply, tokens)


def prompt_tokens(reply: ChatReply) -> int | None:
    """The prompt tokens of a request whose prompt is the same each time it is sent.

    None where they aren't told, or where the server may add to the prompt: what a search finds,
    a picture that a recorder replaced.
    """
    counted = reply.usage[1].get("prompt_tokens") if reply.usage else None
    if not isinstance(counted, int) or not reply.request.keys() <= UNDERSTOOD:
        return None
    parts = [
        part
        for at, message in objects(reply.request, "messages")
        for _, part in objects(message, "content", at)
    ]
    tools = objects(reply.request, "tools")
    plain = all(part.get("type") == "text" for part in parts)
    local = all(tool.get("type") == "function" for _, tool in tools)
    return counted if plain and local else None
