"""What a run would send, and how few requests still decide what matters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from conformance.engine import Checks
from conformance.model import Level, Outcome
from conformance.planning import fewest, longest_first, planned
from conformance.probe import Probe, probes
from conformance.recognise import recognise
from conformance.registry import checks
from conformance.routes import Call
from conformance.routes.reference import Reference
from conformance.runner import converse
from conformance.targets import Target, endpoint

TARGET = endpoint("http://127.0.0.1/v1", "reference", "KEY")
SUITED = [probe for probe in probes().values() if probe.suits(TARGET)]
MUSTS = [check for check in checks().values() if check.level is Level.MUST]


def decided(asked: Iterable[Probe]) -> set[str]:
    """The MUST checks about single exchanges that pass on what the reference says to these."""
    judges = Checks(MUSTS)
    found: set[str] = set()
    for probe in asked:
        talk = asyncio.run(converse(Reference(), Call(TARGET, probe.id), probe))
        for exchange in talk.exchanges:
            reply = recognise(exchange)
            judged = judges.judge(reply) if reply else ()
            found |= {j.check.id for j in judged if j.outcome is Outcome.PASS}
    return found


def test_few_probes_give_every_must_check_its_say() -> None:
    few = asyncio.run(fewest(SUITED, MUSTS))
    assert decided(few) == decided(SUITED)
    assert len(few) < len(SUITED) / 3
    assert {probe for probe in SUITED if probe.opens} <= set(few)


def test_few_probes_for_few_checks() -> None:
    few = asyncio.run(fewest(SUITED, [checks()["chat.response_object"]]))
    assert {probe for probe in few if not probe.opens} == set()


def test_a_plan_counts_requests_tokens_and_rounds() -> None:
    counted = asyncio.run(planned([(TARGET, probes()["params.seed"])]))
    (cost,) = counted
    assert cost.requests > cost.rounds > 1
    assert cost.tokens > cost.requests * 16


@pytest.mark.parametrize("model", ["any", "org/other"])
def test_a_plan_does_not_depend_on_the_model_being_known(model: str) -> None:
    other = Target("p", model, "https://p.example/v1")
    (cost,) = asyncio.run(planned([(other, probes()["chat.basic"])]))
    assert cost.requests == 1


def test_the_longest_conversations_come_first() -> None:
    pairs = [(TARGET, probe) for probe in SUITED]
    ordered = asyncio.run(longest_first(pairs))
    rounds = [cost.rounds for cost in asyncio.run(planned(ordered))]
    assert rounds == sorted(rounds, reverse=True)
    assert set(ordered) == set(pairs)
