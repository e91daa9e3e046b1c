"""Edits of a good exchange: what ``broken_by`` is made of.

A place is named as in a finding: a JSON path into the body (``choices[0].index``), into a stream's
events (``events[1].id``; the events themselves are ``events[1]``), into the request
(``request.n``), ``status``, ``headers.content-type``, ``request.headers.authorization``, ``body``
for the whole body as text, and ``upstream[0].…`` for the far side of an adapter. ``[*]`` is every
item and ``[-1]`` the last.

The streams these edit are the reference's own: one chunk an event.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from conformance.model import Chunk, Exchange, Headers, Request, Response, show

Apply = Callable[[Exchange], Exchange]
Key = str | int


class DoesNotFit(ValueError):  # noqa: N818  # an answer, not an error
    """The exchange has no such place to edit."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One way to break an exchange; ``trips`` names the other checks it breaks by necessity.

    ``beside`` names further exchanges that are broken in the same way at the same time.
    """

    label: str
    apply: Apply
    reference: str | None = None
    trips: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def on(self, reference: str, *beside: str) -> Mutant:
        """The same edit, made on the reference exchange of this name, and on those beside it."""
        return replace(self, reference=reference, beside=beside)

    def also(self, *checks: str) -> Mutant:
        """The same edit, which is known to break these checks too."""
        return replace(self, trips=(*self.trips, *checks))


def edit(place: str, value: object) -> Mutant:
    """Set ``place`` to ``value``; an absent member of an object is added."""
    return change(place, lambda _: value, f"{place} = {show(value, 60)}")


def change(place: str, function: Callable[[Any], Any], label: str) -> Mutant:
    """Replace the value at ``place`` by ``function`` of it."""
    return Mutant(label, lambda exchange: _at(exchange, place, function))


def drop(place: str) -> Mutant:
    """Remove a member, an item, an event or a header."""
    return Mutant(f"{place} removed", lambda exchange: _at(exchange, place, lambda _: _GONE))


def rename(place: str, name: str) -> Mutant:
    """Give the member at ``place`` another name."""
    path = _parse(place)
    parent, old = path[:-1], path[-1]

    def renamed(owner: Any) -> Any:
        if not isinstance(owner, dict) or old not in owner:
            raise DoesNotFit(place)
        return {name if key == old else key: value for key, value in owner.items()}

    where = _join(parent) if parent else ""
    return Mutant(f"{place} renamed to {name}", lambda x: _at(x, where, renamed))


def insert(place: str, event: object) -> Mutant:
    """Put an event before ``events[i]``: text as it is, bytes as they are, or JSON as its data."""
    label = f"{show(event, 60)} inserted before {place}"
    return Mutant(label, lambda x: _on_events(x, _parse(place), lambda old: [_event(event), *old]))


def repeat(place: str) -> Mutant:
    """Send the event ``events[i]`` twice."""
    return Mutant(f"{place} sent twice", lambda x: _on_events(x, _parse(place), lambda e: e * 2))


def raw(old: bytes, new: bytes, *, every: bool = False) -> Mutant:
    """Replace the first occurrence of ``old`` in the response's bytes, or each one."""

    def apply(exchange: Exchange) -> Exchange:
        response = _response(exchange)
        chunks, left = [], 1
        for chunk in response.chunks:
            found = old in chunk.data and (every or left > 0)
            left -= found
            data = chunk.data.replace(old, new, -1 if every else 1) if found else chunk.data
            chunks.append(replace(chunk, data=data))
        if left == 1:
            raise DoesNotFit(f"no {old!r} in the body")
        return _with(exchange, chunks=tuple(chunks))

    return Mutant(f"{show(old, 60)} replaced by {show(new, 60)}", apply)


def all_of(*mutants: Mutant) -> Mutant:
    """Several edits, one after the other, as one counterexample."""

    def apply(exchange: Exchange) -> Exchange:
        for mutant in mutants:
            exchange = mutant.apply(exchange)
        return exchange

    return Mutant("; ".join(mutant.label for mutant in mutants), apply)


def by_request(make: Callable[[Request], Mutant], label: str) -> Mutant:
    """The edit that ``make`` chooses for what was asked; it may raise DoesNotFit."""
    return Mutant(label, lambda exchange: make(exchange.request).apply(exchange))


_GONE: Final = object()
_TOKEN: Final = re.compile(r'([^.\[\]]+)|\[(-?\d+|\*)\]|\["([^"]*)"\]')
_EVERY: Final = "*"


def _parse(place: str) -> list[Key]:
    path: list[Key] = []
    for name, index, quoted in _TOKEN.findall(place):
        path.append(name or quoted or (index if index == _EVERY else int(index)))
    return path


def _join(path: list[Key]) -> str:
    text = "".join(
        f"[{key}]" if isinstance(key, int) or key == _EVERY else f".{key}" for key in path
    )
    return text.removeprefix(".") or "body"


def _at(exchange: Exchange, place: str, function: Callable[[Any], Any]) -> Exchange:
    """A copy of ``exchange`` with ``function`` applied to what ``place`` names."""
    match _parse(place):
        case ["upstream", int(i), *rest] if i < len(exchange.upstream):
            upstream = list(exchange.upstream)
            upstream[i] = _at(upstream[i], _join(rest), function)
            return replace(exchange, upstream=tuple(upstream))
        case ["request", *rest]:
            return replace(exchange, request=_in_request(exchange.request, rest, function))
        case ["events", key, *rest]:
            return _on_events(exchange, ["events", key], lambda old: _events(old, rest, function))
        case path:
            return _in_response(exchange, path, function)


