"""Parameters that an endpoint takes, or refuses although the API has them.

A refusal is an honest answer of a smaller server, so its outcome is rejected, not fail.
"""

from __future__ import annotations

from typing import Any, Final

from conformance.model import Findings, Outcome
from conformance.mutate import Mutant, all_of, edit
from conformance.registry import MUST, SHOULD, check, only_if
from conformance.replies import ChatReply, ErrorReply, is_int, is_number
from conformance.suites._refusals import acceptance, refused_for, sent
from conformance.suites.params.limits import LIMITS

Answered = ChatReply | ErrorReply

MODEST: Final = range(1, 4_097)
"""Limits that fit any model."""
MOST_LIKELY: Final = 20
"""The largest top_logprobs."""
STRONGEST: Final = 100
"""The largest bias."""
LONGEST_USER: Final = 64
"""How many characters OpenAI lets a user have."""


def _refused(name: str, value: Any) -> Mutant:
    return all_of(edit(f"request.{name}", value), refused_for(name)).on("chat.basic")


def _takes(reply: Answered, name: str, value: float) -> Findings:
    got = sent(reply, name)
    only_if(is_number(got) and got == value, f"{name} is not {value}")
    yield from acceptance(reply, name)


def _takes_limit(reply: Answered, name: str) -> Findings:
    only_if(sent(reply, name) in MODEST, "the limit may not fit the model")
    both = all(reply.request.get(one) is not None for one in LIMITS)
    only_if(not both, "two limits may well be refused")
    yield from acceptance(reply, name)


def _takes_penalty(reply: Answered, name: str) -> Findings:
    got = sent(reply, name)
    only_if(is_number(got) and got and abs(got) <= 2, f"{name} is not in use")  # noqa: PLR2004  # of its range
    yield from acceptance(reply, name)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.max_tokens",
    breach=Outcome.REJECTED,
    broken_by=[_refused("max_tokens", 50)],
)
def max_tokens_accepted(reply: Answered) -> Findings:
    """max_tokens is accepted.

    Most clients still send the deprecated name.
    """
    yield from _takes_limit(reply, "max_tokens")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.max_completion_tokens",
    breach=Outcome.REJECTED,
    broken_by=[_refused("max_completion_tokens", 50)],
)
def max_completion_tokens_accepted(reply: Answered) -> Findings:
    """max_completion_tokens is accepted.

    Clients made for current OpenAI models send this name only.
    """
    yield from _takes_limit(reply, "max_completion_tokens")


@check(
    MUST,
    spec="CreateChatCompletionRequest.temperature",
    breach=Outcome.REJECTED,
    broken_by=[_refused("temperature", 0)],
)
def temperature_zero_accepted(reply: Answered) -> Findings:
    """A temperature of 0 is accepted.

    Tests and extraction jobs everywhere ask for it.
    """
    yield from _takes(reply, "temperature", 0)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.temperature",
    breach=Outcome.REJECTED,
    broken_by=[_refused("temperature", 2)],
)
def temperature_two_accepted(reply: Answered) -> Findings:
    """A temperature of 2 is accepted.

    The documented range ends there.
    """
    yield from _takes(reply, "temperature", 2)


@check(
    MUST,
    spec="CreateChatCompletionRequest.top_p",
    breach=Outcome.REJECTED,
    broken_by=[_refused("top_p", 1)],
)
def top_p_one_accepted(reply: Answered) -> Findings:
    """A top_p of 1, the default, is accepted.

    Many clients send every default.
    """
    yield from _takes(reply, "top_p", 1)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.top_p",
    breach=Outcome.REJECTED,
    broken_by=[_refused("top_p", 0)],
)
def top_p_zero_accepted(reply: Answered) -> Findings:
    """A top_p of 0 is accepted.

    The documented range begins there.
    """
    yield from _takes(reply, "top_p", 0)


