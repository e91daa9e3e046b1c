"""Streams of the reference server say what the same answer in one document says."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from asking import complete, document, events, first, post, reply

from conformance.reference import golden

Json = dict[str, Any]


def joined(bits: list[Json]) -> Json | None:
    """One function call from its fragments."""
    if not bits:
        return None
    return {"name": bits[0]["name"], "arguments": "".join(bit["arguments"] for bit in bits)}


def functions(deltas: list[Json]) -> list[Json | None]:
    """The functions of all tool calls, each from its fragments."""
    calls: dict[int, list[Json]] = {}
    for bit in (bit for delta in deltas for bit in delta.get("tool_calls", [])):
        calls.setdefault(bit["index"], []).append(bit)
    for opening, *later in calls.values():
        assert opening["type"] == "function"
        assert all(set(bit) == {"index", "function"} for bit in later)
    return [joined([bit["function"] for bit in bits]) for _, bits in sorted(calls.items())]


def accumulated(chunks: list[Json], index: int) -> tuple[object, ...]:
    """What a client makes of one choice: content, calls, function call, scores and end."""
    choices = [one for chunk in chunks for one in chunk["choices"] if one["index"] == index]
    deltas = [one["delta"] for one in choices]
    assert ["role" in delta for delta in deltas] == [True] + [False] * (len(deltas) - 1)
    assert deltas[-1] == {}
    assert all(one["finish_reason"] is None for one in choices[:-1])
    texts = [delta["content"] for delta in deltas if delta.get("content") is not None]
    return (
        "".join(texts) if texts else None,
        functions(deltas),
        joined([delta["function_call"] for delta in deltas if "function_call" in delta]),
        [entry for one in choices if one["logprobs"] for entry in one["logprobs"]["content"]],
        choices[-1]["finish_reason"],
    )


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


def test_a_stream_arrives_bit_by_bit() -> None:
    times = [chunk.at or 0 for chunk in reply("stream.basic").chunks]
    assert len(times) > 50
    assert {round(late - early, 3) for early, late in itertools.pairwise(times)} == {0.05}


def test_a_stream_that_breaks_off_says_so() -> None:
    *chunks, last = events(reply("stream.fails"))
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert not any(one["finish_reason"] for chunk in chunks for one in chunk["choices"])
    assert b"[DONE]" not in reply("stream.fails").body


def test_obfuscation_is_only_there_when_asked_for() -> None:
    asked = {"stream": True, "stream_options": {"include_obfuscation": True}}
    assert all(one["obfuscation"] for one in events(post(golden.BASIC | asked)))
    assert not any("obfuscation" in one for one in events(reply("stream.basic")))


@pytest.mark.parametrize("name", ["stream", "stream_usage"])
def test_completion_streams_say_what_the_document_says(name: str) -> None:
    made, chunks = complete(golden.COUNTING, max_tokens=100), events(reply(f"completions.{name}"))
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert "".join(choice["text"] for choice in choices) == first(made)["text"]
    assert [one["finish_reason"] for one in choices if one["finish_reason"]] == ["stop"]
    assert chunks[-1].get("usage") == (made["usage"] if name == "stream_usage" else None)


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
