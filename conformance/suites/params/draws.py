"""What makes answers vary, seen by asking for the same random thing several times.

A number that a model makes up at a high temperature is another one each time. So where the same
request, but for one parameter, gets one answer over and over, it is that parameter's doing; and
where it doesn't, the parameter had no effect.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from conformance.model import Finding, Findings, Outcome
from conformance.mutate import Mutant, edit
from conformance.registry import MAY, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import ChatCompletion, a_text, is_int, is_number, objects
from conformance.suites._twins import DELIVERY, digest

HOT: Final = 1.5
"""From this temperature on answers vary; at 1.0 instruct models may well repeat themselves."""
NARROW: Final = 0.05
"""Up to this top_p the most likely token is the only one left."""
WIDE: Final = 0.9
"""From this top_p on nearly everything is left."""
CONTROL: Final = 3
"""How many answers show that they vary, and"""
ENOUGH: Final = 4
"""how many that they don't."""
_RANDOM: Final = re.compile(r"\brandom", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn, as digests, and how; ``prompt`` is everything else that was sent."""

    prompt: str
    temperature: float
    top_p: float
    seed: int | None
    backend: str
    answers: tuple[str, ...]

    @property
    def is_hot(self) -> bool:
        """Whether answers should vary, but for a seed."""
        return self.temperature >= HOT and self.top_p >= WIDE

    @property
    def is_free(self) -> bool:
        """Whether nothing keeps answers from varying."""
        return self.is_hot and self.seed is None and len(self.answers) == 1


Draws = list[Fact[Draw]]


def draw(reply: ChatCompletion) -> Draw:
    """The answers to a request for something random; each choice is one."""
    asked = [a_text(message.get("content")) for _, message in objects(reply.request, "messages")]
    only_if(asked and _RANDOM.search(asked[-1]), "nothing random was asked for")
    texts = [answer.text.strip() for answer in reply.answers]
    only_if(texts and all(texts), "there is a choice without text")
    seed = reply.request.get("seed")
    return Draw(
        prompt=digest(reply, *DELIVERY, "temperature", "top_p", "seed", "n"),
        temperature=_number(reply, "temperature"),
        top_p=_number(reply, "top_p"),
        seed=seed if is_int(seed) else None,
        backend=a_text(reply.body.get("system_fingerprint")),
        answers=tuple(sha256(text.encode("utf-8", "replace")).hexdigest()[:16] for text in texts),
    )


def _number(reply: ChatCompletion, name: str) -> float:
    value = reply.request.get(name)
    only_if(value is None or is_number(value), f"{name} is no number")
    return 1 if value is None else value


def _answers(draws: Draws) -> list[str]:
    return [answer for fact in draws for answer in fact.value.answers]


def _vary(answers: list[str]) -> bool:
    """Whether more than half of these answers are different ones."""
    return len(answers) >= CONTROL and len(set(answers)) * 2 > len(answers)


def _free(facts: Draws) -> dict[str, Draws]:
    """The draws that nothing keeps from varying, by prompt."""
    found: dict[str, Draws] = defaultdict(list)
    for fact in facts:
        if fact.value.is_free:
            found[fact.value.prompt].append(fact)
    return found


def _held(facts: Draws, key: Callable[[Draw], Hashable]) -> list[Draws]:
    """The draws that belong together by prompt and ``key``, where the free ones do vary.

    A key of None leaves a draw out.
    """
    found: dict[tuple[str, Hashable], Draws] = defaultdict(list)
    for fact in facts:
        if (kind := key(fact.value)) is not None:
            found[fact.value.prompt, kind].append(fact)
    enough = {one: draws for one, draws in found.items() if len(_answers(draws)) >= ENOUGH}
    only_if(enough, f"there are no {ENOUGH} answers to such a request")
    free = _free(facts)
    judged = [draws for (prompt, _), draws in enough.items() if _vary(_answers(free[prompt]))]
    inconclusive_if(not judged, "answers without it vary too little, or are missing")
    return judged


def _finding(name: str, want: str, draws: Draws) -> Finding:
    answers = _answers(draws)
    got = f"{len(set(answers))} different ones of {len(answers)}"
    return Finding(f"request.{name}", want=want, got=got, exchange=draws[-1].exchange)


def _named(*names: str) -> tuple[str, ...]:
    return tuple(f"params.{name}" for name in names)


def _apart(*names: str) -> Mutant:
    """The edit that gives each of these exchanges an answer of its own."""

    def own(exchange_id: str) -> Mutant:
        return edit("choices[0].message.content", exchange_id)

    return Mutant("each answer is another one", lambda one: own(one.id).apply(one)).on(
        *_named(*names)
    )


@check(
    SHOULD,
    spec="ModelResponseProperties.temperature",
    breach=Outcome.IGNORED,
    over=draw,
    broken_by=[
        edit("choices[0].message.content", "48213").on(*_named("hot", "hot_2", "hot_3", "hot_4"))
    ],
)
def temperature_honoured_high(facts: Draws) -> Findings:
    """At a temperature of 1.5 and above, answers to a request for something random vary.

    Whoever samples several answers to compare them gets one.
    """
    groups = [draws for draws in _free(facts).values() if len(draws) >= CONTROL]
    only_if(groups, "nothing random was asked for several times at such a temperature")
    for draws in groups:
        if len(draws) >= ENOUGH and len(set(_answers(draws))) == 1:
            yield _finding("temperature", "different answers", draws)
    varied = any(_vary(_answers(draws)) for draws in groups)
    inconclusive_if(not varied, "the answers vary too little to tell")


@check(
    SHOULD,
    spec="ModelResponseProperties.temperature",
    breach=Outcome.IGNORED,
    over=draw,
    broken_by=[_apart("cold", "cold_2", "cold_3")],
)
def temperature_honoured_low(facts: Draws) -> Findings:
    """At temperature 0 answers that vary at a high one hardly do.

    Tests and extraction jobs rely on it; even OpenAI doesn't promise always the same answer.
    """
    for draws in _held(facts, lambda one: one.temperature == 0 or None):
        if _vary(_answers(draws)):
            yield _finding("temperature", "mostly the same answer", draws)


@check(
    SHOULD,
    spec="ModelResponseProperties.top_p",
    breach=Outcome.IGNORED,
    over=draw,
    broken_by=[_apart("narrow", "narrow_2", "narrow_3")],
)
def top_p_honoured(facts: Draws) -> Findings:
    """With a top_p near 0, answers that vary without it hardly do.

    Only the most likely token is left to choose from then.
    """
    for draws in _held(facts, _is_narrow):
        if _vary(_answers(draws)):
            yield _finding("top_p", "mostly the same answer", draws)


def _is_narrow(one: Draw) -> bool | None:
    return (one.temperature >= HOT and one.top_p <= NARROW and one.seed is None) or None


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.seed",
    breach=Outcome.IGNORED,
    over=draw,
    broken_by=[_apart("seed_7", "seed_7_2", "seed_7_3")],
)
def seed_reproducible(facts: Draws) -> Findings:
    """The same seed gets the same answer, also at a high temperature.

    Evaluations are repeated with it. It is promised as best effort, and for one system_fingerprint.
    """
    several = False
    for draws in _held(facts, _seeded):
        answers = _answers(draws)
        if _vary(answers):
            yield _finding("seed", "the same answer each time", draws)
        several |= len(set(answers)) > 1
    inconclusive_if(several, "some of the answers differ: the seed is best effort")


def _seeded(one: Draw) -> Hashable:
    single = one.is_hot and one.seed is not None and len(one.answers) == 1
    return (one.seed, one.backend) if single else None


@check(
    MAY,
    spec="CreateChatCompletionRequest.seed",
    over=draw,
    broken_by=[
        edit("choices[0].message.content", "48213").on(
            *_named("seed_1", "seed_2", "seed_3", "seed_7", "seed_7_2", "seed_7_3", "seed_7_4")
        )
    ],
)
def seed_different(facts: Draws) -> Findings:
    """Different seeds get different answers.

    Whoever varies the seed to sample several answers gets one.
    """
    compared = False
    for draws in _held(facts, lambda one: _seeded(one) and "any seed"):
        seeds = {fact.value.seed for fact in draws}
        if len(seeds) < ENOUGH:
            continue
        compared = True
        if len(set(_answers(draws))) == 1:
            yield _finding("seed", "different answers to different seeds", draws)
    only_if(compared, f"no request was sent with {ENOUGH} seeds")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.n",
    over=draw,
    broken_by=[edit("choices[*].message.content", "48213").on("params.draws_5")],
)
def n_diverse(facts: Draws) -> Findings:
    """The choices of one answer vary as answers to several requests do.

    Whoever votes, or picks the best of several, gets one answer for the price of many.
    """
    for draws in _held(facts, _several):
        for fact in draws:
            if len(set(fact.value.answers)) == 1:
                n = len(fact.value.answers)
                yield Finding(
                    "choices",
                    want="different texts",
                    got=f"{n} times the same text",
                    exchange=fact.exchange,
                )


def _several(one: Draw) -> bool | None:
    return (one.is_hot and one.seed is None and len(one.answers) >= ENOUGH) or None
