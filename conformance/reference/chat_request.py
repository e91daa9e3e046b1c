"""Reading a chat completions request: its checks, and the task it gives the pretend model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from conformance.reference import validate
from conformance.reference.conversation import read
from conformance.reference.errors import (
    context_length,
    invalid,
    missing,
    unsupported,
    wrong_type,
    wrong_value,
)
from conformance.reference.instances import strict_problem, to_text
from conformance.reference.model import CONTEXT, LONGEST, Task, Turn, spelled, tokenise
from conformance.reference.offers import offer
from conformance.reference.tools import Toolbox, chat_toolbox

MOST_CHOICES: Final = 16
COLD: Final = 0.2
"""A temperature, or a top_p, up to which the most likely token always wins."""
STRONGEST: Final = 100
"""The bias that leaves no other token to choose."""
FORMATS: Final = ("text", "json_object", "json_schema")
FORMAT_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def _modalities(name: str, value: object) -> None:
    if validate.items(name, value) != ["text"]:
        raise unsupported(name)


PARAMETERS: Final[dict[str, validate.Check]] = {
    "messages": validate.anything,
    "model": validate.anything,
    "audio": validate.refused,
    "frequency_penalty": validate.decimal(-2, 2),
    "function_call": validate.anything,
    "functions": validate.anything,
    "logit_bias": validate.logit_bias,
    "logprobs": validate.boolean,
    "max_completion_tokens": validate.integer(1),
    "max_tokens": validate.integer(1),
    "metadata": validate.metadata,
    "modalities": _modalities,
    "n": validate.integer(1, MOST_CHOICES),
    "parallel_tool_calls": validate.boolean,
    "prediction": validate.refused,
    "presence_penalty": validate.decimal(-2, 2),
    "prompt_cache_key": validate.text,
    "prompt_cache_retention": validate.text,
    "reasoning_effort": validate.one_of("low", "medium", "high"),
    "response_format": validate.anything,
    "safety_identifier": validate.text,
    "seed": validate.integer(-validate.SEED_LIMIT, validate.SEED_LIMIT - 1),
    "service_tier": validate.one_of("auto", "default", "flex", "priority"),
    "stop": validate.stop,
    "store": validate.boolean,
    "stream": validate.boolean,
    "stream_options": validate.stream_options,
    "temperature": validate.decimal(0, 2),
    "tool_choice": validate.anything,
    "tools": validate.anything,
    "top_logprobs": validate.integer(0, 20),
    "top_p": validate.decimal(0, 1),
    "user": validate.text,
    "verbosity": validate.one_of("medium"),
    "web_search_options": validate.refused,
}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that will be answered; ``top`` is None unless logprobs were asked for."""

    model: str
    task: Task
    toolbox: Toolbox
    prompt_tokens: int
    n: int = 1
    top: int | None = None
    stream: bool = False
    include_usage: bool = False
    obfuscate: bool = False


def parse(body: dict[str, Any], nonce: int) -> ChatRequest:
    """The request in ``body``. Raises ApiError where OpenAI answers 4xx."""
    model = offer(body)
    given = validate.accepted(body, PARAMETERS)
    if "messages" not in given:
        raise missing("messages")
    if "top_logprobs" in given and not given.get("logprobs"):
        message = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."
        raise invalid(message, "top_logprobs")
    toolbox = chat_toolbox(given)
    turns = read(given["messages"], sees=model.sees)
    task = _task(given, turns, toolbox, nonce)
    options = given.get("stream_options", {})
    return ChatRequest(
        model=model.id,
        task=task,
        toolbox=toolbox,
        prompt_tokens=_prompt_tokens(turns, given),
        n=given.get("n", 1),
        top=given.get("top_logprobs", 0) if given.get("logprobs") else None,
        stream=given.get("stream", False),
        include_usage=bool(options.get("include_usage")),
        obfuscate=bool(options.get("include_obfuscation")),
    )


