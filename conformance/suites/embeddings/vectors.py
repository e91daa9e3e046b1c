"""The vectors of one reply: their encoding, their length and their numbers."""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Sequence
from math import hypot, isfinite
from typing import Final

from conformance.model import Finding, Findings, Outcome, Source
from conformance.mutate import change, drop, edit
from conformance.registry import MAY, MUST, SHOULD, check, only_if
from conformance.replies import Embeddings, is_int, is_number

LARGEST: Final = sys.float_info.max
SHORTEST: Final = 64
"""Recorded vectors of fewer numbers were cut by hand: no model's are as short."""
BASE64: Final = re.compile(r"[A-Za-z0-9+/]{64,}={0,2}")
"""Recorded text that is base64 rather than a word in its place."""


def recorded(reply: Embeddings) -> bool:
    """Whether somebody may have shortened the vectors, as people do with what they keep."""
    return reply.exchange.provenance.source in (Source.RECORDING, Source.DOCUMENTED)


def _no_embedding(reply: Embeddings) -> Findings:
    """The places without an embedding, those in recordings left out that somebody emptied."""
    for found in reply.breaks("data[*].embedding"):
        if found.got not in ([], "") or not recorded(reply):
            yield found


def _cut(reply: Embeddings, vector: Sequence[object]) -> bool:
    return recorded(reply) and len(vector) < SHORTEST


@check(
    MUST,
    spec="CreateEmbeddingRequest.encoding_format",
    broken_by=[
        change("data[0].embedding", lambda _: "AAAAPw==", "data[0].embedding is base64").on(
            "embeddings.float"
        ),
        edit("data[0].embedding", None).on("embeddings.float"),
        edit("data[0].embedding", []).on("embeddings.float"),
    ],
)
def float_list(reply: Embeddings) -> Findings:
    """Unless base64 was asked for, an embedding is a list of numbers.

    A client that reads a string as a vector gets no numbers at all.
    """
    asked = reply.request.get("encoding_format")
    only_if(asked in (None, "float"), "another encoding was asked for")
    only_if("input" in reply.request, "what was asked for is not known")
    yield from _no_embedding(reply)
    for at, item in reply.items:
        value = item.get("embedding")
        if isinstance(value, str) and (BASE64.fullmatch(value) or not recorded(reply)):
            yield Finding(f"{at}.embedding", want="an array of numbers", got=value[:60])


@check(
    MUST,
    spec="CreateEmbeddingRequest.encoding_format",
    broken_by=[
        edit("data[0].embedding", [0.5, 0.25]).on("embeddings.base64"),
        edit("data[0].embedding", "no base64!").on("embeddings.base64"),
        edit("data[0].embedding", "AAAA").on("embeddings.base64"),
    ],
    breach=Outcome.IGNORED,
)
def base64_honoured(reply: Embeddings) -> Findings:
    """When base64 was asked for, an embedding is base64 text of whole 4-byte numbers.

    Both SDKs ask for it unasked; openai-node 6.49 makes 2 zeros of a list of 8 floats, silently.
    """
    only_if(reply.asked_base64, "base64 was not asked for")
    yield from _no_embedding(reply)
    readable = {at for at, _ in reply.vectors}
    for at, item in reply.items:
        value, want = item.get("embedding"), "base64 text of 4-byte numbers"
        if isinstance(value, list) and not _cut(reply, value):
            yield Finding(f"{at}.embedding", want=want, got=f"an array of {len(value)}")
        # Recorded text may have been cut anywhere, or something put in its place.
        if isinstance(value, str) and value and at not in readable and not recorded(reply):
            yield Finding(f"{at}.embedding", want=want, got=value[:60])


@check(
    MUST,
    spec="Embedding.embedding",
    broken_by=[
        edit("data[0].embedding[0]", None),
        edit("data[0].embedding[0]", float("nan")).also("http.body_no_nan"),
        edit("data[0].embedding[0]", "0.5"),
        edit("data[0].embedding", "AADAfw==").on("embeddings.base64"),
    ],
)
def no_nan(reply: Embeddings) -> Findings:
    """A vector holds finite numbers only.

    One that is none makes every distance none, and vector databases refuse the vector.
    """
    only_if(reply.items, "the reply has no embeddings")
    read = dict(reply.vectors)
    for at, item in reply.items:
        value = read.get(at, item.get("embedding"))
        if isinstance(value, array) and isfinite(sum(value)):
            continue
        for i, number in enumerate(value if isinstance(value, list | array) else ()):
            if isinstance(number, str) and isinstance(value, list) and _cut(reply, value):
                continue
            if not (is_number(number) and -LARGEST <= number <= LARGEST):
                got = repr(number) if isinstance(number, float) else number
                yield Finding(f"{at}.embedding[{i}]", want="a finite number", got=got)
                break


@check(
    MUST,
    spec="Embedding.embedding",
    broken_by=[drop("data[0].embedding[-1]").on("embeddings.array")],
)
def consistent_length(reply: Embeddings) -> Findings:
    """All vectors of a reply have one length.

    Vectors of different lengths cannot be compared or stored together.
    """
    vectors = [(at, vector) for at, vector in reply.vectors if not _cut(reply, vector)]
    only_if(len(vectors) > 1, "the reply does not have several vectors")
    first = len(vectors[0][1])
    for at, vector in vectors:
        if len(vector) != first:
            yield Finding(f"{at}.embedding", want=f"{first} numbers", got=f"{len(vector)} numbers")


@check(MUST, spec="OpenAI API guide: Embeddings", broken_by=[edit("data[0].embedding[*]", 0.0)])
def nonzero(reply: Embeddings) -> Findings:
    """A vector is not all zeros.

    A vector without a direction is equally far from everything: nothing can be found by it.
    """
    vectors = [(at, vector) for at, vector in reply.vectors if not _cut(reply, vector)]
    only_if(vectors, "the reply has no vectors")
    for at, vector in vectors:
        if not any(vector):
            yield Finding(f"{at}.embedding", want="a number other than 0", got="only zeros")


@check(
    SHOULD,
    spec="CreateEmbeddingRequest.dimensions",
    broken_by=[drop("data[0].embedding[-1]").on("embeddings.dimensions")],
    breach=Outcome.IGNORED,
)
def dimensions_honoured(reply: Embeddings) -> Findings:
    """When dimensions is given, a vector has that many numbers.

    A vector database refuses vectors that do not fit its index.
    """
    asked = reply.request.get("dimensions")
    only_if(is_int(asked) and reply.vectors, "no dimensions were asked for")
    for at, vector in reply.vectors:
        excess = len(vector) - asked if is_int(asked) else 0
        if excess > 0 or (excess < 0 and not recorded(reply)):
            yield Finding(f"{at}.embedding", want=f"{asked} numbers", got=f"{len(vector)} numbers")


@check(
    MAY,
    spec="OpenAI API guide: Embeddings, reducing embedding dimensions",
    broken_by=[edit("data[0].embedding[*]", 0.5).on("embeddings.dimensions")],
)
def dimensions_normalised(reply: Embeddings) -> Findings:
    """A vector shortened by dimensions has length 1 again.

    Clients take the dot product for the cosine.
    """
    asked = reply.request.get("dimensions")
    only_if(is_int(asked) and reply.vectors, "no dimensions were asked for")
    for at, vector in reply.vectors:
        only_if(len(vector) == asked, "a vector has another length")
        norm = hypot(*vector)
        if isfinite(norm) and abs(norm - 1) > 0.01:  # noqa: PLR2004  # more than rounding explains
            yield Finding(f"{at}.embedding", want="a vector of length 1", got=round(norm, 4))
