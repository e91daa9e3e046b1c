"""What a function returned, or raised, as an HTTP response.

There are no wire bytes. What is judged is what a program gets: the members of the objects that
were returned, or the exception with its status, message and headers.
"""

from __future__ import annotations

import json
from typing import Any, Final

from conformance import jsontext
from conformance.model import MISSING, RAISED, Chunk, Evidence, Failure, Headers, Response
from conformance.schema import violations
from conformance.targets import to_json

Json = dict[str, Any]
LACKS: Final = frozenset(Evidence) - {Evidence.FRESH}
"""What a function's result cannot tell."""
UNKNOWN: Final = 500
"""The status of an exception that has none."""
JUDGED: Final = ("chat.completion", "chat.completion.chunk")
"""The objects whose schemas tell where null may be."""
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
        "message": str(error),
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
    member has to be there, and for absent elsewhere.
    """
    dump = getattr(value, "model_dump", None)
    members = dump() if callable(dump) else value
    document = jsontext.parse(json.dumps(members, default=repr).encode()).value
    kind = document.get("object") if isinstance(document, dict) else None
    if kind not in JUDGED:
        return document
    bare = _without_nulls(document)
    for found in violations(kind, bare):
        if found.got is MISSING:
            _put_back(bare, document, found.at)
    return bare


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _put_back(bare: Any, document: Any, at: str) -> None:
    """Give ``bare`` the null that ``document`` has at a place like ``choices[0].logprobs``."""
    *steps, last = at.replace("[", ".").replace("]", "").split(".")
    for step in steps:
        key = int(step) if isinstance(document, list) else step
        bare, document = bare[key], document[key]
    if last in document:
        bare[last] = None
