"""Gemini is read as Google writes it, and written as Google would."""

from __future__ import annotations

import json
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
from conformance.dialects.gemini import Gemini
from conformance.model import Exchange, Request, Response
from conformance.pictures import solid_png
from conformance.upstream import standin

HOST = "https://generativelanguage.googleapis.com"
URL = f"{HOST}/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = f"{HOST}/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
VERTEX = (
    "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1"
    "/publishers/google/models/gemini-2.5-flash:generateContent"
)
WRAPPED = "a gateway's recorder put both bodies into objects of its own"
UNREAD = {"4b1be9b5d5": WRAPPED}
"""Recordings that cannot be read, by how their ids begin."""
COMMA = "c4860e102d"
"""A recording whose error was shortened by hand, and is no JSON since."""


def asking(prompt: str, **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": prompt}]}], **more}


COUNT = asking("Count from 1 to 30, comma separated.")
WEATHER = asking(
    "What is the weather in Paris?",
    tools=[
        {
            "functionDeclarations": [
                {
                    "name": "get_weather",
                    "parameters": {
                        "type": "OBJECT",
                        "properties": {"city": {"type": "STRING"}},
                        "required": ["city"],
                    },
                },
                {"name": "get_forecast", "parametersJsonSchema": CITY},
            ]
        }
    ],
)


def recordings(corpus: Path, status: int | None = None) -> Iterator[tuple[Any, Exchange]]:
    for line, exchange in genuine(corpus, "gemini_generate", status):
        if line["id"][:10] not in UNREAD:
            yield line, exchange


def replies(response: Response) -> list[Any]:
    """The answers, or their pieces, read in the simplest way."""
    text = response.body.decode()
    if text.startswith("data:"):
        return [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:")]
    value = json.loads(text)
    return value if isinstance(value, list) else [value]


def test_every_genuine_answer_is_read(corpus: Path) -> None:
    read = 0
    for line, exchange in recordings(corpus, 200):
        meaning, response = dialects.meaning(exchange), exchange.response
        assert meaning is not None, line["id"]
        assert response is not None
        pieces = replies(response)
        parts = [
            part
            for piece in pieces
            for candidate in piece.get("candidates", [])
            if candidate.get("index", 0) == 0
            for part in candidate.get("content", {}).get("parts", [])
        ]
        thoughtless = [part for part in parts if not part.get("thought")]
        assert meaning.text == "".join(part.get("text", "") for part in thoughtless), line["id"]
        called = [part["functionCall"] for part in parts if "functionCall" in part]
        assert [(c.name, c.arguments) for c in meaning.calls] == [
            (call["name"], call["args"]) for call in called
        ], line["id"]
        total = pieces[-1]["usageMetadata"].get("totalTokenCount")
        assert (meaning.usage and sum(meaning.usage)) == total, line["id"]
        read += 1
    assert read > 200


def test_every_genuine_error_is_read(corpus: Path) -> None:
    read = 0
    for line, exchange in recordings(corpus):
        if line["status"] == 200:
            continue
        meaning = dialects.meaning(exchange)
        body = line["response_body"]
        message = body["error"]["message"] if isinstance(body, dict) else ""
        assert meaning == Meaning(error=message), line["id"]
        assert message or line["id"].startswith(COMMA)
        read += 1
    assert read > 20


def test_no_genuine_request_that_was_answered_is_refused(corpus: Path) -> None:
    for _, exchange in recordings(corpus, 200):
        assert Gemini().asked(exchange.request)["messages"]


@pytest.mark.parametrize(("names", "url"), [(WHOLE, URL), (STREAMS, STREAM)])
def test_our_answers_look_like_genuine_ones(corpus: Path, names: list[str], url: str) -> None:
    verb = "stream" if url == STREAM else ":generate"
    found = [exchange for line, exchange in recordings(corpus, 200) if verb in line["path"]]
    shapes = learnt(
        (piece for one in found if one.response for piece in replies(one.response)), ["args"]
    )
    for name in names:
        response = written(name, post(url, COUNT)).response
        assert response is not None
        # The scores of tokens are documented, but were never recorded.
        expected_to_differ = ("avgLogprobs", "logprobsResult") if "logprobs" in name else ()
        assert [
            difference
            for piece in replies(response)
            for difference in differences(shapes, piece)
            if not difference.endswith(expected_to_differ)
        ] == [], name


@pytest.mark.parametrize("name", [*WHOLE, *STREAMS])
def test_what_is_written_is_what_is_read(name: str) -> None:
    url = URL if name in WHOLE else STREAM
    assert dialects.meaning(written(name, post(url, COUNT))) == expected(name, ids=False)


WRITTEN = [
    exchange.response.body
    for name, url in [
        *(("chat.tools_parallel", URL), ("chat.basic", URL)),
        *(("stream.tools_auto", STREAM), ("stream.length", STREAM)),
    ]
    if (exchange := written(name, post(url, COUNT))).response
]


@given(mutilated(*WRITTEN))
def test_mutilated_answers_are_read_as_far_as_they_go(body: bytes) -> None:
    for status in (200, 500):
        meaning = answered(body, URL, status)
        assert meaning is None or isinstance(meaning.text, str)


def test_it_counts() -> None:
    for url in (URL, VERTEX, STREAM, STREAM.removesuffix("?alt=sse")):
        meaning = said(url, COUNT)
        assert (meaning.text, meaning.finish, meaning.complete) == (COUNTED, "stop", True)
        assert meaning.usage == (16, 59)


def test_a_stream_without_events_is_an_array() -> None:
    response = standin.answer(post(STREAM.removesuffix("?alt=sse"), COUNT))
    assert isinstance(json.loads(response.body), list)
    assert response.headers.get("content-type") == "application/json"


@pytest.mark.parametrize("url", [URL, STREAM])
@pytest.mark.parametrize(
    ("config", "text", "finish"),
    [
        ({"stopSequences": [" 7"]}, "1, 2, 3, 4, 5, 6,", "stop"),
        ({"stop_sequences": [" 7"]}, "1, 2, 3, 4, 5, 6,", "stop"),
        ({"maxOutputTokens": 5}, "1, 2, 3", "length"),
        (
            {"stopSequences": [], "temperature": 0, "topP": 0.9, "topK": 3, "seed": 1},
            COUNTED,
            "stop",
        ),
    ],
)
def test_configuration_has_its_effect(url: str, config: Any, text: str, finish: str) -> None:
    meaning = said(url, COUNT | {"generationConfig": config})
    assert (meaning.text, meaning.finish) == (text, finish)


def test_candidates_are_as_many_as_asked_for() -> None:
    for url in (URL, STREAM):
        response = standin.answer(post(url, COUNT | {"generationConfig": {"candidateCount": 2}}))
        found = {c["index"] for piece in replies(response) for c in piece["candidates"]}
        assert found == {0, 1}


def test_tokens_are_scored() -> None:
    config = {"responseLogprobs": True, "logprobs": 2, "maxOutputTokens": 3}
    [reply] = objects(standin.answer(post(URL, COUNT | {"generationConfig": config})).body)
    scored = reply["candidates"][0]["logprobsResult"]
    assert [one["token"] for one in scored["chosenCandidates"]] == ["1", ",", " 2"]
    assert [len(one["candidates"]) for one in scored["topCandidates"]] == [2, 2, 2]


@pytest.mark.parametrize("url", [URL, STREAM])
@pytest.mark.parametrize(
    ("config", "name"),
    [
        (None, "get_weather"),
        ({"mode": "AUTO"}, "get_weather"),
        ({"mode": "ANY", "allowedFunctionNames": ["get_forecast"]}, "get_forecast"),
        ({"mode": "ANY", "allowed_function_names": ["get_forecast", "get_weather"]}, "get_weather"),
    ],
)
def test_tools_are_called(url: str, config: Any, name: str) -> None:
    more = {"toolConfig": {"functionCallingConfig": config}} if config else {}
    meaning = said(url, WEATHER | more)
    assert meaning.finish == "tool_calls"
    assert meaning.calls == (Called(name, {"city": "Paris"}),)


def test_a_call_ends_with_stop() -> None:
    [reply] = objects(standin.answer(post(URL, WEATHER)).body)
    assert reply["candidates"][0]["finishReason"] == "STOP"


def test_no_tool_is_called_if_there_shall_be_none() -> None:
    more = {"tool_config": {"function_calling_config": {"mode": "none"}}}
    assert said(URL, WEATHER | more).calls == ()


def test_a_call_that_is_cut_off_is_left_out() -> None:
    meaning = said(URL, WEATHER | {"generationConfig": {"maxOutputTokens": 3}})
    assert (meaning.finish, meaning.calls) == ("length", ())


def test_results_belong_to_their_calls() -> None:
    called = [{"functionCall": {"name": "get_weather", "args": {"city": c}}} for c in ("A", "B")]
    results = [
        {"functionResponse": {"name": "get_weather", "response": {"content": "Sun"}}},
        {"function_response": {"name": "get_weather", "response": {"rain": 1}}},
    ]
    talk = [
        *WEATHER["contents"],
        {"role": "model", "parts": called},
        {"role": "user", "parts": results},
    ]
    asked = Gemini().asked(post(URL, WEATHER | {"contents": talk}))
    calls, told = asked["messages"][1]["tool_calls"], asked["messages"][2:]
    assert [call["id"] for call in calls] == [one["tool_call_id"] for one in told]
    assert [one["content"] for one in told] == ["Sun", '{"rain":1}']
    assert said(URL, WEATHER | {"contents": talk}).text == 'The tool says: {"rain":1}'


SCHEMA = {
    "type": "OBJECT",
    "properties": {
        "colour": {"type": "STRING", "enum": ["zorp"]},
        "sizes": {"type": "ARRAY", "items": {"type": "INTEGER"}, "nullable": True},
    },
    "required": ["colour"],
    "propertyOrdering": ["colour", "sizes"],
}


@pytest.mark.parametrize("name", ["responseSchema", "response_schema", "responseJsonSchema"])
def test_schemas_are_filled_in(name: str) -> None:
    config = {"responseMimeType": "application/json", name: SCHEMA}
    meaning = said(URL, asking("Which colour?", generationConfig=config))
    assert json.loads(meaning.text)["colour"] == "zorp"


def test_googles_schemas_become_json_schema() -> None:
    config = {"responseSchema": SCHEMA}
    asked = Gemini().asked(post(URL, COUNT | {"generationConfig": config}))
    schema = asked["response_format"]["json_schema"]["schema"]
    sizes = {"type": ["array", "null"], "items": {"type": "integer"}}
    assert schema["properties"] == {"colour": {"type": "string", "enum": ["zorp"]}, "sizes": sizes}
    assert "propertyOrdering" not in schema


def test_json_is_spoken_if_asked_for() -> None:
    config = {"responseMimeType": "application/json"}
    assert json.loads(said(URL, asking("Say OK as JSON.", generationConfig=config)).text)


@pytest.mark.parametrize("name", ["systemInstruction", "system_instruction"])
def test_systems_are_heard(name: str) -> None:
    order = {"parts": {"text": "Answer every question only with the word pineapple."}}
    assert said(URL, asking("How are you?", **{name: order})).text == "pineapple"


@pytest.mark.parametrize("names", [("inlineData", "mimeType"), ("inline_data", "mime_type")])
def test_pictures_are_seen(names: tuple[str, str]) -> None:
    data = solid_png(255, 0, 0).partition("base64,")[2]
    picture = {names[0]: {names[1]: "image/png", "data": data}}
    question = {"text": "Which colour has the image?"}
    assert said(URL, {"contents": [{"parts": [question, picture]}]}).text == "red"


def test_thoughts_are_not_heard() -> None:
    parts = [{"text": "Hm.", "thought": True}, {"text": "Hello."}]
    talk = [*COUNT["contents"], {"role": "model", "parts": parts}, *COUNT["contents"]]
    asked = Gemini().asked(post(URL, {"contents": talk}))
    assert asked["messages"][1] == {"role": "assistant", "content": "Hello."}


UNKNOWN = 'Invalid JSON payload received. Unknown name "{}"{}: Cannot find field.'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (COUNT | {"user": "me"}, UNKNOWN.format("user", "")),
        (COUNT | {"labels": {}}, UNKNOWN.format("labels", "")),
        (
            COUNT | {"generationConfig": {"n": 2}},
            UNKNOWN.format("n", " at 'generation_config'"),
        ),
        (
            COUNT | {"tools": [{"functionDeclarations": [{"name": "f", "strict": True}]}]},
            UNKNOWN.format("strict", " at 'tools[0].function_declarations[0]'"),
        ),
        (
            {"contents": [{"role": "assistant", "parts": [{"text": "Hi"}]}]},
            "Please use a valid role: user, model.",
        ),
        ({"contents": []}, "* GenerateContentRequest.contents: contents is not specified\n"),
    ],
)
def test_google_refuses_what_it_does_not_know(body: Any, message: str) -> None:
    error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}
    assert refusal(URL, body) == (400, {"error": error})


