"""The JSON objects that a reply consists of, however it brings them; among others, in lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from conformance import jsontext
from conformance.dialects.base import Json
from conformance.model import Chunk, Headers, Response
from conformance.replies.base import ITEMS
from conformance.sse import StreamTooLong, parse
from conformance.targets import to_json


def documents(response: Response) -> list[Json]:
    """The object it is, else those in an array, in its server-sent events, or in its lines."""
    value = jsontext.parse(response.body).value
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return _objects(value)
    return _objects(_sent(response.body)) or list(_lines(response.body))


def line_reply(kind: str, values: Iterable[Json]) -> Response:
    """Objects on a line each, a chunk each; ``kind`` is the media type."""
    chunks = tuple(Chunk(to_json(value) + b"\n") for value in values)
    return Response(200, Headers([("content-type", kind)]), chunks)


def _objects(values: Iterable[Any]) -> list[Json]:
    return [value for value in islice(values, ITEMS) if isinstance(value, dict)]


def _sent(body: bytes) -> list[Any]:
    """The data of the events, the last one's too if no blank line ended it."""
    try:
        stream = parse(body)
    except StreamTooLong:
        return []
    events = [*stream.events, *([stream.unterminated] if stream.unterminated else [])]
    return [jsontext.parse(event.data).value for event in events]


def _lines(body: bytes) -> Iterator[Json]:
    """The objects that have a line each, or two: recorders break lines where the network did."""
    before = b""
    for line in islice(body.split(b"\n"), ITEMS):
        found = (jsontext.parse(one).value for one in (line, before + line))
        value = next((one for one in found if isinstance(one, dict)), None)
        before = line if value is None else b""
        if value is not None:
            yield value
