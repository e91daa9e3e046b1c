"""Event streams, read from bytes by the WHATWG algorithm (HTML sections 9.2.5 and 9.2.6).

What a client would be given is in :attr:`EventStream.events`; the rest of :class:`EventStream`
keeps what clients forgive or trip over, with byte offsets, so that a check can judge the framing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_LINE: Final = 16 * 2**20
"""How many bytes one line may have, its end included."""
MAX_EVENTS: Final = 100_000
"""How many events one stream may have."""
MAX_BYTES: Final = 64 * 2**20
"""How many bytes one stream may have."""
NOTED: Final = 10_000
"""How many lines of each kind (comments, stray lines, ids, ...) are kept: the first ones."""

_BOM: Final = b"\xef\xbb\xbf"


class StreamTooLong(ValueError):  # noqa: N818  # it is a verdict on the stream, like a name
    """Raised by :class:`Parser` when a stream passes one of its limits; the message says which."""


@dataclass(frozen=True, slots=True)
class Event:
    """One block of lines that has data; ``start`` and ``end`` are byte offsets in the stream."""

    data: str
    """The values of the data fields joined with line feeds; invalid UTF-8 becomes U+FFFD."""
    event: str
    """The value of the last event field, empty when there is none."""
    id: str
    """The last event id in force, which an earlier event may have set."""
    raw: bytes
    """The block as sent, the blank line that ends it included."""
    start: int
    end: int
    data_fields: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line and the byte offset it starts at.

    ``text`` is what follows the colon (and one space) of a comment or field, or the whole of a
    stray line; never its line end.
    """

    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class EventStream:
    """A whole event stream. No more than the first :data:`NOTED` lines of each kind are kept."""

    events: tuple[Event, ...]
    """What a client dispatches, in order (section 9.2.6)."""
    unterminated: Event | None
    """A last block with data that no blank line ended: WHATWG drops it, SDKs use it."""
    comments: tuple[Line, ...]
    stray: tuple[Line, ...]
    """Lines that are neither empty, nor a comment, nor a field named data, event, id or retry."""
    ids: tuple[Line, ...]
    """Every id field, also one with a NUL, which clients ignore."""
    retries: tuple[Line, ...]
    """Every retry field of only ASCII digits; clients ignore any other."""
    keepalives_after_id: tuple[Line, ...]
    """The last comment of each block that has one, has no data, and ended with a blank line while
    an id was in force: openai-python makes an event without data of such a block."""
    line_endings: frozenset[str]
    r"""Which of ``\n``, ``\r\n`` and ``\r`` the stream uses."""
    bom: bool
    invalid_utf8_at: int | None
    """The offset of the first byte sequence that is not UTF-8, in the whole stream."""


def parse(body: bytes) -> EventStream:
    """Read a whole stream, whose size whoever read ``body`` has bounded already.

    Raises :class:`StreamTooLong` when it has more than :data:`MAX_EVENTS` events.
    """
    parser = Parser(max_line=len(body), max_bytes=len(body))
    parser.feed(body)
    return parser.close()