def test_labels_are_known_on_google_cloud() -> None:
    assert said(VERTEX, COUNT | {"labels": {"team": "x"}}).text == COUNTED


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (422, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (502, "INTERNAL"),
        (503, "UNAVAILABLE"),
    ],
)
def test_errors_have_googles_words(status: int, word: str) -> None:
    response = Gemini().refused(status, "No.")
    error = {"code": status, "message": "No.", "status": word}
    assert (response.status, json.loads(response.body)) == (status, {"error": error})


def candidate(reason: Any, *parts: Any) -> str:
    content = {"role": "model", "parts": parts}
    return json.dumps({"candidates": [{"content": content, "finishReason": reason}]})


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        *(("STOP", "stop"), (1, "stop"), ("MAX_TOKENS", "length"), (2, "length")),
        *(("SAFETY", "content_filter"), (3, "content_filter"), ("SPII", "content_filter")),
        *(("BLOCKLIST", "content_filter"), ("MALFORMED_FUNCTION_CALL", "MALFORMED_FUNCTION_CALL")),
        *((None, None), ("", None)),
    ],
)
def test_endings(reason: Any, finish: str | None) -> None:
    meaning = answered(candidate(reason, {"text": "Hi"}), URL)
    assert meaning == Meaning(text="Hi", finish=finish, complete=finish is not None)


