"""Ollama's API is read as Ollama writes it, and written as Ollama would."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
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
    said,
    written,
)
from native_shapes import differences, genuine, learnt

from conformance import dialects
from conformance.dialects import Called, Meaning
from conformance.dialects.ollama import Ollama
from conformance.model import Exchange, Request
from conformance.pictures import solid_png
from conformance.upstream import standin

CHAT = "http://localhost:11434/api/chat"
GENERATE = "http://localhost:11434/api/generate"
SHOW = "http://localhost:11434/api/show"
QUESTION = "Count from 1 to 30, comma separated."


def asking(url: str, prompt: str, **more: Any) -> dict[str, Any]:
    talk = {"messages": [{"role": "user", "content": prompt}]}
    return {"model": "llama3", **({"prompt": prompt} if url == GENERATE else talk), **more}


WEATHER = asking(
    CHAT,
    "What is the weather in Paris?",
    tools=[{"type": "function", "function": {"name": "get_weather", "parameters": CITY}}],
)


def recordings(corpus: Path, status: int | None = None) -> Iterator[tuple[Any, Exchange]]:
    return genuine(corpus, "ollama_native", status)


def values(body: Any) -> list[Any]:
    """The answer, or its pieces; two recordings broke a line before an object's last members."""
    if not isinstance(body, str):
        return [body]
    whole = re.sub(r'(:|,)\n(?=\{"role"|"context")', r"\1", body)
    return [json.loads(line) for line in whole.splitlines() if line]


def test_every_genuine_answer_is_read(corpus: Path) -> None:
    read = 0
    for line, exchange in recordings(corpus, 200):
        meaning, found = dialects.meaning(exchange), values(line["response_body"])
        assert meaning is not None, line["id"]
        assert meaning.complete, line["id"]
        messages = [value["message"] for value in found if "message" in value]
        texts = [message["content"] for message in messages]
        assert meaning.text == "".join(texts or [value["response"] for value in found]), line["id"]
        called = [call["function"] for one in messages for call in one.get("tool_calls", [])]
        assert [(call.name, call.arguments) for call in meaning.calls] == [
            (call["name"], call["arguments"]) for call in called
        ], line["id"]
        counted = found[-1].get("prompt_eval_count"), found[-1].get("eval_count")
        assert meaning.usage == (None if None in counted else counted), line["id"]
        read += 1
    assert read > 50


def test_every_genuine_error_is_read(corpus: Path) -> None:
    found = [(line, exchange) for line, exchange in recordings(corpus) if line["status"] != 200]
    assert found
    for line, exchange in found:
        assert dialects.meaning(exchange) == Meaning(error=line["response_body"]["error"])


def test_no_genuine_request_that_was_answered_is_refused(corpus: Path) -> None:
    for _, exchange in recordings(corpus, 200):
        assert Ollama().asked(exchange.request)["messages"]


@pytest.mark.parametrize("url", [CHAT, GENERATE])
@pytest.mark.parametrize(("names", "stream"), [(WHOLE, False), (STREAMS, True)])
def test_our_answers_look_like_genuine_ones(
    corpus: Path,
    url: str,
    names: list[str],
    stream: bool,  # noqa: FBT001  # a parameter of pytest's
) -> None:
    bodies = [
        line["response_body"]
        for line, _ in recordings(corpus, 200)
        if line["path"] in url and isinstance(line["response_body"], str) is stream
    ]
    shapes = learnt((value for body in bodies for value in values(body)), ["arguments"])
    for name in names:
        response = written(name, post(url, asking(url, QUESTION))).response
        assert response is not None
        # The scores of tokens are documented, but were never recorded, and a conversation's
        # tokens as numbers are deprecated.
        expected_to_differ = ("has a logprobs", "has no context")
        assert [
            difference
            for value in objects(response.body)
            for difference in differences(shapes, value)
            if not difference.endswith(expected_to_differ)
        ] == [], name


@pytest.mark.parametrize("name", [*WHOLE, *STREAMS])
def test_what_is_written_is_what_is_read(name: str) -> None:
    meaning = dialects.meaning(written(name, post(CHAT, {})))
    assert meaning == expected(name, ids=False)


