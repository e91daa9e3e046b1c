"""An exchange as one interaction of a vcrpy cassette, with what vcrpy itself would not keep.

Each response has one more key, which vcrpy passes over::

    recording:
      provider: acme
      model: acme-large
      probe: chat.basic               # what asked
      retried: true                   # it asked the same again because of this answer
      source: live                    # or local, or reference
      software: vLLM 0.32.0           # of a local system
      at: '2026-01-31T12:00:00+00:00'
      chunks: 212+187 229+187         # milliseconds since the request was sent + bytes
      encoded: {content-encoding: [gzip], content-length: ['91']}   # bodies are stored decoded
      error: {kind: timeout, message: no byte for 60 s, ms: 60229}

Where no response came at all the status is 599, ``no response``.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final

from conformance.model import (
    Chunk,
    Evidence,
    Exchange,
    Failure,
    Headers,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.traffic import bodies
from conformance.traffic.limits import UnusableError

Json = dict[str, Any]

OWN: Final = frozenset({Source.LIVE, Source.LOCAL, Source.REFERENCE})
_NONE: Final = {"code": 599, "message": "no response"}
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_ENCODED: Final = ("content-encoding", "content-length")
_CHUNK: Final = re.compile(r"(\d{0,12})\+(\d{1,10})")


def is_own(got: Json) -> bool:
    """Whether a stored response is one of ours."""
    recording = got.get("recording")
    source = recording.get("source") if isinstance(recording, dict) else None
    return isinstance(source, str) and source in OWN


def request_stored(request: Request) -> Json:
    """``{method, uri, headers, body}``."""
    return {
        "method": request.method,
        "uri": request.url,
        "headers": _multiple(request.headers),
        "body": request.body or None,
    }


def response_stored(exchange: Exchange) -> Json:
    """``{status, recording, headers, body}``."""
    response = exchange.response
    if response is None:
        status, headers, body = dict(_NONE), Headers(), b""
    else:
        status = {"code": response.status, "message": _PHRASES.get(response.status, "")}
        headers, body = response.headers, response.body
    about = _ENCODED if "content-encoding" in headers else ()
    encoded = [pair for pair in headers if pair[0].lower() in about]
    return {
        "status": status,
        "recording": _told(exchange, _multiple(Headers(encoded))),
        "headers": _multiple(Headers(pair for pair in headers if pair not in encoded)),
        "body": {"string": body},
    }


def _told(exchange: Exchange, encoded: dict[str, list[str]]) -> Json:
    provenance, failure = exchange.provenance, exchange.failure
    chunks = exchange.response.chunks if exchange.response else ()
    error = failure and {"kind": failure.kind, "message": failure.message, "ms": _ms(failure.at)}
    told = {
        "provider": exchange.provider,
        "model": exchange.model,
        "probe": exchange.probe,
        "retried": exchange.retried,
        "source": str(provenance.source),
        "software": provenance.software,
        "at": provenance.recorded_at,
        "chunks": " ".join(map(_packed, chunks)),
        "encoded": encoded,
        "error": error,
    }
    return {name: value for name, value in told.items() if value}


def _packed(chunk: Chunk) -> str:
    return f"{'' if chunk.at is None else _ms(chunk.at)}+{len(chunk.data)}"


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else max(0, round(seconds * 1000))


def _multiple(headers: Headers) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return values


def exchange_told(read: Exchange, got: Json, folder: str) -> Exchange:
    """What was ``read`` as of any recorder, with all that ours has kept.

    ``folder`` holds the cassettes of one run. Raises UnusableError for a recording that is damaged
    or was edited, so that it does not add up any more.
    """
    told = bodies.member(got, "recording")
    failure = _failure(told.get("error"))
    response = None if failure and got.get("status") == _NONE else _response(read, told)
    untimed = response is not None and any(chunk.at is None for chunk in response.chunks)
    return Exchange(
        id=read.id,
        provider=bodies.string(told, "provider") or read.provider,
        request=read.request,
        response=response,
        provenance=Provenance(
            Source(bodies.string(told, "source")),
            read.provenance.origin,
            bodies.string(told, "at") or None,
            bodies.string(told, "software") or None,
            lacks=frozenset({Evidence.TIMING} if untimed else ()),
        ),
        failure=failure,
        session=folder,
        model=bodies.string(told, "model") or None,
        probe=bodies.string(told, "probe") or None,
        retried=told.get("retried") is True,
    )


def _response(read: Exchange, told: Json) -> Response:
    if read.response is None:
        raise UnusableError("the recording holds neither response nor error")
    encoded = bodies.headers(told.get("encoded"))
    headers = Headers((*read.response.headers, *encoded))
    chunks = _chunks(read.response.body, bodies.string(told, "chunks"))
    return Response(read.response.status, headers, chunks)


def _chunks(body: bytes, packed: str) -> tuple[Chunk, ...]:
    chunks, start = [], 0
    for one in packed.split():
        found = _CHUNK.fullmatch(one)
        if found is None:
            raise UnusableError("recording.chunks is not “ms+bytes ms+bytes …”")
        end = start + int(found[2])
        chunks.append(Chunk(body[start:end], int(found[1]) / 1000 if found[1] else None))
        start = end
    if start != len(body):
        raise UnusableError(f"the body has {len(body)} bytes and the recorded chunks {start}")
    return tuple(chunks)


def _failure(error: object) -> Failure | None:
    match error:
        case None:
            return None
        case {"kind": str() as kind, "message": str() as message, "ms": int() | None as ms}:
            return Failure(kind, message, None if ms is None else ms / 1000)
    raise UnusableError("recording.error is not {kind, message, ms}")
