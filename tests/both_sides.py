"""Exchanges with adapters, made of a provider's answer and what an adapter makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from conformance import dialects
from conformance.dialects import Meaning
from conformance.engine import Audit, Checks
from conformance.model import (
    RAISED,
    Chunk,
    Exchange,
    Failure,
    Headers,
    Outcome,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.registry import checks
from conformance.upstream.scripts import told

Json = dict[str, Any]
OURS = [
    check
    for check in checks().values()
    if check.suite == "adapter" and check.function.__module__.rpartition(".")[2] != "parameters"
]
ANTHROPIC = "https://api.anthropic.com/v1/messages"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
OLLAMA = "http://localhost:11434/api/chat"
REPLICATE = "https://api.replicate.com/v1/models/meta/meta-llama-3-8b-instruct/predictions"


def post(url: str, **body: object) -> Request:
    return Request("POST", url, Headers(), json.dumps(body).encode())


def far(request: Request, nonce: int = 0) -> Exchange:
    """What a provider answers to a request in its own API."""
    said = told(request, nonce)
    return Exchange(
        "it", "them", request, said.response, Provenance(Source.REFERENCE), said.failure
    )


def completion(said: Meaning) -> Json:
    """What a faithful adapter makes of an answer."""
    calls = [
        {
            "id": call.id or f"call_{i}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
        }
        for i, call in enumerate(said.calls)
    ]
    message: Json = {"role": "assistant", "content": said.text or None}
    prompt, spent = said.usage or (0, 0)
    usage = {"prompt_tokens": prompt, "completion_tokens": spent, "total_tokens": prompt + spent}
    choice: Json = {"message": message | ({"tool_calls": calls} if calls else {})}
    choice |= {"index": 0, "finish_reason": said.finish}
    return {"object": "chat.completion", "choices": [choice], "usage": usage}


def answered(status: int, body: Json, *fields: tuple[str, str]) -> Response:
    return Response(status, Headers(fields), (Chunk(json.dumps(body).encode()),))


def behind(asked: Json, *beyond: Exchange, said: Response | None = None) -> Exchange:
    """An exchange with an adapter that passes on what came last, or says something else."""
    if said is None:
        meaning = dialects.meaning(beyond[-1])
        assert meaning
        said = answered(200, completion(meaning))
    request = post("http://adapter.test/v1/chat/completions", model="m", **asked)
    local = Provenance(Source.LOCAL)
    return Exchange("it", "it", request, said, local, session="it", upstream=beyond)


def outcomes(*exchanges: Exchange) -> dict[str, set[Outcome]]:
    audit = Audit(Checks(OURS))
    verdicts = [verdict for one in exchanges for verdict in audit.add(one)] + [*audit.close()]
    found: dict[str, set[Outcome]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.check.removeprefix("adapter."), set()).add(verdict.outcome)
    return found


def failing(*exchanges: Exchange) -> set[str]:
    return {name for name, found in outcomes(*exchanges).items() if Outcome.FAIL in found}


def passing(*exchanges: Exchange) -> set[str]:
    found = outcomes(*exchanges).items()
    return {name for name, said in found if Outcome.PASS in said and Outcome.FAIL not in said}


def user(content: object) -> Json:
    return {"role": "user", "content": content}


TALK = [
    {"role": "system", "content": "You are a helpful assistant."},
    user("Hello, my name is Ada."),
    {"role": "assistant", "content": "Hello Ada."},
    user("What is my name?"),
]
SPOKEN = {
    "openai": post("https://api.openai.com/v1/chat/completions", model="m", messages=TALK),
    "anthropic": post(
        ANTHROPIC, model="m", max_tokens=99, system=TALK[0]["content"], messages=TALK[1:]
    ),
    "gemini": post(
        GEMINI,
        systemInstruction={"parts": [{"text": TALK[0]["content"]}]},
        contents=[
            {"role": role, "parts": [{"text": turn["content"]}]}
            for role, turn in zip(("user", "model", "user"), TALK[1:], strict=True)
        ],
    ),
    "ollama": post(OLLAMA, model="m", stream=False, messages=TALK),
}


def error(status: int, message: str, *fields: tuple[str, str]) -> Response:
    return answered(status, {"error": {"message": message}}, *fields)


def raised(exchange: Exchange) -> Exchange:
    return replace(exchange, failure=Failure(RAISED, "SomeError"))


def streamed(*deltas: Json, failed: bool = False) -> Response:
    events: list[object] = [
        {"object": "chat.completion.chunk", "choices": [{"index": 0} | delta]} for delta in deltas
    ]
    if failed:
        events.append({"error": {"message": "The upstream failed, as it was told to."}})
    chunks = [Chunk(b"data: " + json.dumps(event).encode() + b"\n\n") for event in events]
    return Response(200, Headers([("content-type", "text/event-stream")]), tuple(chunks))


BEGUN: Json = {"delta": {"content": "1, 2"}, "finish_reason": None}
ENDED: Json = {"delta": {}, "finish_reason": "stop"}
