"""The reference server: every parameter has its effect, every bad request its error."""

from __future__ import annotations

import base64
import itertools
import json
import math
import string
import struct
from collections import Counter
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.model import Exchange, Headers, Request, Response
from conformance.reference import answer, exchanges, golden, requests

KEY = ("authorization", "Bearer sk-reference")
CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
RESPONSES = "/v1/responses"
BAD = (
    "adapter.error completions.best_of_1 completions.best_of_stream completions.logprobs_6 "
    "embeddings.empty embeddings.error embeddings.too_many embeddings.unknown_encoding "
    "responses.chat_params responses.error"
)
REFUSED = dict.fromkeys(BAD.split(), 400)
REFUSED |= {"errors.busy": 429, "errors.method": 405, "errors.route": 404, "models.unknown": 404}
REFUSED |= dict.fromkeys(("errors.missing_key", "errors.wrong_key", "models.wrong_key"), 401)
REFUSED |= dict.fromkeys(("errors.unknown_model", "errors.stream_unknown_model"), 404)
WEATHER = golden.WEATHER
EYES = "reference-vision"
COLOURS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255), "white": (255,) * 3}
PNG = base64.b64decode(golden.solid_png(255, 0, 0).partition(",")[2])


def post(body: object, path: str = CHAT, nonce: int = 0) -> Response:
    return answer(Request("POST", path, Headers([KEY]), json.dumps(body).encode()), nonce)


def accepted(body: object, path: str = CHAT) -> dict[str, Any]:
    response = post(body, path)
    assert response.status == 200, response.body
    return dict(json.loads(response.body))


def ask(prompt: object, **more: Any) -> dict[str, Any]:
    return accepted(golden.ask(prompt, **more))


def said(prompt: object, **more: Any) -> str:
    return str(ask(prompt, **more)["choices"][0]["message"]["content"])


def complete(prompt: object, **more: Any) -> dict[str, Any]:
    return accepted(golden.continue_text(prompt, **more), COMPLETIONS)


def respond(given: object, **more: Any) -> dict[str, Any]:
    return accepted({"model": golden.MODEL, "input": given, **more}, RESPONSES)


def error(response: Response) -> dict[str, Any]:
    value = json.loads(response.body)
    assert list(value) == ["error"]
    assert set(value["error"]) == {"message", "type", "param", "code"}
    assert value["error"]["message"]
    assert response.headers.get("content-type") == "application/json"
    assert 400 <= response.status < 500
    return dict(value["error"])


def reply(name: str) -> Response:
    exchange: Exchange = exchanges()[name]
    assert exchange.response is not None
    return exchange.response


def document(name: str) -> dict[str, Any]:
    return dict(json.loads(reply(name).body))


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def strict(schema: object) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}


def events(response: Response) -> list[dict[str, Any]]:
    """The JSON data of each event; each is alone in its chunk, with its blank line."""
    found = [chunk.data.decode().split("\n") for chunk in response.chunks]
    assert all(lines[-2:] == ["", ""] for lines in found)
    data = [lines[-3].removeprefix("data: ") for lines in found]
    return [json.loads(one) for one in data if one != "[DONE]"]


def accumulated(chunks: list[dict[str, Any]], index: int) -> tuple[Any, ...]:
    """What a client makes of one choice: content, calls, function call, scores and end."""
    choices = [one for chunk in chunks for one in chunk["choices"] if one["index"] == index]
    deltas = [one["delta"] for one in choices]
    assert ["role" in delta for delta in deltas] == [True] + [False] * (len(deltas) - 1)
    assert deltas[-1] == {}
    assert [one["finish_reason"] is None for one in choices].index(False) == len(choices) - 1
    texts = [delta["content"] for delta in deltas if delta.get("content") is not None]
    calls: dict[int, list[dict[str, Any]]] = {}
    for bit in (bit for delta in deltas for bit in delta.get("tool_calls", [])):
        calls.setdefault(bit["index"], []).append(bit)
    for bits in calls.values():
        assert [set(bit) for bit in bits[1:]] == [{"index", "function"}] * (len(bits) - 1)
        assert bits[0]["type"] == "function"
    functions = [whole([bit["function"] for bit in bits]) for _, bits in sorted(calls.items())]
    legacy = whole([delta["function_call"] for delta in deltas if "function_call" in delta])
    scores = [entry for one in choices if one["logprobs"] for entry in one["logprobs"]["content"]]
    return (
        "".join(texts) if texts else None,
        functions,
        legacy,
        scores,
        choices[-1]["finish_reason"],
    )


