"""What the tests of the dialects share: our golden answers, and ways to ask and to spoil."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from conformance.dialects.base import Dialect, Meaning
from conformance.dialects.openai import OpenAI
from conformance.model import Chunk, Exchange, Headers, Provenance, Request, Response, Source
from conformance.reference import exchanges
from conformance.sse import parse

Json = dict[str, Any]


def asking(url: str, **body: object) -> Request:
    return Request("POST", url, Headers(), json.dumps(body).encode())


def answered(request: Request, response: Response) -> Exchange:
    return Exchange("it", "it", request, response, Provenance(Source.RECORDING))


def document(response: Response) -> Any:
    return json.loads(response.body)


def told(dialect: Dialect, request: Request, response: Response) -> Meaning:
    meaning = dialect.meaning(answered(request, response))
    assert meaning is not None
    return meaning


def golden() -> Iterator[tuple[str, list[Json], Meaning]]:
    """Each golden answer to a chat: a completion alone, or chunks; and what OpenAI's means.

    Deprecated function calls and custom tools are left out: no request in another API asks for
    them.
    """
    for name, exchange in exchanges().items():
        response = exchange.response
        asked = exchange.request.url.endswith("/chat/completions") and response is not None
        if not asked or response is None or response.status != 200:
            continue
        if b'"function_call"' in response.body or b'"type":"custom"' in response.body:
            continue
        meaning = told(OpenAI(), exchange.request, response)
        if meaning.error is not None:
            continue
        if response.body.startswith(b"{"):
            yield name, [document(response)], meaning
        else:
            data = [event.data for event in parse(response.body).events]
            yield name, [json.loads(one) for one in data if one != "[DONE]"], meaning


def written(dialect: Dialect, said: list[Json], whole: Request, stream: Request) -> Meaning:
    """What a golden answer means once it is written in ``dialect``."""
    if said[0]["object"] == "chat.completion":
        return told(dialect, whole, dialect.whole(whole, said[0]))
    return told(dialect, stream, dialect.streamed(stream, said))


def assert_same(name: str, ours: Meaning, openai: Meaning) -> None:
    """Both mean the same, but for what other APIs say in another way."""
    assert ours.text == openai.text, name
    assert ours.complete, name
    assert [call.name for call in ours.calls] == [call.name for call in openai.calls], name
    # Ids keep their letters and get their API's prefix and length.
    for mine, theirs in zip(ours.calls, openai.calls, strict=True):
        assert mine.id, name
        assert theirs.id, name
        assert theirs.id.partition("_")[2].startswith(mine.id.rpartition("_")[2]), name
    assert len({call.id for call in ours.calls}) == len(ours.calls), name
    # What a limit cut is no JSON, and in one piece these APIs can't say it.
    if openai.finish != "length":
        assert [c.arguments for c in ours.calls] == [c.arguments for c in openai.calls], name
    # A call that the request named ends with ``stop`` at OpenAI only.
    named = openai.calls and openai.finish == "stop"
    assert ours.finish == ("tool_calls" if named else openai.finish), name
    # Nobody asked this OpenAI stream for its usage; the others always say it.
    if openai.usage is not None:
        assert ours.usage == openai.usage, name


def cut(response: Response, before: bytes) -> Response:
    """A response that ends right before these bytes."""
    body = response.body[: response.body.index(before)]
    return Response(response.status, response.headers, (Chunk(body),))


@st.composite
def spoilt(draw: st.DrawFn, body: bytes) -> Response:
    """``body`` with pieces cut out and put in, as one chunk."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 60)))
        put = draw(st.sampled_from([b"", b"null", b"{}", b"[]", b'"', b"1e999", b"\xff", b"\n\n"]))
        body = body[:start] + put + body[end:]
    return Response(200, Headers(), (Chunk(body),))
