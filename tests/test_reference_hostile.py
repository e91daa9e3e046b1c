"""Bad requests to the reference server: each is refused, and its error says why."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from asking import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    EYES,
    KEY,
    RESPONSES,
    error,
    picture,
    post,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.model import Headers, Request, Response
from conformance.pictures import solid_png
from conformance.reference import answer, golden, requests

WEATHER = golden.WEATHER
PNG = base64.b64decode(solid_png(255, 0, 0).partition(",")[2])


@pytest.mark.parametrize(
    ("more", "param", "code"),
    [
        ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
        ({"temperature": -0.1}, "temperature", "decimal_below_min_value"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"temperature": True}, "temperature", "invalid_type"),
        ({"top_p": 1.1}, "top_p", "decimal_above_max_value"),
        ({"presence_penalty": -2.1}, "presence_penalty", "decimal_below_min_value"),
        ({"n": 0}, "n", "integer_below_min_value"),
        ({"n": 129}, "n", "integer_above_max_value"),
        ({"n": 1.5}, "n", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"max_tokens": "5"}, "max_tokens", "invalid_type"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs", "integer_above_max_value"),
        ({"top_logprobs": 2}, "top_logprobs", None),
        ({"logit_bias": {"1": 101}}, "logit_bias.1", "decimal_above_max_value"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "array_above_max_length"),
        ({"stream_options": {"include_usage": True}}, "stream_options", None),
        ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens", None),
        ({"user": 5}, "user", "invalid_type"),
        ({"reasoning_effort": "banana"}, "reasoning_effort", "invalid_value"),
        ({"zzz_unknown": None}, "zzz_unknown", "unknown_parameter"),
        ({"tools": []}, "tools", "empty_array"),
        ({"tool_choice": "auto"}, "tool_choice", None),
        ({"parallel_tool_calls": True}, "parallel_tool_calls", None),
        ({"tools": [WEATHER], "tool_choice": "maybe"}, "tool_choice", "invalid_value"),
        ({"response_format": {"type": "poem"}}, "response_format.type", "invalid_value"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": [{"role": "robot"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "invalid_type"),
    ],
)
def test_a_bad_parameter_is_named(more: dict[str, Any], param: str, code: str | None) -> None:
    refused = error(post(golden.BASIC | more))
    assert (refused["param"], refused["code"]) == (param, code)


@pytest.mark.parametrize(
    ("path", "more", "named"),
    [
        (COMPLETIONS, {"logprobs": 6}, "logprobs"),
        (COMPLETIONS, {"best_of": 1, "n": 2}, "best_of"),
        (COMPLETIONS, {"best_of": 2, "stream": True}, "best_of"),
        (COMPLETIONS, {"prompt": [1, "a"]}, "prompt"),
        (COMPLETIONS, {"prompt": []}, "prompt"),
        (COMPLETIONS, {"model": EYES}, "chat model"),
        (EMBEDDINGS, {"input": ""}, "input"),
        (EMBEDDINGS, {"input": ["a"] * 2049}, "input"),
        (EMBEDDINGS, {"input": [1.5]}, "input"),
        (EMBEDDINGS, {"input": "a " * 9000}, "input"),
        (EMBEDDINGS, {"encoding_format": "hex"}, "encoding_format"),
        (EMBEDDINGS, {"dimensions": 0}, "dimensions"),
        (EMBEDDINGS, {"model": EYES}, "this model"),
        (RESPONSES, {"input": []}, "input"),
        (RESPONSES, {"input": [{"type": "magic"}]}, "input[0].type"),
        (RESPONSES, {"input": "a " * 9000}, "input"),
        (RESPONSES, {"messages": []}, "messages"),
        (RESPONSES, {"tools": [{"type": "web_search"}]}, "tools[0].type"),
        (RESPONSES, {"previous_response_id": "resp_x"}, "previous_response_id"),
        (RESPONSES, {"text": {"format": {"type": "poem"}}}, "text.format.type"),
        (
            RESPONSES,
            {"input": [{"type": "function_call_output", "call_id": "x", "output": ""}]},
            "call_id x",
        ),
    ],
)
def test_other_endpoints_refuse_too(path: str, more: dict[str, Any], named: str) -> None:
    body = {"model": golden.MODEL, "prompt" if path == COMPLETIONS else "input": "Hi", **more}
    refused = error(post(body, path))
    assert refused["param"] == named or named in refused["message"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"\xff", b'{"a": NaN}', b'{"a": 1e999}', b"[" * 5000,
     b'{"a":' * 900 + b"1" + b"}" * 900, b'{"model": "\\ud800"}', b"{" + b" " * 2**22 + b"}"],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    message = error(answer(Request("POST", CHAT, Headers([KEY]), body)))["message"]
    assert any(words in message for words in ("could not parse", "must be an object", "is larger"))


def test_a_schema_may_not_be_bottomless() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(60):
        schema = {"type": "object", "properties": {"a": schema}}
    refused = error(post(golden.ask("Hi", tools=[golden.function("deep", schema)])))
    assert "parse" in refused["message"]


@pytest.mark.parametrize(
    "data",
    [b"", b"not a png", PNG[:30], PNG[:-3], PNG[:50] + b"x" * 100, PNG[:60] + b"x" + PNG[61:]],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    url = "data:image/png;base64," + base64.b64encode(data).decode()
    refused = error(post(golden.ask([picture(url)], model=EYES)))
    assert refused["code"] == "invalid_image_format"


@pytest.mark.parametrize("url", ["data:image/png;base64,##", "data:,x", "https://a.test/", "x"])
def test_what_is_not_in_a_data_url_is_refused(url: str) -> None:
    refused = error(post(golden.ask([picture(url)], model=EYES)))
    kind = "format" if url.startswith("data:") else "url"
    assert refused["code"] == f"invalid_image_{kind}"


@pytest.mark.parametrize(
    ("value", "status"),
    [("", 401), ("Bearer ", 401), ("Basic abc", 401), ("Bearer sk-wrong", 401),
     ("bearer any-key", 200), ("BEARER any-key", 200)],
)  # fmt: skip
def test_a_credential_has_to_be_a_bearer_token(value: str, status: int) -> None:
    headers = Headers([("Authorization", value)])
    assert answer(Request("GET", "/v1/models", headers)).status == status


def judge(response: Response) -> None:
    """Either 200 or the error envelope: nothing else ever comes back."""
    if response.status == 200:
        assert not response.body.startswith(b'{"error"')
    else:
        error(response)


@settings(max_examples=100)
@given(st.text(max_size=9), st.text(max_size=40), st.binary(max_size=40), st.text(max_size=20))
def test_any_request_is_answered(method: str, path: str, body: bytes, key: str) -> None:
    for url in (path, f"/v1/{path}", CHAT):
        judge(answer(Request(method, url, Headers([("authorization", f"Bearer {key}")]), body)))
        judge(answer(Request("POST", url, Headers([KEY, ("content-type", key)]), body)))


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=5,
)
GOOD = [one for one in requests().values() if one.body.endswith(b"}") and len(one.body) < 5000]
PARAMETERS = sorted({key for one in GOOD for key in json.loads(one.body)})


def slots(value: Any) -> list[tuple[Any, Any]]:
    """Every place inside ``value``, as the list or object it is in and its index or name."""
    keys = list(value) if isinstance(value, dict) else []
    keys = list(range(len(value))) if isinstance(value, list) else keys
    return [slot for key in keys for slot in [(value, key), *slots(value[key])]]


@settings(max_examples=400)
@given(st.data())
def test_any_change_to_a_request_is_answered(data: st.DataObject) -> None:
    request = data.draw(st.sampled_from(GOOD))
    holder = [json.loads(request.body)]
    parent, key = data.draw(st.sampled_from(slots(holder)))
    parent[key] = data.draw(VALUES)
    body = holder[0]
    if isinstance(body, dict) and data.draw(st.booleans()):
        body[data.draw(st.sampled_from(PARAMETERS))] = data.draw(VALUES)
    judge(answer(Request("POST", request.url, request.headers, json.dumps(body).encode())))
