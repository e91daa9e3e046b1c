"""Every check is proven: silent on good exchanges, tripped by each of its counterexamples."""

from __future__ import annotations

import pytest

from conformance.model import Outcome
from conformance.proof import golden, prove
from conformance.registry import Check, checks

CHECKS = list(checks().values())


@pytest.mark.parametrize("name", golden().exchanges)
def test_a_reference_exchange_passes_everything(name: str) -> None:
    told = [j for j in golden().judgements(name) if j.findings or j.outcome is Outcome.ERROR]
    assert told == []


def test_the_reference_exchanges_pass_every_set_check() -> None:
    judged = golden().sets()
    assert [j for j in judged if j.findings or j.outcome is Outcome.ERROR] == []
    assert {j.check for j in judged} == {c for c in CHECKS if c.over}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_counterexample_trips_its_check_and_only_what_is_declared(check: Check) -> None:
    for proof in prove(check):
        place = f"{proof.mutant.label} on {proof.reference}"
        assert proof.findings, f"{check.id} is not tripped by {place}"
        assert proof.others == set(proof.mutant.trips), f"{place} trips more or less than declared"


def test_every_declared_side_effect_names_a_check() -> None:
    named = {name for check in CHECKS for mutant in check.broken_by for name in mutant.trips}
    assert named <= checks().keys()


def test_a_check_that_passes_nowhere_is_not_proven() -> None:
    passing = {
        j.check
        for name in golden().exchanges
        for j in golden().judgements(name)
        if j.outcome is Outcome.PASS
    }
    assert [c.id for c in CHECKS if not c.over and c not in passing] == []
