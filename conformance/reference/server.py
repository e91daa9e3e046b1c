"""The reference server as one pure function: a request in, a response out.

No clock, no network, no chance: what looks random depends on the request and on a number, the
nonce, that tells repeated requests apart.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from conformance.model import Request, Response
from conformance.reference import chat, completions, embeddings, offers, responses
from conformance.reference.errors import SHOWN, ApiError, invalid
from conformance.reference.wire import Events, Ids, event, json_response, stream_response

Handler = Callable[[dict[str, Any], Ids], dict[str, Any] | Events]

POSTS: Final[dict[str, Handler]] = {
    "/v1/chat/completions": chat.respond,
    "/v1/completions": completions.respond,
    "/v1/embeddings": embeddings.respond,
    "/v1/responses": responses.respond,
}
MODELS: Final = "/v1/models"
RESPONSES: Final = "/v1/responses"
LARGEST: Final = 4 * 2**20
"""The largest body that is read, in bytes."""
DEEPEST: Final = 100
WRONG_KEY: Final = "sk-wrong"
BUSY_KEY: Final = "sk-busy"
FAILING_KEY: Final = "sk-failing"
"""Keys that begin like these are refused, sent away for a while, and given streams that break off;
any other will do."""
BREAKS_AFTER: Final = 5
"""How many events come before the error of a stream that breaks off."""
NO_KEY: Final = (
    "You didn't provide an API key. You need to provide your API key in an Authorization "
    "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
)
SORRY: Final = "The server had an error while processing your request. Sorry about that!"
FAILURE: Final = {"message": SORRY, "type": "server_error", "param": None, "code": None}


NOTHING: Final[Mapping[str, dict[str, Any]]] = MappingProxyType({})


def answer(
    request: Request, nonce: int = 0, stored: Mapping[str, dict[str, Any]] = NOTHING
) -> Response:
    """What a correct server says; ``nonce`` is the number of the same request before this one.

    ``stored`` holds by id the earlier answers of ``/v1/responses``, which may be retrieved. Never
    raises: a bad request is answered with a 4xx and OpenAI's error envelope.
    """
    ids = Ids.of(request, nonce)
    try:
        result = _routed(request, ids, stored)
    except ApiError as error:
        return json_response(ids, error.status, error.body, error.headers)
    if isinstance(result, tuple):
        breaks = _key(request).startswith(FAILING_KEY)
        return stream_response(ids, _broken_off(request, result) if breaks else result)
    return json_response(ids, 200, result)


def _broken_off(request: Request, events: Events) -> Events:
    """The beginning of a stream and the error that ends it."""
    kept = events[:BREAKS_AFTER]
    if _path(request).endswith("/completions"):
        return (*kept, event({"error": FAILURE}))
    ended = FAILURE | {"type": "error", "code": "server_error", "sequence_number": len(kept)}
    return (*kept, event(ended, "error"))


def _routed(
    request: Request, ids: Ids, stored: Mapping[str, dict[str, Any]]
) -> dict[str, Any] | Events:
    path = _path(request)
    retrieving = path.startswith((f"{MODELS}/", f"{RESPONSES}/"))
    if path not in POSTS and path != MODELS and not retrieving:
        message = f"Invalid URL ({request.method[:SHOWN]} {path[:SHOWN]})"
        raise ApiError(404, message)
    method = "POST" if path in POSTS else "GET"
    if request.method != method:
        message = (
            f"Not allowed to {request.method[:SHOWN]} on {path[:SHOWN]}. "
            "(HINT: Perhaps you meant to use a different HTTP method?)"
        )
        allow = ("allow", method)
        raise ApiError(405, message, code="method_not_supported", headers=(allow,))
    _authorise(request)
    if path in POSTS:
        body = _body(request)
        _admit(request, body.get("model"))
        return POSTS[path](body, ids)
    if path.startswith(RESPONSES):
        return responses.retrieve(unquote(path.removeprefix(f"{RESPONSES}/")), stored)
    if not retrieving:
        return offers.listing(open_only=not _shows_key(request))
    model = unquote(path.removeprefix(f"{MODELS}/"))
    _admit(request, model)
    return offers.retrieve(model)


def _path(request: Request) -> str:
    try:
        return urlsplit(request.url).path
    except ValueError:
        return request.url


def _key(request: Request) -> str:
    """The bearer token (RFC 6750 section 2.1; the scheme may be in any case), empty without one."""
    scheme, _, key = (request.headers.get("authorization") or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _shows_key(request: Request) -> bool:
    return any(name in request.headers for name in ("authorization", "x-api-key", "api-key"))


def _admit(request: Request, model: object) -> None:
    """Let in who shows a key, or asks for a model that is open. Raises ApiError."""
    if not _shows_key(request) and offers.needs_key(model):
        raise ApiError(401, NO_KEY)


def _authorise(request: Request) -> None:
    if not _shows_key(request):
        return
    key = _key(request)
    if not key:
        raise ApiError(401, NO_KEY)
    if key.startswith(WRONG_KEY):
        shown = f"{key[:3]}{'*' * 8}{key[-4:]}" if len(key) > len(WRONG_KEY) + 4 else "sk-*****"
        message = f"Incorrect API key provided: {shown}."
        raise ApiError(401, message, code="invalid_api_key")
    if key.startswith(BUSY_KEY):
        message = "Rate limit reached for requests per minute. Please try again in 1s."
        wait = ("retry-after", "1")
        raise ApiError(429, message, code="rate_limit_exceeded", headers=(wait,))


def _body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises ApiError for anything else."""
    media_type = (request.headers.get("content-type") or "application/json").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        raise invalid("you must provide a model parameter")
    if len(request.body) > LARGEST:
        raise ApiError(413, f"The request body is larger than {LARGEST} bytes.")
    try:
        value = _parsed(request.body)
    except (ValueError, RecursionError):
        message = "We could not parse the JSON body of your request."
        raise invalid(message) from None
    if not isinstance(value, dict):
        raise invalid("The JSON body of your request must be an object.")
    return value


def _parsed(body: bytes) -> object:
    value = json.loads(body, parse_float=_finite, parse_constant=_finite)
    # What cannot be written as UTF-8 again, a lone surrogate, is no text either.
    json.dumps(value, ensure_ascii=False).encode()
    if _too_deep(value):
        message = "nested too deeply"
        raise ValueError(message)
    return value


def _finite(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise ValueError(literal)
    return value


def _too_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        lists = [one for one in level if isinstance(one, list)]
        objects = [one.values() for one in level if isinstance(one, dict)]
        level = [inner for outer in (*lists, *objects) for inner in outer]
        if not level:
            return False
    return True
