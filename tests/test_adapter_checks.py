"""The checks of adapters: over other APIs than OpenAI's, and through an adapter that is real."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from both_sides import (
    ANTHROPIC,
    OLLAMA,
    OURS,
    REPLICATE,
    SPOKEN,
    TALK,
    Json,
    answered,
    behind,
    completion,
    failing,
    far,
    outcomes,
    passing,
    post,
    user,
)
from hypothesis import given
from hypothesis import strategies as st

from conformance import dialects
from conformance.adapter_file import read
from conformance.adapting import adapted
from conformance.dialects import Meaning
from conformance.model import Chunk, Exchange, Outcome, Request
from conformance.pictures import solid_png
from conformance.probe import probes
from conformance.proof import golden
from conformance.runner import Asked, Runner

RED = solid_png(255, 0, 0)
QUESTION = "What is the weather in Paris? Use get_weather."
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": CITY}}
COLOUR = {
    "type": "object",
    "properties": {"colour": {"type": "string"}},
    "required": ["colour"],
    "additionalProperties": False,
}
CONVERSED = {"system_preserved", "history_preserved", "roles_preserved", "text_preserved"}


@pytest.mark.parametrize("name", SPOKEN)
def test_a_faithful_adapter_to_any_api_is_not_accused(name: str) -> None:
    seen = behind({"messages": TALK}, far(SPOKEN[name]))
    assert failing(seen) == set()
    told_on = {"finish_reason_preserved", "usage_preserved", "one_upstream_call", "known_hosts"}
    assert passing(seen) >= CONVERSED | told_on


@pytest.mark.parametrize("name", [name for name in SPOKEN if name != "openai"])
def test_what_is_lost_on_the_way_to_any_api_is_noticed(name: str) -> None:
    asked = {"messages": [*TALK[:2], {"role": "assistant", "content": "Good day."}, *TALK[2:]]}
    assert failing(behind(asked, far(SPOKEN[name]))) == {"history_preserved"}
    asked = {"messages": [{"role": "developer", "content": "Be brief."}, *TALK]}
    assert failing(behind(asked, far(SPOKEN[name]))) == {"system_preserved"}


@pytest.mark.parametrize("name", SPOKEN)
def test_an_answer_that_is_changed_is_noticed_in_any_api(name: str) -> None:
    beyond = far(SPOKEN[name])
    meaning = dialects.meaning(beyond)
    assert meaning
    for changed, check in (
        (replace(meaning, text="I don't know."), "text_preserved"),
        (replace(meaning, finish="length"), "finish_reason_preserved"),
        (replace(meaning, usage=(1, 1)), "usage_preserved"),
    ):
        said = answered(200, completion(changed))
        assert failing(behind({"messages": TALK}, beyond, said=said)) == {check}


def test_json_may_be_spaced_otherwise() -> None:
    request = post(
        OLLAMA, model="m", stream=False, messages=[user("Say OK as JSON.")], format="json"
    )
    beyond = far(request)
    meaning = dialects.meaning(beyond)
    assert meaning
    spaced = json.dumps(json.loads(meaning.text), indent=2)
    said = answered(200, completion(replace(meaning, text=spaced)))
    asked = {"messages": [user("Say OK as JSON.")], "response_format": {"type": "json_object"}}
    assert failing(behind(asked, beyond, said=said)) == set()


def test_an_api_that_takes_an_order_and_brings_the_result_later() -> None:
    order = far(post(REPLICATE, input={"prompt": "Say OK.", "max_tokens": 9}))
    assert order.response
    again = Request("GET", json.loads(order.response.body)["urls"]["get"])
    seen = behind({"messages": [user("Say OK.")]}, order, far(again), far(again))
    assert failing(seen) == set()
    assert passing(seen) >= {"one_upstream_call", "text_preserved", "history_preserved"}
    assert failing(behind({"messages": [user("Say OK.")]}, order, order, far(again))) == {
        "one_upstream_call"
    }


def test_a_picture_that_is_lost_is_noticed_where_the_api_has_a_word_for_it() -> None:
    asked = {
        "messages": [
            user(
                [
                    {"type": "text", "text": "Which colour has the image?"},
                    {"type": "image_url", "image_url": {"url": RED}},
                ]
            )
        ]
    }
    text = {"type": "text", "text": "Which colour has the image?"}
    source = {"type": "base64", "media_type": "image/png", "data": RED.partition(",")[2]}
    blocks = [text, {"type": "image", "source": source}]
    sent = [
        far(post(ANTHROPIC, model="m", max_tokens=9, messages=[user(content)]))
        for content in (blocks, blocks[:1])
    ]
    assert "images_preserved" in passing(behind(asked, sent[0]))
    assert failing(behind(asked, sent[1])) == {"images_preserved"}
    bare = far(post(REPLICATE, input={"prompt": "Which colour has the image?"}))
    found = outcomes(behind(asked, bare, said=answered(200, completion(Meaning("Red.")))))
    assert found["images_preserved"] == {Outcome.NOT_APPLICABLE}


def results(*ids: str) -> list[Json]:
    """A conversation in OpenAI's words in which two tools answered, in this order."""
    calls = [
        {
            "id": id_,
            "type": "function",
            "function": {"name": "get_weather", "arguments": json.dumps({"city": city})},
        }
        for id_, city in (("call_a", "Paris"), ("call_b", "Rome"))
    ]
    said = {"call_a": "17 degrees", "call_b": "25 degrees"}
    answers = [{"role": "tool", "tool_call_id": id_, "content": said[id_]} for id_ in ids]
    return [user(QUESTION), {"role": "assistant", "content": None, "tool_calls": calls}, *answers]


