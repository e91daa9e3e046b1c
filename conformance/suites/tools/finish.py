"""What an answer with tool calls finishes with."""

from __future__ import annotations

from typing import Final

from conformance.model import Finding, Findings
from conformance.mutate import edit
from conformance.registry import MAY, MUST, SHOULD, check, only_if
from conformance.replies import Answer, Call, ChatCompletion, ChatReply
from conformance.suites.tools.call import NO_CALL

_TWIN: Final = "stream.chunk_finish_matches_nonstream"
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


def new_calls(answer: Answer) -> list[Call]:
    """The calls not made through the deprecated ``function_call``."""
    return [call for call in answer.calls if not call.legacy]


def overlooked(reply: ChatReply) -> list[Answer]:
    """The answers with tool calls that are said to end otherwise. Raises NotApplicable."""
    called = [answer for answer in reply.answers if new_calls(answer)]
    only_if(called, NO_CALL)
    return [answer for answer in called if answer.finish_reason in _FORGOT]
