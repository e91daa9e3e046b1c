"""When the events of a stream arrived."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Final

from conformance.model import Evidence, Finding, Findings
from conformance.mutate import all_of, arrive, edit
from conformance.registry import SHOULD, check, inconclusive_if, only_if
from conformance.replies import ChatStream, CompletionStream, Stream, an_object, is_int

ENOUGH: Final = 50
"""How many tokens it takes to tell a buffered answer from one that came in few packets."""
QUICK: Final = 1.0
"""How many seconds an answer may take in all before buffering it would be felt."""
FASTEST: Final = 5000
"""More tokens a second than any hardware makes of one answer."""


def arrivals(stream: Stream) -> list[float | None]:
    """When each event was complete, in seconds since the request; None where it isn't known."""
    chunks = stream.response.chunks
    ends = list(accumulate(len(chunk.data) for chunk in chunks))
    return [chunks[bisect_left(ends, event.end)].at for event in stream.events]


def _carrying(stream: ChatStream | CompletionStream) -> set[str]:
    """The events that carry some of the answer: text, reasoning, a call, not only a role."""
    if isinstance(stream, CompletionStream):
        carrying = {at for at, choice in stream.choices if choice.get("text")}
    else:
        carrying = {
            at
            for at, _, delta in stream.deltas
            if any(value for name, value in delta.items() if name != "role")
        }
    return {at.partition(".")[0] for at in carrying}


@check(
    SHOULD,
    spec="OpenAI API reference: Streaming",
    covers=["stream.sse.not_gzip_buffered"],
    needs=[Evidence.TIMING],
    broken_by=[
        arrive("events[*]", 3.0),
        all_of(edit("headers.content-encoding", "gzip"), arrive("events[*]", 3.0)),
    ],
)
def sse_incremental(stream: ChatStream | CompletionStream) -> Findings:
    """Events are sent as they are made, compressed or not, and not all together at the end.

    The user of a buffered stream looks at nothing until the whole answer is there.
    """
    carrying = _carrying(stream)
    known = enumerate(arrivals(stream))
    times = [at for i, at in known if at is not None and f"events[{i}]" in carrying]
    tokens = max(_visible_tokens(stream), len(times))
    inconclusive_if(tokens < ENOUGH, f"the answer has fewer than {ENOUGH} tokens")
    only_if(times, "the times are not known")
    inconclusive_if(max(times) < QUICK, f"the whole answer took less than {QUICK:g} s")
    spread = max(times) - min(times)
    if spread * FASTEST < tokens:
        got = f"{tokens} tokens within {spread:.3f} s, {max(times):.1f} s after the request"
        yield Finding("body", "the answer piece by piece, as it is made", got)


def _visible_tokens(stream: ChatStream | CompletionStream) -> int:
    """The completion tokens that are not hidden reasoning; 0 where they are not told."""
    usage = stream.usage[1] if stream.usage else {}
    spent = usage.get("completion_tokens")
    hidden = an_object(usage.get("completion_tokens_details")).get("reasoning_tokens")
    return spent - (hidden if is_int(hidden) else 0) if is_int(spent) else 0
