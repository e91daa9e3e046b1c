"""The token counts of a chat completion."""

from __future__ import annotations

from collections import Counter
from typing import Final

from conformance.model import MISSING, Evidence, Finding, Findings
from conformance.mutate import change, drop, edit
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import ChatCompletion, ChatReply, Json, Place, an_object, is_int
from conformance.suites._twins import Twin, prompt_twin

_COUNTS: Final = ("prompt_tokens", "completion_tokens", "total_tokens")
BYTES_A_TOKEN: Final = 12
"""Three times what English needs; only long runs of one character need fewer tokens."""
_THOUGHTS: Final = 10
"""From how many tokens on an excess may be thoughts."""


def _counts(reply: ChatReply) -> Place:
    """The usage object and its place; not applicable without the three counts."""
    only_if(reply.usage, "there is no usage")
    at, usage = reply.usage or ("", {})
    only_if(all(is_int(usage.get(name)) for name in _COUNTS), "a count is missing")
    return at, usage


def _details(usage: Json, side: str) -> Json:
    return an_object(usage.get(f"{side}_tokens_details"))


@check(
    SHOULD,
    spec="OpenAI API reference: Chat completions",
    broken_by=[drop("usage")],
    covers=["structured.usage.counted"],
)
def usage_present(reply: ChatCompletion) -> Findings:
    """An answer in one piece says what it used.

    Budgets, bills and context windows are kept by it.
    """
    if not isinstance(reply.body.get("usage"), dict | str | list | int | float):
        yield Finding("usage", want="an object", got=reply.body.get("usage", MISSING))


@check(
    MUST,
    spec="CompletionUsage",
    broken_by=[drop("usage.total_tokens"), drop("usage.prompt_tokens")],
)
def usage_required_keys(reply: ChatCompletion) -> Findings:
    """The usage has prompt_tokens, completion_tokens and total_tokens.

    openai-python 3.52 fails its strict validation without one of them.
    """
    only_if(reply.usage, "there is no usage")
    for found in reply.breaks(*(f"usage.{name}" for name in _COUNTS)):
        if found.got is MISSING:
            yield found


@check(
    MUST,
    spec="CompletionUsage",
    broken_by=[
        edit("usage.prompt_tokens", "5"),
        edit("usage.completion_tokens", None),
        edit("usage", 7),
    ],
)
def usage_types(reply: ChatReply) -> Findings:
    """The counts of usage are whole numbers, not negative.

    Sums over many answers fail, or join strings.
    """
    prefixes = ("usage", "events[*].usage")
    places = [f"{prefix}.{name}" for prefix in prefixes for name in _COUNTS]
    for found in reply.breaks(*prefixes, *places):
        if found.got is not MISSING:
            yield found


@check(
    SHOULD,
    spec="CompletionUsage.total_tokens",
    broken_by=[change("usage.total_tokens", lambda total: total + 1, "total_tokens + 1")],
)
def usage_total_sum(reply: ChatReply) -> Findings:
    """total_tokens is prompt_tokens plus completion_tokens.

    Budgets kept by the total and by the parts drift away from each other.
    """
    at, usage = _counts(reply)
    want = usage["prompt_tokens"] + usage["completion_tokens"]
    excess = usage["total_tokens"] - want
    # Gemini counts thoughts in the total and names them nowhere. Where they are named, as by Grok,
    # they belong to completion_tokens too.
    unnamed = not _details(usage, "completion") and excess >= _THOUGHTS
    inconclusive_if(unnamed, "the total may hold thoughts counted nowhere else")
    if excess:
        yield Finding(f"{at}.total_tokens", want=want, got=usage["total_tokens"])


@check(
    SHOULD,
    spec="CompletionUsage.prompt_tokens",
    broken_by=[edit("usage.prompt_tokens", 0).on("chat.multi_turn").also("chat.usage_total_sum")],
)
def usage_prompt_positive(reply: ChatReply) -> Findings:
    """prompt_tokens is above zero.

    A prompt always has tokens; a zero makes the context window look empty.
    """
    at, usage = _counts(reply)
    if usage["prompt_tokens"] == 0:
        yield Finding(f"{at}.prompt_tokens", want="above 0", got=0)


@check(
    SHOULD,
    spec="CompletionUsage.completion_tokens",
    broken_by=[edit("usage.completion_tokens", 0).also("chat.usage_total_sum")],
)
def usage_completion_plausible(reply: ChatReply) -> Findings:
    """completion_tokens is enough for the text of the answers.

    Bills and limits are kept by it: one choice of several, or nothing, may have been counted.
    """
    at, usage = _counts(reply)
    length = sum(len(answer.text.encode("utf-8", "surrogatepass")) for answer in reply.answers)
    if usage["completion_tokens"] * BYTES_A_TOKEN < length:
        want = f"enough for {length} bytes of text"
        yield Finding(f"{at}.completion_tokens", want=want, got=usage["completion_tokens"])


@check(
    SHOULD,
    spec="CompletionUsage.completion_tokens_details",
    broken_by=[
        edit("usage.prompt_tokens_details.cached_tokens", "x"),
        edit("usage.completion_tokens_details", 3),
    ],
)
def usage_details_types(reply: ChatReply) -> Findings:
    """The details of usage are objects of whole numbers, not negative; null is tolerated.

    Typed clients fail to read the whole answer on another type.
    """
    for side in ("prompt", "completion"):
        name = f"usage.{side}_tokens_details.**"
        yield from reply.breaks(name, f"events[*].{name}")


@check(
    SHOULD,
    spec="CompletionUsage.completion_tokens_details",
    broken_by=[
        edit("usage.completion_tokens_details.reasoning_tokens", 100_000),
        edit("usage.prompt_tokens_details.cached_tokens", 100_000),
    ],
)
def usage_details_bounds(reply: ChatReply) -> Findings:
    """cached_tokens are part of prompt_tokens, reasoning_tokens of completion_tokens.

    The price of the rest, computed by subtraction, is negative otherwise.
    """
    at, usage = _counts(reply)
    for side, name in (("prompt", "cached_tokens"), ("completion", "reasoning_tokens")):
        part, whole = _details(usage, side).get(name), usage[f"{side}_tokens"]
        if is_int(part) and part > whole:
            yield Finding(f"{at}.{side}_tokens_details.{name}", want=f"at most {whole}", got=part)


@check(
    SHOULD,
    spec="CompletionUsage.prompt_tokens",
    needs=[Evidence.FRESH],
    over=prompt_twin,
    broken_by=[
        change("usage.prompt_tokens", lambda count: count + 1, "prompt_tokens + 1")
        .on("chat.again")
        .also("chat.usage_total_sum")
    ],
)
def usage_stable_prompt(facts: list[Fact[Twin[int]]]) -> Findings:
    """The same request counts the same prompt_tokens each time.

    A prompt that grows on repeat was changed on its way to the model.
    """
    # A stream that differs from the answer in one piece is stream.usage_equals_nonstream's.
    kinds = Counter((fact.value.request, fact.value.streamed) for fact in facts)
    inconclusive_if(max(kinds.values(), default=0) <= 1, "no request was sent twice")
    first: dict[tuple[str, bool], int] = {}
    for fact in facts:
        want = first.setdefault((fact.value.request, fact.value.streamed), fact.value.value)
        if fact.value.value != want:
            got = fact.value.value
            yield Finding("usage.prompt_tokens", want=want, got=got, exchange=fact.exchange)
