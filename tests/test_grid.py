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
from conformance.compare.latest import forget
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


def asked(about: str, answered: int, of: int, refusal: str = "answered 500") -> Any:
    return target(asked={about: {"answered": answered, "asked": of, "refusal": refusal}})


def test_a_capability_of_which_nothing_is_answered_is_refused() -> None:
    """That every error is in good order does not make it work."""
    held = verdict("tools.required_calls", capabilities={"tools_forced": 5})
    refused = grid([made([asked("tools_forced", 0, 3), held])])
    assert one(refused, "tools_forced").state is State.REFUSED
    assert one(refused, "tools_forced").reason == "answered 500"
    answered = grid([made([asked("tools_forced", 1, 3), held])])
    assert one(answered, "tools_forced").state is State.HELD


def test_a_broken_rule_outweighs_a_refusal() -> None:
    broken = verdict("tools.required_calls", "fail", capabilities={"tools_forced": 5})
    of = grid([made([asked("tools_forced", 0, 3), broken])])
    assert one(of, "tools_forced").state is State.BROKEN


def test_to_be_refused_is_what_mistakes_are_for() -> None:
    held = verdict("errors.body_object", capabilities={"errors": 9})
    assert one(grid([made([asked("errors", 0, 9), held])]), "errors").state is State.HELD


def test_an_area_that_is_refused_is_not_there_whatever_its_refusal_was_worth() -> None:
    tried = verdict("embeddings.object", "inconclusive", capabilities={"embeddings": 1})
    lines = [target(), tried, skipped("embeddings.float", "answered 404")]
    assert one(grid([made(lines)]), "embeddings").state is State.ABSENT


PART: Any = {"capabilities": {"models": 1}}


def test_a_run_of_some_rules_says_nothing_of_the_others() -> None:
    whole = made([target(), verdict(), verdict("models.list", "fail", **PART)], MONDAY)
    part = made([target(), verdict("models.list", **PART)], TUESDAY, whole=False)
    (line,) = grid([whole, part]).lines
    assert (line.must, line.run.started) == (Tally(2, 2), TUESDAY)
    assert [point.must for point in line.history] == [Tally(1, 2), Tally(1, 1)]


def test_a_whole_run_says_that_what_is_not_in_it_could_not_be_told() -> None:
    before = made([target(), verdict(), verdict("models.list", **PART)], MONDAY)
    after = made([target(), verdict()], TUESDAY)
    (line,) = grid([before, after]).lines
    assert line.must == Tally(1, 1)


def test_a_run_that_met_problems_hides_no_failure() -> None:
    before = made([target(), verdict("models.list", "fail", **PART), verdict()], MONDAY)
    problem = {"type": "problem", "message": "models.list: no answer"}
    after = made([target(), verdict(), problem], TUESDAY)
    (line,) = grid([before, after]).lines
    assert line.must == Tally(1, 2)


def test_a_rule_that_could_not_be_told_again_stays_as_it_was() -> None:
    before = made([target(), verdict("models.list", "fail", **PART)], MONDAY)
    unsure = verdict("models.list", "inconclusive", **PART)
    after = made([target(), unsure], TUESDAY, whole=False)
    (line,) = grid([before, after]).lines
    assert line.must == Tally(0, 1)


def test_what_a_part_tells_of_parameters_and_answers_is_told() -> None:
    first = made([asked("tools_forced", 0, 3), param("stop", "ignored"), param("n")], MONDAY)
    again = made(
        [asked("tools_forced", 3, 3), param("stop"), param("n", "unknown")], TUESDAY, whole=False
    )
    (line,) = grid([first, again]).lines
    assert {n: p.disposition for n, p in line.row.parameters.items()} == {
        "stop": Disposition.HONOURED,
        "n": Disposition.HONOURED,
    }
    assert line.row.asked["tools_forced"].answered == 3


def test_a_copy_of_a_file_is_no_other_run() -> None:
    night, copy = made([target(), verdict()]), made([target(), verdict()])
    of = grid([night, copy])
    assert (len(of.runs), len(of.lines[0].history)) == (1, 1)


def test_history_is_outcomes_only() -> None:
    old = made([target(), verdict(CHECK, "fail"), verdict("chat.a"), param("stop")], MONDAY)
    row = old.rows["acme/large"]
    before = row.outcomes()
    row.forget()
    assert (row.outcomes(), row.results, row.is_empty) == (before, {}, False)
    of = grid([old, made([target(), verdict(CHECK, "fail")], TUESDAY)])
    assert [point.must for point in of.lines[0].history] == [Tally(1, 2), Tally(0, 1)]
    assert since("acme/large", of.runs) == {CHECK: Since(MONDAY, MONDAY, TUESDAY)}


def test_what_is_forgotten_changes_no_matrix() -> None:
    def nights() -> list[Any]:
        return [
            made([target(), verdict(CHECK, "fail"), verdict("chat.a")], MONDAY),
            made([target(), verdict(CHECK), verdict("chat.a"), param("stop")], TUESDAY),
            made([target(), verdict("chat.a", "fail")], WEDNESDAY, whole=False),
        ]

    kept, forgotten = nights(), nights()
    forget(forgotten)
    assert forgotten[0].rows["acme/large"].results == {}
    (one_line,), (other,) = grid(kept).lines, grid(forgotten).lines
    assert (one_line.row, one_line.cells) == (other.row, other.cells)
    assert one_line.history == other.history
    assert since("acme/large", kept) == since("acme/large", forgotten)


def test_files_cannot_ask_for_columns_without_end() -> None:
    told = [verdict(f"x{i}.a", capabilities={f"x{i}": 1}) for i in range(500)]
    of = grid([made([target(), verdict(), *told])])
    assert (len(of.columns), of.left_out) == (300, 201)
    assert of.columns[0].key == "chat"
