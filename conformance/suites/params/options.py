"""Parameters that may have no effect, and those nobody has heard of."""

from __future__ import annotations

from typing import Final

from conformance.model import MISSING, Finding, Findings, Outcome
from conformance.mutate import all_of, drop, edit
from conformance.registry import MAY, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    ChatCompletion,
    ChatReply,
    ChatStream,
    Endpoint,
    ErrorReply,
    Reply,
    a_text,
    an_object,
    is_int,
)
from conformance.suites._refusals import (
    REFUSED,
    bare,
    blames,
    crash,
    crashed,
    message_of,
    refusal,
    sent,
)

OPTIONAL: Final = (
    *("audio", "metadata", "modalities", "prediction", "prompt_cache_key", "safety_identifier"),
    *("service_tier", "store", "verbosity", "web_search_options"),
)
"""What a smaller server need not have."""
KNOWN: Final = frozenset(
    (
        *OPTIONAL,
        *("frequency_penalty", "function_call", "functions", "logit_bias", "logprobs"),
        *("max_completion_tokens", "max_tokens", "messages", "model", "moderation", "n"),
        *("parallel_tool_calls", "presence_penalty", "prompt_cache_retention", "reasoning_effort"),
        *("response_format", "seed", "stop", "stream", "stream_options", "temperature"),
        *("tool_choice", "tools", "top_logprobs", "top_p", "user"),
    )
)
"""The members of CreateChatCompletionRequest."""
MADE_UP: Final = "zzz"
"""How the names of parameters begin that nobody has."""
THOUGHTS: Final = ("reasoning_content", "reasoning")
"""Where servers put the text of thoughts."""


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.n",
    breach=Outcome.IGNORED,
    broken_by=[drop("choices[1]").on("chat.n2")],
)
def n_two(reply: ChatCompletion) -> Findings:
    """An n above 1 gives more than one choice.

    Code that compares candidates, or votes, has nothing to compare.
    """
    n = sent(reply, "n")
    only_if(is_int(n) and n > 1 and reply.choices, "n is not above 1")
    if len(reply.choices) == 1:
        yield Finding("choices", want=f"{n} choices", got="1 choice")


@check(
    SHOULD,
    spec="CompletionUsage.completion_tokens",
    broken_by=[
        all_of(edit("usage.completion_tokens", 30), edit("usage.total_tokens", 46)).on("chat.n2")
    ],
)
def n_usage(reply: ChatReply) -> Findings:
    """completion_tokens counts all choices.

    The bill doesn't match the tokens that were counted.
    """
    spent = reply.usage[1].get("completion_tokens") if reply.usage else None
    only_if(len(reply.answers) > 1 and is_int(spent), "there is one choice, or no count")
    # Every word is a token at least.
    words = sum(len(answer.text.split()) for answer in reply.answers)
    if is_int(spent) and spent < words and reply.usage:
        at = f"{reply.usage[0]}.completion_tokens"
        yield Finding(at, want=f"enough for the {words} words of all choices", got=spent)


@check(
    MAY,
    spec="CreateChatCompletionRequest",
    covers=[f"params.{name}.no_crash" for name in OPTIONAL if name != "store"],
    broken_by=[
        all_of(edit(f"request.{name}", "x"), crashed()).on("chat.basic").also(*also)
        for name, also in (("store", ("params.type_error_400",)), ("verbosity", ()))
    ],
)
def store_no_crash(reply: Reply) -> Findings:
    """A parameter for what a server lacks is ignored or refused, but crashes nothing.

    The SDKs send a request that failed with 500 again.
    """
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat request")
    names = [name for name in OPTIONAL if name in reply.request]
    only_if(names, "no such parameter was sent")
    yield from crash(reply, *names)


@check(
    MAY,
    spec="CreateChatCompletionRequest.functions",
    broken_by=[
        all_of(edit("request.tools", []), edit("request.functions", []), crashed()).on("chat.basic")
    ],
)
def deprecated_functions_and_tools(reply: Reply) -> Findings:
    """Functions together with tools are taken or refused, but crash nothing.

    The SDKs send a request that failed with 500 again.
    """
    both = "functions" in reply.request and "tools" in reply.request
    only_if(reply.endpoint is Endpoint.CHAT and both, "not both were sent")
    yield from crash(reply, "functions", "tools", "function_call", "tool_choice")


