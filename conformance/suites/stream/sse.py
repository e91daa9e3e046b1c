"""How the events of a stream are written down: of chat, legacy completions and responses alike."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

from conformance.model import MISSING, Evidence, Finding, Findings
from conformance.mutate import change, drop, edit, insert, raw
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import ChatStream, CompletionStream, Stream
from conformance.sse import Event
from conformance.suites.stream.done import is_sentinel
from conformance.suites.stream.kept import may_be_cut, only_if_kept

FIELD: Final = re.compile(r"[A-Za-z][\w-]*(:.*)?", re.DOTALL)
"""A line that a client may take for a field it doesn't know, and skip."""


def place(stream: Stream, offset: int) -> str:
    """The event that holds the byte at ``offset``, or the body when none does."""
    i = bisect_right(stream.events, offset, key=lambda event: event.end)
    held = i < len(stream.events) and stream.events[i].start <= offset
    return f"events[{i}]" if held else "body"


def lines_run_together(event: Event) -> bool:
    """Whether several chunks became one event because no blank line stands between them."""
    lines = event.data.split("\n")
    return event.data_fields > 1 and all(_whole(line) for line in lines if line)


def _whole(line: str) -> bool:
    return is_sentinel(line) or (line.startswith("{") and line.rstrip().endswith("}"))


@check(
    MUST,
    spec="WHATWG HTML 9.2.1 and 9.2.5 (text/event-stream)",
    covers=["responses.stream.content_type"],
    broken_by=[
        edit("headers.content-type", "text/plain; charset=utf-8"),
        edit("headers.content-type", "application/json"),
        drop("headers.content-type"),
    ],
)
def sse_content_type(stream: Stream) -> Findings:
    """A stream is declared as text/event-stream.

    openai-python 3.52 and openai-node 6.49 read it all the same; browsers' EventSource refuses it,
    and proxies buffer what they don't know to be a stream.
    """
    if stream.media_type != "text/event-stream":
        got = stream.header("content-type")
        masked = stream.lacks(Evidence.HEADERS) and "/" not in (got or "")
        only_if(not masked, "the recorder masked the header")
        yield Finding("headers.content-type", "text/event-stream", MISSING if got is None else got)


@check(
    MUST,
    spec="WHATWG HTML 9.2.1 (charset)",
    broken_by=[edit("headers.content-type", "text/event-stream; charset=iso-8859-1")],
)
def sse_charset_utf8(stream: Stream) -> Findings:
    """A charset that is declared for a stream is utf-8.

    Clients decode event streams as UTF-8 whatever is declared; anything between that does obey the
    declaration garbles the text.
    """
    declared = stream.header("content-type") or ""
    found = re.search(r';\s*charset\s*=\s*"?([^";\s]*)', declared, re.IGNORECASE)
    if found and found[1].lower() not in ("utf-8", "utf8"):
        yield Finding("headers.content-type", "charset=utf-8", declared)


@check(
    MUST,
    spec="WHATWG HTML 9.2.5 (UTF-8)",
    needs=[Evidence.FRAMING],
    broken_by=[
        change(
            "events[1]",
            lambda event: event.replace(b'"content":"', b'"content":"\xf0\x9f'),
            "half an emoji in events[1]",
        )
    ],
)
def sse_valid_utf8(stream: Stream) -> Findings:
    """A stream is UTF-8 throughout, and no event holds only half of a character.

    openai-python 3.52 raises UnicodeDecodeError, openai-node 6.49 shows U+FFFD in its place.
    """
    offset = stream.sse.invalid_utf8_at
    if offset is not None:
        only_if_kept(stream)
        cut = stream.lacks(Evidence.TAIL) and offset >= len(stream.response.body.rstrip()) - 4
        inconclusive_if(cut, "the recording ends in the middle of a character")
        found = stream.response.body[offset : offset + 4].hex(" ")
        yield Finding(place(stream, offset), "UTF-8", f"bytes {found} at offset {offset}")


@check(
    MUST,
    spec="WHATWG HTML 9.2.6 (an empty line dispatches the event)",
    needs=[Evidence.FRAMING],
    broken_by=[raw(b"\n\n", b"\n", every=True)],
)
def sse_blank_line_dispatch(stream: Stream) -> Findings:
    """Every event ends with an empty line.

    With single line feeds openai-python 3.52 and openai-node 6.49 see no chunk at all and end the
    loop as if the answer were empty.
    """
    only_if_kept(stream)
    for i, event in enumerate(stream.events):
        if lines_run_together(event):
            got = f"{event.data_fields} data lines without one"
            yield Finding(f"events[{i}]", "an empty line after each event", got)


@check(
    SHOULD,
    spec="OpenAI API reference: Streaming",
    needs=[Evidence.FRAMING],
    broken_by=[
        change("events[1]", lambda event: event.replace(b',"', b',\ndata: "', 1), "two data lines")
    ],
)
def sse_multiline_data(stream: Stream) -> Findings:
    """Each chunk is written on one data line.

    Several lines are correct and both official SDKs join them; the many clients that read a stream
    line by line fail to parse the pieces.
    """
    for i, event in enumerate(stream.events):
        if event.data_fields > 1 and not lines_run_together(event):
            yield Finding(f"events[{i}]", "one data line", f"{event.data_fields} data lines")


