"""Google's Gemini, at generativelanguage.googleapis.com and on Google Cloud (Vertex AI)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from conformance.dialects._gemini_asked import asked
from conformance.dialects._pieces import documents, together
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
WRITTEN: Final = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}
FINISHES: Final = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"), "content_filter"
    ),
}
NUMBERED: Final = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION"}
"""Who asks for numbers instead of names is answered so; from 5 on, Google's two APIs differ."""
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
        made = asked(body_of(request), vertex=vertex)
        return {"model": unquote(model or ""), **made, "stream": verb == "streamG"}

    def whole(self, request: Request, completion: Json) -> Response:
        """A GenerateContentResponse with a candidate for each choice."""
        del request
        candidates = [_candidate(choice) for choice in completion["choices"]]
        return json_reply(_reply(completion, candidates, _usage(completion["usage"])))

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """The same in pieces; calls come whole, with the end. An array if not asked for events."""
        pieces = list(_pieces(chunks))
        if "alt=sse" not in urlsplit(request.url).query:
            return json_reply(pieces)
        return sse_reply((None, piece) for piece in pieces)

    def refused(self, status: int, message: str) -> Response:
        """Google's error envelope."""
        kind = STATUSES.get(status, STATUSES[500 if status >= max(STATUSES) else 400])
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
        "responseId": source["id"].partition("-")[2],
    }


def _candidate(choice: Json) -> Json:
    message = choice["message"]
    text = message.get("content")
    parts = [{"text": text}] if text else []
    parts += list(_calls(message))
    return {
        # What is empty, Google leaves out.
        "content": {**({"parts": parts} if parts else {}), "role": "model"},
        "finishReason": WRITTEN.get(choice["finish_reason"], "STOP"),
        "index": choice["index"],
        **_logprobs(choice),
    }


def _calls(message: Json) -> Iterator[Json]:
    """The calls whose arguments were not cut off: Google has no half objects."""
    for call in message.get("tool_calls") or ():
        arguments = parsed(call["function"]["arguments"])
        if isinstance(arguments, dict):
            yield {"functionCall": {"name": call["function"]["name"], "args": arguments}}


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
    told = together(chunks)
    spent = _usage(told["usage"])
    so_far = {
        "promptTokenCount": spent["promptTokenCount"],
        "totalTokenCount": spent["promptTokenCount"],
        "promptTokensDetails": spent["promptTokensDetails"],
    }
    messages = {choice["index"]: choice["message"] for choice in told["choices"]}
    for chunk in chunks:
        for piece in chunk["choices"]:
            index, text = piece["index"], piece["delta"].get("content")
            if piece["finish_reason"]:
                yield _reply(chunk, [_last(piece, messages[index])], spent)
            elif text:
                content = {"parts": [{"text": text}], "role": "model"}
                candidate = {"content": content, "index": index, **_logprobs(piece)}
                yield _reply(chunk, [candidate], so_far)


def _last(piece: Json, message: Json) -> Json:
    """The candidate that ends a stream: its calls, or an empty text."""
    candidate = _candidate({**piece, "message": {**message, "content": None}})
    return {**candidate, "content": {"parts": [{"text": ""}], **candidate["content"]}}


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
    prompt, tools, said, thought = (
        count if is_int(count) else 0
        for count in map(
            usage.get,
            (
                *("promptTokenCount", "toolUsePromptTokenCount"),
                *("candidatesTokenCount", "thoughtsTokenCount"),
            ),
        )
    )
    return prompt + tools, said + thought
