"""The text that the deltas of a chat stream add up to."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from typing import Final

from conformance.model import Finding, Findings
from conformance.mutate import all_of, change, drop, edit
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import (
    ChatReply,
    ChatStream,
    Json,
    a_list,
    a_text,
    an_object,
    index_of,
    is_int,
    objects,
)
from conformance.suites._twins import Twin, twin

LOST: Final = "\N{REPLACEMENT CHARACTER}"
SEVERAL: Final = 4
"""How many deltas it takes to tell that each repeats the one before."""
LONG: Final = 8
"""From how many characters on a repetition is none by chance."""


def _pieces(stream: ChatStream) -> dict[int, list[tuple[str, str]]]:
    """The content of each choice's deltas that have some, with its place."""
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for at, index, delta in stream.deltas:
        if text := a_text(delta.get("content")):
            found[index].append((f"{at}.content", text))
    return found


def _grown(body: bytes) -> bytes:
    """Each content is everything so far."""
    so_far = b""

    def grow(found: re.Match[bytes]) -> bytes:
        nonlocal so_far
        so_far += found[1]
        return b'"content":"' + so_far + b'"'

    return re.sub(rb'"content":"([^"\\]*)"', grow, body)


def _told_again(body: bytes) -> bytes:
    """The whole text again in the last delta."""
    text = b"".join(re.findall(rb'"content":"([^"\\]*)"', body))
    return body.replace(b'"delta":{}', b'"delta":{"content":"' + text + b'"}', 1)


@check(
    MUST,
    spec="ChatCompletionStreamResponseDelta.content",
    broken_by=[
        change("body", _grown, "each content is everything so far").on("stream.basic"),
        change("body", _told_again, "everything again at the end").on("stream.basic"),
    ],
)
def chunk_content_is_delta(stream: ChatStream) -> Findings:
    """A delta's content is what is new, not everything so far.

    Clients append it: the official SDKs make "HelHello" of "Hel" and "Hello".
    """
    pieces = {i: found for i, found in _pieces(stream).items() if len(found) >= SEVERAL}
    only_if(pieces, f"no choice has {SEVERAL} deltas with content")
    for found in pieces.values():
        texts = [text for _, text in found]
        pairs = pairwise(texts)
        growing = all(new.startswith(old) and len(new) > len(old) for old, new in pairs)
        before = "".join(texts[:-1])
        again = texts[-1].startswith(before) and len(set(before)) >= LONG // 2
        if len(texts[-1]) >= LONG and (growing or again):
            at, text = found[-1]
            yield Finding(at, "only what is new", text)


@check(
    MUST,
    spec="ChatCompletionStreamResponseDelta.content",
    broken_by=[
        all_of(
            edit("events[1].choices[0].delta.content", f"Zo{LOST}"),
            edit("events[2].choices[0].delta.content", LOST),
        )
        .on("stream.unicode")
        .also("chat.request_content_unicode")
    ],
)
def chunk_no_replacement_char(stream: ChatStream) -> Findings:
    """A character that takes several bytes is never cut in two by the end of a delta.

    A server that decodes each token alone sends U+FFFD for both halves, and no client can put
    them together again.
    """
    text = "".join(answer.text for answer in stream.answers)
    only_if(not text.isascii(), "the text is plain ASCII")
    sent = stream.exchange.request.body
    inconclusive_if(LOST.encode() in sent or b"\\ufffd" in sent.lower(), "the request has U+FFFD")
    for found in _pieces(stream).values():
        for (_, before), (at, after) in pairwise(found):
            if before.endswith(LOST) and after.startswith(LOST):
                yield Finding(at, "whole characters", before[-1:] + after[:1])
    inconclusive_if(LOST in text, "the model may have written U+FFFD itself")


@check(
    SHOULD,
    spec="CreateChatCompletionStreamResponse.choices.logprobs",
    broken_by=[
        edit("events[1].choices[0].logprobs", None).on("stream.logprobs"),
        drop("events[1].choices[0].logprobs").on("stream.logprobs"),
    ],
)
def chunk_logprobs(stream: ChatStream) -> Findings:
    """The log probabilities asked for cover every token of the streamed text.

    Scores computed from an answer with gaps are too good.
    """
    only_if(stream.request.get("logprobs") is True, "no log probabilities were asked for")
    told: dict[int, list[bytes]] = defaultdict(list)
    for _, choice in stream.choices:
        logprobs = an_object(choice.get("logprobs"))
        told[index_of(choice)] += [_bytes(token) for _, token in objects(logprobs, "content")]
    inconclusive_if(not any(told.values()), "there are no log probabilities at all")
    for answer in stream.answers:
        text = answer.text.strip().encode("utf-8", "replace")
        if text not in (covered := b"".join(told[answer.index])):
            yield Finding(f"{answer.at}.logprobs.content", answer.text, covered)


