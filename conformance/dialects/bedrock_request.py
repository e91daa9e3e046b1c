"""What Bedrock's Converse API is asked, in the words of OpenAI's; its rules, in its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from conformance.dialects.base import Json, Refused, parsed
from conformance.replies import a_text, an_object, is_int, is_number, objects

MEMBERS: Final = frozenset(
    {
        *("additionalModelRequestFields", "additionalModelResponseFieldPaths", "guardrailConfig"),
        *("inferenceConfig", "messages", "outputConfig", "performanceConfig", "promptVariables"),
        *("requestMetadata", "serviceTier", "system", "toolConfig"),
    }
)
INFERENCE: Final = ("maxTokens", "temperature", "topP", "stopSequences")
BLOCKS: Final = frozenset(
    {
        *("audio", "cachePoint", "citationsContent", "document", "guardContent", "image"),
        *("reasoningContent", "searchResult", "text", "toolResult", "toolUse", "video"),
    }
)
CHOICES: Final = {"auto": "auto", "any": "required"}


def openai(body: Json) -> Json:
    """The request as an OpenAI one; what OpenAI has no word for is left out. Raises Refused."""
    for name in body:
        if name not in MEMBERS:
            raise Refused(f"{name} is not a member of the request.")
    asked = {
        "messages": [*_system(body.get("system")), *_messages(body.get("messages"))],
        "response_format": _format(body),
        "metadata": body.get("requestMetadata"),
        **_inference(body.get("inferenceConfig")),
        **_tools(body.get("toolConfig")),
    }
    if "tools" not in asked and any(_of_tools(message) for message in asked["messages"]):
        raise Refused(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )
    if "tools" in asked:
        asked |= _of_claude(body.get("additionalModelRequestFields"))
    return {name: value for name, value in asked.items() if value is not None}


def _of_claude(fields: Any) -> Json:
    """What fields of the model's own say that OpenAI has a word for: Claude makes one call only."""
    choice = an_object(an_object(fields).get("tool_choice"))
    return {"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") is True else {}


def _of_tools(message: Json) -> bool:
    return message["role"] == "tool" or "tool_calls" in message


