"""The log probabilities of a text completion, a shape of their own: four parallel lists."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.model import Finding, Findings, Outcome
from conformance.mutate import drop, edit
from conformance.registry import MUST, SHOULD, check, only_if
from conformance.replies import (
    Completion,
    CompletionStream,
    Endpoint,
    ErrorReply,
    Json,
    Place,
    TextReply,
    a_list,
    a_text,
    is_int,
)
from conformance.suites._first_version import FIRST_ROUTE
from conformance.suites._refusals import refusal

MOST = 5
"""The most alternatives that may be asked for."""


def _given(reply: Completion | CompletionStream) -> Iterator[tuple[str, Json, Json]]:
    """Each choice that has log probabilities: its place, itself, and they."""
    for at, choice in reply.choices:
        if isinstance(choice.get("logprobs"), dict):
            yield at, choice, choice["logprobs"]


@check(
    MUST,
    spec="CreateCompletionResponse.choices.logprobs",
    broken_by=[
        edit("choices[0].logprobs", {"content": []}),
        drop("choices[0].logprobs.token_logprobs[0]"),
    ],
)
def logprobs_shape(reply: Completion | CompletionStream) -> Findings:
    """The log probabilities of a choice are four lists, with one entry for each token.

    Evaluation harnesses read them in parallel, and score nonsense when one is shorter.
    """
    given = list(_given(reply))
    only_if(given, "the reply has no log probabilities")
    places = ("choices[*].logprobs.**", "events[*].choices[*].logprobs.**")
    broken = list(reply.breaks(*places))
    yield from broken
    if broken:
        return
    for at, _, logprobs in given:
        size = len(logprobs["tokens"])
        for name in ("token_logprobs", "top_logprobs", "text_offset"):
            # Where no alternatives were asked for, there need not be a list of them.
            none = name == "top_logprobs" and not logprobs[name]
            if not none and len(logprobs[name]) != size:
                got = f"{len(logprobs[name])} entries"
                yield Finding(f"{at}.logprobs.{name}", want=f"{size} entries", got=got)


@check(
    SHOULD,
    spec="CreateCompletionResponse.choices.logprobs.text_offset",
    broken_by=[edit("choices[0].logprobs.text_offset[*]", 0)],
)
def logprobs_offsets(reply: Completion) -> Findings:
    """Each text_offset says where its token starts, counted from the start of the prompt.

    Evaluation harnesses find the answer's tokens by it.
    """
    given = [(at, choice, probs) for at, choice, probs in _given(reply) if probs.get("tokens")]
    only_if(given, "the reply has no log probabilities")
    for at, choice, logprobs in given:
        text = a_text(choice.get("text"))
        offsets, tokens = a_list(logprobs.get("text_offset")), a_list(logprobs["tokens"])
        if text.isascii() and len(offsets) == len(tokens) and all(map(is_int, offsets)):
            yield from _misplaced(f"{at}.logprobs.text_offset", text, offsets, tokens)


def _misplaced(at: str, text: str, offsets: list[int], tokens: list[object]) -> Findings:
    """The first token that is not where its offset, counted from the first one's, says."""
    for i, (offset, token) in enumerate(zip(offsets, map(a_text, tokens), strict=True)):
        start = offset - offsets[0]
        shown = text[start : start + len(token)]
        if not (0 <= start <= len(text) and token.startswith(shown)):
            yield Finding(f"{at}[{i}]", want=f"the place of {token!r}", got=offset)
            return
        if len(shown) < len(token):
            return  # the text ended before it: an end token, or the start of a stop sequence


@check(
    MUST,
    spec="CreateCompletionRequest.logprobs",
    broken_by=[edit("choices[0].logprobs.top_logprobs[0]", {f"t{i}": -1.0 for i in range(9)})],
)
def logprobs_top_count(reply: Completion | CompletionStream) -> Findings:
    """At most as many alternatives as were asked for, and the token itself, are given for a token.

    A client that takes them all as the likeliest ones has its ranking wrong.
    """
    asked = reply.request.get("logprobs")
    given = [
        (f"{at}.logprobs.top_logprobs[{i}]", top)
        for at, _, logprobs in _given(reply)
        for i, top in enumerate(a_list(logprobs.get("top_logprobs")))
        if isinstance(top, dict)
    ]
    only_if(is_int(asked) and given, "no alternatives were asked for or given")
    yield from _too_many(given, asked + 1 if is_int(asked) else 0)


def _too_many(given: list[Place], most: int) -> Findings:
    for at, top in given:
        if len(top) > most:
            yield Finding(at, want=f"at most {most} tokens", got=f"{len(top)} tokens")


@check(
    SHOULD,
    spec="CreateCompletionRequest.logprobs",
    broken_by=[edit("request.logprobs", MOST + 1).on("completions.logprobs")],
    breach=Outcome.LENIENT,
)
def logprobs_max5(reply: TextReply | ErrorReply) -> Findings:
    """More than 5 alternatives are refused with 400.

    A server that takes more is generous; a client that relies on it is bound to this server.
    """
    asked = reply.request.get("logprobs")
    only_if(reply.endpoint is Endpoint.COMPLETIONS, "not a completion")
    only_if(FIRST_ROUTE not in reply.path, "the first version of the API allowed more")
    only_if(is_int(asked) and asked > MOST, "not more than 5 alternatives were asked for")
    yield from refusal(reply)
