"""What shows only in several requests: whether a model calls at all, and whose ids are taken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from conformance.model import Finding, Findings, NotApplicable, Outcome
from conformance.mutate import all_of, change, drop, edit
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import ChatReply, ErrorReply, Json, Refusal, Reply, a_text, objects
from conformance.suites._refusals import REFUSED, message_of
from conformance.suites._twins import Twin, twin
from conformance.suites.tools.choice import STREAMED_TEXT, TEXT, chooses, is_whole
from conformance.suites.tools.history import calling, calls_of
from conformance.suites.tools.request import refused

_USE: Final = re.compile(r"\buse ([\w-]{1,64})(?: for (both|each|all)\b)?", re.IGNORECASE)
_SEVERAL: Final = 2
_MOST: Final = 1000
"""How many ids of one exchange are kept."""
_FOREIGN: Final = re.compile(r"call_[A-Za-z0-9]{24}")
"""Ids as OpenAI makes them."""
_ID: Final = re.compile(
    r"\btool_call_ids?\b|\b(?:tool|call)[ _](?:call |use[ _])?ids?\b", re.IGNORECASE
)


def _told_to_use(reply: ChatReply) -> re.Match[str] | None:
    """Where a prompt says to use an offered tool, if the model is free to; ``[2]``: repeatedly.

    None where the prompt names no tool, and where an answer is not whole.
    """
    messages = [message for _, message in objects(reply.request, "messages")]
    asks = messages and messages[-1].get("role") == "user"
    if not asks or not chooses(reply) or not is_whole(reply):
        return None
    told = _USE.search(a_text(messages[-1].get("content")))
    return told if told and told[1] in reply.tools else None


@dataclass(frozen=True, slots=True)
class Called:
    """Whether an answer has calls, and whether it had to have some."""

    at: str
    called: bool
    forced: bool


def _called(reply: ChatReply) -> Called | None:
    forced = bool(reply.tools and (reply.tool_choice == "required" or reply.named_tool))
    if not reply.answers or not (forced or _told_to_use(reply)):
        return None
    answer = reply.answers[0]
    return Called(f"{answer.at}.message.tool_calls", bool(answer.calls), forced)


_ASKED: Final = change(
    "request.messages[0].content", lambda text: f"{text} Please use get_weather.", "the tool named"
)


@check(
    SHOULD,
    spec="ChatCompletionToolChoiceOption: auto",
    over=_called,
    broken_by=[
        TEXT.on("params.tools_asked"),
        all_of(_ASKED, STREAMED_TEXT).on("stream.tools_auto", "stream.tools_parallel"),
    ],
)
def auto_call_possible(facts: list[Fact[Called]]) -> Findings:
    """Free to call and told to use a tool, a model does so more often than not.

    Agents leave the choice to the model. It counts only where forced calls work.
    """
    told = [fact for fact in facts if not fact.value.forced]
    only_if(told, "no prompt says which tool to use")
    calls = sum(fact.value.called for fact in told)
    forced = any(fact.value.called for fact in facts if fact.value.forced)
    inconclusive_if(not forced and not calls, "not even a forced call was made")
    if calls * _SEVERAL <= len(told):
        for fact in told:
            if not fact.value.called:
                yield Finding(fact.value.at, want="a call", got="none", exchange=fact.exchange)


def _several(reply: ChatReply) -> Twin[tuple[str, int]] | None:
    told = _told_to_use(reply)
    if told is None or not told[2] or reply.request.get("parallel_tool_calls") is False:
        return None
    most = max(reply.answers, key=lambda answer: len(answer.calls), default=None)
    if most is None or not most.calls:
        return None
    return twin(reply, (f"{most.at}.message.tool_calls", len(most.calls)), "parallel_tool_calls")


def _first_only(delta: Json) -> Json:
    """A delta without what it has of a second call."""
    second = any(call.get("index") for _, call in objects(delta, "tool_calls"))
    return {} if second else delta


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.parallel_tool_calls",
    over=_several,
    breach=Outcome.IGNORED,
    broken_by=[
        drop("choices[0].message.tool_calls[1]").on("params.tools_both"),
        all_of(
            edit(
                "request.messages[0].content",
                "What is the weather in Rome and Bonn? Use get_weather for both.",
            ),
            change("events[*].choices[0].delta", _first_only, "the second call removed"),
        ).on("stream.tools_parallel"),
    ],
)
def parallel_multiple(facts: list[Fact[Twin[tuple[str, int]]]]) -> Findings:
    """Told to use a tool for each of two things, a model calls it twice in one answer.

    Each call in an answer of its own costs a round trip. Once is enough if asked several times.
    """
    only_if(facts, "no prompt asks for several calls")
    known = {fact.value.request for fact in facts if fact.value.value[1] >= _SEVERAL}
    for fact in facts:
        if fact.value.request not in known:
            at = fact.value.value[0]
            yield Finding(at, want="several calls", got="one call", exchange=fact.exchange)


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of calls that a reply made, those its request sent back, and what was said of them.

    ``complaint`` is "" where the request was answered, None where it failed for another reason.
    """

    made: tuple[str, ...]
    sent: tuple[str, ...]
    complaint: str | None


