"""The arguments of a tool call: JSON that obeys the tool's parameters."""

from __future__ import annotations

import json
from typing import Any, Final

from conformance import jsontext
from conformance.model import Finding, Findings, Outcome
from conformance.mutate import edit
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import Call, ChatReply, ChatStream, Json, an_object
from conformance.suites._user_schema import departure

_ARGUMENTS: Final = "choices[0].message.tool_calls[0].function.arguments"
_DONE: Final = ("tool_calls", "stop", "function_call")
"""The finish reasons of an answer that nothing cut short."""


@check(
    SHOULD,
    spec="ChatCompletionMessageToolCall.function.arguments",
    broken_by=[edit(_ARGUMENTS, "{city: 'Paris'}"), edit(_ARGUMENTS, "[]")],
)
def arguments_json(reply: ChatReply) -> Findings:
    """The arguments of a finished call are a JSON object.

    openai-python 3.52's parse() raises JSONDecodeError. The model may fail at it, so this is no
    MUST; where strict was asked for, arguments_strict_schema is one.
    """
    for call in finished(reply):
        strict = _tool(reply, call).get("strict") is True
        if not strict and _is_malformed(reply, call):
            yield Finding(arguments_at(call), want="a JSON object", got=call.arguments)


@check(
    SHOULD,
    spec="measured: OpenAI sends {} for a call without arguments",
    broken_by=[edit(_ARGUMENTS, "")],
)
def arguments_not_empty_string(reply: ChatReply) -> Findings:
    """A call without arguments says {}, not an empty string.

    openai-python 3.52's parse() raises JSONDecodeError on an empty string.
    """
    for call in finished(reply):
        if is_blank(call):
            yield Finding(arguments_at(call), want="{}", got=call.arguments)


@check(
    MUST,
    spec="ChatCompletionMessageToolCall.function.arguments",
    broken_by=[edit(_ARGUMENTS, '"{\\"city\\": \\"Paris\\"}"')],
)
def arguments_not_double_encoded(reply: ChatReply) -> Findings:
    """The arguments are encoded as JSON once, not twice.

    A client that parses them gets a string where it expects the tool's parameters.
    """
    for call in finished(reply):
        if isinstance(jsontext.parse(call.arguments).value, str):
            yield Finding(arguments_at(call), want="a JSON object", got=call.arguments)


@check(
    SHOULD,
    spec="FunctionObject.parameters",
    broken_by=[edit(_ARGUMENTS, "{}").on("chat.tools_required")],
)
def arguments_schema(reply: ChatReply) -> Findings:
    """The arguments of a call that was demanded obey the JSON Schema of the tool's parameters.

    Most clients pass them to the function as they are. What a model writes in a call that it was
    free to make, of a tool that isn't strict, is its own.
    """
    found: list[Finding] = []
    for call in finished(reply):
        value = _value(call)
        if isinstance(value, dict) and _tool(reply, call).get("strict") is not True:
            found.extend(_departures(reply, call, value))
    inconclusive_if(found and not _is_demanded(reply), "the model was free to call as it likes")
    yield from found


@check(
    MUST,
    spec="FunctionObject.strict; OpenAI guide: Structured Outputs",
    broken_by=[
        edit(_ARGUMENTS, '{"no_such_parameter":1}').on("chat.tools_strict"),
        edit(_ARGUMENTS, '{"city":').on("chat.tools_strict"),
    ],
    breach=Outcome.IGNORED,
)
def arguments_strict_schema(reply: ChatReply) -> Findings:
    """With strict: true, the arguments always obey the JSON Schema of the tool's parameters.

    Whoever asks for strict arguments leaves out the checks that would catch these.
    """
    calls = [call for call in finished(reply) if _tool(reply, call).get("strict") is True]
    only_if(calls, "no strict tool was called")
    # OpenAI's guide exempts calls made in parallel, unless those were forbidden.
    several = len(calls) > 1 and reply.request.get("parallel_tool_calls") is not False
    inconclusive_if(several, "strict does not hold for calls made in parallel")
    for call in calls:
        value = _value(call)
        if isinstance(value, dict):
            yield from _departures(reply, call, value)
        elif _is_malformed(reply, call):
            yield Finding(arguments_at(call), want="a JSON object", got=call.arguments)


def arguments_at(call: Call) -> str:
    """The place of a call's arguments."""
    return f"{call.at}.arguments" if call.legacy else f"{call.at}.function.arguments"


def is_cut_or_merged(text: str) -> bool:
    """Whether JSON text breaks off, or another value follows, as models hardly ever write it.

    That happens where a stream loses a fragment or adds one to the wrong call.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        return cut or error.msg == "Extra data"
    except (RecursionError, ValueError):
        return False
    return False


def finished(reply: ChatReply) -> list[Call]:
    """The calls of functions in answers that nothing cut short. Raises NotApplicable."""
    called = [an_object(call.get("function")).get("arguments") for _, call in reply.tool_calls]
    # A stream may well send fragments without arguments.
    streamed = isinstance(reply, ChatStream)
    readable = all(isinstance(value, str) or (value is None and streamed) for value in called)
    only_if(readable, "arguments are not strings")
    answers = [answer for answer in reply.answers if answer.finish_reason in _DONE]
    calls = [call for answer in answers for call in answer.calls if call.name]
    only_if(calls, "no function was called to the end")
    return calls


def is_blank(call: Call) -> bool:
    """Whether nothing was said about the arguments."""
    return not call.arguments.strip()


def _is_demanded(reply: ChatReply) -> bool:
    """Whether the request demanded a call, by tool_choice or the deprecated function_call."""
    named = reply.named_tool or an_object(reply.request.get("function_call")).get("name")
    return reply.tool_choice == "required" or bool(named)


def _is_malformed(reply: ChatReply, call: Call) -> bool:
    """Whether arguments are no JSON object, in a way that no other check is about."""
    broken_off = isinstance(reply, ChatStream) and is_cut_or_merged(call.arguments)
    return not (is_blank(call) or isinstance(_value(call), dict | str) or broken_off)


def _value(call: Call) -> Any:
    return jsontext.parse(call.arguments).value


def _tool(reply: ChatReply, call: Call) -> Json:
    return reply.tools.get(call.name, {})


def _departures(reply: ChatReply, call: Call, value: Json) -> Findings:
    parameters = _tool(reply, call).get("parameters")
    found = departure(parameters, value) if isinstance(parameters, dict) else None
    if found:
        yield Finding(arguments_at(call), want=f"parameters: {found}", got=call.arguments)
