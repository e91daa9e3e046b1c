"""Which of the judged endpoints an exchange is about, by method, path and shape.

Paths are matched at their end, so that prefixes of gateways and clouds do not matter:
``/openai/deployments/x/chat/completions?api-version=``, ``/v1beta/openai/``, ``/compat/v1``.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from conformance.model import Exchange, Response
from conformance.replies import (
    ChatCompletion,
    ChatStream,
    Completion,
    CompletionStream,
    Embeddings,
    EndlessStream,
    Endpoint,
    ErrorReply,
    Model,
    ModelList,
    Reply,
    ResponseObject,
    ResponseStream,
    Shaped,
    Stream,
)
from conformance.sse import StreamTooLong

_ROUTES: Final = (
    (Endpoint.CHAT, re.compile(r"/chat/completions/?$")),
    (Endpoint.COMPLETIONS, re.compile(r"/completions/?$")),
    (Endpoint.EMBEDDINGS, re.compile(r"/embeddings/?$")),
    (Endpoint.MODELS, re.compile(r"/models/?$")),
    (Endpoint.MODEL, re.compile(r"(?:/v\d+[a-z]*|/openai|/inference)/models/[^:]+$")),
    (Endpoint.RESPONSES, re.compile(r"/responses/?$")),
    (Endpoint.RESPONSE, re.compile(r"/responses/resp[^/]*$")),
)
_WHOLE: Final[dict[Endpoint, type[Shaped]]] = {
    Endpoint.CHAT: ChatCompletion,
    Endpoint.COMPLETIONS: Completion,
    Endpoint.EMBEDDINGS: Embeddings,
    Endpoint.MODELS: ModelList,
    Endpoint.MODEL: Model,
    Endpoint.RESPONSES: ResponseObject,
    Endpoint.RESPONSE: ResponseObject,
}
_STREAMED: Final[dict[Endpoint, type[Stream]]] = {
    Endpoint.CHAT: ChatStream,
    Endpoint.COMPLETIONS: CompletionStream,
    Endpoint.RESPONSES: ResponseStream,
}
_LISTED: Final = (Endpoint.MODELS, Endpoint.MODEL, Endpoint.RESPONSE)


def recognise(exchange: Exchange) -> Reply | None:
    """The view of an exchange; None when it isn't OpenAI-shaped LLM traffic or has no response."""
    endpoint = _endpoint(exchange)
    if endpoint is None or exchange.response is None:
        return None
    reply = Reply(exchange, exchange.response, endpoint)
    if reply.status >= 400:  # noqa: PLR2004  # RFC 9110 section 15.5
        return ErrorReply(exchange, exchange.response, endpoint)
    if not 200 <= reply.status < 300 or not _used_as_meant(reply):  # noqa: PLR2004  # section 15.3
        return reply
    return _successful(reply)


def _endpoint(exchange: Exchange) -> Endpoint | None:
    path = urlsplit(exchange.request.url).path
    found = next((endpoint for endpoint, route in _ROUTES if route.search(path)), None)
    native = "anthropic-version" in exchange.request.headers
    if found in (Endpoint.MODELS, Endpoint.MODEL) and (native or _is_native_list(exchange)):
        return None
    return found


def _is_native_list(exchange: Exchange) -> bool:
    """Whether this is another API's list of models under the same path (Anthropic's, Gemini's)."""
    body = exchange.response.body[:4096] if exchange.response else b""
    marks = (b'"supportedGenerationMethods"', b'"first_id"', b'"display_name"', b'"models/')
    return any(mark in body for mark in marks) and b'"object"' not in body


def _used_as_meant(reply: Reply) -> bool:
    """Whether the method is the one the route has."""
    return reply.method == ("GET" if reply.endpoint in _LISTED else "POST")


def _successful(reply: Reply) -> Reply:
    exchange, response, endpoint = reply.exchange, reply.response, reply.endpoint
    streamed = _STREAMED.get(endpoint)
    if streamed and _looks_streamed(response):
        return _read(streamed(exchange, response, endpoint))
    if reply.body.get("error") and not reply.body.keys() & {"choices", "data", "output"}:
        return ErrorReply(exchange, response, endpoint)
    if reply.asked_to_stream or reply.document.error:
        return reply
    whole = _WHOLE[endpoint](exchange, response, endpoint)
    whole.document, whole.request_document = reply.document, reply.request_document
    return whole


def _read(stream: Stream) -> Stream | EndlessStream:
    try:
        stream.sse  # noqa: B018  # read now, because a view that cannot be read is none
    except StreamTooLong:
        return EndlessStream(stream.exchange, stream.response, stream.endpoint)
    return stream


def _looks_streamed(response: Response) -> bool:
    """Whether a body is server-sent events, whatever it is declared to be."""
    start = response.body[:64].lstrip(b"\xef\xbb\xbf \r\n")
    if start.startswith((b"data:", b"event:", b"id:", b"retry:", b":")):
        return True
    declared = (response.headers.get("content-type") or "").lower()
    return declared.startswith("text/event-stream") and not start.startswith((b"{", b"[", b"<"))
