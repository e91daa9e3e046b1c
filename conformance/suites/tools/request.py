"""Offers of tools: which are refused, and what is no reason to refuse one."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from conformance.model import Finding, Findings, Outcome
from conformance.mutate import Mutant, all_of, edit
from conformance.registry import MAY, MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    ChatReply,
    Endpoint,
    ErrorReply,
    Json,
    Refusal,
    Reply,
    a_text,
    an_object,
    objects,
)
from conformance.suites._refusals import REFUSED, message_of, refusal
from conformance.suites.errors.mistakes import misshapen

NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
LONGEST: Final = 64
MANY: Final = 64
GENERATED: Final = ("tool_use_failed", "json_validate_failed")
"""Error codes for what the model wrote, not for what the client asked."""
_NUMBERED: Final = re.compile(r"\bmessages?\W{1,3}(\d+)")
_TOOL: Final = re.compile(r"\btools\W{1,3}(\d+)|\bfunction '([\w-]{1,64})'")
"""How an error names a tool: by its position, or by its function's name."""
_KEYWORDS: Final = ("anyOf", "$ref", "$defs", "const", "additionalProperties")


def functions(reply: Reply) -> list[tuple[str, Json]]:
    """The functions that a chat request offers, each with its place. Raises NotApplicable."""
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat request")
    tools = objects(reply.request, "tools", "request")
    found = [(f"{at}.function", tool["function"]) for at, tool in tools if "function" in tool]
    return [(at, function) for at, function in found if isinstance(function, dict)]


