"""The requests whose answers are the golden exchanges, as plain JSON bodies."""

from __future__ import annotations

from typing import Any, Final

from conformance.pictures import solid_png

Body = dict[str, Any]

MODEL: Final = "reference-1"
COUNTING: Final = "Count from 1 to 30, comma separated."
UNICODE: Final = "Repeat this exactly: Zoë reads 漢字 🧪, then\n\n  indents a line."
COLOUR: Final = "Which colour has the image? Answer in one word."
WEATHER_QUESTION: Final = "What is the weather in Paris?"
TWO_CITIES: Final = "What is the weather in Paris and in Rome?"
CALL_ID: Final = "call_abcdefghijklmnopqrstuvwx"
SENTENCE: Final = "The cat sat on the mat."

CITY: Final[Body] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city"],
}
STRICT_CITY: Final[Body] = {**CITY, "required": ["city", "unit"], "additionalProperties": False}
COLOUR_SCHEMA: Final[Body] = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["zorp", "flim"]}},
    "required": ["colour"],
    "additionalProperties": False,
}
FORMAT: Final[Body] = {"name": "answer", "strict": True, "schema": COLOUR_SCHEMA}
NULLABLE: Final = (
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "n",
    "presence_penalty",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
)


def function(name: str, parameters: Body, **more: Any) -> Body:
    """A tool of the chat completions API."""
    described = {"name": name, "description": "Tells what its name says.", **more}
    return {"type": "function", "function": {**described, "parameters": parameters}}


WEATHER: Final = function("get_weather", CITY)
FORECAST: Final = function("get_forecast", CITY)
CLOCK: Final = function("get_server_time", {"type": "object", "properties": {}})


def call(id_: str, city: str) -> Body:
    """A call of ``get_weather`` as it is sent back."""
    arguments = '{"city":"' + city + '"}'
    called = {"name": "get_weather", "arguments": arguments}
    return {"id": id_, "type": "function", "function": called}


def ask(prompt: object, **more: Any) -> Body:
    """A chat request with one user message."""
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], **more}


def look(**detail: str) -> Body:
    """A chat request about a red picture."""
    image = {"type": "image_url", "image_url": {"url": solid_png(255, 0, 0), **detail}}
    return ask([{"type": "text", "text": COLOUR}, image], model="reference-vision")


BASIC: Final = ask(COUNTING)
TOOL_RESULT: Final = ask(WEATHER_QUESTION, tools=[WEATHER]) | {
    "messages": [
        {"role": "user", "content": WEATHER_QUESTION},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [call(CALL_ID, "Paris")],
        },
        {"role": "tool", "tool_call_id": CALL_ID, "content": "17 degrees and rain"},
    ]
}
SECOND_ID: Final = "call_bcdefghijklmnopqrstuvwxy"
THIRD_ID: Final = "call_cdefghijklmnopqrstuvwxyz"
LATER_TURNS: Final = [
    {"role": "assistant", "content": "It rains in Paris, at 17 degrees."},
    {"role": "user", "content": "And in Rome and Oslo?"},
    {"role": "assistant", "tool_calls": [call(SECOND_ID, "Rome"), call(THIRD_ID, "Oslo")]},
    {"role": "tool", "tool_call_id": THIRD_ID, "content": ""},
    {"role": "tool", "tool_call_id": SECOND_ID, "content": [{"type": "text", "text": "Sun"}]},
    {"role": "assistant", "content": "", "tool_calls": [{"index": 0, **call("call_d", "Oslo")}]},
    {"role": "tool", "tool_call_id": "call_d", "content": "Snow"},
    {"role": "user", "content": "And what is the weather in Bonn?"},
]
TALK: Final = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Hello, my name is Ada."},
    {"role": "assistant", "content": "Hello Ada."},
    {"role": "user", "content": "What is my name?"},
]
DEVELOPER: Final = [
    {"role": "developer", "content": "Answer every question only with the word pineapple."},
    {"role": "user", "content": "How are you?"},
]

