"""What Gemini is asked, in OpenAI's words.

Google reads JSON as its protocol buffers: a member goes by its name in camelCase or in snake_case,
null is as good as absent, one item will do for an array, and a name it does not know is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from conformance.dialects.base import Json, Refused
from conformance.replies import a_text, an_object
from conformance.targets import to_json

MEMBERS: Final = frozenset(
    {
        *("cachedContent", "contents", "generationConfig", "model", "safetySettings"),
        *("serviceTier", "store", "systemInstruction", "toolConfig", "tools"),
    }
)
VERTEX: Final = MEMBERS | {"labels", "modelArmorConfig"}
"""What only Google Cloud takes is an unknown name at generativelanguage.googleapis.com."""
CONFIG: Final = {
    "candidateCount": "n",
    "frequencyPenalty": "frequency_penalty",
    "logprobs": "top_logprobs",
    "maxOutputTokens": "max_tokens",
    "presencePenalty": "presence_penalty",
    "responseLogprobs": "logprobs",
    "seed": "seed",
    "stopSequences": "stop",
    "temperature": "temperature",
    "topP": "top_p",
}
"""Members of generationConfig that OpenAI only calls otherwise."""
CONFIGURED: Final = frozenset(
    {
        *CONFIG,
        *("_responseJsonSchema", "responseFormat", "responseJsonSchema", "responseMimeType"),
        *("responseModalities", "responseSchema", "speechConfig", "thinkingConfig", "topK"),
        *("audioTimestamp", "enableAffectiveDialog", "enableEnhancedCivicAnswers", "imageConfig"),
        *("mediaResolution", "modelSelectionConfig", "routingConfig"),
    }
)
DECLARED: Final = frozenset(
    {
        *("behavior", "description", "name", "parameters", "parametersJsonSchema"),
        *("response", "responseJsonSchema"),
    }
)
UNKNOWN: Final = 'Invalid JSON payload received. Unknown name "{}"{}: Cannot find field.'
NOTHING: Final = "* GenerateContentRequest.contents: contents is not specified\n"
ORPHAN: Final = (
    "Please ensure that function response turn comes immediately after a function call turn. And "
    "the number of function response parts should be equal to number of function call parts of the "
    "function call turn."
)
TYPES: Final = ("", "string", "number", "integer", "boolean", "array", "object", "null")
"""The types of a schema, which may also be given by their numbers."""


def openai(body: Json, *, vertex: bool) -> Json:
    """The request as a chat completion's, but for its model. Raises Refused."""
    given = _known(body, VERTEX if vertex else MEMBERS)
    config = _known(given.get("generationConfig"), CONFIGURED, "generation_config")
    renamed = {ours: config.get(theirs) for theirs, ours in CONFIG.items()}
    return {
        "messages": [*_system(given.get("systemInstruction")), *_messages(given.get("contents"))],
        **{name: value for name, value in renamed.items() if value not in (None, [])},
        **_format(config),
        **_effort(config),
        **_tools(given, vertex=vertex),
    }


def _fields(value: Any) -> Json:
    """The members of an object under their names in camelCase."""
    return {
        re.sub(r"(?<=[a-z0-9])_([a-z0-9])", lambda found: found[1].upper(), name): member
        for name, member in an_object(value).items()
    }


def _known(value: Any, names: frozenset[str], at: str = "") -> Json:
    """As :func:`_fields`. Raises Refused for a name that is not among ``names``."""
    for name in an_object(value):
        if not _fields({name: None}).keys() <= names:
            raise Refused(UNKNOWN.format(name, f" at '{at}'" if at else ""))
    return _fields(value)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _parts(content: Any) -> list[Json]:
    parts = (_fields(part) for part in _items(_fields(content).get("parts")))
    return [part for part in parts if part.get("thought") is not True]


def _text(parts: Sequence[Json]) -> str:
    return "".join(a_text(part.get("text")) for part in parts)


def _system(instruction: Any) -> list[Json]:
    text = _text(_parts(instruction))
    return [{"role": "system", "content": text}] if text else []


def _messages(contents: Any) -> list[Json]:
    if not _items(contents):
        raise Refused(NOTHING)
    messages: list[Json] = []
    waiting: list[Json] = []
    for turn, content in enumerate(_items(contents)):
        role, parts = _fields(content).get("role") or "user", _parts(content)
        if role not in ("user", "model", "function"):
            raise Refused("Please use a valid role: user, model.")
        if role == "model":
            messages.append(_answer(parts, turn))
            waiting = list(messages[-1].get("tool_calls", ()))
        else:
            results = list(_results(parts, waiting))
            messages += results
            messages += [] if results and not _said(parts) else [_question(parts)]
    return messages


def _answer(parts: Sequence[Json], turn: int) -> Json:
    called = [_fields(part["functionCall"]) for part in parts if part.get("functionCall")]
    message: Json = {"role": "assistant", "content": _text(parts) or (None if called else "")}
    if called:
        message["tool_calls"] = [_call(one, f"call_{turn}_{i}") for i, one in enumerate(called)]
    return message


