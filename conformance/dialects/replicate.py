"""Replicate's predictions of language models, after replicate.com/docs/reference/http.

A prediction is created, and fetched later. The input is in its id, so that the result can be told
from that alone. What a model takes is its own affair: these are the names that Llama models use.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from conformance.dialects.base import (
    ERROR,
    Dialect,
    Json,
    Meaning,
    Refused,
    body_of,
    json_reply,
    sse_reply,
)
from conformance.dialects.plain import (
    counts,
    deltas,
    document,
    events,
    question,
    renamed,
    text_of,
)
from conformance.jsontext import parse
from conformance.model import Exchange, Request, Response
from conformance.replies import a_list, a_text, an_object, is_number
from conformance.targets import to_json

API: Final = "https://api.replicate.com/v1/predictions"
STREAM: Final = "stream.replicate.com"
CREATED: Final = "2026-01-01T00:00:00Z"
NAMES: Final = {
    "max_length": "max_tokens",
    "max_new_tokens": "max_tokens",
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop": "stop",
    "stop_sequences": "stop",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
BOUNDS: Final = {
    "max_tokens": (1, 2**31),
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
LONGEST: Final = 60_000
"""How long an id gets: HTTP clients take no endless URL."""
LARGEST: Final = 2**20
"""How many bytes the input in an id may have."""
TITLES: Final = {401: "Unauthenticated", 404: "Not found", 422: "Input validation failed"}
PIECE: Final = re.compile(r"\s*\S+|\s+$")


class Replicate(Dialect):
    """``POST …/predictions``, of a model, a deployment or a version; then ``GET`` of the result."""

    name = "replicate"
    path = re.compile(
        r"/v1/(?:(?:models|deployments)/(?P<model>[^/]+/[^/]+)/predictions"
        r"|predictions(?:/(?P<id>[\w-]+))?)/?$"
    )

    def settled(self, request: Request) -> Response | None:
        """A new prediction, unless the client asks to wait for its result."""
        if request.method.upper() != "POST" or _waits(request):
            return None
        return json_reply(_prediction(self._given(request), "starting"), 201)

    def asked(self, request: Request) -> Json:
        """The input that is in the body or in the id."""
        given = self._given(request)
        return _asked(given["input"]) | {"model": given["model"], "stream": _streams(request)}

    def whole(self, request: Request, completion: Json) -> Response:
        """A prediction that succeeded, its output in pieces."""
        usage = completion["usage"]
        metrics = {
            "input_token_count": usage["prompt_tokens"],
            "output_token_count": usage["completion_tokens"],
            "predict_time": 0.1,
        }
        output = PIECE.findall(text_of(completion["choices"][0]))
        done = {"output": output, "metrics": metrics, "completed_at": CREATED}
        status = 201 if request.method.upper() == "POST" else 200
        return json_reply(_prediction(self._given(request), "succeeded") | done, status)

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """An event a piece, and one that says that it is done."""
        del request
        # A line feed in an event's data is one more data field.
        pieces = [piece.replace("\n", "\ndata: ") for index, piece in deltas(chunks) if index == 0]
        return sse_reply([*(("output", piece) for piece in pieces), ("done", {})])

    def refused(self, status: int, message: str) -> Response:
        """A problem document."""
        title = TITLES.get(status, "Request failed")
        return json_reply({"title": title, "detail": message, "status": status}, status)

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """The output of a prediction; None where it has none yet."""
        response = exchange.response
        if response is None:
            return None
        if (response.headers.get("content-type") or "").startswith("text/event-stream"):
            return _streamed(response)
        answer = an_object(document(response))
        if response.status >= ERROR:
            return Meaning(error=a_text(answer.get("detail")))
        return _finished(answer)

    def _given(self, request: Request) -> Json:
        """The model, and the input."""
        named = self.path.search(urlsplit(request.url).path)
        if named and named["id"]:
            return _from_id(named["id"])
        body = body_of(request)
        given = {"model": (named and named["model"]) or body.get("version"), **_input(body)}
        if len(_id(given)) > LONGEST:
            raise Refused("The input is too large.", 413)
        return given


def _input(body: Json) -> Json:
    """The input, with the violations that a model's schema has for it answered."""
    given = an_object(body.get("input"))
    asked = _asked(given)
    for name in asked.keys() & BOUNDS.keys():
        low, high = BOUNDS[name]
        if not (is_number(asked[name]) and low <= asked[name] <= high):
            raise Refused(f"- input.{name}: Must be a number from {low} to {high}", 422)
    return {"input": given}


def _asked(given: Json) -> Json:
    asked = question(given.get("prompt"), "- input.prompt") | renamed(given, NAMES)
    if isinstance(asked.get("stop"), str):
        asked["stop"] = asked["stop"].split(",")
    if system := a_text(given.get("system_prompt")):
        asked["messages"].insert(0, {"role": "system", "content": system})
    return asked


def _waits(request: Request) -> bool:
    return (request.headers.get("prefer") or "").startswith("wait")


def _streams(request: Request) -> bool:
    accepts = request.headers.get("accept") or ""
    return urlsplit(request.url).hostname == STREAM or "text/event-stream" in accepts


def _id(given: Json) -> str:
    return base64.urlsafe_b64encode(zlib.compress(to_json(given))).decode().rstrip("=")


def _from_id(name: str) -> Json:
    try:
        packed = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4))
        given = an_object(parse(zlib.decompressobj().decompress(packed, LARGEST)).value)
    except (binascii.Error, ValueError, zlib.error):
        given = {}
    if not isinstance(given.get("input"), dict) or "model" not in given:
        raise Refused("The requested resource could not be found.", 404)
    return given


def _prediction(given: Json, status: str) -> Json:
    name = _id(given)
    return {
        "id": name,
        "model": given["model"],
        "version": "hidden",
        "input": given["input"],
        "logs": "",
        "output": None,
        "data_removed": False,
        "error": None,
        "status": status,
        "created_at": CREATED,
        "urls": {
            "cancel": f"{API}/{name}/cancel",
            "get": f"{API}/{name}",
            "stream": f"https://{STREAM}/v1/predictions/{name}",
        },
    }


def _finished(answer: Json) -> Meaning | None:
    """What a prediction came to."""
    status, output = a_text(answer.get("status")), answer.get("output")
    if status == "failed":
        return Meaning(error=a_text(answer.get("error")))
    pieces: list[Any] = [output] if isinstance(output, str) else a_list(output)
    if status not in {"succeeded", "canceled"}:
        return None
    metrics = an_object(answer.get("metrics"))
    return Meaning(
        text="".join(map(a_text, pieces)),
        usage=counts(metrics.get("input_token_count"), metrics.get("output_token_count")),
        complete=status == "succeeded",
    )


def _streamed(response: Response) -> Meaning:
    told = events(response)
    errors = [an_object(parse(event.data).value) for event in told if event.event == "error"]
    return Meaning(
        text="".join(event.data for event in told if event.event == "output"),
        error=a_text(errors[0].get("detail")) if errors else None,
        complete=any(event.event == "done" for event in told),
    )
