"""Google's Gemini, at generativelanguage.googleapis.com and on Google Cloud (Vertex AI)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from conformance.dialects import gemini_request
from conformance.dialects.base import (
    ERROR,
    Called,
    Dialect,
    Json,
    Meaning,
    body_of,
    json_reply,
    parsed,
    sse_reply,
)
from conformance.dialects.blocks import Spoken, letters, of_chunks, of_completion
from conformance.dialects.documents import documents
from conformance.model import Exchange, Request, Response
from conformance.replies import a_text, an_object, index_of, is_int, objects

STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""Google's words for HTTP statuses (google.rpc.Code)."""
SERVER_ERROR: Final = 500
WRITTEN: Final = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}
FINISHES: Final = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
        "content_filter",
    ),
}
NUMBERED: Final = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION"}
"""Who asks for numbers instead of names is answered so; from 5 on, Google's two APIs differ."""
PROMPT: Final = ("promptTokenCount", "toolUsePromptTokenCount")
COMPLETION: Final = ("candidatesTokenCount", "thoughtsTokenCount")
PLACE: Final = re.compile(
    r"(?:/(?:models|tunedModels|endpoints)/(?P<model>[^/]+))?:(?P<verb>streamG|g)enerateContent$"
)


class Gemini(Dialect):
    """``POST …/models/{model}:generateContent`` and ``:streamGenerateContent``."""

    name = "gemini"
    path = PLACE

    def asked(self, request: Request) -> Json:
        """The model and the stream are in the URL, the rest is in the body."""
        place = urlsplit(request.url).path
        found = PLACE.search(place)
        model, verb = found.group("model", "verb") if found else (None, "")
        vertex = "/publishers/" in place or "/endpoints/" in place
        made = gemini_request.openai(body_of(request), vertex=vertex)
        return {"model": unquote(model or ""), **made, "stream": verb == "streamG"}

    def whole(self, request: Request, completion: Json) -> Response:
        """A GenerateContentResponse with a candidate for each choice."""
        del request
        said = [of_completion({**completion, "choices": [c]}) for c in completion["choices"]]
        candidates = [
            _candidate(choice, _parts(spoken), spoken.finish)
            for choice, spoken in zip(completion["choices"], said, strict=True)
        ]
        return json_reply(_reply(completion, candidates, _usage(completion["usage"])))

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """The same in pieces; calls come whole, with the end. An array if not asked for events."""
        pieces = list(_pieces(chunks))
        if "alt=sse" not in urlsplit(request.url).query:
            return json_reply(pieces)
        return sse_reply((None, piece) for piece in pieces)

    def refused(self, status: int, message: str) -> Response:
        """Google's error envelope."""
        kind = STATUSES.get(status, STATUSES[500 if status >= SERVER_ERROR else 400])
        return json_reply({"error": {"code": status, "message": message, "status": kind}}, status)

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """The first candidate. Thoughts are no text, but they are spent."""
        if exchange.response is None:
            return None
        replies = documents(exchange.response)
        errors = [an_object(reply["error"]) for reply in replies if reply.get("error")]
        message = a_text(errors[0].get("message")) if errors else None
        if exchange.response.status >= ERROR:
            return Meaning(error=message or "")
        told = ("candidates", "promptFeedback", "usageMetadata")
        if not errors and not any(name in reply for reply in replies for name in told):
            return None
        return _said(replies, message)


def _reply(source: Json, candidates: list[Json], usage: Json) -> Json:
    return {
        "candidates": candidates,
        "usageMetadata": usage,
        "modelVersion": source["model"],
        "responseId": letters(source["id"]),
    }


def _parts(spoken: Spoken) -> list[Json]:
    """Texts, and the calls whose arguments were not cut off: Google has no half objects."""
    whole = [block for block in spoken.blocks if block.name is None or _is_object(block.text)]
    return [
        {"text": block.text}
        if block.name is None
        else {"functionCall": {"name": block.name, "args": block.arguments}}
        for block in whole
    ]


def _is_object(arguments: str) -> bool:
    return isinstance(parsed(arguments), dict)


def _candidate(choice: Json, parts: list[Json], finish: str | None = None) -> Json:
    """A candidate, or a piece of one. What is empty, Google leaves out."""
    return {
        "content": {**({"parts": parts} if parts else {}), "role": "model"},
        **({"finishReason": WRITTEN.get(finish, "STOP")} if finish else {}),
        "index": choice["index"],
        **_logprobs(choice),
    }


