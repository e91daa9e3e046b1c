"""From one line of exchange jsonl, the form that we write ourselves, to an exchange."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from conformance.model import (
    Chunk,
    Evidence,
    Exchange,
    Failure,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.traffic import bodies
from conformance.traffic.encodings import without_encoding
from conformance.traffic.limits import Place, UnusableError

_LACKS = frozenset({Evidence.HEADERS, Evidence.TAIL, Evidence.TIMING, Evidence.FRESH})
_PLAIN_HOSTS = {"localhost", "127.0.0.1", "[::1]"}


def exchange(value: dict[str, Any], place: Place) -> Exchange:
    """Read an exchange line.

    Needed are ``method``, ``host`` and ``path``. ``response_body`` is text, or a JSON value whose
    own spelling is lost; ``chunks`` = ``[[seconds, text], ...]`` says more and replaces it. Other
    members: ``id, provider, query, request_headers, request_body, status, response_headers,
    recorded_at, fidelity, suspect, source_path, failure, provenance, upstream``. Raises
    UnusableError.
    """
    request = _request(value)
    failure = _failure(value.get("failure"))
    response = _response(value)
    if response is None and failure is None:
        failure = Failure("no_response", "the line holds no response")
    upstream = value.get("upstream")
    return Exchange(
        id=bodies.string(value, "id") or bodies.exchange_id(place, request),
        provider=bodies.string(value, "provider") or bodies.host(request.url),
        request=request,
        response=response,
        provenance=_provenance(value, place),
        failure=failure,
        session=bodies.string(value, "source_path") or place.path,
        # In some collections it is the name of what is behind a router, which says nothing to us.
        upstream=tuple(exchange(_object(one), place) for one in upstream)
        if isinstance(upstream, list)
        else (),
    )


def _request(value: dict[str, Any]) -> Request:
    host, path = bodies.string(value, "host"), bodies.string(value, "path")
    scheme = "http" if host.rsplit(":", 1)[0] in _PLAIN_HOSTS else "https"
    query = value.get("query")
    if isinstance(query, dict):
        query = urlencode(query, doseq=True, errors="surrogatepass")
    else:
        query = bodies.string(value, "query")
    url = f"{scheme}://{host}{path}" + (f"?{query}" if query else "")
    bodies.host(url)
    return Request(
        bodies.string(value, "method").upper() or "GET",
        url,
        bodies.headers(value.get("request_headers")),
        bodies.stored(value.get("request_body")),
    )


def _response(value: dict[str, Any]) -> Response | None:
    code = bodies.status(value.get("status"))
    if code is None:
        return None
    body = value.get("response_body")
    headers = bodies.headers(value.get("response_headers"))
    if "content-encoding" in headers or not isinstance(body, str):
        headers = without_encoding(headers)
    if value.get("chunks") is not None:
        return Response(code, headers, _chunks(value["chunks"]))
    data = bodies.stored(body)
    return Response(code, headers, (Chunk(data),) if data else ())


def _chunks(value: object) -> tuple[Chunk, ...]:
    chunks = []
    for one in value if isinstance(value, list) else [None]:
        match one:
            case [int() | float() | None as at, str() as text]:
                chunks.append(Chunk(bodies.text_bytes(text), at))
            case _:
                raise UnusableError("chunks is not [[seconds, text], ...]")
    return tuple(chunks)


def _failure(value: object) -> Failure | None:
    match value:
        case None:
            return None
        case {"kind": str() as kind, "message": str() as message, **rest}:
            at = rest.get("at")
            return Failure(kind, message, at if isinstance(at, int | float) else None)
    raise UnusableError("failure is not {kind, message, at}")


def _provenance(value: dict[str, Any], place: Place) -> Provenance:
    recorded_at = bodies.moment(value.get("recorded_at"))
    suspect = value.get("suspect")
    doubt = str(suspect)[:200] if suspect else None
    if value.get("provenance") is not None:
        told = _told(_object(value["provenance"]), str(place), recorded_at)
        return replace(told, doubt=doubt)
    if value.get("fidelity") == "documentation":
        source, lacks = Source.DOCUMENTED, frozenset(Evidence)
    else:
        source, lacks = Source.RECORDING, _lacks(value)
    return Provenance(source, str(place), recorded_at, lacks=lacks, doubt=doubt)


def _lacks(value: dict[str, Any]) -> frozenset[Evidence]:
    lacks = set(_LACKS)
    body, chunks = value.get("response_body"), value.get("chunks")
    if chunks is not None:
        lacks.remove(Evidence.TIMING)
    elif body is not None and not isinstance(body, str):
        lacks.add(Evidence.BODY)
        if value.get("fidelity") == "reserialised":
            lacks.add(Evidence.FRAMING)
    return frozenset(lacks)


def _told(value: dict[str, Any], origin: str, recorded_at: str | None) -> Provenance:
    lacks = value.get("lacks") or []
    try:
        return Provenance(
            Source(bodies.string(value, "source")),
            origin,
            bodies.moment(value.get("recorded_at")) or recorded_at,
            bodies.string(value, "software") or None,
            frozenset(Evidence(one) for one in lacks),
        )
    except (TypeError, ValueError):
        raise UnusableError("provenance is not {source, software, recorded_at, lacks}") from None


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnusableError("provenance or upstream holds no object")
    return value
