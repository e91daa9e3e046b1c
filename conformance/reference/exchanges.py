"""Golden exchanges: what every check must pass, and what counterexamples are edits of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Final

from conformance.model import Exchange, Headers, Provenance, Request, Source
from conformance.reference import golden, golden_parameters
from conformance.reference.server import answer
from conformance.reference.wire import to_json

BASE: Final = "https://reference.test"
UPSTREAM: Final = "https://upstream.test"
PROVIDER: Final = "reference"
POSTS: Final = {
    "chat": ("/v1/chat/completions", golden.CHAT),
    "stream": ("/v1/chat/completions", golden.STREAM),
    "errors": ("/v1/chat/completions", golden.ERRORS | golden_parameters.REFUSED),
    "params": ("/v1/chat/completions", golden_parameters.TAKEN),
    "completions": ("/v1/completions", golden.COMPLETIONS),
    "embeddings": ("/v1/embeddings", golden.EMBEDDINGS),
    "responses": ("/v1/responses", golden.RESPONSES),
    "adapter": ("/v1/chat/completions", golden.ADAPTER),
}
GETS: Final = {
    "models.list": "/v1/models",
    "models.retrieve": "/v1/models/reference-1",
    "models.retrieve_slash": "/v1/models/org%2Freference-small",
    "models.unknown": "/v1/models/no-such-model",
    "models.wrong_key": "/v1/models",
    "errors.method": "/v1/embeddings",
}
JSON: Final = ("content-type", "application/json")
KEY: Final = ("authorization", "Bearer sk-reference")
WRONG_KEY: Final = ("authorization", "Bearer sk-wrong-0123456789abcdef")
BUSY_KEY: Final = ("authorization", "Bearer sk-busy")
FAILING_KEY: Final = ("authorization", "Bearer sk-failing")
HEADERS: Final = {
    "chat.charset": (KEY, ("content-type", "application/json; charset=utf-8")),
    "chat.bearer_lowercase": (("authorization", "bearer sk-reference"), JSON),
    "errors.wrong_key": (WRONG_KEY, JSON),
    "errors.missing_key": (JSON,),
    "errors.busy": (BUSY_KEY, JSON),
    "errors.empty_body": (KEY, JSON, ("content-length", "0")),
    "stream.fails": (FAILING_KEY, JSON),
    "responses.stream_fails": (FAILING_KEY, JSON),
    "models.wrong_key": (WRONG_KEY,),
}


@cache
def requests() -> Mapping[str, Request]:
    """The golden requests by name; a name is a family and a case, as in ``chat.basic``."""
    made: dict[str, Request] = {}
    for family, (path, bodies) in POSTS.items():
        for case, body in bodies.items():
            made[f"{family}.{case}"] = _post(f"{family}.{case}", path, to_json(body))
    path = POSTS["chat"][0]
    made["errors.bad_json"] = _post("errors.bad_json", path, b'{"model": "reference-1", ')
    made["errors.empty_body"] = _post("errors.empty_body", path, b"")
    made["errors.route"] = _post("errors.route", "/v1/nothing/here", to_json(golden.BASIC))
    made["chat.tool_own_id"] = _post("chat.tool_own_id", path, to_json(_sent_back(made)))
    for name, path in GETS.items():
        made[name] = Request("GET", BASE + path, Headers(HEADERS.get(name, (KEY,))))
    return MappingProxyType(made)


@cache
def exchanges() -> Mapping[str, Exchange]:
    """The golden exchanges by name, which is also their id; all of one session.

    An ``adapter.*`` exchange has an upstream one: the request sent on, the answer passed back.
    """
    asked: Counter[Request] = Counter()
    made: dict[str, Exchange] = {}
    for name, request in requests().items():
        made[name] = _exchange(name, request, asked[request])
        asked[request] += 1
    return MappingProxyType(made)


def _sent_back(made: Mapping[str, Request]) -> golden.Body:
    """The conversation after a call of the reference's own has its result."""
    asked = golden.CHAT["tools_auto"]
    said = json.loads(answer(made["chat.tools_auto"]).body)["choices"][0]["message"]
    result = {
        "role": "tool",
        "tool_call_id": said["tool_calls"][0]["id"],
        "content": "17 degrees",
    }
    return {**asked, "messages": [*asked["messages"], said, result]}


def _post(name: str, path: str, body: bytes) -> Request:
    return Request("POST", BASE + path, Headers(HEADERS.get(name, (KEY, JSON))), body)


def _exchange(name: str, request: Request, nonce: int) -> Exchange:
    made = Exchange(
        id=name,
        provider=PROVIDER,
        request=request,
        response=answer(request, nonce),
        provenance=Provenance(Source.REFERENCE, origin=name),
        session=PROVIDER,
    )
    if not name.startswith("adapter."):
        return made
    sent_on = replace(request, url=request.url.replace(BASE, UPSTREAM))
    upstream = replace(made, id=f"{name}.upstream", request=sent_on)
    return replace(made, upstream=(upstream,))
