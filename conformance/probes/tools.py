"""Tools: offered, forced and forbidden, called once and several times, and results sent back."""

from __future__ import annotations

from typing import Any, Final

from conformance.probe import Steps, probe
from conformance.probes._examples import (
    CITY,
    CLOCK,
    COUNTING,
    FORECAST,
    STRICT_CITY,
    TWO_CITIES,
    WEATHER,
    WEATHER_QUESTION,
    Body,
    function,
    user,
)
from conformance.replies import ChatReply, Reply
from conformance.targets import Target

HELLO: Final = "Say hi."
PARIS: Final = "What is the weather in Paris?"
NAMED: Final = {"type": "function", "function": {"name": "get_forecast"}}
ALLOWED: Final = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED]}}
FIRST_ID: Final = "call_Zk3bQ9xWv7LmT2nRy8HsJd4F"
SECOND_ID: Final = "call_Pf6cX1uGa5KoE0jBw9VtNq2M"
"""Ids as OpenAI makes them; whoever is asked never gave them out."""
MOST: Final = 8
"""How many calls are answered; a model that loops makes any number."""
STRICT: Final = function(
    "get_weather",
    STRICT_CITY
    | {
        "properties": CITY["properties"] | {"unit": {"type": "string", "enum": ["zorp", "flim"]}},
        "required": ["city", "unit"],
    },
    strict=True,
)
RICH: Final = function(
    "get_weather",
    {
        "type": "object",
        "properties": {
            "city": {"$ref": "#/$defs/city"},
            "unit": {"anyOf": [{"const": "celsius"}, {"type": "null"}]},
        },
        "required": ["city"],
        "additionalProperties": False,
        "$defs": {"city": {"type": "string"}},
    },
    strict=False,
)


def call(id_: str, city: str, **more: Any) -> Body:
    """A call of ``get_weather`` as it is sent back."""
    called = {"name": "get_weather", "arguments": '{"city":"' + city + '"}'}
    return {"id": id_, "type": "function", "function": called, **more}


def result(id_: str, content: Any = "17 degrees and rain") -> Body:
    """What a tool answered."""
    return {"role": "tool", "tool_call_id": id_, "content": content}


def history(*messages: Body, **calling: Any) -> list[Body]:
    """A question, a call of ours with the members ``calling``, then these messages."""
    calls = {"role": "assistant", "tool_calls": [call(FIRST_ID, "Paris")]}
    return [user(WEATHER_QUESTION), calls | calling, *messages]


def sent_back(reply: Reply | None, question: str, *, indices: bool = False) -> list[Body]:
    """The conversation after a reply's calls were answered; empty without calls.

    With ``indices`` they are sent as code that joins a stream keeps them.
    """
    answers = reply.answers if isinstance(reply, ChatReply) else []
    calls = answers[0].calls[:MOST] if answers else []
    made = [
        {
            **({"index": index} if indices else {}),
            "id": one.id,
            "type": "function",
            "function": {"name": one.name, "arguments": one.arguments},
        }
        for index, one in enumerate(calls)
    ]
    said = {"role": "assistant", "content": None, "tool_calls": made}
    return [user(question), said, *(result(one.id) for one in calls)] if calls else []


@probe("chat", needs=("tools",))
def round_trip(target: Target) -> Steps:
    """The model is free to call and told to; its call goes back as it came, with a result."""
    reply = yield target.chat(WEATHER_QUESTION, tools=[WEATHER])
    if messages := sent_back(reply, WEATHER_QUESTION):
        yield target.chat(messages=messages, tools=[WEATHER])


@probe("chat", needs=("tools", "stream"))
def streamed_round_trip(target: Target) -> Steps:
    """The same round trip streamed; the call goes back with the index it had in the stream."""
    reply = yield target.chat(WEATHER_QUESTION, tools=[WEATHER], stream=True)
    if messages := sent_back(reply, WEATHER_QUESTION, indices=True):
        yield target.chat(messages=messages, tools=[WEATHER], stream=True)


@probe("chat", needs=("tools",))
def none(target: Target) -> Steps:
    """A call is forbidden although the prompt demands one."""
    yield target.chat(WEATHER_QUESTION, tools=[WEATHER], tool_choice="none")


