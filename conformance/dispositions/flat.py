"""A request as its smallest parts, each with its place, so that two can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from conformance import jsontext
from conformance.model import Request

Leaves = Mapping[str, str]
"""Place -> the value there as JSON text; empty arrays and objects are values, too."""
MOST: Final = 2_000
"""How many parts of one request are kept."""
LONGEST: Final = 200
"""Characters of a value that are kept as they are; a digest stands for a longer one."""
SHOWN: Final = 60
"""Characters of a value that are shown."""
VOLATILE: Final = frozenset(
    {
        *("accept", "accept-encoding", "authorization", "connection", "content-length"),
        *("content-md5", "cookie", "date", "host", "idempotency-key", "traceparent"),
        *("transfer-encoding", "user-agent", "x-client-request-id", "x-request-id"),
    }
)
"""Header fields that differ from request to request, or tell nothing of what is asked."""
_SIGNED: Final = ("x-amz-", "amz-sdk-", "x-stainless-")
"""The beginnings of those that signatures and SDKs add."""
_FORM: Final = "application/x-www-form-urlencoded"


def flatten(value: Any, at: str = "") -> dict[str, str]:
    """The parts of a JSON value, the first :data:`MOST` of them.

    Places are named as findings name them: ``messages[0].content``.
    """
    leaves: dict[str, str] = {}
    for place, part in _parts(value, at):
        if len(leaves) == MOST:
            break
        leaves[place] = text_of(part)
    return leaves


def _parts(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _parts(member, f"{at}.{name}" if at else str(name))
    elif isinstance(value, list) and value:
        for i, item in enumerate(value):
            yield from _parts(item, f"{at}[{i}]")
    else:
        yield at, value


def beneath(value: Any) -> dict[str, str]:
    """The parts of a value by what has to be added to its place: nothing where it is one part."""
    return {place[1:]: text for place, text in flatten(value, "=").items()}


def text_of(value: Any) -> str:
    """A value as JSON text, the same for equal numbers; a digest of it where it is long."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = json.dumps(value, sort_keys=True)
    if len(text) <= LONGEST:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def cut(text: str) -> str:
    """A part's text where it is short enough to be shown."""
    return "…" if text.startswith("sha256:") or len(text) > SHOWN else text


def parts_of(request: Request) -> dict[str, str]:
    """Everything that a request says: the parts of its body, path, query and header fields."""
    return {**_addressed(request), **_fields(request), **_body(request)}


def _addressed(request: Request) -> dict[str, str]:
    try:
        url = urlsplit(request.url)
    except ValueError:
        return {}
    query = parse_qsl(url.query, keep_blank_values=True)
    return {"path": text_of(url.path), **{f"query.{n}": _untyped(v) for n, v in query}}


def _fields(request: Request) -> dict[str, str]:
    lowered = ((name.lower(), value) for name, value in request.headers)
    return {
        f"headers.{name}": text_of(value)
        for name, value in lowered
        if name not in VOLATILE and not name.startswith(_SIGNED)
    }


def _body(request: Request) -> dict[str, str]:
    if (request.headers.get("content-type") or "").startswith(_FORM):
        pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: _untyped(value) for name, value in pairs[:MOST]}
    document = jsontext.parse(request.body)
    return {} if document.error else flatten(document.value)


def _untyped(value: str) -> str:
    """The text of a value where everything is text: what looks like a number is one."""
    read = jsontext.parse(value).value
    return text_of(read if isinstance(read, int | float) else value)


@dataclass(frozen=True, slots=True)
class Change:
    """What one request says otherwise than another; ``said`` is added, or has another value."""

    said: Leaves
    unsaid: Leaves

    def __bool__(self) -> bool:
        return bool(self.said or self.unsaid)


def change(before: Leaves, after: Leaves, noise: frozenset[str] = frozenset()) -> Change:
    """What of ``after`` is not in ``before``, and the other way round; ``noise`` left aside."""
    said = {at: text for at, text in after.items() if before.get(at) != text and at not in noise}
    unsaid = {at: text for at, text in before.items() if at not in after and at not in noise}
    return Change(said, unsaid)


def found(value: Leaves, after: Leaves, among: Leaves, name: str) -> str | None:
    """The place in ``after`` where the whole of ``value`` stands; None where it stands nowhere.

    One of the places ``among`` must be part of it. ``name`` itself comes first, then places that
    end in it.
    """
    suffix, text = next(iter(value.items()))
    places = [
        at[: len(at) - len(suffix)] for at in among if at.endswith(suffix) and among[at] == text
    ]
    whole = [
        at for at in places if at and all(after.get(at + end) == t for end, t in value.items())
    ]
    return min(whole, key=lambda at: (at != name, not at.endswith(f".{name}"), at), default=None)
