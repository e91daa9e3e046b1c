"""``conformance report TARGET``: a page about a provider, in Markdown and HTML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from inert_markdown import ACTIVE, SIGNS, WORST, damaged, kinds, prose
from results_lines import Line, end, evidence, made, param, passage, run, skipped, target, verdict

from conformance.cli import main
from conformance.compare.grid import grid
from conformance.registry import checks
from conformance.report.provider import page_html, page_md
from conformance.report.terminal import printable
from conformance.results.reading import Run

CASSETTES = Path(__file__).parent.parent / "cassettes"
PAGES = pytest.mark.parametrize("page", [page_md, page_html])
CHECK = checks()["chat.response_id"]
RULE = CHECK.rule
Page = Callable[..., str]


class Read(HTMLParser):
    """What a browser would make of a page: its elements and attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= set(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(page: Page, runs: Iterable[Run], name: str = "acme") -> str:
    """The page about a target or a provider, as text."""
    of = grid(runs)
    lines = [line for line in of.lines if name in {line.row.provider, line.row.target}]
    text = page(lines, of)
    return text if page is page_md else " ".join(Read(text).text.split())


def section(page: str, title: str) -> str:
    """One section of a page in Markdown."""
    return page.partition(f"## {title}")[2].partition("\n## ")[0]


@PAGES
def test_a_broken_rule_is_told_with_all_that_its_maker_needs(page: Page) -> None:
    broken = verdict("chat.response_id", "fail", capabilities={"chat": 3})
    passed = verdict("chat.response_id", capabilities={"chat": 2})
    told = shown(page, [made([target(), broken, passed, evidence()])])
    for part in (
        "1. MUST: " if page is page_md else "MUST1. ",
        RULE,
        "a non-empty string id",
        f"Source: {CHECK.spec}",
        "3 of 5 times; seen on 2026-11-28",
        "curl --include --globoff https://api.acme.example/v1/chat/completions",
        '"$ACME_KEY"',
        "HTTP 200",
        "--api-key-env ACME_KEY --only chat.response_id --only chat.basic",
    ):
        assert part in told


def test_the_place_at_fault_is_marked_in_the_answer() -> None:
    of = [made([verdict("chat.response_id", "fail"), evidence()])]
    assert '{\n  "id": »null«\n}' in shown(page_md, of)
    lines = grid(of)
    assert "<mark>null</mark>" in page_html(lines.lines, lines)


def test_an_answer_is_cut_around_the_place() -> None:
    body = "a" * 5000 + "FAULT" + "b" * 5000
    line = evidence(response=passage(body, (5000, 5005)))
    told = shown(page_md, [made([verdict("chat.response_id", "fail"), line])])
    assert f"\n…{'a' * 300}»FAULT«{'b' * 300}…\n" in told


def test_a_request_that_is_not_whole_is_shown_and_not_offered_to_a_shell() -> None:
    line = evidence(request=passage('{"model":', whole=False))
    told = shown(page_md, [made([target(), verdict("chat.response_id", "fail"), line])])
    assert "curl" not in told
    assert 'POST https://api.acme.example/v1/chat/completions\n\n{"model":…' in told


@pytest.mark.parametrize("mark", [(-5, 3), (2, 10**9), (9, 2), (0, 0)])
def test_a_mark_that_is_none_marks_nothing(mark: tuple[int, int]) -> None:
    line = evidence(response=passage('{"id": null}', mark))
    told = shown(page_md, [made([verdict("chat.response_id", "fail"), line])])
    assert 'HTTP 200\n\n{"id": null}\n```' in told


@PAGES
def test_the_model_with_evidence_stands_for_the_others(page: Page) -> None:
    names = ("acme/large", "acme/small")
    lines = [verdict("chat.response_id", "fail", name=name) for name in names]
    assert "HTTP 200" in shown(page, [made([*lines, evidence(name="acme/small")])])


@PAGES
def test_models_that_nobody_asked_are_counted_apart(page: Page) -> None:
    new = [target("acme/new"), target("acme/newer")]
    told = shown(page, [made([verdict(), verdict(name="acme/small"), *new])])
    assert "2 models were looked at. Of 2 more models nothing is known yet." in told
    assert "newer" not in told
    alone = shown(page, [made([verdict(), *new])])
    assert "SHOULD rules. Of 2 more models nothing is known yet." in alone


@PAGES
def test_how_often_is_told_over_all_capabilities(page: Page) -> None:
    line = verdict("chat.response_id", "fail", capabilities={"chat": 2, "usage": 1})
    assert "3 of 3 times" in shown(page, [made([line])])


@PAGES
def test_what_several_models_have_in_common_is_told_once(page: Page) -> None:
    names = ("acme/large", "acme/small", "acme/tiny")
    told = shown(page, [made(verdict("chat.response_id", "fail", name=name) for name in names)])
    assert "3 models were looked at." in told
    assert "Behind the 3 broken MUST rules is 1 cause; 0 of 3 were known." in told
    assert told.count(RULE) == 1
    assert all(model in told for model in ("large", "small", "tiny"))


def test_the_worst_comes_first() -> None:
    told = shown(
        page_md,
        [
            made(
                [
                    verdict("chat.response_created", "fail", "created", level="should"),
                    verdict("chat.response_id", "fail", "headers.x"),
                ]
            )
        ],
    )
    assert told.index("### 1. MUST") < told.index("### 2. SHOULD")


def test_since_when_comes_from_the_older_runs() -> None:
    outcomes = {"01": "fail", "02": "pass", "03": "fail", "04": "fail"}
    runs = [
        made([verdict("chat.response_id", outcome)], f"2026-11-{day}T03:00:00+00:00")
        for day, outcome in outcomes.items()
    ]
    told = shown(page_md, runs)
    assert "since 2026-11-03, last seen on 2026-11-04, for the first time on 2026-11-01" in told


def test_both_sides_of_an_adapter_are_shown() -> None:
    name = "gateway:acme/large"
    side = {
        "method": "POST",
        "url": "https://far.example/chat",
        "request": passage('{"sent":"on"}'),
        "status": 200,
        "response": passage('{"came":"back"}'),
    }
    lines = [
        target(name),
        verdict("chat.response_id", "fail", name=name, blame="adapter"),
        evidence(name=name, beyond=[side]),
    ]
    told = shown(page_md, [made(lines)], name)
    assert "whose fault: `adapter`" in told
    assert '{"sent":"on"}' in told
    assert '{"came":"back"}' in told
    assert "conformance run --adapter gateway acme/large --only chat.response_id --only" in told


def test_a_stranger_s_recordings_cannot_be_asked_again() -> None:
    audited = made([verdict("chat.response_id", "fail")])
    audited.mode = "audit"
    assert "conformance run" not in shown(page_md, [audited])


@PAGES
def test_a_reply_that_names_no_model_is_of_none(page: Page) -> None:
    broken = [verdict("models.item_created", "fail", name=name) for name in ("acme/-", "acme/b")]
    of_all = shown(page, [made(broken)])
    assert "(no model)" in of_all
    assert "acme/-" not in of_all
    of_one = shown(page, [made(broken)], "acme/-")
    assert "acme/(no model)" in of_one.replace("`", "")[:60]


def test_what_works_what_to_avoid_and_what_nobody_told_stay_apart() -> None:
    told = shown(
        page_md,
        [
            made(
                [
                    target(claims=["chat", "stream"]),
                    verdict("chat.response_id"),
                    verdict("chat.response_created", "fail", level="should"),
                    verdict("errors.envelope", "fail", "error"),
                    verdict("stream.done_present", "inconclusive", reason="cut off"),
                    verdict("models.item_created", name="other/tiny"),
                    param("stop", "honoured"),
                    param("seed", "ignored"),
                    param("n", "rejected"),
                    param("user", "accepted_unverified"),
                    skipped("models.list", "404"),
                ]
            )
        ],
    )
    works = section(told, "What works")
    assert "Chat: 1 of 1 MUST rules held, 0 of 1 SHOULD rules held" in works
    assert "Parameters with their effect: 1 of 3 that could be told: `stop`" in works
    assert "Errors" not in works
    avoid = section(told, "What to avoid")
    assert "Errors: 0 of 1 MUST rules held" in avoid
    assert "Parameters, accepted, and has no effect: `seed`" in avoid
    assert "Parameters, refused: `n`" in avoid
    untold = section(told, "What was not tested, or could not be told")
    assert "tried, and nothing could be told (`cut off`): Streaming" in untold
    assert "not there (`acme does not claim it`): Models" in untold
    assert "whether it has an effect was not seen: `user`" in untold


@PAGES
@pytest.mark.parametrize("text", WORST, ids=lambda text: repr(text[:12]))
def test_a_stranger_s_text_stays_text(page: Page, text: str) -> None:
    of = grid([damaged(text, ["acme/large", f"acme/{text}"])])
    made = page(of.lines, of)
    assert len(made) < 200_000
    assert all(char.isprintable() or char == "\n" for char in made)
    if page is page_md:
        assert not kinds(made) & ACTIVE
        assert not any(sign in prose(made) for sign in SIGNS)
    else:
        read = Read(made)
        assert not read.elements & {"script", "img", "iframe", "link", "object"}
        assert all(value and value[0] == "#" for key, value in read.attributes if key == "href")
        assert not any(key.startswith("on") or key == "src" for key, _ in read.attributes)
        assert printable(text.strip()[:4]) in read.text


def test_the_page_allows_itself_nothing_but_its_own_style() -> None:
    of = grid([made([verdict()])])
    page = page_html(of.lines, of)
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert 'lang="en"' in page


@PAGES
def test_many_causes_are_listed_and_then_counted(page: Page) -> None:
    lines = [verdict(f"chat.rule_{i}", "fail", f"headers.x-{i}-y{'z' * i}") for i in range(200)]
    told = shown(page, [made(lines)])
    assert ("### 41. " if page is page_md else "MUST41. ") not in told
    assert "And 160 more causes" in told
    assert "Left out for want of room: 60 more causes." in told


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["report", *words])


