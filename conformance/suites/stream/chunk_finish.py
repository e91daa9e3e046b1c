"""How the choices of a chat stream end: each with one finish reason, after everything else."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Final

from conformance.model import MISSING, Finding, Findings
from conformance.mutate import all_of, change, drop, edit, repeat
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import Answer, ChatReply, ChatStream, Place, index_of
from conformance.suites._twins import Twin, twin
from conformance.suites.stream.done import only_if_complete, only_if_ended
from conformance.suites.stream.n import choices_asked

REASONS: Final = ("stop", "length", "tool_calls", "content_filter", "function_call")
Ending = tuple[str, str, str]
"""Where a choice ended, what it said, and its finish reason."""


def finishes(stream: ChatStream) -> dict[int, list[Place]]:
    """The chunk choices by index, in order, that say the choice is finished.

    OpenAI's first vision model sent ``finish_details`` instead of a finish reason.
    """
    found: dict[int, list[Place]] = {}
    for at, choice in stream.choices:
        ended = found.setdefault(index_of(choice), [])
        if choice.get("finish_reason") or choice.get("finish_details"):
            ended.append((at, choice))
    return found


@check(
    SHOULD,
    spec="CreateChatCompletionStreamResponse.choices.finish_reason",
    broken_by=[drop("events[1].choices[0].finish_reason")],
)
def chunk_finish_key(stream: ChatStream) -> Findings:
    """Every choice of a chunk has the member finish_reason, null until the end.

    The official SDKs don't mind; strictly typed clients require the member.
    """
    for at, choice in stream.choices:
        if "finish_reason" not in choice:
            yield Finding(f"{at}.finish_reason", None, MISSING)


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.choices.finish_reason",
    broken_by=[
        edit("events[1].choices[0].finish_reason", ""),
        change(
            "body",
            lambda body: body.replace(b'"finish_reason":"stop"', b'"finish_reason":"eos_token"'),
            "finish_reason eos_token",
        ),
    ],
)
def chunk_finish_not_empty(stream: ChatStream) -> Findings:
    """A finish reason is null, stop, length, tool_calls, content_filter or function_call.

    The official SDKs pass anything on; typed clients fail to parse an empty or unknown one.
    """
    yield from stream.breaks("events[*].choices[*].finish_reason")


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.choices.finish_reason",
    broken_by=[drop("events[-2]").on("stream.basic"), drop("events[-3]").on("stream.n2")],
)
def chunk_finish_once(stream: ChatStream) -> Findings:
    """Each choice ends with a finish reason.

    openai-node 6.49 throws "missing finish_reason for choice 0"; the helper of openai-python 3.52
    returns None, so that a cut answer looks like a whole one.
    """
    only_if_ended(stream)
    found = finishes(stream)
    asked = choices_asked(stream)
    if not found and asked == 1:
        yield Finding("events", "a choice with a finish_reason", MISSING)
    for index, ended in sorted(found.items()):
        if not ended and index < asked:
            only_if_complete(stream)
            yield Finding("events", f"a finish_reason for choice {index}", MISSING)


@check(
    SHOULD,
    spec="CreateChatCompletionStreamResponse.choices.finish_reason",
    broken_by=[repeat("events[-2]").on("stream.basic")],
)
def chunk_finish_not_twice(stream: ChatStream) -> Findings:
    """No choice has more than one finish reason.

    A client that acts when a choice ends, by running its tools for instance, acts twice.
    """
    for ended in finishes(stream).values():
        for at, choice in ended[1:]:
            yield Finding(f"{at}.finish_reason", None, choice.get("finish_reason"))


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.choices.finish_reason",
    broken_by=[
        all_of(
            edit("events[-3].choices[0].finish_reason", "stop"),
            edit("events[-2].choices[0].finish_reason", None),
            edit("events[-2].choices[0].delta.content", "!"),
        ).on("stream.basic")
    ],
)
def chunk_finish_last(stream: ChatStream) -> Findings:
    """No text and no tool call follows the finish reason of its choice.

    The official SDKs still append it; clients that stop at the finish reason lose it.
    """
    ended: set[int] = set()
    for at, choice in stream.choices:
        index = index_of(choice)
        delta = choice.get("delta")
        if index in ended and isinstance(delta, dict):
            for name in ("content", "refusal", "tool_calls", "function_call"):
                if delta.get(name):
                    yield Finding(f"{at}.delta.{name}", "nothing after the end", delta[name])
        if choice.get("finish_reason"):
            ended.add(index)


def _endings(reply: ChatReply) -> Twin[tuple[Ending, ...]] | None:
    if isinstance(reply, ChatStream) and reply.interrupted:
        return None
    ended = finishes(reply) if isinstance(reply, ChatStream) else {}
    told = []
    for answer in reply.answers:
        at, said = (ended.get(answer.index) or [(answer.at, {})])[-1][0], _said(answer)
        if said and answer.finish_reason in REASONS:
            told.append((f"{at}.finish_reason", said, answer.finish_reason))
    return twin(reply, tuple(told))


def _said(answer: Answer) -> str:
    """The whole of an answer in one string, empty when it is empty; calls without their ids."""
    calls = [[call.name, call.arguments] for call in answer.calls]
    text = answer.text.strip()
    return json.dumps([text, calls]) if text or calls else ""


@check(
    SHOULD,
    spec="CreateChatCompletionStreamResponse.choices.finish_reason",
    over=_endings,
    broken_by=[
        change(
            "body",
            lambda body: body.replace(b'"finish_reason":"length"', b'"finish_reason":"stop"'),
            "finish_reason stop",
        ).on("stream.length")
    ],
)
def chunk_finish_matches_nonstream(facts: list[Fact[Twin[tuple[Ending, ...]]]]) -> Findings:
    """A streamed answer has the finish reason that the same answer has in one piece.

    Clients choose between the two for speed and expect no other difference.
    """
    whole: dict[tuple[str, str], set[str]] = defaultdict(set)
    for fact in facts:
        if not fact.value.streamed:
            for _, said, reason in fact.value.value:
                whole[fact.value.request, said].add(reason)
    only_if(any(fact.value.streamed for fact in facts), "nothing was streamed")
    compared = 0
    for fact in facts:
        for at, said, reason in fact.value.value if fact.value.streamed else ():
            known = whole.get((fact.value.request, said), {reason})
            compared += (fact.value.request, said) in whole
            if reason not in known:
                yield Finding(at, " or ".join(sorted(known)), reason, fact.exchange)
    inconclusive_if(not compared, "no answer was given both streamed and in one piece")
