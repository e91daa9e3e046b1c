"""The log probabilities of a chat completion's tokens."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final, TypeGuard

from conformance.model import MISSING, Finding, Findings, Outcome
from conformance.mutate import all_of, change, drop, edit
from conformance.registry import MAY, MUST, SHOULD, check, only_if
from conformance.replies import (
    ChatCompletion,
    ChatReply,
    ErrorReply,
    Json,
    Place,
    Reply,
    a_list,
    an_object,
    is_int,
    is_number,
    objects,
)
from conformance.suites._refusals import acceptance, refusal, refused_for, sent

_LEGACY: Final = ("tokens", "token_logprobs", "text_offset")
_CLOSE: Final = 0.001
_LARGE: Final = 1e9
_ROUNDED: Final = 1e-6
_BYTE: Final = range(256)
_ON: Final = "chat.logprobs"
_ENTRY: Final = "choices[*].logprobs.content[*]"


def _held(reply: ChatReply) -> list[Place]:
    """The logprobs objects; not applicable without one."""
    found = [
        (f"{at}.logprobs", choice["logprobs"])
        for at, choice in reply.choices
        if isinstance(choice.get("logprobs"), dict)
    ]
    only_if(found, "there are no logprobs")
    return found


def _entries(reply: ChatReply) -> list[Place]:
    """The entries for the tokens of content; not applicable without one."""
    found = [place for at, held in _held(reply) for place in objects(held, "content", at)]
    only_if(found, "there are no log probabilities")
    return found


def _violations(reply: ChatReply, *members: str) -> Iterator[Finding]:
    """The schema's findings at members of the entries, streamed or not."""
    places = [f"{_ENTRY}{member}" for member in members]
    yield from reply.breaks(*places, *(f"events[*].{place}" for place in places))


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.logprobs",
    breach=Outcome.IGNORED,
    broken_by=[edit("choices[0].logprobs", None).on(_ON)],
)
def logprobs_present(reply: ChatCompletion) -> Findings:
    """The logprobs come when they were asked for.

    Scoring and confidence estimates silently have nothing to work on.
    """
    only_if(reply.request.get("logprobs") is True, "they were not asked for")
    answers = [answer for answer in reply.answers if answer.text]
    only_if(answers, "there is no text")
    texts = {answer.at for answer in answers}
    for at, choice in reply.choices:
        if at in texts and not choice.get("logprobs"):
            yield Finding(f"{at}.logprobs", want="an object", got=choice.get("logprobs", MISSING))


def _legacy(_: object) -> Json:
    return {"tokens": ["OK"], "token_logprobs": [-0.1], "top_logprobs": [], "text_offset": [0]}


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices.logprobs",
    broken_by=[
        change("choices[0].logprobs", _legacy, "the legacy arrays")
        .on(_ON)
        .also("chat.logprobs_refusal_key"),
        drop("choices[0].logprobs.content").on(_ON),
    ],
)
def logprobs_shape(reply: ChatReply) -> Findings:
    """The logprobs hold content, a list of entries, not the arrays of legacy completions.

    Typed clients find no content; evaluation harnesses misread the scores.
    """
    for at, held in _held(reply):
        arrays = held.keys() & _LEGACY
        if arrays:
            yield Finding(at, want="content and refusal", got=sorted(held)[:10])
        elif not isinstance(held.get("content", MISSING), list | None):
            yield Finding(
                f"{at}.content", want="an array or null", got=held.get("content", MISSING)
            )


# OpenAI's own logprobs of 2024, and the example in its reference, lack it.
@check(
    MAY,
    spec="CreateChatCompletionResponse.choices.logprobs.refusal",
    broken_by=[drop("choices[0].logprobs.refusal").on(_ON)],
)
def logprobs_refusal_key(reply: ChatReply) -> Findings:
    """The logprobs have the key refusal, null for an answer that is none.

    The schema requires it, so typed clients other than OpenAI's fail without it.
    """
    for at, held in _held(reply):
        if "refusal" not in held:
            yield Finding(f"{at}.refusal", want="null or an array", got=MISSING)


