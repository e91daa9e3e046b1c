"""Genuine traffic of api.openai.com breaks none of our schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.schema import violations

ENDPOINTS = {
    "chat": ("chat.completion", "chat.completion.chunk"),
    "completions": ("text_completion", "text_completion.chunk"),
    "embeddings": ("embeddings", ""),
    "models": ("model.list", ""),
    "responses": ("response", "response.event"),
}


def genuine(corpus: Path, endpoint: str) -> Iterator[Any]:
    """Give the exchanges with api.openai.com that nobody has edited."""
    chats = set((corpus / "genuine_openai_chat_ids.txt").read_text("utf-8").split())
    for path in sorted(corpus.glob("recordings/*.jsonl")):
        for line in path.read_text("utf-8").split("\n"):
            made = json.loads(line) if f'"endpoint": "{endpoint}"' in line else {}
            mine = made.get("host") == "api.openai.com" and not made.get("suspect")
            if mine and (endpoint != "chat" or made["id"] in chats):
                yield made


def answers(made: Any) -> Iterator[tuple[str, Any]]:
    """Give the objects in one answer with the names of their schemas."""
    body, (name, chunk) = made["response_body"], ENDPOINTS[made["endpoint"]]
    if isinstance(body, str):
        yield from ((chunk, json.loads(text)) for text in re.findall(r"(?m)^data: ({.*)$", body))
    elif made["status"] >= 400:
        yield "error", body
    elif made["endpoint"] != "responses" or body.get("object") == "response":
        yield ("model" if body["object"] == "model" else name), body


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_genuine_traffic_violates_nothing(corpus: Path, endpoint: str) -> None:
    values = (found for made in genuine(corpus, endpoint) for found in answers(made))
    judged = [(name, violations(name, value)) for name, value in values]
    assert judged
    assert [found for found in judged if found[1]] == []
