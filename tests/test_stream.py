"""What the stream checks must let pass, and what they cannot tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.engine import Checks
from conformance.model import Chunk, Exchange, Failure, Outcome
from conformance.mutate import Mutant, all_of, change, drop, edit, insert, raw
from conformance.recognise import recognise
from conformance.reference.exchanges import exchanges
from conformance.registry import Fact, Judgement, checks

CHECKS = Checks(check for check in checks().values() if check.suite == "stream")
AT_THE_END = ("stream.chunk_finish_once", "stream.done_present", "stream.usage_chunk_present")
COUNTS = {"prompt_tokens": 16, "completion_tokens": 1, "total_tokens": 17}
ENVELOPE = {"id": "", "object": "", "created": 0, "model": ""}
PROMPT_FILTER = ENVELOPE | {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
OFFSETS = {"check_offset": 1, "start_offset": 1, "end_offset": 9}
ASYNC_FILTER = ENVELOPE | {
    "choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": OFFSETS}]
}
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather"}}


def judged(exchange: Exchange) -> dict[str, Judgement]:
    reply = recognise(exchange)
    assert reply is not None
    return {judgement.check.id: judgement for judgement in CHECKS.judge(reply)}


def cut(name: str, *more: Chunk) -> Exchange:
    """The first five events of a reference stream, and these."""
    whole = exchanges()[name]
    assert whole.response is not None
    chunks = (*whole.response.chunks[:5], *more)
    return replace(whole, response=replace(whole.response, chunks=chunks))


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("basic", insert("events[2]", ": PROCESSING\n\n")),
        ("basic", change("body", lambda body: body.replace(b"\n", b"\r\n"), "CRLF")),
        ("basic", change("body", lambda body: body.replace(b"\n", b"\r"), "CR")),
        ("basic", raw(b"data: ", b"data:", every=True)),
        ("basic", change("events[0]", lambda event: b"retry: 10\n" + event, "retry")),
        ("basic", change("events[0]", lambda event: b"event: message\n" + event, "event: message")),
        ("basic", edit("events[-2].choices[0].delta.content", " 31")),
        ("basic", edit("events[1].choices[0].delta", {"reasoning_content": "Numbers."})),
        ("basic", edit("events[1].obfuscation", "aB3")),
        ("usage", insert("events[0]", PROMPT_FILTER)),
        ("usage", insert("events[-2]", ASYNC_FILTER)),
        ("usage", drop("events[1].usage")),
        (
            "usage",
            all_of(
                edit(
                    "request.stream_options",
                    {"include_usage": True, "continuous_usage_stats": True},
                ),
                edit("events[1].usage", COUNTS),
            ),
        ),
        (
            "tools_auto",
            all_of(edit("events[0].choices[0].delta.tool_calls", [CALL]), drop("events[1]")),
        ),
        ("length", edit("events[-3].choices[0].finish_reason", "stop")),
    ],
    ids=lambda value: value if isinstance(value, str) else value.label,
)
def test_what_is_legal_trips_nothing(name: str, variant: Mutant) -> None:
    found = judged(variant.apply(exchanges()[f"stream.{name}"]))
    assert [id_ for id_, judgement in found.items() if judgement.findings] == []


def test_moderation_may_follow_usage() -> None:
    good = exchanges()["stream.usage"]
    reply = recognise(good)
    assert reply is not None
    first = dict(reply.chunks[0][1])  # type: ignore[attr-defined]  # a stream
    moderation = first | {"choices": [], "usage": None, "moderation": {"input": {}}}
    found = judged(insert("events[-1]", moderation).apply(good))
    assert [id_ for id_, judgement in found.items() if judgement.findings] == []


def test_after_an_error_nothing_is_missing_at_the_end() -> None:
    error = Chunk(b'data: {"error": {"message": "overloaded", "type": "server_error"}}\n\n', 0.5)
    found = judged(cut("stream.usage", error))
    assert {found[id_].outcome for id_ in AT_THE_END} == {Outcome.NOT_APPLICABLE}


def test_after_a_failed_connection_nothing_is_missing_at_the_end() -> None:
    broken = replace(cut("stream.usage"), failure=Failure("reset", "reset by peer"))
    found = judged(broken)
    assert {found[id_].outcome for id_ in AT_THE_END} == {Outcome.NOT_APPLICABLE}


def test_a_stream_that_just_stops_may_have_been_left_by_the_client() -> None:
    found = judged(cut("stream.usage"))
    assert {found[id_].outcome for id_ in AT_THE_END} == {Outcome.INCONCLUSIVE}


def compared(id_: str, *mutants: tuple[str, Mutant | None]) -> Outcome:
    facts = []
    for name, mutant in mutants:
        exchange = exchanges()[name]
        reply = recognise(mutant.apply(exchange) if mutant else exchange)
        facts.append(Fact(name, checks()[id_].fact(reply)))
    return checks()[id_].compare(facts).outcome


@pytest.mark.parametrize(
    ("mutant", "outcome"),
    [
        (None, Outcome.PASS),
        (drop("events[9]"), Outcome.FAIL),
        (edit("events[9].choices[0].delta.content", " five"), Outcome.INCONCLUSIVE),
        (
            all_of(drop("events[9]"), edit("events[-2].usage.completion_tokens", 58)),
            Outcome.INCONCLUSIVE,
        ),
    ],
)
def test_only_what_no_model_does_is_a_lost_delta(mutant: Mutant | None, outcome: Outcome) -> None:
    id_ = "stream.chunk_joined_equals_nonstream"
    assert compared(id_, ("chat.basic", None), ("stream.usage", mutant)) is outcome


def test_an_answer_may_end_of_itself_at_the_limit() -> None:
    ended = edit("events[-3].choices[0].finish_reason", "stop")
    found = judged(ended.apply(exchanges()["stream.length"]))
    assert found["stream.length_finish"].outcome is Outcome.INCONCLUSIVE


def test_an_absurd_number_of_choices_costs_nothing() -> None:
    found = judged(edit("request.n", 10**30).apply(exchanges()["stream.n2"]))
    assert found["stream.n_all_choices"].outcome is Outcome.IGNORED