CHAT: Final[dict[str, Body]] = {
    "basic": BASIC,
    "again": BASIC,
    "charset": BASIC,
    "bearer_lowercase": BASIC,
    "nulls": BASIC | dict.fromkeys(NULLABLE),
    "multi_turn": {"model": MODEL, "messages": TALK},
    "developer": {"model": MODEL, "messages": DEVELOPER},
    "unicode": ask(UNICODE),
    "n2": ask(COUNTING, n=2),
    "stop": ask(COUNTING, stop=" 7"),
    "stop_list": ask(COUNTING, stop=["never", " 7"]),
    "length": ask(COUNTING, max_tokens=5),
    "max_completion_tokens": ask(COUNTING, max_completion_tokens=5),
    "logprobs": ask("Repeat this: All is OK, Zoë 🧪.", logprobs=True, top_logprobs=2),
    "json_object": ask("Say OK as JSON.", response_format={"type": "json_object"}),
    "json_schema": ask(
        "What colour is the sky? Answer in JSON, with the word blue.",
        response_format={"type": "json_schema", "json_schema": FORMAT},
    ),
    "tools_auto": ask(WEATHER_QUESTION, tools=[WEATHER]),
    "tools_none": ask(WEATHER_QUESTION, tools=[WEATHER], tool_choice="none"),
    "tools_required": ask("Say hi.", tools=[WEATHER], tool_choice="required"),
    "tools_named": ask(
        WEATHER_QUESTION,
        tools=[WEATHER, FORECAST],
        tool_choice={"type": "function", "function": {"name": "get_forecast"}},
    ),
    "tools_parallel": ask(TWO_CITIES, tools=[WEATHER]),
    "tools_single": ask(TWO_CITIES, tools=[WEATHER], parallel_tool_calls=False),
    "tools_strict": ask(
        WEATHER_QUESTION, tools=[function("get_weather", STRICT_CITY, strict=True)]
    ),
    "tool_no_arguments": ask("What does get_server_time say?", tools=[CLOCK]),
    "tools_allowed": ask(
        WEATHER_QUESTION,
        tools=[WEATHER, FORECAST],
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [{"type": "function", "function": {"name": "get_forecast"}}],
            },
        },
    ),
    "tool_result": TOOL_RESULT,
    "tool_again": TOOL_RESULT | {"messages": [*TOOL_RESULT["messages"], *LATER_TURNS]},
    "tools_bare": ask(COUNTING, tools=[{"type": "function", "function": {"name": "t" * 64}}]),
    "tools_many": ask(COUNTING, tools=[function(f"tool_{i}", CITY) for i in range(64)]),
    "functions": ask(WEATHER_QUESTION, functions=[WEATHER["function"]]),
    "vision": look(),
    "vision_low": look(detail="low"),
    "vision_high": look(detail="high"),
    "text_only": ask(COLOUR, model="reference-vision"),
}
USAGE: Final[Body] = {"stream": True, "stream_options": {"include_usage": True}}
STREAM: Final[dict[str, Body]] = {
    "basic": BASIC | {"stream": True},
    "again": BASIC | {"stream": True},
    "fails": BASIC | {"stream": True},
    "usage": BASIC | USAGE,
    "no_obfuscation": BASIC | {"stream": True, "stream_options": {"include_obfuscation": False}},
    **{
        name: CHAT[name] | USAGE
        for name in (
            "n2",
            "stop",
            "length",
            "logprobs",
            "unicode",
            "json_schema",
            "tools_auto",
            "tools_required",
            "tools_named",
            "tools_parallel",
            "functions",
            "vision",
        )
    },
}
UNKNOWN: Final = ask(COUNTING, model="no-such-model")
ERRORS: Final[dict[str, Body]] = {
    "unknown_model": UNKNOWN,
    "stream_unknown_model": UNKNOWN | {"stream": True},
    "messages_empty": {"model": MODEL, "messages": []},
    "messages_missing": {"model": MODEL},
    "model_missing": {"messages": BASIC["messages"]},
    "unknown_role": {"model": MODEL, "messages": [{"role": "robot", "content": "Hi"}]},
    "temperature_2_1": ask(COUNTING, temperature=2.1),
    "stream_temperature_2_1": ask(COUNTING, temperature=2.1, stream=True),
    "n_0": ask(COUNTING, n=0),
    "max_tokens_0": ask(COUNTING, max_tokens=0),
    "unknown_parameter": ask(COUNTING, zzz_unknown=1),
    "wrong_key": BASIC,
    "missing_key": BASIC,
    "busy": BASIC,
    "top_logprobs_alone": ask(COUNTING, top_logprobs=2),
    "stream_options_alone": ask(COUNTING, stream_options={"include_usage": True}),
    "tools_empty": ask(COUNTING, tools=[]),
    "tool_name": ask(COUNTING, tools=[function("my tool!", CITY)]),
    "tool_choice_alone": ask(COUNTING, tool_choice="required"),
    "tool_unknown": ask(
        COUNTING,
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "no_such_tool"}},
    ),
    "tool_orphan": {
        "model": MODEL,
        "messages": [{"role": "tool", "tool_call_id": CALL_ID, "content": "17 degrees"}],
    },
    "tool_unanswered": {"model": MODEL, "messages": TOOL_RESULT["messages"][:2]},
    "parallel_alone": ask(COUNTING, parallel_tool_calls=True),
    "response_format_type": ask(COUNTING, response_format={"type": "poem"}),
    "json_word_missing": ask(COUNTING, response_format={"type": "json_object"}),
    "schema_name_missing": ask(
        COUNTING,
        response_format={"type": "json_schema", "json_schema": {"schema": COLOUR_SCHEMA}},
    ),
    "context_length": ask("word " * 9000),
    "bad_image": ask(
        [
            {"type": "text", "text": COLOUR},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,bm90IGEgcG5n"}},
        ],
        model="reference-vision",
    ),
}


