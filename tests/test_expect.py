"""Known failures: what they make of a verdict, which are fixed, and which make no sense."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.expect import Expectations, pointless
from conformance.model import Finding, Level, Outcome, Verdict
from conformance.targets import Known, Target

OBJECT = Known(check="chat.object", reason="They say so.", where="p.toml:9")
FOUND = (Finding("object", "chat.completion", "x"),)


def target(*known: Known, model: str = "m") -> Target:
    return Target("p", model, "https://example.com/v1", known=known)


def verdict(
    outcome: Outcome = Outcome.FAIL, check: str = "chat.object", model: str = "m"
) -> Verdict:
    found = () if outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.INCONCLUSIVE) else FOUND
    return Verdict("p", model, check, Level.MUST, outcome, found)


def known(knows: Known, **seen: object) -> str | None:
    models = [target(knows), target(knows, model="other")]
    return Expectations(models).mark(replace(verdict(), **seen)).known  # type: ignore[arg-type]


class TestMark:
    def test_a_known_failure_stays_a_failure_and_says_why(self) -> None:
        marked = Expectations([target(OBJECT)]).mark(verdict())
        assert marked == replace(verdict(), known="They say so.")

    @pytest.mark.parametrize(
        "other",
        [
            verdict(check="chat.id"),
            verdict(model="stranger"),
            replace(verdict(), provider="q"),
            verdict(Outcome.REJECTED_BADLY),
            verdict(Outcome.PASS),
            verdict(Outcome.INCONCLUSIVE),
        ],
    )
    def test_anything_else_is_left_as_it_is(self, other: Verdict) -> None:
        assert Expectations([target(OBJECT)]).mark(other) is other

    @pytest.mark.parametrize(
        ("patterns", "knows"),
        [
            (("*",), True),
            (("m",), True),
            (("x", "?"), True),
            (("[a-m]",), True),
            (("M",), False),
            (("mm", "m*m"), False),
            ((), False),
        ],
    )
    def test_models_are_named_by_patterns(self, patterns: tuple[str, ...], *, knows: bool) -> None:
        assert (known(replace(OBJECT, models=patterns)) is not None) == knows

    @pytest.mark.parametrize("seen", [Outcome.FAIL, Outcome.FLAKY])
    @pytest.mark.parametrize("was", [Outcome.FAIL, Outcome.FLAKY])
    def test_what_comes_and_goes_is_known_in_either_form(self, seen: Outcome, was: Outcome) -> None:
        assert known(replace(OBJECT, outcome=was), outcome=seen) == "They say so."

    def test_the_first_entry_gives_the_reason(self) -> None:
        twice = target(OBJECT, replace(OBJECT, reason="Another."))
        assert Expectations([twice]).mark(verdict()).known == "They say so."


class TestFixed:
    def fixed(self, *verdicts: Verdict, knows: Known = OBJECT) -> list[str]:
        expectations = Expectations([target(knows), target(knows, model="other")])
        for one in verdicts:
            expectations.mark(one)
        return [name for name, entry in expectations.fixed() if entry is knows]

    def test_is_what_passes(self) -> None:
        assert self.fixed(verdict(Outcome.PASS)) == ["p/m"]
        assert self.fixed(verdict(Outcome.PASS, model="other")) == ["p/other"]

    def test_is_what_fails_otherwise(self) -> None:
        assert self.fixed(verdict(Outcome.REJECTED_BADLY)) == ["p/m"]

    @pytest.mark.parametrize(
        "verdicts",
        [
            [],
            [verdict(Outcome.PASS, check="chat.id")],
            [verdict(Outcome.NOT_APPLICABLE), verdict(Outcome.INCONCLUSIVE)],
            [verdict(Outcome.PASS), verdict()],
            [verdict(), verdict(Outcome.PASS)],
            [verdict(Outcome.PASS), verdict(Outcome.FLAKY)],
        ],
    )
    def test_is_not_what_was_not_asked_or_failed_once(self, verdicts: list[Verdict]) -> None:
        assert self.fixed(*verdicts) == []

    def test_is_not_what_comes_and_goes(self) -> None:
        assert self.fixed(verdict(Outcome.PASS), knows=replace(OBJECT, outcome="flaky")) == []

    def test_is_not_said_of_models_that_an_entry_is_not_about(self) -> None:
        assert self.fixed(verdict(Outcome.PASS), knows=replace(OBJECT, models=("other",))) == []

    def test_two_entries_for_one_failure_are_both_needed(self) -> None:
        expectations = Expectations([target(OBJECT, replace(OBJECT, models=("m",)))])
        expectations.mark(verdict())
        assert list(expectations.fixed()) == []


class TestPointless:
    def test_is_an_entry_about_no_check(self) -> None:
        assert list(pointless([target(OBJECT)], ["chat.id"])) == [
            "p.toml:9: a known failure names no check: chat.object"
        ]

    def test_is_an_entry_about_no_model_of_its_file(self) -> None:
        lost = replace(OBJECT, models=("m", "gone*"), strangers=("gone*",))
        assert list(pointless([target(lost), target(lost, model="n")], ["chat.object"])) == [
            "p.toml:9: a known failure names no model: gone*"
        ]

    def test_is_no_entry_about_a_model_that_is_not_in_this_run(self) -> None:
        assert not list(pointless([target(replace(OBJECT, models=("other",)))], ["chat.object"]))
