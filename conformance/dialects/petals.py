"""Petals' HTTP API, after github.com/petals-infra/chat.petals.dev (README, ``http_api.py``).

A form goes in, a JSON object comes out; there are no streams, no stop sequences and no usage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from conformance.dialects.base import Dialect, Json, Meaning, Refused, json_reply
from conformance.dialects.plain import deltas, document, question, text_of
from conformance.model import Exchange, Request, Response
from conformance.replies import a_text, an_object

OK: Final = 200
"""The status of every answer of the application itself, also where it failed."""
FIELDS: Final = 1000
"""How many fields a form may have."""


class Petals(Dialect):
    """``POST /api/v1/generate``."""

    name = "petals"
    path = re.compile(r"/api/v1/generate/?$")

    def asked(self, request: Request) -> Json:
        """The model is greedy unless the form says ``do_sample=1``, whatever the temperature."""
        form = _form(request)
        asked = question(form.get("inputs"), "inputs") | {"model": form.get("model")}
        if (limit := _number(form, "max_new_tokens", int)) is not None:
            if limit < 1:
                raise Refused("ValueError: `max_new_tokens` must be greater than 0.", OK)
            asked["max_tokens"] = limit
        if not _number(form, "do_sample", int):
            return asked | {"temperature": 0}
        sampling = {name: _number(form, name, float) for name in ("temperature", "top_p")}
        return asked | {name: value for name, value in sampling.items() if value is not None}

    def whole(self, request: Request, completion: Json) -> Response:
        """The text and nothing else."""
        del request
        return _answer(text_of(completion["choices"][0]))

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """The same as one piece: this API has no streams."""
        del request
        return _answer("".join(piece for index, piece in deltas(chunks) if index == 0))

    def refused(self, status: int, message: str) -> Response:
        """The traceback of whatever was raised."""
        return json_reply({"ok": False, "traceback": message}, status)

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """The outputs, or the traceback."""
        answer = an_object(document(exchange.response)) if exchange.response else {}
        if "traceback" in answer or answer.get("ok") is False:
            return Meaning(error=a_text(answer.get("traceback")))
        outputs = answer.get("outputs")
        return Meaning(text=outputs) if isinstance(outputs, str) else None


def _answer(text: str) -> Response:
    return json_reply({"ok": True, "outputs": text})


def _form(request: Request) -> dict[str, str]:
    """The fields of the body and, before them, of the URL: the first of a name counts."""
    body = request.body.decode("utf-8", "replace")
    pairs: list[tuple[str, str]] = []
    try:
        for fields in (urlsplit(request.url).query, body):
            pairs += parse_qsl(fields, keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError as error:
        raise Refused(f"{type(error).__name__}: {error}", OK) from error
    return dict(reversed(pairs))


def _number(form: dict[str, str], name: str, kind: type[int | float]) -> float | None:
    if name not in form:
        return None
    try:
        return kind(form[name])
    except ValueError as error:
        raise Refused(f"ValueError: {error}", OK) from error
