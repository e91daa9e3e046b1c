"""Asking the reference server, and reading what it answers."""

from __future__ import annotations

import json
from typing import Any

from conformance.model import Headers, Request, Response
from conformance.reference import answer, exchanges, golden

KEY = ("authorization", "Bearer sk-reference")
CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
RESPONSES = "/v1/responses"
EYES = "reference-vision"


def post(body: object, path: str = CHAT, nonce: int = 0) -> Response:
    return answer(Request("POST", path, Headers([KEY]), json.dumps(body).encode()), nonce)


def accepted(body: object, path: str = CHAT) -> dict[str, Any]:
    response = post(body, path)
    assert response.status == 200, response.body
    return dict(json.loads(response.body))


def ask(prompt: object, **more: Any) -> dict[str, Any]:
    return accepted(golden.ask(prompt, **more))


def complete(prompt: object, **more: Any) -> dict[str, Any]:
    return accepted(golden.continue_text(prompt, **more), COMPLETIONS)


def respond(given: object, **more: Any) -> dict[str, Any]:
    return accepted({"model": golden.MODEL, "input": given, **more}, RESPONSES)


def first(completion: dict[str, Any]) -> dict[str, Any]:
    return dict(completion["choices"][0])


def content(completion: dict[str, Any]) -> str:
    return str(first(completion)["message"]["content"])


def said(prompt: object, **more: Any) -> str:
    return content(ask(prompt, **more))


def output_text(response: dict[str, Any]) -> str:
    """The text of the first output item of the responses endpoint."""
    return str(response["output"][0]["content"][0]["text"])


def error(response: Response) -> dict[str, Any]:
    value = json.loads(response.body)
    assert list(value) == ["error"]
    assert set(value["error"]) == {"message", "type", "param", "code"}
    assert value["error"]["message"]
    assert response.headers.get("content-type") == "application/json"
    assert 400 <= response.status < 500
    return dict(value["error"])


def reply(name: str) -> Response:
    """The response of a golden exchange."""
    response = exchanges()[name].response
    assert response is not None
    return response


def document(name: str) -> dict[str, Any]:
    return dict(json.loads(reply(name).body))


def events(response: Response) -> list[dict[str, Any]]:
    """The JSON data of each event; each is alone in its chunk, with its blank line."""
    found = [chunk.data.decode().split("\n") for chunk in response.chunks]
    assert found
    assert all(lines[-2:] == ["", ""] for lines in found)
    data = [lines[-3].removeprefix("data: ") for lines in found]
    return [json.loads(one) for one in data if one != "[DONE]"]


def picture(url: str) -> dict[str, Any]:
    """A part of a chat message."""
    return {"type": "image_url", "image_url": {"url": url}}
