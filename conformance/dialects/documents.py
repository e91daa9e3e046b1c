"""The JSON objects that a reply consists of, however it brings them; among others, in lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from conformance import jsontext
from conformance.dialects.base import Json
from conformance.model import Chunk, Headers, Response
from conformance.replies.base import ITEMS
from conformance.sse import StreamTooLong, parse
from conformance.targets import to_json

SPACE: Final = re.compile(r"[ \t\r\n]*")


def documents(response: Response) -> list[Json]:
    """The object it is, else those in an array, in its server-sent events, or in its lines."""
    value = jsontext.parse(response.body).value
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return _objects(value)
    return _objects(_sent(response.body)) or lines(response)


def lines(response: Response) -> list[Json]:
    """The JSON objects of a text that has one after the other; a line that begins none is skipped.

    Recorders break lines where the network did, so an object may go on in the next one.
    """
    return list(_lines(response.body.decode("utf-8", "replace")))


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


def _lines(text: str) -> Iterator[Json]:
    decoder, at = json.JSONDecoder(), 0
    for _ in range(ITEMS):
        space = SPACE.match(text, at)
        at = space.end() if space else at
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("\n", at) + 1
            if not at:
                return
            continue
        if isinstance(value, dict):
            yield value
