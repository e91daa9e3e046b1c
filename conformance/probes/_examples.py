"""What several probes say, offer and show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from conformance.model import Headers, Request

Body = dict[str, Any]

COUNTING: Final = "Count from 1 to 20, comma separated, digits only."
COUNTING_LONG: Final = "Count from 1 to 150, comma separated, digits only."
OK: Final = "Say OK."
LOT: Final = "Reply with one random 5-digit number and nothing else."
APPLES: Final = 'Write "apple" 60 times, separated by spaces, and nothing else.'
OBSERVATION: Final = "Repeat this exactly: Thought: I look. Observation: I see nothing."
UNICODE: Final = "Repeat this exactly: Zoë reads 漢字 🧪, then naïve café."
WEATHER_QUESTION: Final = "What is the weather in Paris? Use get_weather."
TWO_CITIES: Final = "What is the weather in Paris and in Rome? Use get_weather for both."
COLOUR: Final = "Which colour is this image? Answer with one word."
NO_MODEL: Final = "no-such-model"
WRONG_KEY: Final = "Bearer sk-wrong-key-for-conformance"


def function(name: str, parameters: Body | None = None, **more: Any) -> Body:
    """A tool that is a function."""
    described = {"name": name, "description": f"Calls {name}.", **more}
    if parameters is not None:
        described["parameters"] = parameters
    return {"type": "function", "function": described}


CITY: Final[Body] = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "A city, for instance Oslo"}},
    "required": ["city"],
}
STRICT_CITY: Final[Body] = CITY | {"additionalProperties": False}
WEATHER: Final = function("get_weather", CITY)
FORECAST: Final = function("get_forecast", CITY)
CLOCK: Final = function("get_server_time", {"type": "object", "properties": {}})


def user(content: Any, **more: Any) -> Body:
    """A message of the user."""
    return {"role": "user", "content": content, **more}


USAGE: Final[Body] = {"stream": True, "stream_options": {"include_usage": True}}


def with_headers(request: Request, **headers: str) -> Request:
    """The same request with these headers of its own; underscores become dashes."""
    pairs = ((name.replace("_", "-"), value) for name, value in headers.items())
    return replace(request, headers=Headers(pairs))
