"""The newer endpoint: answers that are lists of typed items, and streams of typed events."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from conformance.probe import Steps, probe
from conformance.probes._examples import (
    COUNTING,
    COUNTING_LONG,
    OK,
    STRICT_CITY,
    TWO_CITIES,
    WEATHER_QUESTION,
    Body,
    user,
)
from conformance.replies import ResponseObject, a_text
from conformance.targets import Target

BRIEF: Final = "You are a calculator. Be brief."
CUT: Final = 16
"""The smallest limit that OpenAI takes."""
TOO_HOT: Final = 2.1
LONGEST: Final = 200
"""Characters of an id that are taken for a response's."""
WEATHER: Final[Body] = {"type": "function", "name": "get_weather", "parameters": STRICT_CITY}
COLOUR: Final[Body] = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["zorp", "flim"]}},
    "required": ["colour"],
    "additionalProperties": False,
}
FORMAT: Final = {"type": "json_schema", "name": "answer", "strict": True, "schema": COLOUR}


@probe("responses", opens=True)
def basic(target: Target) -> Steps:
    """The least there is: an input and a limit."""
    yield target.response(COUNTING)


@probe("responses")
def instructions(target: Target) -> Steps:
    """Instructions beside the input, which the reply repeats."""
    yield target.response(COUNTING, instructions=BRIEF)


@probe("responses")
def messages(target: Target) -> Steps:
    """The input as a list of messages, the way a conversation is sent."""
    yield target.response([user([{"type": "input_text", "text": COUNTING}])])


@probe("responses", needs=("tools",))
def tools(target: Target) -> Steps:
    """A tool, and two questions that need it."""
    yield target.response(TWO_CITIES, tools=[WEATHER])


@probe("responses", needs=("tools",))
def tools_strict(target: Target) -> Steps:
    """A call in strict mode, and then another request with its result."""
    question = user(WEATHER_QUESTION)
    offered = [WEATHER | {"strict": True}]
    reply = yield target.response([question], tools=offered)
    items = reply.body.get("output") if isinstance(reply, ResponseObject) else None
    called = [one for one in items or () if a_text(one.get("call_id"))][:1]
    if called:
        result = {"type": "function_call_output", "call_id": called[0]["call_id"], "output": "Sun"}
        yield target.response([question, *called, result], tools=offered)


@probe("responses")
def incomplete(target: Target) -> Steps:
    """A limit that cuts the answer off."""
    yield target.response(COUNTING_LONG, max_output_tokens=CUT)


@probe("responses", needs=("json_schema",))
def json_schema(target: Target) -> Steps:
    """A strict schema against a prompt that wants another word, to tell obedience from luck."""
    question = "What colour is the sky? Answer in JSON, with the word blue."
    yield target.response(question, text={"format": FORMAT})


@probe("responses", needs=("reasoning",))
def reasoning(target: Target) -> Steps:
    """A little reasoning before the answer."""
    yield target.response(OK, reasoning={"effort": "low"})


@probe("responses")
def chat_parameters(target: Target) -> Steps:
    """A request in the shape of chat completions, as those who move over send it."""
    chat = {"messages": [user(OK)], "max_tokens": CUT}
    yield target.post("/responses", {"model": target.model, **chat})


@probe("responses")
def temperature(target: Target) -> Steps:
    """A temperature that OpenAI refuses."""
    yield target.response(OK, temperature=TOO_HOT)


@probe("responses")
def stored(target: Target) -> Steps:
    """A response is kept, looked up by its id, and gone on from by its id alone."""
    reply = yield target.response("My name is Ada.", store=True)
    name = a_text(reply.body.get("id")) if isinstance(reply, ResponseObject) else ""
    if name and len(name) <= LONGEST:
        yield target.get(f"/responses/{quote(name, safe='', errors='replace')}")
        yield target.response("What is my name?", previous_response_id=name)


@probe("responses", needs=("stream",))
def stream(target: Target) -> Steps:
    """The answer as a stream of events."""
    yield target.response(COUNTING, instructions=BRIEF, stream=True)


@probe("responses", needs=("stream", "tools"))
def stream_tools(target: Target) -> Steps:
    """A call as a stream of events."""
    yield target.response(WEATHER_QUESTION, tools=[WEATHER], stream=True)


@probe("responses", needs=("stream",))
def stream_incomplete(target: Target) -> Steps:
    """A stream that the limit cuts off."""
    yield target.response(COUNTING_LONG, max_output_tokens=CUT, stream=True)


@probe("responses", needs=("stream", "reasoning"))
def stream_reasoning(target: Target) -> Steps:
    """A stream with a little reasoning before the answer."""
    yield target.response(OK, reasoning={"effort": "low"}, stream=True)
