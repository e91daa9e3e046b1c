"""Whether ``tool_choice`` and its relatives have their effect, and how such answers end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.model import MISSING, Evidence, Finding, Findings, Outcome
from conformance.mutate import all_of, drop, edit
from conformance.registry import MAY, MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    Answer,
    Call,
    ChatCompletion,
    ChatReply,
    a_text,
    an_object,
    is_int,
    objects,
)
from conformance.suites.chat.usage import BYTES_A_TOKEN
from conformance.suites.tools.call import FIRST, NO_CALL

_TEXT: Final = all_of(
    drop("choices[0].message.tool_calls"),
    edit("choices[0].message.content", "Hello!"),
    edit("choices[0].finish_reason", "stop"),
)
_TWIN: Final = "stream.chunk_finish_matches_nonstream"
_CALLS: Final = "stream.tool_same_as_nonstream"
_CUT: Final = ("length", "content_filter")
_FORGOT: Final = ("stop", "function_call")
"""What an answer with tool calls is said to end with where the calls are overlooked."""


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices.finish_reason",
    broken_by=[edit("choices[0].finish_reason", "stop").on("chat.tools_single")],
)
def finish_reason(reply: ChatCompletion) -> Findings:
    """An answer in which the model chose to call tools finishes with tool_calls.

    Agents take stop for the end and never run the tool.
    """
    only_if(reply.request.get("tools"), "the request is not known")
    only_if(reply.tool_choice in (None, "auto"), "the request did not leave the choice")
    for answer in overlooked(reply):
        place = f"{answer.at}.finish_reason"
        yield Finding(place, want="tool_calls", got=answer.finish_reason)


@check(
    SHOULD,
    spec="measured: OpenAI",
    broken_by=[edit("choices[0].finish_reason", "stop").on("chat.tools_required").also(_TWIN)],
)
def required_finish_reason(reply: ChatReply) -> Findings:
    """With tool_choice required, an answer with calls finishes with tool_calls.

    Agents take stop for the end and never run the tool.
    """
    only_if(reply.tool_choice == "required", "tool_choice is not required")
    for answer in overlooked(reply):
        place = f"{answer.at}.finish_reason"
        yield Finding(place, want="tool_calls", got=answer.finish_reason)


@check(
    MAY,
    spec="measured: OpenAI says stop or tool_calls",
    broken_by=[
        edit("choices[0].finish_reason", "function_call").on("chat.tools_named").also(_TWIN)
    ],
)
def named_finish_reason(reply: ChatReply) -> Findings:
    """With a named tool_choice, an answer with calls finishes with stop or tool_calls.

    OpenAI's own models differ here, so clients have to accept both.
    """
    only_if(reply.named_tool, "tool_choice names no tool")
    called = [answer for answer in reply.answers if new_calls(answer)]
    only_if(called, NO_CALL)
    for answer in called:
        if answer.finish_reason not in ("stop", "tool_calls", *_CUT):
            place = f"{answer.at}.finish_reason"
            yield Finding(place, want="stop or tool_calls", got=answer.finish_reason)


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices.finish_reason",
    broken_by=[
        edit("choices[0].finish_reason", "tool_calls").on("chat.basic"),
        edit("events[-2].choices[0].finish_reason", "tool_calls").on("stream.basic").also(_TWIN),
    ],
)
def finish_reason_inverse(reply: ChatReply) -> Findings:
    """An answer that finishes with tool_calls has at least one tool call.

    A client goes to run tools, finds none, and loops or fails.
    """
    said = [answer for answer in reply.answers if answer.finish_reason == "tool_calls"]
    only_if(said, "no answer finishes with tool_calls")
    for answer in said:
        if not answer.calls:
            yield Finding(f"{answer.at}.finish_reason", want="a tool call", got="tool_calls")


@check(
    MUST,
    spec="ChatCompletionToolChoiceOption: none",
    broken_by=[edit("request.tool_choice", "none").on("chat.tools_auto")],
    breach=Outcome.IGNORED,
)
def none_no_calls(reply: ChatReply) -> Findings:
    """With tool_choice none, no tool is called.

    A client that said none has nothing ready to answer a call with.
    """
    none = "none" in (reply.tool_choice, reply.request.get("function_call"))
    only_if(none, "tool_choice is not none")
    yield from _forbidden(reply)


@check(
    SHOULD,
    spec="ChatCompletionToolChoiceOption: none is the default without tools",
    broken_by=[all_of(drop("request.tools")).on("chat.tools_auto")],
)
def none_default_without_tools(reply: ChatReply) -> Findings:
    """Without tools in the request, no tool is called.

    A client that offered nothing has no code that looks for calls.
    """
    only_if(reply.request.get("messages"), "the request is not known")
    offers = ("tools", "functions", "plugins", "mcp_servers", "web_search_options")
    only_if(not reply.request.keys() & set(offers), "tools were offered")
    yield from _forbidden(reply)


@check(
    MUST,
    spec="ChatCompletionToolChoiceOption: required",
    broken_by=[_TEXT.on("chat.tools_required").also(_CALLS)],
    breach=Outcome.IGNORED,
)
def required_calls(reply: ChatReply) -> Findings:
    """With tool_choice required, at least one tool is called.

    Clients force a call to get data, and then have text that they can't use.
    """
    only_if(
        reply.tool_choice == "required" and reply.request.get("tools"),
        "tool_choice is not required",
    )
    for answer in _free(reply):
        if not answer.calls:
            yield Finding(f"{answer.at}.message.tool_calls", want="a call", got=MISSING)


@check(
    MUST,
    spec="ChatCompletionNamedToolChoice",
    broken_by=[
        edit(f"{FIRST}.function.name", "get_weather").on("chat.tools_named").also(_CALLS),
        _TEXT.on("chat.tools_named").also(_CALLS),
    ],
    breach=Outcome.IGNORED,
)
def named_calls(reply: ChatReply) -> Findings:
    """With a tool named in tool_choice, that tool is called and no other.

    It is how clients get structured data; another tool's arguments fit nothing.
    """
    wanted = a_text(reply.named_tool)
    only_if(wanted in reply.tools, "tool_choice names no offered tool")
    for answer in _free(reply):
        for call in answer.calls:
            if call.name and call.name != wanted:
                yield Finding(f"{call.at}.function.name", want=wanted, got=call.name)
        if not answer.calls:
            yield Finding(
                f"{answer.at}.message.tool_calls", want=f"a call of {wanted}", got=MISSING
            )


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.parallel_tool_calls",
    broken_by=[edit("request.parallel_tool_calls", value=False).on("chat.tools_parallel")],
    breach=Outcome.IGNORED,
)
def parallel_false_honoured(reply: ChatReply) -> Findings:
    """With parallel_tool_calls false, no more than one tool is called.

    Clients that run one tool at a time drop the others.
    """
    asked = reply.request.get("parallel_tool_calls") is False and reply.request.get("tools")
    only_if(asked, "parallel_tool_calls is not false")
    for answer in _free(reply):
        inconclusive_if(not answer.calls, NO_CALL)
        if len(answer.calls) > 1:
            place = f"{answer.at}.message.tool_calls"
            yield Finding(place, want="one call", got=f"{len(answer.calls)} calls")


@check(
    MAY,
    spec="ChatCompletionAllowedToolsChoice",
    broken_by=[edit(f"{FIRST}.function.name", "get_weather").on("chat.tools_allowed")],
    breach=Outcome.IGNORED,
)
def allowed_tools(reply: ChatReply) -> Findings:
    """With tool_choice allowed_tools, no other tool is called.

    It narrows the choice without changing the tools, so that the prompt cache still fits.
    """
    names = _allowed(reply)
    for call in (call for answer in reply.answers for call in answer.calls if call.name):
        if call.name not in names:
            yield Finding(f"{call.at}.function.name", want=sorted(names), got=call.name)


@check(
    MAY,
    spec="ChatCompletionAllowedTools.mode",
    broken_by=[_TEXT.on("chat.tools_allowed")],
    breach=Outcome.IGNORED,
)
def allowed_tools_required(reply: ChatReply) -> Findings:
    """With allowed_tools in mode required, at least one tool is called.

    Clients force a call to get data, and then have text that they can't use.
    """
    _allowed(reply)
    mode = an_object(an_object(reply.tool_choice).get("allowed_tools")).get("mode")
    only_if(mode == "required", "the mode is not required")
    for answer in _free(reply):
        if not answer.calls:
            yield Finding(f"{answer.at}.message.tool_calls", want="a call", got=MISSING)


def _allowed(reply: ChatReply) -> set[str]:
    """The names that ``allowed_tools`` lists. Raises NotApplicable."""
    listed = objects(an_object(an_object(reply.tool_choice).get("allowed_tools")), "tools")
    names = {a_text(an_object(tool.get("function")).get("name")) for _, tool in listed} - {""}
    only_if(names, "tool_choice allows no list of tools")
    return names


def new_calls(answer: Answer) -> list[Call]:
    """The calls not made through the deprecated ``function_call``."""
    return [call for call in answer.calls if not call.legacy]


def overlooked(reply: ChatReply) -> list[Answer]:
    """The answers with tool calls that are said to end otherwise. Raises NotApplicable."""
    called = [answer for answer in reply.answers if new_calls(answer)]
    only_if(called, NO_CALL)
    return [answer for answer in called if answer.finish_reason in _FORGOT]


def _forbidden(reply: ChatReply) -> Findings:
    for call in (call for answer in reply.answers for call in answer.calls):
        # Some servers fill in an empty function_call where there is none.
        if call.name or not call.legacy:
            yield Finding(call.at, want="no call", got=call.name)


def _free(reply: ChatReply) -> Iterator[Answer]:
    """The answers that were not cut short or refused, each of which could call a tool.

    Raises Inconclusive at the first that was.
    """
    inconclusive_if(_was_edited(reply), "the text is too long for its tokens: it was edited")
    for answer in reply.answers:
        # Without an end there is no telling what was still to come.
        ended = answer.finish_reason in ("stop", "tool_calls", "function_call")
        inconclusive_if(not ended, f"the answer ended with {answer.finish_reason!r:.40}")
        inconclusive_if(answer.refusal, "the model refused")
        yield answer


def _was_edited(reply: ChatReply) -> bool:
    """Whether somebody put a text of their own into a recorded answer, as people do."""
    length = sum(len(answer.text) for answer in reply.answers)
    spent = reply.usage[1].get("completion_tokens") if reply.usage else None
    return reply.lacks(Evidence.FRESH) and is_int(spent) and spent * BYTES_A_TOKEN < length
