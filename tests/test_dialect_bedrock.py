"""Bedrock's Converse and InvokeModel: genuine traffic is understood, and ours looks like it."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dialect_cases import (
    Json,
    answered,
    asking,
    assert_same,
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
from conformance.dialects import eventstream
from conformance.dialects.base import Dialect, Meaning, Refused, json_reply
from conformance.dialects.bedrock import Converse, frame
from conformance.dialects.bedrock_invoke import InvokeClaude, InvokeTitan
from conformance.dialects.bedrock_request import MEMBERS
from conformance.model import Chunk, Exchange, Headers, Request, Response
from conformance.pictures import solid_png
from conformance.upstream.standin import answer

HOST = "https://bedrock-runtime.us-east-1.amazonaws.com/model"
CONVERSE = f"{HOST}/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse"
CLAUDE = f"{HOST}/us.anthropic.claude-3-5-sonnet-20240620-v1%3A0/invoke"
TITAN = f"{HOST}/amazon.titan-text-express-v1/invoke"
INVOKED_STREAM = "-with-response-stream"
DIALECTS: dict[str, Dialect] = {CONVERSE: Converse(), CLAUDE: InvokeClaude(), TITAN: InvokeTitan()}
FREE = {"input", "inputAssessment", "outputAssessments"}
"""Members whose insides are anybody's: a tool's arguments, a guardrail's own names."""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SPEC = {"name": "get_weather", "inputSchema": {"json": SCHEMA}}
TOOLS = {"tools": [{"toolSpec": SPEC}]}


def streaming(url: str) -> str:
    return url + ("-stream" if url == CONVERSE else INVOKED_STREAM)


def converse(*said: object, url: str = CONVERSE, **members: object) -> Request:
    turns = [
        one if isinstance(one, dict) else {"role": "user", "content": [{"text": one}]}
        for one in said
    ]
    return asking(url, messages=turns, **members)


def claude(said: str, url: str = CLAUDE, **members: object) -> Request:
    messages = [{"role": "user", "content": said}]
    given = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 200, **members}
    return asking(url, messages=messages, **given)


def titan(said: str, url: str = TITAN, **config: object) -> Request:
    return asking(url, inputText=said, textGenerationConfig=config)


def prompt(url: str, said: str) -> Request:
    """``said`` in the API that ``url`` is one of."""
    if "/converse" in url:
        return converse(said, url=url)
    return claude(said, url) if "claude" in url else titan(said, url)


def events(response: Response) -> list[tuple[str, Json]]:
    frames = eventstream.decode(response.body)
    return [(frame.headers[":event-type"], json.loads(frame.payload)) for frame in frames]


def unpacked(value: Json) -> Any:
    return json.loads(base64.b64decode(value["bytes"]))


def recorded(
    corpus: Path, endpoint: str, status: int | None = 200
) -> Iterator[tuple[Json, Exchange]]:
    """Genuine exchanges in a dialect of ours, their streams in frames again."""
    for line, exchange in genuine(corpus, endpoint, status):
        body = line["response_body"]
        response = exchange.response
        if dialects.of(exchange.request) is None or response is None:
            continue
        if isinstance(body, list):
            chunks = tuple(Chunk(frame(event["event"], event["data"])) for event in body)
            yield line, replace(exchange, response=Response(200, response.headers, chunks))
        else:
            yield line, exchange


def understood(exchange: Exchange) -> Meaning:
    meaning = dialects.meaning(exchange)
    assert meaning is not None
    return meaning


@pytest.mark.parametrize("url", DIALECTS)
def test_requests_of_this_api_are_known_by_their_path(url: str) -> None:
    for one in (url, streaming(url)):
        dialect = dialects.of(asking(one))
        assert type(dialect) is type(DIALECTS[url])


@pytest.mark.parametrize("model", ["anthropic.claude-v2%3A1", "meta.llama3-70b-instruct-v1%3A0"])
def test_models_whose_bodies_we_do_not_know_are_not_spoken_to(model: str) -> None:
    assert dialects.of(asking(f"{HOST}/{model}/invoke")) is None
    assert answer(asking(f"{HOST}/{model}/invoke")).status == 404


# Reading genuine traffic