@probe("chat", needs=("tools",))
def auto_text(target: Target) -> Steps:
    """The model is free to call, and the prompt gives it no reason to."""
    yield target.chat(HELLO, tools=[WEATHER], tool_choice="auto")


@probe("chat", needs=("tools",))
def required(target: Target) -> Steps:
    """A call is demanded although the prompt asks for none."""
    yield target.chat(HELLO, tools=[WEATHER], tool_choice="required")


@probe("chat", needs=("tools", "stream"))
def required_streamed(target: Target) -> Steps:
    """A call is demanded in a stream, to be compared with the one outside."""
    yield target.chat(HELLO, tools=[WEATHER], tool_choice="required", stream=True)


@probe("chat", needs=("tools",))
def named(target: Target) -> Steps:
    """Of two tools alike, the less natural one is demanded by name."""
    yield target.chat(PARIS, tools=[WEATHER, FORECAST], tool_choice=NAMED)


@probe("chat", needs=("tools", "stream"))
def named_streamed(target: Target) -> Steps:
    """A tool is demanded by name in a stream, to be compared with the one outside."""
    yield target.chat(PARIS, tools=[WEATHER, FORECAST], tool_choice=NAMED, stream=True)


@probe("chat", needs=("tools",))
def allowed(target: Target) -> Steps:
    """Two tools are offered, and only the less natural one is allowed."""
    yield target.chat(PARIS, tools=[WEATHER, FORECAST], tool_choice=ALLOWED)


@probe("chat", needs=("tools", "parallel_tools"))
def parallel(target: Target) -> Steps:
    """Two calls are asked for, and may be made at once."""
    yield target.chat(TWO_CITIES, tools=[WEATHER], parallel_tool_calls=True)


@probe("chat", needs=("tools", "parallel_tools", "stream"))
def parallel_streamed(target: Target) -> Steps:
    """Two calls are asked for at once in a stream, whose fragments need an index each."""
    yield target.chat(TWO_CITIES, tools=[WEATHER], parallel_tool_calls=True, stream=True)


@probe("chat", needs=("tools",))
def single(target: Target) -> Steps:
    """Two calls are asked for, and only one may be made at a time."""
    yield target.chat(TWO_CITIES, tools=[WEATHER], parallel_tool_calls=False)


@probe("chat", needs=("tools",))
def strict(target: Target) -> Steps:
    """Strict parameters allow two units that no model would choose by itself."""
    yield target.chat(f"{WEATHER_QUESTION} I need it in celsius.", tools=[STRICT])


@probe("chat", needs=("tools",))
def strict_open(target: Target) -> Steps:
    """A strict tool does not rule out further parameters, which strict mode demands."""
    yield target.chat(HELLO, tools=[function("get_weather", CITY, strict=True)])


@probe("chat", needs=("tools",))
def rich(target: Target) -> Steps:
    """Parameters use the keywords that generators of schemas write; strict is said to be off."""
    yield target.chat(WEATHER_QUESTION, tools=[RICH])


@probe("chat", needs=("tools",))
def no_arguments(target: Target) -> Steps:
    """A tool that takes nothing is called: its arguments are {} and not empty."""
    yield target.chat("What does the server's clock say? Use get_server_time.", tools=[CLOCK])


@probe("chat", needs=("tools",))
def bare(target: Target) -> Steps:
    """A tool has the longest name there may be, no description and no parameters."""
    yield target.chat(HELLO, tools=[{"type": "function", "function": {"name": "t" * 64}}])


@probe("chat", needs=("tools",))
def custom(target: Target) -> Steps:
    """A tool takes free text in place of JSON, as newer models of OpenAI's can."""
    note = {"name": "take_note", "description": "Writes down a text."}
    tools = [{"type": "custom", "custom": note}]
    yield target.chat("Write down that it rains. Use take_note.", tools=tools)


@probe("chat", needs=("tools",))
def many(target: Target) -> Steps:
    """As many tools are offered as agents with several tool servers have."""
    yield target.chat(HELLO, tools=[function(f"tool_{i}", CITY) for i in range(64)])


@probe("chat")
def without(target: Target) -> Steps:
    """The prompt demands a call, but no tool is offered."""
    yield target.chat(WEATHER_QUESTION)


