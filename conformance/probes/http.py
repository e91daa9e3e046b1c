"""Requests that are sent in another way than usual, and mean the same."""

from __future__ import annotations

from conformance.probe import Steps, probe
from conformance.probes._examples import COUNTING, COUNTING_LONG, OK, USAGE, with_headers
from conformance.targets import OMIT, Target


@probe("chat", needs=("wire",))
def charset(target: Target) -> Steps:
    """A charset behind the content type, as many HTTP libraries add it by themselves.

    Otherwise it is ``chat.basic``, to be compared with it.
    """
    asked = target.chat(COUNTING, temperature=OMIT)
    yield with_headers(asked, content_type="application/json; charset=utf-8")


@probe("chat", needs=("key",))
def bearer_lowercase(target: Target) -> Steps:
    """The scheme of the key in lower case, as some HTTP libraries write it."""
    yield with_headers(target.chat(OK), authorization="bearer")


@probe("chat", needs=("wire",))
def accept_events(target: Target) -> Steps:
    """The client could read events but asks for none: the body decides, and not the header."""
    yield with_headers(target.chat(OK), accept="text/event-stream")


@probe("chat", needs=("wire",))
def trailing_slash(target: Target) -> Steps:
    """A slash too many at the end of the URL, which must not be redirected without its body."""
    asked = target.chat(OK)
    yield target.post("/chat/completions/", asked.body)


@probe("chat", needs=("stream", "wire"))
def gzip(target: Target) -> Steps:
    """A stream that may be compressed, as browsers and SDKs allow, but must not wait for it."""
    asked = target.chat(COUNTING_LONG, **target.room(600), **USAGE)
    yield with_headers(asked, accept_encoding="gzip")
