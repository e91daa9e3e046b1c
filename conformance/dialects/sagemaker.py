"""Endpoints of Amazon SageMaker that run Hugging Face's Text Generation Inference (TGI).

After AWS's API reference (InvokeEndpoint, InvokeEndpointWithResponseStream) and TGI's of ``/``.
A body with ``messages`` is a chat completion, answered as OpenAI would. TGI is greedy unless it is
asked to sample, and its last token, which is a special one, tells the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from conformance.dialects import eventstream
from conformance.dialects.base import ERROR, Dialect, Json, Meaning, Refused, body_of, json_reply
from conformance.dialects.openai import OpenAI
from conformance.dialects.plain import (
    counts,
    deltas,
    document,
    ends,
    events,
    question,
    renamed,
    spent,
    text_of,
)
from conformance.jsontext import parse
from conformance.model import Chunk, Exchange, Headers, Request, Response
from conformance.replies import a_text, an_object, is_number
from conformance.targets import to_json

OPENAI: Final = OpenAI()
NAMES: Final = {
    "max_new_tokens": "max_tokens",
    "stop": "stop",
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
}
FINISHES: Final = {"eos_token": "stop", "stop_sequence": "stop", "length": "length"}
ENDS: Final = {"stop": "eos_token"}
PART: Final = {
    ":event-type": "PayloadPart",
    ":content-type": "application/octet-stream",
    ":message-type": "event",
}
ERRORS: Final = {
    400: "ValidationError",
    403: "AccessDeniedException",
    424: "ModelError",
    429: "ThrottlingException",
    503: "ServiceUnavailable",
}
MODEL_ERROR: Final = 424
"""What SageMaker answers where the model's container refuses."""


class SageMaker(Dialect):
    """``POST /endpoints/{name}/invocations`` and ``…/invocations-response-stream``."""

    name = "sagemaker"
    path = re.compile(r"/endpoints/([^/]+)/invocations(-response-stream)?/?$")

    def asked(self, request: Request) -> Json:
        """The inputs as a user's message; the path says whether a stream is wanted."""
        body = body_of(request)
        named = self.path.search(urlsplit(request.url).path)
        how = {"stream": bool(named and named[2])}
        if "messages" in body:
            return body | how
        model = unquote(named[1]) if named else None
        return question(body.get("inputs"), "inputs") | _sampling(body) | how | {"model": model}

    def whole(self, request: Request, completion: Json) -> Response:
        """The text, with details where they were asked for."""
        body = body_of(request)
        if "messages" in body:
            return OPENAI.whole(request, completion)
        choice, parameters = completion["choices"][0], an_object(body.get("parameters"))
        before = body["inputs"] if parameters.get("return_full_text") else ""
        answer: Json = {"generated_text": before + text_of(choice)}
        if parameters.get("details"):
            answer["details"] = _details(choice["finish_reason"], completion["usage"])
        return json_reply([answer])

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """Server-sent events, TGI's or OpenAI's, each in a frame."""
        if "messages" in body_of(request):
            written = [chunk.data for chunk in OPENAI.streamed(request, chunks).chunks]
        else:
            written = [b"data:" + to_json(event) + b"\n\n" for event in _tokens(chunks)]
        return Response(
            200,
            Headers([("content-type", eventstream.MEDIA_TYPE)]),
            tuple(Chunk(eventstream.encode(PART, one)) for one in written),
        )

    def refused(self, status: int, message: str) -> Response:
        """A sentence, and in a header field the name of the error."""
        kind = ("x-amzn-errortype", ERRORS.get(status, "InternalFailure"))
        return json_reply({"message": message}, status, [kind])

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """What the container says, in TGI's words or OpenAI's."""
        response = exchange.response
        if response is None:
            return None
        value = document(response)
        if response.status >= ERROR:
            return Meaning(error=a_text(an_object(value).get("message")))
        framed = eventstream.MEDIA_TYPE in (response.headers.get("content-type") or "")
        if framed:
            response = _unframed(response)
        if "messages" in an_object(parse(exchange.request.body).value):
            request = replace(exchange.request, url="/v1/chat/completions")
            return OPENAI.meaning(replace(exchange, request=request, response=response))
        return _streamed(response) if framed else _generated(value)


def _sampling(body: Json) -> Json:
    """TGI's parameters under OpenAI's names, with the bounds that TGI has for them."""
    given = an_object(body.get("parameters"))
    temperature, top_p = given.get("temperature"), given.get("top_p")
    if is_number(temperature) and temperature <= 0:
        raise _invalid("`temperature` must be strictly positive")
    if is_number(top_p) and not 0 < top_p < 1:
        raise _invalid("`top_p` must be > 0.0 and < 1.0")
    warm = temperature is not None and temperature != 1
    samples = given.get("do_sample") or top_p is not None or warm
    return renamed(given, NAMES) | ({} if samples else {"temperature": 0})


def _invalid(what: str) -> Refused:
    return Refused(f"Input validation error: {what}", MODEL_ERROR)


def _details(finish: str, usage: Json) -> Json:
    return {
        "finish_reason": ENDS.get(finish, finish),
        "generated_tokens": usage["completion_tokens"],
        "input_length": usage["prompt_tokens"],
        "seed": None,
    }


def _tokens(chunks: Sequence[Json]) -> Iterator[Json]:
    """An event a token, then, where the text ended by itself, the token for that."""
    pieces = [piece for index, piece in deltas(chunks) if index == 0]
    finish = next(finish for index, finish in ends(chunks) if index == 0)
    special = finish != "length" or not pieces
    texts = [*pieces, "</s>"] if special else pieces
    for number, text in enumerate(texts, 1):
        last = number == len(texts)
        yield {
            "index": number,
            "token": {"id": number, "text": text, "logprob": -0.1, "special": special and last},
            "generated_text": "".join(pieces) if last else None,
            "details": _details(finish, spent(chunks)) if last else None,
        }


def _unframed(response: Response) -> Response:
    """The payloads of the frames, as the event stream they are; an exception is its last event."""
    parts = []
    for frame in eventstream.decode(response.body):
        if frame.headers.get(":message-type") == "event":
            parts.append(frame.payload)
        else:
            said = an_object(parse(frame.payload).value).get("Message")
            parts.append(b"data: " + to_json({"error": {"message": said}}) + b"\n\n")
    content = Headers([("content-type", "text/event-stream")])
    return Response(response.status, content, tuple(Chunk(part) for part in parts))


def _generated(value: Any) -> Meaning | None:
    answer = an_object(value[0] if isinstance(value, list) and value else value)
    text = answer.get("generated_text", answer.get("generation"))
    return _said(text, answer.get("details")) if isinstance(text, str) else None


def _said(text: str, details: Any) -> Meaning:
    told = an_object(details)
    finish = a_text(told.get("finish_reason"))
    usage = counts(told.get("input_length"), told.get("generated_tokens"))
    return Meaning(text=text, finish=FINISHES.get(finish, finish) or None, usage=usage)


def _streamed(response: Response) -> Meaning | None:
    values = [an_object(parse(event.data).value) for event in events(response)]
    error = next((one["error"] for one in values if one.get("error")), None)
    tokens = [an_object(one.get("token")) for one in values if "token" in one]
    if not tokens and error is None:
        return None
    said = "".join(a_text(token.get("text")) for token in tokens if not token.get("special"))
    whole = next((one for one in values if one.get("generated_text") is not None), {})
    return replace(
        _said(said, whole.get("details")),
        error=None if error is None else a_text(an_object(error).get("message")) or a_text(error),
        complete=bool(whole),
    )
