"""Errors of the provider, and what an adapter makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from conformance.model import MISSING, Exchange, Failure, Finding, Findings
from conformance.mutate import drop, edit
from conformance.registry import MUST, SHOULD, check, only_if
from conformance.replies import (
    ChatReply,
    ChatStream,
    Raised,
    Refusal,
    Reply,
    Stream,
    a_text,
    an_object,
)
from conformance.suites.adapter._both_sides import (
    FAILED,
    beyond,
    cut_off,
    last,
    meaning,
    told_failure,
    words,
)

BUSY: Final = (429, 503, 529)
"""Statuses that come with a time to wait for."""
LATE: Final = 408
SERVER_ERROR: Final = 500


@check(
    MUST,
    spec="RFC 9110 section 15",
    broken_by=[edit("status", 500).on("adapter.error").also("errors.retryable_5xx")],
)
def error_status_preserved(reply: Reply) -> Findings:
    """A refusal stays a refusal and a failure a failure: the first digit of the status is kept.

    SDKs retry on 500 and not on 400; an error that became 200 is read as an answer.
    """
    response = last(reply).response
    status = response.status if response else 0
    only_if(status >= FAILED, "the other side did not fail")
    late = isinstance(reply, Stream) and reply.exchange.failure
    only_if(not late, "what is raised while a stream is read is no status")
    if reply.status // 100 != status // 100:
        yield Finding("status", want=f"{status // 100}xx, as {status}", got=reply.status)


@check(
    SHOULD,
    spec="Error.message",
    broken_by=[edit("error.message", "Something went wrong.").on("adapter.error")],
)
def error_message_preserved(reply: Refusal | ChatStream) -> Findings:
    """The message of the error is the one that came from the other side, or holds it.

    Only that one says what is wrong with the request.
    """
    found = meaning(last(reply))
    inner = found.error if found else None
    only_if(inner, "the other side gave no message")
    only_if(told_failure(reply), "no error is told")
    wanted, got = " ".join((inner or "").split()), " ".join(_said(reply).split())
    # Some adapters quote the whole body, in which quotes are escaped.
    if wanted not in got and json.dumps(wanted)[1:-1] not in got:
        yield Finding("error.message", want=f"text that holds {wanted[:150]!r}", got=got)


def _said(reply: Refusal | ChatStream) -> str:
    if isinstance(reply, ChatStream):
        body = reply.errors[-1][1] if reply.errors else {}
    else:
        body = reply.body
    error = body.get("error")
    return a_text(an_object(error).get("message")) or a_text(error) or a_text(body.get("message"))


@check(
    SHOULD,
    spec="RFC 9110 section 10.2.3",
    broken_by=[drop("headers.retry-after").on("adapter.busy").also("errors.retry_after_429")],
)
def retry_after_preserved(reply: Refusal) -> Findings:
    """How long to wait, where the provider says it, is said to the client.

    SDKs and job queues wait as long as they are told; else they come back too early, and too often.
    """
    response = last(reply).response
    only_if(response and response.status in BUSY, "the provider was not busy")
    wait = response.headers.get("retry-after") if response else None
    only_if(wait, "the provider did not say how long to wait")
    # What is kept of an exception has this header wherever the exception has.
    bare = isinstance(reply, Raised)
    got = reply.response.headers.get("retry-after") if bare else reply.header("retry-after")
    if got is None:
        yield Finding("headers.retry-after", want=wait, got=MISSING)


@check(
    MUST,
    spec="RFC 9110 section 15.6.5",
    broken_by=[
        edit("status", 400).on("adapter.timeout"),
        beyond(
            "the other side never answered",
            lambda it: replace(it, response=None, failure=Failure("timeout", "too late")),
        ).on("adapter.chat"),
    ],
)
def timeout_reported(reply: Reply) -> Findings:
    """A provider that never answers is a failure that may be retried: 408, 504 or another 5xx.

    An empty answer is taken for one; what looks like a mistake of the client's is not asked again.
    """
    failure = last(reply).failure
    only_if(failure and failure.kind == "timeout", "the other side answered in time")
    is_refusal = FAILED <= reply.status < SERVER_ERROR and reply.status != LATE
    if is_refusal or not told_failure(reply):
        yield Finding("status", want="408, 504 or another 5xx", got=reply.status)


@check(
    MUST,
    spec="RFC 9112 section 8",
    broken_by=[
        beyond("the stream on the other side was cut", cut_off).on("adapter.stream"),
        beyond("the answer on the other side was cut", cut_off).on("adapter.chat"),
    ],
)
def cut_reported(reply: Reply) -> Findings:
    """An answer that broke off on the other side does not look like a finished one.

    Half a text, or half a program, is used as if it were all of it.
    """
    other = last(reply)
    only_if(other.response and other.response.status < FAILED, "there was no answer")
    only_if(_is_cut(other), "the answer was complete, or ended with an error")
    if told_failure(reply) or not isinstance(reply, ChatReply):
        return
    for answer in reply.answers:
        if answer.finish_reason:
            yield Finding(f"{answer.at}.finish_reason", "an error", answer.finish_reason)


def _is_cut(other: Exchange) -> bool:
    found = meaning(other)
    ended = found is not None and (found.complete or found.error is not None)
    asked = words(other.request) or {}
    # An answer in one piece that gives no reason why it ended is complete for all that.
    streamed = asked.get("stream") is True
    return not ended if other.failure else found is not None and not ended and streamed


@check(
    MUST,
    spec="Error.message",
    broken_by=[drop("events[-1]").on("adapter.stream_fails").also("stream.error_mid_not_silent")],
)
def stream_error_reported(reply: Reply) -> Findings:
    """An error inside the provider's stream arrives as an error, whatever came before it.

    A stream that just ends is taken for an answer, and nobody learns what went wrong.
    """
    other = last(reply)
    answered = other.response is not None and other.response.status < FAILED
    found = meaning(other) if answered else None
    only_if(found and found.error is not None, "there was no error inside a stream")
    if not told_failure(reply):
        yield Finding("events", want="an error", got="none")