def continue_text(prompt: object, **more: Any) -> Body:
    """A completions request."""
    return {"model": MODEL, "prompt": prompt, **more}


COMPLETIONS: Final[dict[str, Body]] = {
    "basic": continue_text(COUNTING),
    "array": continue_text([COUNTING, "Say OK"]),
    "n2": continue_text(COUNTING, n=2),
    "logprobs": continue_text(COUNTING, logprobs=2, max_tokens=5),
    "echo_logprobs": continue_text("Say OK", echo=True, logprobs=2),
    "stop": continue_text(COUNTING, stop=" 7", max_tokens=100),
    "length": continue_text(COUNTING, max_tokens=5),
    "max_tokens_0": continue_text("Say OK", max_tokens=0, echo=True),
    "tokens": continue_text([1, 22, 333]),
    "token_arrays": continue_text([[1, 22], [333]]),
    "logprobs_6": continue_text(COUNTING, logprobs=6),
    "best_of_stream": continue_text(COUNTING, best_of=2, stream=True),
    "best_of_1": continue_text(COUNTING, best_of=1, n=2),
    "stream": continue_text(COUNTING, max_tokens=100, stream=True),
    "stream_usage": continue_text(COUNTING, max_tokens=100, **USAGE),
}
EMBEDDINGS: Final[dict[str, Body]] = {
    "float": {"model": MODEL, "input": SENTENCE, "encoding_format": "float"},
    "again": {"model": MODEL, "input": SENTENCE, "encoding_format": "float"},
    "base64": {"model": MODEL, "input": SENTENCE, "encoding_format": "base64"},
    "array": {"model": MODEL, "input": ["Taxes are due in May.", SENTENCE]},
    "tokens": {"model": MODEL, "input": [1, 22, 333]},
    "dimensions": {"model": MODEL, "input": SENTENCE, "dimensions": 16},
    "token_arrays": {"model": MODEL, "input": [[1, 22], [333]]},
    "error": {"model": MODEL, "input": []},
    "empty": {"model": MODEL, "input": ""},
    "too_many": {"model": MODEL, "input": ["a"] * 2049},
    "unknown_encoding": {"model": MODEL, "input": SENTENCE, "encoding_format": "hex"},
}
RESPONSE: Final[Body] = {"model": MODEL, "input": COUNTING, "instructions": "Be brief."}
RESPONSE_CALL: Final[Body] = {
    "model": MODEL,
    "input": WEATHER_QUESTION,
    "tools": [
        {"type": "function", "name": "get_weather", "parameters": STRICT_CITY, "strict": True}
    ],
}
RESPONSE_CUT: Final = RESPONSE | {"max_output_tokens": 16}
RESPONSES: Final[dict[str, Body]] = {
    "basic": RESPONSE,
    "tools": RESPONSE_CALL,
    "incomplete": RESPONSE_CUT,
    "json_schema": {
        "model": MODEL,
        "input": "What colour is the sky? Answer in JSON, with the word blue.",
        "text": {"format": {"type": "json_schema", **FORMAT}},
    },
    "messages": {
        "model": MODEL,
        "input": [{"role": "user", "content": [{"type": "input_text", "text": COUNTING}]}],
    },
    "chat_params": {"model": MODEL, "messages": BASIC["messages"], "max_tokens": 5},
    "error": RESPONSE | {"temperature": 2.1},
    "stream": RESPONSE | {"stream": True},
    "stream_tools": RESPONSE_CALL | {"stream": True},
    "stream_incomplete": RESPONSE_CUT | {"stream": True},
    "stream_fails": RESPONSE | {"stream": True},
    "reasoning": RESPONSE | {"reasoning": {"effort": "low"}},
    "stream_reasoning": RESPONSE | {"reasoning": {"effort": "low"}, "stream": True},
}
