"""Undoing a content encoding chunk by chunk, so that each keeps the time it arrived at.

We ask for none (``accept-encoding: identity``); some servers and proxies encode all the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import brotli  # type: ignore[import-untyped]  # brotli ships no types

from conformance.model import Chunk, Failure, Headers

MAX_ENCODINGS: Final = 4
_BLOCK: Final = 1 << 16


def decoded(
    headers: Headers, chunks: tuple[Chunk, ...], limit: int
) -> tuple[tuple[Chunk, ...], Failure | None]:
    """The chunks without the content encoding (RFC 9110 section 8.4) that ``headers`` name.

    With data that can't be decoded comes a failure. What was decoded before the fault is kept; if
    that is nothing, the chunks as they came. No more than ``limit`` bytes are decoded.
    """
    listed = ",".join(value for name, value in headers if name.lower() == "content-encoding")
    names = [name.strip().lower() for name in listed.split(",")]
    names = [name for name in names if name not in {"", "identity"}]
    if len(names) > MAX_ENCODINGS:
        return chunks, Failure("decoding_error", f"{len(names)} content encodings")
    for name in reversed(names):
        if name not in _DECODERS:
            unknown = f"content-encoding {name[:20]!r} can't be undone"
            return chunks, Failure("decoding_error", unknown) if chunks else None
        chunks, failure = _undone(name, chunks, limit)
        if failure:
            return chunks, failure
    return chunks, None


def _undone(
    name: str, chunks: tuple[Chunk, ...], limit: int
) -> tuple[tuple[Chunk, ...], Failure | None]:
    decoder = _DECODERS[name]()
    plain: list[Chunk] = []
    for chunk in chunks:
        try:
            data = decoder.feed(chunk.data, limit + 1)
        except (zlib.error, brotli.error) as error:
            fault = Failure("decoding_error", f"damaged {name} data: {error}", chunk.at)
            return tuple(plain) or chunks, fault
        if data:
            plain.append(Chunk(data[:limit], chunk.at))
        if len(data) > limit:
            fault = Failure("too_long", f"the {name} data expands beyond our limit", chunk.at)
            return tuple(plain), fault
        limit -= len(data)
    if chunks and not decoder.finished:
        ended = Failure("decoding_error", f"it ends in the middle of {name} data", chunks[-1].at)
        return tuple(plain) or chunks, ended
    return tuple(plain), None


class _Decoder(Protocol):
    @property
    def finished(self) -> bool:
        """Whether the data are complete."""

    def feed(self, data: bytes, most: int) -> bytes:
        """Decode ``data`` to at most some ``most`` bytes; raises zlib.error or brotli.error."""


class _Inflate:
    """zlib's formats, of which the first that the data begin with is taken."""

    _HEADER = 2

    def __init__(self, *formats: int) -> None:
        self._begun = b""
        self._machine, *self._others = [zlib.decompressobj(bits) for bits in formats]

    @property
    def finished(self) -> bool:
        return self._machine.eof

    def feed(self, data: bytes, most: int) -> bytes:
        if self._others:  # whether it is the first format shows in the header, which may be cut
            self._begun = data = self._begun + data
            if len(data) < self._HEADER:
                return b""
        others, self._others = self._others, []
        try:
            return self._machine.decompress(data, most)
        except zlib.error:
            if not others:
                raise
        self._machine, *self._others = others
        self._begun = b""
        return self.feed(data, most)


class _Brotli:
    def __init__(self) -> None:
        self._machine = brotli.Decompressor()

    @property
    def finished(self) -> bool:
        return bool(self._machine.is_finished())

    def feed(self, data: bytes, most: int) -> bytes:
        plain = bytearray(self._machine.process(data, output_buffer_limit=_BLOCK))
        while not self._machine.can_accept_more_data() and len(plain) < most:
            plain += self._machine.process(b"", output_buffer_limit=_BLOCK)
        return bytes(plain)


def _gzip() -> _Decoder:
    return _Inflate(zlib.MAX_WBITS | 16)


def _deflate() -> _Decoder:
    # Some send the bare deflate data, without the zlib wrapping (RFC 9110 section 8.4.1.2).
    return _Inflate(zlib.MAX_WBITS, -zlib.MAX_WBITS)


_DECODERS: Final[Mapping[str, Callable[[], _Decoder]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _Brotli,
}
