"""Every parameter by itself, to see on the far side of an adapter what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from conformance.model import Request
from conformance.probe import Steps, probe
from conformance.probes._examples import CITY, OK, WEATHER, Body
from conformance.targets import OMIT, Target

FORMAT: Final[Body] = {
    "type": "json_schema",
    "json_schema": {"name": "probe_format", "strict": True, "schema": CITY},
}
FUNCTION: Final[Body] = WEATHER["function"]
NAMED: Final[Body] = {"type": "function", "function": {"name": "get_weather"}}
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "temperature": (0.37,),
    "max_tokens": (987,),
    "max_completion_tokens": (986,),
    "top_p": (0.73,),
    "stream": (True,),
    "stop": (["probe-stop"],),
    "n": (2,),
    "presence_penalty": (0.41,),
    "frequency_penalty": (0.43,),
    "functions": ([FUNCTION],),
    "function_call": ({"name": "get_weather"},),
    "logit_bias": ({"300": 7},),
    "user": ("probe-user-1",),
    "response_format": ({"type": "json_object"}, FORMAT),
    "seed": (987654,),
    "tools": ([WEATHER],),
    "tool_choice": (NAMED,),
    "parallel_tool_calls": (False,),
    "logprobs": (True,),
    "top_logprobs": (3,),
    "stream_options": ({"include_usage": True},),
    "reasoning_effort": ("low",),
    "modalities": (["text", "audio"],),
    "service_tier": ("flex",),
    "store": (True,),
    "metadata": ({"probe": "probe-metadata-1"},),
    "verbosity": ("low",),
    "web_search_options": ({"search_context_size": "low"},),
    "prediction": ({"type": "content", "content": "probe-prediction-1"},),
    "safety_identifier": ("probe-safety-1",),
    "prompt_cache_key": ("probe-cache-1",),
    "top_k": (37,),
    "no_such_parameter": ("probe-unknown-1",),
}
"""Values that are no default anywhere, and easily told from others on the far side.

``top_k`` is no parameter of OpenAI's, but of many providers; the last one is nobody's.
"""
BESIDE: Final[dict[str, Body]] = {
    "function_call": {"functions": [FUNCTION]},
    "tool_choice": {"tools": [WEATHER]},
    "parallel_tool_calls": {"tools": [WEATHER]},
    "top_logprobs": {"logprobs": True},
    "stream_options": {"stream": True},
}
"""What a parameter needs to mean anything: it is compared with this alone."""


def bodies() -> Iterator[Body]:
    """No parameter, twice, so that what differs by itself is known; then each with and without."""
    yield {}
    yield {}
    for name, values in VALUES.items():
        for value in values:
            yield {**BESIDE.get(name, {}), name: value}


@probe("chat", needs=("adapter",), opens=True)
def parameters(target: Target) -> Steps:
    """Each parameter by itself, and what comes through without any.

    They are asked at once, so that one that brings no answer doesn't keep the others from theirs.
    """
    yield [_only(target, body) for body in bodies()]


def _only(target: Target, body: Body) -> Request:
    return target.chat(OK, **{"temperature": OMIT, target.limit: OMIT} | body)
