"""The members of a tool call."""

from __future__ import annotations

from collections import Counter
from typing import Final

from conformance import jsontext
from conformance.model import MISSING, Evidence, Finding, Findings, Request
from conformance.mutate import DoesNotFit, Mutant, all_of, by_request, drop, edit
from conformance.registry import MAY, MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    ChatCompletion,
    ChatReply,
    ChatStream,
    Json,
    a_text,
    an_object,
    objects,
)

CALLS: Final = "choices[*].message.tool_calls[*]"
FIRST: Final = "choices[0].message.tool_calls[0]"
NO_CALL: Final = "no tool was called"
_INVENTED: Final = frozenset(("multi_tool_use.parallel", "python"))
"""Tools that OpenAI's own models were trained on, and call at times unasked."""
_OWN: Final = ("function", "custom", None)
"""The types of tools that the client runs; without a type, as some SDKs send it, a function."""


def _used_again(request: Request) -> Mutant:
    """The edit that gives a call the id of one earlier in the conversation."""
    used = _earlier(an_object(jsontext.parse(request.body).value))
    if not used:
        raise DoesNotFit("there is no earlier call")
    return edit(f"{FIRST}.id", min(used))


def _earlier(request: Json) -> set[str]:
    """The ids of the calls that a request sends back."""
    messages = objects(request, "messages")
    ids = {a_text(call.get("id")) for _, m in messages for _, call in objects(m, "tool_calls")}
    return ids - {""}


@check(MUST, spec="ChatCompletionMessageToolCall.id", broken_by=[drop(f"{FIRST}.id")])
def call_id(reply: ChatCompletion) -> Findings:
    """A tool call has an id, a non-empty string.

    The tool's result has to name it; both openai-python 3.52 and openai-node 6.49 hand on nothing.
    """
    only_if(reply.tool_calls, NO_CALL)
    yield from reply.breaks(f"{CALLS}.id")


@check(
    MUST,
    spec="ChatCompletionMessageToolCall.id, to which tool_call_id of a tool message refers",
    broken_by=[
        all_of(
            edit("choices[0].message.tool_calls[0].id", "call_same"),
            edit("choices[0].message.tool_calls[1].id", "call_same"),
        )
    ],
)
def call_id_unique(reply: ChatReply) -> Findings:
    """The calls of one message have different ids.

    With one id for two calls, nobody can say which of them a tool's result belongs to.
    """
    several = [answer for answer in reply.answers if len(answer.calls) > 1]
    only_if(several, "no message has two tool calls")
    for answer in several:
        count = Counter(call.id for call in answer.calls if call.id)
        for call in answer.calls:
            if count[call.id] > 1:
                masked = not any(letter.isdigit() for letter in call.id)
                lost = masked and reply.lacks(Evidence.FRESH)
                inconclusive_if(lost, "the recorder may have masked the ids")
                yield Finding(f"{call.at}.id", want="an id that no other call has", got=call.id)


@check(
    SHOULD,
    spec="ChatCompletionToolMessageParam.tool_call_id",
    broken_by=[
        by_request(_used_again, f"{FIRST}.id = that of an earlier call").on("chat.tool_again")
    ],
)
def call_id_unique_conversation(reply: ChatReply) -> Findings:
    """A new call has another id than the calls earlier in the conversation.

    Clients that keep results by id would overwrite those of an earlier turn.
    """
    earlier = _earlier(reply.request)
    calls = [call for answer in reply.answers for call in answer.calls]
    only_if(earlier and calls, "there are not both earlier and new calls")
    for call in calls:
        if call.id in earlier:
            yield Finding(f"{call.at}.id", want="an id not used before", got=call.id)


@check(
    MUST,
    spec="ChatCompletionMessageToolCall.type",
    broken_by=[drop(f"{FIRST}.type"), edit(f"{FIRST}.type", "tool")],
)
def call_type(reply: ChatCompletion) -> Findings:
    """The type of a tool call is function or custom.

    It says which member holds the call; openai-python 3.52 fails its strict validation without it.
    """
    only_if(reply.tool_calls, NO_CALL)
    yield from reply.breaks(f"{CALLS}.type")


@check(
    MUST,
    spec="ChatCompletionMessageToolCall.function.name",
    broken_by=[
        edit(f"{FIRST}.function.name", "no_such_tool").on("chat.tools_auto"),
        drop(f"{FIRST}.function.name"),
    ],
)
def call_name(reply: ChatReply) -> Findings:
    """A call names one of the tools that the request offers.

    A client has nothing to run for any other name.
    """
    only_if(any(answer.calls for answer in reply.answers), NO_CALL)
    if isinstance(reply, ChatCompletion):
        yield from reply.breaks(CALLS, f"{CALLS}.function", f"{CALLS}.function.name")
    offered = offered_names(reply)
    only_if(offered, "the tools offered are not known")
    known = _INVENTED | _remembered(reply)
    for call in (call for answer in reply.answers for call in answer.calls if call.name):
        # The first part of a name that a stream splits is stream.tool_name_not_split's.
        split = isinstance(reply, ChatStream) and any(n.startswith(call.name) for n in offered)
        if call.name not in offered and not split:
            inconclusive_if(call.name in known, "the model may have made it up, or remembered it")
            place = call.at if call.legacy else f"{call.at}.function"
            yield Finding(f"{place}.name", want=sorted(offered), got=call.name)


def _remembered(reply: ChatReply) -> set[str]:
    """The names of the functions called earlier in the conversation."""
    messages = [message for _, message in objects(reply.request, "messages")]
    calls = [call for message in messages for _, call in objects(message, "tool_calls")]
    return {a_text(an_object(call.get("function")).get("name")) for call in calls}


def offered_names(reply: ChatReply) -> set[str]:
    """The names of the offered tools; empty where the server has tools of its own as well."""
    tools = [tool for _, tool in objects(reply.request, "tools")]
    if any(tool.get("type") not in _OWN for tool in tools):
        return set()
    custom = {a_text(an_object(tool.get("custom")).get("name")) for tool in tools}
    return (custom | reply.tools.keys()) - {""}


@check(
    MUST,
    spec="ChatCompletionMessageToolCall.function.arguments",
    broken_by=[
        edit(f"{FIRST}.function.arguments", {"city": "Paris"}),
        drop(f"{FIRST}.function.arguments"),
    ],
)
def call_arguments_string(reply: ChatCompletion) -> Findings:
    """The arguments of a call are JSON text in a string, not a JSON value.

    openai-python 3.52's parse() raises TypeError on an object, and clients run tools without any.
    """
    only_if(reply.tool_calls, NO_CALL)
    yield from reply.breaks(f"{CALLS}.function.arguments")


@check(
    MAY,
    spec="ChatCompletionMessageCustomToolCall",
    broken_by=[
        edit(f"{FIRST}.type", "custom").on("chat.tools_auto"),
        all_of(
            edit(f"{FIRST}.type", "custom"),
            edit(f"{FIRST}.custom", {"name": "get_weather", "input": {"city": "Paris"}}),
        ).on("chat.tools_auto"),
    ],
)
def custom_call_shape(reply: ChatCompletion) -> Findings:
    """A call says custom only if it has a custom member with name and input, both strings.

    Clients look for the member that the type names, and fail where there is another.
    """
    only_if(reply.tool_calls, NO_CALL)
    for at, call in reply.tool_calls:
        if call.get("type") == "custom":
            made = an_object(call.get("custom"))
            for name in ("name", "input"):
                if not isinstance(made.get(name), str):
                    yield Finding(
                        f"{at}.custom.{name}", want="a string", got=made.get(name, MISSING)
                    )
