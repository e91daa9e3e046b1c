"""The Markdown matrix: news first, nothing in it but text, and never too long."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inert_markdown import ACTIVE, SIGNS, WORST, damaged, kinds, prose, rows, tokens
from results_lines import Line, made, param, run, target, verdict

from conformance.compare.grid import Grid, grid
from conformance.report.inert import code, name, short
from conformance.report.markdown import LIMIT, matrix
from conformance.results.reading import Run


def page(*lines: Line) -> str:
    return matrix(grid([made(lines)]))


def failing(at: str, check: str = "chat.response_id", **changed: Any) -> Line:
    return verdict(check, "fail", "id", name=at, **changed)


def test_the_first_line_says_what_is_new() -> None:
    shown = page(
        failing("acme/large"),
        failing("acme/small"),
        failing("acme/small", "chat.response_object", known="it says so"),
        verdict("chat.response_created", name="acme/large"),
        verdict("chat.response_id", name="other/tiny"),
    )
    first, second, *_ = shown.splitlines()
    assert first.startswith("**2 new failures at 2 targets** of 3")
    assert second.startswith("1 known failure. Held: 2 of 5 MUST and 0 of 0 SHOULD rules")


def test_what_was_known_is_no_news_and_still_broken() -> None:
    shown = page(failing("acme/large", known="they say so"))
    assert shown.startswith("**No new failure** at 1 target.")
    assert "New failures, by cause" not in shown
    assert "| 1/1 broken, known |" in shown


def test_a_rule_known_in_one_capability_and_new_in_another_is_news() -> None:
    about = {"name": "acme/large", "at": "id"}
    shown = page(
        verdict("chat.response_id", "fail", **about, known="yes", capabilities={"chat": 1}),
        verdict("chat.response_id", "fail", **about, capabilities={"vision": 1}),
    )
    assert shown.startswith("**1 new failure at 1 target**")


def test_nothing_told_is_no_success() -> None:
    shown = page(verdict("chat.response_id", "inconclusive", reason="cut off"))
    assert shown.startswith("**Nothing could be told** of 1 target.")
    assert "No new failure" not in shown


def test_one_cause_is_one_line() -> None:
    shown = page(failing("acme/large"), failing("acme/small"), failing("acme/tiny"))
    assert shown.count("- **MUST**") == 1
    assert "at `id`: wanted `a non-empty string id`, got `missing`; breaks `chat.resp" in shown
    assert " at `acme/large`, `acme/small`, `acme/tiny`\n" in shown


def test_should_failures_are_counted_and_not_listed() -> None:
    shown = page(failing("acme/large", level="should"))
    assert shown.startswith("**No new failure**")
    assert "by cause" not in shown
    assert "1 SHOULD failure that nobody knew of" in shown
    assert "| 1/1 should |" in shown


def test_behind_an_adapter_a_should_is_news() -> None:
    shown = page(failing("tiny:acme/large", level="should"))
    assert shown.startswith("**1 new failure at 1 target**")
    assert "- **SHOULD** at `id`" in shown
    assert "Besides" not in shown


def test_of_a_run_that_judged_nothing_it_says_why() -> None:
    shown = page({"type": "problem", "message": "nobody answered"})
    assert shown.startswith("**Nothing could be told** of 0 targets.")
    assert "**Incomplete**: `nobody answered`" in shown


def test_who_nobody_asked_is_named_below() -> None:
    shown = page(verdict(), target("acme/later"), target("zoo/one"), target("zoo/two"))
    assert shown.startswith("**No new failure** at 1 target.")
    assert "Nothing is known yet of (models): `acme` (1), `zoo` (2)." in shown


def test_a_parameter_nobody_could_tell_of_takes_no_room() -> None:
    shown = page(verdict(), param("seed", "unknown"), param("stop", "honoured"))
    assert "stop" in shown
    assert "seed" not in shown
    assert "What becomes of" not in page(verdict(), param("seed", "unknown"))


def test_an_interrupted_run_is_said_before_anything_it_shows() -> None:
    cut = Run("cut.jsonl")
    for line in (run(), failing("acme/large")):
        cut.add(line)
    shown = matrix(grid([cut]))
    assert shown.index("**Incomplete**") < shown.index("New failures, by cause")


@pytest.mark.parametrize(
    ("line", "cell"),
    [
        (verdict("chat.response_id"), "ok 1"),
        (verdict("chat.response_id", "fail"), "**1/1 broken**"),
        (verdict("chat.response_id", "flaky"), "**1/1 flaky**"),
        (verdict("chat.response_id", "fail", level="should"), "1/1 should"),
        (verdict("chat.response_id", "rejected", "status"), "refused"),
        (verdict("chat.response_id", "inconclusive"), "?"),
    ],
)
def test_a_cell_says_what_it_comes_to(line: Line, cell: str) -> None:
    row = next(line for line in page(line).splitlines() if line.startswith("| `acme/large`"))
    assert row.split(" | ")[3] == cell


def test_absent_and_untested_look_like_no_pass() -> None:
    shown = page(
        target("acme/large", claims=["chat"]),
        verdict("chat.response_id", name="acme/large"),
        target("other/tiny"),
        verdict("stream.done_present", name="other/tiny"),
    )
    large, tiny = (line for line in shown.splitlines() if line.startswith(("| `acme", "| `other")))
    assert large.split(" | ")[3:5] == ["ok 1", "n.a."]
    assert tiny.split(" | ")[3:5] == ["-", "ok 1"]


def many(count: int, providers: int, outcome: str = "pass") -> Grid:
    names = [f"acme{i % providers}/m{i}" for i in range(count)]
    return grid([made(verdict("chat.response_id", outcome, name=n) for n in names)])


def test_many_targets_have_a_row_a_provider_with_how_many_it_is_about() -> None:
    shown = matrix(many(41, 2))
    assert "| provider | targets |" in shown
    assert "| `acme0` | 21 | 21/21 | - | ok 21 |" in shown
    assert "| `acme1` | 20 | 20/20 | - | ok 20 |" in shown


def test_a_provider_s_cell_names_the_worst_and_what_could_be_told() -> None:
    some = [verdict("chat.response_id", "fail", name=f"acme/{i}") for i in range(2)]
    held = [verdict("chat.response_id", name=f"acme/{i}") for i in range(2, 5)]
    quiet = [verdict("chat.response_id", "inconclusive", name=f"acme/{i}") for i in range(5, 50)]
    shown = page(*some, *held, *quiet)
    assert "| `acme` | 50 | 3/5 | - | **2/5 broken** |" in shown


def test_what_is_left_out_is_counted() -> None:
    shown = matrix(many(600, 600, "fail"))
    assert len(shown) < LIMIT
    kept = sum(line.startswith("| `acme") for line in shown.splitlines())
    assert f"{600 - kept:,} more providers" in shown
    assert "and 588 more causes of 588 failures" in shown
    wide = page(*(verdict(f"chat.rule_{i}", capabilities={f"c{i}": 1}) for i in range(35)))
    assert "5 more capabilities" in wide
    long = page(verdict(), *(param(f"{'p' * 300}{i}") for i in range(70)))
    assert "10 more parameters" in long
    assert max(map(len, long.partition("```text")[2].partition("```")[0].splitlines())) < 120


def test_parameters_are_letters_a_target() -> None:
    shown = page(
        verdict(),
        param("stop"),
        param("seed", "ignored", documented=True),
        param("user", "accepted_unverified"),
    )
    assert "\nstop h\nseed!I\nuser a\n" in shown
    row = next(line for line in shown.splitlines() if line.startswith("| `acme/large`"))
    assert " | 1/2 | `live`" in row


def test_parameters_of_many_targets_are_numbers() -> None:
    names = [f"acme/m{i}" for i in range(50)]
    kinds = ["lost", "accepted_unverified", *["honoured"] * 48]
    stops = [param("stop", kind, target=n) for kind, n in zip(kinds, names, strict=True)]
    shown = page(*(verdict(name=n) for n in names), *stops)
    assert "| `stop` | 48/49 | 1 lost | 1 |" in shown


@pytest.mark.parametrize("text", WORST, ids=lambda text: repr(text[:12]))
def test_a_stranger_s_text_stays_text(text: str) -> None:
    shown = matrix(grid([damaged(text)]))
    assert len(shown) < LIMIT
    assert not kinds(shown) & ACTIVE
    assert not any(sign in prose(shown) for sign in SIGNS)
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert len(set(rows(shown))) == 1


@pytest.mark.parametrize("text", WORST, ids=lambda text: repr(text[:12]))
def test_it_stays_short_whatever_the_grid(text: str) -> None:
    names = [f"acme{i}/{text[:300]}{i}" for i in range(39)]
    lines = [
        verdict(
            f"chat.{text[:300]}{i}", "fail", text, text, text, name=one, capabilities={str(i): 1}
        )
        for i, one in enumerate(names)
    ]
    stops = [param(f"{text[:300]}{i}", "lost", target=n) for i in range(70) for n in names[:20]]
    run = made([*lines, *stops])
    run.news = run.problems = [text] * 20
    shown = matrix(grid([run] * 3))
    assert len(shown) < LIMIT
    assert sum(len(line) for line in shown.splitlines() if line.startswith("- **MUST**")) < 14_000


@given(st.text(max_size=300) | st.text("`|\\ a<@\n", max_size=30))
def test_code_is_one_piece_of_code_also_in_a_table(text: str) -> None:
    made = code(text)
    found = [t for t in tokens(f"| a | b |\n| --- | --- |\n| {made} | 1 |") if t.type != "text"]
    assert rows(f"| a | b |\n| --- | --- |\n| {made} | 1 |") == [2, 2]
    assert [t.type for t in found].count("code_inline") == bool(made)
    assert not re.search(r"\\\\\|", made), "GitHub would end the cell at this pipe"


@given(st.text(max_size=400), st.text(max_size=400))
def test_names_are_short_and_two_stay_two(one: str, other: str) -> None:
    assert len(name(one)) <= 100
    assert (name("x" * 200 + one) == name("x" * 200 + other)) == (one == other)
    assert short(one).isprintable()