@check(
    MUST,
    spec="ChatCompletionTokenLogprob",
    broken_by=[
        drop("choices[0].logprobs.content[0].top_logprobs").on(_ON),
        edit("choices[0].logprobs.content[0].token", 7).on(_ON),
    ],
)
def logprobs_token_fields(reply: ChatReply) -> Findings:
    """Each entry has token, logprob, bytes and top_logprobs.

    Typed clients fail to read the whole answer without one of them.
    """
    _entries(reply)
    yield from _violations(reply, "", ".token", ".bytes", ".top_logprobs")
    for found in _violations(reply, ".logprob"):
        if found.got is MISSING:
            yield found


@check(
    MUST,
    spec="ChatCompletionTokenLogprob.logprob",
    broken_by=[
        edit("choices[0].logprobs.content[0].logprob", 0.3)
        .on(_ON)
        .also("chat.logprobs_chosen_consistent"),
        edit("choices[0].logprobs.content[0].logprob", None).on(_ON),
    ],
)
def logprobs_value_range(reply: ChatReply) -> Findings:
    """A logprob is a finite number, not above zero.

    The probability computed from it is above one, or not a number.
    """
    _entries(reply)
    for found in _violations(reply, ".logprob"):
        if found.got is not MISSING:
            yield found


@check(
    SHOULD,
    spec="ChatCompletionTokenLogprob.bytes",
    broken_by=[
        edit("choices[0].logprobs.content[0].bytes", [75, 79]).on(_ON).also("chat.logprobs_concat"),
        edit("choices[0].logprobs.content[0].bytes", [256, 79]).on(_ON),
    ],
)
def logprobs_bytes(reply: ChatReply) -> Findings:
    """The bytes are null or the UTF-8 bytes of the token.

    Clients join them to recover characters that are split over tokens.
    """
    for at, entry in _entries(reply):
        data, token = entry.get("bytes"), entry.get("token")
        if not isinstance(data, list) or not isinstance(token, str):
            continue
        if not all(is_int(byte) and byte in _BYTE for byte in data):
            yield Finding(f"{at}.bytes", want="numbers from 0 to 255", got=data[:20])
        elif _differ(bytes(data), token):
            want = list(token.encode("utf-8", "surrogatepass"))[:20]
            yield Finding(f"{at}.bytes", want=want, got=data[:20])


def _differ(data: bytes, token: str) -> bool:
    """Whether bytes that are whole characters spell another token."""
    if "\ufffd" in token or "\\x" in token or token.startswith("bytes:"):
        return False
    try:
        return data.decode() != token
    except UnicodeDecodeError:
        return False


@check(
    SHOULD,
    spec="OpenAI API reference: logprobs",
    broken_by=[change("choices[0].logprobs.content", lambda _: [], "no entry left").on(_ON)],
)
def logprobs_concat(reply: ChatCompletion) -> Findings:
    """The tokens of the entries, joined, are content.

    Scores are laid over the text by it.
    """
    only_if(reply.request.get("stop") is None, "a stop sequence may have been cut off")
    held = dict(_held(reply))
    for answer in reply.answers:
        content = held.get(f"{answer.at}.logprobs", {}).get("content")
        if not answer.text or not isinstance(content, list):
            continue
        pieces = [an_object(entry).get("bytes") for entry in content]
        if not all(_are_bytes(piece) for piece in pieces):
            continue
        joined = b"".join(bytes(a_list(piece)) for piece in pieces).strip()
        text = answer.text.encode("utf-8", "surrogatepass").strip()
        if not joined.startswith(text):
            want, got = text[:100], joined[:100].decode("utf-8", "replace")
            yield Finding(
                f"{answer.at}.logprobs.content", want=want.decode("utf-8", "replace"), got=got
            )


def _are_bytes(value: Any) -> bool:
    return isinstance(value, list) and all(is_int(byte) and byte in _BYTE for byte in value)


@check(
    SHOULD,
    spec="OpenAI API reference: logprobs",
    broken_by=[
        change("choices[0].logprobs.content", lambda old: old * 3, "each entry thrice").on(_ON)
    ],
)
def logprobs_count_usage(reply: ChatReply) -> Findings:
    """There are no more entries than completion_tokens.

    Either the entries or the bill are wrong.
    """
    count = (reply.usage or ("", {}))[1].get("completion_tokens")
    only_if(is_int(count), "completion_tokens are not known")
    entries = _entries(reply)
    if len(entries) > (count or 0):
        yield Finding(
            "choices[*].logprobs.content", want=f"at most {count} entries", got=len(entries)
        )