def _in_request(request: Request, path: list[Key], function: Callable[[Any], Any]) -> Request:
    match path:
        case ["url"]:
            return replace(request, url=function(request.url))
        case ["headers", str(name)]:
            return replace(request, headers=_header(request.headers, name, function))
        case ["body"]:
            return replace(request, body=_bytes(function(request.body)))
    return replace(request, body=_dumped(_walked(_loaded(request.body), path, function)))


def _in_response(exchange: Exchange, path: list[Key], function: Callable[[Any], Any]) -> Exchange:
    response = _response(exchange)
    match path:
        case ["status"]:
            return _with(exchange, status=function(response.status))
        case ["headers", str(name)]:
            return _with(exchange, headers=_header(response.headers, name, function))
        case ["body"]:
            return _with(exchange, chunks=(Chunk(_bytes(function(response.body))),))
    body = _walked(_loaded(response.body), path, function)
    return _with(exchange, chunks=(Chunk(_dumped(body)),))


def _header(headers: Headers, name: str, function: Callable[[Any], Any]) -> Headers:
    value = function(headers.get(name))
    if value is _GONE and name not in headers:
        raise DoesNotFit(f"no header {name}")
    return headers.replaced(name, None if value is _GONE else str(value))


def _with(exchange: Exchange, **changes: Any) -> Exchange:
    response = _response(exchange)
    known = {"status": response.status, "headers": response.headers, "chunks": response.chunks}
    if "chunks" in changes and "content-length" in response.headers:
        length = sum(len(chunk.data) for chunk in changes["chunks"])
        known["headers"] = response.headers.replaced("content-length", str(length))
    return replace(exchange, response=Response(**{**known, **changes}))


def _response(exchange: Exchange) -> Response:
    if exchange.response is None:
        raise DoesNotFit("there is no response")
    return exchange.response


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _loaded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise DoesNotFit("the body is not JSON") from error


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _event(event: object) -> bytes:
    if isinstance(event, bytes | str):
        return _bytes(event)
    return b"data: " + _dumped(event) + b"\n\n"


def _events(old: list[bytes], path: list[Key], function: Callable[[Any], Any]) -> list[bytes]:
    """The one event in ``old`` with its data edited, replaced as a whole, or gone."""
    if not path:
        made = function(old[0])
        return [] if made is _GONE else [_event(made)]
    before, data, rest = old[0].partition(b"data: ")
    if not data:
        raise DoesNotFit("the event has no data")
    value = _walked(_loaded(rest), path, function)
    return [before + data + _dumped(value) + b"\n\n"]


def _on_events(
    exchange: Exchange, path: list[Key], function: Callable[[list[bytes]], list[bytes]]
) -> Exchange:
    """Apply ``function`` to each chosen event; every chunk keeps its time of arrival."""
    chunks = _response(exchange).chunks
    if len(chunks) < 2 or path[0] != "events" or len(path) != 2:  # noqa: PLR2004  # events[i]
        raise DoesNotFit("not a stream")
    chosen = set(_indices(path[1], len(chunks)))
    made: list[Chunk] = []
    fitted = False
    for i, chunk in enumerate(chunks):
        data = [chunk.data]
        if i in chosen:
            try:
                data, fitted = function(data), True
            except DoesNotFit:
                if path[1] != _EVERY:
                    raise
        made += [replace(chunk, data=piece) for piece in data]
    if not fitted:
        raise DoesNotFit("no event has this place")
    return _with(exchange, chunks=tuple(made))


def _indices(key: Key, length: int) -> Iterator[int]:
    if key == _EVERY:
        yield from range(length)
    elif isinstance(key, int) and -length <= key < length:
        yield key % length
    else:
        raise DoesNotFit(f"no item {key}")


def _walked(value: Any, path: list[Key], function: Callable[[Any], Any]) -> Any:
    """A copy of ``value`` with ``function`` applied at ``path``."""
    if not path:
        return function(value)
    value = copy.copy(value)
    key, rest = path[0], path[1:]
    if isinstance(value, dict) and isinstance(key, str):
        if rest and key not in value:
            raise DoesNotFit(f"no member {key}")
        keys: list[Any] = [key]
    elif isinstance(value, list) and (isinstance(key, int) or key == _EVERY):
        keys = list(_indices(key, len(value)))
    else:
        raise DoesNotFit(f"no place {key}")
    for found in reversed(keys):
        old = value.get(found) if isinstance(value, dict) else value[found]
        made = _walked(old, rest, function)
        if made is not _GONE:
            value[found] = made
        elif isinstance(value, dict) and found not in value:
            raise DoesNotFit(f"no member {found}")
        else:
            del value[found]
    return value


def arrive(place: str, at: float) -> Mutant:
    """Let the event ``events[i]`` arrive ``at`` seconds after the request."""

    def apply(exchange: Exchange) -> Exchange:
        chunks = list(_response(exchange).chunks)
        for i in _indices(_parse(place)[1], len(chunks)):
            chunks[i] = replace(chunks[i], at=at)
        return _with(exchange, chunks=tuple(chunks))

    return Mutant(f"{place} arrives after {at:g} s", apply)
