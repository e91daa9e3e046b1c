"""The shape of a list of embeddings, whatever was sent."""

from __future__ import annotations

import re
from typing import Final

from conformance.model import Finding, Findings
from conformance.mutate import drop, edit
from conformance.registry import MUST, check, only_if
from conformance.replies import Embeddings, is_number
from conformance.suites._first_version import FIRST_ROUTE
from conformance.suites.embeddings.vectors import recorded

COUNTED: Final = "2023"
"""The year from which on genuine replies are known to count tokens."""
FIRST_MODELS: Final = re.compile(r"^(text|code)-(similarity|search)-")
"""The models of the years before."""


@check(
    MUST,
    spec="CreateEmbeddingResponse.object",
    broken_by=[edit("object", "embedding"), drop("object")],
)
def object(reply: Embeddings) -> Findings:  # noqa: A001  # the rule has this name
    """The reply's object is list.

    Strictly typed clients refuse anything else.
    """
    yield from reply.breaks("object")


@check(MUST, spec="CreateEmbeddingResponse", broken_by=[edit("body", "[[0.1,0.2,0.3]]")])
def not_bare(reply: Embeddings) -> Findings:
    """The reply is an object, never a bare vector or array.

    openai-python 3.52 raises AttributeError, openai-node 6.49 TypeError.
    """
    yield from reply.breaks("body")


@check(
    MUST,
    spec="CreateEmbeddingResponse.data",
    broken_by=[
        edit("data", []),
        drop("data"),
        drop("data[1]"),
        edit("data[0]", [0.5]),
    ],
)
def data(reply: Embeddings) -> Findings:
    """The reply's data is an array with one embedding for each input.

    With none, openai-python 3.52 raises ValueError and openai-node 6.49 TypeError.
    """
    broken = list(reply.breaks("data", "data[*]"))
    yield from broken
    if broken or "body" in {finding.at for finding in reply.violations}:
        return
    got = len(reply.body["data"])
    asked = reply.request.get("input")
    several = isinstance(asked, list) and not all(map(is_number, asked))
    masked = recorded(reply) and not several and got > 1
    only_if(asked is not None and not masked, "what was asked for is not known")
    if got != (reply.inputs if several else 1):
        want = f"{reply.inputs if several else 1} embeddings"
        yield Finding("data", want=want, got=f"{got} embeddings")


@check(
    MUST,
    spec="Embedding.object",
    broken_by=[edit("data[0].object", "vector"), drop("data[0].object")],
)
def item_object(reply: Embeddings) -> Findings:
    """The object of every item is embedding.

    Strictly typed clients refuse anything else.
    """
    yield from reply.breaks("data[*].object")


@check(MUST, spec="Embedding.index", broken_by=[edit("data[*].index", 0), drop("data[0].index")])
def item_index(reply: Embeddings) -> Findings:
    """The items are numbered from 0 without a gap.

    The index is all that says which input a vector belongs to; clients sort by it.
    """
    broken = list(reply.breaks("data[*].index"))
    yield from broken
    only_if(reply.items, "the reply has no embeddings")
    found = [] if broken else sorted(item["index"] for _, item in reply.items)
    if found != list(range(len(found))):
        yield Finding("data", want=f"the indices 0 to {len(found) - 1}", got=found[:20])


@check(MUST, spec="CreateEmbeddingResponse.model", broken_by=[drop("model"), edit("model", None)])
def model(reply: Embeddings) -> Findings:
    """The reply names its model, as a string.

    Vectors of different models must not be compared, so clients store it with them.
    """
    yield from reply.breaks("model")


@check(
    MUST,
    spec="CreateEmbeddingResponse.usage",
    broken_by=[drop("usage"), drop("usage.prompt_tokens"), edit("usage.total_tokens", "7")],
)
def usage(reply: Embeddings) -> Findings:
    """The reply's usage counts prompt_tokens and total_tokens.

    Clients bill and budget by it; the official SDKs do not mind its absence.
    """
    old = "" < (reply.exchange.provenance.recorded_at or "") < COUNTED
    first = FIRST_ROUTE in reply.path or old or FIRST_MODELS.search(reply.model)
    only_if(not first, "the first version of the API counted no tokens")
    only_if(reply.body, "the reply is not an object")
    yield from reply.breaks("usage.**")
    if reply.body.get("usage") is None:
        yield Finding("usage", want="an object with the token counts", got=reply.body.get("usage"))
