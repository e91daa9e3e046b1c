"""Answers that come piece by piece."""

from __future__ import annotations

from conformance.probe import Steps, probe
from conformance.probes._examples import COUNTING, COUNTING_LONG, OK, UNICODE, USAGE
from conformance.targets import OMIT, Target


@probe("chat", needs=("stream",))
def basic(target: Target) -> Steps:
    """A stream, and nothing said about its usage."""
    yield target.chat(COUNTING, stream=True)


@probe("chat", needs=("stream",))
def usage(target: Target) -> Steps:
    """A stream that tells its usage, to be compared with the same answer in one piece."""
    yield target.chat(COUNTING, **USAGE)


@probe("chat", needs=("stream",))
def no_obfuscation(target: Target) -> Steps:
    """The padding of the chunks is turned off, for its bandwidth."""
    yield target.chat(OK, stream=True, stream_options={"include_obfuscation": False})


@probe("chat", needs=("stream", "n"))
def n(target: Target) -> Steps:
    """Two choices in one stream, where clients tell them apart by their index."""
    yield target.chat(COUNTING, n=2, temperature=OMIT, **USAGE)


@probe("chat", needs=("stream",))
def stop(target: Target) -> Steps:
    """A stop sequence ends a stream, and may be split over chunks on its way there."""
    yield target.chat(COUNTING, stop=" 7", **USAGE)


@probe("chat", needs=("stream",))
def length(target: Target) -> Steps:
    """The limit cuts a stream, which has to say so."""
    yield target.chat(COUNTING, **target.room(5), **USAGE)


@probe("chat", needs=("stream",))
def unicode(target: Target) -> Steps:
    """Characters of several bytes, which chunks must not cut in two."""
    yield target.chat(UNICODE, **USAGE)


@probe("chat", needs=("stream", "logprobs"))
def logprobs(target: Target) -> Steps:
    """The log probabilities of the tokens alone, without candidates, chunk by chunk."""
    yield target.chat("Repeat this exactly: All is OK, Zoë 🧪.", logprobs=True, **USAGE)


@probe("chat", needs=("stream",))
def long(target: Target) -> Steps:
    """An answer long enough to tell whether it is sent as it is made."""
    yield target.chat(COUNTING_LONG, **target.room(600), **USAGE)
