"""How the reference server puts an answer on the wire: ids, headers, JSON bodies, events."""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from conformance.model import Chunk, Headers, Request, Response

BASE_TIME: Final = 1767225600
"""2026-01-01T00:00:00Z: the only moment this server knows."""
DATE: Final = "Thu, 01 Jan 2026 00:00:00 GMT"
FIRST_BYTE: Final = 0.2
STEP: Final = 0.05
"""Seconds to the first chunk of an answer, and from one event of a stream to the next."""
DONE: Final = b"data: [DONE]\n\n"
ALPHABET: Final = string.ascii_letters + string.digits

Events = tuple[bytes, ...]
"""The events of a stream, each with the blank line that ends it."""


@dataclass(frozen=True, slots=True)
class Ids:
    """Names for what an answer contains; ``seed`` depends on the request and the nonce."""

    seed: str
    nonce: int

    @classmethod
    def of(cls, request: Request, nonce: int) -> Ids:
        """The ids of the answer number ``nonce`` to this request."""
        head = repr((request.method, request.url, request.headers.pairs, nonce))
        digest = hashlib.sha256(head.encode() + b"\n" + request.body)
        return cls(digest.hexdigest(), nonce)

    def letters(self, prefix: str, name: object, length: int) -> str:
        """``prefix`` and ``length`` (at most 32) letters and digits; ``name`` tells ids apart."""
        digest = hashlib.sha256(f"{self.seed} {prefix} {name}".encode()).digest()
        return prefix + "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:length])

    def digits(self, prefix: str, name: object, length: int) -> str:
        """``prefix`` and ``length`` (at most 64) hexadecimal digits."""
        digest = hashlib.sha256(f"{self.seed} {prefix} {name}".encode()).hexdigest()
        return prefix + digest[:length]


def to_json(value: object) -> bytes:
    """Compact UTF-8 JSON; a lone surrogate, which UTF-8 cannot hold, stays an escape."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def event(value: Mapping[str, Any], name: str | None = None) -> bytes:
    """One server-sent event (WHATWG HTML section 9.2.6)."""
    field = b"" if name is None else f"event: {name}\n".encode()
    return field + b"data: " + to_json(value) + b"\n\n"


def json_response(
    ids: Ids, status: int, value: Mapping[str, Any], extra: Sequence[tuple[str, str]] = ()
) -> Response:
    """A whole JSON document."""
    body = to_json(value)
    media_type = ("content-type", "application/json")
    length = ("content-length", str(len(body)))
    headers = Headers([media_type, length, *_common(ids), *extra])
    return Response(status, headers, (Chunk(body, FIRST_BYTE),))


def stream_response(ids: Ids, events: Events) -> Response:
    """An event stream, one chunk per event."""
    media_type = ("content-type", "text/event-stream; charset=utf-8")
    headers = Headers([media_type, ("transfer-encoding", "chunked"), *_common(ids)])
    times = (round(FIRST_BYTE + STEP * number, 2) for number in range(len(events)))
    return Response(200, headers, tuple(map(Chunk, events, times)))


def _common(ids: Ids) -> list[tuple[str, str]]:
    return [
        ("date", DATE),
        ("openai-version", "2020-10-01"),
        ("openai-processing-ms", str(50 + int(ids.seed[:8], 16) % 100)),
        ("x-request-id", ids.digits("req_", "request", 32)),
    ]
