"""``/v1/embeddings``: vectors in which texts that share words and letters are close."""

from __future__ import annotations

import base64
import math
import re
import struct
import zlib
from typing import Any, Final

from conformance.reference import validate
from conformance.reference.completions import as_tokens
from conformance.reference.errors import (
    ApiError,
    empty_array,
    invalid,
    missing,
    wrong_length,
)
from conformance.reference.model import CONTEXT
from conformance.reference.offers import offer
from conformance.reference.wire import Ids

SIZE: Final = 64
MOST_INPUTS: Final = 2048
RELATED: Final = {"kitten": "cat", "puppy": "dog", "automobile": "car"}
"""All that the pretend model knows about the meaning of words."""
PARAMETERS: Final[dict[str, validate.Check]] = {
    "model": validate.anything,
    "input": validate.anything,
    "dimensions": validate.integer(1, SIZE),
    "encoding_format": validate.one_of("float", "base64"),
    "user": validate.text,
}


def respond(body: dict[str, Any], _ids: Ids) -> dict[str, Any]:
    """Answer an embeddings request. Raises ApiError."""
    model = offer(body)
    given = validate.accepted(body, PARAMETERS)
    if not model.embeds:
        message = "You are not allowed to generate embeddings from this model"
        raise ApiError(403, message, "model")
    if "input" not in given:
        raise missing("input")
    inputs = _inputs(given["input"])
    as_text = given.get("encoding_format") == "base64"
    vectors = [embed("".join(one), given.get("dimensions", SIZE)) for one in inputs]
    data = [
        {"object": "embedding", "index": i, "embedding": packed(v) if as_text else v}
        for i, v in enumerate(vectors)
    ]
    tokens = sum(map(len, inputs))
    spent = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model.id, "usage": spent}


def embed(text: str, size: int) -> list[float]:
    """A vector of length one, cut to ``size`` numbers that each fit 32 bits."""
    vector = [0.0] * SIZE
    words = re.findall(r"\w+|\W", text.lower())
    padded = f" {''.join(RELATED.get(word, word) for word in words)} "
    triples = [padded[i : i + 3] for i in range(len(padded) - 2)]
    for feature in (*re.findall(r"\w+", padded), *triples, padded):
        mark = zlib.crc32(feature.encode())
        vector[mark % SIZE] += 1 if mark & 0x10000 else -1
    cut = vector[:size]
    if not any(cut):
        cut[0] = 1.0
    norm = math.sqrt(sum(x * x for x in cut))
    floats = struct.pack(f"<{size}f", *(x / norm for x in cut))
    return list(struct.unpack(f"<{size}f", floats))


def packed(vector: list[float]) -> str:
    """The vector as base64 of little-endian 32-bit floats."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _inputs(value: object) -> list[list[str]]:
    many = value if isinstance(value, list) else [value]
    if not many:
        raise empty_array("input")
    if not any(isinstance(one, str | list) for one in many):
        many = [many] if isinstance(value, list) else many
    if len(many) > MOST_INPUTS:
        raise wrong_length("input", "array", len(many), MOST_INPUTS, above=True)
    read = [as_tokens(one, "input") for one in many]
    if not all(read):
        raise invalid("Invalid 'input': input cannot be an empty string.", "input")
    if sum(map(len, read)) > MOST_INPUTS * SIZE or max(map(len, read)) > CONTEXT:
        message = (
            f"This model's maximum context length is {CONTEXT} tokens, however you requested "
            f"{max(map(len, read))} tokens. Please reduce your prompt."
        )
        raise invalid(message, "input", "context_length_exceeded")
    return read
