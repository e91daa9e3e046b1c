"""What a parameter does, seen by comparing an answer with the one to the same request without it.

That an answer keeps within a limit, or has no stop sequence in it, proves little by itself: it may
have been short anyway. Beside the longer answer it would have been, it proves the effect.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Final, Generic, TypeVar

from conformance.model import Finding, Findings, Outcome
from conformance.mutate import change, edit
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import Answer, ChatReply, a_list, an_object, is_int, is_number
from conformance.suites._twins import DELIVERY, digest
from conformance.suites.params.limits import LIMITS

TIGHT: Final = 64
"""The largest limit, in tokens, that is looked at: answers without it are easily longer."""
HEAVY, HEAVIEST = 1.5, 2
"""Within these, a frequency_penalty doesn't let a word be repeated for long."""
REPEATED: Final = 20
"""How often an answer has its most frequent word at least, to show that it may."""
WORDS: Final = 2_000
"""How many words of an answer are counted."""
SHORT: Final = 120
"""The longest text, in characters, that is kept to be compared."""
FORCED: Final = 100
"""The bias that leaves no other token to choose."""
_WORD: Final = re.compile(r"\w+")
_DIGITS: Final = re.compile(r"[0-9]+")

V = TypeVar("V")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Seen(Generic[V, S]):
    """What one answer showed of a parameter; ``asked`` is its value, or None without it.

    ``prompt`` stands for everything else that was sent.
    """

    prompt: str
    asked: V | None
    shown: S


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop sequences, and whether the temperature makes it ``sure`` what they stop."""

    sequences: tuple[str, ...]
    sure: bool


def _seen(reply: ChatReply, asked: V | None, shown: S, *names: str) -> Seen[V, S]:
    return Seen(digest(reply, *DELIVERY, *names), asked, shown)


def _compared(facts: list[Fact[Seen[V, S]]]) -> Iterator[tuple[str, V, S, set[S]]]:
    """Each exchange with the parameter: its value, what it showed, and what showed without it."""
    without: dict[str, set[S]] = defaultdict(set)
    for fact in facts:
        if fact.value.asked is None:
            without[fact.value.prompt].add(fact.value.shown)
    only_if(any(fact.value.asked is not None for fact in facts), "no request has it")
    for fact in facts:
        if fact.value.asked is not None:
            yield fact.exchange, fact.value.asked, fact.value.shown, without[fact.value.prompt]


def _length(reply: ChatReply, name: str) -> Seen[int, int]:
    """A tight limit, and how many tokens the longest choice has at least."""
    limits = {one: limit for one in LIMITS if is_int(limit := reply.request.get(one))}
    tight = {one: limit for one, limit in limits.items() if 0 < limit <= TIGHT}
    only_if(tight.keys() <= {name} and reply.answers, "another limit is tight")
    return _seen(reply, tight.get(name), max(map(_tokens, reply.answers)), *LIMITS)


def _tokens(answer: Answer) -> int:
    """How many tokens a text has at least: no token holds two words, or two numbers."""
    return max(len(answer.text.split()), sum(1 for _ in _DIGITS.finditer(answer.text)))


def _kept(facts: list[Fact[Seen[int, int]]], name: str) -> Findings:
    proven = False
    for exchange, limit, tokens, without in _compared(facts):
        if tokens > limit + 1:
            got = f"at least {tokens}"
            yield Finding(f"request.{name}", f"at most {limit} tokens", got, exchange)
        proven |= any(other > limit for other in without)
    inconclusive_if(not proven, "no answer to the same request without it is longer")


def _max_tokens(reply: ChatReply) -> Seen[int, int]:
    return _length(reply, "max_tokens")


def _max_completion_tokens(reply: ChatReply) -> Seen[int, int]:
    return _length(reply, "max_completion_tokens")


def _wordy(_: object) -> str:
    return "one two three four five six seven"


@check(
    MUST,
    spec="CreateChatCompletionRequest.max_tokens",
    breach=Outcome.IGNORED,
    over=_max_tokens,
    broken_by=[change("choices[0].message.content", _wordy, "seven words").on("chat.length")],
)
def max_tokens_cuts(facts: list[Fact[Seen[int, int]]]) -> Findings:
    """max_tokens cuts a text that is longer without it, whatever usage says.

    The client waits, and pays, for what it refused.
    """
    yield from _kept(facts, "max_tokens")


@check(
    MUST,
    spec="CreateChatCompletionRequest.max_completion_tokens",
    breach=Outcome.IGNORED,
    over=_max_completion_tokens,
    broken_by=[
        change("choices[0].message.content", _wordy, "seven words").on("chat.max_completion_tokens")
    ],
)
def max_completion_tokens_cuts(facts: list[Fact[Seen[int, int]]]) -> Findings:
    """max_completion_tokens cuts a text that is longer without it, whatever usage says.

    The client waits, and pays, for what it refused.
    """
    yield from _kept(facts, "max_completion_tokens")


def _stopped(reply: ChatReply) -> Seen[Stop, str]:
    """The sequences, and a short text."""
    stop = reply.request.get("stop")
    stops = tuple(one for one in ([stop] if isinstance(stop, str) else a_list(stop)) if one)
    only_if(all(isinstance(one, str) and len(one) <= SHORT for one in stops), "no sequences")
    only_if(len(reply.answers) == 1 and not reply.answers[0].calls, "there is no one text")
    answer = reply.answers[0]
    only_if(len(answer.text) <= SHORT, "the text is too long to be kept")
    only_if(answer.finish_reason == "stop" or not stops, "something else ended it")
    asked = Stop(stops, sure=reply.request.get("temperature") == 0) if stops else None
    return _seen(reply, asked, answer.text.strip(), "stop")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.stop",
    over=_stopped,
    broken_by=[edit("choices[0].message.content", "1, 2").on("params.stop_cold")],
)
def stop_not_early(facts: list[Fact[Seen[Stop, str]]]) -> Findings:
    """A stop sequence ends an answer where it would have come, not before.

    What stands before it is what the client wants.
    """
    reached = False
    for exchange, stop, text, without in _compared(facts):
        wholes = {_until(stop.sequences, other) for other in without} - {None}
        reached |= text in wholes
        longer = any(whole and whole.startswith(text) for whole in wholes - {text})
        if stop.sure and longer:
            want = f"the text before {' or '.join(map(repr, stop.sequences))}"
            yield Finding("choices[0].message.content", want=want, got=text, exchange=exchange)
    inconclusive_if(not reached, "no answer to the same request has the sequence in the same text")


def _until(stops: tuple[str, ...], text: str) -> str | None:
    """The text up to the first of the sequences; None if it has none of them."""
    ends = [at for at in map(text.find, stops) if at >= 0]
    return text[: min(ends)].strip() if ends else None


def _repeated(reply: ChatReply) -> Seen[float, int]:
    """A heavy penalty, and how often the most frequent word was said."""
    penalty = reply.request.get("frequency_penalty") or 0
    heavy = is_number(penalty) and HEAVY <= penalty <= HEAVIEST
    only_if(heavy or not penalty, "the penalty is a light one")
    only_if(len(reply.answers) == 1, "there are several choices")
    words = (found[0].lower() for found in _WORD.finditer(reply.answers[0].text))
    counted = Counter(islice(words, WORDS))
    times = max(counted.values(), default=0)
    if not penalty:
        only_if(times >= REPEATED and times * 2 > counted.total(), "no word is repeated a lot")
    return _seen(reply, penalty or None, times, "frequency_penalty")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.frequency_penalty",
    breach=Outcome.IGNORED,
    over=_repeated,
    broken_by=[
        change(
            "choices[0].message.content", lambda text: " ".join([text] * 4), "four times as much"
        )
        .on("params.repeat_penalised")
        .also("chat.usage_completion_plausible")
    ],
)
def frequency_penalty_honoured(facts: list[Fact[Seen[float, int]]]) -> Findings:
    """With a frequency_penalty near 2, a word is said at most half as often.

    The text that the penalty was to keep from going round in circles does so.
    """
    compared = False
    for exchange, penalty, times, without in _compared(facts):
        most = min(without, default=0)
        compared |= most > 0
        if times * 2 > most > 0:
            want, got = f"a word at most {most // 2} times", f"{times} times with {penalty:g}"
            yield Finding("request.frequency_penalty", want=want, got=got, exchange=exchange)
    inconclusive_if(not compared, "no answer to the same request without it repeats a word")


def _biased(reply: ChatReply) -> Seen[str, str]:
    """The one token that is forced, and a digest of the text."""
    only_if(reply.request.get("temperature") == 0, "the temperature is not 0")
    bias = an_object(reply.request.get("logit_bias"))
    forced = [token for token, value in bias.items() if value == FORCED]
    only_if(len(bias) == len(forced) <= 1, "other tokens are favoured")
    texts = [answer.text for answer in reply.answers]
    only_if(len(texts) == 1 and texts[0], "there is no one text")
    shown = sha256(texts[0].encode("utf-8", "replace")).hexdigest()[:16]
    return _seen(reply, forced[0] if forced else None, shown, "logit_bias")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.logit_bias",
    breach=Outcome.IGNORED,
    over=_biased,
    broken_by=[edit("choices[0].message.content", "1, 2, 3").on("params.bias_100")],
)
def logit_bias_honoured(facts: list[Fact[Seen[str, str]]]) -> Findings:
    """A token with a bias of 100 changes the answer: it is the only one left to choose.

    Classifiers that hold the answer to their labels get free text. Which text the token stands for
    need not be known: it is not the answer to a question that it has nothing to do with.
    """
    compared = False
    for exchange, token, text, without in _compared(facts):
        compared |= bool(without)
        if without and all(other == text for other in without):
            want, got = f"nothing but token {token}", "the answer without a bias"
            yield Finding("request.logit_bias", want=want, got=got, exchange=exchange)
    inconclusive_if(not compared, "the same request was not sent without a bias")
