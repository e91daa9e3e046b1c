"""Parameters in effect: the probes find out a server that takes one and never reads it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from conformance.engine import Audit, Checks
from conformance.model import Exchange, Outcome, Request, Verdict
from conformance.probe import probes
from conformance.reference import answer
from conformance.registry import checks
from conformance.routes import Call
from conformance.routes.reference import Reference
from conformance.runner import Asked, Runner
from conformance.targets import CAPABILITIES, ENDPOINTS, Target

Body = dict[str, Any]
TARGET = Target(
    "reference",
    "reference",
    "http://127.0.0.1/v1",
    endpoints=ENDPOINTS,
    capabilities=CAPABILITIES - {"reasoning"},
)


class Altered(Reference):
    """The reference server behind something that changes requests before it reads them."""

    def __init__(self, alter: Callable[[Body], Body]) -> None:
        super().__init__()
        self.alter = alter

    async def send(self, call: Call, number: int, request: Request) -> list[Exchange]:
        read = json.dumps(self.alter(json.loads(request.body))).encode()
        (made,) = await super().send(call, number, replace(request, body=read))
        return [replace(made, request=replace(made.request, body=request.body))]


def deaf(name: str) -> Altered:
    """A server that takes a parameter and never reads it."""
    return Altered(lambda body: {key: value for key, value in body.items() if key != name})


def always(name: str, value: object) -> Altered:
    """A server that reads one value whichever it is given."""
    return Altered(lambda body: body | {name: value} if name in body else body)


class Refusing(Reference):
    """The reference server with a parameter less."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    async def send(self, call: Call, number: int, request: Request) -> list[Exchange]:
        (made,) = await super().send(call, number, request)
        body = json.loads(request.body)
        if self.name in body:
            read = json.dumps(body | {self.name: "refused"}).encode()
            made = replace(made, response=answer(replace(made.request, body=read)))
        return [made]


def asked(route: Reference, *names: str) -> list[Asked]:
    async def run() -> list[Asked]:
        plan = [(TARGET, probes()[f"params.{name}"]) for name in names]
        return [done async for done in Runner(route).run(plan) if isinstance(done, Asked)]

    return asyncio.run(run())


def verdicts(route: Reference, *names: str) -> dict[str, Verdict]:
    """The verdicts of the checks of parameters after these probes, by check; those that tell."""
    audit = Audit(Checks(check for check in checks().values() if check.suite == "params"))
    found: list[Verdict] = []
    for done in asked(route, *names):
        assert done.problems == []
        for answers in done.slots():
            found += audit.add(*answers)
    found += audit.close()
    told = [verdict for verdict in found if verdict.outcome is not Outcome.NOT_APPLICABLE]
    return {verdict.check: verdict for verdict in sorted(told, key=lambda v: bool(v.findings))}


EVERY = [name.partition(".")[2] for name in probes() if name.startswith("params.")]
EFFECTS = {
    "max_tokens": {"max_tokens_honoured", "max_tokens_cuts"},
    "max_completion_tokens": {"max_completion_tokens_honoured", "max_completion_tokens_cuts"},
    "stop": {"stop_string_honoured", "stop_array_honoured"},
    "temperature": {"temperature_honoured_low"},
    "top_p": {"top_p_honoured"},
    "seed": {"seed_reproducible"},
    "frequency_penalty": {"frequency_penalty_honoured"},
    "logit_bias": {"logit_bias_honoured"},
    "n": {"n_two"},
}


@pytest.mark.parametrize("name", EFFECTS)
def test_a_parameter_that_is_not_read_is_found_out_and_no_other_accused(name: str) -> None:
    found = verdicts(deaf(name), *EVERY)
    ignored = {check for check, verdict in found.items() if verdict.outcome is Outcome.IGNORED}
    assert ignored == {f"params.{check}" for check in EFFECTS[name]}


def test_nothing_is_ignored_by_the_reference() -> None:
    found = verdicts(Reference(), *EVERY)
    broken = {check: verdict for check, verdict in found.items() if verdict.findings}
    assert broken == {}
    effects = {f"params.{check}" for names in EFFECTS.values() for check in names}
    assert {check for check in effects if found[check].outcome is not Outcome.PASS} == set()


def test_a_server_whose_answers_never_vary_proves_neither_seed_nor_top_p() -> None:
    found = verdicts(always("temperature", 0), "sampling", "seed")
    assert found["params.temperature_honoured_high"].outcome is Outcome.IGNORED
    assert not {"params.top_p_honoured", "params.seed_reproducible"} & found.keys()


def test_one_seed_for_all_is_told_from_a_seed_that_works() -> None:
    found = verdicts(always("seed", 1), "seed")
    assert found["params.seed_reproducible"].outcome is Outcome.PASS
    assert found["params.seed_different"].outcome is Outcome.FAIL


def test_without_its_control_no_effect_is_believed() -> None:
    (lone,) = asked(Reference(), "frequency_penalty")
    audit = Audit(Checks([checks()["params.frequency_penalty_honoured"]]))
    for exchange in lone.turns[0].exchanges[1:]:
        assert list(audit.add(exchange)) == []
    (verdict,) = audit.close()
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_where_a_temperature_is_refused_nobody_asks_again_and_again() -> None:
    for done in asked(Refusing("temperature"), "sampling", "seed"):
        assert len(done.turns[0].exchanges) == 1


def test_a_lenient_server_is_told_from_a_strict_one() -> None:
    strict = verdicts(Reference(), "unknown")["params.unknown_refused"]
    lenient = verdicts(deaf("zzz_unknown_field"), "unknown")["params.unknown_refused"]
    assert (strict.outcome, lenient.outcome) == (Outcome.PASS, Outcome.LENIENT)


def test_a_stop_sequence_that_ends_an_answer_too_early_is_found() -> None:
    (finding,) = verdicts(always("stop", "3"), "stop")["params.stop_not_early"].findings
    assert finding.got == "1, 2,"
