"""Which of the judged endpoints an exchange is about, by method, path and shape.

Paths are matched at their end, so that prefixes of gateways and clouds do not matter:
``/openai/deployments/x/chat/completions?api-version=``, ``/v1beta/openai/``, ``/compat/v1``.
Other APIs use some of the same paths. What is theirs is told by the rest of the path, by what was
sent or by the shape of what came back, and isn't judged at all.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

from conformance.model import RAISED, Exchange, Request, Response
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
    Raised,
    Reply,
    ResponseObject,
    ResponseStream,
    Shaped,
    Stream,
    a_list,
)
from conformance.sse import StreamTooLong

_ROUTES: Final = (
    (Endpoint.CHAT, re.compile(r"(?<!/async)/chat/completions/?$")),
    # Those of fim and agents are chat completions by another name, those of usage are accounts.
    (
        Endpoint.COMPLETIONS,
        re.compile(r"(?<!/chat)(?<!/fim)(?<!/agents)(?<!/usage)/completions/?$"),
    ),
    (Endpoint.EMBEDDINGS, re.compile(r"(?<!/usage)/embeddings/?$")),
    (Endpoint.MODELS, re.compile(r"(?<!/v1beta)(?<!/v1alpha)(?<!/api/v0)/models/?$")),
    (Endpoint.MODEL, re.compile(r"(?:/v[1-9]\d*|/openai|/inference)/models/[^/].*$")),
    (Endpoint.RESPONSES, re.compile(r"/responses/?$")),
    (Endpoint.RESPONSE, re.compile(r"/responses/resp[_-][^/]+/?$")),
)
_NOT_CALLS: Final = ("HEAD", "OPTIONS", "CONNECT", "TRACE")
"""Methods that ask about a route or a host instead of using it (RFC 9110 section 9.3)."""
_CLOUD_MODELS: Final = re.compile(r"/(?:locations|publishers|accounts)/[^/]+/models")
_OWN_RESPONSES: Final = re.compile(r"(?:/v\d+|/openai|/codex)/responses/?$")
_ASKED: Final = {"model", "input", "prompt", "instructions", "messages", "previous_response_id"}
"""A request for a response has at least one of them; an answer to a form has none."""
_OTHER_INPUTS: Final = {"prompt", "content", "texts", "inputs", "sentences"}
"""What other APIs call the input of an embedding."""
_LOOKED_AT: Final = 100
"""How many models of a list are looked at to tell whose they are."""
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
    endpoint = _endpoint(exchange.request)
    if endpoint is None or exchange.response is None:
        return None
    reply = Reply(exchange, exchange.response, endpoint)
    if reply.status < 200 or _is_foreign(reply):  # noqa: PLR2004  # RFC 9110 section 15.2
        return None
    if reply.status >= 400:  # noqa: PLR2004  # RFC 9110 section 15.5
        if exchange.failure and exchange.failure.kind == RAISED:
            return Raised(exchange, exchange.response, endpoint)
        return ErrorReply(exchange, exchange.response, endpoint)
    if not 200 <= reply.status < 300 or not _used_as_meant(reply):  # noqa: PLR2004  # section 15.3
        return reply
    return _successful(reply)


def _endpoint(request: Request) -> Endpoint | None:
    try:
        path = urlsplit(request.url).path
    except ValueError:
        return None
    found = next((endpoint for endpoint, route in _ROUTES if route.search(path)), None)
    method = request.method.upper()
    # What is posted to a model is a call of another API: models/x:generateContent and its like.
    posted = found is Endpoint.MODEL and method == "POST"
    return None if posted or method in _NOT_CALLS else found


def _is_foreign(reply: Reply) -> bool:
    """Whether another API has this route, and was used."""
    match reply.endpoint:
        case Endpoint.MODELS | Endpoint.MODEL:
            return _asks_other_models(reply) or _has_other_models(reply)
        case Endpoint.EMBEDDINGS:
            if not reply.request:
                return "embedding" in reply.body
            return "input" not in reply.request and bool(reply.request.keys() & _OTHER_INPUTS)
        case Endpoint.RESPONSES if not _OWN_RESPONSES.search(reply.path):
            known = reply.body.get("object") == "response" or reply.request.keys() & _ASKED
            return not known and not _looks_streamed(reply.response)
        case _:
            return False


def _asks_other_models(reply: Reply) -> bool:
    """Whether models were asked for in the way of another API."""
    url = urlsplit(reply.exchange.request.url)
    google = "x-goog-api-key" in reply.request_headers or "key" in parse_qs(url.query)
    return (
        "anthropic-version" in reply.request_headers
        or (google and "/openai/" not in url.path)
        or _CLOUD_MODELS.search(url.path) is not None
    )


def _has_other_models(reply: Reply) -> bool:
    """Whether these are another API's models, or its error: nothing in them names its object."""
    value, body = reply.document.value, reply.body
    if body.get("type") == "error" or "object" in body:
        return body.get("type") == "error"
    if reply.endpoint is Endpoint.MODEL:
        return "display_name" in body or ("name" in body and "id" not in body)
    lists = [value] if not body else [part for part in body.values() if isinstance(part, list)]
    items = [item for part in lists for item in a_list(part)[:_LOOKED_AT] if isinstance(item, dict)]
    ours = "data" in body and not body.keys() & {"first_id", "has_more"}
    return bool(items) and not ours and not any("object" in item for item in items)


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
