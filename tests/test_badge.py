"""The badge: one number that never flatters, and text that stays text."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest
from results_lines import Line, made, run, verdict

from conformance.compare.grid import Grid, grid
from conformance.report.badge import AMBER, GREEN, GREY, RED, badge
from conformance.results.reading import Run

SVG = "{http://www.w3.org/2000/svg}"


def rules(held: int, broken: int = 0) -> Grid:
    outcomes = ["pass"] * held + ["fail"] * broken
    return grid([made(verdict(f"chat.c{n}", one) for n, one in enumerate(outcomes))])


def drawn(of: Grid) -> Element:
    return fromstring(badge(of))  # noqa: S314  # our own


def texts(root: Element) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text")]


def fills(root: Element) -> list[str]:
    return [one.get("fill", "") for one in root.iter(f"{SVG}rect")]


@pytest.mark.parametrize(
    ("held", "broken", "said", "colour"),
    [
        (187, 0, "100% of 187 MUST", GREEN),
        (999, 1, "99% of 1,000 MUST", AMBER),
        (9, 1, "90% of 10 MUST", AMBER),
        (899, 101, "89% of 1,000 MUST", RED),
        (0, 3, "0% of 3 MUST", RED),
        (0, 0, "nothing tested", GREY),
    ],
)
def test_a_share_is_rounded_down_and_names_its_denominator(
    held: int, broken: int, said: str, colour: str
) -> None:
    root = drawn(rules(held, broken))
    assert texts(root) == ["OpenAI API", said]
    assert colour in fills(root)


@pytest.mark.parametrize("outcome", ["inconclusive", "not_applicable", "lenient", "rejected"])
def test_what_cannot_be_told_is_in_no_number(outcome: str) -> None:
    lines: list[Line] = [verdict(outcome=outcome, reason="why"), verdict("chat.a")]
    assert texts(drawn(grid([made(lines)])))[1] == "100% of 1 MUST"
    assert texts(drawn(grid([made(lines[:1])])))[1] == "nothing tested"


def test_known_and_flaky_failures_are_failures_and_shoulds_are_not_counted() -> None:
    lines = [
        verdict("chat.a"),
        verdict("chat.b", "fail", known="old"),
        verdict("chat.c", "flaky"),
        verdict("chat.d", "fail", level="should"),
    ]
    assert texts(drawn(grid([made(lines)])))[1] == "33% of 3 MUST"


def test_it_can_be_read_aloud_and_says_how_much_it_rests_on() -> None:
    lines = [verdict(), verdict(name="other/x"), verdict("chat.b", "fail", name="other/x")]
    lines.append(verdict(outcome="inconclusive", name="third/x"))
    root = drawn(grid([made(lines)]))
    title = "OpenAI API: 66% of 3 MUST; 2 held, 2 targets, newest run 2026-11-28"
    assert root.findtext(f"{SVG}title") == title
    assert (root.get("role"), root.get("aria-label")) == ("img", title)


@pytest.mark.parametrize("day", ["</text><script>\"'&", "\x00\x1b[31m\u202e\ud800", "x" * 10**6])
def test_a_day_that_is_none_stays_text_and_short(day: str) -> None:
    odd = Run("x.jsonl")
    odd.add(run(day))
    odd.add(verdict())
    text = badge(grid([odd]))
    assert len(text) < 2_000
    assert "<script" not in text
    assert not set("\x00\x1b\u202e\ud800") & set(text)
    assert len(drawn(grid([odd])).findall(f".//{SVG}text")) == 2


def test_the_parts_stand_side_by_side_and_the_text_fits() -> None:
    root = drawn(rules(187, 1))
    whole = int(root.get("width", "0"))
    left, right = [one for one in root.iter(f"{SVG}rect") if one.get("fill")]
    assert int(left.get("width", "0")) == int(right.get("x", "0"))
    assert int(right.get("x", "0")) + int(right.get("width", "0")) == whole
    for text, part in zip(root.iter(f"{SVG}text"), (left, right), strict=True):
        assert int(text.get("textLength", "0")) < int(part.get("width", "0"))


def test_a_longer_text_gets_more_room() -> None:
    widths = [int(drawn(rules(held)).get("width", "0")) for held in (1, 187, 1000)]
    assert widths == sorted(set(widths))


def test_nothing_is_loaded_from_elsewhere() -> None:
    text = badge(rules(3, 1)).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not [word for word in ("http", "href", "url(h", "@import", "<image") if word in text]