def test_a_prompt_that_is_blocked_is_filtered() -> None:
    meaning = answered('{"promptFeedback": {"blockReason": "SAFETY"}}', URL)
    assert meaning == Meaning(finish="content_filter")


def test_an_error_may_come_in_a_stream() -> None:
    error = '{"error": {"code": 503, "message": "Overloaded.", "status": "UNAVAILABLE"}}'
    stream = f"data: {candidate(None, {'text': 'Hi'})}\r\n\r\ndata: {error}\r\n\r\n"
    meaning = answered(stream, STREAM)
    assert meaning == Meaning(text="Hi", error="Overloaded.", complete=False)


@pytest.mark.parametrize("body", ["", "[]", "{}", "data: [DONE]\n\n", "<html>", '{"a": 1}'])
def test_what_is_no_answer_says_nothing(body: str) -> None:
    assert answered(body, URL) is None


RESULT = {"functionResponse": {"id": "a", "name": "get_weather", "response": {"content": "Sun"}}}
CALLED = {"functionCall": {"id": "a", "name": "get_weather", "args": {"city": "Paris"}}}
FULL = WEATHER | {
    "contents": [
        *WEATHER["contents"],
        {"role": "model", "parts": [CALLED]},
        {"role": "user", "parts": [RESULT, {"inlineData": {"mimeType": "image/png", "data": ""}}]},
    ],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "generationConfig": {"stopSequences": ["x"], "responseSchema": SCHEMA, "seed": 1},
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
}


@given(mutilated(json.dumps(FULL).encode()))
def test_mutilated_requests_are_answered_or_refused(body: bytes) -> None:
    for url in (URL, STREAM):
        assert standin.answer(Request("POST", url, body=body)).status in (200, 400)
