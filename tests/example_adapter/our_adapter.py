"""Anthropic's Messages API for code that speaks OpenAI's chat completions.

Answers are dictionaries in OpenAI's form, a stream an iterator of them; what fails is raised.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import httpx

Json = dict[str, Any]
HOST = "https://api.anthropic.com"
MAX_TOKENS = 4096
"""Anthropic wants a limit, and OpenAI doesn't."""
SAME = ("model", "temperature", "top_p", "stream")
TAKEN = {
    *("messages", "max_tokens", "max_completion_tokens", "stop", "stream_options", "user"),
    *("tools", "tool_choice", "parallel_tool_calls", "response_format", *SAME),
}
CHOICES = {"auto": "auto", "required": "any", "none": "none"}
FINISHED = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
CLIENT = httpx.Client()


class AdapterError(Exception):
    """A request that can't be sent on, or that Anthropic did not answer."""

    def __init__(self, message: str, status: int, response: httpx.Response | None = None) -> None:
        super().__init__(message)
        self.status_code = status
        self.response = response


def chat(
    *,
    api_key: str = "",
    base_url: str = HOST,
    timeout: float = 60,
    drop_params: bool = False,
    **request: Any,
) -> Json | Iterator[Json]:
    """A chat completion, or the chunks of one. Raises AdapterError."""
    given = {name: value for name, value in request.items() if value is not None}
    untaken = sorted(given.keys() - TAKEN)
    if untaken and not drop_params:
        raise AdapterError(f"Anthropic takes no {', '.join(untaken)}", 400)
    try:
        asked = asked_of(given)
    except (AttributeError, KeyError, TypeError) as error:
        raise AdapterError(f"no chat completion request: {error!r}", 400) from error
    response = posted(f"{base_url}/v1/messages", asked, api_key, timeout)
    if not given.get("stream"):
        return completion(json.loads(whole(response)))
    return chunks(events(response))


