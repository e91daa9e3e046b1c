"""What a request may cost at most, in tokens, before anybody has answered it."""

from __future__ import annotations

from typing import Any, Final

from conformance import jsontext
from conformance.model import Request

BYTES_PER_TOKEN: Final = 4
"""How long a token is; English prose has a little more, other text less."""
IMAGE: Final = 1000
"""What an image, a sound or a file counts for, in tokens, whatever its size."""
USUAL: Final = 4096
"""The tokens an answer is taken to have at most where the request sets no limit."""
LONGEST: Final = 16_384
"""The tokens an answer is taken to have at most, whatever its request allows."""
MOST_CHOICES: Final = 128
"""The answers a request is taken to get at most, whatever it asks for."""

_LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_READ: Final = (
    *("messages", "prompt", "input", "instructions", "suffix"),
    *("tools", "functions", "response_format", "text"),
)
_MEDIA: Final = frozenset({"image_url", "input_image", "input_audio", "file", "input_file"})


def ceiling(request: Request) -> int:
    """The most tokens that ``request`` and its answers should come to; an estimate.

    A quarter of the bytes of its texts, and for every prompt and choice the limit it sets. A body
    that is no JSON object is taken for a prompt that gets no answer.
    """
    body = jsontext.parse(request.body).value if request.body else {}
    if not isinstance(body, dict):
        return _tokens(len(request.body))
    if "input" in body and request.url.partition("?")[0].endswith("/embeddings"):
        return _tokens(_size(body["input"]))
    read = _tokens(sum(_size(body[name]) for name in _READ if name in body))
    answered = body.keys() & {"messages", "prompt", "input"}
    return read + (_prompts(body) * _choices(body) * _limit(body) if answered else 0)


def _tokens(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)


def _size(value: Any) -> int:
    """Bytes of text in ``value``; what is no text counts as if it were."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list):
        return sum(map(_size, value))
    if isinstance(value, dict):
        kind = value.get("type")  # in a schema it may be a property, and any value
        if isinstance(kind, str) and kind in _MEDIA:
            return IMAGE * BYTES_PER_TOKEN
        return sum(_size(name) + _size(member) for name, member in value.items())
    return BYTES_PER_TOKEN  # a number: in a prompt, one token


def _prompts(body: dict[str, Any]) -> int:
    """How many prompts there are: only legacy completions take several, as texts or tokens."""
    prompt = body.get("prompt")
    several = isinstance(prompt, list) and all(isinstance(one, str | list) for one in prompt)
    return max(len(prompt), 1) if several and isinstance(prompt, list) else 1


def _choices(body: dict[str, Any]) -> int:
    asked = [_whole(body.get("n")) or 1, _whole(body.get("best_of")) or 1]
    return min(max(asked), MOST_CHOICES)


def _limit(body: dict[str, Any]) -> int:
    given = [limit for name in _LIMITS if (limit := _whole(body.get(name))) is not None]
    return min(max(given, default=USUAL), LONGEST)


def _whole(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
