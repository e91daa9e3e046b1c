"""What stands in for a provider: our own model, spoken to and answering in the provider's dialect.

A native request is put into OpenAI's words, answered by the reference, and the answer put back.
So a stop sequence stops, a limit cuts, a tool is called and a schema filled in, whatever the API
calls them, and what an adapter lost on the way shows in the answer as well.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from conformance import dialects
from conformance.dialects import Dialect, Json, Refused
from conformance.model import Headers, Request, Response
from conformance.reference import answer as reference
from conformance.reference.chat_request import PARAMETERS
from conformance.reference.wire import BASE_TIME
from conformance.replies import a_text, an_object
from conformance.sse import parse
from conformance.targets import to_json

MODEL: Final = "reference"
"""The model of the reference that takes everything."""
NOBODYS: Final = "no-such-model"
"""What is in the name of a model that no provider has."""
OPENAI: Final = "openai"
"""The dialect our model speaks itself."""
EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh")
"""The efforts that one model or another takes."""
MOST_STOPS: Final = 4
"""How many stop sequences OpenAI takes."""
ERROR: Final = 400
UNSETTLED: Final = frozenset(
    {
        *("audio", "modalities", "prediction", "prompt_cache_retention", "reasoning_effort"),
        *("service_tier", "verbosity", "web_search_options"),
    }
)
"""Parameters that providers take and our model knows no use for."""


def answer(request: Request, nonce: int = 0, now: int = BASE_TIME) -> Response:
    """What a correct provider says; ``nonce`` is the number of the same request before this one.

    ``now`` is the time in seconds since 1970. Never raises. What nobody here speaks is answered
    404.
    """
    dialect = dialects.of(request)
    if dialect is None:
        return Response(404, Headers([("content-type", "text/plain")]))
    try:
        return dialect.settled(request) or _spoken(dialect, request, nonce, now)
    except Refused as refusal:
        return dialect.refused(refusal.status, str(refusal))


def _spoken(dialect: Dialect, request: Request, nonce: int, now: int) -> Response:
    asked = dialect.asked(request)
    if NOBODYS in str(asked.get("model")):
        raise Refused(f"The model {asked['model']} does not exist.", 404)
    known = PARAMETERS.keys() - UNSETTLED
    body = {name: value for name, value in asked.items() if name in known and value is not None}
    effort = asked.get("reasoning_effort")
    if dialect.name == OPENAI and effort not in (None, *EFFORTS):
        raise Refused(f"Invalid value for 'reasoning_effort': {str(effort)[:80]!r}.")
    body["model"] = MODEL
    if dialect.name != OPENAI:
        body = _within_bounds(body)
    if body.get("stream"):
        # The dialects decide what of it their stream shows.
        body["stream_options"] = {"include_usage": True}
    # Ids go by the whole request, also by what of it our model never sees.
    origin = Headers([("x-asked", hashlib.sha256(request.body).hexdigest())])
    made = reference(Request("POST", "/v1/chat/completions", origin, to_json(body)), nonce)
    if made.status >= ERROR:
        return dialect.refused(made.status, json.loads(made.body)["error"]["message"])
    named = {"model": asked.get("model") or MODEL, "created": now}
    if not body.get("stream"):
        return dialect.whole(request, json.loads(made.body) | named)
    return dialect.streamed(request, [chunk | named for chunk in _chunks(made)])


def _within_bounds(body: Json) -> Json:
    """What other APIs take and our model refuses, as OpenAI does, put so that it takes it."""
    within = dict(body)
    if isinstance(body.get("stop"), list):
        within["stop"] = body["stop"][:MOST_STOPS]
    if a_text(an_object(body.get("response_format")).get("type")) == "json_object":
        asked_for = {"role": "system", "content": "Answer in JSON."}
        within["messages"] = [asked_for, *body.get("messages", [])]
    return within


def _chunks(stream: Response) -> list[Json]:
    events: list[Any] = [event.data for event in parse(stream.body).events]
    return [json.loads(data) for data in events if data != "[DONE]"]