def _bytes(token: Json) -> bytes:
    """The bytes of a token, which need not be whole characters."""
    values = a_list(token.get("bytes"))
    if values and all(is_int(value) and 0 <= value < 256 for value in values):  # noqa: PLR2004  # bytes
        return bytes(values)
    return a_text(token.get("token")).encode("utf-8", "replace")


@check(
    SHOULD,
    spec="ChatCompletionStreamResponseDelta.refusal",
    broken_by=[
        all_of(
            edit("events[1].choices[0].delta.refusal", "I can't"),
            edit("events[2].choices[0].delta.content", " help with that."),
        ).on("stream.basic"),
        edit("events[1].choices[0].delta.refusal", ["No."]),
    ],
)
def chunk_refusal_delta(stream: ChatStream) -> Findings:
    """A refusal is streamed in delta.refusal, as strings, and leaves the content empty.

    A client that asked for structured output parses the content and fails on an apology.
    """
    yield from stream.breaks("events[*].choices[*].delta.refusal")
    only_if(any("refusal" in delta for *_, delta in stream.deltas), "no delta has a refusal")
    for answer in stream.answers:
        if answer.refusal and answer.text:
            yield Finding(f"{answer.at}.delta.content", "no content beside a refusal", answer.text)


Told = tuple[int, tuple[tuple[int, str], ...]]
"""The completion tokens, and the text of each choice."""


def _texts(reply: ChatReply) -> Twin[Told] | None:
    spent = reply.usage[1].get("completion_tokens") if reply.usage else None
    broken = isinstance(reply, ChatStream) and reply.interrupted
    if broken or not is_int(spent):
        return None
    texts = tuple((answer.index, answer.text.strip()) for answer in reply.answers)
    return twin(reply, (spent, texts))


@check(
    SHOULD,
    spec="ChatCompletionStreamResponseDelta.content",
    over=_texts,
    covers=["stream.chunk.no_lost_whitespace"],
    broken_by=[
        drop("events[9]").on("stream.usage"),
        change(
            "body",
            lambda body: body.replace(b'"content":" ', b'"content":"').replace(b"\\n", b""),
            "no blanks between words",
        ).on("stream.unicode"),
    ],
)
def chunk_joined_equals_nonstream(facts: list[Fact[Twin[Told]]]) -> Findings:
    """The deltas of a stream add up to the text that the answer has in one piece.

    Models answer twice in two ways, so only what no model does is judged: of two answers of as
    many tokens, the streamed one is the other with one gap, or without some of its blanks.
    """
    whole: dict[tuple[str, int, int], set[str]] = defaultdict(set)
    for fact in facts:
        spent, texts = fact.value.value
        for index, text in texts if not fact.value.streamed else ():
            whole[fact.value.request, spent, index].add(text)
    only_if(any(fact.value.streamed for fact in facts), "nothing was streamed with usage")
    compared = 0
    for fact in facts:
        spent, texts = fact.value.value
        for index, text in texts if fact.value.streamed else ():
            known = whole.get((fact.value.request, spent, index), set())
            fuller = [one for one in known if _lost_some(one, text)]
            compared += bool(fuller) or text in known
            if fuller and text not in known:
                yield Finding("events[*].choices[*].delta.content", fuller[0], text, fact.exchange)
    inconclusive_if(not compared, "no answer was given both streamed and in one piece")


def _lost_some(whole: str, streamed: str) -> bool:
    """Whether ``streamed`` is ``whole`` with one gap in it, or without some of its blanks."""
    missing = len(whole) - len(streamed)
    if missing <= 0:
        return False
    if "".join(whole.split()) == "".join(streamed.split()):
        return True
    same = next((i for i, (a, b) in enumerate(zip(whole, streamed, strict=False)) if a != b), None)
    kept = len(streamed) if same is None else same
    return len(streamed) >= LONG and whole[kept + missing :] == streamed[kept:]
