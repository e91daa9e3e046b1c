"""What Anthropic's Messages API is asked, in the words of OpenAI's; its rules, in its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final

from conformance.dialects.base import Json, Refused
from conformance.replies import a_list, a_text, an_object, is_int, is_number, objects

REQUIRED: Final = ("model", "max_tokens", "messages")
MEMBERS: Final = frozenset(
    {
        *REQUIRED,
        *("cache_control", "container", "context_management", "inference_geo", "mcp_servers"),
        *("metadata", "output_config", "output_format", "service_tier", "speed", "stop_sequences"),
        *("stream", "system", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p"),
    }
)
BLOCKS: Final = frozenset(
    {
        *("text", "image", "document", "search_result", "container_upload", "compaction"),
        *("thinking", "redacted_thinking"),
    }
)
"""The types of blocks, besides all that are a tool's use or its result."""
NEEDED: Final = {
    "text": ("text",),
    "tool_use": ("id", "name", "input"),
    "tool_result": ("tool_use_id",),
}
CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}


def openai(
    body: Json, required: Iterable[str] = REQUIRED, members: Collection[str] = MEMBERS
) -> Json:
    """The request as an OpenAI one; what OpenAI has no word for is left out. Raises Refused."""
    _members(body, "", required, members)
    _within("max_tokens", body["max_tokens"], is_int, low=1)
    for name in ("temperature", "top_p"):
        if body.get(name) is not None:
            _within(name, body[name], is_number, low=0, high=1)
    if not isinstance(body.get("stream", False), bool):
        raise Refused("stream: Input should be a valid boolean")
    asked = {name: body.get(name) for name in ("model", "max_tokens", "temperature", "top_p")}
    asked |= {
        "messages": [*_system(body.get("system")), *_messages(body["messages"])],
        "stream": body.get("stream"),
        "stop": _stop(body.get("stop_sequences")),
        "user": _user_id(body.get("metadata")),
        "response_format": _format(body),
        **_tools(body),
    }
    return {name: value for name, value in asked.items() if value is not None}


def _members(
    value: Any, at: str, required: Iterable[str], allowed: Collection[str] | None = None
) -> Json:
    """``value``, an object that has these members, and no others. Raises Refused."""
    if not isinstance(value, dict):
        raise Refused(f"{at.rstrip('.')}: Input should be a valid dictionary")
    for name in required:
        if name not in value:
            raise Refused(f"{at}{name}: Field required")
    for name in value:
        if allowed is not None and name not in allowed:
            raise Refused(f"{at}{name}: Extra inputs are not permitted")
    return value


def _within(
    name: str, value: Any, fits: Callable[[Any], bool], low: int, high: int | None = None
) -> None:
    if not fits(value):
        kind = "integer" if fits is is_int else "number"
        raise Refused(f"{name}: Input should be a valid {kind}")
    # Said this way round, it holds for NaN too.
    if not value >= low:
        raise Refused(f"{name}: Input should be greater than or equal to {low}")
    if high is not None and value > high:
        raise Refused(f"{name}: Input should be less than or equal to {high}")


