"""Streams through an adapter: what is asked for, and what is passed on."""

from __future__ import annotations

from typing import Final

from conformance.model import MISSING, Finding, Findings
from conformance.mutate import all_of, drop, edit, insert
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import ChatStream, Stream, an_object
from conformance.suites.adapter._both_sides import said, sent_on

COUNTS: Final = ("prompt_tokens", "completion_tokens")


@check(
    SHOULD,
    spec="ChatCompletionStreamOptions.include_usage",
    broken_by=[
        all_of(
            edit("events[-2].usage.prompt_tokens", 15), edit("events[-2].usage.total_tokens", 74)
        )
        .on("adapter.stream")
        .also("chat.usage_stable_prompt", "stream.usage_equals_nonstream"),
        drop("events[-2]").on("adapter.stream").also("stream.usage_chunk_present"),
    ],
)
def stream_usage_preserved(stream: ChatStream) -> Findings:
    """The usage that was asked for and came from the other side is passed on as it came.

    Clients bill and budget by it.
    """
    options = an_object(stream.request.get("stream_options"))
    only_if(options.get("include_usage") is True, "no usage was asked for")
    spent = said(stream).usage
    only_if(spent, "the other side sent no usage")
    inconclusive_if(stream.interrupted, "the stream was interrupted")
    at, got = stream.usage or ("usage", {})
    for name, count in zip(COUNTS, spent or (), strict=False):
        if got.get(name) != count:
            yield Finding(f"{at}.{name}", want=count, got=got.get(name, MISSING))


@check(
    MUST,
    spec="WHATWG HTML 9.2.6",
    broken_by=[
        insert("events[1]", "data: : ping\n\n").on("adapter.stream").also("stream.sse_data_is_json")
    ],
)
def stream_comments_not_data(stream: Stream) -> Findings:
    """A comment that keeps the connection alive is not turned into data.

    SDKs parse all data as JSON, and raise on it.
    """
    sent_on(stream)
    for i, event in enumerate(stream.events):
        if event.data.lstrip().startswith(":"):
            yield Finding(f"events[{i}]", want="a comment or nothing", got=event.data)