def _object(value: Any, at: str) -> Json:
    """``value``, an object; null, or an absent one, is empty. Raises Refused for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(f"Expected '{at}' to be an object.")
    return value


def _listed(value: Any, at: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refused(f"Expected '{at}' to be a list.")
    return value


def _unfit(at: str, value: Any, constraint: str) -> Refused:
    shown = "null" if value is None else f"'{str(value)[:100]}'"
    return Refused(
        f"1 validation error detected: Value {shown} at '{at}' failed to satisfy constraint: "
        f"Member must {constraint}"
    )


def _inference(value: Any) -> Json:
    config = _object(value, "inferenceConfig")
    for name in config:
        if name not in INFERENCE:
            raise Refused(f"{name} is not a member of inferenceConfig.")
    limit = config.get("maxTokens")
    if limit is not None and not (is_int(limit) and limit >= 1):
        raise _unfit("inferenceConfig.maxTokens", limit, "have value greater than or equal to 1")
    for name in ("temperature", "topP"):
        share = config.get(name)
        if share is not None and not (is_number(share) and 0 <= share <= 1):
            raise _unfit(f"inferenceConfig.{name}", share, "have value between 0 and 1")
    return {
        "max_tokens": limit,
        "temperature": config.get("temperature"),
        "top_p": config.get("topP"),
        "stop": config.get("stopSequences") or None,
    }


def _system(system: Any) -> Iterator[Json]:
    blocks = [_union(block, f"system.{i}") for i, block in enumerate(_listed(system, "system"))]
    parts = [part for block in blocks if (part := _text(*block))]
    if parts:
        yield {"role": "system", "content": parts}


def _messages(messages: Any) -> Iterator[Json]:
    listed = _listed(messages, "messages")
    if not listed:
        raise _unfit("messages", messages, "not be null")
    if an_object(listed[0]).get("role") != "user":
        raise Refused(
            "A conversation must start with a user message. Try again with a conversation that "
            "starts with a user message."
        )
    for i, message in enumerate(listed):
        yield from _turn(_object(message, f"messages.{i}"), f"messages.{i}")


def _turn(message: Json, at: str) -> Iterator[Json]:
    role, content = message.get("role"), _listed(message.get("content"), f"{at}.content")
    if role not in ("user", "assistant"):
        raise _unfit(f"{at}.role", role, "satisfy enum value set: [user, assistant]")
    if not content:
        raise Refused(f"The content field in the Message object at {at} is empty.")
    blocks = [_union(block, f"{at}.content.{i}") for i, block in enumerate(content)]
    if role == "user":
        yield from _user(blocks)
    else:
        yield _assistant(blocks)


def _union(block: Any, at: str) -> tuple[str, Any]:
    """The one member of a block, its name and its value."""
    members = list(_object(block, at).items())
    if len(members) != 1 or members[0][0] not in BLOCKS:
        raise Refused(f"The ContentBlock object at {at} must set exactly one known member.")
    kind, value = members[0]
    if kind == "text" and not a_text(value):
        raise Refused(
            f"The text field in the ContentBlock object at {at} is blank. Add text to the text "
            "field, and try again."
        )
    if kind in ("toolUse", "toolResult") and not isinstance(an_object(value).get("toolUseId"), str):
        raise _unfit(f"{at}.{kind}.toolUseId", None, "not be null")
    return kind, value


def _text(kind: str, value: Any) -> Json | None:
    if kind == "guardContent":
        kind, value = "text", a_text(an_object(an_object(value).get("text")).get("text"))
    return {"type": "text", "text": value} if kind == "text" else None


def _user(blocks: list[tuple[str, Any]]) -> Iterator[Json]:
    """Results of tools are messages of their own, before what the user says."""
    results = [value for kind, value in blocks if kind == "toolResult"]
    for result in results:
        said = "".join(_result(block) for _, block in objects(result, "content"))
        yield {"role": "tool", "tool_call_id": result["toolUseId"], "content": said}
    parts = [part for block in blocks if (part := _text(*block) or _image(*block))]
    if parts or not results:
        yield {"role": "user", "content": parts or ""}


def _result(block: Json) -> str:
    return json.dumps(block["json"]) if "json" in block else a_text(block.get("text"))


def _image(kind: str, value: Any) -> Json | None:
    """An image as a part; None for any other block, and for one that lies in a bucket."""
    image = an_object(value)
    data = an_object(image.get("source")).get("bytes")
    if kind != "image" or not isinstance(data, str):
        return None
    url = f"data:image/{a_text(image.get('format'))};base64,{data}"
    return {"type": "image_url", "image_url": {"url": url}}


def _assistant(blocks: list[tuple[str, Any]]) -> Json:
    parts = [part for block in blocks if (part := _text(*block))]
    calls = [
        {
            "id": use["toolUseId"],
            "type": "function",
            "function": {"name": use.get("name"), "arguments": json.dumps(use.get("input"))},
        }
        for kind, use in blocks
        if kind == "toolUse" and use.get("type") != "server_tool_use"
    ]
    if not calls:
        return {"role": "assistant", "content": parts or ""}
    return {"role": "assistant", "content": parts or None, "tool_calls": calls}


def _format(body: Json) -> Json | None:
    """The schema that is to be filled in, which is sent as text."""
    wanted = an_object(an_object(body.get("outputConfig")).get("textFormat"))
    named = an_object(an_object(wanted.get("structure")).get("jsonSchema"))
    schema = parsed(named.get("schema"))
    if schema is None:
        return None
    name = named.get("name") or "output"
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}


def _tools(value: Any) -> Json:
    """The tools of the client's own; those that Bedrock runs itself have no OpenAI word."""
    config = _object(value, "toolConfig")
    listed = _listed(config.get("tools"), "toolConfig.tools")
    if config and not listed:
        raise _unfit("toolConfig.tools", config.get("tools"), "have length of at least 1")
    at = "toolConfig.tools"
    tools = [
        _function(_object(tool["toolSpec"], f"{at}.{i}.toolSpec"), f"{at}.{i}.toolSpec")
        for i, tool in enumerate(listed)
        if "toolSpec" in an_object(tool)
    ]
    if not tools:
        return {}
    return {"tools": tools, "tool_choice": _choice(config.get("toolChoice"))}


def _function(spec: Json, at: str) -> Json:
    """A tool. Its ``strict`` is left out: OpenAI asks more of a strict schema than others."""
    parameters = an_object(spec.get("inputSchema")).get("json")
    for name, member in (("name", spec.get("name")), ("inputSchema.json", parameters)):
        if member is None:
            raise _unfit(f"{at}.{name}", None, "not be null")
    function = {"name": spec["name"], "parameters": parameters}
    if spec.get("description"):
        function["description"] = spec["description"]
    return {"type": "function", "function": function}


def _choice(value: Any) -> Any:
    members = list(_object(value, "toolConfig.toolChoice").items())
    match members:
        case []:
            return None
        case [("tool", tool)]:
            return {"type": "function", "function": {"name": an_object(tool).get("name")}}
        case [("auto" | "any" as kind, _)]:
            return CHOICES[kind]
    raise Refused("The toolChoice object must set exactly one of the members auto, any and tool.")
