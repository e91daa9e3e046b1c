"""Learning: known failures are written into a provider's file, and taken out when they are gone."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.expect import Expectations
from conformance.learn import learn
from conformance.model import Finding, Level, Outcome, Verdict
from conformance.provider_file import read
from conformance.report.board import Board
from conformance.targets import BadProvider, Target

HEAD = """\
# The provider of a test.  \n\
title = "Prövider"
base_url = "https://example.com/v1"

[source]
url = "https://example.com"   # where it is from
read = 2026-11-21

[models.a]
[models.b]
[models."c[1]"]

# What is known:
"""
KNOWN = """
[[known]]
check = "chat.object"
models = ["a"]
outcome = "fail"
reason = "They say so; \\"it will be mended\\"."
since = 2025-01-31
"""
TODAY = datetime.now(UTC).date()


def broken(check: str = "chat.object", model: str = "a", got: Any = "x", **more: Any) -> Verdict:
    made: dict[str, Any] = {"level": Level.MUST, "outcome": Outcome.FAIL} | more
    found = (Finding("object", "chat.completion", got),)
    return Verdict("some", model, check, made["level"], made["outcome"], found)


def passed(check: str = "chat.object", model: str = "a") -> Verdict:
    return Verdict("some", model, check, Level.MUST, Outcome.PASS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.toml"
    path.write_text(HEAD + KNOWN)
    return path


def learned(file: Path, *verdicts: Verdict) -> list[Path]:
    targets = read(file)
    expectations, board = Expectations(targets), Board()
    for verdict in verdicts:
        board.add(expectations.mark(verdict))
    return list(learn(board, targets, file.parent))


def entries(file: Path) -> list[dict[str, Any]]:
    assert read(file)
    return list(tomllib.loads(file.read_text()).get("known", []))


def told(file: Path) -> list[tuple[str, list[str]]]:
    return [(one["check"], one["models"]) for one in entries(file)]


OLD = ("chat.object", ["a"])


def test_what_fails_is_written_with_an_example_and_the_day(file: Path) -> None:
    assert learned(file, broken(), broken("chat.id", got=None)) == [file]
    assert entries(file)[0] == {
        "check": "chat.id",
        "models": ["a"],
        "outcome": "fail",
        "reason": "object: wanted chat.completion, got null",
        "since": TODAY,
    }


def test_a_reason_and_a_date_stay(file: Path) -> None:
    before = file.read_text()
    assert learned(file, broken()) == []
    assert file.read_text() == before
    learned(file, broken(), broken("chat.id"))
    assert file.read_text().endswith(KNOWN)


def test_what_is_fixed_goes(file: Path) -> None:
    assert learned(file, passed()) == [file]
    assert file.read_text() == HEAD
    assert learned(file, passed()) == []


@pytest.mark.parametrize("other", [passed("chat.id"), passed(model="b"), broken("chat.id", "b")])
def test_what_had_no_say_stays(file: Path, other: Verdict) -> None:
    learned(file, other)
    assert OLD in told(file)


def test_a_model_that_fails_too_gets_its_own_entry(file: Path) -> None:
    learned(file, broken(), broken(model="b"))
    assert told(file) == [OLD, ("chat.object", ["b"])]


def test_models_that_fail_alike_share_an_entry(file: Path) -> None:
    learned(file, broken("chat.id"), broken("chat.id", "b"))
    assert told(file)[0] == ("chat.id", ["a", "b"])


def test_two_entries_for_one_check_stay_two(file: Path) -> None:
    other = KNOWN.replace('["a"]', '["b"]').replace("They say so", "Nobody knows")
    file.write_text(HEAD + KNOWN + other)
    assert learned(file, broken(), broken("chat.id")) == [file]
    assert told(file)[1:] == [OLD, ("chat.object", ["b"])]
    assert "Nobody knows" in entries(file)[2]["reason"]


def test_a_pattern_stays_while_one_of_its_models_fails(file: Path) -> None:
    file.write_text(HEAD + KNOWN.replace('["a"]', '["*"]'))
    assert learned(file, passed(), broken(model="b")) == []
    assert learned(file, passed(), passed(model="b")) == [file]
    assert told(file) == []


def test_what_comes_and_goes_is_known_in_either_form(file: Path) -> None:
    assert learned(file, broken(outcome=Outcome.FLAKY)) == []
    file.write_text(HEAD + KNOWN.replace('"fail"', '"flaky"'))
    assert learned(file, broken()) == []
    assert learned(file, passed()) == []


def test_another_outcome_takes_the_place_of_one_that_is_gone(file: Path) -> None:
    learned(file, broken(outcome=Outcome.IGNORED))
    assert [one["outcome"] for one in entries(file)] == ["ignored"]


def test_only_what_counts_as_a_failure_is_learnt(file: Path) -> None:
    learned(
        file,
        broken("chat.a", level=Level.SHOULD),
        broken("chat.b", level=Level.MAY),
        broken("chat.c", outcome=Outcome.LENIENT),
        broken("chat.d", outcome=Outcome.REJECTED),
    )
    assert [check for check, _ in told(file)] == ["chat.a", "chat.object"]


def test_what_stands_above_is_not_touched_and_twice_is_as_once(file: Path) -> None:
    verdicts = [broken(), broken("chat.id"), broken("chat.id", "b"), broken("chat.x", "c[1]")]
    learned(file, *verdicts)
    first = file.read_text()
    assert first.startswith(HEAD)
    assert learned(file, *verdicts) == []
    assert file.read_text() == first


def test_line_ends_stay_as_they_are(file: Path) -> None:
    head = HEAD.replace("\n", "\r\n").encode()
    file.write_bytes(head)
    learned(file, broken())
    assert file.read_bytes().startswith(head.rstrip())
    assert entries(file)


def test_nothing_is_written_where_nothing_is_known(file: Path) -> None:
    text = HEAD.rstrip() + "\n\n\n"
    file.write_text(text)
    assert learned(file, passed()) == []
    assert file.read_text() == text


def test_a_model_is_not_taken_for_a_pattern(file: Path) -> None:
    learned(file, broken("chat.id", "c[1]"))
    ((_, models), *_) = told(file)
    again = Expectations(read(file)).mark(broken("chat.id", "c[1]"))
    assert again.known, models
    assert not Expectations(read(file)).mark(broken("chat.id", "c1")).known


@pytest.mark.parametrize(
    "text",
    [
        HEAD + KNOWN + "\n[models.late]\n",
        HEAD.replace("[source]", 'known = [{check = "chat.id", reason = "x"}]\n[source]'),
        HEAD.replace("title =", 'note = """\n[[known]]\n"""\ntitle ='),
    ],
)
def test_a_file_that_would_be_damaged_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(BadProvider, match="move them to the file's end"):
        learned(file, broken("chat.new"))
    assert file.read_text() == text


def test_a_users_file_is_written_and_not_the_one_shipped(tmp_path: Path) -> None:
    file = tmp_path / "openai.toml"
    file.write_text(HEAD)
    (target, *_) = read(file)
    board = Board()
    verdict = broken()
    board.rows["openai/a"].add(verdict)
    assert list(learn(board, [target], tmp_path)) == [file]


def test_a_target_without_a_file_is_passed_over(tmp_path: Path) -> None:
    board = Board()
    board.add(broken())
    assert list(learn(board, [Target("some", "a", "https://example.com/v1")], tmp_path)) == []


HOSTILE = st.text(
    st.characters(codec=None)
    | st.sampled_from("\"\\'\n\r\t\0\x07\x1b\x7f\x85\u2028\u2029\u202e\ud800\udfff😀[]#")
)


@given(got=HOSTILE, at=HOSTILE, want=HOSTILE)
def test_what_a_server_said_stays_one_string(
    tmp_path_factory: pytest.TempPathFactory, got: str, at: str, want: str
) -> None:
    file = tmp_path_factory.mktemp("providers") / "some.toml"
    file.write_text(HEAD)
    found = (Finding(at, want, {got: [got]}),)
    verdict = Verdict("some", "a", "chat.object", Level.MUST, Outcome.FAIL, found)
    learned(file, verdict)
    (entry,) = entries(file)
    assert entry["check"] == "chat.object"
    assert entry["reason"].isprintable()
    lines = file.read_text("utf-8").split("\n")
    assert len([line for line in lines if line.startswith("reason = ")]) == 1
    assert len(lines) == HEAD.rstrip().count("\n") + 9
    assert learned(file, verdict) == []


@given(
    reason=st.text(st.characters(codec="utf-8"), min_size=1), model=st.sampled_from(["a", "é😀"])
)
def test_any_reason_of_the_user_stays(
    tmp_path_factory: pytest.TempPathFactory, reason: str, model: str
) -> None:
    escaped = "".join(f"\\U{ord(c):08x}" for c in reason)
    file = tmp_path_factory.mktemp("providers") / "some.toml"
    known = re.sub(r"reason = .*", lambda _: f'reason = "{escaped}"', KNOWN)
    file.write_text(HEAD.replace("[models.a]", f'[models."{model}"]') + known.replace('"a"', '"*"'))
    learned(file, broken(model=model), broken("chat.id", model))
    assert [one["reason"] for one in entries(file)][1] == reason
    assert learned(file, broken(model=model), broken("chat.id", model)) == []
