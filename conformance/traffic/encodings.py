"""Undoing a content encoding (RFC 9110 section 8.4) without trusting what it says it is."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Final

import brotli  # type: ignore[import-untyped]  # brotli ships no types

from conformance.model import Headers
from conformance.traffic.limits import BLOCK, MAX_BODY, UnusableError

_MAX_ENCODINGS = 4
_GZIP_MAGIC = b"\x1f\x8b"


def decoded(fields: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Undo the content encoding of a recorded body, unless its recorder already has.

    The fields that no longer describe the body go with it. Raises UnusableError for a body that
    is damaged, expands beyond the limit or is encoded in a way that we can't undo.
    """
    listed = [name.strip().lower() for name in (fields.get("content-encoding") or "").split(",")]
    names = [name for name in listed if name not in {"", "identity"}]
    if not names:
        return fields, body
    if len(names) > _MAX_ENCODINGS:
        raise UnusableError(f"{len(names)} content encodings")
    for name in reversed(names):
        if body and name in _DECODERS:
            body = _DECODERS[name](body)
        elif not _is_text(body):
            raise UnusableError(f"content-encoding {name[:20]!r} can't be undone")
    return without_encoding(fields), body


def without_encoding(fields: Headers) -> Headers:
    """Drop the fields that describe a body only as it was on the wire."""
    return fields.replaced("content-encoding", None).replaced("content-length", None)


def _gunzip(body: bytes) -> bytes:
    return _inflate("gzip", body, zlib.MAX_WBITS | 16) if body.startswith(_GZIP_MAGIC) else body


def _undeflate(body: bytes) -> bytes:
    try:
        return _inflate("deflate", body, zlib.MAX_WBITS)
    except _DamagedError:
        # Some send the bare deflate data, without the zlib wrapping (RFC 9110 section 8.4.1.2).
        try:
            return _inflate("deflate", body, -zlib.MAX_WBITS)
        except _DamagedError:
            if _is_text(body):
                return body
        raise


def _inflate(name: str, body: bytes, wbits: int) -> bytes:
    machine = zlib.decompressobj(wbits)
    try:
        plain = machine.decompress(body, MAX_BODY + 1)
    except zlib.error as error:
        raise _DamagedError(f"damaged {name} body: {error}") from None
    _check_size(name, plain)
    if not machine.eof:
        raise _DamagedError(f"a body ends in the middle of {name} data")
    return plain


def _unbrotli(body: bytes) -> bytes:
    try:
        return _brotli(body)
    except brotli.error as error:
        if _is_text(body):
            return body
        raise _DamagedError(f"damaged br body: {error}") from None


def _brotli(body: bytes) -> bytes:
    machine = brotli.Decompressor()
    plain = bytearray(machine.process(body, output_buffer_limit=BLOCK))
    while not machine.is_finished():
        if machine.can_accept_more_data():
            raise brotli.error("it ends in the middle")
        plain += machine.process(b"", output_buffer_limit=BLOCK)
        _check_size("br", plain)
    return bytes(plain)


def _check_size(name: str, plain: bytes | bytearray) -> None:
    if len(plain) > MAX_BODY:
        raise UnusableError(f"a {name} body expands beyond {MAX_BODY} bytes")


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


class _DamagedError(UnusableError):
    """A body isn't what its content encoding says."""


_DECODERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
}
