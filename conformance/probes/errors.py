"""Requests with a mistake in them, to see how it is told."""

from __future__ import annotations

from typing import Final

from conformance.probe import Steps, probe
from conformance.probes._examples import (
    COUNTING,
    NO_MODEL,
    OK,
    USAGE,
    WRONG_KEY,
    user,
    with_headers,
)
from conformance.targets import OMIT, Target, to_json

PATH: Final = "/chat/completions"
TOO_LONG: Final = "word " * 9000
"""More tokens than a model of 8,192 can read; larger ones just say OK."""


@probe("chat", needs=("wire",))
def bad_json(target: Target) -> Steps:
    """A body that ends before its JSON does."""
    yield target.post(PATH, to_json({"model": target.model})[:-1] + b',"messages":[')


@probe("chat", needs=("wire",))
def empty_body(target: Target) -> Steps:
    """A request without a body."""
    yield target.post(PATH, b"", content_type="application/json", content_length="0")


@probe("chat", needs=("wire",))
def content_type(target: Target) -> Steps:
    """JSON that is declared as plain text, which web frameworks refuse in words of their own."""
    yield with_headers(target.chat(OK), content_type="text/plain")


@probe("chat", needs=("wire",))
def route(target: Target) -> Steps:
    """The route twice, as when the base URL that somebody configured already ends with it."""
    yield target.post(PATH + PATH, {"model": target.model, "messages": [user(OK)]})


@probe("chat", needs=("wire",))
def method(target: Target) -> Steps:
    """GET on a route that takes POST only, as crawlers and health checks do."""
    yield target.get("/embeddings")


@probe("chat", needs=("key",))
def wrong_key(target: Target) -> Steps:
    """A wrong key, which must be refused without being repeated."""
    yield with_headers(target.chat(OK), authorization=WRONG_KEY)


@probe("chat", needs=("key",))
def missing_key(target: Target) -> Steps:
    """No key at all, where one is needed."""
    yield with_headers(target.chat(OK), authorization="")


@probe("chat")
def model_missing(target: Target) -> Steps:
    """A request that names no model."""
    yield target.chat(OK, model=OMIT)


@probe("chat")
def unknown_model(target: Target) -> Steps:
    """A model that does not exist, as after a typing mistake."""
    yield target.chat(OK, model=NO_MODEL)


@probe("chat", needs=("stream",))
def stream_unknown_model(target: Target) -> Steps:
    """The same as a stream, to be refused by the same status and in the same form."""
    yield target.chat(OK, model=NO_MODEL, **USAGE)


@probe("chat")
def messages_missing(target: Target) -> Steps:
    """A request without messages."""
    yield target.chat(messages=OMIT)


@probe("chat")
def messages_empty(target: Target) -> Steps:
    """An empty list of messages, to which there is nothing to answer."""
    yield target.chat(messages=[])


@probe("chat")
def messages_text(target: Target) -> Steps:
    """The messages are a string instead of an array, the plainest wrong type."""
    yield target.chat(messages=OK)


@probe("chat")
def unknown_role(target: Target) -> Steps:
    """A message in a role that does not exist."""
    yield target.chat(messages=[{"role": "robot", "content": OK}])


@probe("chat", needs=("stream",))
def stream_out_of_range(target: Target) -> Steps:
    """A value out of its range in a request for a stream, which must be refused at once."""
    yield target.chat(COUNTING, temperature=2.1, stream=True)


@probe("chat")
def stream_options_alone(target: Target) -> Steps:
    """Options for a stream that was not asked for."""
    yield target.chat(OK, stream_options={"include_usage": True})


@probe("chat")
def top_logprobs_alone(target: Target) -> Steps:
    """Candidates of each token, but no log probabilities to put them in."""
    yield target.chat(OK, top_logprobs=2)


@probe("chat")
def context_length(target: Target) -> Steps:
    """A prompt of nine thousand words, too long for models with a small context."""
    yield target.chat(TOO_LONG + OK)
