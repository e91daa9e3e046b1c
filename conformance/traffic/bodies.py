"""From what recorders store to what was on the wire: headers, body bytes, dates, ids."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any, NoReturn
from urllib.parse import urlsplit

from conformance.model import Headers, Request
from conformance.traffic.limits import Place, UnusableError

_MAX_DATE = 64
_MAX_STATUS = 999


def member(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object called ``name`` in ``value``; an absent one is empty."""
    found = value.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UnusableError(f"{name} is not an object")
    return found


def string(value: Mapping[str, Any], name: str) -> str:
    """Return the string called ``name`` in ``value``; an absent one is empty."""
    found = value.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise UnusableError(f"{name} is not a string")
    return found


def parse_json(data: bytes | bytearray) -> object:
    """Parse one JSON text as RFC 8259 has it: UTF-8, no NaN, no number beyond what we can hold.

    Raises UnusableError.
    """
    try:
        return _DECODER.decode(data.decode())
    except UnicodeDecodeError as error:
        raise UnusableError(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise UnusableError(f"not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise UnusableError("nested too deeply") from None
    except UnusableError:
        raise
    except ValueError:
        raise UnusableError("holds a number of too many digits") from None


def json_bytes(value: object) -> bytes:
    """Write ``value`` the way most servers do; half a surrogate pair becomes an escape."""
    try:
        try:
            return _ENCODER.encode(value).encode()
        except UnicodeEncodeError:
            return _ASCII_ENCODER.encode(value).encode()
    except (RecursionError, TypeError, ValueError) as error:
        raise UnusableError(f"holds a value that JSON can't: {str(error)[:100]}") from None


def text_bytes(text: str) -> bytes:
    """Return the UTF-8 bytes of ``text``, and the byte 0xNN for each U+DCNN in it.

    That is how Python's ``surrogateescape`` stores bytes that aren't UTF-8. Other lone surrogates
    are encoded as if they were characters: no valid UTF-8, but no valid text either.
    """
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def stored(value: object) -> bytes:
    """Return the body that an exchange line stores as text, as a JSON value or as null."""
    if value is None:
        return b""
    return text_bytes(value) if isinstance(value, str) else json_bytes(value)


def unbase64(text: str | bytes) -> bytes:
    """Undo base64. Raises UnusableError."""
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise UnusableError(f"not base64: {error}") from None


def headers(value: object) -> Headers:
    """Read header fields from any of the forms in use.

    ``{name: value}``, ``{name: [value, ...]}``, ``[[name, value], ...]`` and
    ``[{"name": name, "value": value}, ...]``. Raises UnusableError.
    """
    pairs: list[tuple[str, str]] = []
    if isinstance(value, dict):
        for name, values in value.items():
            several = values if isinstance(values, list) else [values]
            pairs += [(_text(name), _text(one)) for one in several]
    elif isinstance(value, list):
        pairs = [_pair(field) for field in value]
    elif value is not None:
        raise UnusableError(f"headers are a {type(value).__name__}")
    # ":status" and its like belong to HTTP/2 itself (RFC 9113 section 8.3), not to the fields.
    return Headers(pair for pair in pairs if not pair[0].startswith(":"))


def _pair(field: object) -> tuple[str, str]:
    match field:
        case {"name": name, "value": value}:
            return _text(name), _text(value)
        case [name, value]:
            return _text(name), _text(value)
    raise UnusableError("a header is neither [name, value] nor {name, value}")


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bytes():
            return value.decode("latin-1")
        case None:
            return ""
        case bool() | int() | float():
            return str(value)
    raise UnusableError(f"a header is a {type(value).__name__}")


def status(value: object) -> int | None:
    """Read a status code; None when there was no response. Raises UnusableError."""
    if value is None or value == 0:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:4])
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _MAX_STATUS:
        raise UnusableError("status is not an HTTP status code")
    return value


def host(url: str) -> str:
    """Return the host in an absolute http(s) URL, in lower case. Raises UnusableError."""
    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return parts.hostname
    except ValueError:
        pass
    raise UnusableError("the request has no absolute http URL")


def exchange_id(place: Place, request: Request) -> str:
    """Name an exchange that brought no id: the same file gives the same ids."""
    name = f"{place} {request.method} {request.url}"
    return hashlib.sha256(text_bytes(name)).hexdigest()[:32]


def moment(value: object) -> str | None:
    """Return an HTTP date (RFC 9110 section 5.6.7) as ISO 8601, and any other date as it is."""
    if not isinstance(value, str) or not value:
        return None
    try:
        return parsedate_to_datetime(value[:_MAX_DATE]).isoformat()
    except (TypeError, ValueError, IndexError, OverflowError):
        return value[:_MAX_DATE]


def _refuse(constant: str) -> NoReturn:
    raise UnusableError(f"not JSON: {constant}")


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise UnusableError("holds a number that is out of range")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_ASCII_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
