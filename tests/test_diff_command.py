"""``conformance diff``: what it prints, writes and exits with."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import results_lines as lines
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from conformance.cli import main

SCHEMA = Path(__file__).parent.parent / "schemas" / "report" / "changes-1.json"
EARLIER, LATER = "2026-11-27T03:00:00+00:00", "2026-11-28T03:00:00+00:00"
HELD, BROKEN = lines.verdict(), lines.verdict(outcome="fail")
Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, ["diff", *words], catch_exceptions=False)


def wrote(
    name: str,
    made: Iterable[lines.Line],
    started: str = LATER,
    *,
    ended: bool = True,
    **changed: Any,
) -> str:
    """A results file; what is said of its run may be changed."""
    end = [lines.end()] if ended else []
    texts = [json.dumps(line) for line in (lines.run(started) | changed, *made, *end)]
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = ("\n".join(texts) + "\n").encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return name


def pair(old: Iterable[lines.Line], new: Iterable[lines.Line]) -> tuple[str, str]:
    return wrote("old.jsonl", old, EARLIER), wrote("new.jsonl", new)


def page(call: Call, *words: str) -> str:
    call(*words, "--md", "page.md")
    return Path("page.md").read_text(encoding="utf-8")


def data(call: Call, *words: str) -> dict[str, Any]:
    """The JSON object, which keeps to its schema."""
    call(*words, "--json", "data.json")
    found: dict[str, Any] = json.loads(Path("data.json").read_text(encoding="utf-8"))
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(found)
    return found


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_a_file_and_itself_have_nothing_to_tell(call: Call) -> None:
    made = wrote("a.jsonl", [HELD, lines.verdict("a.b", "fail", known="slow"), lines.param()])
    done = call(made, made)
    assert done.exit_code == 0
    assert "Nothing changed. 2 rules and 1 parameter at 1 target compared" in done.output
    assert "unchanged failures: 1 (1 known)" in done.output


def test_a_new_failure_is_told_and_fails(call: Call) -> None:
    done = call(*pair([HELD], [BROKEN]))
    assert done.exit_code == 1
    assert "New failures: 1 rule, 1 cause" in done.output
    assert "MUST   acme id: wanted a non-empty string id, got missing" in done.output
    assert "chat.response_id at acme/large (chat.basic); pass → fail" in done.output
    assert "1 new MUST failure." in done.output


def test_models_of_a_provider_are_in_one_line(call: Call) -> None:
    names = [f"acme/{number}" for number in range(30)]
    old = [lines.verdict(name=name) for name in names]
    new = [lines.verdict(outcome="fail", name=name) for name in names]
    done = call(*pair(old, new))
    assert "New failures: 30 rules, 1 cause" in done.output
    assert "chat.response_id at acme/0 and 29 more targets" in done.output


@pytest.mark.parametrize(
    ("level", "known", "codes"),
    [
        ("must", None, {"news": 1, "must": 1, "should": 1, "never": 0}),
        ("must", "slow", {"news": 0, "must": 1, "should": 1, "never": 0}),
        ("should", None, {"news": 0, "must": 0, "should": 1, "never": 0}),
        ("may", None, {"news": 0, "must": 0, "should": 0, "never": 0}),
    ],
)
def test_what_fails_is_said(
    call: Call, level: str, known: str | None, codes: dict[str, int]
) -> None:
    new = lines.verdict(outcome="fail", level=level, known=known)
    files = pair([HELD | {"level": level}], [new])
    assert {name: call(*files, "--fail-on", name).exit_code for name in codes} == codes


def test_a_known_failure_is_listed_with_its_reason(call: Call) -> None:
    done = call(*pair([HELD], [lines.verdict(outcome="fail", known="it is slow")]))
    assert done.exit_code == 0
    assert "1 new MUST failure (1 known)" in done.output
    assert "known: it is slow" in done.output


def test_failures_nobody_knew_of_come_first(call: Call) -> None:
    old = [lines.verdict("a.a"), lines.verdict("a.b", level="should")]
    new = [
        lines.verdict("a.a", "fail", "x", known="slow"),
        lines.verdict("a.b", "fail", "y", level="should", exchange="another"),
    ]
    output = call(*pair(old, new)).output
    assert output.index("acme y") < output.index("acme x")


def test_what_is_known_of_one_cause_is_counted(call: Call) -> None:
    names = ("acme/a", "acme/b")
    new = [
        lines.verdict(outcome="fail", name=name, known=known)
        for name, known in zip(names, ("slow", None), strict=True)
    ]
    output = call(*pair([lines.verdict(name=name) for name in names], new)).output
    assert "pass → fail; 1 of 2 known: slow" in output


def test_how_often_a_rule_is_broken_is_said_unless_it_always_is(call: Call) -> None:
    old = [lines.verdict("a.a"), lines.verdict("a.b")]
    new = [
        lines.verdict("a.a", "fail", exchange="another"),
        lines.verdict("a.a"),
        lines.verdict("a.b", "fail", got="null"),
    ]
    output = call(*pair(old, new)).output
    assert "pass → fail (1 of 2)\n" in output
    assert "pass → fail\n" in output


def test_newly_covered_failures_are_counted_by_themselves(call: Call) -> None:
    old = [lines.verdict("a.a"), lines.verdict("a.b", "inconclusive"), lines.verdict("a.c")]
    new = [lines.verdict("a.a", "fail"), lines.verdict("a.b", "fail"), lines.verdict("a.c")]
    done = call(*pair(old, new))
    assert "1 new MUST failure, 1 MUST rule newly covered and broken." in done.output
    assert done.exit_code == 1


def test_a_failure_without_a_place_says_so(call: Call) -> None:
    output = call(*pair([HELD], [lines.verdict(outcome="fail", findings=[])])).output
    assert "acme broke a rule, and its results file does not say where" in output


def test_many_entries_are_counted_and_not_listed(call: Call) -> None:
    names = [f"p{number}/m" for number in range(50)]
    files = pair(
        [lines.verdict(name=n) for n in names],
        [lines.verdict(outcome="fail", name=n) for n in names],
    )
    output = call(*files).output
    assert "  and 10 more: see --json" in output
    assert output.count("MUST   ") == 40
    assert "- and 30 more: see the JSON file" in page(call, *files)


def test_targets_with_most_rules_come_first(call: Call) -> None:
    old = [lines.verdict("a.a"), lines.verdict("a.a", name="acme/zzz")]
    new = [
        *old,
        lines.verdict("a.b"),
        *(lines.verdict(f"b.{n}", name="acme/zzz") for n in range(3)),
    ]
    output = call(*pair(old, new)).output
    assert output.index("acme/zzz: 3 rules") < output.index("acme/large: 1 rule")


def test_what_an_adapter_drops_as_told_is_marked(call: Call) -> None:
    old, new = (lines.param(disposition=d, dropping="on") for d in ("dropped", "lost"))
    files = pair([HELD, old], [HELD, new])
    assert "stop at acme/large, told to drop: dropped → lost" in call(*files).output
    assert data(call, *files)["parameters"][0]["dropping"] == "on"


def test_parameters_alone_can_be_compared(call: Call) -> None:
    made = wrote("a.jsonl", [lines.param()])
    assert call(made, made).exit_code == 0


def test_fixed_is_good_news(call: Call) -> None:
    done = call(*pair([BROKEN], [HELD]))
    assert done.exit_code == 0
    assert "Fixed: 1 rule, 1 cause" in done.output
    assert "no new failure, 1 fixed." in done.output


def test_each_kind_of_news_has_its_section(call: Call) -> None:
    old = [
        lines.verdict("a.flaky"),
        lines.verdict("a.steady", "flaky"),
        lines.verdict("a.worse"),
        lines.verdict("a.better", "lenient"),
        lines.verdict("a.covered", "inconclusive"),
        lines.verdict("a.broken", "inconclusive"),
        lines.verdict("a.gone", "fail"),
        lines.param(),
        lines.verdict(name="acme/gone"),
    ]
    new = [
        lines.verdict("a.flaky", "flaky"),
        lines.verdict("a.steady"),
        lines.verdict("a.worse", "rejected"),
        lines.verdict("a.better"),
        lines.verdict("a.covered"),
        lines.verdict("a.broken", "fail"),
        lines.verdict("a.gone", "inconclusive", reason="it was busy"),
        lines.param(disposition="ignored"),
        lines.verdict(outcome="fail", name="acme/new"),
    ]
    told = [line.strip() for line in call(*pair(old, new)).output.splitlines()]
    for line in (
        "Newly covered, and broken: 1 rule, 1 cause",
        "Became flaky: 1 rule, 1 cause",
        "No longer flaky: 1 rule, 1 cause",
        "MUST   a.worse at acme/large: pass → rejected",
        "MUST   a.better at acme/large: lenient → pass",
        "acme/large: 1 rule, such as a.covered",
        "acme/large: 1 rule, 1 of them broken before; 1: it was busy",
        "stop at acme/large: honoured → ignored",
        "Targets that are gone: 1",
        "acme/gone",
        "Targets that are new, with nothing to compare: 1",
        "acme/new: 1 of 1 rule broken",
    ):
        assert line in told


def test_what_may_explain_changes_is_said(call: Call) -> None:
    old = wrote("old.jsonl", [HELD], EARLIER, tool="conformance 0.0.9", revision="2026-01-01")
    new = wrote("new.jsonl", [HELD], "2026-11-01T00:00:00+00:00", mode="replay")
    output = call(old, new).output
    assert (
        "Another tool, which may explain changes: conformance 0.0.9 → conformance 0.1.0" in output
    )
    assert "Another revision of the API, which may explain changes: 2026-01-01" in output
    assert "Another mode, which may explain changes: live → replay" in output
    assert "OLD began after NEW" in output


def test_problems_of_the_new_run_are_said(call: Call) -> None:
    problem = {"type": "problem", "message": "acme/large::chat.basic: no answer"}
    output = call(*pair([HELD], [HELD, problem])).output
    assert "NEW had 1 problem" in output
    assert "acme/large::chat.basic: no answer" in output


def test_an_incomplete_new_run_is_told_and_refused(call: Call) -> None:
    old = wrote("old.jsonl", [HELD, lines.verdict("a.b"), lines.verdict(name="acme/b")], EARLIER)
    new = wrote("new.jsonl", [BROKEN], ended=False)
    done = call(old, new, "--md", "page.md")
    assert done.exit_code == 2
    assert "NEW is incomplete" in done.output
    assert "new.jsonl: incomplete" in done.output
    assert "Told in one run only, and not counted: 1 rule." in done.output
    assert "New failures: 1 rule" in done.output
    assert "No longer told" not in done.output
    assert "gone" not in done.output
    assert "New failures" in Path("page.md").read_text(encoding="utf-8")


def test_nothing_new_in_an_incomplete_run_is_not_all(call: Call) -> None:
    old = wrote("old.jsonl", [HELD, lines.verdict(name="acme/b")], EARLIER)
    done = call(old, wrote("new.jsonl", [HELD], ended=False))
    assert done.exit_code == 2
    assert "Nothing changed as far as NEW goes, which is incomplete." in done.output


def test_an_incomplete_old_run_is_said_and_used(call: Call) -> None:
    old = wrote("old.jsonl", [HELD], EARLIER, ended=False)
    done = call(old, wrote("new.jsonl", [BROKEN]))
    assert done.exit_code == 1
    assert "OLD is incomplete" in done.output


@pytest.mark.parametrize(
    "old",
    [
        [lines.verdict(name="zeta/large")],
        [lines.target()],
        [lines.verdict(outcome="inconclusive")],
        [lines.param(disposition="unknown")],
        [],
    ],
)
def test_nothing_compared_is_no_success(call: Call, old: list[lines.Line]) -> None:
    files = pair(old, [HELD, lines.param()])
    done = call(*files)
    assert done.exit_code == 2
    assert "nothing compared" in done.output
    assert page(call, *files).startswith("**Nothing was compared.** 0 rules at")


@pytest.mark.parametrize("name", ["old.jsonl", "old.jsonl.gz"])
def test_a_file_may_be_gzipped(call: Call, name: str) -> None:
    assert call(wrote(name, [HELD], EARLIER), wrote("new.jsonl.gz", [BROKEN])).exit_code == 1


def test_of_a_folder_the_newest_before_the_new_run_counts(call: Call) -> None:
    wrote("old/1.jsonl", [BROKEN], "2026-11-01T00:00:00+00:00")
    wrote("old/2.jsonl", [HELD], "2026-11-02T00:00:00+00:00")
    wrote("old/3.jsonl", [BROKEN], "2026-12-24T00:00:00+00:00")
    new = wrote("old/4.jsonl", [BROKEN])
    done = call("old", new)
    assert done.exit_code == 1
    assert "old/2.jsonl" in done.output


def test_a_folder_and_itself_are_its_newest_run_and_the_one_before(call: Call) -> None:
    wrote("all/1.jsonl", [HELD], EARLIER)
    wrote("all/2.jsonl", [BROKEN])
    assert call("all", "all").exit_code == 1


def test_of_a_folder_a_complete_run_goes_before_one_that_is_not(call: Call) -> None:
    wrote("old/1.jsonl", [HELD], "2026-11-01T00:00:00+00:00")
    wrote("old/2.jsonl", [BROKEN], EARLIER, ended=False)
    assert call("old", wrote("new.jsonl", [BROKEN])).exit_code == 1


def test_two_runs_of_different_targets_are_not_compared(call: Call) -> None:
    done = call(*pair([HELD], [lines.verdict(name="zeta/large")]))
    assert done.exit_code == 2
    assert "OLD and NEW have no target in common" in done.output


def test_a_folder_with_nothing_older_is_refused(call: Call) -> None:
    wrote("all/1.jsonl", [HELD])
    done = call("all", "all")
    assert done.exit_code == 2
    assert "all: no run in it began before the new one" in done.output


def test_a_folder_may_hold_parts(call: Call) -> None:
    wrote("new/a.jsonl", [BROKEN])
    wrote("new/b.jsonl", [lines.verdict(outcome="fail", name="zeta/b")], EARLIER)
    old = wrote("old.jsonl", [HELD, lines.verdict(name="zeta/b")], "2026-11-01T00:00:00+00:00")
    assert "2 rules at 2 targets compared" in call(old, "new").output


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("gone.jsonl", None, "gone.jsonl is not there; write results with: conformance run"),
        ("bad.jsonl", "{\n", "bad.jsonl:1: no line of a results file"),
        ("bad.jsonl", '{"type": "end"}', "bad.jsonl: no results file"),
        ("bad.jsonl.gz", "no gzip", "bad.jsonl.gz: "),
        ("empty/x.txt", "", "empty: no results files in it"),
    ],
)
def test_what_cannot_be_used_is_named(call: Call, name: str, text: str | None, said: str) -> None:
    good = wrote("good.jsonl", [HELD])
    if text is not None:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    bad = "empty" if name.startswith("empty") else name
    for files in ((bad, good), (good, bad)):
        done = call(*files)
        assert done.exit_code == 2
        assert said in done.output


def test_nothing_is_written_over_what_was_read(call: Call) -> None:
    files = pair([HELD], [HELD])
    before = Path("new.jsonl").read_text(encoding="utf-8")
    assert call(*files, "--json", "new.jsonl").exit_code == 2
    assert call(*files, "--json", "x", "--md", "x").exit_code == 2
    assert Path("new.jsonl").read_text(encoding="utf-8") == before


def test_the_page_begins_with_the_result(call: Call) -> None:
    told = page(call, *pair([HELD], [BROKEN])).splitlines()
    assert told[0].startswith("**1 new MUST failure.** 1 rule at 1 target compared")
    assert told[2] == "### New failures: 1 rule, 1 cause"
    assert told[4].startswith(
        "- **MUST** `acme` `id`: wanted `a non-empty string id`, got `missing`"
    )


def test_the_page_fits_a_comment(call: Call) -> None:
    wide = "|" * 300
    numbers = range(200)
    old = [lines.verdict(f"a.{n}", name=f"p{n}/{wide}") for n in numbers]
    new = [
        lines.verdict(f"a.{n}", "fail", f"{wide}.{n}", wide, wide, name=f"p{n}/{wide}", known=wide)
        for n in numbers
    ]
    gone = [lines.verdict(name=f"gone/{n}{wide}") for n in numbers]
    params = [lines.param(f"{n}{wide}", target=f"p1/{wide}") for n in numbers]
    turned = [param | {"disposition": "ignored"} for param in params]
    told = page(call, *pair([*old, *gone, *params], [*new, *turned]))
    assert len(told) < 60_000
    assert len(told.encode()) < 65_536
    assert "### New failures: 200 rules, 200 causes" in told
    assert re.search(r"- and \d+ more: see the JSON file", told)
    assert told.rstrip().splitlines()[-1].startswith("to `new.jsonl`")


def test_the_object_has_all_of_it(call: Call) -> None:
    old = [HELD, lines.verdict("a.b", "fail"), lines.param()]
    new = [BROKEN, lines.verdict("a.b"), lines.param(disposition="ignored")]
    found = data(call, *pair(old, new))
    assert found["compared"] == {"targets": 1, "rules": 2, "parameters": 1}
    assert [(change["kind"], change["check"]) for change in found["changes"]] == [
        ("new", "chat.response_id"),
        ("fixed", "a.b"),
    ]
    assert [found["causes"][change["cause"]]["kind"] for change in found["changes"]] == [
        "new",
        "fixed",
    ]
    assert found["parameters"][0]["after"] == "ignored"
    assert found["old"]["started"] == EARLIER


HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1)) https://evil.example @octocat #1",
    "a | b\n| --- |\n# big\r\n- [ ] x",
    "\x1b[31mred\x1b[0m\x00\x07",
    "\u202egpj.exe\u2066\u200f",
    "\ud800 lone",
    "``` `` ` \\| <!-- -->",
    "x" * 400_000,
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_strangers_text_stays_text(call: Call, text: str) -> None:
    name = f"acme/{text}"
    known = {"known": text, "probe": text, "exchange": text, "name": name}
    old = [
        lines.verdict("a.b", name=name),
        lines.verdict("a.c", name=name),
        lines.param(text, target=name),
        lines.verdict(name=f"gone/{text}"),
    ]
    new = [
        lines.verdict("a.b", "fail", text, text, text, **known),
        lines.verdict("a.c", "inconclusive", name=name, reason=text),
        lines.param(text, "ignored", target=name, evidence=text),
        lines.verdict(name=f"new/{text}"),
        {"type": "problem", "message": text},
    ]
    files = wrote("old.jsonl", old, EARLIER, tool=text), wrote("new.jsonl", new, mode=text)
    output = call(*files).output
    told = page(call, *files)
    found = data(call, *files)
    for shown in (output, told):
        assert len(shown) < 10_000
        assert not [c for c in shown if c != "\n" and not c.isprintable()]
    for outside in re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", told).split("\n"):
        assert not re.search(r"[@#<]\w|javascript|https|\| ---|^# ", outside.replace("<br>", ""))
    assert len(found["changes"]) == 2
    assert len(json.dumps(found)) < 50_000