def whole(bits: list[dict[str, Any]]) -> dict[str, Any] | None:
    if not bits:
        return None
    return {"name": bits[0]["name"], "arguments": "".join(bit["arguments"] for bit in bits)}


@pytest.mark.parametrize("name", requests())
def test_a_golden_exchange_has_its_status_and_can_be_repeated(name: str) -> None:
    exchange = exchanges()[name]
    assert (exchange.id, exchange.request) == (name, requests()[name])
    assert reply(name).status == REFUSED.get(name, 400 if name.startswith("errors.") else 200)
    if reply(name).status != 200:
        error(reply(name))
    assert answer(exchange.request) == answer(exchange.request)
    assert answer(exchange.request, 1) != answer(exchange.request)


def test_every_golden_answer_has_ids_of_its_own() -> None:
    made = [reply(name) for name in exchanges()]
    chats = [document(name)["id"] for name in exchanges() if name.startswith("chat.")]
    assert max(Counter(one.headers.get("x-request-id") for one in made).values()) == 1
    assert max(Counter(chats).values()) == 1


@pytest.mark.parametrize("case", ["again", "nulls", "charset", "bearer_lowercase"])
def test_another_spelling_of_a_request_gets_the_same_answer(case: str) -> None:
    plain, other = document("chat.basic"), document(f"chat.{case}")
    assert plain.pop("id") != other.pop("id")
    assert plain == other


def test_headers_say_what_the_body_is() -> None:
    plain, streamed = reply("chat.basic").headers, reply("stream.basic").headers
    assert plain.get("content-length") == str(len(reply("chat.basic").body))
    assert str(streamed.get("content-type")).startswith("text/event-stream")
    assert "content-length" not in streamed
    assert reply("errors.method").headers.get("allow") == "POST"


def test_a_stream_arrives_bit_by_bit() -> None:
    times = [chunk.at or 0 for chunk in reply("stream.basic").chunks]
    assert len(times) > 50
    assert {round(late - early, 3) for early, late in itertools.pairwise(times)} == {0.05}


@pytest.mark.parametrize("case", [case for case in golden.STREAM if case in golden.CHAT])
def test_a_stream_says_what_the_document_says(case: str) -> None:
    chunks, plain = events(reply(f"stream.{case}")), document(f"chat.{case}")
    assert reply(f"stream.{case}").body.count(b"data: [DONE]\n\n") == 1
    assert reply(f"stream.{case}").body.endswith(b"data: [DONE]\n\n")
    assert len({(one["id"], one["created"], one["model"], one["object"]) for one in chunks}) == 1
    for choice in plain["choices"]:
        message, scores = choice["message"], choice["logprobs"] or {"content": []}
        assert accumulated(chunks, choice["index"]) == (
            message["content"],
            [call["function"] for call in message.get("tool_calls", [])],
            message.get("function_call"),
            scores["content"],
            choice["finish_reason"],
        )
    if "stream_options" not in golden.STREAM[case]:
        assert not any("usage" in one for one in chunks)
        return
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], plain["usage"])
    assert all(one["usage"] is None for one in chunks[:-1])


def test_a_stream_that_breaks_off_says_so() -> None:
    *chunks, last = events(reply("stream.fails"))
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert not any(one["finish_reason"] for chunk in chunks for one in chunk["choices"])
    assert b"[DONE]" not in reply("stream.fails").body
    assert int(reply("errors.busy").headers.get("retry-after") or 0) > 0


def test_obfuscation_is_only_there_when_asked_for() -> None:
    asked = {"stream": True, "stream_options": {"include_obfuscation": True}}
    assert all(one["obfuscation"] for one in events(post(golden.BASIC | asked)))
    assert not any("obfuscation" in one for one in events(reply("stream.basic")))


