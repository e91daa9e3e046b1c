"""Responses as server-sent events: how a stream begins and ends, and how its events are made."""

from __future__ import annotations

from itertools import takewhile
from typing import Final

from conformance.model import MISSING, Evidence, Finding, Findings
from conformance.mutate import Mutant, change, drop, edit, raw
from conformance.registry import MAY, MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    DONE,
    Place,
    ResponseObject,
    ResponseStream,
    a_text,
    an_object,
    is_int,
)
from conformance.suites.responses.stream_items import ADDED, ITEM_DONE, OF_ITEM

FIRST: Final = ("response.created", "response.queued")
ENDS: Final = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}
"""The events that end a stream, and the status of the response in each."""
KEEPALIVE: Final = "keepalive"
"""An event that says nothing, sent while the model thinks."""
KNOWN: Final = (*FIRST, "response.in_progress", *ENDS, ADDED, ITEM_DONE, *OF_ITEM)
"""The events that every answer is made of. Others are added often, and may come at any time."""
NUMBERED: Final = "2025-07"
"""The month from which on genuine streams number their events."""


def spoken(stream: ResponseStream) -> list[Place]:
    """The events of known types, and errors."""
    errors = {at for at, _ in stream.errors}
    return [(at, e) for at, e in stream.payloads if at in errors or e.get("type") in KNOWN]


@check(
    SHOULD,
    spec="OpenAI API reference: Streaming events",
    broken_by=[
        raw(b"event: response.in_progress\n", b""),
        raw(b"event: response.in_progress\n", b"event: message\n"),
    ],
    needs=[Evidence.FRAMING],
)
def stream_event_field(stream: ResponseStream) -> Findings:
    """Every event's name is the type in its data.

    The official SDKs read the data; clients that dispatch by name miss the event.
    """
    types = {at: a_text(payload.get("type")) for at, payload in stream.payloads}
    for i, event in enumerate(stream.events):
        wanted = types.get(f"events[{i}]")
        if wanted and event.event != wanted:
            yield Finding(f"events[{i}]", want=f"event: {wanted}", got=event.event or MISSING)


@check(
    MUST,
    spec="ResponseStreamEvent",
    broken_by=[
        drop("events[4].type").also(
            "responses.stream_completed_output", "responses.stream_text_done"
        )
    ],
)
def stream_type_in_data(stream: ResponseStream) -> Findings:
    """The data of every event says its type.

    The helpers of openai-python 3.52 and openai-node 6.49 raise; without them no text is seen.
    """
    yield from stream.breaks("events[*].type")


@check(
    MUST,
    spec="ResponseCreatedEvent",
    broken_by=[drop("events[0]")],
)
def stream_created_first(stream: ResponseStream) -> Findings:
    """The first event is response.created, or response.queued in the background.

    The helpers of openai-python 3.52 and openai-node 6.49 raise on any other.
    """
    events = spoken(stream)
    only_if(events, "the stream has no event of a known type")
    at, first = events[0]
    if first.get("type") not in (*FIRST, "error") and not first.get("error"):
        yield Finding(f"{at}.type", want="response.created", got=first.get("type", MISSING))


@check(MUST, spec="ResponseCompletedEvent", broken_by=[drop("events[-1]")])
def stream_terminal_last(stream: ResponseStream) -> Findings:
    """The last event is response.completed, response.incomplete, response.failed or an error.

    The helper of openai-python 3.52 raises without it; others take half an answer for the whole.
    """
    inconclusive_if(stream.interrupted, "the stream was interrupted")
    events = spoken(stream)
    only_if(events, "the stream has no events")
    at, last = events[-1]
    # What came to no end of any kind may have been left by the client, or cut by its recorder.
    answered = an_object(last.get("item")).get("type") in ("message", "function_call")
    closed = answered and last.get("type") == ITEM_DONE
    inconclusive_if(not (closed or stream.final), "the stream may have been left before its end")
    inconclusive_if(_cancelled(stream), "the response was cancelled")
    if a_text(last.get("type")) not in ENDS:
        want = "response.completed, response.incomplete or response.failed"
        yield Finding(f"{at}.type", want=want, got=last.get("type", MISSING))


def _cancelled(stream: ResponseStream) -> bool:
    responses = (an_object(event.get("response")) for _, event in stream.chunks)
    return any(response.get("status") == "cancelled" for response in responses)


@check(
    MUST,
    spec="ResponseCompletedEvent.response",
    broken_by=[
        edit("events[-1].response.id", "resp_another"),
        edit("events[-1].response.model", "x"),
    ],
)
def stream_completed_identity(stream: ResponseStream) -> Findings:
    """The final response has the id and the model of the one that was created.

    A client that stores the first id cannot continue the conversation.
    """
    only_if(stream.final and stream.chunks, "the stream has no final response")
    at, last = stream.final or ("", {})
    told = (an_object(event.get("response")) for _, event in stream.chunks)
    first = next(filter(None, told), {})
    for name in ("id", "model"):
        was, is_ = a_text(first.get(name)), a_text(last.get(name))
        if was and is_ and was != is_:
            yield Finding(f"{at}.{name}", want=was, got=is_)


