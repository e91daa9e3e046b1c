"""The plainest adapter there is: it passes everything on, both ways, to one provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

URL = "https://api.openai.com/v1/chat/completions"


class UpstreamError(Exception):
    def __init__(
        self, message: str, status_code: int, response: httpx.Response | None = None
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.response = response


def complete(**body: Any) -> Any:
    with httpx.Client() as client:
        try:
            response = client.post(URL, json=body)
        except httpx.TimeoutException as error:
            raise UpstreamError(str(error), 504) from error
        except httpx.HTTPError as error:
            raise UpstreamError(str(error), 502) from error
    if response.status_code >= 400:
        raise UpstreamError(response.json()["error"]["message"], response.status_code, response)
    return response.json()


def stream(**body: Any) -> Iterator[Any]:
    try:
        with httpx.Client() as client, client.stream("POST", URL, json=body) as response:
            if response.status_code >= 400:
                message = json.loads(response.read())["error"]["message"]
                raise UpstreamError(message, response.status_code, response)
            yield from _chunks(response)
    except httpx.HTTPError as error:
        raise UpstreamError(str(error), 502) from error


def _chunks(response: httpx.Response) -> Iterator[Any]:
    for line in response.iter_lines():
        name, _, data = line.partition(":")
        if name != "data" or data.strip() == "[DONE]":
            continue
        chunk = json.loads(data)
        if "error" in chunk:
            raise UpstreamError(chunk["error"]["message"], 500)
        yield chunk


def chat(**body: Any) -> Any:
    """What the adapter's file names: a generator for a stream, else an object."""
    return stream(**body) if body.get("stream") else complete(**body)
