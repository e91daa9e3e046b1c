"""JUnit: what CI systems are told of each rule, and that they can read it whatever servers say."""

from __future__ import annotations

import io
from collections.abc import Iterable
from xml.etree.ElementTree import Element, fromstring

import pytest
import xmlschema
from fetched_schemas import JUNIT, fetched
from results_lines import Line, end, made, run, skipped, target, verdict

from conformance.compare.grid import grid
from conformance.report.junit import junit
from conformance.results.reading import Run

CHECK = "chat.response_id"
HOSTILE = "<script>]]></script>\x00\x1b[31m\u202e\ud800\ufffe\n\"'&"


def parsed(text: str) -> Element:
    return fromstring(text)  # noqa: S314  # our own


def document(*runs: Run) -> Element:
    return parsed(junit(grid(runs)))


def told(lines: Iterable[Line]) -> Element:
    return document(made(lines))


def case(root: Element, name: str = CHECK) -> Element:
    (found,) = root.findall(f".//testcase[@name='{name}']")
    return found


def said(root: Element, tag: str, name: str = CHECK) -> Element:
    found = case(root, name).find(tag)
    assert found is not None
    return found


def kind(found: Element) -> str:
    return next((child.tag for child in found), "passed")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "passed"),
        ({"outcome": "fail"}, "failure"),
        ({"outcome": "ignored"}, "failure"),
        ({"outcome": "flaky"}, "failure"),
        ({"outcome": "fail", "known": "it never could"}, "skipped"),
        ({"outcome": "fail", "level": "should"}, "skipped"),
        ({"outcome": "fail", "level": "should", "name": "tiny:acme/large"}, "failure"),
        ({"outcome": "fail", "level": "may", "name": "tiny:acme/large"}, "skipped"),
        ({"outcome": "fail", "findings": []}, "failure"),
        ({"outcome": "error", "reason": "the check failed: KeyError"}, "error"),
        ({"outcome": "lenient"}, "skipped"),
        ({"outcome": "rejected", "reason": "refused"}, "skipped"),
        ({"outcome": "inconclusive", "reason": "cut off"}, "skipped"),
        ({"outcome": "stale"}, "skipped"),
    ],
)
def test_a_must_that_nobody_knew_fails_and_nothing_else_looks_like_a_pass(
    changed: Line, expected: str
) -> None:
    assert kind(case(told([verdict(**changed)]))) == expected


def test_a_message_says_what_is_wrong_and_where() -> None:
    root = told([verdict(outcome="fail", at="choices[0].index", want="0", got='"zero"'), verdict()])
    failure = said(root, "failure")
    message = failure.get("message", "")
    assert message.startswith('choices[0].index: wanted 0, got "zero" (chat.basic)')
    assert "1 of 2 times" in message
    assert "conformance explain chat.response_id" in (failure.text or "")


def test_a_skip_says_why() -> None:
    known = told([verdict(outcome="fail", known="the engine cannot")])
    unsure = told([verdict(outcome="inconclusive", reason="the reply was cut off")])
    should = told([verdict(outcome="fail", level="should")])
    messages = [said(root, "skipped").get("message") for root in (known, unsure, should)]
    assert messages[0] == (
        "known: the engine cannot; id: wanted a non-empty string id, got missing (chat.basic)"
    )
    assert messages[1] == "inconclusive: the reply was cut off"
    assert str(messages[2]).startswith("SHOULD broken: id: ")


def test_what_is_known_in_one_place_only_is_news() -> None:
    known = verdict(outcome="fail", known="old", capabilities={"chat": 1})
    news = verdict(outcome="fail", at="created", capabilities={"stream": 1})
    failure = said(told([known, news]), "failure")
    assert failure.get("message", "").startswith("created: ")


def test_an_index_makes_no_other_place() -> None:
    places = [{"at": f"data[{n}].id", "want": "x", "got": "y"} for n in range(3)]
    text = said(told([verdict(outcome="fail", findings=places)]), "failure").text or ""
    assert text.count("wanted") == 1
    assert "more places" not in text


def test_what_does_no_harm_is_not_what_is_wrong() -> None:
    harmless = verdict(outcome="lenient", at="request.n")
    skip = said(told([harmless, verdict(outcome="fail", known="old")]), "skipped")
    assert skip.get("message", "").startswith("known: old; id: ")


def test_one_verdict_in_two_columns_is_one_test_case() -> None:
    root = told([verdict(outcome="fail", capabilities={"chat": 1, "stream": 1})])
    assert (root.get("tests"), root.get("failures")) == ("1", "1")


