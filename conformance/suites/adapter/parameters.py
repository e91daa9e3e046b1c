"""What becomes of parameters on their way through an adapter.

Nothing here knows what a provider calls a parameter. Two requests are compared that differ in it
and in nothing else, and so are the requests that they led to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from conformance.dispositions import Measured, Pair, Seen, judge, pairs, seen
from conformance.model import Disposition, Finding, Findings
from conformance.mutate import all_of, drop, edit
from conformance.registry import MUST, SHOULD, Fact, check, only_if
from conformance.replies import Reply

SERVER_ERROR: Final = 500
IDLE: Final = {
    "frequency_penalty": ("0",),
    "function_call": ('"auto"',),
    "logprobs": ("false",),
    "modalities": ('"text"',),
    "n": ("1",),
    "parallel_tool_calls": ("true",),
    "presence_penalty": ("0",),
    "reasoning_effort": ('"medium"',),
    "response_format": ('"text"',),
    "service_tier": ('"auto"', '"default"'),
    "store": ("false",),
    "stream": ("false",),
    "temperature": ("1",),
    "tool_choice": ('"auto"',),
    "top_p": ("1",),
    "verbosity": ('"medium"',),
    "web_search_options": ("{}",),
}
"""Values that ask for nothing else than their parameter's absence does."""
TELLING: Final = frozenset(
    {
        *("logit_bias", "max_completion_tokens", "max_tokens", "metadata", "prediction"),
        *("functions", "prompt_cache_key", "safety_identifier", "seed", "stop", "stream_options"),
        *("tools", "top_logprobs", "user", *IDLE),
    }
)
"""The parameters of OpenAI's API whose fate is judged. Of others nothing is promised."""
EMPTY: Final = ("[]", "{}", '""', "null")
DROPPED_ON_THE_WAY: Final = drop("upstream[0].request.temperature")


def _kept(reply: Reply) -> Seen | None:
    return seen(reply.exchange)


def _telling(facts: Iterable[Fact[Seen]]) -> Iterator[Pair]:
    """The pairs whose parameter asks for something."""
    for pair in pairs([fact.value for fact in facts]):
        values = list(pair.case.asked[pair.parameter].values())
        idle = (*IDLE.get(pair.parameter, ()), *EMPTY)
        if pair.parameter in TELLING and not (len(values) == 1 and values[0] in idle):
            yield pair


def _found(parameter: str, measured: Measured, want: str) -> Finding:
    at = f"request.{parameter}"
    return Finding(at, want=want, got=measured.evidence, exchange=measured.exchange)


@check(
    MUST,
    spec="LiteLLM's input parameters: accepted and translated, refused, or dropped if told so",
    over=_kept,
    broken_by=[
        drop("upstream[0].request.max_tokens").on("adapter.length").also("adapter.param_rename"),
        edit("upstream[0].request.max_tokens", 4).on("adapter.length").also("adapter.param_rename"),
    ],
)
def param_forwarded(facts: list[Fact[Seen]]) -> Findings:
    """A parameter that an adapter accepts reaches the provider, with the value it has.

    It may go by another name, and in another form. One that is lost without a word is missed only
    by its effect: answers cut elsewhere, costs without a limit, prose where JSON was asked for.
    """
    accepted = [pair for pair in _telling(facts) if pair.case.error is None]
    only_if(accepted, "no two requests differ in one parameter, and are accepted")
    known: set[tuple[str, str]] = set()
    for pair in accepted:
        measured = judge(pair)
        lost = measured.disposition in (Disposition.LOST, Disposition.CHANGED)
        if lost and (pair.parameter, measured.evidence) not in known:
            known.add((pair.parameter, measured.evidence))
            yield _found(pair.parameter, measured, "sent on as it is, or refused")


@check(
    SHOULD,
    spec="LiteLLM's input parameters: an exception is raised if one isn't supported",
    over=_kept,
    broken_by=[
        all_of(DROPPED_ON_THE_WAY, edit("upstream[0].status", 200)).on("adapter.error"),
    ],
)
def param_raise_by_default(facts: list[Fact[Seen]]) -> Findings:
    """A parameter that an adapter refuses is refused before the provider is asked, as a mistake.

    A refusal that comes after the answer is paid for; one that looks like a failure of the server
    is asked again and again.
    """
    refused = [pair for pair in _telling(facts) if pair.case.error and not pair.base.error]
    undecided = [pair for pair in refused if not pair.case.dropping and pair.base.sent is not None]
    only_if(undecided, "no parameter is refused")
    for pair in undecided:
        measured, error = judge(pair), pair.case.error
        if measured.disposition is not Disposition.RAISED:
            continue
        if pair.case.sent is not None and pair.case.answered:
            yield _found(pair.parameter, measured, "a refusal before the provider is asked")
        elif pair.case.sent is None and error and error.status >= SERVER_ERROR:
            yield _found(pair.parameter, measured, "a refusal that is a client's error (4xx)")
