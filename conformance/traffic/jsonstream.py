"""Finding the recorded exchanges in a JSON file of any size, one at a time.

A JSON parser wants the whole file, and a streaming one the whole of each string. This scanner only
looks for quotes and brackets, so it never holds more than one entry, knows each entry's line, and
goes on after an entry that is damaged or too large.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import BinaryIO, Final

from conformance.traffic.bodies import parse_json
from conformance.traffic.limits import BLOCK, MAX_DEPTH, MAX_ENTRY, HopelessError, UnusableError

_TEXT = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_MARK = re.compile(rb'["{}\[\]]')
_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_STEPS = {bracket: 1 if bracket in b"{[" else -1 for bracket in b"{}[]"}
_LONGEST_NAME = 32

ARRAYS: Final = {"[", "{interactions[", "{http_interactions[", "{log{entries["}
"""Where entries are: every open bracket from the outside in, each after its own member's name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of an array of exchanges, or why it can't be read; lines and numbers from 1."""

    line: int
    number: int | None
    value: object


def lines(file: BinaryIO) -> Iterator[Entry]:
    """Read JSON lines; a line that is too long costs its own entry and no memory."""
    number = 0
    while line := file.readline(MAX_ENTRY + 1):
        number += 1
        if len(line) > MAX_ENTRY:
            while not line.endswith(b"\n") and (line := file.readline(BLOCK)):
                pass
            yield Entry(number, None, too_large())
        elif not line.isspace():
            yield Entry(number, None, parsed(line.removeprefix(b"\xef\xbb\xbf")))


def entries(file: BinaryIO) -> Iterator[Entry]:
    """Read the entries of a HAR file or of a JSON cassette.

    Raises HopelessError where the rest of the file can't be told apart.
    """
    scanner = _Scanner()
    while block := file.read(BLOCK):
        yield from scanner.feed(block)
    if scanner.names:
        raise HopelessError("ends in the middle of the JSON text", scanner.line)


def parsed(data: bytes | bytearray) -> object:
    """Return the value of a JSON text, or the error that says why there is none."""
    try:
        return parse_json(data)
    except UnusableError as error:
        return error


def too_large() -> UnusableError:
    """Return the error for an entry that no limit allows."""
    return UnusableError(f"larger than {MAX_ENTRY} bytes")


class _Scanner:
    """Cuts the entries out of JSON text that arrives in blocks of any length."""

    def __init__(self) -> None:
        self.line = 1
        self.names: list[str] = []
        self._rest = b""
        self._in_string = False
        self._string = b""
        self._number = 0
        self._start = 1
        self._depth = 0
        self._entry = bytearray()
        self._oversized = False

    def feed(self, block: bytes) -> Iterator[Entry]:
        """Take one more block; yield the entries that end in it."""
        data = self._rest + block
        self._rest = b""
        at = 0
        while at < len(data):
            if self._in_string:
                at = self._through_string(data, at)
            elif not self._depth:
                at = self._outside(data, at)
            else:
                at = self._inside(data, at)
                if not self._depth:
                    yield self._finished()

    def _through_string(self, data: bytes, at: int) -> int:
        end = _TEXT.match(data, at).end()  # type: ignore[union-attr]  # it matches ""
        if data[end : end + 1] == b'"':
            self._in_string = False
            end += 1
        else:
            # Nothing, or a backslash whose second half is in the next block.
            self._rest = data[end:]
        if self._depth:
            self._keep(data[at:end])
        elif len(self._string) <= _LONGEST_NAME:
            self._string += data[at : min(end, at + _LONGEST_NAME)]
        return end + len(self._rest)

    def _inside(self, data: bytes, at: int) -> int:
        quote = data.find(b'"', at)
        text = data[at : quote if quote >= 0 else len(data)]
        if end := self._closing(text):
            text = text[:end]
        elif quote >= 0:
            text += b'"'
            self._in_string = True
        self.line += text.count(b"\n")
        self._keep(text)
        return at + len(text)

    def _closing(self, text: bytes) -> int:
        """Return where the entry ends in ``text``, which is outside strings, or 0."""
        brackets = text.translate(None, _NO_BRACKETS)
        closing = brackets.count(b"}") + brackets.count(b"]")
        if closing < self._depth:
            self._depth += len(brackets) - 2 * closing
            return 0
        levels = list(accumulate(map(_STEPS.__getitem__, brackets), initial=self._depth))
        if 0 not in levels:
            self._depth = levels[-1]
            return 0
        self._depth = 0
        return next(islice(_MARK.finditer(text), levels.index(0) - 1, None)).end()

    def _outside(self, data: bytes, at: int) -> int:
        mark = _MARK.search(data, at)
        end = mark.end() if mark else len(data)
        self.line += data.count(b"\n", at, end)
        if mark and mark[0] == b'"':
            self._in_string = True
            self._string = b""
        elif mark and mark[0] in b"{[":
            self._open(mark[0])
        elif mark and self.names:
            self.names.pop()
        elif mark:
            raise HopelessError("not JSON: a bracket closes that was never opened", self.line)
        return end

    def _open(self, bracket: bytes) -> None:
        if "".join(self.names) in ARRAYS:
            self._number += 1
            self._start = self.line
            self._depth = 1
            self._keep(bracket)
            return
        if len(self.names) >= MAX_DEPTH:
            raise HopelessError("nested too deeply", self.line)
        name = self._string.rstrip(b'"').decode("latin-1")
        self.names.append(name + bracket.decode())
        self._string = b""

    def _keep(self, text: bytes) -> None:
        if not self._oversized:
            self._entry += text
            if len(self._entry) > MAX_ENTRY:
                self._oversized = True
                self._entry = bytearray()

    def _finished(self) -> Entry:
        value = too_large() if self._oversized else parsed(self._entry)
        self._entry = bytearray()
        self._oversized = False
        return Entry(self._start, self._number, value)
