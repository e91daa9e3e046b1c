"""What the parameters of a text completion promise, seen in its reply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from conformance.model import Finding, Findings, Outcome
from conformance.mutate import all_of, change, drop, edit
from conformance.registry import MAY, MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    Completion,
    CompletionStream,
    Endpoint,
    ErrorReply,
    Refusal,
    Reply,
    TextReply,
    a_list,
    a_text,
    an_object,
    is_int,
)
from conformance.suites._refusals import (
    acceptance,
    crash,
    crashed,
    message_of,
    refusal,
    refused_for,
)
from conformance.suites.stream.n import choices_asked

Text = Completion | CompletionStream
SHORT = 1000
"""How many characters no server can find too many."""
OTHER_REASON: Final = re.compile(
    r"support|model|token|length|long|large|echo|suffix|best_of|flagged|polic|safety|violat"
)
"""What a refusal says that mentions the prompt, but isn't about its form."""
SEVERAL = 2
"""From how many on the number of choices tells whether a parameter was honoured."""


def _one_each(reply: Text) -> Findings:
    want, got = reply.prompts * choices_asked(reply), len(reply.answers)
    inconclusive_if(isinstance(reply, CompletionStream) and reply.interrupted, "it broke off")
    if got != want:
        yield Finding("choices", want=f"{want} choices", got=f"{got} choices")


@check(
    SHOULD,
    spec="CreateCompletionRequest.n",
    broken_by=[drop("choices[-1]")],
    breach=Outcome.IGNORED,
)
def n(reply: Text) -> Findings:
    """There are n choices.

    A client that asked for two candidates compares one with nothing.
    """
    only_if(choices_asked(reply) >= SEVERAL and reply.prompts == 1, "n was not above 1")
    yield from _one_each(reply)


@check(SHOULD, spec="CreateCompletionRequest.prompt", broken_by=[drop("choices[-1]")])
def prompt_array_strings(reply: Text) -> Findings:
    """An array of prompts gets n choices for each prompt.

    A client that sends prompts in batches loses the answers to all but the first.
    """
    only_if(reply.prompts >= SEVERAL, "there was one prompt")
    yield from _one_each(reply)


@check(
    MUST,
    spec="CreateCompletionRequest.prompt",
    broken_by=[refused_for("prompt").on("completions.basic")],
)
def prompt_string(reply: TextReply | ErrorReply) -> Findings:
    """A prompt that is a string is accepted.

    It is the form of every first example.
    """
    prompt = a_text(reply.request.get("prompt"))
    asked = reply.endpoint is Endpoint.COMPLETIONS and prompt.strip() and len(prompt) < SHORT
    only_if(asked, "the prompt is not a short string")
    if isinstance(reply, Refusal):
        other = OTHER_REASON.search(message_of(reply).lower())
        inconclusive_if(other, "the refusal is not about the form of the prompt")
    yield from acceptance(reply, "prompt")


def _tokens(reply: Reply, *, nested: bool) -> Findings:
    """A finding where a prompt of tokens, or of arrays of them, crashes the server."""
    prompt = a_list(reply.request.get("prompt"))
    asked = reply.endpoint is Endpoint.COMPLETIONS and bool(prompt)
    only_if(
        asked and all(isinstance(one, list) if nested else is_int(one) for one in prompt),
        "it is text",
    )
    yield from crash(reply, "prompt")


@check(
    MAY,
    spec="CreateCompletionRequest.prompt",
    broken_by=[all_of(edit("request.prompt", [1, 22, 333]), crashed()).on("completions.basic")],
)
def prompt_tokens(reply: TextReply | ErrorReply) -> Findings:
    """A prompt that is an array of tokens is accepted or refused, and does not crash the server.

    Evaluation harnesses send tokens.
    """
    yield from _tokens(reply, nested=False)


@check(
    MAY,
    spec="CreateCompletionRequest.prompt",
    broken_by=[all_of(edit("request.prompt", [[1, 22], [333]]), crashed()).on("completions.array")],
)
def prompt_token_arrays(reply: TextReply | ErrorReply) -> Findings:
    """A prompt of several arrays of tokens is accepted or refused, and does not crash the server.

    Evaluation harnesses send tokens, several prompts at once.
    """
    yield from _tokens(reply, nested=True)


def _prompts(reply: Text) -> list[str]:
    prompt = reply.request.get("prompt")
    return [a_text(one) for one in prompt] if isinstance(prompt, list) else [a_text(prompt)]