WRITTEN = [
    exchange.response.body
    for name in ("chat.tools_parallel", "chat.basic", "stream.tools_auto", "stream.length")
    if (exchange := written(name, post(CHAT, {}))).response
]


@given(mutilated(*WRITTEN))
def test_mutilated_answers_are_read_as_far_as_they_go(body: bytes) -> None:
    for status in (200, 500):
        meaning = answered(body, CHAT, status)
        assert meaning is None or isinstance(meaning.text, str)


@pytest.mark.parametrize("url", [CHAT, GENERATE])
@pytest.mark.parametrize("stream", [{"stream": False}, {"stream": True}, {}])
@pytest.mark.parametrize(
    ("options", "text", "finish"),
    [
        ({}, COUNTED, "stop"),
        ({"stop": [" 7"]}, "1, 2, 3, 4, 5, 6,", "stop"),
        ({"num_predict": 5.5, "stop": []}, "1, 2, 3", "length"),
        ({"num_predict": 5}, "1, 2, 3", "length"),
        ({"num_predict": -1, "temperature": 0, "top_k": 1, "min_p": 0.1}, COUNTED, "stop"),
    ],
)
def test_options_have_their_effect(
    url: str, stream: Any, options: Any, text: str, finish: str
) -> None:
    meaning = said(url, asking(url, QUESTION, options=options, **stream))
    assert (meaning.text, meaning.finish, meaning.complete) == (text, finish, True)
    assert meaning.usage is not None
    assert meaning.usage[0] == 16


def test_streams_are_what_comes_unasked() -> None:
    response = standin.answer(post(CHAT, asking(CHAT, QUESTION)))
    assert response.headers.get("content-type") == "application/x-ndjson"
    assert [value["done"] for value in objects(response.body)][-2:] == [False, True]


@pytest.mark.parametrize("stream", [False, True])
def test_tools_are_called(stream: bool) -> None:  # noqa: FBT001  # a parameter of pytest's
    meaning = said(CHAT, WEATHER | {"stream": stream})
    assert meaning.finish == "tool_calls"
    assert meaning.calls == (Called("get_weather", {"city": "Paris"}),)


def test_a_call_that_is_cut_off_is_left_out() -> None:
    meaning = said(CHAT, WEATHER | {"options": {"num_predict": 3}})
    assert (meaning.finish, meaning.calls) == ("length", ())


def test_what_is_no_function_is_no_tool() -> None:
    tools = [{"name": "get_weather", "parameters": CITY}, *WEATHER["tools"]]
    assert Ollama().asked(post(CHAT, WEATHER | {"tools": tools}))["tools"] == WEATHER["tools"]
    assert "tools" not in Ollama().asked(post(CHAT, WEATHER | {"tools": []}))


@pytest.mark.parametrize(
    "names", [({}, {}), ({"id": "a"}, {"tool_call_id": "a"}), ({}, {"tool_name": "get_weather"})]
)
def test_results_belong_to_their_calls(names: tuple[Any, Any]) -> None:
    call = {**names[0], "function": {"name": "get_weather", "arguments": {"city": "Paris"}}}
    talk = [
        *WEATHER["messages"],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "17 degrees", **names[1]},
    ]
    assert said(CHAT, WEATHER | {"messages": talk}).text == "The tool says: 17 degrees"


def test_a_result_without_a_call_is_another_turn() -> None:
    talk = [*WEATHER["messages"], {"role": "tool", "content": "Say OK"}]
    assert said(CHAT, WEATHER | {"messages": talk}).text == "OK"


@pytest.mark.parametrize("url", [CHAT, GENERATE])
def test_schemas_are_filled_in(url: str) -> None:
    schema = {"type": "object", "properties": {"a": {"const": 7}}, "required": ["a"]}
    assert json.loads(said(url, asking(url, QUESTION, format=schema)).text) == {"a": 7}


@pytest.mark.parametrize("url", [CHAT, GENERATE])
def test_json_is_spoken_if_asked_for(url: str) -> None:
    assert json.loads(said(url, asking(url, "Say OK as JSON.", format="json")).text)
    assert said(url, asking(url, QUESTION, format="")).text == COUNTED