def test_genuine_converse_documents_are_understood(corpus: Path) -> None:
    seen = 0
    for line, exchange in recorded(corpus, "bedrock_converse"):
        body = line["response_body"]
        if isinstance(body, list):
            continue
        meaning = understood(exchange)
        content = body["output"]["message"]["content"]
        assert meaning.text == "".join(block.get("text", "") for block in content)
        uses = [block["toolUse"] for block in content if "toolUse" in block]
        calls = [(use["toolUseId"], use["name"], use["input"]) for use in uses]
        assert [(call.id, call.name, call.arguments) for call in meaning.calls] == calls
        assert meaning.usage is not None
        assert meaning.usage[1] == body["usage"]["outputTokens"]
        assert meaning.usage[0] >= body["usage"]["inputTokens"]
        assert (meaning.finish == "tool_calls") == (body["stopReason"] == "tool_use")
        assert meaning.complete
        seen += 1
    assert seen > 40


def test_genuine_converse_streams_are_understood(corpus: Path) -> None:
    seen = 0
    for line, exchange in recorded(corpus, "bedrock_converse"):
        body = line["response_body"]
        if not isinstance(body, list):
            continue
        meaning = understood(exchange)
        deltas = [e["data"]["delta"] for e in body if e["event"] == "contentBlockDelta"]
        assert meaning.text == "".join(delta.get("text", "") for delta in deltas)
        starts = [e["data"]["start"] for e in body if e["event"] == "contentBlockStart"]
        uses = [start["toolUse"] for start in starts if "toolUse" in start]
        names = [use["name"] for use in uses if use.get("type") != "server_tool_use"]
        assert [call.name for call in meaning.calls] == names
        assert all(isinstance(call.arguments, dict) for call in meaning.calls)
        assert meaning.usage is not None
        assert meaning.complete
        seen += 1
    assert seen > 10


def test_genuine_invocations_are_understood(corpus: Path) -> None:
    seen = set[tuple[str, bool]]()
    for line, exchange in recorded(corpus, "bedrock_invoke"):
        body = line["response_body"]
        meaning = understood(exchange)
        packed = isinstance(body, list)
        told = [unpacked(e["data"]) for e in body] if packed else [body]
        assert meaning.text == "".join(map(invoked_text, told))
        assert meaning.usage is not None
        # A guardrail that blocks a prompt doesn't tell Titan's reason.
        assert meaning.complete or "amazon-bedrock-guardrailAction" in told[-1]
        if packed and meaning.complete:
            metrics = told[-1]["amazon-bedrock-invocationMetrics"]
            # They don't count what is in a cache, nor all of a call.
            assert meaning.usage[0] >= metrics["inputTokenCount"]
            assert meaning.usage[1] >= metrics["outputTokenCount"]
        seen.add(("titan" if "titan" in line["path"] else "claude", packed))
    assert len(seen) == 4


def invoked_text(told: Json) -> str:
    """The text in a document, or in an event, of Claude or Titan."""
    if "results" in told or "outputText" in told:
        return "".join(one["outputText"] for one in told.get("results", [told]))
    blocks = told.get("content") or [told.get("delta", {})]
    return "".join(block.get("text", "") for block in blocks)


@pytest.mark.parametrize("endpoint", ["bedrock_converse", "bedrock_invoke"])
def test_genuine_errors_are_understood(corpus: Path, endpoint: str) -> None:
    errors = [one for one in recorded(corpus, endpoint, None) if one[0]["status"] != 200]
    assert len(errors) > 10
    for line, exchange in errors:
        assert understood(exchange).error == line["response_body"]["message"]


@pytest.mark.parametrize("endpoint", ["bedrock_converse", "bedrock_invoke"])
def test_no_genuine_request_that_was_answered_is_refused(corpus: Path, endpoint: str) -> None:
    for line, exchange in recorded(corpus, endpoint):
        dialect = dialects.of(exchange.request)
        assert dialect is not None
        asked = dialect.asked(exchange.request)
        assert asked["model"] in line["path"]
        assert asked["stream"] == isinstance(line["response_body"], list)
        body = line["request_body"]
        limit = {**body, **body.get("inferenceConfig", {}), **body.get("textGenerationConfig", {})}
        given = [limit.get(name) for name in ("max_tokens", "maxTokens", "maxTokenCount")]
        assert asked.get("max_tokens") == next((one for one in given if one), None)
        assert ("tools" in asked) == ('"input_schema"' in text(body) or '"toolSpec"' in text(body))


def text(body: Json) -> str:
    return json.dumps(body)