def anthropic_results(first: str, second: str) -> Request:
    """The same in Anthropic's words, with what the two calls are said to have brought."""
    uses = [
        {"type": "tool_use", "id": id_, "name": "get_weather", "input": {"city": city}}
        for id_, city in (("call_a", "Paris"), ("call_b", "Rome"))
    ]
    brought = [
        {"type": "tool_result", "tool_use_id": id_, "content": text}
        for id_, text in (("call_a", first), ("call_b", second))
        if text
    ]
    return post(
        ANTHROPIC,
        model="m",
        max_tokens=99,
        tools=[{"name": "get_weather", "input_schema": CITY}],
        messages=[user(QUESTION), {"role": "assistant", "content": uses}, user(brought)],
    )


def test_results_of_tools_belong_to_their_calls() -> None:
    asked = {"messages": results("call_b", "call_a"), "tools": [TOOL]}
    good = behind(asked, far(anthropic_results("17 degrees", "25 degrees")))
    assert failing(good) == set()
    assert "tool_results_preserved" in passing(good)
    swapped = behind(asked, far(anthropic_results("25 degrees", "17 degrees")))
    assert failing(swapped) == {"tool_results_preserved"}


def test_calls_and_their_ids_are_passed_on() -> None:
    tools = [{"name": "get_weather", "input_schema": CITY}]
    request = post(ANTHROPIC, model="m", max_tokens=99, tools=tools, messages=[user(QUESTION)])
    beyond, asked = far(request), {"messages": [user(QUESTION)], "tools": [TOOL]}
    meaning = dialects.meaning(beyond)
    assert meaning
    assert passing(behind(asked, beyond)) >= {"tool_calls_preserved", "tool_call_ids_preserved"}
    other = replace(meaning.calls[0], arguments={"city": "Oslo"})
    said = answered(200, completion(replace(meaning, calls=(other,))))
    assert failing(behind(asked, beyond, said=said)) == {"tool_calls_preserved"}
    renamed = replace(meaning.calls[0], id="call_1")
    said = answered(200, completion(replace(meaning, calls=(renamed,))))
    assert failing(behind(asked, beyond, said=said)) == {"tool_call_ids_preserved"}
    stopped = answered(200, completion(replace(meaning, finish="stop")))
    assert failing(behind(asked, beyond, said=stopped)) == {"finish_reason_preserved"}
    named = asked | {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}}
    assert "finish_reason_preserved" in passing(behind(named, beyond, said=stopped))


