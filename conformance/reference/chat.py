"""``/v1/chat/completions``: an answer as one document or as a stream of chunks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from conformance.reference.chat_request import ChatRequest, parse
from conformance.reference.model import Answer, Call, alternatives, generate, logprob
from conformance.reference.wire import BASE_TIME, DONE, Events, Ids, event

FINGERPRINT = "fp_4d6f636b65"


def respond(body: dict[str, Any], ids: Ids) -> dict[str, Any] | Events:
    """Answer a chat request: a document, or the events of a stream. Raises ApiError."""
    request = parse(body, ids.nonce)
    answers = [generate(request.task, choice) for choice in range(request.n)]
    if request.stream:
        return tuple(_Stream(request, answers, ids).events())
    return {
        "id": ids.letters("chatcmpl-", "chat", 29),
        "object": "chat.completion",
        "created": BASE_TIME,
        "model": request.model,
        "choices": [_choice(request, answer, i, ids) for i, answer in enumerate(answers)],
        "usage": usage(request.prompt_tokens, answers),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }


def usage(prompt_tokens: int, answers: list[Answer]) -> dict[str, Any]:
    """What it cost: the prompt once, all answers together (schema CompletionUsage)."""
    spent = sum(answer.spent for answer in answers)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": spent,
        "total_tokens": prompt_tokens + spent,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _choice(request: ChatRequest, answer: Answer, index: int, ids: Ids) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if answer.calls:
        message["content"] = None
        message |= _calls(request, answer, index, ids)
    message |= {"refusal": None, "annotations": []}
    asked = request.top is not None and not answer.calls
    return {
        "index": index,
        "message": message,
        "logprobs": _logprobs(request, answer.tokens) if asked else None,
        "finish_reason": _finish(request, answer),
    }


def _calls(request: ChatRequest, answer: Answer, index: int, ids: Ids) -> dict[str, Any]:
    if request.toolbox.legacy:
        first = answer.calls[0]
        return {"function_call": {"name": first.name, "arguments": first.arguments}}
    calls = [
        {"id": _call_id(ids, index, i), **_kind(call, {"name": call.name}, call.arguments)}
        for i, call in enumerate(answer.calls)
    ]
    return {"tool_calls": calls}


def _kind(call: Call, named: dict[str, Any], said: str) -> dict[str, Any]:
    """The type of a call and, in the member called like it, its name and what it is given."""
    if call.custom:
        return {"type": "custom", "custom": {**named, "input": said}}
    return {"type": "function", "function": {**named, "arguments": said}}


def _call_id(ids: Ids, choice: int, call: int) -> str:
    return ids.letters("call_", (choice, call), 24)


def _finish(request: ChatRequest, answer: Answer) -> str:
    """A call that was named in the request ends with ``stop``, as it does at OpenAI."""
    if answer.finish != "tool_calls":
        return answer.finish
    if request.toolbox.named:
        return "stop"
    return "function_call" if request.toolbox.legacy else "tool_calls"


def _logprobs(request: ChatRequest, tokens: tuple[str, ...]) -> dict[str, Any]:
    return {"content": [_scored(token, request.top or 0) for token in tokens], "refusal": None}


def _scored(token: str, top: int) -> dict[str, Any]:
    ranked = alternatives(token, top)
    return _entry(token, logprob(token)) | {"top_logprobs": [_entry(*one) for one in ranked]}


def _entry(token: str, score: float) -> dict[str, Any]:
    return {"token": token, "logprob": score, "bytes": list(token.encode())}


class _Stream:
    """The chunks of one streamed answer."""

    def __init__(self, request: ChatRequest, answers: list[Answer], ids: Ids) -> None:
        self.request = request
        self.answers = answers
        self.ids = ids

    def events(self) -> Iterator[bytes]:
        """Choices take turns; their ends, the usage and ``[DONE]`` come last."""
        spoken = [self._spoken(answer, i) for i, answer in enumerate(self.answers)]
        rounds = itertools.zip_longest(*spoken)
        chunks = [chunk for chunks in rounds for chunk in chunks if chunk is not None]
        chunks += [
            _chunk_choice(i, {}, None, _finish(self.request, answer))
            for i, answer in enumerate(self.answers)
        ]
        for number, choice in enumerate(chunks):
            yield event(self._chunk([choice], number))
        if self.request.include_usage:
            spent = usage(self.request.prompt_tokens, self.answers)
            yield event(self._chunk([], len(chunks)) | {"usage": spent})
        yield DONE

    def _chunk(self, choices: list[dict[str, Any]], number: int) -> dict[str, Any]:
        chunk: dict[str, Any] = {
            "id": self.ids.letters("chatcmpl-", "chat", 29),
            "object": "chat.completion.chunk",
            "created": BASE_TIME,
            "model": self.request.model,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        }
        if self.request.include_usage:
            chunk["usage"] = None
        if self.request.obfuscate:
            chunk["obfuscation"] = self.ids.letters("", number, 1 + number % 16)
        return chunk

    def _spoken(self, answer: Answer, index: int) -> Iterator[dict[str, Any]]:
        """All chunks of one choice but its end."""
        if answer.calls:
            yield _chunk_choice(index, {"role": "assistant", "content": None, "refusal": None})
            for delta in self._called(answer.calls, index):
                yield _chunk_choice(index, delta)
            return
        opening = {"role": "assistant", "content": "", "refusal": None}
        yield _chunk_choice(index, opening, self._scores(()))
        for token in answer.tokens:
            yield _chunk_choice(index, {"content": token}, self._scores((token,)))

    def _scores(self, tokens: tuple[str, ...]) -> dict[str, Any] | None:
        return None if self.request.top is None else _logprobs(self.request, tokens)

    def _called(self, calls: tuple[Call, ...], index: int) -> Iterator[dict[str, Any]]:
        """Id, type and name once, then the arguments bit by bit."""
        for i, call in enumerate(calls):
            if self.request.toolbox.legacy:
                yield {"function_call": {"name": call.name, "arguments": ""}}
                yield from ({"function_call": {"arguments": token}} for token in call.tokens)
                continue
            call_id = _call_id(self.ids, index, i)
            first = _kind(call, {"name": call.name}, "")
            yield {"tool_calls": [{"index": i, "id": call_id, **first}]}
            for token in call.tokens:
                bit = _kind(call, {}, token)
                yield {"tool_calls": [{"index": i, bit["type"]: bit[bit["type"]]}]}


def _chunk_choice(
    index: int,
    delta: dict[str, Any],
    logprobs: dict[str, Any] | None = None,
    finish: str | None = None,
) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
