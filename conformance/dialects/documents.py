"""The JSON objects that a reply consists of, however it brings them."""

from __future__ import annotations

from itertools import islice
from typing import Any

from conformance import jsontext
from conformance.dialects.base import Json
from conformance.model import Response
from conformance.replies.base import ITEMS
from conformance.sse import StreamTooLong, parse


def documents(response: Response) -> list[Json]:
    """The object it is, else those in an array, else those in its server-sent events."""
    value = jsontext.parse(response.body).value
    if isinstance(value, dict):
        return [value]
    values: list[Any] = value if isinstance(value, list) else _sent(response.body)
    return [one for one in islice(values, ITEMS) if isinstance(one, dict)]


def _sent(body: bytes) -> list[Any]:
    """The data of the events, the last one's too if no blank line ended it."""
    try:
        stream = parse(body)
    except StreamTooLong:
        return []
    events = [*stream.events, *([stream.unterminated] if stream.unterminated else [])]
    return [jsontext.parse(event.data).value for event in events]
