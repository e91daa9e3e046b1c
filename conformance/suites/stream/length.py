"""Streams that a token limit cuts."""

from __future__ import annotations

import re
from typing import Final

from conformance.model import Finding, Findings
from conformance.mutate import all_of, change, edit
from conformance.registry import MUST, check, inconclusive_if, only_if
from conformance.replies import ChatStream, is_int
from conformance.suites.stream.chunk_finish import finishes
from conformance.suites.stream.n import choices_asked

_UNFINISHED: Final = re.compile(r"[,;(\[{]\s*$")
"""How no text ends of itself."""


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.choices.finish_reason (length)",
    broken_by=[
        all_of(
            edit("events[5].choices[0].delta.content", ","),
            change("events[6].choices[0].finish_reason", lambda _: "stop", "finish_reason stop"),
        ).on("stream.length")
    ],
)
def length_finish(stream: ChatStream) -> Findings:
    """An answer that the token limit cuts ends with finish_reason length.

    A client that is told stop takes half an answer for the whole, and doesn't ask for the rest.
    """
    limits = [stream.request.get(name) for name in ("max_tokens", "max_completion_tokens")]
    given = [limit for limit in limits if is_int(limit)]
    only_if(given, "the request has no token limit")
    only_if(not stream.request.get("stop"), "a stop sequence may have ended it")
    only_if(not stream.interrupted, "the stream was interrupted")
    only_if(choices_asked(stream) == 1 and len(stream.answers) == 1, "there is not one choice")
    spent = stream.usage[1].get("completion_tokens") if stream.usage else None
    (answer,) = stream.answers
    if answer.finish_reason == "length":
        return
    only_if(answer.finish_reason == "stop", "the answer ended otherwise")
    inconclusive_if(not is_int(spent), "the tokens spent are not told")
    only_if(spent is not None and spent >= min(given), "the answer stayed below the limit")
    cut = not answer.calls and _UNFINISHED.search(answer.text)
    inconclusive_if(not cut, "the answer may have ended at the limit of itself")
    yield Finding(f"{finishes(stream)[answer.index][-1][0]}.finish_reason", "length", "stop")
