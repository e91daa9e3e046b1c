"""Golden exchanges: what every check must pass, and what counterexamples are edits of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Final

from conformance.model import Exchange, Failure, Headers, Provenance, Request, Source
from conformance.reference import golden, golden_adapter, golden_parameters
from conformance.reference.errors import ApiError
from conformance.reference.server import answer
from conformance.reference.wire import Ids, json_response, to_json

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
    "adapter": ("/v1/chat/completions", golden_adapter.ASKED),
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
    "adapter.busy": (BUSY_KEY, JSON),
    "adapter.stream_fails": (FAILING_KEY, JSON),
    "adapter.stream_cut": (FAILING_KEY, JSON),
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

    An ``adapter.*`` exchange has an upstream one: what was sent on, and the answer to that.
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
    family, _, case = name.partition(".")
    return _behind(made, case, nonce) if family == "adapter" else made


def _behind(seen: Exchange, case: str, nonce: int) -> Exchange:
    """What an adapter was asked, with what it sent on, and got, to answer it."""
    sent_on = replace(seen.request, url=seen.request.url.replace(BASE, UPSTREAM))
    far = replace(seen, id=f"{seen.id}.upstream", request=sent_on)
    if case in golden_adapter.SENT_ON:
        asked = replace(sent_on, body=to_json(golden_adapter.SENT_ON[case]))
        far = replace(far, request=asked, response=answer(asked, nonce))
    elif case == "timeout":
        far = replace(far, response=None, failure=Failure("timeout", "no answer came in time"))
        late = ApiError(408, "The provider did not answer in time.")
        told = json_response(Ids.of(seen.request, nonce), late.status, late.body)
        seen = replace(seen, response=told)
    elif case == "stream_cut" and seen.response:
        # The error that ends the stream is the adapter's own.
        begun = replace(seen.response, chunks=seen.response.chunks[:-1])
        closed = Failure("cut", "the connection was closed early")
        far = replace(far, response=begun, failure=closed)
    return replace(seen, upstream=(far,))
