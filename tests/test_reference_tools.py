"""Tools of the reference server: which are called, how a call ends, and what follows it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import accepted, ask, content, document, error, events, first, post, said

from conformance.reference import golden

WEATHER = golden.WEATHER


def calls_of(name: str) -> list[tuple[str, Any]]:
    calls = first(document(f"chat.{name}"))["message"].get("tool_calls", [])
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
    assert first(document(f"chat.{case}"))["finish_reason"] == end


@pytest.mark.parametrize("limit", [1, 3, 9, 11, 15])
def test_calls_are_cut_at_the_limit_too(limit: int) -> None:
    made = ask(golden.TWO_CITIES, tools=[WEATHER], max_tokens=limit)
    assert first(made)["finish_reason"] == "length"
    assert 1 <= made["usage"]["completion_tokens"] <= limit


def test_allowed_tools_leave_the_others_out() -> None:
    weather = {"type": "function", "function": {"name": "get_weather"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [weather]}}
    made = ask("Use get_forecast.", tools=[golden.FORECAST, WEATHER], tool_choice=choice)
    calls = first(made)["message"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["get_weather"]


def test_calls_and_results_can_be_sent_back() -> None:
    body, message = golden.CHAT["tools_parallel"], first(document("chat.tools_parallel"))["message"]
    history, calls = [*body["messages"], message], message["tool_calls"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": [{"type": "text", "text": "17"}]}
        for call in reversed(calls)
    ]
    accepted(body | {"messages": history + results})
    for late in ([], [{"role": "assistant", "content": "Never mind."}]):
        unanswered = error(post(body | {"messages": [*history, results[0], *late]}))
        assert calls[0]["id"] in unanswered["message"]
    assert "17 degrees" in content(document("chat.tool_result"))


CODE = {"type": "custom", "custom": {"name": "run_code", "description": "Runs a program."}}


def test_a_custom_tool_is_given_text_and_not_json() -> None:
    body = golden.ask("Use run_code for Fibonacci.", tools=[CODE])
    choice = first(accepted(body))
    call = choice["message"]["tool_calls"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert call["type"] == "custom"
    assert call["custom"] == {"name": "run_code", "input": "Fibonacci"}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "1 1 2 3 5"}
    history = [*body["messages"], choice["message"], result]
    assert "1 1 2 3 5" in content(accepted(body | {"messages": history}))
    chosen = {"type": "custom", "custom": {"name": "run_code"}}
    assert first(ask("Say hi.", tools=[WEATHER, CODE], tool_choice=chosen))["message"]["tool_calls"]


def test_a_custom_call_is_streamed_bit_by_bit() -> None:
    body = golden.ask("Use run_code for Fibonacci.", tools=[CODE], stream=True)
    deltas = [first(chunk)["delta"] for chunk in events(post(body))]
    bits = [bit for delta in deltas for bit in delta.get("tool_calls", [])]
    assert bits[0]["type"] == "custom"
    assert bits[0]["custom"]["name"] == "run_code"
    assert "".join(bit["custom"]["input"] for bit in bits) == "Fibonacci"


@pytest.mark.parametrize(
    ("custom", "param"),
    [
        (None, "tools[0].custom"),
        ({}, "tools[0].custom.name"),
        ({"name": "a b"}, "tools[0].custom.name"),
        ({"name": "x", "format": {"type": "grammar"}}, "tools[0].custom.format.type"),
    ],
)
def test_a_bad_custom_tool_is_refused(custom: object, param: str) -> None:
    tools = [{"type": "custom", "custom": custom}]
    assert error(post(golden.ask("Say hi.", tools=tools)))["param"] == param