def _logprobs(choice: Json) -> Json:
    scored = an_object(choice.get("logprobs")).get("content")
    if not scored:
        return {}
    tops = [{"candidates": [_score(top) for top in one["top_logprobs"]]} for one in scored]
    result = {"topCandidates": tops, "chosenCandidates": [_score(one) for one in scored]}
    average = fmean(one["logprob"] for one in scored)
    return {"avgLogprobs": average, "logprobsResult": result}


def _score(entry: Json) -> Json:
    return {"token": entry["token"], "logProbability": entry["logprob"]}


def _usage(usage: Json) -> Json:
    prompt, spent = usage["prompt_tokens"], usage["completion_tokens"]
    details = an_object(usage.get("completion_tokens_details"))
    thoughts = details.get("reasoning_tokens") or 0
    return {
        "promptTokenCount": prompt,
        "candidatesTokenCount": spent - thoughts,
        "totalTokenCount": prompt + spent,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
        **({"thoughtsTokenCount": thoughts} if thoughts else {}),
    }


def _pieces(chunks: Sequence[Json]) -> Iterator[Json]:
    """A piece for each chunk that says something, and one that ends each candidate."""
    spent = _usage(chunks[-1]["usage"])
    counted = ("promptTokenCount", "promptTokensDetails")
    so_far = {name: spent[name] for name in counted} | {"totalTokenCount": spent[counted[0]]}
    for chunk in chunks:
        for choice in chunk["choices"]:
            text = choice["delta"].get("content")
            if choice["finish_reason"]:
                spoken = of_chunks(_only(chunks, choice["index"]))
                calls = [part for part in _parts(spoken) if "functionCall" in part]
                last = _candidate(choice, calls or [{"text": ""}], spoken.finish)
                yield _reply(chunk, [last], spent)
            elif text:
                yield _reply(chunk, [_candidate(choice, [{"text": text}])], so_far)


def _only(chunks: Sequence[Json], index: int) -> list[Json]:
    """The stream of one choice, as if there were no other."""
    return [
        {**chunk, "choices": [{**c, "index": 0} for c in chunk["choices"] if c["index"] == index]}
        for chunk in chunks
    ]


def _said(replies: Sequence[Json], error: str | None) -> Meaning:
    candidates = [one for reply in replies for _, one in objects(reply, "candidates")]
    first = [one for one in candidates if index_of(one) == 0]
    parts = [part for one in first for _, part in objects(an_object(one.get("content")), "parts")]
    calls = tuple(_called(an_object(p["functionCall"])) for p in parts if p.get("functionCall"))
    finish = next(filter(None, (_finish(one) for one in first)), None)
    if any(an_object(reply.get("promptFeedback")).get("blockReason") for reply in replies):
        finish = "content_filter"
    return Meaning(
        text="".join(a_text(p.get("text")) for p in parts if p.get("thought") is not True),
        finish="tool_calls" if calls and finish == "stop" else finish,
        usage=next(filter(None, map(_counted, reversed(replies))), None),
        calls=calls,
        error=error,
        complete=finish is not None,
    )


def _finish(candidate: Json) -> str | None:
    reason = candidate.get("finishReason")
    word = NUMBERED.get(reason, str(reason)) if is_int(reason) else a_text(reason)
    return FINISHES.get(word, word) or None


def _called(call: Json) -> Called:
    arguments: Any = call.get("args")
    return Called(
        name=a_text(call.get("name")),
        arguments={} if arguments is None else arguments,
        id=a_text(call.get("id")) or None,
    )


def _counted(reply: Json) -> tuple[int, int] | None:
    """Prompt and completion tokens, which are all of totalTokenCount.

    What is 0 is left out. What Google's own tools put before the model belongs to the prompt, and
    thoughts to the completion, as they do at OpenAI.
    """
    usage = an_object(reply.get("usageMetadata"))
    if not is_int(usage.get("promptTokenCount")):
        return None
    return _sum(usage, PROMPT), _sum(usage, COMPLETION)


def _sum(usage: Json, names: Sequence[str]) -> int:
    return sum(usage[name] for name in names if is_int(usage.get(name)))
