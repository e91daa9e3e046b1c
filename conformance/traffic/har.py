"""From one entry of a HAR 1.2 log to an exchange: http://www.softwareishard.com/blog/har-12-spec/."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

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
from conformance.traffic.encodings import decoded, without_encoding
from conformance.traffic.limits import Place, UnusableError

_LACKS = frozenset({Evidence.HEADERS, Evidence.TAIL, Evidence.TIMING, Evidence.FRESH})
_EMPTY = {204, 205, 304}
"""The statuses of responses that have no content (RFC 9110 section 6.4.1)."""


def exchange(value: dict[str, Any], place: Place) -> Exchange:
    """Read ``{request: {method, url, ...}, response: {status, content, ...}, startedDateTime}``.

    Raises UnusableError, also for an answer whose body the recorder left out.
    """
    sent, got = bodies.member(value, "request"), bodies.member(value, "response")
    method, url = bodies.string(sent, "method").upper() or "GET", bodies.string(sent, "url")
    request = Request(method, url, bodies.headers(sent.get("headers")), _sent_body(sent))
    code = bodies.status(got.get("status"))
    failure = None
    if code is None:
        failure = Failure("no_response", str(got.get("_error") or "the log holds no response"))
    return Exchange(
        id=bodies.exchange_id(place, request),
        provider=bodies.host(url),
        request=request,
        response=None if code is None else _response(code, got),
        provenance=Provenance(
            Source.RECORDING, str(place), bodies.moment(value.get("startedDateTime")), lacks=_LACKS
        ),
        failure=failure,
        session=place.path,
    )


def _sent_body(sent: dict[str, Any]) -> bytes:
    posted = bodies.member(sent, "postData")
    if isinstance(posted.get("text"), str):
        return bodies.text_bytes(posted["text"])
    return urlencode(bodies.headers(posted.get("params")).pairs, errors="surrogatepass").encode()


def _response(code: int, got: dict[str, Any]) -> Response:
    # content.text is the body after its content encoding was undone, so those fields go.
    headers = bodies.headers(got.get("headers"))
    content = bodies.member(got, "content")
    text, size = content.get("text"), content.get("size")
    if isinstance(text, str):
        headers, body = _got_body(headers, text, coded=content.get("encoding") == "base64")
        return Response(code, without_encoding(headers), (Chunk(body),) if body else ())
    if size != 0 and code not in _EMPTY:
        raise UnusableError(f"the response body was left out of the log (content.size is {size})")
    return Response(code, without_encoding(headers))


def _got_body(headers: Headers, text: str, *, coded: bool) -> tuple[Headers, bytes]:
    if not coded:
        return headers, bodies.text_bytes(text)
    if not text.startswith("["):
        return headers, bodies.unbase64(text)
    # Polly.js writes an encoded body as it came: a JSON array of its pieces, each in base64.
    pieces = bodies.parse_json(bodies.text_bytes(text))
    if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
        raise UnusableError("the response body is neither base64 nor an array of it")
    return decoded(headers, b"".join(map(bodies.unbase64, pieces)))
