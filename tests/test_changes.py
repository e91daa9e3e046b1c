"""What changed between two runs: each change once, of the right kind, and nothing by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
import results_lines as lines
from hypothesis import given
from hypothesis import strategies as st

from conformance.compare.changes import Changes, changes
from conformance.compare.kinds import Kind
from conformance.compare.newest import begun, newest
from conformance.model import Level, Outcome
from conformance.results.reading import Run
from conformance.results.rows import BROKEN

EARLIER, LATER = "2026-11-27T03:00:00+00:00", "2026-11-28T03:00:00+00:00"
MIRRORED = {
    Kind.NEW: "broken",
    Kind.FIXED: "broken",
    Kind.FLAKY: "flaky",
    Kind.STEADY: "flaky",
    Kind.WORSE: "way",
    Kind.BETTER: "way",
    Kind.COVERED: "told",
    Kind.COVERED_BROKEN: "told",
    Kind.DISAPPEARED: "told",
}
"""What a kind of change is about, whichever way it goes."""
FORTH = {Kind.NEW, Kind.FLAKY, Kind.WORSE, Kind.COVERED, Kind.COVERED_BROKEN}


def between(old: Iterable[lines.Line], new: Iterable[lines.Line]) -> Changes:
    return changes(lines.made(old, EARLIER), lines.made(new, LATER))


def cut_off(made: Iterable[lines.Line], started: str = LATER) -> Run:
    """A run without its end."""
    run = lines.made(made, started)
    run.complete = False
    return run


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("pass", "fail", Kind.NEW),
        ("pass", "ignored", Kind.NEW),
        ("lenient", "fail", Kind.NEW),
        ("rejected", "fail", Kind.NEW),
        ("fail", "pass", Kind.FIXED),
        ("ignored", "rejected", Kind.FIXED),
        ("pass", "flaky", Kind.FLAKY),
        ("fail", "flaky", Kind.FLAKY),
        ("flaky", "pass", Kind.STEADY),
        ("flaky", "fail", Kind.STEADY),
        ("pass", "lenient", Kind.WORSE),
        ("ignored", "fail", Kind.WORSE),
        ("rejected", "pass", Kind.BETTER),
        ("fail", "ignored", Kind.BETTER),
        ("inconclusive", "pass", Kind.COVERED),
        ("not_applicable", "rejected", Kind.COVERED),
        ("inconclusive", "fail", Kind.COVERED_BROKEN),
        ("error", "flaky", Kind.COVERED_BROKEN),
        ("pass", "inconclusive", Kind.DISAPPEARED),
        ("fail", "not_applicable", Kind.DISAPPEARED),
        ("fail", "error", Kind.DISAPPEARED),
    ],
)
def test_two_outcomes_make_one_kind_of_change(before: str, after: str, kind: Kind) -> None:
    found = between([lines.verdict(outcome=before)], [lines.verdict(outcome=after)])
    (change,) = found.found
    assert change.kind is kind
    assert (change.before, change.after) == (before, after)
    assert (change.target, change.check) == ("acme/large", "chat.response_id")


@pytest.mark.parametrize(
    ("before", "after"),
    [("fail", "fail"), ("inconclusive", "not_applicable"), ("error", "stale"), ("pass", "pass")],
)
def test_what_tells_the_same_is_no_change(before: str, after: str) -> None:
    found = between([lines.verdict(outcome=before)], [lines.verdict(outcome=after)])
    assert found.is_nothing


def test_a_rule_that_is_in_one_run_only_is_covered_or_gone() -> None:
    target, rule = lines.target(), lines.verdict()
    assert between([target], [rule]).found[0].kind is Kind.COVERED
    assert between([target], [lines.verdict(outcome="fail")]).found[0].kind is Kind.COVERED_BROKEN
    assert between([rule], [target]).found[0].kind is Kind.DISAPPEARED


def test_the_deciding_outcome_counts_and_not_the_first() -> None:
    passed, failed = lines.verdict(), lines.verdict(outcome="fail", exchange="2")
    (change,) = between([passed, passed], [passed, failed]).found
    assert change.kind is Kind.NEW
    assert change.times == (1, 2)


def test_failures_that_stay_are_counted_and_not_listed() -> None:
    made = [
        lines.verdict("a.a", "fail"),
        lines.verdict("a.b", "fail", known="slow"),
        lines.verdict("a.c", "flaky"),
        lines.verdict("a.d"),
    ]
    found = between(made, made)
    assert (found.staying, found.staying_known) == (3, 1)
    assert (found.compared, found.targets) == (4, 1)
    assert found.is_nothing


def test_only_what_was_told_in_both_counts_as_compared() -> None:
    untold = lines.verdict("a.b", "inconclusive")
    found = between([lines.verdict("a.a"), untold], [lines.verdict("a.a"), lines.verdict("a.b")])
    assert found.compared == 1


def test_known_failures_are_listed_and_marked() -> None:
    found = between([lines.verdict()], [lines.verdict(outcome="fail", known="slow")])
    assert [change.known for change in found.found] == ["slow"]
    assert found.news() == []
    assert len(found.failures(Level.MUST)) == 1


def test_what_was_known_and_is_fixed_says_so() -> None:
    found = between([lines.verdict(outcome="fail", known="slow")], [lines.verdict()])
    assert found.of(Kind.FIXED)[0].known == "slow"


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        ("pass", "fail", True),
        ("pass", "flaky", True),
        ("inconclusive", "fail", True),
        ("fail", "flaky", False),
        ("flaky", "fail", False),
        ("ignored", "fail", False),
        ("pass", "rejected", False),
    ],
)
def test_a_new_failure_is_what_was_not_seen_broken(
    before: str, after: str, *, counts: bool
) -> None:
    found = between([lines.verdict(outcome=before)], [lines.verdict(outcome=after)])
    assert bool(found.news()) is counts


def test_behind_an_adapter_a_should_is_news() -> None:
    """A baseline has every level, so what is not in it is new."""
    for name, counts in (("tiny:acme/large", True), ("acme/large", False), ("h:80/m", False)):
        held = lines.verdict(level="should", name=name)
        broken = lines.verdict(outcome="fail", level="should", name=name)
        assert bool(between([held], [broken]).news()) is counts


def test_a_new_failure_counts_down_to_a_level() -> None:
    made = [lines.verdict(f"a.{level}", "fail", level=level) for level in Level]
    held = [lines.verdict(f"a.{level}", level=level) for level in Level]
    found = between(held, made)
    assert [len(found.failures(level)) for level in Level] == [1, 2, 3]


def test_a_change_shows_what_is_broken_now() -> None:
    old, new = (lines.verdict(outcome=o, at=at) for o, at in (("ignored", "x"), ("fail", "y")))
    (change,) = between([old], [new]).found
    assert change.failure
    assert change.failure.verdict.findings[0].at == "y"


def test_why_nothing_is_told_is_kept() -> None:
    untold = lines.verdict(outcome="inconclusive", reason="the answer was cut")
    (change,) = between([lines.verdict()], [untold]).found
    assert change.reason == "the answer was cut"


def test_a_target_that_is_in_one_run_only_is_one_line() -> None:
    here, there = lines.verdict(), lines.verdict(outcome="fail", name="acme/small")
    found = between([here, there], [here])
    assert (found.gone, found.added, found.found) == (["acme/small"], [], [])
    found = between([here], [here, there])
    assert (found.gone, found.added, found.found) == ([], ["acme/small"], [])
    assert not found.is_nothing


def test_of_an_incomplete_run_nothing_disappeared() -> None:
    made = [lines.verdict("a.a"), lines.verdict("a.b"), lines.verdict(name="acme/small")]
    found = changes(lines.made(made, EARLIER), cut_off([lines.verdict("a.a", "fail")]))
    assert [change.kind for change in found.found] == [Kind.NEW]
    assert (found.gone, found.unsure) == ([], 1)


def test_what_an_incomplete_run_lacks_is_not_nothing() -> None:
    made = [lines.verdict("a.a"), lines.verdict("a.b")]
    assert not changes(lines.made(made, EARLIER), cut_off(made[:1])).is_nothing


def test_against_an_incomplete_run_what_it_did_not_tell_is_no_news() -> None:
    new = [lines.verdict("a.a"), lines.verdict("a.b"), lines.verdict("a.c", "fail")]
    found = changes(cut_off([lines.verdict("a.a")], EARLIER), lines.made(new))
    assert found.found == []
    assert found.unsure == 2


def test_nor_against_a_run_that_left_something_out() -> None:
    part = lines.made([lines.verdict("a.a")], EARLIER)
    part.whole = False
    whole = lines.made([lines.verdict("a.a"), lines.verdict("a.c", "fail")])
    assert (changes(part, whole).unsure, changes(whole, part).unsure) == (1, 1)
    assert changes(part, whole).found == changes(whole, part).found == []
    whole.whole = False  # two that left something out are compared as they are
    assert [change.kind for change in changes(part, whole).found] == [Kind.COVERED_BROKEN]


def test_a_parameter_of_which_something_else_becomes() -> None:
    old = [lines.param("stop", "honoured"), lines.param("seed", "forwarded", dropping="on")]
    new = [lines.param("stop", "ignored"), lines.param("seed", "lost", dropping="on")]
    found = between(old, new)
    turned = [(turn.name, turn.before, turn.after, turn.dropping) for turn in found.turns]
    assert turned == [
        ("stop", "honoured", "ignored", False),
        ("seed", "forwarded", "lost", True),
    ]
    assert found.parameters == 2
    assert not found.is_nothing


def test_a_parameter_that_is_in_one_run_only_or_untold_is_not_compared() -> None:
    found = between([lines.param("stop"), lines.param("seed")], [lines.param("stop", "unknown")])
    assert found.parameters == 0
    assert [turn.name for turn in found.turns] == ["stop"]


def test_of_several_runs_the_newest_row_of_each_target_counts() -> None:
    runs = [
        lines.made([lines.verdict(outcome="fail")], LATER),
        lines.made([lines.verdict(), lines.verdict(name="acme/small")], EARLIER),
    ]
    made = newest(runs)
    outcomes = {name: [o for _, o, _ in row.checks()] for name, row in made.rows.items()}
    assert outcomes == {"acme/large": [Outcome.FAIL], "acme/small": [Outcome.PASS]}
    assert made.started == LATER
    assert begun(runs) == {"acme/large": LATER, "acme/small": EARLIER}


def test_only_rows_older_than_asked_for() -> None:
    runs = [
        lines.made([lines.verdict(outcome=o)], at) for o, at in (("fail", EARLIER), ("pass", LATER))
    ]
    made = newest(runs, before={"acme/large": LATER})
    assert [o for _, o, _ in made.rows["acme/large"].checks()] == [Outcome.FAIL]
    assert made.started == EARLIER
    assert not newest(runs, before={"acme/large": EARLIER}).rows


def test_a_complete_run_may_go_before_a_newer_one_that_is_not() -> None:
    runs = [lines.made([lines.verdict()], EARLIER), cut_off([lines.verdict(outcome="fail")])]
    assert not newest(runs).complete
    assert newest(runs, complete_first=True).complete


RUNS = st.dictionaries(
    st.tuples(st.sampled_from(["acme/a", "acme/b"]), st.sampled_from(["x.a", "x.b", "y.a"])),
    st.tuples(st.sampled_from(Outcome), st.sampled_from([None, "slow"])),
)


def run_of(made: dict[tuple[str, str], tuple[Outcome, str | None]]) -> Run:
    return lines.made(
        lines.verdict(check, outcome, name=name, known=known)
        for (name, check), (outcome, known) in made.items()
    )


@given(RUNS)
def test_nothing_changes_by_itself(made: dict[Any, Any]) -> None:
    run = run_of(made)
    found = changes(run, run)
    assert found.is_nothing
    broken = sum(outcome in BROKEN for outcome, _ in made.values())
    assert found.staying == broken


@given(RUNS, RUNS)
def test_what_changes_changes_back(one: dict[Any, Any], other: dict[Any, Any]) -> None:
    forth, back = changes(run_of(one), run_of(other)), changes(run_of(other), run_of(one))
    there = Counter((c.target, c.check, MIRRORED[c.kind], c.kind in FORTH) for c in forth.found)
    again = Counter((c.target, c.check, MIRRORED[c.kind], c.kind not in FORTH) for c in back.found)
    assert there == again
    assert (forth.gone, forth.added) == (back.added, back.gone)
    assert (forth.compared, forth.targets) == (back.compared, back.targets)


@given(RUNS, RUNS)
def test_every_failure_stays_or_is_listed_or_is_at_a_new_target(
    one: dict[Any, Any], other: dict[Any, Any]
) -> None:
    found = changes(run_of(one), run_of(other))
    broken = [name for (name, _), (outcome, _) in other.items() if outcome in BROKEN]
    here = sum(name not in found.added for name in broken)
    assert found.staying + sum(change.after in BROKEN for change in found.found) == here
