"""Errors of requests for a stream: before it starts, and in the middle of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from conformance.model import MISSING, Evidence, Finding, Findings
from conformance.mutate import all_of, change, drop, edit, insert
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import (
    ChatStream,
    CompletionStream,
    ErrorReply,
    Json,
    Refusal,
    a_text,
    an_object,
    is_int,
)
from conformance.suites._twins import DELIVERY, digest
from conformance.suites.stream.done import is_ended
from conformance.suites.tools.request import GENERATED

_UNRELATED: Final = (408, 429)
"""Refusals that say nothing about the request itself."""
_CLIENT: Final = range(400, 500)
_NO_ERROR: Final = "no error was sent"

Streamed = ChatStream | CompletionStream


@dataclass(frozen=True, slots=True)
class _Start:
    """How an answer began: with what status, or as a stream with nothing but an error at ``at``."""

    request: str
    streamed: bool
    status: int
    at: str = ""
    is_refusal: bool = False


def _start(reply: Streamed | ErrorReply) -> _Start | None:
    request = digest(reply, *DELIVERY)
    if isinstance(reply, Refusal):
        if reply.error.get("code") in GENERATED:
            return None
        return _Start(request, reply.asked_to_stream, reply.status)
    # After a comment to keep the connection alive, there is no status left to choose.
    if not reply.errors or reply.chunks or reply.sse.comments:
        return None
    at, value = reply.errors[0]
    error = an_object(value.get("error"))
    if error.get("code") in GENERATED:
        return None
    return _Start(request, reply.asked_to_stream, reply.status, at, _is_refusal(error))


def _is_refusal(error: Json) -> bool:
    """Whether an error itself says that the request was at fault."""
    code = error.get("code")
    refused = is_int(code) and code in _CLIENT and code not in _UNRELATED
    return refused or error.get("type") == "invalid_request_error"


@check(
    MUST,
    spec="RFC 9110 section 15; OpenAI guide: Error codes",
    over=_start,
    broken_by=[
        all_of(
            edit("status", 200),
            edit("headers.content-type", "text/event-stream"),
            change("body", lambda body: b"data: " + body + b"\n\n", "the error as an event"),
        ).on("errors.stream_unknown_model")
    ],
)
def error_before_first_status(facts: list[Fact[_Start]]) -> Findings:
    """A request that is refused without stream is refused by the same status with it.

    Retries, fallbacks and monitoring go by the status; a stream that starts with 200 is a success.
    """
    whole: dict[str, set[int]] = defaultdict(set)
    for fact in facts:
        if not fact.value.streamed and fact.value.status in _CLIENT:
            whole[fact.value.request].add(fact.value.status)
    compared = 0
    for fact in facts:
        start = fact.value
        known = whole[start.request].difference(_UNRELATED) if start.streamed else ()
        compared += bool(known) or start.is_refusal
        if start.at and (known or start.is_refusal):
            want = " or ".join(map(str, sorted(known))) or "400"
            yield Finding("status", want, start.status, fact.exchange)
    inconclusive_if(not compared, "no refused request was sent both with and without stream")


@check(
    SHOULD,
    spec="OpenAI guide: Error codes",
    broken_by=[
        edit("headers.content-type", "text/event-stream").on("errors.stream_temperature_2_1")
    ],
)
def error_before_first_json(reply: ErrorReply) -> Findings:
    """A refused request for a stream is answered with JSON, not with an event stream.

    Clients read the body of an error as JSON, and lose the message.
    """
    only_if(reply.asked_to_stream and reply.status >= 400, "no stream was asked for and refused")  # noqa: PLR2004  # RFC 9110 section 15.5
    if reply.media_type == "text/event-stream":
        yield Finding("headers.content-type", "application/json", reply.media_type)


@check(
    MUST,
    spec="measured: openai-python 3.52 and openai-node 6.49",
    broken_by=[
        edit("events[5]", {"object": "error", "message": "overloaded"}).on("stream.fails"),
        edit("events[5].error", "overloaded").on("stream.fails"),
        drop("events[5].error.message").on("stream.fails"),
    ],
)
def error_mid_shape(stream: Streamed) -> Findings:
    """An error in a stream is an object error with a message, like that of a failed request.

    openai-python 3.52 and openai-node 6.49 swallow any other and end the loop: the answer just
    looks short.
    """
    bare = _bare(stream)
    told = [place for place in stream.errors if place[0] not in bare]
    only_if(told, _NO_ERROR)
    for at, value in told:
        error = value.get("error", MISSING)
        if not isinstance(error, dict):
            yield Finding(f"{at}.error", "an object with a message", error)
        elif not a_text(error.get("message")).strip():
            got = error.get("message", MISSING)
            yield Finding(f"{at}.error.message", "a non-empty string", got)


def _bare(stream: Streamed) -> set[str]:
    """The places of the events called error whose data has no member error."""
    named = {f"events[{i}]" for i, event in enumerate(stream.events) if event.event == "error"}
    return {at for at, value in stream.errors if at in named and "error" not in value}


@check(
    MUST,
    spec="measured: openai-python 3.52 and openai-node 6.49",
    # A stranger's client may have left early, and its recorder with it: genuine recordings show it.
    needs=[Evidence.TAIL],
    broken_by=[all_of(drop("events[-1]"), drop("events[-1]")).on("stream.basic")],
)
def error_mid_not_silent(stream: Streamed) -> Findings:
    """A stream that stops early says so, by an error or by breaking the connection.

    openai-python 3.52 returns what came so far, with finish_reason None, as if it were whole.
    """
    only_if(not stream.interrupted, "the stream says that it was interrupted")
    if not is_ended(stream):
        yield Finding("events[*]", "a finish reason, [DONE] or an error", MISSING)


@check(
    MUST,
    spec="measured: openai-python 3.52 and openai-node 6.49",
    broken_by=[
        edit("events[5]", 'event: error\ndata: {"message":"overloaded"}\n\n').on("stream.fails")
    ],
)
def error_mid_event_body(stream: Streamed) -> Findings:
    """The data of an event called error has the member error, as it has without the name.

    openai-python 3.52 and openai-node 6.49 swallow it and end the loop: the answer looks short.
    """
    only_if(stream.errors, _NO_ERROR)
    bare = _bare(stream)
    for at, value in stream.errors:
        if at in bare:
            yield Finding(f"{at}.error", "an object with a message", value)


@check(
    SHOULD,
    spec="measured: openai-python 3.52 and openai-node 6.49 stop at the error",
    broken_by=[
        insert(
            "events[2]",
            {
                "error": {
                    "message": "overloaded",
                    "type": "server_error",
                    "param": None,
                    "code": None,
                }
            },
        ).on("stream.basic")
    ],
)
def error_no_done_after(stream: Streamed) -> Findings:
    """After an error, no choice finishes with stop.

    Clients that go by the last chunk take the cut answer for a whole one.
    """
    only_if(stream.errors, _NO_ERROR)
    start = int(stream.errors[0][0][len("events[") : -1])
    for at, choice in stream.choices:
        number = int(at[len("events[") : at.index("]")])
        if number > start and choice.get("finish_reason") == "stop":
            yield Finding(f"{at}.finish_reason", "no such end", "stop")


@check(
    SHOULD,
    spec="Error: type, param, code",
    broken_by=[drop("events[5].error.code").on("stream.fails")],
)
def error_fields(stream: Streamed) -> Findings:
    """An error in a stream has type, param and code as well.

    By these a client decides whether to try again.
    """
    only_if(stream.errors, _NO_ERROR)
    for at, value in stream.errors:
        error = an_object(value.get("error"))
        for name in ("type", "param", "code") if error else ():
            if name not in error:
                yield Finding(f"{at}.error.{name}", "a string or null", MISSING)