def test_pictures_are_seen() -> None:
    data, question = solid_png(255, 0, 0).partition("base64,")[2], "Which colour has the image?"
    shown = {"role": "user", "content": question, "images": [data]}
    assert said(CHAT, asking(CHAT, "", messages=[shown])).text == "red"
    assert said(GENERATE, asking(GENERATE, question, images=[data])).text == "red"


def test_systems_are_heard() -> None:
    order = "Answer every question only with the word pineapple."
    assert said(GENERATE, asking(GENERATE, "How are you?", system=order)).text == "pineapple"


def test_tokens_are_scored() -> None:
    wanted = asking(CHAT, QUESTION, logprobs=True, top_logprobs=2, options={"num_predict": 3})
    pieces = objects(standin.answer(post(CHAT, wanted)).body)
    scores = [score for piece in pieces for score in piece.get("logprobs", [])]
    assert [score["token"] for score in scores] == ["1", ",", " 2"]
    [whole] = objects(standin.answer(post(CHAT, wanted | {"stream": False})).body)
    assert whole["logprobs"] == scores


def test_models_have_cards() -> None:
    [card] = objects(standin.answer(post(SHOW, {"name": "llama3"})).body)
    assert "tools" in card["capabilities"]
    assert card["model_info"]["llama.context_length"] > 0


@pytest.mark.parametrize("url", [CHAT, GENERATE])
def test_a_model_is_needed(url: str) -> None:
    assert refusal(url, {"prompt": "Hi"}) == (400, {"error": "model is required"})


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ({"stop": " 7"}, 'option "stop" must be of type array'),
        ({"stop": [7]}, 'option "stop" must be of an array of strings'),
        ({"num_predict": "5"}, 'option "num_predict" must be of type integer'),
        ({"temperature": "warm"}, 'option "temperature" must be of type float32'),
    ],
)
def test_options_have_types(option: Any, wanted: str) -> None:
    assert refusal(CHAT, asking(CHAT, QUESTION, options=option)) == (500, {"error": wanted})


def test_what_ollama_does_not_know_it_ignores() -> None:
    body = asking(CHAT, QUESTION, tool_choice="required", user="me", temperature="warm")
    assert said(CHAT, body).text == COUNTED


@pytest.mark.parametrize(
    ("done", "finish"),
    [({"done": True, "done_reason": "length"}, "length"), ({"done": True}, "stop"), ({}, None)],
)
def test_endings(done: Any, finish: str | None) -> None:
    meaning = answered(json.dumps({"response": "Hi", **done}), GENERATE)
    assert meaning == Meaning(text="Hi", finish=finish, complete=finish is not None)


def test_an_answer_may_be_indented() -> None:
    assert answered(json.dumps({"response": "Hi", "done": True}, indent=2), GENERATE) == Meaning(
        text="Hi", finish="stop"
    )


def test_an_error_may_come_in_a_stream() -> None:
    piece = {"message": {"role": "assistant", "content": "Hi"}, "done": False}
    meaning = answered(json.dumps(piece) + '\n{"error": "out of memory"}\n', CHAT)
    assert meaning == Meaning(text="Hi", error="out of memory", complete=False)


@pytest.mark.parametrize("body", ["", "[]", "{}", "<html>", '{"done": true}', "[" * 100_000])
def test_what_is_no_answer_says_nothing(body: str) -> None:
    assert answered(body, CHAT) is None


CALL = {"function": {"name": "get_weather", "arguments": {"city": "Paris"}}}
FULL = WEATHER | {
    "messages": [
        *WEATHER["messages"],
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "17 degrees", "tool_name": "get_weather", "images": []},
    ],
    "options": {"num_predict": 50, "stop": ["x"]},
    "format": CITY,
    "think": "low",
}


@given(mutilated(json.dumps(FULL).encode()))
def test_mutilated_requests_are_answered_or_refused(body: bytes) -> None:
    for url in (CHAT, GENERATE):
        assert standin.answer(Request("POST", url, body=body)).status in (200, 400, 500)
