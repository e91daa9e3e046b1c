"""Which inputs and encodings an embeddings endpoint takes."""

from __future__ import annotations

import re
from typing import Any, Final

from conformance.model import Finding, Findings, Outcome
from conformance.mutate import all_of, edit
from conformance.registry import MAY, MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import Embeddings, Endpoint, ErrorReply, is_int
from conformance.suites._refusals import REFUSED, blames, message_of, refusal, refused_for

SHORT: Final = 1000
"""How many characters or tokens no server can find too many."""
MOST: Final = 2048
"""How many inputs OpenAI takes at once."""
PLAIN: Final = frozenset(("model", "input", "encoding_format", "user"))
"""Parameters that cannot make an input wrong."""
OTHER_REASON: Final = re.compile(r"token|length|long|large|context|maximum|empty|model|limit")
"""What a message about an input says when it isn't about its type."""
NOTHING: Final = (
    '{"object":"list","data":[],"model":"reference-1","usage":{"prompt_tokens":0,"total_tokens":0}}'
)
"""A reply without embeddings, for a counterexample."""


def _kind(value: Any) -> str | None:
    """Which of the four forms an input has; None for any other, and for long ones."""
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(value, str):
        return "string" if value and len(value) < SHORT else None
    if not isinstance(value, list) or len(value) >= SHORT:
        return None
    if isinstance(first, str):
        texts = all(isinstance(one, str) and one for one in value)
        return "strings" if texts and sum(map(len, value)) < SHORT else None
    if is_int(first):
        return "tokens"
    return "token arrays" if isinstance(first, list) and len(first) < SHORT else None


def _accepts(reply: Embeddings | ErrorReply, kind: str) -> Findings:
    asked = reply.endpoint is Endpoint.EMBEDDINGS and _kind(reply.request.get("input")) == kind
    only_if(asked, f"the input is not a short {kind}")
    if isinstance(reply, Embeddings):
        return
    only_if(reply.request.keys() <= PLAIN, "the request has other parameters too")
    inconclusive_if(reply.status not in REFUSED, f"the request failed with {reply.status}")
    message = message_of(reply).lower()
    blamed = blames(reply, "input") or re.search(r"\binput\b", message)
    unclear = not blamed or OTHER_REASON.search(message)
    inconclusive_if(unclear, "the refusal is not about the type of the input")
    yield Finding("status", want=200, got=reply.status)


@check(
    MUST,
    spec="CreateEmbeddingRequest.input",
    broken_by=[refused_for("input").on("embeddings.float")],
)
def input_string(reply: Embeddings | ErrorReply) -> Findings:
    """An input that is a string is accepted.

    It is the form of every first example.
    """
    yield from _accepts(reply, "string")


@check(
    MUST,
    spec="CreateEmbeddingRequest.input",
    broken_by=[refused_for("input").on("embeddings.array")],
)
def input_array_strings(reply: Embeddings | ErrorReply) -> Findings:
    """An input that is an array of strings is accepted.

    Clients that index documents send them in batches.
    """
    yield from _accepts(reply, "strings")


@check(
    SHOULD,
    spec="CreateEmbeddingRequest.input",
    broken_by=[refused_for("input").on("embeddings.tokens")],
)
def input_tokens(reply: Embeddings | ErrorReply) -> Findings:
    """An input that is an array of tokens is accepted.

    LangChain's embeddings class for OpenAI sends tokens by default.
    """
    yield from _accepts(reply, "tokens")


@check(
    SHOULD,
    spec="CreateEmbeddingRequest.input",
    broken_by=[
        all_of(edit("request.input", [[1, 22], [333]]), refused_for("input")).on(
            "embeddings.tokens"
        )
    ],
)
def input_token_arrays(reply: Embeddings | ErrorReply) -> Findings:
    """An input that is an array of arrays of tokens is accepted.

    LangChain's embeddings class for OpenAI sends tokens by default, several texts at once.
    """
    yield from _accepts(reply, "token arrays")


def _odd(reply: Embeddings | ErrorReply, *, odd: bool, what: str) -> Findings:
    """A finding where an input that OpenAI refuses was answered."""
    only_if(reply.endpoint is Endpoint.EMBEDDINGS and odd, f"the input is not {what}")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="CreateEmbeddingRequest.input",
    broken_by=[edit("request.input", "").on("embeddings.float")],
    breach=Outcome.LENIENT,
)
def input_empty_string_400(reply: Embeddings | ErrorReply) -> Findings:
    """An empty string as input is refused with 400.

    A vector of nothing is found by every search.
    """
    yield from _odd(reply, odd=reply.request.get("input") == "", what="an empty string")


@check(
    SHOULD,
    spec="CreateEmbeddingRequest.input",
    broken_by=[
        all_of(edit("status", 200), edit("body", NOTHING)).also("embeddings.data"),
    ],
    breach=Outcome.LENIENT,
)
def input_empty_array_400(reply: Embeddings | ErrorReply) -> Findings:
    """An empty array as input is refused with 400.

    Clients take the first vector of the reply without looking whether there is one.
    """
    yield from _odd(reply, odd=reply.request.get("input") == [], what="an empty array")


@check(
    MAY,
    spec="CreateEmbeddingRequest.input",
    broken_by=[
        edit("request.input", ["a"] * (MOST + 1)).on("embeddings.array").also("embeddings.data")
    ],
    breach=Outcome.LENIENT,
)
def input_2049_400(reply: Embeddings | ErrorReply) -> Findings:
    """More than 2048 inputs are refused with 400.

    A server that takes more is generous; a client that relies on it is bound to this server.
    """
    value = reply.request.get("input")
    odd = isinstance(value, list) and len(value) > MOST and not is_int(value[0])
    yield from _odd(reply, odd=odd, what="more than 2048 inputs")


@check(
    SHOULD,
    spec="CreateEmbeddingRequest.encoding_format",
    broken_by=[edit("request.encoding_format", "no-such-encoding").on("embeddings.float")],
    breach=Outcome.IGNORED,
)
def encoding_unknown_400(reply: Embeddings | ErrorReply) -> Findings:
    """An encoding_format that does not exist is refused with 400.

    A client that misspells base64 is sent four times the bytes. Servers may know more encodings.
    """
    asked = reply.request.get("encoding_format")
    only_if(reply.endpoint is Endpoint.EMBEDDINGS, "not about embeddings")
    only_if(asked not in (None, "float", "base64"), "the encoding exists")
    texts = isinstance(reply, Embeddings) and any(
        isinstance(item.get("embedding"), str) for _, item in reply.items
    )
    inconclusive_if(texts, "the server may know this encoding")
    yield from refusal(reply)
