"""A script in a prompt makes the upstream fail, or speak oddly; the model never reads it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import dialects, sse
from conformance.dialects import Meaning
from conformance.engine import Checks
from conformance.model import (
    Exchange,
    Headers,
    Level,
    Outcome,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.recognise import recognise
from conformance.registry import checks
from conformance.upstream import standin
from conformance.upstream.scripts import KNOWN, Told, told

EVERY = Checks(checks().values())
OPENAI = "https://api.openai.com/v1/chat/completions"
PROMPT = "Repeat: one café, two cafés, three cafés, four"
SAID = PROMPT.removeprefix("Repeat: ")
LEGAL = ("no space", "crlf", "comments", "split", "halves", "azure", "packed")


def ask(script: str = "", prompt: str = PROMPT, **more: Any) -> Request:
    """A chat completion, as text in JSON that escapes what is not ASCII."""
    content = f"{prompt} [[upstream: {script}]]" if script else prompt
    body = {"model": "big", "messages": [{"role": "user", "content": content}], **more}
    return Request("POST", OPENAI, Headers(), json.dumps(body).encode())


def stream(script: str = "", prompt: str = PROMPT, **more: Any) -> Request:
    return ask(script, prompt, stream=True, stream_options={"include_usage": True}, **more)


def answered(request: Request) -> Response:
    response = told(request).response
    assert response is not None
    return response


def exchange(request: Request) -> Exchange:
    what, here = told(request), Provenance(Source.LOCAL)
    return Exchange("x", "upstream", request, what.response, here, what.failure)


def meant(request: Request) -> Meaning:
    found = dialects.meaning(exchange(request))
    assert found is not None
    return found


def broken_musts(request: Request) -> list[str]:
    """The MUST checks that have a finding about what goes back."""
    reply = recognise(exchange(request))
    assert reply is not None
    judged = [j for j in EVERY.judge(reply) if j.check.level is Level.MUST]
    assert sum(judgement.outcome is Outcome.PASS for judgement in judged) > 10
    return [judgement.check.id for judgement in judged if judgement.findings]


@pytest.mark.parametrize("request_made", [ask(), stream()])
def test_without_a_script_the_answer_is_the_stand_ins(request_made: Request) -> None:
    assert told(request_made) == Told(standin.answer(request_made))
    assert broken_musts(request_made) == []


@pytest.mark.parametrize("prompt", ["Say hello.", "Say hello", 'Say "hello" [[no script]]'])
def test_the_model_does_not_read_the_script(prompt: str) -> None:
    assert meant(ask("crlf", prompt)) == meant(ask("", prompt))
    assert meant(ask("crlf", prompt)).text == "hello"


def test_the_last_script_counts() -> None:
    assert told(ask("status 500", "Say hello. [[upstream: timeout]]")).failure is None
    assert answered(ask("status 500", "Say hello. [[upstream: status 418]]")).status == 500


@pytest.mark.parametrize("script", ["status 503, retry-after 7", "retry-after 7 ,STATUS 503"])
def test_a_status(script: str) -> None:
    response = answered(stream(script))
    assert response.status == 503
    assert response.headers.get("retry-after") == "7"
    assert meant(stream(script)).error == "The upstream says 503, as it was told to."


def test_no_answer() -> None:
    what = told(ask("timeout"))
    assert what.response is None
    assert what.failure is not None
    assert what.failure.kind == "timeout"


@pytest.mark.parametrize("make", [ask, stream])
def test_half_an_answer(make: Any) -> None:
    what, whole = told(make("cut")), answered(make())
    assert what.failure is not None
    assert what.failure.kind == "cut"
    assert what.response is not None
    assert whole.body.startswith(what.response.body)
    assert len(what.response.body) == len(whole.body) // 2


def test_an_error_in_a_stream() -> None:
    meaning = meant(stream("error in stream"))
    assert meaning.error == "The upstream failed, as it was told to."
    assert not meaning.complete
    assert meaning.text
    assert SAID.startswith(meaning.text)
    last = sse.parse(answered(stream("error in stream")).body).events[-1]
    assert last.event == ""
    assert list(json.loads(last.data)) == ["error"]


def test_what_has_no_errors_inside_is_cut_instead() -> None:
    for request in (ask("error in stream"), _frames("error in stream")):
        what = told(request)
        assert what.failure is not None
        assert what.failure.kind == "cut"


def _frames(script: str) -> Request:
    body = {"inputs": f"Count to 9 [[upstream: {script}]]"}
    path = "/endpoints/mine/invocations-response-stream"
    return Request("POST", path, Headers(), json.dumps(body).encode())


def test_no_usage() -> None:
    for make in (ask, stream):
        assert meant(make()).usage is not None
        assert meant(make("no usage")) == Meaning(SAID, finish="stop")
    assert b"usage" not in answered(stream("no usage")).body
    assert answered(stream("no usage")).body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("more", [{}, {"n": 2}, {"logprobs": True, "top_logprobs": 2}])
@pytest.mark.parametrize("script", [*LEGAL, ", ".join(LEGAL)])
def test_odd_streams_are_legal(script: str, more: dict[str, Any]) -> None:
    request, plain = stream(script, **more), stream(**more)
    assert answered(request) != answered(plain)
    assert broken_musts(request) == []
    assert meant(request) == meant(plain)


def test_odd_streams_are_legal_for_tools_too() -> None:
    weather = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
    tools = [{"type": "function", "function": weather}]
    for script in LEGAL:
        request = stream(script, "Call weather for Paris", tools=tools)
        assert [call.name for call in meant(request).calls] == ["weather"]
        assert broken_musts(request) == []


@pytest.mark.parametrize("script", LEGAL)
def test_an_answer_in_one_piece_has_no_odd_streams(script: str) -> None:
    assert told(ask(script)) == told(ask())


def test_how_odd_streams_look() -> None:
    plain = answered(stream())
    assert b"data: " in plain.body
    assert b"data: " not in answered(stream("no space")).body
    assert answered(stream("crlf")).body == plain.body.replace(b"\n", b"\r\n")
    assert answered(stream("comments")).body.count(b": ping\n\n") == len(plain.chunks)
    assert len(answered(stream("halves")).chunks) == 2 * len(plain.chunks)
    azure = sse.parse(answered(stream("azure")).body).events[0]
    assert json.loads(azure.data)["choices"] == []
    assert len(answered(stream("packed")).chunks) < len(plain.chunks) / 2


def test_split_cuts_lines_and_characters() -> None:
    response = answered(stream("split"))
    assert response.body == answered(stream()).body
    pieces = [chunk.data for chunk in response.chunks]
    assert any(piece.endswith(b"\xc3") for piece in pieces)
    assert sum(b"\n" not in piece for piece in pieces) > len(pieces) / 2


@pytest.mark.parametrize("script", ["", "statuses", "status", "status 200", "cut 5", "timeout, no"])
def test_an_unknown_script_is_answered_with_those_there_are(script: str) -> None:
    request = ask("x", f"Say hello. [[upstream:{script}]]").body.replace(b"[[upstream: x]]", b"")
    response = answered(Request("POST", OPENAI, Headers(), request))
    assert response.status == 400
    assert KNOWN in json.loads(response.body)["error"]["message"]


def test_a_script_in_a_form() -> None:
    url = "https://chat.petals.dev/api/v1/generate"
    form = {"inputs": "Say hello [[upstream: status 429, retry-after 3]]", "model": "m"}
    request = Request("POST", url, Headers(), urlencode(form).encode())
    assert answered(request).status == 429
    assert answered(request).headers.get("retry-after") == "3"
    form["inputs"] = "Repeat: hello [[upstream: retry-after 3]]"
    request = Request("POST", url, Headers(), urlencode(form).encode())
    assert meant(request).text == "hello"


@pytest.mark.parametrize("script", [name for name in LEGAL if name not in {"azure", "packed"}])
def test_any_stream_of_events_can_be_odd(script: str) -> None:
    body = {"model": "m", "prompt": f"Count to 9 [[upstream: {script}]]", "stream": True}
    url = "https://api.aleph-alpha.com/complete"
    request = Request("POST", url, Headers(), json.dumps(body).encode())
    plain = Request("POST", url, Headers(), request.body.replace(script.encode(), b"retry-after 1"))
    assert answered(request).chunks != answered(plain).chunks
    assert meant(request) == meant(plain)
    assert meant(request).text == "1, 2, 3, 4, 5, 6, 7, 8, 9"


def test_whom_nobody_speaks_with_is_told_nothing() -> None:
    request = Request("POST", "https://example.com/", Headers(), b"[[upstream: status 500]]")
    assert answered(request).status == 404


@given(
    before=st.binary(max_size=20),
    script=st.binary(max_size=20) | st.sampled_from([name.encode() for name in LEGAL]),
    after=st.binary(max_size=20),
)
def test_any_body_is_answered(before: bytes, script: bytes, after: bytes) -> None:
    for body in (
        before + b"[[upstream:" + script + b"]]" + after,
        before + b"%5B%5Bupstream%3A" + script + b"%5D%5D" + after,
    ):
        assert answered(Request("POST", OPENAI, Headers(), body)).status >= 400
