"""From one interaction of a VCR cassette to an exchange: vcrpy's format, and Ruby VCR's.

vcrpy writes the body as text, ``!!binary`` or ``{string: ...}``; Ruby's VCR adds an encoding, or
``base64_string``, and the date of each interaction; pydantic-ai's serializer writes the parsed
value of a JSON body as ``parsed_body``. The format is what ``vcr.serialize`` (vcrpy 9) reads.
What our own recorder adds is in :mod:`conformance.traffic.recording`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conformance.model import Chunk, Evidence, Exchange, Provenance, Request, Response, Source
from conformance.traffic import bodies, recording
from conformance.traffic.encodings import decoded, without_encoding
from conformance.traffic.limits import Place, UnusableError

_LACKS = {Evidence.HEADERS, Evidence.TAIL, Evidence.TIMING, Evidence.FRESH}


def exchange(value: dict[str, Any], place: Place) -> Exchange:
    """Read ``{request: {method, uri, headers, body}, response: {status, headers, body}}``.

    Raises UnusableError.
    """
    sent, got = bodies.member(value, "request"), bodies.member(value, "response")
    method, url = bodies.string(sent, "method").upper() or "GET", bodies.string(sent, "uri")
    request = Request(method, url, bodies.headers(sent.get("headers")), _body(sent))
    response = _response(got)
    date = value.get("recorded_at") or response.headers.get("date")
    lacks = _LACKS | {Evidence.BODY} if "parsed_body" in got else _LACKS
    found = Exchange(
        id=bodies.exchange_id(place, request),
        provider=bodies.host(url),
        request=request,
        response=response,
        provenance=Provenance(
            Source.RECORDING, str(place), bodies.moment(date), lacks=frozenset(lacks)
        ),
        session=place.path,
    )
    if recording.is_own(got):
        # A run makes a file for each probe, all in one folder.
        return recording.exchange_told(found, got, str(Path(place.path).parent))
    return found


def _response(got: dict[str, Any]) -> Response:
    status = got.get("status")
    code = bodies.status(status.get("code") if isinstance(status, dict) else status)
    if code is None:
        raise UnusableError("the interaction holds no response")
    headers, body = bodies.headers(got.get("headers")), _body(got)
    if "parsed_body" in got:
        headers = without_encoding(headers)
    else:
        headers, body = decoded(headers, body)
    return Response(code, headers, (Chunk(body),) if body else ())


def _body(message: dict[str, Any]) -> bytes:
    if "parsed_body" in message:
        return bodies.json_bytes(message["parsed_body"])
    match message.get("body"):
        case {"base64_string": str() | bytes() as text}:
            return bodies.unbase64(text)
        case {"string": stored} | stored:
            return _bytes(stored)


def _bytes(stored: object) -> bytes:
    match stored:
        case None:
            return b""
        case bytes():
            return stored
        case str():
            return bodies.text_bytes(stored)
        case [*pieces] if all(isinstance(piece, str | bytes) for piece in pieces):
            # What vcrpy makes of a request body that was an iterator.
            return b"".join(map(_bytes, pieces))
    raise UnusableError(f"a body is stored as a {type(stored).__name__}")
