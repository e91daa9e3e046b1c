"""NLP Cloud's text generation, after docs.nlpcloud.com (sections Generation and Token Streaming).

Sequences beyond the first (``num_return_sequences``) are left out, and no reply says why it ended.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote, urlsplit

from conformance.dialects.base import ERROR, Dialect, Json, Meaning, body_of, json_reply
from conformance.dialects.plain import (
    counts,
    deltas,
    document,
    question,
    renamed,
    text_of,
)
from conformance.model import Chunk, Exchange, Headers, Request, Response
from conformance.replies import DONE, a_text, an_object

NAMES: Final = {
    "max_length": "max_tokens",
    "end_sequence": "stop",
    "temperature": "temperature",
    "top_p": "top_p",
    "stream": "stream",
}
END: Final = "\0"
"""What ends each token of a stream."""


class NlpCloud(Dialect):
    """``POST /v1/{model}/generation``, or with ``gpu`` and a language before the model."""

    name = "nlp_cloud"
    path = re.compile(r"/v1/(?:gpu/)?(?:[a-z]{3}_[A-Za-z]{4}/)?([^/]+)/generation/?$")

    def asked(self, request: Request) -> Json:
        """The text as a user's message; the model is in the path."""
        body = body_of(request)
        named = self.path.search(urlsplit(request.url).path)
        model = unquote(named[1]) if named else None
        return question(body.get("text"), "text") | renamed(body, NAMES) | {"model": model}

    def whole(self, request: Request, completion: Json) -> Response:
        """The text, and how many tokens went in and came out."""
        del request
        usage = completion["usage"]
        return json_reply(
            {
                "generated_text": text_of(completion["choices"][0]),
                "nb_generated_tokens": usage["completion_tokens"],
                "nb_input_tokens": usage["prompt_tokens"],
            }
        )

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """The bare tokens, and ``[DONE]``."""
        del request
        tokens = [piece for index, piece in deltas(chunks) if index == 0]
        return Response(
            200,
            Headers([("content-type", "text/plain; charset=utf-8")]),
            tuple(Chunk(f"{token}{END}".encode()) for token in [*tokens, DONE]),
        )

    def refused(self, status: int, message: str) -> Response:
        """The sentence, as ``detail``."""
        return json_reply({"detail": message}, status)

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """The text of an answer or a stream."""
        response = exchange.response
        if response is None:
            return None
        answer = an_object(document(response))
        if response.status >= ERROR:
            return Meaning(error=a_text(answer.get("detail")))
        if (response.headers.get("content-type") or "").startswith("text/plain"):
            return _streamed(response)
        text = answer.get("generated_text")
        if not isinstance(text, str):
            return None
        usage = counts(answer.get("nb_input_tokens"), answer.get("nb_generated_tokens"))
        return Meaning(text=text, usage=usage)


def _streamed(response: Response) -> Meaning:
    tokens = response.body.decode("utf-8", "replace").split(END)
    said = tokens[: tokens.index(DONE)] if DONE in tokens else tokens
    return Meaning(text="".join(said), complete=DONE in tokens)
