"""The matrix: which run makes a row, what a column is, what a cell says, and since when."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from results_lines import made, param, skipped, target, verdict

from conformance.compare.cells import ORDER, TOLD, Cell, State, Tally
from conformance.compare.grid import Grid, grid, parameter_of
from conformance.compare.history import Since, since
from conformance.model import Disposition, Outcome

MONDAY, TUESDAY, WEDNESDAY = (f"2026-11-2{day}T03:00:00+00:00" for day in (3, 4, 5))
CHECK = "chat.response_id"


def one(of: Grid, column: str, name: str = "acme/large") -> Cell:
    """The cell of one target in one column."""
    (line,) = [line for line in of.lines if line.row.target == name]
    (place,) = [i for i, known in enumerate(of.columns) if known.key == column]
    return line.cells[place]


def cell(*verdicts: Any, column: str = "chat") -> Cell:
    return one(grid([made([target(), *verdicts])]), column)


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([("pass", "must")], State.HELD),
        ([("pass", "must"), ("fail", "should")], State.FLAWED),
        ([("fail", "must"), ("fail", "should"), ("pass", "must")], State.BROKEN),
        ([("flaky", "must"), ("pass", "must")], State.FLAKY),
        ([("flaky", "should")], State.FLAWED),
        ([("ignored", "must")], State.BROKEN),
        ([("rejected", "must")], State.REFUSED),
        ([("rejected", "must"), ("pass", "must")], State.HELD),
        ([("lenient", "should")], State.HELD),
        ([("inconclusive", "must")], State.INCONCLUSIVE),
        ([("inconclusive", "must"), ("pass", "should")], State.HELD),
        ([("error", "must")], State.INCONCLUSIVE),
    ],
)
def test_a_cell_shows_its_worst(outcomes: list[tuple[str, str]], state: State) -> None:
    verdicts = [
        verdict(f"chat.rule_{i}", outcome, level=level)
        for i, (outcome, level) in enumerate(outcomes)
    ]
    assert cell(*verdicts).state is state


def test_counts_are_of_rules_that_could_be_told() -> None:
    found = cell(
        verdict("chat.a"),
        verdict("chat.b", "fail"),
        verdict("chat.c", level="should"),
        verdict("chat.d", "inconclusive"),
        verdict("chat.e", "not_applicable"),
        verdict("chat.f", "lenient"),
        verdict("chat.g", "rejected", "x"),
    )
    assert (found.must, found.should) == (Tally(1, 2), Tally(1, 1))
    assert found.tally == Tally(2, 3)
    assert found.untold == 1
    assert [result.check for result in found.results][:2] == ["chat.b", "chat.g"]


def test_known_failures_are_failures() -> None:
    found = cell(verdict(CHECK, "fail", known="Since forever."))
    assert (found.state, found.must, found.is_known) == (State.BROKEN, Tally(0, 1), True)
    again = cell(verdict("chat.a", "fail", known="Since forever."), verdict("chat.b", "fail"))
    assert not again.is_known


def test_what_was_not_tried_is_told_apart_from_what_is_not_there() -> None:
    lines = [
        target(claims=["chat", "embeddings"]),
        target("acme/small"),
        verdict(),
        verdict("vision.seen", name="acme/small"),
        verdict("embeddings.object", "not_applicable"),
        verdict("embeddings.object", name="acme/small"),
        skipped("embeddings.default", "answered 404"),
        verdict("models.list"),
    ]
    of = grid([made(lines)])
    assert one(of, "vision").state is State.ABSENT
    assert one(of, "vision").reason == "acme does not claim it"
    assert (one(of, "embeddings").state, one(of, "embeddings").reason) == (
        State.ABSENT,
        "answered 404",
    )
    assert one(of, "models", "acme/small").state is State.UNTESTED
    assert one(of, "chat", "acme/small").tally == Tally(0, 0)


@pytest.mark.parametrize("disposition", Disposition)
def test_every_disposition_has_a_state(disposition: Disposition) -> None:
    found = cell(param("stop", disposition), column="params.stop")
    assert found.parameter
    assert found.parameter.disposition is disposition
    silent = disposition in {Disposition.IGNORED, Disposition.LOST, Disposition.CHANGED}
    assert (found.state is State.BROKEN) is silent


def test_checks_of_a_parameter_stand_in_its_column() -> None:
    of = grid(
        [
            made(
                [
                    param("stop"),
                    verdict("params.stop_string_honoured", "fail", capabilities={"params": 1}),
                    verdict("params.unknown_refused", capabilities={"params": 1}),
                ]
            )
        ]
    )
    assert [column.key for column in of.columns] == ["params", "params.stop"]
    assert one(of, "params.stop").state is State.BROKEN
    assert one(of, "params").tally == Tally(1, 1)


def test_that_a_value_is_taken_does_not_show_an_effect() -> None:
    taken = param("seed", "accepted_unverified")
    held = verdict("params.seed_accepted", capabilities={"params": 1})
    assert cell(taken, held, column="params.seed").state is State.INCONCLUSIVE
    broken = verdict("params.seed_again", "fail", level="should", capabilities={"params": 1})
    assert cell(taken, held, broken, column="params.seed").state is State.FLAWED
    assert cell(param("seed", "unknown"), held, column="params.seed").state is State.HELD


def test_a_check_is_about_the_longest_parameter_it_begins_with() -> None:
    names = ("n", "max_tokens", "top_logprobs", "logprobs", "stop")
    assert parameter_of("params.n_two", names) == "n"
    assert parameter_of("params.top_logprobs_range_400", names) == "top_logprobs"
    assert parameter_of("params.nothing", names) is None
    assert parameter_of("params.stop", names) == "stop"


def test_the_newest_run_of_each_target_is_its_row() -> None:
    old = made([verdict(), verdict(name="acme/small")], MONDAY)
    new = made([verdict(CHECK, "fail")], TUESDAY)
    of = grid([new, old])
    assert [line.row.target for line in of.lines] == ["acme/large", "acme/small"]
    assert [line.run.started for line in of.lines] == [TUESDAY, MONDAY]
    large, small = of.lines
    assert [point.must for point in large.history] == [Tally(1, 1), Tally(0, 1)]
    assert (large.must, small.must) == (Tally(0, 1), Tally(1, 1))
    assert list(of.providers) == ["acme"]


def test_a_rule_that_counts_in_two_columns_counts_once_in_the_row() -> None:
    of = grid([made([verdict("tools.call_id", capabilities={"tools_auto": 2, "tools_forced": 3})])])
    assert [found.tally for found in of.lines[0].cells] == [Tally(1, 1), Tally(1, 1)]
    assert of.lines[0].must == Tally(1, 1)


def test_since_when_a_rule_is_broken() -> None:
    def at(day: str, outcome: str) -> Any:
        return made([verdict(CHECK, outcome)], day)

    still = [at(MONDAY, "fail"), at(TUESDAY, "inconclusive"), at(WEDNESDAY, "fail")]
    assert since("acme/large", still) == {CHECK: Since(MONDAY, MONDAY, WEDNESDAY)}
    again = [at(MONDAY, "fail"), at(TUESDAY, "pass"), at(WEDNESDAY, "fail")]
    assert since("acme/large", again) == {CHECK: Since(MONDAY, WEDNESDAY, WEDNESDAY)}
    fixed = [at(MONDAY, "fail"), at(TUESDAY, "pass")]
    assert since("acme/large", fixed) == {CHECK: Since(MONDAY, MONDAY, MONDAY)}
    assert since("acme/small", fixed) == {}


@given(st.lists(st.tuples(st.sampled_from(Outcome), st.sampled_from(["must", "should"]))))
def test_percentages_hold_only_what_was_told(outcomes: list[tuple[Outcome, str]]) -> None:
    verdicts = [
        verdict(f"chat.rule_{i}", outcome, level=level)
        for i, (outcome, level) in enumerate(outcomes)
    ]
    of = grid([made([target(), *verdicts])])
    for found in of.lines[0].cells if of.columns else ():
        told = [r for r in found.results if r.is_broken or r.outcome is Outcome.PASS]
        assert found.tally.told == len(told)
        assert found.tally.held <= found.tally.told
        assert bool(told) <= (found.state in TOLD)
        assert found.state in ORDER


def test_a_target_nobody_asked_keeps_its_row() -> None:
    of = grid([made([target(), verdict(), target("acme/later", claims=["chat"])])])
    assert [line.row.target for line in of.lines] == ["acme/large", "acme/later"]
    assert [line.row.target for line in of.told.lines] == ["acme/large"]
    (later,) = of.untold
    assert (later.must, later.history) == (Tally(), [])
    assert one(of, "chat", "acme/later").state is State.UNTESTED


def test_that_nothing_is_recorded_hides_no_older_run() -> None:
    live = made([target(), verdict()], MONDAY)
    replay = made([target(source="")], TUESDAY)
    (line,) = grid([live, replay]).lines
    assert (line.run, line.must, len(line.history)) == (live, Tally(1, 1), 1)
