"""An adapter that does to every parameter one of the things that adapters do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

FILE = """
call = "fake_adapter:completion"
declares = "fake_adapter:declares"

[dropping]
members = { drop = true }
settings = { "fake_adapter.dropping" = true }

[providers.openai]
models = ["big"]
calls_it = "openai/{model}"
moved = { base = "{upstream}" }
documented = ["temperature", "n", "seed"]

[providers.anthropic]
models = ["wise"]
calls_it = "anthropic/{model}"

[providers.gone]
models = ["lost"]
calls_it = "gone/{model}"
"""
"""Its file."""
Json = dict[str, Any]
dropping = False
"""Whether it drops by its settings."""


class UnsupportedError(Exception):
    status_code = 400


def completion(
    *,
    model: str,
    messages: list[Json],
    drop: bool = False,
    base: str = "https://api.openai.com",
    **given: Any,
) -> Any:
    provider, _, name = model.partition("/")
    if provider == "gone":
        raise UnsupportedError(f"no provider is called {provider}")
    refused = given.keys() & {"seed", "metadata"}
    if refused and not (drop or dropping):
        raise UnsupportedError(f"not supported: {sorted(refused)}")
    if "frequency_penalty" in given:
        return {"object": "chat.completion", "choices": []}
    if drop or dropping:
        given.pop("top_p", None)
    body = {"model": name, "messages": messages}
    answer = _messages(body, given) if provider == "anthropic" else _chat(base, body, given)
    if "logit_bias" in given:
        raise UnsupportedError("logit_bias came as a surprise")
    return _streamed(answer) if given.get("stream") and provider == "openai" else answer


def declares(*, model: str) -> list[str] | None:
    if model.startswith("gone/"):
        raise UnsupportedError(model)
    return ["temperature", "n"] if model.startswith("openai/") else None


def _chat(base: str, body: Json, given: Json) -> Any:
    """OpenAI's own API, and not a word of seed, n, logit_bias and stream."""
    body["verbosity"] = "low"
    body["service_tier"] = "auto"
    for name in ("temperature", "top_p", "tools", "tool_choice"):
        if name in given:
            body[name] = given[name]
    if "max_tokens" in given:
        body["max_completion_tokens"] = given["max_tokens"]
    if "user" in given:
        body["metadata"] = {"user_id": given["user"]}
    if "stop" in given:
        body["stop"] = given["stop"][0]
    if "presence_penalty" in given:
        body["presence_penalty"] = 2 * given["presence_penalty"]
    if "response_format" in given:
        body["messages"] = [*body["messages"], {"role": "system", "content": "Answer in JSON."}]
    return httpx.post(f"{base}/v1/chat/completions", json=body).json()


def _messages(body: Json, given: Json) -> Any:
    """Anthropic's API."""
    body["max_tokens"] = given.get("max_tokens", 4096)
    if "stop" in given:
        body["stop_sequences"] = given["stop"]
    if given.get("stream"):
        body["stream"] = True
    if "tools" in given:
        body["tools"] = [
            {"name": tool["function"]["name"], "input_schema": tool["function"]["parameters"]}
            for tool in given["tools"]
        ]
    told = httpx.post("https://api.anthropic.com/v1/messages", json=body)
    message = {"role": "assistant", "content": told.text}
    return {"object": "chat.completion", "choices": [{"index": 0, "message": message}]}


def _streamed(answer: Json) -> Iterator[Json]:
    message = answer["choices"][0]["message"]
    choice = {"index": 0, "delta": message, "finish_reason": "stop"}
    yield {**answer, "object": "chat.completion.chunk", "choices": [choice]}
