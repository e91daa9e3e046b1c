"""Chat streams with tools, as a client sees them in the end."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from conformance.model import Finding, Findings
from conformance.mutate import change, edit
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import ChatReply, ChatStream
from conformance.suites._twins import Twin, twin
from conformance.suites.stream.chunk_finish import finishes
from conformance.suites.tools.finish import overlooked

_ENDS: Final = ("stop", "tool_calls")
_MARKUP: Final = ("<tool_call>", "<function=", "[TOOL_CALLS]")
"""How Hermes, Llama and Mistral models begin a call."""


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.choices.finish_reason",
    broken_by=[
        change("events[*].choices[0].finish_reason", lambda old: old and "stop", "stop at the end")
        .on("stream.tools_auto")
        .also("stream.chunk_finish_matches_nonstream")
    ],
)
def tool_finish_tool_calls(stream: ChatStream) -> Findings:
    """A stream in which the model chose to call tools finishes with tool_calls.

    Agents take stop for the end and never run the tool. With a named tool OpenAI itself says stop.
    """
    only_if(stream.request.get("tools"), "the request is not known")
    only_if(stream.tool_choice in (None, "auto"), "the request did not leave the choice")
    ended = finishes(stream)
    for answer in overlooked(stream):
        at = ended[answer.index][-1][0]
        yield Finding(f"{at}.finish_reason", "tool_calls", answer.finish_reason)


@check(
    SHOULD,
    spec="measured: OpenAI",
    broken_by=[edit("events[1].choices[0].delta.tool_calls", []).on("stream.basic")],
)
def tool_no_empty_list(stream: ChatStream) -> Findings:
    """A delta without tool calls has no member tool_calls, rather than an empty array.

    The official SDKs don't mind; clients that take the member for a call begin an empty one.
    """
    for at, _, delta in stream.deltas:
        if delta.get("tool_calls") == []:
            yield Finding(f"{at}.tool_calls", "no such member", [])


@check(
    SHOULD,
    spec="OpenAI guide: Function calling",
    broken_by=[
        edit("events[0].choices[0].delta.content", "<tool_call>{").on("stream.tools_auto"),
    ],
)
def tool_content_not_markup(stream: ChatStream) -> Findings:
    """The text of an answer holds no markup that the model writes for a tool call.

    The server did not recognise the call, so the client shows it as text instead of running it.
    """
    only_if(stream.tools, "no tools were offered")
    asked = stream.exchange.request.body
    for answer in stream.answers:
        for mark in _MARKUP:
            if mark in answer.text and mark.encode() not in asked:
                start = answer.text.index(mark)
                yield Finding(answer.at, "a tool call", answer.text[start : start + 100])
                break


def _called(reply: ChatReply) -> Twin[tuple[str, tuple[str, ...]]] | None:
    """What a steady request made the model call: by temperature 0, or because it had to."""
    choice = reply.tool_choice
    forced = reply.named_tool or (choice == "required" and len(reply.tools) == 1)
    steady = forced or (reply.request.get("temperature") == 0 and reply.tools)
    if not steady or len(reply.answers) != 1 or reply.answers[0].finish_reason not in _ENDS:
        return None
    answer = reply.answers[0]
    names = sorted({call.name for call in answer.calls})
    return twin(reply, (answer.at, tuple(names)))


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.stream",
    over=_called,
    broken_by=[
        edit("events[1].choices[0].delta.tool_calls[0].function.name", "get_weather")
        .on("stream.tools_named")
        .also("tools.named_calls")
    ],
)
def tool_same_as_nonstream(facts: list[Fact[Twin[tuple[str, tuple[str, ...]]]]]) -> Findings:
    """With temperature 0 or a forced call, a stream calls the tools that one piece calls.

    Clients choose between the two for speed and expect no other difference.
    """
    whole: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for fact in facts:
        if not fact.value.streamed:
            whole[fact.value.request].add(fact.value.value[1])
    compared = 0
    for fact in facts:
        known = whole.get(fact.value.request) if fact.value.streamed else None
        at, names = fact.value.value
        compared += known is not None
        if known and names not in known:
            want = " or ".join(", ".join(one) or "no call" for one in sorted(known))
            yield Finding(at, want, ", ".join(names) or "no call", fact.exchange)
    inconclusive_if(not compared, "no request was answered both streamed and in one piece")
