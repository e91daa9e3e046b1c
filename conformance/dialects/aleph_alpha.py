"""Aleph Alpha's completions, after docs.aleph-alpha.com/api/complete.

Without a temperature the model is greedy, and a ``top_p`` of 0 means none. Parts of a prompt that
are no text are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from conformance.dialects.base import ERROR, Dialect, Json, Meaning, body_of, json_reply, sse_reply
from conformance.dialects.plain import (
    counts,
    deltas,
    document,
    ends,
    events,
    question,
    renamed,
    spent,
    text_of,
)
from conformance.jsontext import parse
from conformance.model import Exchange, Request, Response
from conformance.replies import DONE, a_text, an_object, index_of, objects

NAMES: Final = {
    "model": "model",
    "maximum_tokens": "max_tokens",
    "stop_sequences": "stop",
    "temperature": "temperature",
    "top_p": "top_p",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "n": "n",
    "stream": "stream",
}
FINISHES: Final = {
    "end_of_text": "stop",
    "stop_sequence_reached": "stop",
    "maximum_tokens": "length",
}
ENDS: Final = {"stop": "end_of_text", "length": "maximum_tokens"}


class AlephAlpha(Dialect):
    """``POST /complete``, which other APIs have below ``/v1``."""

    name = "aleph_alpha"
    path = re.compile(r"(?<!/v1)/complete/?$")

    def asked(self, request: Request) -> Json:
        """The prompt, or the texts of a multimodal one, as a user's message."""
        body = body_of(request)
        asked = question(_text(body.get("prompt")), "prompt") | renamed(body, NAMES)
        if asked.get("top_p") == 0:
            del asked["top_p"]
        return {"temperature": 0} | asked

    def whole(self, request: Request, completion: Json) -> Response:
        """Every choice, and the tokens of all of them."""
        del request
        usage = completion["usage"]
        done = [
            {"completion": text_of(one), "finish_reason": _ended(one["finish_reason"])}
            for one in completion["choices"]
        ]
        return json_reply(
            {
                "model_version": completion["model"],
                "completions": done,
                "num_tokens_prompt_total": usage["prompt_tokens"],
                "num_tokens_generated": usage["completion_tokens"],
            }
        )

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """Pieces of text, why each choice ended, and what all of it cost."""
        del request
        version, usage = {"model_version": chunks[0]["model"]}, spent(chunks)
        told: list[Any] = [
            {"type": "stream_chunk", "index": index, "completion": piece} | version
            for index, piece in deltas(chunks)
        ]
        told += [
            {"type": "stream_summary", "index": index, "finish_reason": _ended(finish)} | version
            for index, finish in ends(chunks)
        ]
        summary = {
            "type": "completion_summary",
            "num_tokens_prompt_total": usage["prompt_tokens"],
            "num_tokens_generated": usage["completion_tokens"],
        }
        return sse_reply((None, event) for event in [*told, summary, DONE])

    def refused(self, status: int, message: str) -> Response:
        """A sentence."""
        return json_reply({"error": message}, status)

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """The first completion, streamed or not."""
        response = exchange.response
        if response is None:
            return None
        answer = an_object(document(response))
        if response.status >= ERROR:
            return Meaning(error=a_text(answer.get("error")))
        completions = [one for _, one in objects(answer, "completions")]
        if not completions:
            return _streamed(response)
        return _said(a_text(completions[0].get("completion")), completions[0], answer)


def _said(text: str, ended: Json, counted: Json) -> Meaning:
    finish = a_text(ended.get("finish_reason"))
    return Meaning(
        text=text,
        finish=FINISHES.get(finish, finish) or None,
        usage=counts(counted.get("num_tokens_prompt_total"), counted.get("num_tokens_generated")),
        complete=bool(finish),
    )


def _streamed(response: Response) -> Meaning | None:
    by_type: dict[str, list[Json]] = {}
    for value in (an_object(parse(event.data).value) for event in events(response)):
        if index_of(value) == 0:
            by_type.setdefault(a_text(value.get("type")), []).append(value)
    if "stream_chunk" not in by_type and "stream_summary" not in by_type:
        return None
    text = "".join(a_text(one.get("completion")) for one in by_type.get("stream_chunk", ()))
    [ended, counted] = [
        by_type.get(kind, [{}])[-1] for kind in ("stream_summary", "completion_summary")
    ]
    return _said(text, ended, counted)


def _ended(finish: str) -> str:
    return ENDS.get(finish, finish)


def _text(prompt: Any) -> Any:
    if not isinstance(prompt, list):
        return prompt
    return "".join(
        a_text(item.get("data")) for item in prompt if an_object(item).get("type") == "text"
    )
