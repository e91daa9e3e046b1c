"""What a stranger's recorder may have done to a stream before anybody judges it."""

from __future__ import annotations

import re
from typing import Final

from conformance.model import Evidence
from conformance.registry import inconclusive_if
from conformance.replies import Stream
from conformance.sse import Event
from conformance.suites.http.body import breaks_off

_SIZE: Final = re.compile(r"[0-9A-Fa-f]{1,8}")
"""The size of a chunk (RFC 9112 section 7.1), which some recorders leave between the chunks."""


def only_if_kept(stream: Stream) -> None:
    """End a check of a stream's lines as inconclusive where a recorder rewrote them.

    Some indent the text, leave chunk sizes in, or store what was compressed.
    """
    if not stream.lacks(Evidence.TAIL):
        return
    moved = any(
        line.text.lstrip().startswith("data:") or _SIZE.fullmatch(line.text.strip())
        for line in stream.sse.stray
    )
    unread = not stream.events and b"data:" not in stream.response.body
    inconclusive_if(moved or unread, "the recorder may have rewritten the lines")


def may_be_cut(stream: Stream, event: Event) -> bool:
    """Whether an event is the last of a recording that ends in the middle of it."""
    ends = stream.sse.unterminated
    return stream.lacks(Evidence.TAIL) and event is ends and breaks_off(event.data or '"')


def ends_amid_event(stream: Stream) -> bool:
    """Whether a recording ends in the middle of an event, or of the empty line behind it."""
    last = stream.sse.unterminated is not None or (
        bool(stream.sse.stray) and stream.sse.stray[-1].offset >= stream.sse.events[-1].end
    )
    return stream.lacks(Evidence.TAIL) and last
