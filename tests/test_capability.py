"""A verdict counts in the column that its check and its request name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.capability import TITLES, Area, capability
from conformance.model import Exchange, Provenance, Request, Source
from conformance.recognise import recognise
from conformance.reference.exchanges import exchanges
from conformance.reference.server import answer
from conformance.registry import checks

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def area(**asked: Any) -> Area:
    """Where a chat completion that was asked for so belongs."""
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **asked}
    request = Request("POST", "/v1/chat/completions", body=json.dumps(body).encode())
    exchange = Exchange("x", "p", request, answer(request), Provenance(Source.REFERENCE))
    reply = recognise(exchange)
    assert reply
    return Area.of(reply)


@pytest.mark.parametrize(
    ("asked", "column"),
    [
        ({}, "tools_auto"),
        ({"tool_choice": "auto"}, "tools_auto"),
        ({"tool_choice": "required"}, "tools_forced"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tools_forced"),
        ({"parallel_tool_calls": True}, "tools_parallel"),
        ({"stream": True, "tool_choice": "required"}, "tools_streamed"),
        ({"messages": [{"role": "tool", "content": "1", "tool_call_id": "c"}]}, "tools_round_trip"),
        ({"messages": [{"role": []}, 5], "tool_choice": []}, "tools_auto"),
    ],
)
def test_a_check_of_tools_counts_where_the_request_says(asked: dict[str, Any], column: str) -> None:
    assert capability("tools.call_id", area(tools=TOOLS, **asked)) == column


def test_some_checks_are_about_one_thing_whatever_was_asked() -> None:
    streamed = Area(tools="tools_streamed")
    assert capability("tools.parallel_multiple", streamed) == "tools_parallel"
    assert capability("tools.history_roundtrip", streamed) == "tools_round_trip"
    assert capability("stream.tool_index") == "tools_streamed"
    assert capability("stream.usage_choices_empty") == "usage"
    assert capability("chat.logprobs_shape") == "logprobs"
    assert capability("structured.json_schema_valid") == "json_schema"
    assert capability("completions.usage") == "completions"


def test_structured_output_counts_by_its_format() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    assert capability("structured.length_detectable", area(response_format=schema)) == "json_schema"
    assert capability("structured.length_detectable", area(response_format=7)) == "json_object"


def test_every_check_has_a_column_with_a_title() -> None:
    assert {capability(check) for check in checks()} == TITLES.keys()


def test_every_golden_reply_has_an_area() -> None:
    replies = [reply for exchange in exchanges().values() if (reply := recognise(exchange))]
    assert len(replies) > 50
    assert {Area.of(reply).tools for reply in replies} > {"tools_auto", "tools_streamed"}
