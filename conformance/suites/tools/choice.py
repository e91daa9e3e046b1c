"""Whether ``tool_choice`` and its relatives have their effect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from conformance import dialects
from conformance.dialects import Refused
from conformance.model import MISSING, Evidence, Finding, Findings, Outcome, Request
from conformance.mutate import all_of, change, drop, edit
from conformance.registry import MAY, MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    Answer,
    ChatReply,
    Json,
    a_text,
    an_object,
    is_int,
    objects,
)
from conformance.suites.chat.usage import BYTES_A_TOKEN
from conformance.suites.tools.call import FIRST, NO_CALL


def _without_calls(delta: Json) -> Json:
    return {name: value for name, value in delta.items() if name != "tool_calls"}


TEXT: Final = all_of(
    drop("choices[0].message.tool_calls"),
    edit("choices[0].message.content", "Hello!"),
    edit("choices[0].finish_reason", "stop"),
)
"""Text in place of calls."""
STREAMED_TEXT: Final = all_of(
    edit("events[0].choices[0].delta.content", "Hello!"),
    change("events[*].choices[0].delta", _without_calls, "without tool calls"),
    change("events[*].choices[0].finish_reason", lambda old: old and "stop", "stop at the end"),
)
"""The same in a stream."""
IN_WORDS: Final = "the provider's API knows no tools: it was told of them in the prompt"
_CALLS: Final = "stream.tool_same_as_nonstream"
_HELLO: Final = re.compile(r"\s*say (?:hi|hello|ok)\W{0,3}", re.IGNORECASE)
_ANSWERS: Final = re.compile(r"answer|final|output|reply|respon|result", re.IGNORECASE)
_ENDED: Final = ("stop", "tool_calls", "function_call")


def _told_in_words(reply: ChatReply) -> bool:
    """Whether an adapter wrote the tools into the prompt, of an API that knows none."""
    return any(
        name.encode() in one.request.body and not _offers(one.request)
        for one in reply.exchange.upstream
        for name in reply.tools
    )


def _offers(request: Request) -> bool:
    """Whether a request to a provider has tools, in whatever words."""
    dialect = dialects.of(request)
    try:
        return dialect is None or bool(dialect.asked(request).get("tools"))
    except Refused:
        return True


@check(
    MUST,
    spec="ChatCompletionToolChoiceOption: none",
    broken_by=[edit("request.tool_choice", "none").on("chat.tools_auto")],
    breach=Outcome.IGNORED,
    control="tools.auto_call_possible",
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
    SHOULD,
    spec="ChatCompletionToolChoiceOption: auto",
    broken_by=[edit("request.tool_choice", "auto").on("chat.tools_required")],
)
def auto_text_possible(reply: ChatReply) -> Findings:
    """Free to call, a model that is only told to say hi calls nothing.

    Otherwise an agent runs tools that nobody asked for, and never comes to an end.
    """
    only_if(reply.tools and chooses(reply), "the choice was not free")
    # A tool that hands over the answer, as some frameworks offer, is one to call for a word.
    answers = any(
        _ANSWERS.search(f"{t['name']} {t.get('description')}") for t in reply.tools.values()
    )
    only_if(not answers, "a tool takes the answer")
    messages = [message for _, message in objects(reply.request, "messages")]
    said = a_text(messages[-1].get("content")) if messages else ""
    only_if(_HELLO.fullmatch(said), "the prompt asks for more than a word")
    yield from _forbidden(reply)


@check(
    MUST,
    spec="ChatCompletionToolChoiceOption: required",
    broken_by=[TEXT.on("chat.tools_required").also(_CALLS)],
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
    inconclusive_if(_told_in_words(reply), IN_WORDS)
    for answer in free(reply):
        if not answer.calls:
            yield Finding(f"{answer.at}.message.tool_calls", want="a call", got=MISSING)


@check(
    MUST,
    spec="ChatCompletionNamedToolChoice",
    broken_by=[
        edit(f"{FIRST}.function.name", "get_weather").on("chat.tools_named").also(_CALLS),
        TEXT.on("chat.tools_named").also(_CALLS),
    ],
    breach=Outcome.IGNORED,
)
def named_calls(reply: ChatReply) -> Findings:
    """With a tool named in tool_choice, that tool is called and no other.

    It is how clients get structured data; another tool's arguments fit nothing.
    """
    wanted = a_text(reply.named_tool)
    only_if(wanted in reply.tools, "tool_choice names no offered tool")
    inconclusive_if(_told_in_words(reply), IN_WORDS)
    for answer in free(reply):
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
    control="tools.parallel_multiple",
)
def parallel_false_honoured(reply: ChatReply) -> Findings:
    """With parallel_tool_calls false, no more than one tool is called.

    Clients that run one tool at a time drop the others.
    """
    asked = reply.request.get("parallel_tool_calls") is False and reply.request.get("tools")
    only_if(asked, "parallel_tool_calls is not false")
    for answer in free(reply):
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
    broken_by=[TEXT.on("chat.tools_allowed")],
    breach=Outcome.IGNORED,
)
def allowed_tools_required(reply: ChatReply) -> Findings:
    """With allowed_tools in mode required, at least one tool is called.

    Clients force a call to get data, and then have text that they can't use.
    """
    _allowed(reply)
    mode = an_object(an_object(reply.tool_choice).get("allowed_tools")).get("mode")
    only_if(mode == "required", "the mode is not required")
    for answer in free(reply):
        if not answer.calls:
            yield Finding(f"{answer.at}.message.tool_calls", want="a call", got=MISSING)


def _allowed(reply: ChatReply) -> set[str]:
    """The names that ``allowed_tools`` lists. Raises NotApplicable."""
    listed = objects(an_object(an_object(reply.tool_choice).get("allowed_tools")), "tools")
    names = {a_text(an_object(tool.get("function")).get("name")) for _, tool in listed} - {""}
    only_if(names, "tool_choice allows no list of tools")
    return names


def _forbidden(reply: ChatReply) -> Findings:
    for call in (call for answer in reply.answers for call in answer.calls):
        # Some servers fill in an empty function_call where there is none.
        if call.name or not call.legacy:
            yield Finding(call.at, want="no call", got=call.name)


def free(reply: ChatReply) -> Iterator[Answer]:
    """The answers that were not cut short or refused, each of which could call a tool.

    Raises Inconclusive at the first that was.
    """
    inconclusive_if(_was_edited(reply), "the text is too long for its tokens: it was edited")
    for answer in reply.answers:
        # Without an end there is no telling what was still to come.
        ended = answer.finish_reason in _ENDED
        inconclusive_if(not ended, f"the answer ended with {answer.finish_reason!r:.40}")
        inconclusive_if(answer.refusal, "the model refused")
        yield answer


def chooses(reply: ChatReply) -> bool:
    """Whether a request leaves it to the model to call."""
    free_ways = (None, "auto")
    return reply.tool_choice in free_ways and reply.request.get("function_call") in free_ways


def is_whole(reply: ChatReply) -> bool:
    """Whether every answer came to its end, and none was refused or edited."""
    ended = all(one.finish_reason in _ENDED and not one.refusal for one in reply.answers)
    return ended and not _was_edited(reply)


def _was_edited(reply: ChatReply) -> bool:
    """Whether somebody put a text of their own into a recorded answer, as people do."""
    length = sum(len(answer.text) for answer in reply.answers)
    spent = reply.usage[1].get("completion_tokens") if reply.usage else None
    return reply.lacks(Evidence.FRESH) and is_int(spent) and spent * BYTES_A_TOKEN < length
