"""How a chat or completion stream says that it is over."""

from __future__ import annotations

import re
from typing import Final

from conformance.model import MISSING, Evidence, Finding, Findings
from conformance.mutate import all_of, arrive, drop, edit, insert, repeat
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import DONE, ChatStream, CompletionStream
from conformance.suites.stream.kept import ends_amid_event, only_if_kept
from conformance.suites.stream.sse_timing import arrivals

PROMPT: Final = 2.0
"""How many seconds after [DONE] a response may last."""

_SENTINEL: Final = re.compile(r"""\s*["'\[(<{]*\s*done\s*["'\])>}]*\s*""", re.IGNORECASE)


def is_sentinel(data: str) -> bool:
    """Whether ``data`` is [DONE], or something meant to be it."""
    return len(data) <= 40 and _SENTINEL.fullmatch(data) is not None  # noqa: PLR2004  # see above


def is_ended(stream: ChatStream | CompletionStream) -> bool:
    """Whether a stream came to an end of some kind: a finish reason, or [DONE]."""
    return any(
        choice.get("finish_reason") or choice.get("finish_details") for _, choice in stream.choices
    ) or any(is_sentinel(event.data) for event in stream.events)


def only_if_ended(stream: ChatStream | CompletionStream) -> None:
    """End a check of what a stream has at its end, unless it was read to an end of some kind.

    A recording does not tell a server that broke off from a client that stopped reading.
    """
    only_if(not stream.interrupted, "the stream was interrupted")
    only_if_kept(stream)
    inconclusive_if(not is_ended(stream), "the stream may have been left before its end")


def only_if_complete(stream: ChatStream | CompletionStream) -> None:
    """End a check that missed something after the first finish reason, unless [DONE] was kept.

    A client may leave at that reason, and its recorder with it.
    """
    told = any(is_sentinel(event.data) for event in stream.events)
    left = stream.lacks(Evidence.TAIL) and not told
    inconclusive_if(left, "the stream may have been left before its end")


def _first(stream: ChatStream | CompletionStream) -> int:
    """The index of the first [DONE]; not applicable where there is none."""
    found = [i for i, event in enumerate(stream.events) if is_sentinel(event.data)]
    only_if(found, "the stream has no [DONE]")
    return found[0]


@check(
    MUST,
    spec="OpenAI API reference: CreateChatCompletionRequest.stream",
    needs=[Evidence.DONE],
    broken_by=[drop("events[-1]")],
)
def done_present(stream: ChatStream) -> Findings:
    """A stream that ran to its end says so with data: [DONE].

    The official SDKs also stop at the end of the body; many hand-written clients wait forever.
    """
    only_if_ended(stream)
    if not any(is_sentinel(event.data) for event in stream.events):
        inconclusive_if(ends_amid_event(stream), "the recording may have been cut")
        yield Finding("events", DONE, MISSING)


@check(
    SHOULD,
    spec="OpenAI API reference: CreateChatCompletionRequest.stream",
    broken_by=[repeat("events[-1]")],
)
def done_once(stream: ChatStream | CompletionStream) -> Findings:
    """[DONE] is sent once.

    A client that counts answers by their ends counts one too many.
    """
    first = _first(stream)
    for i, event in enumerate(stream.events[first + 1 :], first + 1):
        if is_sentinel(event.data):
            yield Finding(f"events[{i}]", "no second [DONE]", event.data)


@check(
    MUST,
    spec="OpenAI API reference: CreateChatCompletionRequest.stream",
    broken_by=[
        all_of(insert("events[-2]", "data: [DONE]\n\n"), drop("events[-1]")),
    ],
)
def done_last(stream: ChatStream | CompletionStream) -> Findings:
    """Nothing follows [DONE].

    Clients stop reading there, so whatever comes later is lost.
    """
    first = _first(stream)
    for i, event in enumerate(stream.events[first + 1 :], first + 1):
        if not is_sentinel(event.data):
            yield Finding(f"events[{i}]", "nothing after [DONE]", event.data)


@check(
    MUST,
    spec="OpenAI API reference: CreateChatCompletionRequest.stream",
    broken_by=[
        edit("events[-1]", 'data: "[DONE]"\n\n'),
        edit("events[-1]", "data: [done]\n\n"),
        edit("events[-1]", "data:  [DONE]\n\n"),
    ],
)
def done_literal(stream: ChatStream | CompletionStream) -> Findings:
    """The end of a stream is marked by exactly [DONE], without quotes or blanks around it.

    Anything else is parsed as a chunk, which it is not.
    """
    _first(stream)
    for i, event in enumerate(stream.events):
        if is_sentinel(event.data) and event.data != DONE:
            yield Finding(f"events[{i}]", DONE, event.data)


@check(
    SHOULD,
    spec="measured: clients that read to the end of the body",
    needs=[Evidence.TIMING],
    broken_by=[
        all_of(
            insert("events[-1]", "data: [DONE]\n\n"),
            edit("events[-1]", ": still here\n\n"),
            arrive("events[-1]", 30.0),
        )
    ],
)
def done_closes(stream: ChatStream | CompletionStream) -> Findings:
    """The response ends within two seconds of [DONE].

    A client that reads to the end of the body holds its connection, and its user, until then.
    """
    said = arrivals(stream)[_first(stream)]
    failure, last = stream.exchange.failure, stream.response.chunks[-1].at
    ended = failure.at if failure else last
    only_if(said is not None and ended is not None, "the times are not known")
    if said is not None and ended is not None and ended - said > PROMPT:
        want = f"the end of the response within {PROMPT:g} s of [DONE]"
        yield Finding("body", want, f"{ended - said:.1f} s")