def refused(message: str) -> Mutant:
    """The edit that makes an exchange a refusal in these words."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return all_of(edit("status", 400), edit("body", json.dumps({"error": error})))


def blamed(reply: Reply, places: list[str], words: str) -> Findings:
    """A finding where a request is refused for what is at one of ``places``.

    The error must use ``words`` and, if it names a message or a tool, one of those. Raises
    Inconclusive where the request failed for another reason.
    """
    if not isinstance(reply, Refusal):
        return
    only_if(not misshapen(reply), "the messages are no messages")
    about_request = reply.status in REFUSED and reply.error.get("code") not in GENERATED
    said = f"{str(reply.error.get('param'))[:200]} {message_of(reply)}"
    elsewhere = "for response_format" in said and "request.response_format" not in places
    inconclusive_if(elsewhere, "the request failed for its response_format")
    number = _NUMBERED.search(said)
    meant = [at for at in places if not number or f"messages[{number[1]}]" in at]
    meant = [at for at in meant if _is_named(reply, at, _TOOL.search(said))]
    blames = about_request and re.search(words, said, re.IGNORECASE)
    inconclusive_if(not (blames and meant), "the request failed for another reason")
    yield Finding(meant[0], want="accepted", got=message_of(reply))


def _is_named(reply: Reply, at: str, named: re.Match[str] | None) -> bool:
    """Whether ``at`` is in the tool that an error names, or in none, or the error names none."""
    if named is None or "tools[" not in at:
        return True
    if named[1]:
        return f"tools[{named[1]}]" in at
    of_name = [place for place, one in functions(reply) if one.get("name") == named[2]]
    return any(at.startswith(f"{place}.") for place in of_name)


@check(
    SHOULD,
    spec="ChatCompletionNamedToolChoice",
    broken_by=[
        edit("request.tool_choice", {"type": "function", "function": {"name": "no_such_tool"}}).on(
            "chat.tools_auto"
        )
    ],
)
def named_unknown_400(reply: Reply) -> Findings:
    """A tool_choice that names a tool that isn't offered is refused with 400.

    Otherwise a typing mistake silently turns a forced call into a free choice.
    """
    offered = [function.get("name") for _, function in functions(reply)]
    wanted = an_object(an_object(reply.request.get("tool_choice")).get("function")).get("name")
    only_if(offered and isinstance(wanted, str), "no tool is named and offered")
    only_if(wanted not in offered, "the named tool is offered")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.tool_choice",
    broken_by=[edit("request.tool_choice", "required").on("chat.basic")],
)
def choice_without_tools_400(reply: Reply) -> Findings:
    """A tool_choice that demands a call is refused with 400 where no tools are offered.

    The client forgot its tools; an answer in text hides it.
    """
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat request")
    choice = reply.request.get("tool_choice")
    only_if(choice == "required" or isinstance(choice, dict), "no call is demanded")
    only_if(not reply.request.get("tools"), "tools are offered")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="measured: OpenAI refuses an empty array",
    broken_by=[edit("request.tools", []).on("chat.basic")],
    breach=Outcome.LENIENT,
)
def empty_array_400(reply: Reply) -> Findings:
    """An empty list of tools is refused with 400.

    To accept it is friendlier, but code that relies on it fails elsewhere.
    """
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat request")
    only_if(reply.request.get("tools") == [], "tools is no empty list")
    yield from refusal(reply)


@check(
    MAY,
    spec="measured: OpenAI refuses it",
    broken_by=[edit("request.parallel_tool_calls", value=True).on("chat.basic")],
    breach=Outcome.LENIENT,
)
def parallel_without_tools_400(reply: Reply) -> Findings:
    """parallel_tool_calls without tools is refused with 400.

    To accept it is friendlier, but code that relies on it fails elsewhere.
    """
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat request")
    asked = reply.request.get("parallel_tool_calls")
    only_if(isinstance(asked, bool), "parallel_tool_calls is not set")
    only_if("tools" not in reply.request, "there are tools")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="FunctionObject.name",
    broken_by=[edit("request.tools[0].function.name", "my tool!").on("chat.tools_none")],
    breach=Outcome.LENIENT,
)
def name_pattern_400(reply: Reply) -> Findings:
    """A tool's name of other characters than letters, digits, _ and -, or of over 64, gets 400.

    To accept it is friendlier, but code that relies on it fails elsewhere.
    """
    names = [a_text(function.get("name")) for _, function in functions(reply)]
    only_if(any(name and not NAME.fullmatch(name) for name in names), "every name is allowed")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="FunctionObject.name",
    broken_by=[
        refused("tools[0].function.name is longer than 63 characters").on("chat.tools_bare")
    ],
)
def name_max64(reply: ChatReply | ErrorReply) -> Findings:
    """A tool's name may have 64 characters.

    Names made of a server's and a tool's name are often that long.
    """
    found = [f"{at}.name" for at, f in functions(reply) if len(a_text(f.get("name"))) == LONGEST]
    only_if(found, "no name has 64 characters")
    yield from blamed(reply, found, r"\bname\b.*\b(length|long|characters|63)\b")


def _lacking(reply: Reply, name: str) -> list[str]:
    """Where functions lack this member. Raises NotApplicable."""
    found = [f"{at}.{name}" for at, function in functions(reply) if name not in function]
    only_if(found, f"every function has {name}")
    return found


@check(
    MUST,
    spec="FunctionObject.parameters",
    broken_by=[refused("tools[0].function.parameters: Field required").on("chat.tools_bare")],
)
def parameters_optional(reply: ChatReply | ErrorReply) -> Findings:
    """A tool may be offered without parameters.

    That is how the API says that it takes none.
    """
    missing = r"\bparameters\b.*\b(missing|required|null|none|nil|must)\b|missing.*\bparameters\b"
    yield from blamed(reply, _lacking(reply, "parameters"), missing)


@check(
    MUST,
    spec="FunctionObject.description",
    broken_by=[refused("tools[0].function.description: Field required").on("chat.tools_bare")],
)
def description_optional(reply: ChatReply | ErrorReply) -> Findings:
    """A tool may be offered without a description.

    The name often says enough.
    """
    missing = r"\bdescription\b.*\b(missing|required|null|none|nil|must)\b|missing.*\bdescription\b"
    yield from blamed(reply, _lacking(reply, "description"), missing)


@check(
    MUST,
    spec="FunctionObject.parameters",
    broken_by=[
        refused("parameters: object schema must have properties").on("chat.tool_no_arguments")
    ],
)
def parameters_empty_object(reply: ChatReply | ErrorReply) -> Findings:
    """A tool's parameters may be an object without properties.

    Most frameworks write this for a function that takes nothing.
    """
    offered = functions(reply)
    # Strict mode has rules of its own for them.
    plain = [(at, f) for at, f in offered if not f.get("strict")]
    empty = [f"{at}.parameters" for at, f in plain if _is_empty(f.get("parameters"))]
    only_if(empty, "every function has parameters")
    words = r"\bparameters\b.*\bproperties\b|\bproperties\b.*\b(empty|non-empty)\b"
    yield from blamed(reply, empty, words)


def _is_empty(parameters: Any) -> bool:
    schema = an_object(parameters)
    return schema.get("type") == "object" and schema.get("properties") == {}


@check(
    SHOULD,
    spec="FunctionObject.parameters: JSON Schema",
    broken_by=[
        refused('Unknown name "additionalProperties" at tools[0].function.parameters').on(
            "chat.tools_strict"
        )
    ],
    covers=["tools.parameters.additionalProperties"],
)
def parameters_anyof_ref(reply: ChatReply | ErrorReply) -> Findings:
    """A tool's parameters may use anyOf, $ref, $defs, const and additionalProperties.

    Generators of schemas write them for optional, nested and closed types.
    """
    text = json.dumps([function.get("parameters") for _, function in functions(reply)])
    used = [keyword for keyword in _KEYWORDS if f'"{keyword}"' in text]
    only_if(used, "none of the keywords is used")
    # What strict mode refuses is its own matter.
    strict = any(function.get("strict") for _, function in functions(reply))
    words = "|".join(
        rf"unknown.*{re.escape(keyword)}" if strict else re.escape(keyword) for keyword in used
    )
    yield from blamed(reply, ["request.tools"], words)


@check(
    SHOULD,
    spec="FunctionObject.strict",
    broken_by=[refused("tools[0].function.strict: extra field").on("chat.tools_strict")],
)
def strict_flag_accepted(reply: ChatReply | ErrorReply) -> Findings:
    """A tool may say strict, true or false.

    The official SDKs' helpers always send it.
    """
    says = [f"{at}.strict" for at, f in functions(reply) if isinstance(f.get("strict"), bool)]
    only_if(says, "no function says strict")
    unknown = r"(unknown|extra|unrecognized|unexpected|not permitted|not supported|unsupported)"
    yield from blamed(reply, says, rf"{unknown}.*\bstrict\b|\bstrict\b.*{unknown}")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.tools",
    broken_by=[refused("Too many tools: at most 32 are allowed").on("chat.tools_many")],
)
def many(reply: ChatReply | ErrorReply) -> Findings:
    """Up to 128 tools may be offered.

    Agents with several tool servers offer dozens.
    """
    count = len(functions(reply))
    only_if(MANY <= count <= 2 * MANY, f"not {MANY} to {2 * MANY} tools")
    too_many = r"too many.*\btools\b|\btools\b.*(too many|too long|at most|maximum)"
    yield from blamed(reply, ["request.tools"], too_many)


@check(
    SHOULD,
    spec="measured: OpenAI answers, with whatever the model wrote",
    broken_by=[
        all_of(
            refused("Failed to call a function."),
            edit("error.code", "tool_use_failed"),
        ).on("chat.tools_auto")
    ],
)
def model_failure_not_400(reply: ChatReply | ErrorReply) -> Findings:
    """What the model wrote wrongly is answered with 200, not refused as the client's mistake.

    A client takes 400 for its own fault and does not try again.
    """
    only_if(reply.request.get("tools") or reply.request.get("response_format"), "no tools")
    if isinstance(reply, Refusal):
        code = reply.error.get("code")
        inconclusive_if(code not in GENERATED, "the request failed for another reason")
        yield Finding("status", want=200, got=f"{reply.status}, {code}")
