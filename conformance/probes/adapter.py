"""What only an adapter can be asked: its provider is told, in the prompt, what to do to it."""

from __future__ import annotations

from typing import Final

from conformance.model import Request
from conformance.probe import Steps, probe
from conformance.probes._examples import COUNTING, OK, UNICODE, USAGE, WEATHER, Body, user
from conformance.probes.structured import COLOUR, SKY, schema
from conformance.targets import OMIT, Target

REFUSED: Final = (400, 401, 404)
DOWN: Final = (500, 503)
WAIT: Final = 150
"""Seconds that a busy provider asks to wait for: longer than any client waits by itself."""
HURRIED: Final = (429, 529)
ODD: Final = ("no space", "crlf", "comments", "halves", "split", "azure", "packed")
"""Legal ways to write a stream that readers trip over."""
RULES: Final = "You are the assistant of a harbour."
TALK: Final[list[Body]] = [
    user("The ship is called Petrel."),
    {"role": "assistant", "content": "Noted: Petrel."},
    user("It arrives at noon."),
    {"role": "assistant", "content": "Noted: noon."},
    user(OK),
]


def told(target: Target, script: str, prompt: str = OK, **more: object) -> Request:
    """A request whose provider is told to do something."""
    return target.chat(f"{prompt} [[upstream: {script}]]", **more)


@probe("chat", needs=("adapter",))
def refused(target: Target) -> Steps:
    """The provider refuses: a mistake, a wrong key, an unknown model."""
    for status in REFUSED:
        yield told(target, f"status {status}")


@probe("chat", needs=("adapter", "stream"))
def stream_refused(target: Target) -> Steps:
    """The provider refuses to begin a stream."""
    yield told(target, f"status {REFUSED[0]}", **USAGE)


@probe("chat", needs=("adapter",))
def down(target: Target) -> Steps:
    """The provider fails."""
    for status in DOWN:
        yield told(target, f"status {status}")


@probe("chat", needs=("adapter",))
def busy(target: Target) -> Steps:
    """The provider is busy, and says how long to wait."""
    for status in HURRIED:
        yield told(target, f"status {status}, retry-after {WAIT}")


@probe("chat", needs=("adapter",))
def timeout(target: Target) -> Steps:
    """The provider never answers."""
    yield told(target, "timeout")


@probe("chat", needs=("adapter",))
def cut(target: Target) -> Steps:
    """The connection is closed in the middle of an answer."""
    yield told(target, "cut", COUNTING)


@probe("chat", needs=("adapter", "stream"))
def stream_cut(target: Target) -> Steps:
    """The connection is closed in the middle of a stream."""
    yield told(target, "cut", COUNTING, **USAGE)


@probe("chat", needs=("adapter", "stream"))
def stream_error(target: Target) -> Steps:
    """A stream begins well and then brings an error."""
    yield told(target, "error in stream", COUNTING, **USAGE)


@probe("chat", needs=("adapter", "stream"))
def odd_streams(target: Target) -> Steps:
    """The provider writes its stream oddly, as others do and may."""
    for way in ODD:
        yield told(target, way, UNICODE, **USAGE)


@probe("chat", needs=("adapter",))
def no_usage(target: Target) -> Steps:
    """The provider does not say what it has counted."""
    yield told(target, "no usage")


@probe("chat", needs=("adapter",))
def history(target: Target) -> Steps:
    """A conversation under rules, in which every turn says something of its own."""
    yield target.chat(messages=[{"role": "system", "content": RULES}, *TALK])


@probe("chat", needs=("adapter",))
def leak(target: Target) -> Steps:
    """The same plain request before and after others with all sorts of options.

    Where settings are kept for all, those of one request come to light in the next.
    """
    able = target.capabilities
    yield target.chat(COUNTING)
    yield target.chat(COUNTING, stop=[" 7"], seed=7, user="ada", top_p=0.5, temperature=OMIT)
    if "tools" in able:
        yield target.chat(OK, tools=[WEATHER], tool_choice="auto")
        yield target.chat(OK, functions=[WEATHER["function"]])
    if "json_schema" in able:
        yield target.chat(SKY, response_format=schema(COLOUR))
    yield target.chat(COUNTING)
