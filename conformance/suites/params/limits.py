"""max_tokens and max_completion_tokens."""

from __future__ import annotations

import re
from typing import Final

from conformance import jsontext
from conformance.dialects import meaning
from conformance.model import Evidence, Finding, Findings, Outcome, Request
from conformance.mutate import DoesNotFit, Mutant, all_of, by_request, change, edit
from conformance.registry import MAY, MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import ChatCompletion, ChatReply, Json, Reply, an_object, is_int
from conformance.suites._refusals import refusal, sent

LIMITS: Final = ("max_tokens", "max_completion_tokens")
COUNTED: Final = "the provider kept to the limit: the count is the adapter's own"
SHORT: Final = 256
"""Completion tokens: a default limit at or below this is one nobody asked for."""
ROOMY: Final = 2_000
"""Total tokens that any model has room for."""
_UNFINISHED: Final = re.compile(r"[\w,;:(\[{<-]\s*$")
"""How a text that ended of itself hardly ends."""
_MID_SENTENCE: Final = re.compile(
    r"[,;(\[{]\s*$|[a-z][.!?]\s[^\n.!?]*[a-z],?\s[^\n.!?]*\b[a-z]+\s+[a-z]+\s+[a-z]+\s*$"
)
"""How even one of thousands of texts hardly ends: after a comma, or in the middle of a sentence
that follows another. A word or a list that a stranger asked for may well end at the limit."""
_OTHER_LIMIT: Final = re.compile("max|predict|length|budget|limit|options|parameters")
"""Names of limits in dialects of the API, and of objects that hold some."""
SHORTEST: Final = 5
"""Tokens of a limit that cuts whatever a question deserves as an answer."""


def _spent(reply: ChatReply) -> tuple[int, int]:
    """The completion tokens of an answer, and how many of them were thoughts."""
    usage = reply.usage[1] if reply.usage else {}
    spent = usage.get("completion_tokens")
    if not is_int(spent):
        # Without a count: every word is a token at least.
        return sum(len(answer.text.split()) for answer in reply.answers), 0
    details = an_object(usage.get("completion_tokens_details"))
    thoughts, rejected = details.get("reasoning_tokens"), details.get("rejected_prediction_tokens")
    # What the client predicted wrongly is billed with the answer, which it isn't part of.
    spent -= rejected if is_int(rejected) and 0 < rejected <= spent else 0
    # Some count thoughts apart: then there may be more of them than of all tokens.
    return spent, thoughts if is_int(thoughts) and 0 < thoughts <= spent else 0


def limit_reached(reply: ChatReply) -> bool:
    """Whether an answer has as many tokens as it may have."""
    limits = [limit for name in LIMITS if is_int(limit := reply.request.get(name)) and limit > 0]
    return bool(limits) and _spent(reply)[0] >= min(limits)


def _limit(reply: ChatReply, name: str) -> int:
    limit = sent(reply, name)
    only_if(is_int(limit) and limit > 0, f"{name} is not a limit")
    return int(limit)


def _allowed(reply: ChatReply, limit: int) -> int:
    """The limit for all choices, one token more for each: the one that ends a text."""
    n = reply.request.get("n")
    return (limit + 1) * (n if is_int(n) and n > 1 else 1)


def _overrun(reply: ChatReply, limit: int, spent: int) -> Findings:
    if spent > _allowed(reply, limit):
        at = f"{reply.usage[0]}.completion_tokens" if reply.usage else "choices"
        yield Finding(at, want=f"at most {limit}", got=spent)


def _kept_beyond(reply: ChatReply, limit: int) -> bool:
    """Whether the provider behind an adapter kept to the limit, or does not count at all."""
    upstream = reply.exchange.upstream
    said = meaning(upstream[-1]) if upstream else None
    if said is None:
        return False
    return said.usage[1] <= limit if said.usage else said.finish != "stop"


def _beyond(request: Request) -> Mutant:
    """The edit that lets an answer cost more than its limit."""
    limit = an_object(jsontext.parse(request.body).value).get("max_tokens")
    if not is_int(limit):
        raise DoesNotFit("there is no limit")

    def spent(usage: Json) -> Json:
        most = 2 * limit + 1
        return {**usage, "completion_tokens": most, "total_tokens": usage["prompt_tokens"] + most}

    return change("usage", spent, "more tokens")


@check(
    MUST,
    spec="CreateChatCompletionRequest.max_tokens",
    covers=["chat.usage.completion_le_max"],
    breach=Outcome.IGNORED,
    broken_by=[
        by_request(_beyond, "usage.completion_tokens and total_tokens beyond the limit").on(
            "chat.length"
        )
    ],
)
def max_tokens_honoured(reply: ChatReply) -> Findings:
    """An answer has no more tokens than max_tokens allows.

    The client pays for what it refused, and waits for it.
    """
    only_if("max_completion_tokens" not in reply.request, "its successor was given as well")
    limit = _limit(reply, "max_tokens")
    inconclusive_if(_kept_beyond(reply, limit), COUNTED)
    spent, thoughts = _spent(reply)
    yield from _overrun(reply, limit, spent - thoughts)
    over = spent - thoughts <= _allowed(reply, limit) < spent
    inconclusive_if(over, "thoughts may not count: max_completion_tokens is the limit for them")


