"""Text that continues a prompt: the legacy endpoint, which evaluation harnesses live on."""

from __future__ import annotations

from typing import Final

from conformance.probe import Steps, probe
from conformance.probes._examples import COUNTING, OK, USAGE
from conformance.targets import OMIT, Target

TOKENS: Final = (9906, 1917)
"""Ids that any vocabulary has; what they stand for does not matter."""
STOP: Final = "7"
CUT: Final = 5
MOST: Final = 5
"""The most alternatives that may be asked for."""


@probe("completions", opens=True)
def string(target: Target) -> Steps:
    """The least there is: a prompt, and neither limit nor temperature, to see the defaults."""
    yield target.completion(COUNTING, max_tokens=OMIT, temperature=OMIT)


@probe("completions")
def array(target: Target) -> Steps:
    """Two prompts at once, as batches send them."""
    yield target.completion([COUNTING, OK], max_tokens=CUT)


@probe("completions")
def tokens(target: Target) -> Steps:
    """The prompt as token ids, which evaluation harnesses send; nothing else may cause a crash."""
    yield target.completion([*TOKENS], max_tokens=CUT, temperature=OMIT)


@probe("completions")
def token_arrays(target: Target) -> Steps:
    """Two prompts as token ids, and again nothing else that is unusual."""
    yield target.completion([[token] for token in TOKENS], max_tokens=CUT, temperature=OMIT)


@probe("completions")
def echo(target: Target) -> Steps:
    """The prompt is to come back in front of the answer."""
    yield target.completion(OK, echo=True, max_tokens=CUT)


@probe("completions")
def suffix(target: Target) -> Steps:
    """Text is to be filled in between a prompt and what follows it, as code editors ask."""
    yield target.completion("def double(n):\n    return ", suffix="\n\nprint(double(2))")


@probe("completions", needs=("logprobs",))
def logprobs(target: Target) -> Steps:
    """The answer with log probabilities, of two alternatives each."""
    yield target.completion(COUNTING, logprobs=2, max_tokens=CUT)


@probe("completions", needs=("logprobs",))
def echo_logprobs(target: Target) -> Steps:
    """The prompt with its own log probabilities, by which harnesses score multiple choice."""
    yield target.completion(OK, echo=True, logprobs=2, max_tokens=1)


@probe("completions", needs=("logprobs",))
def logprobs_6(target: Target) -> Steps:
    """One alternative more than OpenAI allows."""
    yield target.completion(OK, logprobs=MOST + 1, max_tokens=CUT)


@probe("completions", needs=("n",))
def n(target: Target) -> Steps:
    """Two answers to one prompt."""
    yield target.completion(COUNTING, n=2, max_tokens=CUT, temperature=OMIT)


@probe("completions", needs=("n",))
def best_of_below_n(target: Target) -> Steps:
    """More answers than there are candidates to choose from."""
    yield target.completion(OK, best_of=1, n=2, max_tokens=CUT, temperature=OMIT)


@probe("completions", needs=("stream",))
def best_of_streamed(target: Target) -> Steps:
    """The best of two as a stream, though the best is known at the end only."""
    yield target.completion(OK, best_of=2, stream=True, max_tokens=CUT)


@probe("completions")
def stop(target: Target) -> Steps:
    """A stop sequence that any count to twenty passes."""
    yield target.completion(COUNTING, stop=STOP)


@probe("completions")
def length(target: Target) -> Steps:
    """A limit that cuts the answer off."""
    yield target.completion(COUNTING, max_tokens=CUT)


@probe("completions")
def max_tokens_0(target: Target) -> Steps:
    """No answer at all, only the prompt again: the way to score a text for nothing."""
    yield target.completion(OK, echo=True, max_tokens=0)


@probe("completions", needs=("stream",))
def stream(target: Target) -> Steps:
    """The answer as a stream."""
    yield target.completion(COUNTING, stream=True)


@probe("completions", needs=("stream",))
def stream_usage(target: Target) -> Steps:
    """A stream that is to count its tokens at the end."""
    yield target.completion(COUNTING, **USAGE)
