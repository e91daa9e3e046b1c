"""Checks of tools and images that need a control: what they say when they have it, and when not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import CHAT, KEY

from conformance.model import Exchange, Headers, Outcome, Provenance, Request, Source
from conformance.mutate import Mutant, all_of, drop, edit
from conformance.pictures import solid_png
from conformance.recognise import recognise
from conformance.reference import answer, golden
from conformance.registry import Fact, Judgement, checks

USE = f"{golden.WEATHER_QUESTION} Use get_weather."
BOTH = f"{golden.TWO_CITIES} Use get_weather for both."
TEXT = all_of(
    drop("choices[0].message.tool_calls"),
    edit("choices[0].message.content", "Hello!"),
    edit("choices[0].finish_reason", "stop"),
)
ONE_CALL = drop("choices[0].message.tool_calls[1]")
MISSED = edit("choices[0].message.content", "Purple.")
WEATHER: dict[str, Any] = {"tools": [golden.WEATHER]}


def asked(prompt: object, change: Mutant | None = None, **more: Any) -> Exchange:
    body = json.dumps(golden.ask(prompt, **more)).encode()
    request = Request("POST", f"https://reference.test{CHAT}", Headers([KEY]), body)
    made = Exchange("one", "some", request, answer(request), Provenance(Source.REFERENCE))
    return change.apply(made) if change else made


WORDS = asked(golden.COLOUR, model="reference-vision")


def compared(name: str, *exchanges: Exchange) -> Judgement:
    check, facts = checks()[name], []
    for exchange in exchanges:
        reply = recognise(exchange)
        if reply is not None and (value := check.fact(reply)) is not None:
            facts.append(Fact(exchange.id, value))
    return check.compare(facts)


def outcome(name: str, *exchanges: Exchange) -> Outcome:
    return compared(name, *exchanges).outcome


def test_a_control_is_a_check() -> None:
    named = {check.control for check in checks().values()} - {None}
    assert {"tools.auto_call_possible", "tools.parallel_multiple"} <= named <= checks().keys()


def test_a_model_calls_when_it_does_more_often_than_not() -> None:
    name, silent = "tools.auto_call_possible", asked(USE, TEXT, **WEATHER)
    calls, forced = asked(USE, **WEATHER), asked("Hi.", tool_choice="required", **WEATHER)
    assert outcome(name, calls, calls, silent) is Outcome.PASS
    assert len(compared(name, calls, silent, silent, forced).findings) == 2
    assert outcome(name, silent, forced) is Outcome.FAIL
    assert outcome(name, silent, silent) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    "more",
    [WEATHER | {"tool_choice": "none"}, {}, WEATHER | {"max_tokens": 2}],
    ids=["forbidden", "nothing offered", "cut"],
)
def test_a_model_is_not_blamed_for_calling_nothing_where_it_could_not(more: dict[str, Any]) -> None:
    name, forced = "tools.auto_call_possible", asked("Hi.", tool_choice="required", **WEATHER)
    assert outcome(name, asked(USE, **more), forced) is Outcome.NOT_APPLICABLE


def test_several_calls_in_one_answer_are_enough_once() -> None:
    name, single = "tools.parallel_multiple", asked(BOTH, ONE_CALL, **WEATHER)
    assert outcome(name, single) is Outcome.IGNORED
    assert outcome(name, single, asked(BOTH, **WEATHER)) is Outcome.PASS
    allowed = asked(BOTH, parallel_tool_calls=True, **WEATHER)
    assert outcome(name, single, allowed) is Outcome.PASS
    forbidden = asked(BOTH, parallel_tool_calls=False, **WEATHER)
    assert outcome(name, forbidden) is Outcome.NOT_APPLICABLE


def test_a_crash_with_tools_counts_where_plain_requests_are_answered() -> None:
    name, error = "tools.unsupported_clean", {"error": {"message": "Oops.", "type": "server_error"}}
    crash = all_of(edit("status", 500), edit("body", json.dumps(error)))
    crashed, plain = asked(USE, crash, **WEATHER), asked("Say hi.")
    assert outcome(name, crashed, plain) is Outcome.FAIL
    assert outcome(name, crashed) is Outcome.INCONCLUSIVE
    assert outcome(name, asked(USE, **WEATHER), plain) is Outcome.PASS


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, Outcome.INCONCLUSIVE),
        ({"tool_choice": "auto"}, Outcome.INCONCLUSIVE),
        ({"tool_choice": "required"}, Outcome.FAIL),
        (
            {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
            Outcome.FAIL,
        ),
    ],
    ids=["free", "auto", "required", "named"],
)
def test_arguments_of_a_free_call_are_the_models(more: dict[str, Any], expected: Outcome) -> None:
    other = edit("choices[0].message.tool_calls[0].function.arguments", '{"location": "Bonn"}')
    check = checks()["tools.arguments_schema"]
    good, bad = asked(USE, **WEATHER, **more), asked(USE, other, **WEATHER, **more)
    assert check.judge(recognise(good)).outcome is Outcome.PASS
    assert check.judge(recognise(bad)).outcome is expected


def test_three_colours_are_told_apart_and_two_prove_nothing() -> None:
    name, pixels = "vision.colours_told_apart", [(255, 0, 0), (0, 128, 0), (0, 0, 255)]
    red, green, blue = (coloured(solid_png(*pixel)) for pixel in pixels)
    guess = coloured(solid_png(0, 0, 255), edit("choices[0].message.content", "Red!"))
    assert outcome(name, red, green, blue) is Outcome.PASS
    assert outcome(name, red, green, guess) is Outcome.IGNORED
    assert outcome(name, red, green, guess, blue) is Outcome.PASS
    assert outcome(name, red, guess) is Outcome.INCONCLUSIVE


def coloured(url: str, change: Mutant | None = None, **more: Any) -> Exchange:
    image = {"type": "image_url", "image_url": {"url": url}}
    question = {"type": "text", "text": golden.COLOUR}
    return asked([question, image], change, model="reference-vision", **more)


def test_a_colour_missed_is_held_against_the_server_unless_the_picture_was_taken_in() -> None:
    name, red = "vision.data_uri_png", solid_png(255, 0, 0)
    missed = coloured(red, MISSED)
    unpaid = coloured(red, all_of(MISSED, edit("usage.prompt_tokens", 5)))
    assert outcome(name, coloured(red), WORDS) is Outcome.PASS
    assert outcome(name, WORDS) is Outcome.NOT_APPLICABLE
    assert outcome(name, missed) is Outcome.IGNORED
    assert outcome(name, missed, asked("Say hi.", model="reference-vision")) is Outcome.IGNORED
    assert outcome(name, missed, WORDS) is Outcome.INCONCLUSIVE
    assert outcome(name, unpaid, WORDS) is Outcome.IGNORED
    assert len(compared(name, missed, unpaid, WORDS).findings) == 1


def test_a_stream_that_tells_no_cost_is_judged_by_the_answer_in_one_piece() -> None:
    name, red = "vision.data_uri_png", solid_png(255, 0, 0)
    streamed = coloured(red, edit("events[1].choices[0].delta.content", "blue"), stream=True)
    assert outcome(name, streamed, WORDS) is Outcome.IGNORED
    assert outcome(name, streamed, coloured(red), WORDS) is Outcome.IGNORED
    assert outcome(name, streamed, coloured(red, MISSED), WORDS) is Outcome.INCONCLUSIVE


def test_colours_are_not_told_apart_by_poor_eyes() -> None:
    name, pixels = "vision.colours_told_apart", [(255, 0, 0), (0, 128, 0), (0, 0, 255)]
    same = [coloured(solid_png(*pixel), MISSED) for pixel in pixels]
    assert outcome(name, *same) is Outcome.IGNORED
    assert outcome(name, *same, WORDS) is Outcome.INCONCLUSIVE
    unpaid = coloured(solid_png(0, 128, 0), all_of(MISSED, edit("usage.prompt_tokens", 5)))
    (finding,) = compared(name, same[0], unpaid, same[2], WORDS).findings
    assert finding.want == "green"


def test_an_image_refused_everywhere_is_not_refused_for_its_place() -> None:
    name = "vision.text_image_order"
    image = {"type": "image_url", "image_url": {"url": solid_png(255, 0, 0)}}
    question = {"type": "text", "text": golden.COLOUR}
    error = {"error": {"message": "No.", "type": "invalid_request_error"}}
    refused = all_of(edit("status", 400), edit("body", json.dumps(error)))
    first = asked([image, question], refused, model="reference-vision")
    usual = [asked([question, image], one, model="reference-vision") for one in (None, refused)]
    assert outcome(name, first, usual[0]) is Outcome.FAIL
    assert outcome(name, first, usual[1]) is Outcome.INCONCLUSIVE
    assert outcome(name, usual[0]) is Outcome.NOT_APPLICABLE
