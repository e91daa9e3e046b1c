"""response_format: JSON mode and answers that obey a JSON Schema."""

from __future__ import annotations

from typing import Any, Final

from conformance.probe import Steps, probe
from conformance.probes._examples import COUNTING, WEATHER, Body
from conformance.targets import OMIT, Target

AS_JSON: Final = "Name one colour of the rainbow, as JSON."
PROSE: Final = "Write one plain English sentence about the sea. Don't write JSON."
SKY: Final = "What colour is the sky? Answer in JSON, with the word blue."
SORTED: Final = "Say in JSON whether 7 is even. Write the members in the order of the alphabet."
LONG: Final = "Write a JSON object whose member text counts from one to fifty in words."
JSON_OBJECT: Final = {"type": "json_object"}
CUT: Final = 6
"""Tokens that no JSON object asked for here fits into."""


def closed(**properties: Any) -> Body:
    """A schema that strict mode takes: every member is required and no other allowed."""
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def schema(wanted: Body, **more: Any) -> Body:
    """The format that holds an answer to a schema."""
    described = {"name": "answer", "strict": True, "schema": wanted, **more}
    named = {key: value for key, value in described.items() if value is not OMIT}
    return {"type": "json_schema", "json_schema": named}


COLOUR: Final = closed(colour={"type": "string", "enum": ["zorp", "flim"]})
VERDICT: Final = closed(why={"type": "string"}, even={"type": "boolean"})


@probe("chat")
def text(target: Target) -> Steps:
    """The format is the default, spelt out."""
    yield target.chat(COUNTING, response_format={"type": "text"})


@probe("chat", needs=("json_object",))
def json_object(target: Target) -> Steps:
    """JSON mode, with a prompt that wants JSON too."""
    yield target.chat(AS_JSON, response_format=JSON_OBJECT)


@probe("chat", needs=("json_object", "stream"))
def json_object_streamed(target: Target) -> Steps:
    """JSON mode in a stream: the pieces joined are JSON."""
    yield target.chat(AS_JSON, response_format=JSON_OBJECT, stream=True)


@probe("chat", needs=("json_object",))
def json_object_prose(target: Target) -> Steps:
    """JSON mode against a prompt that wants prose, to tell the mode from an obliging model."""
    yield target.chat(PROSE, response_format=JSON_OBJECT)


@probe("chat", needs=("json_object",))
def json_object_no_word(target: Target) -> Steps:
    """JSON mode without the word json in the prompt: OpenAI refuses it, others answer."""
    yield target.chat("Say hi.", response_format=JSON_OBJECT)


@probe("chat", needs=("json_object",))
def json_object_cut(target: Target) -> Steps:
    """JSON mode with a limit that cuts the text, which then is no JSON any more."""
    yield target.chat(LONG, response_format=JSON_OBJECT, **{target.limit: CUT})


@probe("chat", needs=("json_schema",))
def json_schema(target: Target) -> Steps:
    """A strict schema against a prompt that wants another word, to tell obedience from luck."""
    yield target.chat(SKY, response_format=schema(COLOUR))


@probe("chat", needs=("json_schema", "stream"))
def json_schema_streamed(target: Target) -> Steps:
    """A strict schema in a stream, against the same prompt."""
    yield target.chat(SKY, response_format=schema(COLOUR), stream=True)


@probe("chat", needs=("json_schema",))
def json_schema_order(target: Target) -> Steps:
    """A strict schema has its members in another order than the prompt wants them."""
    yield target.chat(SORTED, response_format=schema(VERDICT))


@probe("chat", needs=("json_schema", "tools"))
def json_schema_with_tools(target: Target) -> Steps:
    """A strict schema beside a tool that nobody needs; nothing else may be to blame for a crash."""
    yield target.chat(SKY, tools=[WEATHER], response_format=schema(COLOUR), temperature=OMIT)


@probe("chat", needs=("json_schema",))
def json_schema_no_name(target: Target) -> Steps:
    """A schema lacks the name that the API demands."""
    yield target.chat(SKY, response_format=schema(COLOUR, name=OMIT))


@probe("chat", needs=("json_schema",))
def json_schema_open(target: Target) -> Steps:
    """A strict schema allows further members, which strict mode does not."""
    wanted = {key: value for key, value in COLOUR.items() if key != "additionalProperties"}
    yield target.chat(SKY, response_format=schema(wanted))


@probe("chat")
def unknown_type(target: Target) -> Steps:
    """The format is one that no API has."""
    yield target.chat(COUNTING, response_format={"type": "poem"})
