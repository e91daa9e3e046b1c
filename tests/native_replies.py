"""Asking the stand-ins in a provider's own words, and golden answers written in a dialect."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from conformance import dialects
from conformance.dialects import Meaning
from conformance.model import (
    Chunk,
    Exchange,
    Headers,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.reference import exchanges
from conformance.upstream import standin

COUNTED = ", ".join(map(str, range(1, 31)))
"""The answer to the golden request to count."""
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WHOLE = sorted(
    name
    for name, exchange in exchanges().items()
    if name.startswith("chat.") and name != "chat.functions" and exchange.response is not None
)
STREAMS = sorted(
    name
    for name, exchange in exchanges().items()
    if name.startswith("stream.")
    and name != "stream.functions"
    and b'"include_usage":true' in exchange.request.body
)
"""The golden answers, but for the deprecated functions that no dialect asks for."""
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 1e308, "", "x", [], ["x"], [None], {}, {"x": 1}, [[{}]]]
)


def post(url: str, body: Any) -> Request:
    return Request("POST", url, Headers(), json.dumps(body).encode())


def replied(request: Request, response: Response) -> Exchange:
    return Exchange("native", "provider", request, response, Provenance(Source.REFERENCE))


def answered(body: bytes | str, url: str, status: int = 200) -> Meaning | None:
    """What a reply of these bytes means."""
    data = body.encode() if isinstance(body, str) else body
    return dialects.meaning(replied(post(url, {}), Response(status, Headers(), (Chunk(data),))))


def said(url: str, body: Any) -> Meaning:
    """What the stand-in says to a request."""
    request = post(url, body)
    meaning = dialects.meaning(replied(request, standin.answer(request)))
    assert meaning is not None
    return meaning


def refusal(url: str, body: Any) -> tuple[int, Any]:
    """The status and the body of the stand-in's error."""
    response = standin.answer(post(url, body))
    return response.status, json.loads(response.body)


def golden(name: str) -> Exchange:
    return exchanges()[name]


def written(name: str, request: Request) -> Exchange:
    """The golden answer ``name`` as the dialect of ``request`` writes it."""
    dialect, response = dialects.of(request), golden(name).response
    assert dialect is not None
    assert response is not None
    if name.startswith("chat."):
        return replied(request, dialect.whole(request, json.loads(response.body)))
    events = re.findall(rb"^data: (\{.*)$", response.body, re.MULTILINE)
    return replied(request, dialect.streamed(request, [json.loads(event) for event in events]))


def expected(name: str, *, ids: bool) -> Meaning:
    """What the golden answer ``name`` says, without what only OpenAI has the words for.

    Only there a call that was named in the request ends with ``stop``, and calls may have no ids.
    """
    meaning = dialects.meaning(golden(name))
    assert meaning is not None
    if not meaning.calls:
        return meaning
    calls = tuple(call if ids else replace(call, id=None) for call in meaning.calls)
    return replace(meaning, calls=calls, finish="tool_calls")


def objects(body: bytes) -> list[Any]:
    """The JSON objects of a reply that has each on a line of its own, whatever is around them."""
    return [json.loads(text) for text in re.findall(rb"\{.*\}", body)]


@st.composite
def mutilated(draw: st.DrawFn, *bodies: bytes) -> bytes:
    """A reply in which one value is another, or some bytes are gone or doubled."""
    body = draw(st.sampled_from(bodies))
    found = draw(st.sampled_from(list(re.finditer(rb"\{.*\}", body))))
    if draw(st.booleans()):
        value = json.dumps(_corrupted(draw, json.loads(found[0]))).encode()
        return body[: found.start()] + value + body[found.end() :]
    start, end = (draw(st.integers(0, len(body))) for _ in range(2))
    return body[:start] + body[end:]


def _corrupted(draw: st.DrawFn, value: Any) -> Any:
    if value and isinstance(value, dict | list) and draw(st.integers(0, 4)):
        copy: Any = value.copy()
        at: Any = draw(
            st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value)))
        )
        copy[at] = _corrupted(draw, value[at])
        return copy
    return draw(JUNK)
