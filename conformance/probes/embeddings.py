"""Vectors of texts: every form of input and encoding, and the same text in several ways."""

from __future__ import annotations

from typing import Final

from conformance.probe import Steps, probe
from conformance.targets import Target

SENTENCE: Final = "The cat sat on the mat."
OTHER: Final = "Taxes are due in May."
"""What has nothing to do with it, so that vectors in the wrong order are seen."""
TOKENS: Final = (9906, 1917)
"""Ids that any vocabulary has; what they stand for does not matter."""
SHORT: Final = 64
"""Numbers a shortened vector is to have: fewer than any model's own, and a size models offer."""
MOST: Final = 2048
"""How many inputs OpenAI takes at once."""


@probe("embeddings", opens=True)
def float(target: Target) -> Steps:  # noqa: A001  # named after what is asked, and used nowhere
    """One text, its vector as a list of numbers."""
    yield target.embedding(SENTENCE, encoding_format="float")


@probe("embeddings")
def again(target: Target) -> Steps:
    """The same text once more, for a search finds only what comes out the same."""
    yield target.embedding(SENTENCE, encoding_format="float")


@probe("embeddings")
def base64(target: Target) -> Steps:
    """The same text as base64, which both official SDKs ask for unasked."""
    yield target.embedding(SENTENCE, encoding_format="base64")


@probe("embeddings")
def default(target: Target) -> Steps:
    """The same text, and no encoding named."""
    yield target.embedding(SENTENCE)


@probe("embeddings")
def array(target: Target) -> Steps:
    """Three texts at once, one of them sent alone too, to see whose vector is where."""
    yield target.embedding([OTHER, SENTENCE, "Blue."])


@probe("embeddings")
def order(target: Target) -> Steps:
    """The same texts the other way round, as base64."""
    yield target.embedding([SENTENCE, OTHER], encoding_format="base64")


@probe("embeddings")
def tokens(target: Target) -> Steps:
    """The text as token ids, which LangChain sends."""
    yield target.embedding([*TOKENS])


@probe("embeddings")
def token_arrays(target: Target) -> Steps:
    """Two texts as token ids."""
    yield target.embedding([[token] for token in TOKENS])


@probe("embeddings")
def dimensions(target: Target) -> Steps:
    """A shorter vector than the model's own."""
    yield target.embedding(SENTENCE, dimensions=SHORT)


@probe("embeddings")
def user(target: Target) -> Steps:
    """The name of an end user, which changes no vector."""
    yield target.embedding(SENTENCE, user="user-1")


@probe("embeddings")
def empty(target: Target) -> Steps:
    """An empty text, which has no meaning to make a vector of."""
    yield target.embedding("")


@probe("embeddings")
def empty_array(target: Target) -> Steps:
    """No text at all."""
    yield target.embedding([])


@probe("embeddings")
def too_many(target: Target) -> Steps:
    """One text more than OpenAI takes at once."""
    yield target.embedding(["a"] * (MOST + 1))


@probe("embeddings")
def unknown_encoding(target: Target) -> Steps:
    """An encoding that no API has."""
    yield target.embedding(SENTENCE, encoding_format="no-such-encoding")
