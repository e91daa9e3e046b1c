"""Anthropic's Messages API: genuine traffic is understood, and ours looks like it."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from dialect_cases import (
    answered,
    asking,
    assert_same,
    cut,
    document,
    golden,
    spoilt,
    told,
    written,
)
from hypothesis import given
from hypothesis import strategies as st
from native_shapes import Shapes, differences, genuine, learnt
from strategies import anything

from conformance import dialects
from conformance.dialects.anthropic import Anthropic
from conformance.dialects.anthropic_request import MEMBERS
from conformance.dialects.base import Refused, json_reply
from conformance.model import Chunk, Exchange, Headers, Request, Response
from conformance.pictures import solid_png
from conformance.sse import parse
from conformance.upstream.standin import answer

URL = "https://api.anthropic.com/v1/messages"
US = Anthropic()
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
KINDS = ("", "cache_read_", "cache_creation_")
ASKED = asking(URL)
STREAMED = asking(URL, stream=True)


def ask(*said: object, **members: object) -> Request:
    messages = [one if isinstance(one, dict) else {"role": "user", "content": one} for one in said]
    body = {"model": "claude-haiku-4-5", "max_tokens": 200, "messages": messages, **members}
    return asking(URL, **body)


def events(body: bytes) -> list[Any]:
    return [json.loads(event.data) for event in parse(body).events]


def test_requests_of_this_api_are_known_by_their_path() -> None:
    assert isinstance(dialects.of(ASKED), Anthropic)
    assert dialects.of(asking(f"{URL}/count_tokens")) is None
    assert dialects.of(asking("https://api.openai.com/v1/threads/messages")) is None


# Reading genuine traffic


def test_genuine_messages_are_understood(corpus: Path) -> None:
    seen = 0
    for line, exchange in genuine(corpus, "anthropic_messages", 200):
        if isinstance(line["response_body"], dict):
            assert_understood(line["response_body"], exchange)
            seen += 1
    assert seen > 100


def assert_understood(body: dict[str, Any], exchange: Exchange) -> None:
    meaning = dialects.meaning(exchange)
    assert meaning is not None
    content = body["content"]
    assert meaning.text == "".join(b["text"] for b in content if b["type"] == "text")
    calls = [(b["id"], b["name"], b["input"]) for b in content if b["type"] == "tool_use"]
    assert [(c.id, c.name, c.arguments) for c in meaning.calls] == calls
    prompt = sum(body["usage"].get(f"{kind}input_tokens") or 0 for kind in KINDS)
    assert meaning.usage == (prompt, body["usage"]["output_tokens"])
    assert (meaning.finish == "tool_calls") == (body["stop_reason"] == "tool_use")
    assert meaning.complete
    assert meaning.error is None


def test_genuine_streams_are_understood(corpus: Path) -> None:
    seen = 0
    for line, exchange in genuine(corpus, "anthropic_messages", 200):
        if isinstance(line["response_body"], str):
            meaning = dialects.meaning(exchange)
            assert meaning is not None
            sent = line["response_body"]
            texts = re.findall(r'"type":\s?"text_delta",\s?"text":\s?("(?:[^"\\]|\\.)*")', sent)
            assert meaning.text == "".join(map(json.loads, texts))
            names = re.findall(r'"type":"tool_use","id":"[^"]*","name":"([^"]*)"', sent)
            assert [call.name for call in meaning.calls] == names
            assert all(isinstance(call.arguments, dict) for call in meaning.calls)
            assert meaning.usage is not None
            assert meaning.finish
            assert meaning.complete
            seen += 1
    assert seen > 50


def test_genuine_errors_are_understood(corpus: Path) -> None:
    errors = [
        (line, exchange)
        for line, exchange in genuine(corpus, "anthropic_messages")
        if line["status"] != 200
    ]
    assert len(errors) > 20
    for line, exchange in errors:
        meaning = dialects.meaning(exchange)
        assert meaning is not None
        assert meaning.error == line["response_body"]["error"]["message"]


def test_no_genuine_request_that_was_answered_is_refused(corpus: Path) -> None:
    for line, exchange in genuine(corpus, "anthropic_messages", 200):
        asked = US.asked(exchange.request)
        body = line["request_body"]
        assert asked["model"] == body["model"]
        assert asked["max_tokens"] == body["max_tokens"]
        assert asked.get("stream", False) == body.get("stream", False)
        assert ("tools" in asked) == any("input_schema" in t for t in body.get("tools") or ())
        last = asked["messages"][-1]
        assert last["role"] in ("user", "assistant", "tool")


@pytest.mark.parametrize("end", [b"event: message_stop", b"event: message_delta"])
def test_a_stream_that_is_cut_off_is_not_complete(end: bytes) -> None:
    response = answer(ask("Count from 1 to 5.", stream=True))
    meaning = told(US, STREAMED, cut(response, end))
    assert meaning.text == "1, 2, 3, 4, 5"
    assert not meaning.complete


def test_an_error_in_a_stream_is_an_error() -> None:
    value = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    good = cut(answer(ask("Count from 1 to 5.", stream=True)), b"event: message_delta")
    event = b"event: error\ndata: " + json.dumps(value).encode() + b"\n\n"
    broken = Response(200, good.headers, (Chunk(good.body + event),))
    meaning = told(US, STREAMED, broken)
    assert meaning.error == "Overloaded"
    assert not meaning.complete


@pytest.mark.parametrize(
    ("stop_reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("something_new", "something_new"),
    ],
)
def test_why_it_ended_is_said_in_the_words_of_openai(stop_reason: str, finish: str) -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
    content = [thought, {"type": "text", "text": "Yes."}]
    value = {"type": "message", "content": content, "stop_reason": stop_reason}
    meaning = told(US, ASKED, json_reply(value))
    assert (meaning.text, meaning.finish, meaning.usage) == ("Yes.", finish, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"oops", b"data: {}\n\n", b'{"content": 1}'])
@pytest.mark.parametrize("status", [200, 500])
def test_what_is_no_reply_means_nothing(body: bytes, status: int) -> None:
    response = Response(status, Headers(), (Chunk(body),))
    assert US.meaning(answered(ASKED, response)) is None


# Writing what looks genuine


@pytest.fixture(scope="module")
def messages(corpus: Path) -> Shapes:
    replies = [line["response_body"] for line, _ in genuine(corpus, "anthropic_messages")]
    return learnt((reply for reply in replies if isinstance(reply, dict)), {"input"})


@pytest.fixture(scope="module")
def streams(corpus: Path) -> Shapes:
    replies = [line["response_body"] for line, _ in genuine(corpus, "anthropic_messages", 200)]
    texts = [reply.encode() for reply in replies if isinstance(reply, str)]
    return learnt((event for text in texts for event in events(text)), {"input"})


@pytest.mark.parametrize(
    ("ours", "told"),
    [
        ({"type": "a", "n": 1, "of": [{"x": 1}]}, []),
        ({"type": "a", "of": []}, ["$<a> has no n"]),
        ({"type": "a", "n": 1, "of": [], "m": 1}, ["$<a> has a m"]),
        ({"type": "a", "n": "1", "of": []}, ["$<a>.n is string, not number"]),
        ({"type": "a", "n": 1, "of": [{"x": 1, "y": 1}]}, ["$<a>.of[] has 2 members"]),
        ({"type": "b"}, ["$<b> was never seen"]),
        ({"n": 1, "of": []}, ["$ was never seen"]),
    ],
)
def test_a_shape_tells_what_differs(ours: object, told: list[str]) -> None:
    genuine = {"type": "a", "n": 0.5, "of": [{"x": 1}, {"y": 1}]}
    found = differences(learnt([genuine, {**genuine, "of": []}]), ours)
    assert len(found) == len(told)
    assert all(one.startswith(begin) for one, begin in zip(found, told, strict=True))


def test_what_we_write_has_the_shape_of_what_is_genuine(messages: Shapes, streams: Shapes) -> None:
    seen = set[str]()
    for name, said, _ in golden():
        if said[0]["object"] == "chat.completion":
            value = document(US.whole(ASKED, said[0]))
            assert differences(messages, value) == [], name
            seen.add(value["stop_reason"])
        else:
            for event in events(US.streamed(STREAMED, said).body):
                assert differences(streams, event) == [], name
                seen.add(event["type"])
    assert seen >= {"end_turn", "max_tokens", "tool_use", "content_block_delta", "message_stop"}


@pytest.mark.parametrize("status", [400, 401, 404, 429, 529])
def test_our_errors_have_the_shape_of_what_is_genuine(messages: Shapes, status: int) -> None:
    response = US.refused(status, "No.")
    value = document(response)
    assert response.status == status
    # Older errors had no request_id.
    assert differences(messages, value) == []
    assert told(US, ASKED, response).error == "No."


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, "permission_error"), (500, "api_error"), (422, "invalid_request_error")],
)
def test_an_error_has_the_type_of_its_status(status: int, kind: str) -> None:
    assert document(US.refused(status, "No."))["error"]["type"] == kind


def test_a_stream_has_named_events_in_order() -> None:
    response = answer(ask("Say yes.", stream=True))
    named = [event.event for event in parse(response.body).events]
    assert named == [event["type"] for event in events(response.body)]
    delta = [name for name in named if name == "content_block_delta"]
    assert named == [
        *("message_start", "content_block_start", "ping"),
        *delta,
        *("content_block_stop", "message_delta", "message_stop"),
    ]


def test_golden_answers_mean_the_same_in_this_api() -> None:
    for name, said, openai in golden():
        assert_same(name, written(US, said, ASKED, STREAMED), openai)


@given(st.data())
def test_no_spoilt_reply_is_too_much(data: st.DataObject) -> None:
    stream = data.draw(st.booleans())
    request = ask("Call get_weather for Rome.", tools=[WEATHER], stream=stream)
    US.meaning(answered(request, data.draw(spoilt(answer(request).body))))


@given(anything)
def test_no_request_is_too_much(value: object) -> None:
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}
    for name in [*MEMBERS, "messages.0"]:
        spoilt_body = {**body, name: value}
        if name == "messages.0":
            spoilt_body = {**body, "messages": [{"role": "user", "content": value}, value]}
        with contextlib.suppress(Refused):
            US.asked(asking(URL, **spoilt_body))


# Asking our stand-in


def test_a_prompt_is_answered() -> None:
    meaning = told(US, ASKED, answer(ask("Count from 1 to 5.")))
    assert (meaning.text, meaning.finish) == ("1, 2, 3, 4, 5", "stop")


def test_the_system_prompt_is_obeyed() -> None:
    for system in (
        "Always answer with the word Ahoy.",
        [{"type": "text", "text": "Always answer with the word Ahoy."}],
    ):
        assert "Ahoy" in told(US, ASKED, answer(ask("Hi", system=system))).text


def test_a_stop_sequence_stops() -> None:
    request = ask("Count from 1 to 5.", stop_sequences=["3"])
    assert told(US, ASKED, answer(request)).text == "1, 2, "


def test_a_limit_cuts() -> None:
    value = document(answer(ask("Count from 1 to 100.", max_tokens=5)))
    assert value["stop_reason"] == "max_tokens"
    assert value["usage"]["output_tokens"] == 5


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("choice", ["auto", "any", "tool"])
def test_a_tool_is_called_and_its_result_read(choice: str, *, stream: bool) -> None:
    tool_choice = {"type": choice, **({"name": "get_weather"} if choice == "tool" else {})}
    asked = "Call get_weather for Rome."
    request = ask(asked, tools=[WEATHER], tool_choice=tool_choice, stream=stream)
    meaning = told(US, request, answer(request))
    (call,) = meaning.calls
    assert (call.name, meaning.finish) == ("get_weather", "tool_calls")
    assert set(call.arguments) == {"city"}
    use = {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "17 degrees"}
    after = [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    again = ask(asked, *after, tools=[WEATHER])
    assert "17 degrees" in told(US, again, answer(again)).text


def test_no_tool_is_called_that_may_not_be() -> None:
    request = ask("Call get_weather for Rome.", tools=[WEATHER], tool_choice={"type": "none"})
    assert told(US, request, answer(request)).calls == ()


def test_calls_are_made_one_by_one_if_so_wished() -> None:
    both = [WEATHER, {**WEATHER, "name": "get_time"}]
    asked = "Call get_weather and get_time for Rome."
    wish = {"type": "auto", "disable_parallel_tool_use": True}
    assert len(told(US, ASKED, answer(ask(asked, tools=both))).calls) == 2
    assert len(told(US, ASKED, answer(ask(asked, tools=both, tool_choice=wish))).calls) == 1


def test_a_picture_is_seen() -> None:
    data = solid_png(255, 0, 0).partition(",")[2]
    source = {"type": "base64", "media_type": "image/png", "data": data}
    said = {
        "role": "user",
        "content": [{"type": "image", "source": source}, {"type": "text", "text": "What colour?"}],
    }
    assert told(US, ASKED, answer(ask(said))).text == "red"


@pytest.mark.parametrize("at", ["output_config", "output_format"])
def test_a_schema_is_filled_in(at: str) -> None:
    wanted = {
        "type": "json_schema",
        "schema": {**WEATHER["input_schema"], "additionalProperties": False},
    }
    members = {at: wanted if at == "output_format" else {"format": wanted}}
    assert set(json.loads(told(US, ASKED, answer(ask("Hi", **members))).text)) == {"city"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"user": "me"}, "user: Extra inputs are not permitted"),
        ({"n": 2}, "n: Extra inputs are not permitted"),
        ({"metadata": {"team": "a"}}, "metadata.team: Extra inputs are not permitted"),
        ({"max_tokens": None}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
        ({"temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
        ({"messages": []}, "messages: at least one message is required"),
        (
            {"stop_sequences": ["\n"]},
            "stop_sequences: each stop sequence must contain non-whitespace",
        ),
        (
            {"tool_choice": {"type": "auto"}},
            "tool_choice: may only be specified while providing tools",
        ),
        (
            {"messages": [{"role": "system", "content": "Hi"}]},
            'messages: Unexpected role "system".',
        ),
        ({"messages": [{"role": "tool", "content": "Hi"}]}, "messages.0.role: Input should be"),
        ({"messages": [{"role": "user", "content": "Hi", "name": "x"}]}, "messages.0.name: Extra"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages.0.content.0: Input tag 'image_url'",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
            "messages: text content blocks must be non-empty",
        ),
        ({"tools": [{"name": "f"}]}, "tools.0.custom.input_schema: Field required"),
    ],
)
def test_what_the_api_refuses_is_refused(members: dict[str, Any], message: str) -> None:
    response = answer(ask("Hi", **members))
    assert response.status == 400
    value = document(response)
    assert value["error"]["type"] == "invalid_request_error"
    assert value["error"]["message"].startswith(message)


@pytest.mark.parametrize("name", ["model", "max_tokens", "messages"])
def test_what_must_be_there_is_missed(name: str) -> None:
    body = json.loads(ask("Hi").body)
    del body[name]
    assert document(answer(asking(URL, **body)))["error"]["message"] == f"{name}: Field required"


def test_what_openai_has_a_word_for_is_renamed() -> None:
    asked = US.asked(
        ask(
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
            system="Be brief.",
            top_p=0.5,
            top_k=4,
            metadata={"user_id": "me"},
            stop_sequences=["x"],
        )
    )
    assert asked == {
        "model": "claude-haiku-4-5",
        "max_tokens": 200,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        ],
        "top_p": 0.5,
        "user": "me",
        "stop": ["x"],
    }