def test_usage_counts_the_prompt_once_and_every_choice() -> None:
    one, three = ask("Say OK"), ask("Say OK", n=3)
    assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in three["choices"]}) == 3
    assert three["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"] > 0
    assert three["usage"]["completion_tokens"] > 2 * one["usage"]["completion_tokens"]
    for usage in (document(f"chat.{case}")["usage"] for case in golden.CHAT):
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


@pytest.mark.parametrize("stop", [" 7", ["zzz", " 7"], [" 9", " 7"]])
def test_stop_ends_the_text_before_it(stop: object) -> None:
    choice = ask(golden.COUNTING, stop=stop)["choices"][0]
    assert choice["message"]["content"] == "1, 2, 3, 4, 5, 6,"
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(("limit", "end"), [(1, "length"), (58, "length"), (59, "stop")])
def test_a_limit_is_kept_and_reported(name: str, limit: int, end: str) -> None:
    made = ask(golden.COUNTING, **{name: limit})
    assert made["choices"][0]["finish_reason"] == end
    assert made["usage"]["completion_tokens"] == limit


@pytest.mark.parametrize("limit", [1, 3, 9, 11, 15])
def test_calls_are_cut_at_the_limit_too(limit: int) -> None:
    made = ask(golden.TWO_CITIES, tools=[WEATHER], max_tokens=limit)
    assert made["choices"][0]["finish_reason"] == "length"
    assert 1 <= made["usage"]["completion_tokens"] <= limit


def test_logprobs_spell_the_content() -> None:
    choice = document("chat.logprobs")["choices"][0]
    entries = choice["logprobs"]["content"]
    spelt = b"".join(bytes(entry["bytes"]) for entry in entries)
    assert spelt.decode() == choice["message"]["content"]
    for entry in entries:
        top = [(one["token"], one["logprob"]) for one in entry["top_logprobs"]]
        scores = [score for _, score in top]
        assert len(top) == 2
        assert scores == sorted(scores, reverse=True)
        assert (entry["token"], entry["logprob"]) in top
        assert sum(math.exp(score) for score in scores) <= 1


@pytest.mark.parametrize("top", [None, 0, 1, 20])
def test_there_are_as_many_alternatives_as_asked_for(top: int | None) -> None:
    made = ask("Say OK", logprobs=True, top_logprobs=top)["choices"][0]["logprobs"]
    assert len({one["token"] for one in made["content"][0]["top_logprobs"]}) == (top or 0)


def calls_of(name: str) -> list[tuple[str, Any]]:
    calls = document(f"chat.{name}")["choices"][0]["message"].get("tool_calls", [])
    functions = [call["function"] for call in calls]
    return [(function["name"], json.loads(function["arguments"])) for function in functions]


def test_tools_are_called_as_the_request_says() -> None:
    paris, rome = ("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"})
    assert calls_of("tools_auto") == calls_of("tools_single") == [paris]
    assert calls_of("tools_none") == []
    assert [name for name, _ in calls_of("tools_required")] == ["get_weather"]
    assert calls_of("tools_named") == [("get_forecast", {"city": "Paris"})]
    assert calls_of("tools_parallel") == [paris, rome]
    assert calls_of("tool_no_arguments") == [("get_server_time", {})]
    assert said("Say hi.", tools=[WEATHER]) == "hi"


@pytest.mark.parametrize(
    ("case", "end"),
    [("tools_auto", "tool_calls"), ("tools_required", "tool_calls"), ("tools_named", "stop"),
     ("tools_none", "stop"), ("functions", "function_call")],
)  # fmt: skip
def test_calls_end_as_they_do_at_openai(case: str, end: str) -> None:
    assert document(f"chat.{case}")["choices"][0]["finish_reason"] == end