def test_an_exception_in_a_stream_is_an_error() -> None:
    headers = {":message-type": "exception", ":exception-type": "throttlingException"}
    last = eventstream.encode(headers, b'{"message":"Too many tokens"}')
    for url, dialect in DIALECTS.items():
        request = prompt(streaming(url), "Count from 1 to 5.")
        begun = answer(request).chunks[:4]
        meaning = told(dialect, request, Response(200, Headers(), (*begun, Chunk(last))))
        assert meaning.error == "Too many tokens"
        assert meaning.text
        assert not meaning.complete


@pytest.mark.parametrize("url", DIALECTS)
def test_a_stream_that_is_cut_off_is_not_complete(url: str) -> None:
    request = prompt(streaming(url), "Count from 1 to 5.")
    whole = answer(request)
    assert told(DIALECTS[url], request, whole).complete
    cut = Response(200, whole.headers, whole.chunks[:-3])
    assert not told(DIALECTS[url], request, cut).complete


@pytest.mark.parametrize(
    ("stop_reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("something_new", "something_new"),
    ],
)
def test_why_it_ended_is_said_in_the_words_of_openai(stop_reason: str, finish: str) -> None:
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm."}}}
    message = {"role": "assistant", "content": [thought, {"text": "Yes."}]}
    value = {"output": {"message": message}, "stopReason": stop_reason}
    meaning = told(Converse(), asking(CONVERSE), json_reply(value))
    assert (meaning.text, meaning.finish, meaning.usage) == ("Yes.", finish, None)


@pytest.mark.parametrize("url", DIALECTS)
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"oops", b'{"content": 1}'])
@pytest.mark.parametrize("status", [200, 500])
def test_what_is_no_reply_means_nothing(url: str, body: bytes, status: int) -> None:
    response = Response(status, Headers(), (Chunk(body),))
    for one in (url, streaming(url)):
        assert DIALECTS[url].meaning(answered(asking(one), response)) is None


# Writing what looks genuine


def learnt_from(corpus: Path, url: str, *, stream: bool) -> Shapes:
    endpoint = "bedrock_converse" if url == CONVERSE else "bedrock_invoke"
    values = list[Any]()
    for line, exchange in recorded(corpus, endpoint):
        body = line["response_body"]
        if type(dialects.of(exchange.request)) is type(DIALECTS[url]):
            if not isinstance(body, list):
                values += [] if stream else [body]
            elif stream and url == CONVERSE:
                values += [{event["event"]: event["data"]} for event in body]
            elif stream:
                values += [unpacked(event["data"]) for event in body]
    return learnt(values, FREE)