@probe("chat", lacks=("tools",))
def unsupported(target: Target) -> Steps:
    """A call is demanded of a model that makes none: it should say so."""
    yield target.chat(HELLO, tools=[WEATHER], tool_choice="required")


@probe("chat", needs=("tools",))
def foreign(target: Target) -> Steps:
    """A round trip that another server began, as after a change of providers; then a new call."""
    known = history(result(FIRST_ID), content=None)
    more = [{"role": "assistant", "content": "It rains, at 17 degrees."}]
    asked = user("And what is the weather in Rome? Use get_weather.")
    yield target.chat(messages=known, tools=[WEATHER])
    yield target.chat(messages=[*known, *more, asked], tools=[WEATHER])


@probe("chat", needs=("tools",))
def call_content_empty(target: Target) -> Steps:
    """A call is sent back with an empty text beside it, as frameworks do."""
    yield target.chat(messages=history(result(FIRST_ID), content=""), tools=[WEATHER])


@probe("chat", needs=("tools",))
def call_content_absent(target: Target) -> Steps:
    """A call is sent back without a text beside it, as frameworks do."""
    yield target.chat(messages=history(result(FIRST_ID)), tools=[WEATHER])


@probe("chat", needs=("tools",))
def result_parts(target: Target) -> Steps:
    """A tool's result is an array of text parts."""
    parts = [{"type": "text", "text": "17 degrees and rain"}]
    yield target.chat(messages=history(result(FIRST_ID, parts), content=None), tools=[WEATHER])


@probe("chat", needs=("tools",))
def result_empty(target: Target) -> Steps:
    """A tool had nothing to say."""
    yield target.chat(messages=history(result(FIRST_ID, ""), content=None), tools=[WEATHER])


@probe("chat", needs=("tools",))
def results_swapped(target: Target) -> Steps:
    """Two calls were made at once, and the second was finished first."""
    calls = [call(FIRST_ID, "Paris"), call(SECOND_ID, "Rome")]
    results = (result(SECOND_ID, "25 degrees and sun"), result(FIRST_ID))
    yield target.chat(messages=history(*results, content=None, tool_calls=calls), tools=[WEATHER])


@probe("chat", needs=("tools",))
def functions(target: Target) -> Steps:
    """The deprecated way to offer a tool, left to the model."""
    yield target.chat(WEATHER_QUESTION, functions=[WEATHER["function"]])


@probe("chat", needs=("tools",))
def function_call(target: Target) -> Steps:
    """The deprecated way to demand a call."""
    wanted = {"name": "get_weather"}
    yield target.chat(HELLO, functions=[WEATHER["function"]], function_call=wanted)


@probe("chat", needs=("tools",))
def name_pattern(target: Target) -> Steps:
    """A tool's name has characters that no name may have."""
    yield target.chat(COUNTING, tools=[function("my tool!", CITY)])


@probe("chat", needs=("tools",))
def choice_alone(target: Target) -> Steps:
    """A call is demanded, but the tools were forgotten."""
    yield target.chat(COUNTING, tool_choice="required")


@probe("chat", needs=("tools",))
def unknown_name(target: Target) -> Steps:
    """A tool is demanded by name that is not among those offered."""
    wanted = {"type": "function", "function": {"name": "no_such_tool"}}
    yield target.chat(COUNTING, tools=[WEATHER], tool_choice=wanted)


@probe("chat", needs=("tools",))
def orphan(target: Target) -> Steps:
    """A result answers a call that nobody made."""
    yield target.chat(messages=[user(PARIS), result(FIRST_ID)], tools=[WEATHER])


@probe("chat", needs=("tools",))
def unanswered(target: Target) -> Steps:
    """A call was made and has no result."""
    yield target.chat(messages=history(user("And in Rome?"), content=None), tools=[WEATHER])


@probe("chat", needs=("tools",))
def empty(target: Target) -> Steps:
    """The list of tools is empty."""
    yield target.chat(COUNTING, tools=[])


@probe("chat", needs=("tools",))
def parallel_alone(target: Target) -> Steps:
    """Whether calls may be parallel is said, but the tools were forgotten."""
    yield target.chat(COUNTING, parallel_tool_calls=True)