def _call(called: Json, otherwise: str) -> Json:
    arguments = to_json(an_object(called.get("args"))).decode()
    function = {"name": a_text(called.get("name")), "arguments": arguments}
    return {"id": a_text(called.get("id")) or otherwise, "type": "function", "function": function}


def _results(parts: Sequence[Json], waiting: list[Json]) -> Iterator[Json]:
    """The results in a turn, each of the call with its id, else of its name, else of the first."""
    for part in parts:
        if not part.get("functionResponse"):
            continue
        result = _fields(part["functionResponse"])
        alike = [call for call in waiting if call["id"] == result.get("id")]
        alike += [call for call in waiting if call["function"]["name"] == result.get("name")]
        call = next(iter(alike or waiting), None)
        if call is None:
            raise Refused(ORPHAN)
        waiting.remove(call)
        told = _told(an_object(result.get("response")))
        yield {"role": "tool", "tool_call_id": call["id"], "content": told}


def _told(response: Json) -> str:
    """What a tool said: adapters wrap a text into an object, as there is no other form for it."""
    match list(response.values()):
        case [str() as only]:
            return only
    return to_json(response).decode()


def _said(parts: Sequence[Json]) -> list[Json]:
    """The texts and pictures; OpenAI has no words for the rest."""
    said: list[Json] = []
    for part in parts:
        data = _fields(part.get("inlineData") or part.get("fileData"))
        kind = a_text(data.get("mimeType"))
        if isinstance(part.get("text"), str):
            said.append({"type": "text", "text": part["text"]})
        elif kind.startswith("image/"):
            url = data.get("fileUri") or f"data:{kind};base64,{data.get('data')}"
            said.append({"type": "image_url", "image_url": {"url": url}})
    return said


def _question(parts: Sequence[Json]) -> Json:
    said = _said(parts)
    shown = any(part["type"] == "image_url" for part in said)
    return {"role": "user", "content": said if shown else _text(parts)}


def _format(config: Json) -> Json:
    schemas = map(config.get, ("responseJsonSchema", "_responseJsonSchema", "responseSchema"))
    schema = next(filter(None, schemas), None)
    if schema is not None:
        described = {"name": "response", "schema": _schema(schema)}
        return {"response_format": {"type": "json_schema", "json_schema": described}}
    as_json = config.get("responseMimeType") == "application/json"
    return {"response_format": {"type": "json_object"}} if as_json else {}


def _effort(config: Json) -> Json:
    level = a_text(_fields(config.get("thinkingConfig")).get("thinkingLevel"))
    return {"reasoning_effort": level.lower()} if level else {}


def _schema(schema: Any) -> Any:
    """JSON Schema of what Google's own form of it says, or JSON Schema already."""
    if isinstance(schema, list):
        return [_schema(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    given = _fields(schema)
    nullable, _ = given.pop("nullable", False), given.pop("propertyOrdering", None)
    for name in ("additionalProperties", "allOf", "anyOf", "items", "oneOf", "prefixItems"):
        if name in given:
            given[name] = _schema(given[name])
    for name in ("$defs", "defs", "definitions", "properties"):
        if name in given:
            given[name] = {key: _schema(one) for key, one in an_object(given[name]).items()}
    if "type" in given:
        kind = _type(given["type"])
        given["type"] = [kind, "null"] if nullable is True else kind
    return given


def _type(kind: Any) -> Any:
    if isinstance(kind, int):
        return TYPES[kind] if 0 < kind < len(TYPES) else "object"
    return kind.lower() if isinstance(kind, str) else kind


def _tools(given: Json, *, vertex: bool) -> Json:
    """The functions and the choice of them; other tools are Google's own.

    To choose among none is a mistake, though not on Vertex.
    """
    tools = [
        _tool(_known(one, DECLARED, f"tools[{i}].function_declarations[{k}]"))
        for i, tool in enumerate(_items(given.get("tools")))
        for k, one in enumerate(_items(_fields(tool).get("functionDeclarations")))
    ]
    config = _fields(_fields(given.get("toolConfig")).get("functionCallingConfig"))
    if config and not tools and not vertex:
        raise Refused("Function calling config is set without function_declarations.")
    return {"tools": tools, **_choice(config)} if tools else {}


def _tool(declared: Json) -> Json:
    schema = declared.get("parametersJsonSchema") or declared.get("parameters")
    made = {name: declared[name] for name in ("name", "description") if declared.get(name)}
    return {
        "type": "function",
        "function": {**made, **({"parameters": _schema(schema)} if schema else {})},
    }


def _choice(config: Json) -> Json:
    mode = {"ANY": "required", "NONE": "none", "AUTO": "auto"}.get(
        a_text(config.get("mode")).upper()
    )
    allowed = [
        {"type": "function", "function": {"name": name}}
        for name in _items(config.get("allowedFunctionNames"))
    ]
    if mode is None:
        return {}
    if mode != "required" or not allowed:
        return {"tool_choice": mode}
    if len(allowed) == 1:
        return {"tool_choice": allowed[0]}
    several = {"mode": "required", "tools": allowed}
    return {"tool_choice": {"type": "allowed_tools", "allowed_tools": several}}
