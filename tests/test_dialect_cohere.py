"""Cohere's Chat API is read as Cohere writes it, and written as Cohere would."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from native_replies import (
    CITY,
    COUNTED,
    STREAMS,
    WHOLE,
    answered,
    expected,
    mutilated,
    objects,
    post,
    refusal,
    replied,
    said,
    written,
)
from native_shapes import differences, genuine, learnt

from conformance import dialects
from conformance.dialects import Called, Meaning
from conformance.dialects.cohere import Cohere
from conformance.model import Exchange, Headers, Request
from conformance.pictures import solid_png
from conformance.upstream import standin

URL = "https://api.cohere.com/v2/chat"


def asking(prompt: Any, **more: Any) -> dict[str, Any]:
    return {"model": "command-a", "messages": [{"role": "user", "content": prompt}], **more}


def function(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": CITY, **more}}


COUNT = asking("Count from 1 to 30, comma separated.")
WEATHER = asking("What is the weather in Paris?", tools=[function("get_weather")])


def recordings(corpus: Path, status: int | None = None) -> Iterator[tuple[Any, Exchange]]:
    """Those of version 2; the first one of the API is another language."""
    for line, exchange in genuine(corpus, "cohere_chat", status):
        if line["path"] == "/v2/chat":
            yield line, exchange


def text_of(body: Any) -> str:
    """The text of a whole answer, or of a stream, read in the simplest way."""
    if isinstance(body, str):
        deltas = re.findall(r'^data: (\{"type":"content-delta".*)$', body, re.MULTILINE)
        contents = [json.loads(delta)["delta"]["message"]["content"] for delta in deltas]
    else:
        contents = body["message"].get("content", [])
    return "".join(content.get("text", "") for content in contents)


def test_every_genuine_answer_is_read(corpus: Path) -> None:
    read = 0
    for line, exchange in recordings(corpus, 200):
        meaning, body = dialects.meaning(exchange), line["response_body"]
        assert meaning is not None, line["id"]
        assert meaning.complete, line["id"]
        assert meaning.text == text_of(body), line["id"]
        written_as = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
        ids = re.findall(r'"id":"(\w+)","(?:type":"function","function|function)', written_as)
        assert len(meaning.calls) == written_as.count('"type":"function"'), line["id"]
        assert {call.id for call in meaning.calls} >= set(ids), line["id"]
        assert all(isinstance(call.arguments, dict) for call in meaning.calls), line["id"]
        counts = re.findall(r'"tokens":\{[^}]*"(?:in|out)put_tokens":[^}]*\}', written_as)
        tokens = json.loads(counts[-1].removeprefix('"tokens":'))
        assert meaning.usage == (tokens["input_tokens"], tokens["output_tokens"]), line["id"]
        read += 1
    assert read > 60


def test_every_genuine_error_is_read(corpus: Path) -> None:
    found = [(line, exchange) for line, exchange in recordings(corpus) if line["status"] != 200]
    assert found
    for line, exchange in found:
        assert dialects.meaning(exchange) == Meaning(error=line["response_body"]["message"])


def test_no_genuine_request_that_was_answered_is_refused(corpus: Path) -> None:
    for _, exchange in recordings(corpus, 200):
        assert Cohere().asked(exchange.request)["messages"]


@pytest.mark.parametrize(("names", "stream"), [(WHOLE, False), (STREAMS, True)])
def test_our_answers_look_like_genuine_ones(corpus: Path, names: list[str], stream: bool) -> None:  # noqa: FBT001  # a parameter of pytest's
    found = [exchange for line, exchange in recordings(corpus, 200) if line["stream"] is stream]
    shapes = learnt(value for one in found if one.response for value in objects(one.response.body))
    for name in names:
        response = written(name, post(URL, COUNT)).response
        assert response is not None
        # The scores of tokens are documented, but were never recorded.
        expected_to_differ = "has a logprobs" if "logprobs" in name else ()
        assert [
            difference
            for value in objects(response.body)
            for difference in differences(shapes, value)
            if not difference.endswith(expected_to_differ)
        ] == [], name


def test_a_streams_events_go_by_their_names_and_end_as_genuine_ones(corpus: Path) -> None:
    def names(body: str) -> list[tuple[str, str]]:
        return re.findall(r'event: (\S+)\ndata: \{(?:"id":"[^"]+",)?"type":"([\w-]+)"', body)

    streams = [line["response_body"] for line, _ in recordings(corpus, 200) if line["stream"]]
    ours = standin.answer(post(URL, WEATHER | {"stream": True})).body.decode()
    for body in [*streams, ours]:
        assert all(event == kind for event, kind in names(body))
        assert names(body)[0][0] == "message-start"
        assert names(body)[-1][0] == "message-end"
        assert body.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("name", [*WHOLE, *STREAMS])
def test_what_is_written_is_what_is_read(name: str) -> None:
    meaning = dialects.meaning(written(name, post(URL, COUNT)))
    assert meaning == expected(name, ids=True)


WRITTEN = [
    exchange.response.body
    for name in ("chat.tools_parallel", "chat.basic", "stream.tools_auto", "stream.length")
    if (exchange := written(name, post(URL, COUNT))).response
]


@given(mutilated(*WRITTEN))
def test_mutilated_answers_are_read_as_far_as_they_go(body: bytes) -> None:
    for status in (200, 500):
        meaning = answered(body, URL, status)
        assert meaning is None or isinstance(meaning.text, str)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("more", "text", "finish"),
    [
        ({}, COUNTED, "stop"),
        ({"stop_sequences": [" 7"]}, "1, 2, 3, 4, 5, 6,", "stop"),
        ({"max_tokens": 5}, "1, 2, 3", "length"),
        ({"temperature": 0, "p": 0.5, "k": 3, "seed": 1, "stop_sequences": []}, COUNTED, "stop"),
        ({"frequency_penalty": 0.5, "presence_penalty": 0.5, "documents": None}, COUNTED, "stop"),
    ],
)
def test_parameters_have_their_effect(stream: bool, more: Any, text: str, finish: str) -> None:  # noqa: FBT001  # a parameter of pytest's
    meaning = said(URL, COUNT | more | {"stream": stream})
    assert (meaning.text, meaning.finish, meaning.complete) == (text, finish, True)
    assert meaning.usage is not None
    assert meaning.usage[0] == 16


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("choice", [{}, {"tool_choice": "REQUIRED"}])
def test_tools_are_called(stream: bool, choice: Any) -> None:  # noqa: FBT001  # a parameter of pytest's
    meaning = said(URL, WEATHER | choice | {"stream": stream})
    [call] = meaning.calls
    assert (meaning.finish, call.name, call.arguments) == (
        "tool_calls",
        "get_weather",
        {"city": "Paris"},
    )
    assert call.id


def test_a_call_without_arguments_streams_none_of_them() -> None:
    exchange = written("chat.tool_no_arguments", post(URL, COUNT))
    clock = [{"type": "function", "function": {"name": "get_server_time"}}]
    body = asking("What does get_server_time say?", tools=clock, stream=True)
    kinds = [event["type"] for event in objects(standin.answer(post(URL, body)).body)]
    assert kinds == ["message-start", "tool-call-start", "tool-call-end", "message-end"]
    for meaning in (dialects.meaning(exchange), said(URL, body)):
        assert meaning is not None
        assert [call.arguments for call in meaning.calls] == [{}]


def test_who_accepts_only_json_gets_lines() -> None:
    request = replace(
        post(URL, WEATHER | {"stream": True}), headers=Headers([("Accept", "application/json")])
    )
    response = standin.answer(request)
    assert response.headers.get("content-type") == "application/stream+json"
    assert json.loads(response.body.splitlines()[0])["type"] == "message-start"
    meaning = dialects.meaning(replied(request, response))
    assert meaning == said(URL, WEATHER | {"stream": True})


def test_no_tool_is_called_if_there_shall_be_none() -> None:
    assert said(URL, WEATHER | {"tool_choice": "NONE"}).calls == ()


def test_tokens_are_scored() -> None:
    wanted = COUNT | {"logprobs": True, "max_tokens": 3}
    [whole] = objects(standin.answer(post(URL, wanted)).body)
    pieces = objects(standin.answer(post(URL, wanted | {"stream": True})).body)
    assert [one["text"] for one in whole["logprobs"]] == ["1", ",", " 2"]
    assert [one["logprobs"] for one in pieces if "logprobs" in one] == whole["logprobs"]


@pytest.mark.parametrize(
    "content",
    [
        "17 degrees",
        [{"type": "text", "text": "17 degrees"}],
        [{"type": "document", "document": {"data": "17 degrees"}}],
    ],
)
def test_results_are_heard(content: Any) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    talk = [
        *WEATHER["messages"],
        {"role": "assistant", "tool_calls": [call], "tool_plan": "I will ask."},
        {"role": "tool", "tool_call_id": "a", "content": content},
    ]
    assert said(URL, WEATHER | {"messages": talk}).text == "The tool says: 17 degrees"


def test_results_may_be_objects() -> None:
    document = {"type": "document", "document": {"data": {"rain": 1}}}
    message = {"role": "tool", "tool_call_id": "a", "content": [document]}
    [told] = Cohere().asked(post(URL, COUNT | {"messages": [message]}))["messages"]
    assert told["content"] == [{"type": "text", "text": '{"rain":1}'}]


@pytest.mark.parametrize("name", ["json_schema", "schema"])
def test_schemas_are_filled_in(name: str) -> None:
    schema = {"type": "object", "properties": {"a": {"const": 7}}, "required": ["a"]}
    form = {"type": "json_object", name: schema}
    assert json.loads(said(URL, COUNT | {"response_format": form}).text) == {"a": 7}


def test_json_is_spoken_if_asked_for() -> None:
    form = {"type": "json_object"}
    assert json.loads(said(URL, asking("Say OK as JSON.", response_format=form)).text)
    assert said(URL, COUNT | {"response_format": {"type": "text"}}).text == COUNTED


def test_pictures_are_seen_and_thoughts_are_not_heard() -> None:
    picture = {"type": "image_url", "image_url": {"url": solid_png(255, 0, 0)}}
    question = {"type": "text", "text": "Which colour has the image?"}
    thought = {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}]}
    shown = asking([question, picture])
    assert said(URL, shown | {"messages": [thought, *shown["messages"]]}).text == "red"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (COUNT | {"num_generations": 1}, "num_generations"),
        (COUNT | {"user": "me"}, "user"),
        (COUNT | {"tools": [function("f", strict=True)]}, "strict"),
    ],
)
def test_cohere_refuses_what_it_does_not_know(body: Any, name: str) -> None:
    status, error = refusal(URL, body)
    assert status == 422
    assert error["message"].startswith(f"unknown field: parameter '{name}' is not a valid field.")
    assert set(error) == {"id", "message"}


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        *(("COMPLETE", "stop"), ("STOP_SEQUENCE", "stop"), ("MAX_TOKENS", "length")),
        *(("TOOL_CALL", "tool_calls"), ("ERROR", "ERROR"), ("TIMEOUT", "TIMEOUT"), (None, None)),
    ],
)
def test_endings(reason: Any, finish: str | None) -> None:
    message = {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
    meaning = answered(json.dumps({"message": message, "finish_reason": reason}), URL)
    assert meaning == Meaning(text="Hi", finish=finish, complete=finish is not None)


def test_a_stream_that_is_cut_off_is_not_complete() -> None:
    body = standin.answer(post(URL, WEATHER | {"stream": True})).body
    cut = body[: body.index(b"event: tool-call-end")]
    meaning = answered(cut, URL)
    assert meaning is not None
    assert (meaning.complete, meaning.finish, meaning.usage) == (False, None, None)
    assert meaning.calls == (Called("get_weather", {"city": "Paris"}, meaning.calls[0].id),)


@pytest.mark.parametrize("body", ["", "[]", "{}", "data: [DONE]\n\n", "<html>", '{"message": ""}'])
def test_what_is_no_answer_says_nothing(body: str) -> None:
    assert answered(body, URL) is None


CALL = {"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
DOCUMENT = {"type": "document", "document": {"data": {"rain": 1}}}
FULL = WEATHER | {
    "messages": [
        *WEATHER["messages"],
        {"role": "assistant", "tool_calls": [CALL], "tool_plan": "I will ask."},
        {"role": "tool", "tool_call_id": "a", "content": [DOCUMENT]},
    ],
    "response_format": {"type": "json_object", "json_schema": CITY},
    "stop_sequences": ["x"],
    "tool_choice": "REQUIRED",
}


@given(mutilated(json.dumps(FULL).encode()))
def test_mutilated_requests_are_answered_or_refused(body: bytes) -> None:
    assert standin.answer(Request("POST", URL, body=body)).status in (200, 400, 422)