@check(
    MUST,
    spec="WHATWG HTML 9.2.6 (every line is a comment or a field)",
    needs=[Evidence.FRAMING],
    broken_by=[change("events[1]", lambda event: event.replace(b',"', b',\n  "'), "pretty JSON")],
)
def sse_no_raw_newline(stream: Stream) -> Findings:
    """Every line of a stream is empty, a comment or a field; JSON is not broken over bare lines.

    Clients skip such lines: openai-python 3.52 and openai-node 6.49 then throw on half a JSON text.
    """
    only_if_kept(stream)
    for line in stream.sse.stray:
        if not FIELD.fullmatch(line.text):
            yield Finding(place(stream, line.offset), "a field, a comment or no line", line.text)


@check(
    MUST,
    spec="measured: openai-python 3.52 and openai-node 6.49",
    broken_by=[insert("events[1]", "data:\n\n"), insert("events[1]", "data: \n\n")],
)
def sse_no_empty_data(stream: Stream) -> Findings:
    """No event has empty data.

    openai-python 3.52 raises JSONDecodeError, openai-node 6.49 throws "Unexpected end of JSON
    input"; a comment line is the way to keep a connection alive.
    """
    for i, event in enumerate(stream.events):
        if not event.data.strip() and not may_be_cut(stream, event):
            yield Finding(f"events[{i}]", "data, or a comment instead", event.data)


@check(
    MUST,
    spec="OpenAI API reference: Streaming",
    broken_by=[
        insert("events[1]", "data: : PROCESSING\n\n"),
        edit("events[1]", "data: {'id': 'chatcmpl-1'}\n\n"),
        insert("events[1]", "data: null\n\n"),
    ],
    covers=["stream.error.mid_not_text"],
)
def sse_data_is_json(stream: Stream) -> Findings:
    """The data of every event is a JSON object or [DONE].

    openai-python 3.52 and openai-node 6.49 throw where the data is not JSON, which ends the answer.
    """
    only_if_kept(stream)
    stray = {place(stream, line.offset) for line in stream.sse.stray}
    objects = {at for at, _ in stream.payloads}
    for i, event in enumerate(stream.events):
        at = f"events[{i}]"
        meant = at in objects or is_sentinel(event.data)
        told_elsewhere = at in stray or lines_run_together(event) or not event.data.strip()
        if not meant and not told_elsewhere and not may_be_cut(stream, event):
            yield Finding(at, "a JSON object or [DONE]", event.data)


@check(
    SHOULD,
    spec="measured: openai-python 3.52",
    needs=[Evidence.FRAMING],
    broken_by=[
        change("events[0]", lambda event: b"id: 1\n" + event + b": ping\n\n", "an id, then a ping")
    ],
)
def sse_id_plus_keepalive(stream: Stream) -> Findings:
    """A stream with event ids sends no comment that is followed by an empty line.

    Correct by the standard, but openai-python 3.52 makes an event without data of it and raises
    JSONDecodeError; openai-node 6.49 is unharmed.
    """
    for line in stream.sse.keepalives_after_id:
        want = "no comment as an event of its own after an id"
        yield Finding(place(stream, line.offset), want, f": {line.text}")


@check(
    SHOULD,
    spec="measured: openai-python 3.52",
    needs=[Evidence.FRAMING],
    broken_by=[change("events[0]", lambda event: b"\xef\xbb\xbf" + event, "a byte order mark")],
)
def sse_no_bom(stream: Stream) -> Findings:
    """A stream does not start with a byte order mark.

    Correct by the standard, but openai-python 3.52 silently loses the first chunk.
    """
    if stream.sse.bom:
        yield Finding("body", "no byte order mark", "EF BB BF")


@check(
    SHOULD,
    spec="OpenAI API reference: Streaming",
    broken_by=[change("events[1]", lambda event: b"event: chunk\n" + event, "event: chunk")],
)
def sse_event_field(stream: ChatStream | CompletionStream) -> Findings:
    """Events of chat and completion streams have no name other than message or error.

    Clients that ignore names take the event's data for a chunk: openai-node 6.49 throws
    "chunk.choices is not iterable".
    """
    for i, event in enumerate(stream.events):
        if event.event not in ("", "message", "error"):
            yield Finding(f"events[{i}]", "no event name, or message or error", event.event)


@check(
    SHOULD,
    spec="WHATWG HTML 9.2.6 (an event that the end of the stream cuts is discarded)",
    needs=[Evidence.TAIL],
    broken_by=[
        change("events[-1]", lambda event: event.rstrip(b"\n") + b"\n", "no last empty line")
    ],
)
def sse_final_blank(stream: Stream) -> Findings:
    """The last event is ended by an empty line too.

    The official SDKs use an event without it; a client that follows the standard drops it.
    """
    only_if(not stream.exchange.failure, "the connection failed")
    last = stream.sse.unterminated
    if last is not None and not lines_run_together(last):
        yield Finding(f"events[{len(stream.events) - 1}]", "an empty line at the end", last.data)
