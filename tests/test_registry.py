"""What ``@check`` derives from a function, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance.model import (
    Evidence,
    Exchange,
    Finding,
    Findings,
    Outcome,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.mutate import drop
from conformance.recognise import recognise
from conformance.registry import MUST, Check, check, checks, inconclusive_if, only_if
from conformance.replies import ChatCompletion, Reply


def reply(*lacks: Evidence) -> Reply:
    exchange = Exchange(
        id="x",
        provider="p",
        request=Request("POST", "/v1/chat/completions", body=b"{}"),
        response=Response(200),
        provenance=Provenance(Source.RECORDING, lacks=frozenset(lacks)),
    )
    found = recognise(exchange)
    assert found is not None
    return found


def made(function: Callable[[Any], Findings], **options: Any) -> Check:
    """The check of ``function``, under a name no other test has."""
    function.__name__ = f"{function.__name__}_{id(function)}"
    return check(MUST, spec="none", broken_by=[drop("id")], **options)(function)


def test_everything_is_derived_from_the_function() -> None:
    found = checks()["chat.response_id"]
    assert found.suite == "chat"
    assert found.rule.endswith(".")
    assert found.judges == (ChatCompletion,)
    assert found.broken_by


def test_findings_are_a_breach() -> None:
    def broken(_: Reply) -> Findings:
        """A rule."""
        yield Finding("id", "an id", None)

    assert made(broken).judge(reply()).outcome is Outcome.FAIL
    assert made(broken, breach=Outcome.IGNORED).judge(reply()).outcome is Outcome.IGNORED


def test_a_precondition_that_is_not_met_is_not_a_pass() -> None:
    def conditional(_: Reply) -> Findings:
        """A rule."""
        only_if(condition=False, otherwise="no tools were sent")
        yield Finding("id", "an id", None)

    judgement = made(conditional).judge(reply())
    assert (judgement.outcome, judgement.reason) == (Outcome.NOT_APPLICABLE, "no tools were sent")


def test_what_cannot_be_told_is_not_a_pass() -> None:
    def unsure(_: Reply) -> Findings:
        """A rule."""
        inconclusive_if(condition=True, because="cut off")
        yield Finding("id", "an id", None)

    assert made(unsure).judge(reply()).outcome is Outcome.INCONCLUSIVE


def test_lost_evidence_is_not_judged() -> None:
    def framed(_: Reply) -> Findings:
        """A rule."""
        yield Finding("body", "framing", None)

    needing = made(framed, needs=[Evidence.FRAMING])
    assert needing.judge(reply()).outcome is Outcome.FAIL
    judgement = needing.judge(reply(Evidence.FRAMING))
    assert judgement.outcome is Outcome.NOT_APPLICABLE
    assert judgement.reason == "the recording did not keep: framing"


def test_a_check_that_fails_itself_accuses_nobody() -> None:
    def buggy(_: Reply) -> Findings:
        """A rule."""
        raise ZeroDivisionError
        yield

    judgement = made(buggy).judge(reply())
    assert judgement.outcome is Outcome.ERROR
    assert "ZeroDivisionError" in str(judgement.reason)


def test_an_unproven_check_is_refused() -> None:
    def unproven(_: Reply) -> Findings:
        """A rule."""
        yield from ()

    with pytest.raises(TypeError, match="needs a counterexample"):
        check(MUST, spec="none", broken_by=[])(unproven)


def test_a_check_without_a_rule_is_refused() -> None:
    def silent(_: Reply) -> Findings:
        yield from ()

    with pytest.raises(TypeError, match="needs a docstring"):
        check(MUST, spec="none", broken_by=[drop("id")])(silent)


def test_a_check_that_does_not_say_what_it_judges_is_refused() -> None:
    def vague(*_):  # type: ignore[no-untyped-def]  # noqa: ANN002, ANN202  # the point of the test
        """A rule."""
        yield from ()

    with pytest.raises(TypeError, match="must annotate"):
        check(MUST, spec="none", broken_by=[drop("id")])(vague)


def test_every_control_is_a_check() -> None:
    known = checks()
    controls = {check.control for check in known.values() if check.control}
    assert controls <= known.keys()
    assert controls