@check(
    MUST,
    spec="CreateChatCompletionRequest.top_logprobs",
    broken_by=[
        change(
            "choices[0].logprobs.content[0].top_logprobs",
            lambda old: [*old, *old[-1:]],
            "its last entry twice",
        ).on(_ON),
        edit("request.top_logprobs", 1).on(_ON),
        drop("request.top_logprobs").on(_ON),
    ],
)
def logprobs_top_count(reply: ChatReply) -> Findings:
    """Each entry has at most as many top_logprobs as were asked for, none if none were.

    Answers are many times larger than a client planned for.
    """
    asked = reply.request.get("top_logprobs")
    only_if(reply.request and (asked is None or is_int(asked)), "top_logprobs are not known")
    for at, entry in _entries(reply):
        got = len(a_list(entry.get("top_logprobs")))
        if got > (asked or 0):
            yield Finding(
                f"{at}.top_logprobs", want=f"at most {asked or 0} items", got=f"{got} items"
            )


def _in_range(value: object) -> TypeGuard[float]:
    """Whether a value is a number that can be reckoned with."""
    return is_number(value) and abs(value) < _LARGE


def _reversed(items: list[Json]) -> list[Json]:
    return items[::-1]


@check(
    SHOULD,
    spec="ChatCompletionTokenLogprob.top_logprobs",
    broken_by=[
        change("choices[0].logprobs.content[0].top_logprobs", _reversed, "in reverse").on(_ON)
    ],
)
def logprobs_top_sorted(reply: ChatReply) -> Findings:
    """top_logprobs are in falling order.

    Clients take the first for the likeliest.
    """
    for at, entry in _entries(reply):
        values = [item.get("logprob") for _, item in objects(entry, "top_logprobs")]
        numbers = [value for value in values if _in_range(value)]
        if any(low + _ROUNDED < high for low, high in itertools.pairwise(numbers)):
            yield Finding(f"{at}.top_logprobs", want="in falling order", got=numbers[:20])


@check(
    SHOULD,
    spec="ChatCompletionTokenLogprob.top_logprobs",
    broken_by=[edit("choices[0].logprobs.content[0].top_logprobs[0].logprob", -2.9).on(_ON)],
)
def logprobs_chosen_consistent(reply: ChatReply) -> Findings:
    """The chosen token has the same logprob among the top_logprobs.

    One of the two numbers is wrong.
    """
    for at, entry in _entries(reply):
        chosen = entry.get("logprob")
        same = [
            item.get("logprob")
            for _, item in objects(entry, "top_logprobs")
            if item.get("token") == entry.get("token") and item.get("bytes") == entry.get("bytes")
        ]
        numbers = [value for value in same if _in_range(value)]
        if _in_range(chosen) and numbers and all(abs(value - chosen) > _CLOSE for value in numbers):
            yield Finding(f"{at}.logprob", want=numbers[0], got=chosen)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.top_logprobs",
    broken_by=[edit("request.top_logprobs", 2).on("chat.basic")],
)
def logprobs_top_without_logprobs_400(reply: Reply) -> Findings:
    """top_logprobs without logprobs is refused with 400.

    The client waits for scores that never come.
    """
    top = sent(reply, "top_logprobs")
    only_if(is_int(top) and top > 0 and not reply.request.get("logprobs"), "logprobs are on")
    yield from refusal(reply)


@check(
    MUST,
    spec="CreateChatCompletionRequest.top_logprobs",
    broken_by=[all_of(drop("request.top_logprobs"), refused_for("top_logprobs")).on(_ON)],
)
def logprobs_default_top(reply: ChatReply | ErrorReply) -> Findings:
    """The logprobs come also without top_logprobs.

    top_logprobs is optional: clients that want the chosen token's score only don't send it.
    """
    only_if(sent(reply, "logprobs") is True, "logprobs are off")
    only_if(reply.request.get("top_logprobs") is None, "top_logprobs were sent")
    yield from acceptance(reply, "top_logprobs")