def test_counts_are_those_of_the_cases() -> None:
    root = told(
        [
            target(),
            verdict(),
            verdict("chat.response_created", "fail"),
            verdict("chat.response_object", "fail", known="old"),
            verdict("chat.response_model", "error"),
            verdict("chat.usage_types", "not_applicable", reason="no usage"),
            target("other/small"),
            verdict(name="other/small"),
        ]
    )
    suite = root[0]
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["4", "1", "1", "1"]
    assert [root.get(name) for name in ("tests", "failures", "errors")] == ["5", "1", "1"]
    properties = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert properties["not_applicable"] == "1"
    assert properties["must"] == "1 of 3 held"
    assert properties["source"] == "live"


def test_a_suite_is_a_target_and_jenkins_groups_it_by_provider() -> None:
    root = told([verdict(name="acme/gpt-4.1"), verdict(name="acme/x")])
    assert [suite.get("name") for suite in root] == ["acme/gpt-4.1", "acme/x"]
    groups = [one.get("classname") for one in root.iter("testcase")]
    assert groups == ["acme.gpt-4_1", "acme.x"]
    assert root[0].get("timestamp") == "2026-11-28T03:00:00"


def test_what_a_target_does_not_have_is_skipped() -> None:
    refused = skipped("vision.opening", "404: no such thing", "acme/large")
    root = told([verdict(), refused, verdict("vision.colour", name="other/eyes")])
    assert said(root, "skipped", "vision").get("message") == "not there: 404: no such thing"
    assert len(root.findall(".//testcase[@name='vision']")) == 1


def test_an_incomplete_run_is_an_error() -> None:
    cut = Run("folder/results.jsonl")
    for line in (run(), {"type": "problem", "message": "acme/large: no answer"}, verdict()):
        cut.add(line)
    root = document(cut)
    assert root.get("errors") == "2"
    messages = [one.get("message") for one in root.iter("error")]
    assert messages[1] == "acme/large: no answer"
    assert root[-1].get("name") == "incomplete: results.jsonl"
    cut.problems.clear()
    cut.add(end())
    assert document(cut).get("errors") == "0"


def test_what_an_old_run_lacked_is_no_error_of_today() -> None:
    old, new = made([verdict()], "2026-11-27T03:00:00+00:00"), made([verdict()])
    old.problems.append("the provider was down")
    assert document(old, new).get("errors") == "0"


def hostile() -> Run:
    long = HOSTILE * 40_000
    return made(
        [
            target(HOSTILE, software=long, title=HOSTILE, base_url="javascript:alert(1)"),
            verdict(HOSTILE, "fail", at=long, want=long, got=long, name=HOSTILE, reason=long),
            verdict(outcome="fail", known=long, name=HOSTILE, probe=None, exchange=None),
            verdict("tools.x", "inconclusive", reason=long, name="..//../"),
            {"type": "problem", "message": long},
        ]
    )


def test_hostile_text_stays_text_and_short() -> None:
    text = junit(grid([hostile()]))
    assert len(text) < 30_000
    assert "<script>" not in text
    assert not {"\x00", "\x1b", "\u202e", "\ud800", "\ufffe"} & set(text)
    assert "\\x1b[31m\\u202e\\ud800" in text
    assert "…" in text
    assert len(list(parsed(text).iter("testcase"))) == 4


def test_many_places_and_problems_are_counted_not_listed() -> None:
    findings = [{"at": f"m{n}", "want": "x", "got": "y"} for n in range(1000)]
    broken = made([verdict(outcome="fail", findings=findings)])
    broken.problems.extend(["no answer"] * 5000)
    root = document(broken)
    places = [one for one in (said(root, "failure").text or "").splitlines() if "wanted" in one]
    assert len(places) == 10
    assert "and at 990 more places" in (said(root, "failure").text or "")
    assert len(list(root.iter("error"))) == 100
    assert root.findtext(".//system-err") == "and 4,900 more problems"


def test_it_is_valid_by_the_schema_of_jenkins(pytestconfig: pytest.Config) -> None:
    schema = xmlschema.XMLSchema(io.StringIO(fetched(JUNIT, pytestconfig)))
    outcomes = ["pass", "fail", "flaky", "error", "inconclusive", "lenient", "rejected"]
    several = made([target(), *(verdict(f"chat.{one}", one) for one in outcomes)])
    for runs in ([several], [hostile()], [several, hostile()], []):
        schema.validate(junit(grid(runs)))