def _ids(reply: ChatReply | ErrorReply) -> Ids | None:
    answers = reply.answers if isinstance(reply, ChatReply) else []
    made = tuple(call.id for answer in answers for call in answer.calls if call.id)[:_MOST]
    sent = _sent(reply)[:_MOST]
    return Ids(made, sent, _complaint(reply)) if made or sent else None


def _sent(reply: Reply) -> tuple[str, ...]:
    try:
        return tuple(id_ for _, message in calling(reply) for id_ in calls_of(message))
    except NotApplicable:
        return ()


def _complaint(reply: ChatReply | ErrorReply) -> str | None:
    if not isinstance(reply, Refusal):
        return ""
    said = message_of(reply)
    return said if reply.status in REFUSED and _ID.search(said) else None


def _taken(facts: list[Fact[Ids]], reason: str) -> Findings:
    told = [fact for fact in facts if fact.value.complaint is not None]
    inconclusive_if(not told, reason)
    for fact in told:
        if fact.value.complaint:
            got = fact.value.complaint
            yield Finding("request.messages", want="accepted", got=got, exchange=fact.exchange)


@check(
    MUST,
    spec="ChatCompletionRequestToolMessage.tool_call_id",
    over=_ids,
    broken_by=[refused("Invalid tool_call_id.").on("chat.tool_own_id")],
)
def history_own_id_accepted(facts: list[Fact[Ids]]) -> Findings:
    """The ids that a server gave its calls are accepted back.

    Otherwise no agent gets to its second turn.
    """
    own = {id_ for fact in facts for id_ in fact.value.made}
    back = [fact for fact in facts if fact.value.sent and own.issuperset(fact.value.sent)]
    only_if(back, "no call of its own was sent back")
    yield from _taken(back, "the requests failed for another reason")


@check(
    SHOULD,
    spec="ChatCompletionRequestToolMessage.tool_call_id",
    over=_ids,
    broken_by=[
        refused("Tool call id must be a-z, A-Z, 0-9, with a length of 9.").on("chat.tool_result")
    ],
)
def history_foreign_id_accepted(facts: list[Fact[Ids]]) -> Findings:
    """Ids that another server gave its calls, call_ and 24 characters, are accepted.

    Clients change providers in the middle of a conversation.
    """
    own = {id_ for fact in facts for id_ in fact.value.made}
    others = [
        fact
        for fact in facts
        if own.isdisjoint(sent := fact.value.sent) and sent and all(map(_FOREIGN.fullmatch, sent))
    ]
    only_if(others, "no call of another server was sent")
    yield from _taken(others, "the requests failed for another reason")
