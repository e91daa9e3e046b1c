"""Adapters that are functions: each sends on what it gets, or does what no adapter should."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

URL = "https://api.openai.com/v1/chat/completions"
quiet = False
Json = dict[str, Any]


def whole(base: str = URL, **body: Any) -> Any:
    return httpx.post(base, json=body).json()


async def whole_aside(base: str = URL, **body: Any) -> Any:
    async with httpx.AsyncClient() as client:
        return (await client.post(base, json=body)).json()


def streamed(base: str = URL, **body: Any) -> Iterator[Json]:
    yield from _chunks(httpx.post(base, json=body).text)


async def streamed_aside(base: str = URL, **body: Any) -> AsyncIterator[Json]:
    async with httpx.AsyncClient() as client:
        text = (await client.post(base, json=body)).text

    async def pieces() -> AsyncIterator[Json]:
        for chunk in _chunks(text):
            yield chunk

    return pieces()


def _chunks(text: str) -> Iterator[Json]:
    return (json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {"))


class Busy(Exception):  # noqa: N818  # as LiteLLM and OpenAI's own package name theirs
    status_code, code = 429, "busy"
    response = httpx.Response(429, headers={"retry-after": "7", "x-trace": "no"})


def raising(**_body: Any) -> None:
    raise Busy("come again")


def raising_oddly(**_body: Any) -> None:
    raise KeyError("messages")


def raising_midway(base: str = URL, **body: Any) -> Iterator[Json]:
    chunks = streamed(base, **body)
    yield next(chunks)
    yield next(chunks)
    raise Busy("enough")


def hanging(**_body: Any) -> None:
    time.sleep(5)


def changing(**body: Any) -> Json:
    global quiet  # what libraries do, and must not leak
    seen, quiet = quiet, True
    return {"quiet": seen, "given": sorted(body)}


def straying(**_body: Any) -> Json:
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1).close()
    except OSError as error:
        return {"error": type(error).__name__}
    return {}


def wandering(**_body: Any) -> Json:
    return {"status": httpx.get("https://elsewhere.test/v1").status_code}


def strolling(**_body: Any) -> Json:
    return {"status": httpx.get("https://tokens.test/tokenizer.json").status_code}


def surroundings(**_body: Any) -> Json:
    return dict(os.environ)


class Thing:
    def model_dump(self) -> Json:
        return {"content": None, "refusal": None, "audio": None, "odd": {1}}


def thing(**_body: Any) -> Thing:
    return Thing()