@check(
    SHOULD,
    spec="ResponseStreamEvent.sequence_number",
    broken_by=[drop("events[4].sequence_number"), edit("events[4].sequence_number", 3)],
)
def stream_sequence_number(stream: ResponseStream) -> Findings:
    """Events are numbered, each one more than the one before.

    It is how a client that lost the connection says where to go on.
    """
    errors = {at for at, _ in stream.errors}
    before_errors = takewhile(lambda place: place[0] not in errors, stream.payloads)
    numbers = [
        (at, event.get("sequence_number"))
        for at, event in before_errors
        if event.get("type") != KEEPALIVE or "sequence_number" in event
    ]
    recent = (stream.exchange.provenance.recorded_at or "") >= NUMBERED
    only_if(recent or any(is_int(number) for _, number in numbers), "events had no numbers then")
    before = None
    for at, number in numbers:
        if not is_int(number) or (before is not None and number != before + 1):
            want = "a whole number" if before is None else before + 1
            got = MISSING if number is None else number
            yield Finding(f"{at}.sequence_number", want=want, got=got)
            return
        before = number


def _replaced_by(error: bytes) -> Mutant:
    """The edit that makes the last event an error event with this data."""
    return edit("events[-1]", b"event: error\ndata: " + error + b"\n\n").on("responses.stream")


@check(
    MUST,
    spec="ResponseErrorEvent",
    broken_by=[
        _replaced_by(b'{"error":{"message":"Sorry."}}'),
        _replaced_by(b'{"type":"error","code":"busy"}'),
    ],
)
def stream_error_event(stream: ResponseStream) -> Findings:
    """An error in a stream is an event of type error with a message.

    Clients look for the type; what only holds an error object is read as an event of no kind.
    """
    # Genuine errors have come with their members at the top, as documented, and inside of error.
    only_if(stream.errors, "the stream has no error")
    for at, event in stream.errors:
        if event.get("type") != "error":
            yield Finding(f"{at}.type", want="error", got=event.get("type", MISSING))
        inner = an_object(event.get("error"))
        if not a_text(event.get("message") or inner.get("message")).strip():
            got = event.get("message", MISSING)
            yield Finding(f"{at}.message", want="a non-empty string", got=got)


@check(
    SHOULD,
    spec="OpenAI API reference: Streaming events",
    broken_by=[change("events[-1]", lambda last: last + b"data: [DONE]\n\n", "[DONE] at the end")],
    needs=[Evidence.DONE],
)
def stream_no_done(stream: ResponseStream) -> Findings:
    """There is no [DONE]: the stream ends with its last event.

    A client that reads every event's data as JSON fails on it.
    """
    for i, event in enumerate(stream.events):
        if event.data.strip() == DONE:
            yield Finding(f"events[{i}]", want="no [DONE]", got=DONE)


@check(
    SHOULD,
    spec="ResponseFailedEvent",
    broken_by=[
        edit("events[-1].response.status", "failed"),
        edit("events[-1].type", "response.failed").also("responses.stream_event_field"),
    ],
)
def stream_failed(stream: ResponseStream) -> Findings:
    """The last event's type and its response's status agree, and a failure says why.

    The helper of openai-node 6.49 returns an empty answer for a failure it isn't told of.
    """
    only_if(stream.final, "the stream has no final response")
    at, response = stream.final or ("", {})
    events = [event for _, event in stream.chunks if a_text(event.get("type")) in ENDS]
    want = ENDS[events[-1]["type"]]
    if response.get("status") != want:
        yield Finding(f"{at}.status", want=want, got=response.get("status", MISSING))
    error = an_object(response.get("error"))
    for name in ("code", "message") if want == "failed" else ():
        if not a_text(error.get(name)):
            yield Finding(f"{at}.error.{name}", want="a non-empty string", got=error.get(name))


@check(
    MUST,
    spec="ResponseStreamEvent.output_index",
    broken_by=[
        drop("events[4].output_index").also("responses.stream_text_done"),
        drop("events[4].content_index").also("responses.stream_text_done"),
        drop("events[4].item_id"),
    ],
)
def stream_output_index(stream: ResponseStream) -> Findings:
    """Events of an item carry its output_index, those of text its item_id and content_index too.

    openai-node 6.49 raises "missing output at index undefined".
    """
    yield from stream.breaks(
        "events[*].output_index", "events[*].content_index", "events[*].item_id", "events[*].item"
    )


@check(MAY, spec="ResponseTextDeltaEvent.logprobs", broken_by=[edit("events[4].logprobs", {})])
def stream_logprobs_key(stream: ResponseStream) -> Findings:
    """Where a text event has logprobs, they are an array.

    They are empty unless asked for.
    """
    yield from stream.breaks("events[*].logprobs.**")


@check(
    MUST,
    spec="CreateResponse.stream",
    broken_by=[drop("request.stream").on("responses.stream")],
)
def stream_unasked(reply: ResponseObject | ResponseStream) -> Findings:
    """An answer is one JSON document unless a stream was asked for.

    Clients parse the body as JSON and fail at "event:".
    """
    only_if(reply.request.get("input"), "the request is not known")
    only_if(not reply.request.get("stream"), "a stream was asked for")
    if isinstance(reply, ResponseStream):
        yield Finding("body", want="a JSON document", got=reply.response.body[:80])