@check(
    MUST,
    spec="CreateChatCompletionRequest.frequency_penalty",
    breach=Outcome.REJECTED,
    broken_by=[_refused("frequency_penalty", 0.0)],
)
def frequency_penalty_zero_accepted(reply: Answered) -> Findings:
    """A frequency_penalty of 0, the default, is accepted.

    Many clients send every default.
    """
    yield from _takes(reply, "frequency_penalty", 0)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.frequency_penalty",
    breach=Outcome.REJECTED,
    broken_by=[_refused("frequency_penalty", 0.5)],
)
def frequency_penalty_accepted(reply: Answered) -> Findings:
    """frequency_penalty is accepted.

    Clients that set it don't expect to lose the whole answer.
    """
    yield from _takes_penalty(reply, "frequency_penalty")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.presence_penalty",
    breach=Outcome.REJECTED,
    broken_by=[_refused("presence_penalty", 0.5)],
)
def presence_penalty_accepted(reply: Answered) -> Findings:
    """presence_penalty is accepted.

    Clients that set it don't expect to lose the whole answer.
    """
    yield from _takes_penalty(reply, "presence_penalty")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.seed",
    covers=["params.seed.range"],
    breach=Outcome.REJECTED,
    broken_by=[_refused("seed", 7)],
)
def seed_accepted(reply: Answered) -> Findings:
    """A seed is accepted, any integer of 64 bits.

    Evaluations set it to be repeatable.
    """
    value = sent(reply, "seed")
    only_if(is_int(value) and -(2**63) <= value < 2**63, "the seed is not such an integer")
    yield from acceptance(reply, "seed")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.logit_bias",
    breach=Outcome.REJECTED,
    broken_by=[_refused("logit_bias", {"1234": 10})],
)
def logit_bias_accepted(reply: Answered) -> Findings:
    """logit_bias is accepted, an object from token ids to numbers.

    Classifiers hold the answer to their labels with it.
    """
    bias = sent(reply, "logit_bias")
    only_if(isinstance(bias, dict) and bias, "there is no bias")
    only_if(all(map(str.isdecimal, bias)), "it is not about tokens")
    only_if(all(is_number(one) and abs(one) <= STRONGEST for one in bias.values()), "out of range")
    yield from acceptance(reply, "logit_bias")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.top_logprobs",
    breach=Outcome.REJECTED,
    broken_by=[
        all_of(edit("request.logprobs", value=True), _refused("top_logprobs", MOST_LIKELY)).on(
            "chat.basic"
        )
    ],
)
def top_logprobs_twenty(reply: Answered) -> Findings:
    """Twenty top_logprobs are accepted.

    The documented range ends there.
    """
    only_if(reply.request.get("logprobs") is True, "logprobs are off")
    yield from _takes(reply, "top_logprobs", MOST_LIKELY)


@check(
    MUST,
    spec="CreateChatCompletionRequest.user",
    breach=Outcome.REJECTED,
    broken_by=[_refused("user", "user-1")],
)
def user_accepted(reply: Answered) -> Findings:
    """user, a string, is accepted.

    Applications send it for every request, to tell their users apart.
    """
    user = sent(reply, "user")
    only_if(isinstance(user, str) and len(user) <= LONGEST_USER, "user is no string, or a long one")
    yield from acceptance(reply, "user")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.store",
    breach=Outcome.REJECTED,
    broken_by=[_refused("store", value=False)],
)
def store_false_harmless(reply: Answered) -> Findings:
    """store: false is accepted, also where nothing is ever stored.

    Several agents send it with every request.
    """
    only_if(sent(reply, "store") is False, "store is not false")
    yield from acceptance(reply, "store")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.modalities",
    breach=Outcome.REJECTED,
    broken_by=[_refused("modalities", ["text"])],
)
def modalities_text(reply: Answered) -> Findings:
    """modalities: ["text"], the default, is accepted.

    Clients that can play audio send it when they want none.
    """
    only_if(sent(reply, "modalities") == ["text"], "other modalities were asked for")
    yield from acceptance(reply, "modalities")


@check(
    SHOULD,
    spec="ReasoningEffort",
    breach=Outcome.REJECTED,
    broken_by=[_refused("reasoning_effort", "medium")],
)
def reasoning_effort_accepted(reply: Answered) -> Findings:
    """A reasoning_effort of low, medium or high is accepted, or refused by models without one.

    It is the one setting by which clients trade time and money for care.
    """
    only_if(sent(reply, "reasoning_effort") in ("low", "medium", "high"), "it is another effort")
    yield from acceptance(reply, "reasoning_effort")