def asked_of(given: Json) -> Json:
    """The same request as Anthropic wants it."""
    messages = given["messages"]
    asked = {name: given[name] for name in SAME if name in given}
    asked["max_tokens"] = given.get("max_completion_tokens", given.get("max_tokens", MAX_TOKENS))
    rules = [block for one in messages if is_rule(one) for block in blocks(one["content"])]
    if rules:
        asked["system"] = rules
    asked["messages"] = turns(one for one in messages if not is_rule(one))
    if "stop" in given:
        stop = given["stop"]
        asked["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if given.get("tools"):
        asked["tools"] = [tool(one["function"]) for one in given["tools"]]
        asked["tool_choice"] = choice(given.get("tool_choice", "auto"))
        if given.get("parallel_tool_calls") is False and given.get("tool_choice") != "none":
            asked["tool_choice"]["disable_parallel_tool_use"] = True
    wanted = given.get("response_format", {})
    if wanted.get("type") == "json_schema":
        schema = wanted["json_schema"]["schema"]
        asked["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return asked


def is_rule(message: Json) -> bool:
    return message["role"] in ("system", "developer")


def turns(messages: Iterable[Json]) -> list[Json]:
    """The messages as turns; what a row of tools answered is one turn of the user's."""
    made: list[Json] = []
    was_tool = False
    for message in messages:
        is_tool = message["role"] == "tool"
        if is_tool and was_tool:
            made[-1]["content"].append(result(message))
        elif is_tool:
            made.append({"role": "user", "content": [result(message)]})
        else:
            calls = [used(call) for call in message.get("tool_calls") or ()]
            said = [*blocks(message.get("content")), *calls]
            made.append({"role": message["role"], "content": said})
        was_tool = is_tool
    return made


def blocks(content: Any) -> list[Json]:
    """A message's content, text and pictures; Anthropic refuses empty texts."""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    return [block(part) for part in parts if part.get("text") != ""]


def block(part: Json) -> Json:
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    url = part["image_url"]["url"]
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


def result(message: Json) -> Json:
    content = blocks(message["content"])
    return {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": content}


def used(call: Json) -> Json:
    called = call["function"]
    arguments = json.loads(called["arguments"] or "{}")
    return {"type": "tool_use", "id": call["id"], "name": called["name"], "input": arguments}


def tool(function: Json) -> Json:
    schema = function.get("parameters", {"type": "object"})
    described = {name: function[name] for name in ("name", "description") if name in function}
    return described | {"input_schema": schema}


def choice(wanted: Any) -> Json:
    if isinstance(wanted, str):
        return {"type": CHOICES[wanted]}
    return {"type": "tool", "name": wanted["function"]["name"]}


def posted(url: str, body: Json, key: str, timeout: float) -> httpx.Response:
    """The response to a request, still to be read. Raises AdapterError for all but a success."""
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    sent = CLIENT.build_request("POST", url, json=body, headers=headers, timeout=timeout)
    try:
        response = CLIENT.send(sent, stream=True)
    except httpx.TimeoutException as error:
        raise AdapterError("Anthropic did not answer in time", 504) from error
    except httpx.TransportError as error:
        raise AdapterError(f"Anthropic can't be reached: {error}", 502) from error
    if response.is_error:
        told = json.loads(whole(response)).get("error", {})
        raise AdapterError(told.get("message", ""), response.status_code, response)
    return response


def whole(response: httpx.Response) -> bytes:
    try:
        return response.read()
    except httpx.TransportError as error:
        raise AdapterError(f"Anthropic's answer broke off: {error}", 502) from error


def completion(message: Json) -> Json:
    """A message as a chat completion."""
    said = "".join(one["text"] for one in message["content"] if one["type"] == "text")
    calls = [called(one) for one in message["content"] if one["type"] == "tool_use"]
    answer: Json = {"role": "assistant", "content": said or None, "refusal": None}
    if calls:
        answer["tool_calls"] = calls
    finish = FINISHED.get(message["stop_reason"], "stop")
    return {
        "id": message["id"],
        "object": "chat.completion",
        "created": int(time.time()),
        "model": message["model"],
        "choices": [{"index": 0, "message": answer, "logprobs": None, "finish_reason": finish}],
        "usage": spent(message["usage"]),
    }


def called(use: Json) -> Json:
    function = {"name": use["name"], "arguments": json.dumps(use["input"])}
    return {"id": use["id"], "type": "function", "function": function}


def spent(usage: Json) -> Json:
    prompt, answer = usage["input_tokens"], usage["output_tokens"]
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
    }


def events(response: httpx.Response) -> Iterator[Json]:
    """What the events of a stream say. Raises AdapterError where it breaks off."""
    rest = b""
    with closing(response):
        try:
            for piece in response.iter_bytes():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line.startswith(b"data:"):
                        yield json.loads(line.removeprefix(b"data:"))
        except httpx.TransportError as error:
            raise AdapterError(f"Anthropic's stream broke off: {error}", 502) from error


def chunks(events: Iterable[Json]) -> Iterator[Json]:
    """The events of a stream as chunks of a chat completion. Raises AdapterError."""
    head: Json = {}
    counted: Json = {}
    calls = 0
    for event in events:
        match event["type"]:
            case "message_start":
                message = event["message"]
                head = {"id": message["id"], "model": message["model"], "created": int(time.time())}
                counted = message["usage"]
                yield chunk(head, {"role": "assistant", "content": ""})
            case "content_block_start" if event["content_block"]["type"] == "tool_use":
                opened = called(event["content_block"]) | {"index": calls}
                opened["function"]["arguments"] = ""
                yield chunk(head, {"tool_calls": [opened]})
                calls += 1
            case "content_block_delta" if "text" in event["delta"]:
                yield chunk(head, {"content": event["delta"]["text"]})
            case "content_block_delta":
                piece = {"arguments": event["delta"]["partial_json"]}
                yield chunk(head, {"tool_calls": [{"index": calls - 1, "function": piece}]})
            case "message_delta":
                counted |= event["usage"]
                yield chunk(head, {}, FINISHED.get(event["delta"]["stop_reason"], "stop"))
            case "message_stop":
                yield {**chunk(head, {}), "choices": [], "usage": spent(counted)}
                return
            case "error":
                raise AdapterError(event["error"]["message"], 500)
    raise AdapterError("Anthropic's stream came to no end", 502)


def chunk(head: Json, delta: Json, finish: str | None = None) -> Json:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**head, "object": "chat.completion.chunk", "choices": [choice]}
