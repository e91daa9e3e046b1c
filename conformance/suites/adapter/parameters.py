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
from conformance.suites.adapter._telling import tells

SERVER_ERROR: Final = 500
UNSAID: Final = (Disposition.LOST, Disposition.CHANGED)


def _kept(reply: Reply) -> Seen | None:
    return seen(reply.exchange)


def _telling(facts: Iterable[Fact[Seen]]) -> Iterator[Pair]:
    yield from filter(tells, pairs(fact.value for fact in facts))


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
    known: set[tuple[str, Disposition]] = set()
    for pair in accepted:
        measured = judge(pair)
        what = pair.parameter, measured.disposition
        if measured.disposition in UNSAID and what not in known:
            known.add(what)
            yield _found(pair.parameter, measured, "sent on as it is, or refused")


@check(
    SHOULD,
    spec="LiteLLM's input parameters: an exception is raised if one isn't supported",
    over=_kept,
    broken_by=[
        all_of(drop("upstream[0].request.temperature"), edit("upstream[0].status", 200)).on(
            "adapter.error"
        ),
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
