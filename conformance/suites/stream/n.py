"""Streams of several choices."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from conformance.model import MISSING, Finding, Findings, Outcome
from conformance.mutate import all_of, change, edit
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import ChatReply, ChatStream, Reply, is_int
from conformance.suites._twins import Twin, prompt_tokens, twin
from conformance.suites.stream.done import only_if_complete, only_if_ended


def choices_asked(reply: Reply) -> int:
    """How many choices the request asked for."""
    n = reply.request.get("n")
    return n if is_int(n) and n > 0 else 1


def _several(stream: ChatStream) -> int:
    asked = choices_asked(stream)
    only_if(asked > 1, "one choice was asked for")
    return asked


def _without(index: int, body: bytes) -> bytes:
    events = body.split(b"\n\n")
    mark = b'"choices":[{"index":%d,' % index
    return b"\n\n".join(event for event in events if mark not in event)


@check(
    MUST,
    spec="CreateChatCompletionRequest.n",
    breach=Outcome.IGNORED,
    broken_by=[change("body", lambda body: _without(1, body), "nothing of choice 1")],
)
def n_all_choices(stream: ChatStream) -> Findings:
    """A stream asked for n choices has each of the indices 0 to n - 1.

    A client that waits for the other answers gets fewer than it asked, and paid, for.
    """
    asked = _several(stream)
    only_if_ended(stream)
    found = {choice["index"] for _, choice in stream.choices if is_int(choice.get("index"))}
    if sum(0 <= index < asked for index in found) < asked:
        only_if_complete(stream)
        got = sorted(found) or MISSING
        yield Finding("events[*].choices[*].index", f"each of 0 to {asked - 1}", got)


@check(
    SHOULD,
    spec="measured: openai-python 3.52",
    broken_by=[
        all_of(
            edit("events[0].choices[0].index", 1),
            edit("events[1].choices[0].index", 0),
        ).on("stream.n2")
    ],
)
def n_first_index_zero(stream: ChatStream) -> Findings:
    """Among several choices, choice 0 is the first to start.

    openai-python 3.52's stream helper raises IndexError when another comes first; after the first
    chunk choices may alternate in any order.
    """
    _several(stream)
    only_if(stream.deltas, "the stream has no deltas")
    first = stream.deltas[0][0].partition(".")[0]
    started = [(at, index) for at, index, _ in stream.deltas if at.partition(".")[0] == first]
    if all(index != 0 for _, index in started):
        at, index = started[0]
        yield Finding(at.removesuffix("delta") + "index", 0, index)


def _prompt(reply: ChatReply) -> Twin[tuple[int, int]] | None:
    tokens = prompt_tokens(reply)
    return None if tokens is None else twin(reply, (choices_asked(reply), tokens), "n")


def _doubled(usage: dict[str, Any]) -> dict[str, Any]:
    prompt = usage["prompt_tokens"]
    return usage | {"prompt_tokens": prompt * 2, "total_tokens": usage["total_tokens"] + prompt}


@check(
    SHOULD,
    spec="CompletionUsage.prompt_tokens",
    over=_prompt,
    broken_by=[
        change("events[-2].usage", _doubled, "prompt_tokens doubled")
        .on("stream.n2")
        .also("stream.usage_equals_nonstream"),
        change("usage", _doubled, "prompt_tokens doubled")
        .on("chat.n2")
        .also("stream.usage_equals_nonstream"),
    ],
)
def n_usage_sum(facts: list[Fact[Twin[tuple[int, int]]]]) -> Findings:
    """Several choices to one prompt count its tokens once.

    Cost trackers otherwise bill the prompt once for each choice.
    """
    alone: dict[str, set[int]] = defaultdict(set)
    for fact in facts:
        if fact.value.value[0] == 1:
            alone[fact.value.request].add(fact.value.value[1])
    several = [fact for fact in facts if fact.value.value[0] > 1]
    only_if(several, "no request asked for several choices")
    compared = [fact for fact in several if len(alone[fact.value.request]) == 1]
    inconclusive_if(not compared, "no such request asked for one choice")
    for fact in compared:
        n, tokens = fact.value.value
        (once,) = alone[fact.value.request]
        if tokens == n * once:
            yield Finding("usage.prompt_tokens", once, tokens, fact.exchange)
