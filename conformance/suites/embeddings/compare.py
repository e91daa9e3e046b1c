"""What several replies of one session say about the same input.

A fact keeps the first 64 numbers of a vector: the same text gives the same numbers there, another
text other ones, and a session of thousands of vectors stays small.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from math import hypot
from typing import Any, Final

from conformance.model import Finding, Findings
from conformance.mutate import Mutant, change
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import Embeddings, a_list, is_int
from conformance.suites.embeddings.vectors import SHORTEST, recorded

KEPT: Final = 64
"""How many numbers are kept of a vector."""
MOST: Final = 16
"""How many vectors are kept of a reply."""
LARGEST: Final = 1e150
"""The length above which a vector is no vector, and its square may be infinite."""
SAME, VERY_SAME = 0.99, 0.999
"""The cosines above which two vectors stand for one text; servers differ in the last digits."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is kept of one vector. ``of`` stands for its input and everything that shapes it."""

    of: str
    at: str
    encoded: bool
    alone: bool
    length: int
    start: tuple[float, ...]

    def cosine(self, other: Sample) -> float:
        """How alike the starts of two vectors are, 1 at most."""
        product = sum(a * b for a, b in zip(self.start, other.start, strict=False))
        return product / (hypot(*self.start) * hypot(*other.start))


Samples = tuple[Sample, ...]


def samples(reply: Embeddings) -> Samples | None:
    """The first vectors of a reply, each with a digest of its own input and the parameters."""
    value = reply.request.get("input")
    only_if(value is not None, "what was sent is not known")
    inputs = a_list(value) if reply.inputs > 1 else [value]
    shape = {
        k: v for k, v in reply.request.items() if k not in ("input", "encoding_format", "user")
    }
    items = dict(islice(reply.items, MOST))
    return tuple(
        Sample(
            of=_digest([shape, inputs[items[at]["index"]]]),
            at=f"{at}.embedding",
            encoded=isinstance(items[at].get("embedding"), str),
            alone=len(inputs) == 1,
            length=len(vector),
            start=tuple(vector[:KEPT]),
        )
        for at, vector in islice(reply.vectors, MOST)
        if at in items
        and _within(items[at].get("index"), len(inputs))
        and 0 < hypot(*vector[:KEPT]) < LARGEST
        and not (recorded(reply) and len(vector) < SHORTEST)
    )


def _within(index: Any, length: int) -> bool:
    return is_int(index) and 0 <= index < length


def _digest(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[
        :32
    ]


def _alone(facts: list[Fact[Samples]]) -> dict[tuple[str, bool], Sample]:
    """The first vector of each input that was sent on its own, by input and encoding."""
    found: dict[tuple[str, bool], Sample] = {}
    for fact in facts:
        for sample in fact.value:
            if sample.alone:
                found.setdefault((sample.of, sample.encoded), sample)
    return found


def _swapped(items: list[dict[str, object]]) -> list[dict[str, object]]:
    first, second = items[0]["embedding"], items[1]["embedding"]
    return [items[0] | {"embedding": second}, items[1] | {"embedding": first}, *items[2:]]


SWAPPED: Final[Mutant] = change("data", _swapped, "the vectors of data[0] and data[1] are swapped")


@check(MUST, spec="Embedding.index", broken_by=[SWAPPED.on("embeddings.array")], over=samples)
def order(facts: list[Fact[Samples]]) -> Findings:
    """The vector at an index is the one of the input at that index.

    An index built from vectors in another order finds the wrong documents, and nothing says so.
    """
    alone = _alone(facts)
    batches = [fact for fact in facts if len(fact.value) > 1]
    only_if(batches and alone, "no input was sent both on its own and with others")
    compared = 0
    for fact in batches:
        for sample in fact.value:
            single = alone.get((sample.of, sample.encoded))
            if single is None or single.length != sample.length:
                continue
            compared += 1
            others = (other for other in fact.value if other.of != sample.of)
            if sample.cosine(single) < SAME and any(o.cosine(single) > SAME for o in others):
                want, got = "the vector of the same input", "the vector of another input"
                yield Finding(sample.at, want=want, got=got, exchange=fact.exchange)
    inconclusive_if(not compared, "no input was sent both on its own and with others")


def _packed(form: str) -> Callable[[str], str]:
    """Makes base64 text of float32 into that of another form of number."""

    def pack(old: str) -> str:
        numbers = [number for (number,) in struct.iter_unpack("<f", base64.b64decode(old))]
        return base64.b64encode(b"".join(struct.pack(form, one) for one in numbers)).decode()

    return pack


WIDE: Final = change("data[0].embedding", _packed("<d"), "data[0].embedding is float64").on(
    "embeddings.base64"
)
BIG_ENDIAN: Final = change(
    "data[0].embedding", _packed(">f"), "data[0].embedding is big-endian"
).on("embeddings.base64")


@check(
    MUST,
    spec="CreateEmbeddingRequest.encoding_format",
    broken_by=[WIDE, BIG_ENDIAN],
    over=samples,
)
def base64_float32_le(facts: list[Fact[Samples]]) -> Findings:
    """Base64 holds the same numbers as the list, as little-endian float32.

    Both SDKs read float32: of float64 they make twice as many numbers, all of them garbage.
    """
    alone = _alone(facts)
    both = [
        (of, sample) for (of, encoded), sample in alone.items() if encoded and (of, False) in alone
    ]
    only_if(both, "no input was sent with both encodings")
    where = {sample: fact.exchange for fact in facts for sample in fact.value}
    for of, sample in both:
        plain = alone[of, False]
        # Recordings may be shortened by hand, so only a length of another width is a finding.
        widths = plain.length * 2 == sample.length or plain.length == sample.length * 2
        if widths or (plain.length == sample.length and sample.cosine(plain) < SAME):
            want, got = f"the {plain.length} numbers of the list", f"{sample.length} other numbers"
            yield Finding(sample.at, want=want, got=got, exchange=where[sample])


@check(
    SHOULD,
    spec="OpenAI API guide: Embeddings",
    broken_by=[
        change("data[0].embedding", lambda old: old[::-1], "data[0].embedding reversed").on(
            "embeddings.again"
        )
    ],
    over=samples,
)
def deterministic(facts: list[Fact[Samples]]) -> Findings:
    """The same input gets nearly the same vector each time.

    A search finds what was stored only if the question's vector is made the same way.
    """
    first: dict[tuple[str, bool], Sample] = {}
    repeated = False
    for fact in facts:
        for sample in fact.value:
            before = (
                first.setdefault((sample.of, sample.encoded), sample) if sample.alone else sample
            )
            if before is sample or before.length != sample.length:
                continue
            repeated = True
            if (cosine := before.cosine(sample)) < VERY_SAME:
                want = f"a cosine of at least {VERY_SAME}"
                yield Finding(sample.at, want=want, got=round(cosine, 4), exchange=fact.exchange)
    only_if(repeated, "no input was sent twice")