@check(
    SHOULD,
    spec="CreateCompletionRequest.echo",
    broken_by=[edit("choices[0].text", "")],
    breach=Outcome.IGNORED,
)
def echo(reply: Text) -> Findings:
    """With echo, the text starts with the prompt.

    Evaluation harnesses score the prompt's own tokens this way.
    """
    only_if(reply.request.get("echo") is True, "no echo was asked for")
    prompts, each = _prompts(reply), choices_asked(reply)
    only_if(prompts and all(prompts), "a prompt was not text")
    for answer in reply.answers:
        prompt = prompts[min(max(answer.index, 0) // each, len(prompts) - 1)]
        if not answer.text.startswith(prompt):
            yield Finding(
                f"{answer.at}.text", want=f"text that starts with {prompt[:60]!r}", got=answer.text
            )


@check(
    SHOULD,
    spec="CreateCompletionRequest.echo",
    broken_by=[
        edit("choices[0].logprobs.token_logprobs[0]", -1.5),
        edit("choices[0].logprobs.tokens", ["a"]).also("completions.logprobs_shape"),
    ],
)
def echo_logprobs(reply: Completion) -> Findings:
    """With echo and logprobs, every token of the prompt has an entry, and the first one's is null.

    An evaluation harness that finds the generated tokens only scores at chance.
    """
    echoed = reply.request.get("echo") is True and is_int(reply.request.get("logprobs"))
    only_if(echoed, "no echo with log probabilities was asked for")
    only_if(len(reply.choices) == 1 and reply.usage, "there are several choices, or no usage")
    at, choice = reply.choices[0]
    logprobs = an_object(choice.get("logprobs"))
    only_if(logprobs, "the reply has no log probabilities")
    total = reply.usage[1].get("total_tokens") if reply.usage else None
    tokens = a_list(logprobs.get("tokens"))
    if is_int(total) and len(tokens) != total:
        yield Finding(f"{at}.logprobs.tokens", want=f"{total} tokens", got=f"{len(tokens)} tokens")
    first = next(iter(a_list(logprobs.get("token_logprobs"))), None)
    if first is not None:
        yield Finding(f"{at}.logprobs.token_logprobs[0]", want=None, got=first)


def _stops(reply: Reply) -> Iterator[str]:
    stop = reply.request.get("stop")
    return (
        one for one in islice([stop] if isinstance(stop, str) else a_list(stop), 16) if a_text(one)
    )


@check(
    MUST,
    spec="CreateCompletionRequest.stop",
    broken_by=[change("request.stop", lambda _: " ", "request.stop is in the text")],
    breach=Outcome.IGNORED,
)
def stop(reply: Text) -> Findings:
    """The text holds none of the stop sequences.

    Clients parse what comes before them; with the sequence in it, text of the next turn follows.
    """
    only_if(any(_stops(reply)), "no stop sequence was given")
    only_if(reply.request.get("echo") is not True, "the text starts with the prompt")
    for answer in reply.answers:
        for sequence in _stops(reply):
            if sequence in answer.text:
                yield Finding(f"{answer.at}.text", want=f"no {sequence!r}", got=answer.text)
                break


@check(
    MAY,
    spec="CreateCompletionRequest.best_of",
    broken_by=[edit("request.best_of", 2).on("completions.stream")],
    breach=Outcome.LENIENT,
)
def best_of_stream_400(reply: TextReply | ErrorReply) -> Findings:
    """A stream of the best of several candidates is refused with 400.

    It cannot be known which is best before all are finished.
    """
    best_of = reply.request.get("best_of")
    only_if(reply.endpoint is Endpoint.COMPLETIONS and reply.asked_to_stream, "not a stream")
    only_if(is_int(best_of) and best_of > choices_asked(reply), "there was no choice to make")
    yield from refusal(reply)


@check(
    MAY,
    spec="CreateCompletionRequest.best_of",
    broken_by=[edit("request.best_of", 1).on("completions.n2")],
    breach=Outcome.LENIENT,
)
def best_of_lt_n_400(reply: TextReply | ErrorReply) -> Findings:
    """A best_of below n is refused with 400.

    There are not that many candidates to choose from.
    """
    best_of = reply.request.get("best_of")
    only_if(reply.endpoint is Endpoint.COMPLETIONS, "not a completion")
    only_if(is_int(best_of) and 0 < best_of < choices_asked(reply), "best_of is not below n")
    yield from refusal(reply)


@check(
    MAY,
    spec="CreateCompletionRequest.max_tokens",
    broken_by=[edit("usage.completion_tokens", 3).also("completions.usage")],
    breach=Outcome.IGNORED,
)
def max_tokens_zero(reply: Completion) -> Findings:
    """With max_tokens 0 nothing is generated.

    It scores a prompt without paying for an answer.
    """
    asked = reply.request.get("max_tokens")
    only_if(is_int(asked) and asked == 0, "max_tokens was not 0")
    only_if(reply.usage, "nothing was counted")
    count = reply.usage[1].get("completion_tokens") if reply.usage else None
    if count != 0:
        yield Finding("usage.completion_tokens", want=0, got=count)