def test_allowed_tools_leave_the_others_out() -> None:
    weather = {"type": "function", "function": {"name": "get_weather"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [weather]}}
    made = ask("Use get_forecast.", tools=[golden.FORECAST, WEATHER], tool_choice=choice)
    calls = made["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["get_weather"]


def test_calls_and_results_can_be_sent_back() -> None:
    body, message = golden.CHAT["tools_parallel"], document("chat.tools_parallel")["choices"][0]
    history, calls = [*body["messages"], message["message"]], message["message"]["tool_calls"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": [{"type": "text", "text": "17"}]}
        for call in reversed(calls)
    ]
    accepted(body | {"messages": history + results})
    for late in ([], [{"role": "assistant", "content": "Never mind."}]):
        unanswered = error(post(body | {"messages": [*history, results[0], *late]}))
        assert calls[0]["id"] in unanswered["message"]
    assert "17 degrees" in document("chat.tool_result")["choices"][0]["message"]["content"]


SCALARS = st.one_of(
    st.sampled_from(["string", "boolean", "null"]).map(lambda kind: {"type": kind}),
    st.sampled_from(["date", "uuid"]).map(lambda name: {"type": "string", "format": name}),
    st.lists(st.text(max_size=5) | st.integers(), min_size=1, max_size=3).map(
        lambda values: {"enum": values}
    ),
    st.integers().map(lambda value: {"const": value}),
    st.tuples(st.sampled_from(["integer", "number"]), st.integers(-50, 50), st.integers(0, 9)).map(
        lambda one: {"type": one[0], "minimum": one[1], "maximum": one[1] + one[2]}
    ),
    st.floats(-5, 5).map(lambda low: {"type": "number", "exclusiveMinimum": low, "maximum": 6}),
    st.integers(1, 9).map(lambda step: {"type": "integer", "multipleOf": step, "minimum": 10}),
    st.tuples(st.integers(0, 20), st.integers(0, 5)).map(
        lambda one: {"type": "string", "minLength": one[0], "maxLength": one[0] + one[1]}
    ),
)


def strict_objects(members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.text(string.ascii_lowercase, min_size=1, max_size=5)
    closed = {"type": "object", "additionalProperties": False}
    return st.dictionaries(names, members, max_size=4).map(
        lambda properties: {**closed, "properties": properties, "required": list(properties)}
    )


def grown(members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.tuples(members, st.integers(0, 3)).map(
        lambda one: {"type": "array", "items": one[0], "minItems": one[1]}
    )
    nullable = members.map(lambda one: {"anyOf": [{"type": "null"}, one]})
    return strict_objects(members) | arrays | nullable


@settings(max_examples=60)
@given(schema=strict_objects(st.recursive(SCALARS, grown, max_leaves=6)))
def test_what_a_strict_schema_gets_is_valid(schema: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(said("Answer.", response_format=strict(schema))), schema)
    tool = golden.function("fill_in", schema, strict=True)
    choice = ask("Fill in for Paris.", tools=[tool], tool_choice="required")["choices"][0]
    arguments = choice["message"]["tool_calls"][0]["function"]["arguments"]
    jsonschema.validate(json.loads(arguments), schema)


def test_a_recursive_schema_gets_a_finite_answer() -> None:
    again = {"$ref": "#/$defs/node"}
    properties = {
        "value": {"type": "integer"},
        "next": {"anyOf": [again, {"type": "null"}]},
        "children": {"type": "array", "items": again},
    }
    node = golden.COLOUR_SCHEMA | {"properties": properties, "required": list(properties)}
    schema = {**node, "$defs": {"node": node}}
    made = json.loads(said("Answer.", response_format=strict(schema)))
    jsonschema.validate(made, schema)
    assert made["next"]["value"] == 1


@pytest.mark.parametrize(
    "schema",
    [
        golden.CITY,
        golden.STRICT_CITY | {"required": ["city"]},
        golden.COLOUR_SCHEMA | {"patternProperties": {}},
        {"type": "array", "items": {"type": "string"}},
    ],
)
def test_strict_refuses_what_it_cannot_promise(schema: dict[str, Any]) -> None:
    refused = error(post(golden.ask("Answer.", response_format=strict(schema))))
    assert refused["code"] == "invalid_json_schema"
    tool = golden.function("fill_in", schema, strict=True)
    refused = error(post(golden.ask("Answer.", tools=[tool])))
    assert refused["code"] == "invalid_function_parameters"


def test_json_mode_gives_a_bare_object_and_an_enum_is_obeyed() -> None:
    content = document("chat.json_object")["choices"][0]["message"]["content"]
    assert isinstance(json.loads(content), dict)
    content = document("chat.json_schema")["choices"][0]["message"]["content"]
    assert json.loads(content)["colour"] in {"zorp", "flim"}


@pytest.mark.parametrize("colour", COLOURS)
def test_pictures_are_seen(colour: str) -> None:
    url = golden.solid_png(*COLOURS[colour])
    parts = [{"type": "text", "text": golden.COLOUR}, picture(url)]
    assert said(parts, model=EYES) == said(parts[::-1], model=EYES) == colour
    assert "image_url" in error(post(golden.ask(parts)))["message"]
    two = [picture(url), picture(golden.solid_png(0, 0, 0))]
    assert said(two, model=EYES) == f"{colour}, black"
    blank = {"type": "input_image", "image_url": url}
    made = respond([{"role": "user", "content": [blank]}], model=EYES)
    assert made["output"][0]["content"][0]["text"] == colour


def test_looking_costs_tokens() -> None:
    names = ("text_only", "vision_low", "vision_high", "vision")
    blind, low, high, auto = (document(f"chat.{one}")["usage"]["prompt_tokens"] for one in names)
    assert blind < low < high == auto


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
    error(post(golden.ask([picture(url)], model=EYES)))


@pytest.mark.parametrize("prompt", ["🧪漢字é", "a  b\n\n c", 'tab\tquote"s\\'])
def test_text_survives_a_round_trip(prompt: str) -> None:
    assert said(f"Repeat this exactly: {prompt}") == prompt


def test_lots_are_drawn_only_when_it_is_warm_and_without_a_seed() -> None:
    def drawn(**more: Any) -> int:
        body = golden.ask("Reply with one random 5-digit number and nothing else.", **more)
        made = (json.loads(post(body, nonce=nonce).body) for nonce in range(6))
        return len({one["choices"][0]["message"]["content"] for one in made})

    assert drawn() == drawn(temperature=1.8) == 6
    assert drawn(temperature=0) == drawn(top_p=0.01) == drawn(seed=7) == 1


def test_a_penalty_makes_it_repeat_itself_less() -> None:
    assert said('Write "apple" 60 times.').split() == ["apple"] * 60
    assert said('Write "apple" 60 times.', frequency_penalty=2).count("apple") <= 30


def test_instructions_and_earlier_turns_are_obeyed() -> None:
    assert document("chat.developer")["choices"][0]["message"]["content"] == "pineapple"
    assert "Ada" in document("chat.multi_turn")["choices"][0]["message"]["content"]
    made = respond("Hi", instructions="Always answer with the word plum.", temperature=0.5)
    assert made["output"][0]["content"][0]["text"] == "plum"
    assert made["temperature"] == 0.5


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
        ({"reasoning_effort": "banana"}, "reasoning_effort", "unsupported_parameter"),
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
    "more",
    [{"temperature": 0}, {"temperature": 2}, {"top_p": 0}, {"top_p": 1}, {"presence_penalty": -2},
     {"seed": 2**53}, {"logit_bias": {}}, {"logit_bias": {"50256": -100}}, {"store": False},
     {"metadata": {"a": "b"}}, {"modalities": ["text"]}, {"user": "ada"}, {"stop": []},
     {"service_tier": "auto"}, {"response_format": {"type": "text"}}],
)  # fmt: skip
def test_the_edge_of_a_range_is_accepted(more: dict[str, Any]) -> None:
    assert said(golden.COUNTING, **more).startswith("1, 2, 3")


@pytest.mark.parametrize(
    ("path", "more"),
    [
        (COMPLETIONS, {"logprobs": 6}),
        (COMPLETIONS, {"best_of": 1, "n": 2}),
        (COMPLETIONS, {"best_of": 2, "stream": True}),
        (COMPLETIONS, {"prompt": [1, "a"]}),
        (COMPLETIONS, {"prompt": []}),
        (COMPLETIONS, {"model": EYES}),
        (EMBEDDINGS, {"input": ""}),
        (EMBEDDINGS, {"input": ["a"] * 2049}),
        (EMBEDDINGS, {"input": [1.5]}),
        (EMBEDDINGS, {"input": "a " * 9000}),
        (EMBEDDINGS, {"encoding_format": "hex"}),
        (EMBEDDINGS, {"dimensions": 0}),
        (EMBEDDINGS, {"model": EYES}),
        (RESPONSES, {"input": []}),
        (RESPONSES, {"input": [{"type": "magic"}]}),
        (RESPONSES, {"input": "a " * 9000}),
        (RESPONSES, {"messages": []}),
        (RESPONSES, {"tools": [{"type": "web_search"}]}),
        (RESPONSES, {"previous_response_id": "resp_x"}),
        (RESPONSES, {"text": {"format": {"type": "poem"}}}),
        (RESPONSES, {"input": [{"type": "function_call_output", "call_id": "x", "output": ""}]}),
    ],
)
def test_other_endpoints_refuse_too(path: str, more: dict[str, Any]) -> None:
    body = {"model": golden.MODEL, "prompt" if path == COMPLETIONS else "input": "Hi", **more}
    error(post(body, path))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"\xff", b'{"a": NaN}', b'{"a": 1e999}', b"[" * 5000,
     b'{"a":' * 900 + b"1" + b"}" * 900, b'{"model": "\\ud800"}', b" " * 2**23],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    error(answer(Request("POST", CHAT, Headers([KEY]), body)))


def test_a_schema_may_not_be_bottomless() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(60):
        schema = {"type": "object", "properties": {"a": schema}}
    refused = error(post(golden.ask("Hi", tools=[golden.function("deep", schema)])))
    assert "parse" in refused["message"]


@pytest.mark.parametrize(
    ("value", "status"),
    [(None, 401), ("", 401), ("Bearer ", 401), ("Basic abc", 401), ("Bearer sk-wrong", 401),
     ("bearer any-key", 200), ("BEARER any-key", 200)],
)  # fmt: skip
def test_a_bearer_token_is_needed(value: str | None, status: int) -> None:
    headers = Headers([] if value is None else [("Authorization", value)])
    assert answer(Request("GET", "/v1/models", headers)).status == status
    assert b"0123456789" not in reply("errors.wrong_key").body


def test_streaming_does_not_change_an_error() -> None:
    for name in ("unknown_model", "temperature_2_1"):
        assert reply(f"errors.{name}").body == reply(f"errors.stream_{name}").body


def test_models_are_listed_and_found() -> None:
    listed = document("models.list")["data"]
    assert len({one["id"] for one in listed}) == 3
    assert document("models.retrieve") in listed
    assert document("models.retrieve_slash")["id"] == "org/reference-small"


def test_completions_stop_after_sixteen_tokens() -> None:
    made = complete(golden.COUNTING)
    assert made["choices"][0]["finish_reason"] == "length"
    assert made["usage"]["completion_tokens"] == 16
    assert document("completions.length")["usage"]["completion_tokens"] == 5
    assert document("completions.stop")["choices"][0]["text"] == "1, 2, 3, 4, 5, 6,"


def test_prompts_of_every_kind_are_continued_in_order() -> None:
    choices = complete([golden.COUNTING, "Say OK"], n=2)["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2, 3]
    assert [choice["text"][:2] for choice in choices] == ["1,", "1,", "OK", "OK"]
    assert complete([1, 22, 333])["usage"]["prompt_tokens"] == 3
    assert len(complete([[1, 22], [333]])["choices"]) == 2
    assert complete("It rains", suffix=" I stay.")["choices"][0]["text"] == " and so"


@pytest.mark.parametrize("echo", [False, True])
def test_completion_logprobs_are_four_equal_lists(*, echo: bool) -> None:
    prompt = "Say: OK then"
    choice = complete(prompt, echo=echo, logprobs=2)["choices"][0]
    text, scores = choice["text"], choice["logprobs"]
    assert len({len(column) for column in scores.values()}) == 1
    assert "".join(scores["tokens"]) == text
    assert text.startswith(prompt) == echo
    start = 0 if echo else len(prompt)
    for token, offset in zip(scores["tokens"], scores["text_offset"], strict=True):
        assert text[offset - start :].startswith(token)
    assert (scores["token_logprobs"][0] is None) == echo
    assert all(len(one) == 2 for one in scores["top_logprobs"][1:])


@pytest.mark.parametrize("name", ["stream", "stream_usage"])
def test_completion_streams_say_what_the_document_says(name: str) -> None:
    made, chunks = complete(golden.COUNTING, max_tokens=100), events(reply(f"completions.{name}"))
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert "".join(choice["text"] for choice in choices) == made["choices"][0]["text"]
    assert [one["finish_reason"] for one in choices if one["finish_reason"]] == ["stop"]
    assert chunks[-1].get("usage") == (made["usage"] if name == "stream_usage" else None)


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def vectors(name: str) -> list[Any]:
    data = document(f"embeddings.{name}")["data"]
    assert [one["index"] for one in data] == list(range(len(data)))
    return [one["embedding"] for one in data]


def test_vectors_follow_their_inputs() -> None:
    (alone,), (packed,), (short,) = vectors("float"), vectors("base64"), vectors("dimensions")
    assert list(struct.unpack(f"<{len(alone)}f", base64.b64decode(packed))) == alone
    assert vectors("again") == [vectors("array")[1]] == [alone]
    assert len(short) == 16
    assert cosine(alone, alone) == pytest.approx(1, abs=1e-5)
    assert cosine(short, short) == pytest.approx(1, abs=1e-5)
    body = {"model": golden.MODEL, "input": ["cat", "kitten", "tax law"]}
    cat, kitten, law = (one["embedding"] for one in accepted(body, EMBEDDINGS)["data"])
    assert cosine(cat, kitten) > cosine(cat, law)


@pytest.mark.parametrize("case", ["", "_tools", "_incomplete"])
def test_a_responses_stream_is_a_whole_story(case: str) -> None:
    response = reply(f"responses.stream{case}")
    found = events(response)
    for chunk, event in zip(response.chunks, found, strict=True):
        assert chunk.data.startswith(f"event: {event['type']}\ndata: ".encode())
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    deltas = [event["delta"] for event in found if event["type"].endswith(".delta")]
    end = found[-1]["response"]
    item = end["output"][0]
    if case == "_tools":
        middle = ["function_call_arguments.delta"] * len(deltas) + ["function_call_arguments.done"]
    else:
        middle = ["output_text.delta"] * len(deltas) + ["output_text.done"]
        middle = ["content_part.added", *middle, "content_part.done"]
    kinds = [event["type"].removeprefix("response.") for event in found]
    assert kinds[:3] == ["created", "in_progress", "output_item.added"]
    assert kinds[3:-2] == middle
    assert kinds[-2:] == ["output_item.done", end["status"]]
    assert "".join(deltas) == (item.get("arguments") or item["content"][0]["text"])
    assert {event["item_id"] for event in found if "item_id" in event} == {item["id"]}
    assert end["id"] == found[0]["response"]["id"]


def test_responses_keep_limits_results_and_schemas() -> None:
    cut = document("responses.incomplete")
    assert (cut["status"], cut["usage"]["output_tokens"]) == ("incomplete", 16)
    assert cut["incomplete_details"] == {"reason": "max_output_tokens"}
    call = document("responses.tools")["output"][0]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "17 degrees"}
    made = respond([{"role": "user", "content": golden.WEATHER_QUESTION}, call, result])
    assert "17 degrees" in made["output"][0]["content"][0]["text"]
    form = {"type": "json_schema", **golden.FORMAT}
    made = respond("Which colour?", text={"format": form})
    jsonschema.validate(json.loads(made["output"][0]["content"][0]["text"]), golden.COLOUR_SCHEMA)


def test_behind_an_adapter_both_sides_are_seen() -> None:
    for seen in (exchanges()[f"adapter.{case}"] for case in golden.ADAPTER):
        (upstream,) = seen.upstream
        assert upstream.request.body == seen.request.body
        assert upstream.request.url != seen.request.url
        assert upstream.response == seen.response


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


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    listed = enumerate(value) if isinstance(value, list) else ()
    inner = value.items() if isinstance(value, dict) else listed
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


@settings(max_examples=400)
@given(st.data())
def test_any_change_to_a_request_is_answered(data: st.DataObject) -> None:
    request = data.draw(st.sampled_from(GOOD))
    body = json.loads(request.body)
    body = replaced(body, data.draw(st.sampled_from(places(body))), data.draw(VALUES))
    if isinstance(body, dict) and data.draw(st.booleans()):
        body[data.draw(st.sampled_from(PARAMETERS))] = data.draw(VALUES)
    judge(answer(Request("POST", request.url, request.headers, json.dumps(body).encode())))