@check(
    MUST,
    spec="CreateChatCompletionRequest.max_completion_tokens",
    covers=["params.max_completion_tokens.both"],
    breach=Outcome.IGNORED,
    broken_by=[
        all_of(edit("usage.completion_tokens", 55), edit("usage.total_tokens", 71)).on(
            "chat.max_completion_tokens"
        )
    ],
)
def max_completion_tokens_honoured(reply: ChatReply) -> Findings:
    """An answer has no more tokens, thoughts included, than max_completion_tokens allows.

    The client pays for what it refused, and waits for it.
    """
    limit = _limit(reply, "max_completion_tokens")
    inconclusive_if(_kept_beyond(reply, limit), COUNTED)
    yield from _overrun(reply, limit, _spent(reply)[0])


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices.finish_reason",
    broken_by=[edit("choices[0].finish_reason", "stop").on("chat.length")],
)
def max_tokens_finish_length(reply: ChatCompletion) -> Findings:
    """An answer that the token limit cut finishes with length.

    The client takes half an answer, or half a JSON text, for the whole.
    """
    limits = [limit for name in LIMITS if is_int(limit := reply.request.get(name)) and limit > 0]
    only_if(limits, "there is no limit")
    only_if(len(reply.answers) == 1, "there are several choices")
    (answer,) = reply.answers
    only_if(answer.finish_reason in ("stop", "length") and not answer.calls, "it ended otherwise")
    only_if(not reply.request.get("stop"), "a stop sequence may have ended it")
    kind = an_object(reply.request.get("response_format")).get("type", "text")
    only_if(kind == "text", "cut JSON is structured.length_detectable's")
    spent, limit = _spent(reply)[0], min(limits)
    only_if(spent >= limit or answer.finish_reason == "length", "the limit was not reached")
    inconclusive_if(spent > limit + 1, "the limit was ignored: params.max_tokens_honoured")
    inconclusive_if(limit < SHORTEST, "so few tokens may be all there was to say")
    if answer.finish_reason == "stop":
        unfinished = _MID_SENTENCE if reply.lacks(Evidence.FRESH) else _UNFINISHED
        inconclusive_if(not unfinished.search(answer.text), "it may have ended of itself")
        yield Finding(f"{answer.at}.finish_reason", want="length", got="stop")


# OpenAI's own gpt-4-vision-preview stopped after 16 tokens, hence only MAY.
@check(
    MAY,
    spec="CreateChatCompletionRequest.max_tokens",
    broken_by=[
        all_of(
            edit("choices[0].finish_reason", "length"),
            edit("usage.completion_tokens", 16),
            edit("usage.total_tokens", 32),
        ).on("chat.basic")
    ],
)
def max_tokens_default_unbounded(reply: ChatCompletion) -> Findings:
    """Without a limit, an answer is not cut after a few tokens.

    Nobody who didn't set a limit looks for one.
    """
    only_if(reply.request, "the request is not known")
    only_if(not any(_OTHER_LIMIT.search(name) for name in reply.request), "there may be a limit")
    total = reply.usage[1].get("total_tokens") if reply.usage else None
    only_if(is_int(total) and total < ROOMY, "the context may have been full")
    spent = _spent(reply)[0]
    for answer in reply.answers:
        if answer.finish_reason == "length" and spent <= SHORT:
            want = f"stop, or more than {SHORT} tokens"
            yield Finding(f"{answer.at}.finish_reason", want=want, got="length")


@check(
    SHOULD,
    spec="measured: OpenAI refuses limits below 1",
    control="params.max_tokens_accepted",
    broken_by=[edit("request.max_tokens", 0).on("chat.basic")],
)
def max_tokens_zero_400(reply: Reply) -> Findings:
    """max_tokens: 0 is refused with 400.

    An empty answer, or an endless one, hides the mistake.
    """
    limit = sent(reply, "max_tokens")
    only_if(is_int(limit) and limit == 0, "max_tokens is not 0")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="measured: OpenAI refuses limits below 1",
    control="params.max_tokens_accepted",
    broken_by=[edit("request.max_tokens", -1).on("chat.basic")],
)
def max_tokens_negative_400(reply: Reply) -> Findings:
    """A negative max_tokens is refused with 400.

    Some servers take -1 for no limit at all, and the bill follows.
    """
    limit = sent(reply, "max_tokens")
    only_if(is_int(limit) and limit < 0, "max_tokens is not negative")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.max_tokens",
    control="params.max_tokens_accepted",
    broken_by=[edit("request.max_tokens", "5").on("chat.basic")],
)
def max_tokens_string_400(reply: Reply) -> Findings:
    """max_tokens written as a string is refused with 400.

    Whether the limit is kept, nobody can tell.
    """
    only_if(isinstance(sent(reply, "max_tokens"), str), "max_tokens is not a string")
    yield from refusal(reply)
