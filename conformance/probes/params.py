"""Every parameter of a chat completions request: taken, at its bounds, beyond, and in effect.

A parameter's effect shows beside a control, the same request without it, so both are asked for in
one probe. Requests about a single parameter have as few others as possible: what fails is then its
doing. Nobody is spared a parameter it doesn't claim: that is how those are found that are ignored.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from conformance.model import Request
from conformance.probe import Steps, probe
from conformance.probes._examples import (
    APPLES,
    COUNTING,
    COUNTING_LONG,
    FORECAST,
    LOT,
    OBSERVATION,
    OK,
    USAGE,
    WEATHER,
    WEATHER_QUESTION,
)
from conformance.replies import ChatCompletion, Reply
from conformance.targets import OMIT, Target

HOT: Final = 1.8
"""A temperature at which answers to the same request vary, also those of instruct models."""
VARIED: Final = 3
"""How many different answers show that they vary."""
TRIES: Final = 5
"""How many answers are asked for until they are different enough."""
REPEATS: Final = 4
"""How many answers show that they don't vary."""
LOT_ROOM: Final = 16
FORCED: Final = "300"
"""The id of a token: in every vocabulary large enough, and above the special ones."""


def only(target: Target, **parameters: Any) -> Request:
    """A short request with no parameters but these and a token limit."""
    return target.chat(OK, **{"temperature": OMIT} | parameters)


@probe("chat")
def max_tokens(target: Target) -> Steps:
    """Count to 20, first with room to do so, then within 5 tokens."""
    yield target.chat(COUNTING, temperature=OMIT)
    yield target.chat(COUNTING, temperature=OMIT, max_tokens=5)


@probe("chat")
def max_completion_tokens(target: Target) -> Steps:
    """Count to 20, first with room to do so, then within 5 tokens under the limit's new name."""
    yield target.chat(COUNTING, temperature=OMIT)
    yield target.chat(COUNTING, temperature=OMIT, max_completion_tokens=5)


@probe("chat")
def both_limits(target: Target) -> Steps:
    """Both names of the token limit at once, which OpenAI refuses; else the smaller should hold."""
    yield target.chat(COUNTING, temperature=OMIT, max_tokens=5, max_completion_tokens=50)


@probe("chat")
def no_limit(target: Target) -> Steps:
    """Count to 150 without a token limit, to see whether there is a small one by default."""
    yield target.chat(COUNTING_LONG, temperature=OMIT, max_tokens=OMIT)


@probe("chat")
def max_tokens_bounds(target: Target) -> Steps:
    """Token limits that are none: 0, a negative one, and one in quotes."""
    yield only(target, max_tokens=0)
    yield only(target, max_tokens=-1)
    yield only(target, max_tokens="5")


@probe("chat")
def stop(target: Target) -> Steps:
    """Count to 20, then again up to a stop sequence, given alone and as one of several."""
    yield target.chat(COUNTING)
    yield target.chat(COUNTING, stop="7")
    yield target.chat(COUNTING, stop=["never", "9"])


@probe("chat")
def stop_streamed(target: Target) -> Steps:
    """A stream that ends at a word of several tokens, whose first ones must not be shown."""
    yield target.chat(OBSERVATION, stop="Observation:", **USAGE)


@probe("chat")
def stop_bounds(target: Target) -> Steps:
    """Five stop sequences where four are the most, none at all, and an empty one."""
    yield only(target, stop=["a1", "b2", "c3", "d4", "e5"])
    yield only(target, stop=[])
    yield only(target, stop="")


def varied(target: Target) -> Generator[Request, Reply | None, bool]:
    """Ask for a random number until several different ones have come; whether they have.

    It is the control of whatever keeps answers from varying. Where they don't vary anyway, or where
    the temperature is refused, there is nothing to compare with, and nothing more to ask.
    """
    said: set[str] = set()
    for _ in range(TRIES):
        reply = yield target.chat(LOT, temperature=HOT, **target.room(LOT_ROOM))
        if not isinstance(reply, ChatCompletion):
            return False
        said |= {answer.text for answer in reply.answers}
        if len(said) >= VARIED:
            return True
    return False


def repeated(target: Target, **parameters: Any) -> Steps:
    """Ask for a random number several times in the same way, unless it is refused."""
    request = target.chat(LOT, **{"temperature": HOT, **target.room(LOT_ROOM)} | parameters)
    reply = yield request
    if isinstance(reply, ChatCompletion):
        yield [request] * (REPEATS - 1)


@probe("chat")
def sampling(target: Target) -> Steps:
    """Random numbers at a high temperature, at 0, with a tiny top_p, and five in one answer."""
    if (yield from varied(target)):
        yield from repeated(target, temperature=0)
        yield from repeated(target, top_p=0.01)
        yield target.chat(LOT, temperature=HOT, n=5, **target.room(LOT_ROOM))


@probe("chat")
def seed(target: Target) -> Steps:
    """Random numbers at a high temperature, with one seed again and again, and with others."""
    if (yield from varied(target)):
        yield from repeated(target, seed=7)
        yield [
            target.chat(LOT, temperature=HOT, seed=other, **target.room(LOT_ROOM))
            for other in (1, 2, 3)
        ]


@probe("chat")
def seed_large(target: Target) -> Steps:
    """A seed that needs more than 53 bits, as clients that draw one at random send it."""
    yield only(target, seed=2**53 + 1)