class Parser:
    """Reads a stream piece by piece; how it is cut into pieces does not change the result.

    A carriage return that ends a piece may be half a line end, so it counts from the next byte on.
    A piece's cost is linear in its length. Raises :class:`StreamTooLong` over a limit.
    """

    def __init__(
        self,
        *,
        max_line: int = MAX_LINE,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Start before the first byte, with limits in the units of their defaults."""
        self._max_line = max_line
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._rest = bytearray()  # the line that has not ended yet
        self._fed = 0
        self._offset = 0  # where the line being read starts
        self._bom = False
        self._invalid_utf8_at: int | None = None
        self._line_endings: set[str] = set()
        self._events: list[Event] = []
        self._comments: list[Line] = []
        self._stray: list[Line] = []
        self._ids: list[Line] = []
        self._retries: list[Line] = []
        self._keepalives: list[Line] = []
        self._id = ""
        self._start_block(0)

    def _start_block(self, offset: int) -> None:
        self._block_start = offset
        self._block: list[bytes] = []
        self._data: list[bytes] = []
        self._event = ""
        self._comment: tuple[int, bytes] | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that ``data`` completes."""
        known = len(self._events)
        self._fed += len(data)
        _limit(self._fed, self._max_bytes, "The stream is longer than {} bytes.")
        ends = b"\n" in data or b"\r" in data or self._rest.endswith(b"\r")
        self._rest += data
        if ends:
            text = bytes(self._rest)
            self._read_lines(text, max(text.rfind(b"\n"), text.rfind(b"\r", 0, -1)) + 1)
        _limit(len(self._rest), self._max_line, "A line is longer than {} bytes.")
        return self._events[known:]

    def close(self) -> EventStream:
        """Return the whole stream, with what only its end could settle."""
        self._read_lines(bytes(self._rest), len(self._rest))
        return EventStream(
            events=tuple(self._events),
            unterminated=self._block_as_event(self._offset) if self._data else None,
            comments=tuple(self._comments),
            stray=tuple(self._stray),
            ids=tuple(self._ids),
            retries=tuple(self._retries),
            keepalives_after_id=tuple(self._keepalives),
            line_endings=frozenset(self._line_endings),
            bom=self._bom,
            invalid_utf8_at=self._invalid_utf8_at,
        )

    def _read_lines(self, text: bytes, end: int) -> None:
        """Read the lines of ``text`` up to ``end``, where one ends, and keep the rest for later."""
        self._rest = bytearray(text[end:])
        text = text[:end]
        if self._offset == 0 and text.startswith(_BOM):
            self._bom = True
            text = text[len(_BOM) :]
            self._offset = len(_BOM)
            self._start_block(self._offset)
        self._note_encoding(text)
        # Unlike str, bytes are split at LF, CRLF and CR only, which is just the grammar's set.
        for line in text.splitlines(keepends=True):
            self._read_line(line)

    def _note_encoding(self, text: bytes) -> None:
        """Note line ends and invalid UTF-8 of whole lines: neither can reach across their end."""
        pairs = text.count(b"\r\n")
        found = {"\r\n": pairs, "\r": text.count(b"\r") - pairs, "\n": text.count(b"\n") - pairs}
        self._line_endings.update(ending for ending, count in found.items() if count)
        if self._invalid_utf8_at is None:
            try:
                text.decode()
            except UnicodeDecodeError as error:
                self._invalid_utf8_at = self._offset + error.start

    def _read_line(self, line: bytes) -> None:
        _limit(len(line), self._max_line, "A line is longer than {} bytes.")
        self._block.append(line)
        content = line.rstrip(b"\r\n")
        if content:
            self._read_field(content)
        else:
            self._end_block(self._offset + len(line))
        self._offset += len(line)

    def _read_field(self, content: bytes) -> None:
        name, _, value = content.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = _text(value)
        elif name == b"id":
            self._note(self._ids, value)
            if b"\0" not in value:
                self._id = _text(value)
        elif name == b"retry":
            if value.isdigit():
                self._note(self._retries, value)
        elif not name:
            self._note(self._comments, value)
            self._comment = self._offset, value
        else:
            self._note(self._stray, content)

    def _note(self, lines: list[Line], text: bytes) -> None:
        if len(lines) < NOTED:
            lines.append(Line(self._offset, _text(text)))

    def _end_block(self, end: int) -> None:
        if self._data:
            self._events.append(self._block_as_event(end))
            _limit(len(self._events), self._max_events, "The stream has more than {} events.")
        elif self._comment and self._id and len(self._keepalives) < NOTED:
            offset, text = self._comment
            self._keepalives.append(Line(offset, _text(text)))
        self._start_block(end)

    def _block_as_event(self, end: int) -> Event:
        return Event(
            data=_text(b"\n".join(self._data)),
            event=self._event,
            id=self._id,
            raw=b"".join(self._block),
            start=self._block_start,
            end=end,
            data_fields=len(self._data),
        )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _limit(size: int, most: int, sentence: str) -> None:
    if size > most:
        raise StreamTooLong(sentence.format(f"{most:,}"))
