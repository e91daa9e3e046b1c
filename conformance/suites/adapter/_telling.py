"""Which parameters of a request tell something by what becomes of them."""

from __future__ import annotations

import re
from typing import Final

from conformance.dispositions import Pair
from conformance.dispositions.flat import Leaves

EMPTY: Final = ("[]", "{}", '""')
IDLE: Final = {
    "frequency_penalty": ("0",),
    "function_call": ('"auto"',),
    "logprobs": ("false",),
    "modalities": ('"text"',),
    "n": ("1",),
    "parallel_tool_calls": ("true",),
    "presence_penalty": ("0",),
    "reasoning_effort": ('"medium"',),
    "response_format": ('"text"',),
    "service_tier": ('"auto"', '"default"'),
    "store": ("false",),
    "stream": ("false",),
    "temperature": ("1",),
    "tool_choice": ('"auto"',),
    "top_p": ("1",),
    "verbosity": ('"medium"',),
}
"""Values that ask for nothing else than their parameter's absence does."""
NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
COUNT: Final = re.compile(r"[1-9]\d*")
TEXT: Final = re.compile(r'"[^"]+"|sha256:.*')
SWITCH: Final = re.compile(r"true|false")
ANY: Final = re.compile(r".+")
SOUND: Final = {
    "frequency_penalty": NUMBER,
    "function_call": ANY,
    "functions": ANY,
    "logit_bias": ANY,
    "logprobs": SWITCH,
    "max_completion_tokens": COUNT,
    "max_tokens": COUNT,
    "metadata": ANY,
    "modalities": ANY,
    "n": COUNT,
    "parallel_tool_calls": SWITCH,
    "prediction": ANY,
    "presence_penalty": NUMBER,
    "prompt_cache_key": TEXT,
    "reasoning_effort": TEXT,
    "response_format": re.compile(r'"json_(object|schema)"'),
    "safety_identifier": TEXT,
    "seed": NUMBER,
    "service_tier": TEXT,
    "stop": TEXT,
    "store": SWITCH,
    "stream": SWITCH,
    "stream_options": ANY,
    "temperature": NUMBER,
    "tool_choice": ANY,
    "tools": ANY,
    "top_logprobs": NUMBER,
    "top_p": NUMBER,
    "user": TEXT,
    "verbosity": TEXT,
    "web_search_options": ANY,
}
"""The parameters whose fate is judged, and values of theirs that are no mistake.

Of parameters that are not OpenAI's nothing is promised.
"""
NAME: Final = re.compile(r'"[\w-]{1,64}"')
NEEDED: Final = {
    "function_call": "functions",
    "parallel_tool_calls": "tools",
    "stream_options": "stream",
    "tool_choice": "tools",
    "top_logprobs": "logprobs",
}
"""What a parameter means nothing without."""


def tells(pair: Pair) -> bool:
    """Whether a pair's parameter asks for something that its absence does not, and rightly."""
    name, value = pair.parameter, pair.case.asked[pair.parameter]
    needed = NEEDED.get(name)
    if name not in SOUND or (needed and needed not in pair.case.asked):
        return False
    if name in ("tools", "functions") and not _named_well(value):
        return False
    first = value.get(".type") or next(iter(value.values()))
    idle = first in (*EMPTY, *IDLE.get(name, ())) and (len(value) == 1 or ".type" in value)
    return not idle and SOUND[name].fullmatch(first) is not None


def _named_well(value: Leaves) -> bool:
    """Whether every tool bears a name that OpenAI allows."""
    names = (text for at, text in value.items() if re.fullmatch(r"\[\d+\](\.function)?\.name", at))
    return all(NAME.fullmatch(text) for text in names)