def test_a_tool_may_stand_for_a_schema_but_its_call_is_no_answer() -> None:
    format_ = {"type": "json_schema", "json_schema": {"name": "it", "schema": COLOUR}}
    asked = {"messages": [user("What colour is the sky?")], "response_format": format_}
    request: Json = {"model": "m", "max_tokens": 99, **asked}
    del request["response_format"]
    tool = {"name": "json_tool_call", "input_schema": COLOUR}
    forced = {"tools": [tool], "tool_choice": {"type": "tool", "name": "json_tool_call"}}
    beyond = far(post(ANTHROPIC, **request, **forced))
    meaning = dialects.meaning(beyond)
    assert meaning
    assert meaning.calls
    text = json.dumps(meaning.calls[0].arguments)
    as_text = completion(replace(meaning, text=text, calls=(), finish="stop"))
    good = behind(asked, beyond, said=answered(200, as_text))
    assert failing(good) == set()
    assert passing(good) >= {"schema_answer_is_text", "response_format_preserved"}
    assert failing(behind(asked, beyond)) == {"schema_answer_is_text"}
    assert failing(behind(asked, far(post(ANTHROPIC, **request)))) == {"response_format_preserved"}


def test_nothing_is_said_of_exchanges_without_a_far_side() -> None:
    told_on = [
        (name, judgement.check.id)
        for name in golden().exchanges
        if not name.startswith("adapter.")
        for judgement in golden().judgements(name)
        if judgement.check in OURS and judgement.outcome is not Outcome.NOT_APPLICABLE
    ]
    assert told_on == []
    sets = [check for check in OURS if check.over]
    bare = [name for name in golden().exchanges if not name.startswith("adapter.")]
    assert not [name for name in bare for check in sets if golden().passes(check, name)]


def spoiled(data: st.DataObject, body: bytes) -> bytes:
    """Bytes with a part of them gone, or replaced."""
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, len(body)))
    made = data.draw(st.sampled_from([b"", b"null", b"[[", b"\xff", b'"\\ud800"', b"9" * 5000]))
    return body[:start] + made + body[end:]


@given(st.data(), st.sampled_from([*SPOKEN, "a stranger"]))
def test_no_bytes_on_the_other_side_make_a_check_fail(data: st.DataObject, name: str) -> None:
    good = far(SPOKEN.get(name, SPOKEN["openai"]))
    assert good.response
    url = good.request.url if name in SPOKEN else "//[not an address"
    request = replace(good.request, url=url, body=spoiled(data, good.request.body))
    response = replace(good.response, chunks=(Chunk(spoiled(data, good.response.body)),))
    bad = replace(good, request=request, response=response)
    said = answered(200, completion(Meaning("OK", "stop", (1, 1))))
    found = outcomes(behind({"messages": TALK}, bad, said=said))
    assert not [name for name, seen in found.items() if Outcome.ERROR in seen]


BESIDE = (
    "chat.stream_false",
    "params.max_tokens",
    "stream.usage",
    "structured.json_schema",
    "tools.foreign",
    "tools.round_trip",
    "vision.several",
)
"""Probes of other areas that bring what this suite judges."""
BY_OTHER_MEANS = {"schema_answer_is_text"}
"""This adapter has no need of a tool to ask for a schema."""


@pytest.fixture(scope="module")
def exchanged(tmp_path_factory: pytest.TempPathFactory) -> list[Exchange]:
    """What comes of this suite's probes, and some others, at an adapter that is a function."""
    path = tmp_path_factory.mktemp("adapters") / "passing.toml"
    path.write_text(
        'title = "Passing"\ncall = "passing_adapter:chat"\n'
        '[providers.openai]\nmodels = ["gpt-4o"]\nhost = "api.openai.com"\n'
    )
    adapter = read(path)
    chosen = [one for name, one in probes().items() if one.suite == "adapter" or name in BESIDE]

    async def run(runner: Runner) -> list[Exchange]:
        plan = [(target, probe) for target in adapter.targets for probe in chosen]
        done = [one async for one in runner.run(plan) if isinstance(one, Asked)]
        return [x for one in done for turn in one.turns for x in turn.exchanges]

    with adapted(adapter) as route:
        return asyncio.run(run(Runner(route, in_order=True)))


def test_an_adapter_that_passes_everything_on_passes_everything(exchanged: list[Exchange]) -> None:
    assert failing(*exchanged) == set()
    names = {check.id.removeprefix("adapter.") for check in OURS}
    assert names - passing(*exchanged) == BY_OTHER_MEANS


def test_every_script_in_a_probe_is_one_that_the_stage_knows(exchanged: list[Exchange]) -> None:
    answers = [x.response for x in exchanged if x.response]
    assert not [one.body for one in answers if b"The scripts of this upstream are" in one.body]