def write(path: Path, *lines: Line) -> str:
    path.write_text("".join(json.dumps(line) + "\n" for line in (run(), *lines, end())))
    return str(path)


def test_it_is_printed_or_written(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", target(), verdict("chat.response_id", "fail"))
    page, html = tmp_path / "a.md", tmp_path / "a.html"
    printed = call("acme", file)
    assert printed.exit_code == 0
    assert printed.output.startswith("# `acme/large` (`Acme`): is it compatible")
    written = call("acme/large", file, "--md", str(page), "--html", str(html))
    assert (written.exit_code, written.stdout) == (0, "")
    assert written.stderr == f"wrote {page}\nwrote {html}\n"
    assert page.read_text(encoding="utf-8") == printed.output
    assert html.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_without_results_what_is_recorded_is_replayed() -> None:
    told = call("lambda_chat", "--cassettes", str(CASSETTES))
    assert told.exit_code == 0
    assert "# `lambda_chat`" in told.output
    assert "62 of 62 MUST rules held" in told.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["acne/large", "FILE"], "no run in these files has acne/large; did you mean acme/large"),
        (["nobody", "FILE"], "no run in these files has nobody; see: conformance matrix RESULTS"),
        (
            ["other/tiny", "FILE"],
            "told; ask it: conformance run other/tiny --live --json",
        ),
        (["other/new", "FILE"], "known of other/new, because nobody asked it yet; ask it: conf"),
        (["acme", "gone.jsonl"], "gone.jsonl: No such file or directory"),
        (["acme", "FILE", "--md", "a", "--html", "a"], "a is given twice"),
        (["vlllm"], "no target matches vlllm; did you mean vllm"),
        (["openai/gpt-4o-mini"], "do it: conformance run openai/gpt-4o-mini --record"),
    ],
)
def test_an_error_names_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    untold = verdict("chat.response_id", "inconclusive", name="other/tiny")
    file = write(tmp_path / "r.jsonl", verdict("chat.response_id"), untold, target("other/new"))
    told = call(*(file if word == "FILE" else word for word in words))
    assert told.exit_code == 2
    assert message in told.output
