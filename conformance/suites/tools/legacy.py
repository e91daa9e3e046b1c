"""The deprecated ``functions`` and ``function_call``."""

from __future__ import annotations

from typing import Final

from conformance.model import MISSING, Finding, Findings, Outcome
from conformance.mutate import all_of, drop, edit
from conformance.registry import MAY, check, only_if
from conformance.replies import ChatReply, a_text, an_object
from conformance.suites._refusals import sent
from conformance.suites.tools.choice import free

_CALL: Final = "choices[0].message.function_call"
_LEFT: Final = (None, "auto")
_OVERLOOKED: Final = ("stop", "tool_calls")


@check(
    MAY,
    spec="CreateChatCompletionRequest.function_call",
    breach=Outcome.IGNORED,
    broken_by=[
        all_of(drop(_CALL), edit("choices[0].message.content", "Hi!")).on("params.function_call"),
        edit(f"{_CALL}.name", "get_forecast").on("params.function_call").also("tools.call_name"),
    ],
)
def legacy_functions(reply: ChatReply) -> Findings:
    """With a function named in the deprecated function_call, that function is called.

    Old clients know no other way to force a call; a server that lacks it answers 400.
    """
    wanted = a_text(an_object(sent(reply, "function_call")).get("name"))
    only_if(wanted in reply.tools, "function_call names no offered function")
    for answer in free(reply):
        if [call.name for call in answer.calls if call.legacy] != [wanted]:
            place = f"{answer.at}.message.function_call"
            got = ", ".join(call.name for call in answer.calls) or MISSING
            yield Finding(place, want=f"a call of {wanted}", got=got)


@check(
    MAY,
    spec="CreateChatCompletionResponse.choices.finish_reason",
    broken_by=[
        edit("choices[0].finish_reason", "stop")
        .on("chat.functions")
        .also("stream.chunk_finish_matches_nonstream")
    ],
)
def legacy_finish_reason(reply: ChatReply) -> Findings:
    """An answer with the deprecated function_call, left to the model, finishes with function_call.

    Old clients take stop for the end and never run the function.
    """
    only_if(reply.request.get("functions"), "the request is not known")
    only_if(reply.request.get("function_call") in _LEFT, "the request did not leave the choice")
    called = [one for one in reply.answers if any(call.legacy and call.name for call in one.calls)]
    only_if(called, "no function was called")
    for answer in called:
        if answer.finish_reason in _OVERLOOKED:
            place = f"{answer.at}.finish_reason"
            yield Finding(place, want="function_call", got=answer.finish_reason)
