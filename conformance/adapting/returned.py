"""What a function returned, or raised, as an HTTP response.

There are no wire bytes. What is judged is what a program gets: the members of the objects that
were returned, or the exception with its status, message and headers.
"""

from __future__ import annotations

import json
from typing import Any, Final

from conformance import jsontext
from conformance.model import RAISED, Chunk, Evidence, Failure, Headers, Response
from conformance.targets import to_json

Json = dict[str, Any]
LACKS: Final = frozenset(Evidence) - {Evidence.FRESH}
"""What a function's result cannot tell."""
UNKNOWN: Final = 500
"""The status of an exception that has none."""
NULLABLE: Final = ("content", "finish_reason", "logprobs", "refusal")
"""The members of OpenAI's objects that are required and may be null."""
_HEADERS: Final = ("retry-after", "retry-after-ms")
"""What of an exception's headers a program acts on."""


def whole(made: Any) -> Response:
    """What was returned, as a JSON document."""
    return Response(
        200, Headers([("content-type", "application/json")]), (Chunk(to_json(plain(made))),)
    )


def stream(chunks: list[Chunk]) -> Response:
    """Events, as a stream of them."""
    return Response(200, Headers([("content-type", "text/event-stream")]), tuple(chunks))


def event(data: bytes) -> Chunk:
    """One event of a stream."""
    return Chunk(b"data: " + data + b"\n\n")


def raised(error: Exception) -> tuple[Response, Failure]:
    """An exception as the error it stands for, and itself."""
    given = getattr(error, "status_code", None)
    status = given if isinstance(given, int) and 400 <= given < 600 else UNKNOWN  # noqa: PLR2004  # RFC 9110 section 15
    told = {
        # Some quote where in their code it happened, which differs from machine to machine.
        "message": str(error).partition("Traceback (most recent call last)")[0].rstrip(),
        "type": type(error).__name__,
        "param": getattr(error, "param", None),
        "code": getattr(error, "code", None),
    }
    fields = getattr(getattr(error, "response", None), "headers", None) or {}
    headers = Headers((name, str(fields[name])) for name in _HEADERS if name in fields)
    body = json.dumps({"error": told}, default=repr).encode()
    return Response(status, headers, (Chunk(body),)), Failure(RAISED, type(error).__name__)


def plain(value: Any) -> Any:
    """The JSON value of what a function returned: an object's members, as its class tells them.

    To a program, a member that is None is as good as absent. So None is taken for null where the
    specification requires the member and lets it be null, and for absent elsewhere.
    """
    dump = getattr(value, "model_dump", None)
    members = dump() if callable(dump) else value
    return _without_nones(jsontext.parse(json.dumps(members, default=repr).encode()).value)


def _without_nones(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {n: one for n, one in value.items() if one is not None or n in NULLABLE}
        return {name: _without_nones(one) for name, one in kept.items()}
    return [_without_nones(one) for one in value] if isinstance(value, list) else value
