"""Replies of the other endpoints: embeddings, models and responses."""

from __future__ import annotations

import base64
import sys
from array import array
from functools import cached_property
from typing import Any

from conformance.replies.base import Place, Shaped, Stream, an_object, is_int, objects


class Embeddings(Shaped):
    """A 200 answer to POST /embeddings."""

    schema_name = "embeddings"

    @cached_property
    def items(self) -> list[Place]:
        """The embedding objects."""
        return objects(self.body, "data")

    @cached_property
    def inputs(self) -> int:
        """How many inputs were sent: a string or an array of tokens is one."""
        value = self.request.get("input")
        several = isinstance(value, list) and value and not is_int(value[0])
        return len(value) if several and isinstance(value, list) else 1

    @property
    def asked_base64(self) -> bool:
        """Whether base64 was asked for, and no other type of number, which some servers have."""
        asked = self.request.get
        return asked("encoding_format") == "base64" and asked("output_dtype") in (None, "float")

    @cached_property
    def vectors(self) -> list[tuple[str, array[float]]]:
        """The vectors that can be read, base64 decoded, each with the place of its item."""
        read = ((at, self._vector(item.get("embedding"))) for at, item in self.items)
        return [(at, vector) for at, vector in read if vector]

    def _vector(self, value: Any) -> array[float] | None:
        """The numbers of an array, or of base64 text of little-endian float32; else None."""
        try:
            if isinstance(value, list):
                return array("d", value) if set(map(type, value)) <= {int, float} else None
            if not self.asked_base64:
                return None
            vector = array("f", base64.b64decode(value, validate=True))
        except (TypeError, ValueError, OverflowError):
            return None
        if sys.byteorder == "big":
            vector.byteswap()
        return vector


class ModelList(Shaped):
    """A 200 answer to GET /models."""

    schema_name = "model.list"

    @cached_property
    def items(self) -> list[Place]:
        """The model objects."""
        return objects(self.body, "data")


class Model(Shaped):
    """A 200 answer to GET /models/{id}."""

    schema_name = "model"


class ResponseObject(Shaped):
    """A 200 answer to POST /responses or GET /responses/{id} in one piece."""

    schema_name = "response"

    @cached_property
    def output(self) -> list[Place]:
        """The output items."""
        return objects(self.body, "output")


class ResponseStream(Stream):
    """A 200 answer to POST /responses as server-sent events; its payloads are typed events."""

    schema_name = "response.event"

    @cached_property
    def errors(self) -> list[Place]:
        """The events of type ``error``, and payloads that only carry an ``error`` object."""
        return [
            (at, value)
            for at, value in self.payloads
            if value.get("type") == "error" or ("type" not in value and value.get("error"))
        ]

    @cached_property
    def final(self) -> Place | None:
        """The response object of the terminal event, and its place."""
        ends = ("response.completed", "response.incomplete", "response.failed")
        for at, event in reversed(self.chunks):
            if event.get("type") in ends:
                return f"{at}.response", an_object(event.get("response"))
        return None
