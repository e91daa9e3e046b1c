"""Golden requests about one parameter or one part of a message each, taken and refused."""

from __future__ import annotations

from typing import Final

from conformance.pictures import solid_png
from conformance.reference.golden import (
    BASIC,
    CITY,
    COLOUR,
    COUNTING,
    FORECAST,
    FORMAT,
    MODEL,
    TALK,
    TWO_CITIES,
    USAGE,
    WEATHER,
    WEATHER_QUESTION,
    Body,
    ask,
    function,
    look,
)


def shown(url: str) -> Body:
    """The part of a message that is a picture."""
    return {"type": "image_url", "image_url": {"url": url}}


def see(*parts: Body) -> Body:
    """A chat request with one message made of these parts."""
    return ask([*parts], model="reference-vision")


def picture(*urls: str) -> Body:
    """A chat request about these pictures."""
    question = {"type": "text", "text": "Which colours have the images? Name them in order."}
    return see(question, *map(shown, urls))


QUESTION: Final = {"type": "text", "text": COLOUR}
RED: Final = shown(solid_png(255, 0, 0))
LOT: Final = "Reply with one random 5-digit number and nothing else."
REPEAT: Final = 'Write "apple" 60 times, separated by spaces.'
HOT: Final = ask(LOT, temperature=1.8)
COLD: Final = ask(LOT, temperature=0)
NARROW: Final = HOT | {"top_p": 0.01}
SEED_7: Final = HOT | {"seed": 7}
DRAWN: Final = {
    "hot": HOT,
    "hot_2": HOT,
    "hot_3": HOT,
    "hot_4": HOT,
    "cold": COLD,
    "cold_2": COLD,
    "cold_3": COLD,
    "cold_4": COLD,
    "narrow": NARROW,
    "narrow_2": NARROW,
    "narrow_3": NARROW,
    "narrow_4": NARROW,
    "seed_7": SEED_7,
    "seed_7_2": SEED_7,
    "seed_7_3": SEED_7,
    "seed_7_4": SEED_7,
    "seed_1": HOT | {"seed": 1},
    "seed_2": HOT | {"seed": 2},
    "seed_3": HOT | {"seed": 3},
    "draws_5": HOT | {"n": 5},
}
TAKEN: Final = DRAWN | {
    "defaults": BASIC
    | {
        "temperature": 0,
        "top_p": 1,
        "frequency_penalty": 0,
        "user": "user-1",
        "seed": 7,
        "store": False,
        "modalities": ["text"],
        "response_format": {"type": "text"},
        "service_tier": "auto",
        "max_tokens": 100,
    },
    "extremes": BASIC
    | {
        "temperature": 2,
        "top_p": 0,
        "frequency_penalty": 0.5,
        "presence_penalty": 0.5,
        "logit_bias": {"1234": 10},
        "logprobs": True,
        "top_logprobs": 20,
    },
    "logprobs_only": ask("Say OK", logprobs=True),
    "parts": ask([{"type": "text", "text": COUNTING}]),
    "empty_content": {
        "model": MODEL,
        "messages": [{"role": "system", "content": ""}, *BASIC["messages"]],
    },
    "system_twice": {"model": MODEL, "messages": [TALK[0], TALK[0], *BASIC["messages"]]},
    "user_twice": {"model": MODEL, "messages": BASIC["messages"] * 2},
    "assistant_last": {
        "model": MODEL,
        "messages": [*BASIC["messages"], {"role": "assistant", "content": "1, 2,"}],
    },
    "name": {"model": MODEL, "messages": [{"role": "user", "content": COUNTING, "name": "ada"}]},
    "large": ask(COUNTING + "x" * 9000),
    "stop_empty": ask(COUNTING, stop=[]),
    "json_cut": ask("Say OK as JSON.", response_format={"type": "json_object"}, max_tokens=3),
    "json_schema_tools": ask(
        "What colour is the sky? Answer in JSON.",
        tools=[WEATHER],
        response_format={"type": "json_schema", "json_schema": FORMAT},
    ),
    "vision_two": picture(solid_png(255, 0, 0), solid_png(0, 0, 255)),
    "vision_green": see(QUESTION, shown(solid_png(0, 128, 0))),
    "vision_blue": see(QUESTION, shown(solid_png(0, 0, 255))),
    "vision_first": see(RED, QUESTION),
    "vision_alone": see(RED),
    "vision_earlier": {
        "model": "reference-vision",
        "messages": [
            {"role": "user", "content": [QUESTION, RED]},
            {"role": "assistant", "content": "Red."},
            {"role": "user", "content": "Say bye."},
        ],
    },
    "tools_hi": ask("Say hi.", tools=[WEATHER]),
    "tools_asked": ask(f"{WEATHER_QUESTION} Use get_weather.", tools=[WEATHER]),
    "tools_both": ask(f"{TWO_CITIES} Use get_weather for both.", tools=[WEATHER]),
    "function_call": ask(
        "Say hi.", functions=[WEATHER["function"]], function_call={"name": "get_weather"}
    ),
    "stop_word": ask(COUNTING, stop=" 17,") | USAGE,
    "count_cold": ask(COUNTING, temperature=0),
    "stop_cold": ask(COUNTING, temperature=0, stop=" 7"),
    "repeat": ask(REPEAT, temperature=0),
    "repeat_penalised": ask(REPEAT, temperature=0, frequency_penalty=2),
    "effort_medium": ask(COUNTING, reasoning_effort="medium"),
    "bias_none": ask(COUNTING, temperature=0, max_tokens=5),
    "bias_100": ask(COUNTING, temperature=0, max_tokens=5, logit_bias={"5000": 100}),
}
REFUSED: Final = {
    "temperature_negative": ask(COUNTING, temperature=-0.1),
    "top_p_1_1": ask(COUNTING, top_p=1.1),
    "frequency_penalty_2_1": ask(COUNTING, frequency_penalty=2.1),
    "presence_penalty_2_1": ask(COUNTING, presence_penalty=2.1),
    "n_129": ask(COUNTING, n=129),
    "max_tokens_negative": ask(COUNTING, max_tokens=-1),
    "max_tokens_text": ask(COUNTING, max_tokens="5"),
    "top_logprobs_21": ask(COUNTING, logprobs=True, top_logprobs=21),
    "logit_bias_101": ask(COUNTING, logit_bias={"1234": 101}),
    "user_5": ask(COUNTING, user=5),
    "metadata_17": ask(COUNTING, metadata={f"key{i}": "x" for i in range(17)}),
    "effort": ask(COUNTING, reasoning_effort="banana"),
    "temperature_text": ask(COUNTING, temperature="hot"),
    "stop_five": ask(COUNTING, stop=["a1", "b2", "c3", "d4", "e5"]),
    "stop_empty_string": ask(COUNTING, stop=""),
    "functions_and_tools": ask(WEATHER_QUESTION, tools=[WEATHER], functions=[FORECAST["function"]]),
    "schema_open": ask(
        "Answer in JSON.",
        response_format={"type": "json_schema", "json_schema": {**FORMAT, "schema": CITY}},
    ),
    "tool_strict_open": ask("Say hi.", tools=[function("get_weather", CITY, strict=True)]),
    "image_unreachable": picture("https://pictures.invalid/cat.png"),
    "image_base64": picture("data:image/png;base64,!!not base64!!"),
    "image_bare": picture(solid_png(255, 0, 0).partition(",")[2]),
    "image_text": ask(
        [{"type": "image_url", "image_url": "https://example.com/cat.png"}],
        model="reference-vision",
    ),
    "image_detail": look(detail="tremendous"),
}