@check(
    SHOULD,
    spec="measured: OpenAI refuses an unknown parameter with 400",
    covers=["params.unknown.null_value", "params.extra_body.not_nested"],
    broken_by=[
        edit("status", 500).on("errors.unknown_parameter"),
        all_of(edit("request.extra_body", {"top_k": 1}), crashed()).on("chat.basic"),
    ],
)
def unknown_reject_or_ignore(reply: Reply) -> Findings:
    """A parameter nobody has heard of is ignored or refused, but crashes nothing.

    The SDKs send a request that failed with 500 again.
    """
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat request")
    names = reply.request.keys() - KNOWN
    only_if(names, "every parameter is known")
    yield from crash(reply, *names)


def _made_up(reply: Reply) -> str:
    """The one parameter of a chat request that is made up, as its name shows."""
    names = [name for name in reply.request if name.startswith(MADE_UP)]
    only_if(reply.endpoint is Endpoint.CHAT and len(names) == 1, "no parameter is made up")
    only_if(bare(reply, "temperature", *names), "the request has other parameters too")
    return names[0]


# Whether to refuse is a server's own policy. Where it does, what it takes it knows; where it
# doesn't, nobody can tell a parameter that has no effect from one that was never read.
@check(
    MAY,
    spec="measured: OpenAI refuses an unknown parameter with 400",
    breach=Outcome.LENIENT,
    broken_by=[edit("request.zzz_unknown", 1).on("chat.basic")],
)
def unknown_refused(reply: Reply) -> Findings:
    """A parameter that was made up is refused with 400.

    A misspelt parameter is noticed at once, not when its effect is missed.
    """
    _made_up(reply)
    yield from refusal(reply)


@check(
    SHOULD,
    spec="measured: OpenAI names the unknown parameter",
    broken_by=[
        edit("error", {"message": "No.", "type": "x", "param": None, "code": None}).on(
            "errors.unknown_parameter"
        )
    ],
)
def unknown_named(reply: ErrorReply) -> Findings:
    """The refusal of an unknown parameter names it.

    Of a dozen parameters one is to go, and the user has to find out which.
    """
    name = _made_up(reply)
    only_if(reply.status in REFUSED, "it was not refused for that")
    inconclusive_if(not reply.error, "there is no error object")
    if not blames(reply, name) and name not in message_of(reply):
        yield Finding("error.message", want=f"the name {name}", got=message_of(reply))


@check(
    MAY,
    spec="CreateChatCompletionResponse.service_tier",
    broken_by=[all_of(edit("request.service_tier", "auto"), drop("service_tier")).on("chat.basic")],
)
def service_tier_echo(reply: ChatCompletion) -> Findings:
    """An answer names its service_tier when the request did.

    It is the only way to tell which tier served, and was paid for.
    """
    sent(reply, "service_tier")
    if reply.body.get("service_tier") is None:
        yield Finding("service_tier", want="the tier", got=reply.body.get("service_tier", MISSING))


@check(
    SHOULD,
    spec="CompletionUsage.completion_tokens_details.reasoning_tokens",
    broken_by=[
        edit("choices[0].message.reasoning_content", "Let me count.").on("chat.basic"),
    ],
)
def reasoning_tokens_reported(reply: ChatReply) -> Findings:
    """Thoughts that are shown are counted in reasoning_tokens.

    They are paid for, and can't be told from the answer's tokens otherwise.
    """
    only_if(reply.usage, "there is no usage")
    at, usage = reply.usage or ("", {})
    tokens = an_object(usage.get("completion_tokens_details")).get("reasoning_tokens", MISSING)
    shown = any(_thinks(one) for one in _messages(reply))
    only_if(shown or tokens == 0, "no thoughts are shown")
    if shown and (not is_int(tokens) or tokens <= 0):
        place = f"{at}.completion_tokens_details.reasoning_tokens"
        yield Finding(place, want="above 0", got=tokens)


def _messages(reply: ChatReply) -> list[dict[str, object]]:
    if isinstance(reply, ChatStream):
        return [delta for _, _, delta in reply.deltas]
    return [an_object(choice.get("message")) for _, choice in reply.choices]


def _thinks(message: dict[str, object]) -> bool:
    return any(a_text(message.get(name)) for name in THOUGHTS)