@probe("chat")
def temperature_bounds(target: Target) -> Steps:
    """The lowest and the highest temperature, values beyond them, and a word."""
    yield only(target, temperature=0)
    yield only(target, temperature=2, **target.room(LOT_ROOM))
    yield target.chat(COUNTING, temperature=2.1)
    yield only(target, temperature=-0.1)
    yield only(target, temperature="hot")


@probe("chat")
def top_p_bounds(target: Target) -> Steps:
    """The highest and the lowest top_p, and a value beyond."""
    yield only(target, top_p=1)
    yield only(target, top_p=0)
    yield only(target, top_p=1.1)


@probe("chat")
def frequency_penalty(target: Target) -> Steps:
    """One word 60 times, without a penalty and with the heaviest, and a value beyond that."""
    yield target.chat(APPLES, frequency_penalty=0, **target.room(200))
    yield target.chat(APPLES, frequency_penalty=2, **target.room(200))
    yield only(target, frequency_penalty=2.1)


@probe("chat")
def presence_penalty(target: Target) -> Steps:
    """A penalty that is taken or not, and one beyond the range; no prompt shows its effect."""
    yield only(target, presence_penalty=0.5)
    yield only(target, presence_penalty=2.1)


@probe("chat")
def n(target: Target) -> Steps:
    """Two choices, then none, and more than anybody offers."""
    yield only(target, n=2)
    yield only(target, n=0)
    yield only(target, n=129)


@probe("chat")
def logit_bias(target: Target) -> Steps:
    """The start of counting, then with one token forced, whichever it is, and a bias too strong."""
    yield target.chat(COUNTING, **target.room(5))
    yield target.chat(COUNTING, logit_bias={FORCED: 100}, **target.room(5))
    yield only(target, logit_bias={FORCED: 101})


@probe("chat")
def logit_bias_empty(target: Target) -> Steps:
    """A logit_bias without any bias, which does nothing."""
    yield only(target, logit_bias={})


@probe("chat")
def top_logprobs_bounds(target: Target) -> Steps:
    """The most top_logprobs there are, and one more."""
    yield only(target, logprobs=True, top_logprobs=20)
    yield only(target, logprobs=True, top_logprobs=21)


@probe("chat")
def user(target: Target) -> Steps:
    """The id of an end user, as applications send it, and a number in its place."""
    yield only(target, user="user-1")
    yield only(target, user=5)


@probe("chat")
def store(target: Target) -> Steps:
    """Asked to store nothing, as several agents always do; also where nothing is ever stored."""
    yield only(target, store=False)


@probe("chat")
def metadata(target: Target) -> Steps:
    """A stored answer with a note of two words, and with more notes than there may be."""
    yield only(target, store=True, metadata={"purpose": "conformance"})
    yield only(target, store=True, metadata={f"key{i}": "x" for i in range(17)})


@probe("chat")
def modalities(target: Target) -> Steps:
    """Text only, which is the default, and then speech, which few models have."""
    yield only(target, modalities=["text"])
    voice = {"voice": "alloy", "format": "wav"}
    yield only(target, modalities=["text", "audio"], audio=voice)


@probe("chat")
def service_tier(target: Target) -> Steps:
    """Whichever tier serves; the answer should name it."""
    yield only(target, service_tier="auto")


@probe("chat")
def reasoning_effort(target: Target) -> Steps:
    """The default effort, which a model that doesn't reason may refuse, and one that is none."""
    yield only(target, reasoning_effort="medium")
    yield only(target, reasoning_effort="banana")


@probe("chat", needs=("reasoning",))
def reasoning_efforts(target: Target) -> Steps:
    """A little and a lot of effort, from a model that reasons."""
    yield only(target, reasoning_effort="low")
    yield only(target, reasoning_effort="high")


@probe("chat")
def verbosity(target: Target) -> Steps:
    """Brevity, which only some models can be asked for."""
    yield only(target, verbosity="low")


@probe("chat")
def prediction(target: Target) -> Steps:
    """The answer as it is expected, which may make it faster."""
    yield only(target, prediction={"type": "content", "content": "OK"})


@probe("chat")
def safety_identifier(target: Target) -> Steps:
    """The id of an end user, under one of the two names that user is replaced by."""
    yield only(target, safety_identifier="user-1")


@probe("chat")
def prompt_cache_key(target: Target) -> Steps:
    """A key for prompts that begin alike, the other name that user is replaced by."""
    yield only(target, prompt_cache_key="conformance")


@probe("chat")
def web_search_options(target: Target) -> Steps:
    """A web search with default options, which only some models do."""
    yield only(target, web_search_options={})


@probe("chat")
def unknown(target: Target) -> Steps:
    """A made-up parameter: whether it is refused tells what it means if others are accepted."""
    yield only(target, zzz_unknown_field=1)
    yield only(target, zzz_unknown_field=None)
    yield only(target, extra_body={"zzz_unknown_field": 1})


@probe("chat")
def functions_and_tools(target: Target) -> Steps:
    """Tools and the functions they replaced in one request, which OpenAI refuses."""
    offered = {"tools": [WEATHER], "functions": [FORECAST["function"]]}
    yield target.chat(WEATHER_QUESTION, temperature=OMIT, **offered)


@probe("chat")
def defaults(target: Target) -> Steps:
    """Every default that clients are known to write out."""
    penalties = {"frequency_penalty": 0, "presence_penalty": 0}
    yield only(target, temperature=1, top_p=1, n=1, stream=False, **penalties)