@pytest.mark.parametrize("url", DIALECTS)
def test_what_we_write_has_the_shape_of_what_is_genuine(corpus: Path, url: str) -> None:
    documents, streamed = (learnt_from(corpus, url, stream=stream) for stream in (False, True))
    seen = set[str]()
    for name, said, meaning in golden():
        if url == TITAN and meaning.calls:
            continue
        dialect = DIALECTS[url]
        if said[0]["object"] == "chat.completion":
            value = document(dialect.whole(asking(url), said[0]))
            assert differences(documents, value) == [], name
        else:
            for kind, value in events(dialect.streamed(asking(streaming(url)), said)):
                event = {kind: value} if url == CONVERSE else unpacked(value)
                assert differences(streamed, event) == [], name
        seen.add(str(meaning.finish))
    assert seen >= {"stop", "length"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (422, "ValidationException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ],
)
def test_an_error_has_the_type_of_its_status(corpus: Path, status: int, kind: str) -> None:
    errors = (one for one in recorded(corpus, "bedrock_converse", None) if one[0]["status"] != 200)
    shapes = learnt(line["response_body"] for line, _ in errors)
    for url, dialect in DIALECTS.items():
        response = dialect.refused(status, "No.")
        assert response.status == status
        assert (response.headers.get("x-amzn-errortype") or "").startswith(f"{kind}:")
        assert differences(shapes, document(response)) == []
        assert told(dialect, asking(url), response).error == "No."


@pytest.mark.parametrize("url", DIALECTS)
def test_golden_answers_mean_the_same_in_this_api(url: str) -> None:
    whole, stream = asking(url), asking(streaming(url))
    for name, said, openai in golden():
        # Titan calls no tools.
        if url != TITAN or not openai.calls:
            assert_same(name, written(DIALECTS[url], said, whole, stream), openai)


@given(st.data(), st.sampled_from([CONVERSE, CLAUDE, TITAN]))
def test_no_spoilt_reply_is_too_much(data: st.DataObject, url: str) -> None:
    one = data.draw(st.sampled_from([url, streaming(url)]))
    request = prompt(one, "Count from 1 to 3.")
    DIALECTS[url].meaning(answered(request, data.draw(spoilt(answer(request).body))))


@given(st.data(), st.sampled_from([CONVERSE, CLAUDE, TITAN]))
def test_no_spoilt_event_is_too_much(data: st.DataObject, url: str) -> None:
    request = prompt(streaming(url), "Count from 1 to 3.")
    told = []
    for kind, value in events(answer(request)):
        inner = value if url == CONVERSE else unpacked(value)
        bent = {name: data.draw(st.just(one) | anything) for name, one in inner.items()}
        event = bent if url == CONVERSE else {"bytes": packed(bent)}
        told.append(Chunk(frame(kind, event)))
    DIALECTS[url].meaning(answered(request, Response(200, Headers(), tuple(told))))


def packed(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@given(anything)
def test_no_request_is_too_much(value: object) -> None:
    good = {"role": "user", "content": [{"text": "Hi"}]}
    bodies = [{"messages": [good], name: value} for name in MEMBERS]
    bodies += [{"messages": [{"role": "user", "content": [value]}, value]}, {"inputText": value}]
    bodies += [{"inputText": "Hi", "textGenerationConfig": value}]
    for url, dialect in DIALECTS.items():
        for body in bodies:
            with contextlib.suppress(Refused):
                dialect.asked(asking(url, **body))


# Asking our stand-in


@pytest.mark.parametrize("url", [*DIALECTS, *map(streaming, DIALECTS)])
def test_a_prompt_is_answered(url: str) -> None:
    request = prompt(url, "Count from 1 to 5.")
    meaning = told(dialects.of(request) or Converse(), request, answer(request))
    assert (meaning.text, meaning.finish) == ("1, 2, 3, 4, 5", "stop")
    assert meaning.complete


def test_the_system_prompt_is_obeyed() -> None:
    request = converse("Hi", system=[{"text": "Always answer with the word Ahoy."}])
    assert "Ahoy" in told(Converse(), request, answer(request)).text


@pytest.mark.parametrize(
    "request_",
    [
        converse("Count from 1 to 5.", inferenceConfig={"stopSequences": ["3"]}),
        claude("Count from 1 to 5.", stop_sequences=["3"]),
        titan("Count from 1 to 5.", stopSequences=["3"]),
    ],
)
def test_a_stop_sequence_stops(request_: Request) -> None:
    meaning = dialects.meaning(answered(request_, answer(request_)))
    assert meaning is not None
    assert meaning.text == "1, 2, "


@pytest.mark.parametrize(
    "request_",
    [
        converse("Count from 1 to 100.", inferenceConfig={"maxTokens": 5}),
        claude("Count from 1 to 100.", max_tokens=5),
        titan("Count from 1 to 100.", maxTokenCount=5),
    ],
)
def test_a_limit_cuts(request_: Request) -> None:
    meaning = dialects.meaning(answered(request_, answer(request_)))
    assert meaning is not None
    assert meaning.finish == "length"
    assert meaning.usage is not None
    assert meaning.usage[1] == 5


@pytest.mark.parametrize("url", [CONVERSE, streaming(CONVERSE)])
@pytest.mark.parametrize("choice", [{"auto": {}}, {"any": {}}, {"tool": {"name": "get_weather"}}])
def test_a_tool_is_called_and_its_result_read(url: str, choice: Json) -> None:
    asked = "Call get_weather for Rome."
    request = converse(asked, url=url, toolConfig={**TOOLS, "toolChoice": choice})
    meaning = told(Converse(), request, answer(request))
    (call,) = meaning.calls
    assert (call.name, meaning.finish) == ("get_weather", "tool_calls")
    assert set(call.arguments) == {"city"}
    use = {"toolUseId": call.id, "name": call.name, "input": call.arguments}
    result = {"toolUseId": call.id, "content": [{"text": "17 "}, {"json": {"unit": "degrees"}}]}
    after: list[Json] = [
        {"role": "assistant", "content": [{"toolUse": use}]},
        {"role": "user", "content": [{"toolResult": result}]},
    ]
    again = converse(asked, *after, toolConfig=TOOLS)
    said = told(Converse(), again, answer(again)).text
    assert "17 " in said
    assert "degrees" in said
    # As AWS has it, what was said of tools needs their description.
    assert answer(converse(asked, *after)).status == 400


def test_claude_calls_a_tool() -> None:
    tools = [{"name": "get_weather", "input_schema": SCHEMA}]
    for url in (CLAUDE, streaming(CLAUDE)):
        request = claude("Call get_weather for Rome.", url, tools=tools)
        (call,) = told(InvokeClaude(), request, answer(request)).calls
        assert call.name == "get_weather"
        assert (call.id or "").startswith("toolu_bdrk_")


def test_a_picture_is_seen() -> None:
    data = solid_png(255, 0, 0).partition(",")[2]
    picture = {"image": {"format": "png", "source": {"bytes": data}}}
    request = converse({"role": "user", "content": [picture, {"text": "What colour?"}]})
    assert told(Converse(), request, answer(request)).text == "red"


def test_a_schema_is_filled_in() -> None:
    structure = {"jsonSchema": {"name": "place", "schema": json.dumps(SCHEMA)}}
    config = {"textFormat": {"type": "json_schema", "structure": structure}}
    request = converse("Hi", outputConfig=config)
    assert set(json.loads(told(Converse(), request, answer(request)).text)) == {"city"}


SYSTEM = {"role": "system", "content": [{"text": "Hi"}]}
BOTH = {"text": "Hi", "image": {}}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (converse("Hi", user="me"), "user is not a member"),
        (converse("Hi", inferenceConfig={"n": 2}), "n is not a member of inferenceConfig"),
        (converse("Hi", inferenceConfig={"temperature": 1.5}), "Value '1.5' at 'inferenceConfig.t"),
        (converse("Hi", inferenceConfig={"maxTokens": 0}), "Value '0' at 'inferenceConfig.max"),
        (converse(), "Value '[]' at 'messages'"),
        (converse(SYSTEM), "A conversation must start with a user message."),
        (converse("Hi", SYSTEM), "Value 'system' at 'messages.1.role'"),
        (converse(""), "The text field in the ContentBlock object at messages.0.content.0 is"),
        (converse({"role": "user", "content": []}), "The content field in the Message object at"),
        (converse({"role": "user", "content": [BOTH]}), "must set exactly one known member"),
        (converse("Hi", toolConfig={"tools": []}), "Value '[]' at 'toolConfig.tools'"),
        (claude("Hi", model="x"), "model: Extra inputs are not permitted"),
        (claude("Hi", stream=True), "stream: Extra inputs are not permitted"),
        (claude("Hi", max_tokens=0), "max_tokens: Input should be greater than or equal to 1"),
        (asking(CLAUDE, messages=[], max_tokens=1), "anthropic_version: Field required"),
        (titan("Hi", max_tokens=1), "#/textGenerationConfig: extraneous key [max_tokens] is not"),
        (titan("Hi", temperature=2), "#/textGenerationConfig/temperature: 2 is not"),
        (asking(TITAN, prompt="Hi"), "#: required key [inputText] not found"),
        (asking(TITAN, inputText="Hi", n=2), "#: extraneous key [n] is not permitted"),
    ],
)
def test_what_the_api_refuses_is_refused(request_: Request, message: str) -> None:
    response = answer(request_)
    assert response.status == 400
    assert message in document(response)["message"]
    assert (response.headers.get("x-amzn-errortype") or "").startswith("ValidationException")


def test_what_openai_has_a_word_for_is_renamed() -> None:
    config = {"maxTokens": 5, "temperature": 0.5, "topP": 0.25, "stopSequences": ["x"]}
    request = converse("Hi", inferenceConfig=config, requestMetadata={"team": "a"})
    assert Converse().asked(request) == {
        "model": "anthropic.claude-3-5-sonnet-20240620-v1:0",
        "stream": False,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "max_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.25,
        "stop": ["x"],
        "metadata": {"team": "a"},
    }


def test_one_call_at_most_is_said_in_a_field_of_the_models_own() -> None:
    spec = {"name": "get", "inputSchema": {"json": {"type": "object"}}}
    asked = converse(
        "Hi",
        toolConfig={"tools": [{"toolSpec": spec}]},
        additionalModelRequestFields={"tool_choice": {"disable_parallel_tool_use": True}},
    )
    assert Converse().asked(asked)["parallel_tool_calls"] is False