def _listed(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise Refused(f"{at}: Input should be a valid list")
    return value


def _system(system: Any) -> Iterator[Json]:
    if isinstance(system, str):
        yield {"role": "system", "content": system}
    elif system is not None and (parts := _texts(_blocks(system, "system"))):
        yield {"role": "system", "content": parts}


def _messages(messages: Any) -> Iterator[Json]:
    if not _listed(messages, "messages"):
        raise Refused("messages: at least one message is required")
    before = None
    for i, message in enumerate(messages):
        names = ("role", "content")
        turn = _members(message, f"messages.{i}.", names, names)
        # Opus 4.8 and later take new orders in mid-conversation, after a user's turn.
        if turn["role"] == "system" and before != "user":
            raise Refused(
                'messages: Unexpected role "system". The Messages API accepts a top-level '
                '`system` parameter, not "system" as an input message role.'
            )
        before = turn["role"]
        yield from _turn(before, turn["content"], f"messages.{i}")


def _turn(role: Any, content: Any, at: str) -> Iterator[Json]:
    if role not in ("user", "assistant", "system"):
        raise Refused(f"{at}.role: Input should be 'user' or 'assistant'")
    if isinstance(content, str):
        yield {"role": role, "content": content}
        return
    blocks = _blocks(content, f"{at}.content")
    if role == "user":
        yield from _user(blocks)
    elif role == "system":
        yield {"role": role, "content": _texts(blocks) or ""}
    else:
        yield _assistant(blocks)


def _blocks(content: Any, at: str) -> list[Json]:
    blocks = _listed(content, at)
    for i, block in enumerate(blocks):
        kind = _members(block, f"{at}.{i}.", ("type",))["type"]
        if not isinstance(kind, str) or not _is_block(kind):
            raise Refused(
                f"{at}.{i}: Input tag '{str(kind)[:100]}' found using 'type' does not match any "
                "of the expected tags"
            )
        said = _members(block, f"{at}.{i}.{kind}.", NEEDED.get(kind, ())).get("text")
        if kind == "text" and not isinstance(said, str):
            raise Refused(f"{at}.{i}.text.text: Input should be a valid string")
        if kind == "text" and not said:
            raise Refused(f"{at.partition('.')[0]}: text content blocks must be non-empty")
    return blocks


def _is_block(kind: str) -> bool:
    return kind in BLOCKS or kind.endswith(("tool_use", "tool_result"))


def _texts(blocks: list[Json]) -> list[Json]:
    """The texts as parts."""
    return [part for block in blocks if (part := _text(block))]


def _text(block: Json) -> Json | None:
    return {"type": "text", "text": block["text"]} if block["type"] == "text" else None


def _user(blocks: list[Json]) -> Iterator[Json]:
    """Results of tools are messages of their own, before what the user says."""
    results = [block for block in blocks if block["type"] == "tool_result"]
    for block in results:
        said = _result(block.get("content"))
        yield {"role": "tool", "tool_call_id": block["tool_use_id"], "content": said}
    parts = [part for block in blocks if (part := _text(block) or _image(block))]
    if parts or not results:
        yield {"role": "user", "content": parts or ""}


def _result(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(a_text(block.get("text")) for _, block in objects({"it": content}, "it"))


def _image(block: Json) -> Json | None:
    """An image as a part; None for any other block, and for one that is known by a file's id."""
    source = an_object(block.get("source"))
    if block["type"] != "image" or source.get("type") not in ("base64", "url"):
        return None
    url = a_text(source.get("url"))
    if source["type"] == "base64":
        url = f"data:{a_text(source.get('media_type'))};base64,{a_text(source.get('data'))}"
    return {"type": "image_url", "image_url": {"url": url}}


def _assistant(blocks: list[Json]) -> Json:
    parts = _texts(blocks)
    calls = [
        {
            "id": block["id"],
            "type": "function",
            "function": {"name": block["name"], "arguments": json.dumps(block["input"])},
        }
        for block in blocks
        if block["type"] == "tool_use"
    ]
    if not calls:
        return {"role": "assistant", "content": parts or ""}
    return {"role": "assistant", "content": parts or None, "tool_calls": calls}


def _stop(sequences: Any) -> list[str] | None:
    if not sequences:
        return None
    for i, one in enumerate(_listed(sequences, "stop_sequences")):
        if not isinstance(one, str):
            raise Refused(f"stop_sequences.{i}: Input should be a valid string")
        if not one.strip():
            raise Refused("stop_sequences: each stop sequence must contain non-whitespace")
    return list(sequences)


def _user_id(metadata: Any) -> Any:
    if metadata is None:
        return None
    return _members(metadata, "metadata.", (), ("user_id",)).get("user_id")


def _format(body: Json) -> Json | None:
    """The schema that is to be filled in; ``output_format`` is its older place."""
    wanted = an_object(body.get("output_config")).get("format") or body.get("output_format")
    schema = an_object(wanted).get("schema")
    if schema is None:
        return None
    return {"type": "json_schema", "json_schema": {"name": "output", "schema": schema}}


def _tools(body: Json) -> Json:
    """The tools of the client's own; those that Anthropic runs itself have no OpenAI word."""
    choice = body.get("tool_choice")
    if choice is not None and not body.get("tools"):
        raise Refused("tool_choice: may only be specified while providing tools")
    listed = list(enumerate(a_list(body.get("tools"))))
    tools = [
        _function(tool, f"tools.{i}")
        for i, tool in listed
        if an_object(tool).get("type") in (None, "custom")
    ]
    if not tools:
        return {}
    alone = an_object(choice).get("disable_parallel_tool_use") is True
    return {
        "tools": tools,
        "tool_choice": None if choice is None else _choice(choice),
        "parallel_tool_calls": False if alone else None,
    }


def _function(tool: Any, at: str) -> Json:
    """A tool. Its ``strict`` is left out: OpenAI asks more of a strict schema than Anthropic."""
    _members(tool, f"{at}.custom.", ("name", "input_schema"))
    _members(tool["input_schema"], f"{at}.custom.input_schema.", ("type",))
    function = {"name": tool["name"], "parameters": tool["input_schema"]}
    if tool.get("description"):
        function["description"] = tool["description"]
    return {"type": "function", "function": function}


def _choice(choice: Any) -> Any:
    kind = _members(choice, "tool_choice.", ("type",))["type"]
    if kind == "tool":
        name = _members(choice, "tool_choice.tool.", ("name",))["name"]
        return {"type": "function", "function": {"name": name}}
    if not isinstance(kind, str) or kind not in CHOICES:
        raise Refused(
            f"tool_choice: Input tag '{str(kind)[:100]}' found using 'type' does not match any of "
            "the expected tags: 'auto', 'any', 'tool', 'none'"
        )
    return CHOICES[kind]
