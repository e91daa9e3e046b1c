"""The tools of a request, and which of them its ``tool_choice`` leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.reference.errors import (
    empty_array,
    invalid,
    missing,
    wrong_length,
    wrong_type,
    wrong_value,
)
from conformance.reference.instances import strict_problem
from conformance.reference.model import Tool
from conformance.reference.validate import boolean, items, mapping, text

MODES = ("none", "auto", "required")
NAME = re.compile(r"[a-zA-Z0-9_-]+")
LONGEST_NAME, MOST = 64, 128


@dataclass(frozen=True, slots=True)
class Toolbox:
    """What may be called; ``named`` if the request names the one tool it wants."""

    tools: tuple[Tool, ...] = ()
    must_call: bool = False
    named: bool = False
    one_call: bool = False
    legacy: bool = False
    """Whether the deprecated ``functions`` were used."""


def chat_toolbox(given: Mapping[str, Any]) -> Toolbox:
    """The tools of a chat request, checked. Raises ApiError."""
    if "functions" in given:
        return _functions(given)
    if "function_call" in given:
        raise _only_with("function_call", "functions")
    return toolbox(given, nested)


def toolbox(
    given: Mapping[str, Any], unwrap: Callable[[dict[str, Any], str], tuple[dict[str, Any], str]]
) -> Toolbox:
    """The tools of a request; ``unwrap`` finds a tool's function and where it is.

    Chat completions wrap it in a member of its own (:func:`nested`), responses do not
    (:func:`flat`).
    """
    if "tools" not in given:
        for name in ("tool_choice", "parallel_tool_calls"):
            if name in given:
                raise _only_with(name, "tools")
        return Toolbox()
    listed = _listed("tools", given["tools"])
    tools = tuple(
        _tool(*unwrap(mapping(f"tools[{i}]", one), f"tools[{i}]")) for i, one in enumerate(listed)
    )
    one_call = given.get("parallel_tool_calls") is False
    return _chosen(tools, given.get("tool_choice", "auto"), unwrap, one_call=one_call)


def nested(tool: dict[str, Any], at: str) -> tuple[dict[str, Any], str]:
    """The function inside ``{"type": "function", "function": {...}}``, or the custom tool."""
    kind = tool.get("type")
    if kind != "custom":
        flat(tool, at)
        return mapping(f"{at}.function", tool.get("function")), f"{at}.function"
    custom = mapping(f"{at}.custom", tool.get("custom"))
    form = mapping(f"{at}.custom.format", custom.get("format") or {"type": "text"}).get("type")
    if form != "text":
        raise wrong_value(f"{at}.custom.format.type", form, ("text",))
    return {"name": custom.get("name")}, f"{at}.custom"


def flat(tool: dict[str, Any], at: str) -> tuple[dict[str, Any], str]:
    """The function that the tool itself is."""
    if tool.get("type") is None:
        raise missing(f"{at}.type")
    if tool["type"] != "function":
        raise wrong_value(f"{at}.type", tool["type"], ("function",))
    return tool, at


def _tool(function: dict[str, Any], at: str) -> Tool:
    name, parameters = function.get("name"), function.get("parameters")
    if name is None:
        raise missing(f"{at}.name")
    text(f"{at}.name", name)
    if len(name) > LONGEST_NAME:
        raise wrong_length(f"{at}.name", "string", len(name), LONGEST_NAME, above=True)
    if not NAME.fullmatch(name):
        message = (
            f"Invalid '{at}.name': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        )
        raise invalid(message, f"{at}.name", "invalid_value")
    if function.get("strict") is not None:
        boolean(f"{at}.strict", function["strict"])
    if parameters is not None:
        _check_parameters(name, mapping(f"{at}.parameters", parameters), at, function)
    return Tool(name, parameters, custom=at.endswith(".custom"))


def _check_parameters(
    name: str, parameters: dict[str, Any], at: str, function: dict[str, Any]
) -> None:
    problem = None
    if parameters and parameters.get("type") != "object":
        got = str(parameters.get("type"))[:LONGEST_NAME]
        problem = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{got}\"'."
    elif function.get("strict"):
        problem = strict_problem(parameters)
    if problem:
        message = f"Invalid schema for function '{name}': {problem}"
        raise invalid(message, f"{at}.parameters", "invalid_function_parameters")


def _chosen(
    tools: tuple[Tool, ...],
    choice: object,
    unwrap: Callable[[dict[str, Any], str], tuple[dict[str, Any], str]],
    *,
    one_call: bool,
) -> Toolbox:
    if isinstance(choice, str):
        if choice not in MODES:
            raise wrong_value("tool_choice", choice, MODES)
        offered = () if choice == "none" else tools
        return Toolbox(offered, must_call=choice == "required", one_call=one_call)
    choice = mapping("tool_choice", choice)
    if choice.get("type") != "allowed_tools":
        name = unwrap(choice, "tool_choice")[0].get("name")
        return Toolbox(_named(tools, name), must_call=True, named=True, one_call=True)
    # Chat completions wrap what is allowed, responses do not.
    allowed = choice if unwrap is flat else mapping("tool_choice", choice.get("allowed_tools"))
    listed = _listed("tool_choice.tools", allowed.get("tools"))
    names = [unwrap(mapping("tool_choice.tools", one), "tool_choice.tools")[0] for one in listed]
    offered = tuple(tool for one in names for tool in _named(tools, one.get("name")))
    mode = allowed.get("mode")
    if mode not in MODES[1:]:
        raise wrong_value("tool_choice.mode", mode, MODES[1:])
    return Toolbox(offered, must_call=mode == "required", one_call=one_call)


def _named(tools: tuple[Tool, ...], name: object) -> tuple[Tool, ...]:
    text("tool_choice.function.name", name)
    found = [tool for tool in tools if tool.name == name]
    if not found:
        message = f"Tool choice '{str(name)[:LONGEST_NAME]}' not found in 'tools' parameter."
        raise invalid(message, "tool_choice")
    return tuple(found[:1])


def _functions(given: Mapping[str, Any]) -> Toolbox:
    for name in ("tools", "tool_choice", "parallel_tool_calls"):
        if name in given:
            raise invalid(f"'{name}' and 'functions' cannot both be specified.", name)
    listed = _listed("functions", given["functions"])
    tools = tuple(
        _tool(mapping(f"functions[{i}]", one), f"functions[{i}]") for i, one in enumerate(listed)
    )
    choice = given.get("function_call", "auto")
    if isinstance(choice, dict):
        tools = _named(tools, choice.get("name"))
        return Toolbox(tools, must_call=True, named=True, one_call=True, legacy=True)
    if not isinstance(choice, str):
        raise wrong_type("function_call", "one of a string or an object", choice)
    if choice not in MODES[:2]:
        raise wrong_value("function_call", choice, MODES[:2])
    return Toolbox(() if choice == "none" else tools, one_call=True, legacy=True)


def _listed(name: str, value: object) -> list[Any]:
    listed = items(name, value)
    if not listed:
        raise empty_array(name)
    if len(listed) > MOST:
        raise wrong_length(name, "array", len(listed), MOST, above=True)
    return listed


def _only_with(name: str, other: str) -> Exception:
    message = f"Invalid value for '{name}': '{name}' is only allowed when '{other}' are specified."
    return invalid(message, name)