def _task(given: Mapping[str, Any], turns: tuple[Turn, ...], toolbox: Toolbox, nonce: int) -> Task:
    if "max_tokens" in given and "max_completion_tokens" in given:
        message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is refused."
        raise invalid(message, "max_tokens")
    limit = given.get("max_completion_tokens", given.get("max_tokens", LONGEST))
    stop = given.get("stop", [])
    as_json, schema = form(given.get("response_format", {"type": "text"}), "response_format")
    if as_json and not any("json" in turn.text.lower() for turn in turns):
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of "
            "type 'json_object'."
        )
        raise invalid(message, "messages")
    return Task(
        turns=turns,
        tools=toolbox.tools,
        must_call=toolbox.must_call,
        one_call=toolbox.one_call,
        schema=schema,
        as_json=as_json,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        limit=min(limit, LONGEST),
        luck=luck(given, nonce),
        terse=given.get("frequency_penalty", 0) >= 1,
        forced=forced(given),
    )


def forced(given: Mapping[str, Any]) -> str:
    """The token that a bias of 100 leaves as the only one; empty without such a bias."""
    biased = (token for token, bias in given.get("logit_bias", {}).items() if bias == STRONGEST)
    return next((spelled(int(token)) for token in biased), "")


def luck(given: Mapping[str, Any], nonce: int) -> str:
    """What a draw of lots depends on: nothing when cold, the seed, or else the nonce."""
    if given.get("temperature", 1) <= COLD or given.get("top_p", 1) <= COLD:
        return "cold"
    return f"seed {given['seed']}" if "seed" in given else f"nonce {nonce}"


def form(value: object, at: str) -> tuple[bool, Any]:
    """Whether any JSON object is asked for, and the schema if it is one of a schema."""
    asked = validate.mapping(at, value)
    kind = asked.get("type")
    if kind is None:
        raise missing(f"{at}.type")
    if kind not in FORMATS:
        raise wrong_value(f"{at}.type", kind, FORMATS)
    if kind != "json_schema":
        return kind == "json_object", None
    # Responses put name and schema beside the type, chat completions into a member.
    inside = f"{at}.json_schema"
    flat = at == "text.format"
    return False, _schema(asked if flat else validate.mapping(inside, asked.get("json_schema")), at)


def _schema(asked: dict[str, Any], at: str) -> dict[str, Any]:
    where = at if at == "text.format" else f"{at}.json_schema"
    name, schema = asked.get("name"), asked.get("schema")
    if name is None:
        raise missing(f"{where}.name")
    if not isinstance(name, str) or not FORMAT_NAME.fullmatch(name):
        message = (
            f"Invalid '{where}.name': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        )
        raise invalid(message, f"{where}.name", "invalid_value")
    if schema is None:
        raise missing(f"{where}.schema")
    if not isinstance(schema, dict):
        raise wrong_type(f"{where}.schema", "an object", schema)
    problem = strict_problem(schema) if asked.get("strict") else None
    if schema.get("type") != "object":
        problem = "schema must be a JSON Schema of 'type: \"object\"'."
    if problem:
        message = f"Invalid schema for {at} '{name}': {problem}"
        raise invalid(message, at, "invalid_json_schema")
    return schema


def _prompt_tokens(turns: tuple[Turn, ...], given: Mapping[str, Any]) -> int:
    offered = [*given.get("tools", ()), *given.get("functions", ())]
    total = count(turns) + sum(len(tokenise(to_text(tool))) for tool in offered)
    if total > CONTEXT:
        raise context_length(CONTEXT, total, "messages")
    return total


def count(turns: tuple[Turn, ...]) -> int:
    """The tokens of a conversation: each turn costs 3 more than what is said and shown in it."""
    shown = sum(image.tokens for turn in turns for image in turn.images)
    return 3 + shown + sum(3 + len(tokenise(turn.text)) for turn in turns)
