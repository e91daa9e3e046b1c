"""Whose fault a finding is: told from what the provider itself answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.blame import blamed
from conformance.engine import Audit, Checks
from conformance.model import STRANGER, Exchange, Outcome, Provenance, Source, Verdict
from conformance.mutate import edit
from conformance.reference import exchanges
from conformance.registry import checks

GOOD = exchanges()["adapter.chat"]
CHECK = checks()["chat.response_object"]
PLACE = "object"


def north(exchange: Exchange, value: str) -> Exchange:
    return edit(PLACE, value).apply(exchange)


def south(exchange: Exchange, value: str) -> Exchange:
    """With another answer of the provider's, which a real one gave."""
    (upstream,) = exchange.upstream
    real = replace(upstream, provenance=Provenance(Source.RECORDING))
    return replace(exchange, upstream=(edit(PLACE, value).apply(real),))


def verdict(exchange: Exchange) -> Verdict:
    (found,) = Audit(Checks([CHECK])).add(exchange)
    assert found.outcome is Outcome.FAIL
    return found


@pytest.mark.parametrize(
    ("exchange", "whose"),
    [
        (north(GOOD, "x"), "adapter"),
        (south(north(GOOD, "x"), "x"), "provider"),
        (south(north(GOOD, "x"), "y"), "both"),
        (replace(north(GOOD, "x"), upstream=(), dropping=None), None),
        (replace(north(GOOD, "x"), upstream=(), dropping=False), "adapter"),
    ],
    ids=["made on the way", "passed on", "made twice", "no adapter", "the provider was not asked"],
)
def test_it_is_whose_answer_breaks_the_rule(exchange: Exchange, whose: str | None) -> None:
    assert verdict(exchange).blame == whose


def test_what_only_a_stand_in_does_is_held_against_nobody() -> None:
    (upstream,) = GOOD.upstream
    staged = replace(north(GOOD, "x"), upstream=(edit(PLACE, "x").apply(upstream),))
    audit = Audit(Checks([CHECK]))
    assert not list(audit.add(staged))
    (told,) = audit.close()
    assert told.outcome is Outcome.INCONCLUSIVE


def test_what_a_stranger_said_last_is_not_the_providers() -> None:
    passed_on = south(north(GOOD, "x"), "x")
    (upstream,) = GOOD.upstream
    strayed = replace(
        passed_on, upstream=(*passed_on.upstream, replace(upstream, provider=STRANGER))
    )
    assert verdict(strayed).blame == "provider"


def test_nobody_can_tell_of_a_stranger_who_speaks_another_api() -> None:
    (upstream,) = GOOD.upstream
    request = replace(upstream.request, url="https://x.test/v1/other")
    recorded = replace(upstream, request=request, provenance=Provenance(Source.RECORDING))
    broken = replace(north(GOOD, "x"), upstream=(recorded,))
    assert verdict(broken).blame is None
    stood_in = replace(recorded, provenance=Provenance(Source.REFERENCE))
    assert verdict(replace(broken, upstream=(stood_in,))).blame == "adapter"


def test_nothing_is_wrong_and_nobody_is_blamed() -> None:
    assert blamed(CHECK, GOOD, ()) is None


def test_sets_are_blamed_by_what_the_provider_answered_to_them_all() -> None:
    unique = checks()["chat.response_id_unique"]

    def asked(name: str, id_: str, theirs: str) -> Exchange:
        (upstream,) = GOOD.upstream
        real = Provenance(Source.RECORDING)
        far = replace(edit("id", theirs).apply(upstream), id=f"{name}.upstream", provenance=real)
        return replace(edit("id", id_).apply(GOOD), id=name, upstream=(far,))

    def whose(*made: Exchange) -> set[str | None]:
        audit = Audit(Checks([unique]))
        for one in made:
            assert not list(audit.add(one))
        return {one.blame for one in audit.close() if one.findings}

    same = ("chatcmpl-1", "chatcmpl-1")
    assert whose(asked("a", *same), asked("b", *same)) == {"provider"}
    mine = (asked("a", "chatcmpl-1", "chatcmpl-1"), asked("b", "chatcmpl-1", "chatcmpl-2"))
    assert whose(*mine) == {"adapter"}
