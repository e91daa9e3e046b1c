"""Which exchanges are judged at all, and as what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.model import Chunk, Exchange, Headers, Provenance, Request, Response, Source
from conformance.recognise import recognise
from conformance.replies import Endpoint, ErrorReply, Model, ModelList, Reply, ResponseStream

API = "https://api.example.com"
LIST = {"object": "list", "data": [{"id": "a", "object": "model", "created": 1, "owned_by": "b"}]}
MODEL = LIST["data"][0]
ERROR = {"error": {"message": "No.", "type": "invalid_request_error", "param": None, "code": None}}
CREATED = 'event: response.created\ndata: {"type":"response.created"}\n\n'


def seen(
    url: str,
    method: str = "POST",
    status: int = 200,
    sent: object = None,
    got: object = None,
    **headers: str,
) -> Reply | None:
    named = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    request = Request(method, url, named, b"" if sent is None else json.dumps(sent).encode())
    body = got if isinstance(got, str) else json.dumps({} if got is None else got)
    response = Response(status, Headers(), (Chunk(body.encode()),))
    return recognise(Exchange("x", "acme", request, response, Provenance(Source.RECORDING)))


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        (f"{API}/v1/chat/completions", Endpoint.CHAT),
        (f"{API}/v1/chat/completions/", Endpoint.CHAT),
        (f"{API}/v1//chat/completions?a=b#c", Endpoint.CHAT),
        ("/v1/chat/completions", Endpoint.CHAT),
        (f"{API}/chat/completions", Endpoint.CHAT),
        (f"{API}/openai/deployments/x/chat/completions?api-version=2024-05-01", Endpoint.CHAT),
        (f"{API}/v1beta/openai/chat/completions", Endpoint.CHAT),
        (f"{API}/compat/v1/chat/completions", Endpoint.CHAT),
        (f"{API}/openai/v1/chat/completions", Endpoint.CHAT),
        (f"{API}/v1/projects/p/locations/l/endpoints/openapi/chat/completions", Endpoint.CHAT),
        (f"{API}/models/meta-llama/Llama-3.1-8B/v1/chat/completions", Endpoint.CHAT),
        (f"{API}/client/v4/accounts/a/ai/v1/chat/completions", Endpoint.CHAT),
        (f"{API}/v1/completions", Endpoint.COMPLETIONS),
        (f"{API}/v1/engines/davinci/completions", Endpoint.COMPLETIONS),
        (f"{API}/v1/embeddings", Endpoint.EMBEDDINGS),
        (f"{API}/api/v1/embeddings", Endpoint.EMBEDDINGS),
        (f"{API}/v1/responses", Endpoint.RESPONSES),
        (f"{API}/openai/responses?api-version=2025-03-01-preview", Endpoint.RESPONSES),
        (f"{API}/backend-api/codex/responses", Endpoint.RESPONSES),
    ],
)
def test_routes_are_told_by_the_end_of_the_path(url: str, endpoint: Endpoint) -> None:
    for method in ("POST", "post"):
        reply = seen(url, method)
        assert reply is not None
        assert reply.endpoint is endpoint


@pytest.mark.parametrize(
    "url",
    [
        *("", API, f"{API}/", "api.example.com:443", "http://[::1/v1/models", "?/v1/models"),
        *(f"{API}/v1/messages", f"{API}/v2/chat", f"{API}/v1/chat", f"{API}/v1/complete"),
        *(f"{API}/api/chat", f"{API}/api/generate", f"{API}/api/embed", f"{API}/v2/embed"),
        *(f"{API}/v1/audio/speech", f"{API}/v1/images/generations", f"{API}/v1/moderations"),
        *(f"{API}/v1/files", f"{API}/v1/batches", f"{API}/v1/assistants", f"{API}/v1/edits"),
        *(f"{API}/v1/threads/runs", f"{API}/v1/threads/t/messages", f"{API}/v1/conversations"),
        *(f"{API}/v1/organization/usage/completions", f"{API}/v1/organization/usage/embeddings"),
        *(f"{API}/v1/fim/completions", f"{API}/v1/agents/completions"),
        *(f"{API}/async/chat/completions", f"{API}/v1/chat/completions/chatcmpl-1/messages"),
        *(f"{API}/v1/responses/compact", f"{API}/v1/responses/input_tokens"),
        *(f"{API}/v1/responses/resp_1/input_items", f"{API}/v1/responses/resp_1/cancel"),
        *(f"{API}/model/x/converse", f"{API}/model/x/invoke", f"{API}/v1/embeddings/x"),
        *(f"{API}/v1beta/models/g:generateContent", f"{API}/v1/models/g:streamGenerateContent"),
        *(f"{API}/v1/models/iris:predict", f"{API}/v2/models/iris/infer"),
        f"{API}/v1/projects/p/locations/l/publishers/google/models/g:generateContent",
        f"{API}/hf-inference/models/x/pipeline/feature-extraction",
    ],
)
@pytest.mark.parametrize("status", [200, 404])
def test_other_routes_are_not_judged(url: str, status: int) -> None:
    assert seen(url, status=status, got=ERROR if status != 200 else None) is None


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "options", "CONNECT", "TRACE"])
def test_asking_about_a_route_is_not_a_call(method: str) -> None:
    assert seen(f"{API}/v1/chat/completions", method, status=404) is None


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/models/gpt-4", "gpt-4"),
        ("/v1/models/ft:gpt-3.5-turbo:org::8abc", "ft:gpt-3.5-turbo:org::8abc"),
        ("/v1/models/llama3:8b", "llama3:8b"),
        ("/v1/models/org%2Fname", "org/name"),
        ("/v1beta/openai/models/gemini-2.5", "gemini-2.5"),
        ("/api/v1/models/gpt-4", "gpt-4"),
    ],
)
def test_a_model_is_named_by_all_that_follows(path: str, asked: str) -> None:
    reply = seen(API + path, "GET", got=MODEL)
    assert isinstance(reply, Model)
    assert reply.asked_id == asked


@pytest.mark.parametrize(
    "got",
    [
        LIST,
        {"object": "list", "models": [{"id": "a"}]},
        {"data": [{"id": "a"}]},
        {"models": [{"id": "a", "object": "model"}]},
        [{"id": "a", "object": "model"}],
        [],
    ],
)
def test_lists_of_models_right_and_wrong(got: Any) -> None:
    for path in ("/v1/models", "/v1beta/openai/models", "/openai/models?api-version=1", "/models/"):
        assert isinstance(seen(API + path, "GET", got=got), ModelList)


@pytest.mark.parametrize(
    ("path", "got"),
    [
        ("/v1/models", {"data": [{"type": "model", "id": "c"}], "has_more": False}),
        ("/v1/models", {"models": [{"name": "models/g", "version": "1"}]}),
        ("/v1/models", {"models": [{"name": "command", "endpoints": ["chat"]}]}),
        ("/v1/models", {"next": None, "results": [{"owner": "o", "name": "n"}]}),
        ("/api/models", [{"_id": "6", "id": "org/name", "modelId": "org/name"}]),
        ("/v1/models", {"type": "error", "error": {"type": "authentication_error"}}),
        ("/v1beta/models", LIST),
        ("/api/v0/models", LIST),
        ("/v1/projects/p/locations/l/models", LIST),
        ("/v1/models?key=k", LIST),
        ("/v1/models/claude", {"type": "model", "id": "c", "display_name": "C"}),
        ("/v1/models/o/n", {"owner": "o", "name": "n", "url": "https://example.com"}),
    ],
)
def test_models_of_other_apis_are_not_judged(path: str, got: Any) -> None:
    assert seen(API + path, "GET", got=got) is None
    assert seen(API + path, "GET", got=got, anthropic_version="2023-06-01") is None


@pytest.mark.parametrize(
    ("sent", "got", "judged"),
    [
        ({"model": "m", "input": "Hi"}, {"embedding": [1]}, True),
        ({"model": "m"}, ERROR, True),
        (None, {"object": "list", "data": []}, True),
        ({"model": "m", "prompt": "Hi"}, {"embedding": [1]}, False),
        ({"content": "Hi"}, [{"index": 0, "embedding": [[1]]}], False),
        (None, {"embedding": [1]}, False),
    ],
)
def test_embeddings_are_told_by_their_input(sent: Any, got: Any, *, judged: bool) -> None:
    assert (seen(f"{API}/api/embeddings", sent=sent, got=got) is not None) is judged


@pytest.mark.parametrize(
    ("sent", "got", "judged"),
    [
        ({"model": "m", "input": "Hi"}, {}, True),
        (None, {"object": "response"}, True),
        (None, CREATED, True),
        ({"answers": [1, 2]}, {"id": 7}, False),
    ],
)
def test_responses_are_not_answers_to_forms(sent: Any, got: Any, *, judged: bool) -> None:
    assert (seen(f"{API}/x/responses", sent=sent, got=got) is not None) is judged


def test_what_a_reply_is_seen_as() -> None:
    url = f"{API}/v1/responses"
    assert type(seen(url, got=CREATED)) is ResponseStream
    assert type(seen(url, status=500, got="oops")) is ErrorReply
    assert type(seen(url, got=ERROR)) is ErrorReply
    assert type(seen(url, status=302)) is Reply
    assert type(seen(url, "GET", got={"object": "response"})) is Reply
    assert type(seen(f"{url}/resp_1?stream=true", "GET", got=CREATED)) is Reply
    assert type(seen(f"{url}/resp_1", "DELETE", got={"deleted": True})) is Reply
    assert seen(url, status=101) is None
