"""SARIF: what code scanning is told of broken rules, and that it takes it whatever servers say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fetched_schemas import SARIF, fetched
from jsonschema import Draft4Validator
from results_lines import Line, end, made, run, target, verdict

from conformance.compare.grid import grid
from conformance.registry import checks
from conformance.report import sarif as module
from conformance.report.sarif import sarif
from conformance.results.reading import Run

ROOT = Path(__file__).parent.parent
CHECK = "chat.response_id"
BROKEN = verdict(outcome="fail")
HOSTILE = "<script>](javascript:alert(1)) ]\x00\x1b[31m\u202e\ud800 ../.. %2e%2e"


def log(*runs: Run) -> Any:
    (only,) = json.loads(sarif(grid(runs)))["runs"]
    return only


def results(*lines: Line, mode: str = "live") -> list[Any]:
    made_up = Run("results.jsonl")
    for line in (run(mode=mode), *lines, end()):
        made_up.add(line)
    found: list[Any] = log(made_up)["results"]
    return found


def uri(result: Any) -> str:
    (location,) = result["locations"]
    assert location["physicalLocation"]["region"] == {"startLine": 1}
    return str(location["physicalLocation"]["artifactLocation"]["uri"])


def test_a_broken_rule_is_a_result_with_target_place_and_values() -> None:
    (result,) = results(verdict(outcome="fail", at="choices[0].index", want="0", got='"a"'))
    assert (result["ruleId"], result["level"]) == (CHECK, "error")
    assert result["message"]["text"] == (
        f'acme/large: {checks()[CHECK].rule}\nchoices[0].index: wanted 0, got "a" (chat.basic)'
    )
    names = [one["name"] for one in result["locations"][0]["logicalLocations"]]
    assert names == ["acme/large", "acme/large::chat.basic#1", "choices[0].index"]
    assert result["properties"]["outcome"] == "fail"
    assert (result["properties"]["broken"], result["properties"]["told"]) == (1, 1)


@pytest.mark.parametrize(
    "outcome",
    ["pass", "lenient", "rejected", "rejected_badly", "inconclusive", "not_applicable", "error"],
)
def test_what_breaks_no_rule_is_no_result(outcome: str) -> None:
    assert results(verdict(outcome=outcome, at="id")) == []


def test_levels_are_those_of_the_rules() -> None:
    found = results(
        verdict("chat.a", "flaky"),
        verdict("chat.b", "ignored", level="should"),
        verdict("chat.c", "fail", level="may"),
    )
    assert [one["level"] for one in found] == ["error", "warning", "note"]


def test_a_known_failure_is_suppressed_with_its_reason_and_comes_last_of_its_level() -> None:
    known, news = results(
        verdict("chat.a", "fail", known="the engine cannot"), verdict("chat.b", "fail")
    )[::-1]
    assert known["suppressions"] == [{"kind": "external", "justification": "the engine cannot"}]
    assert "suppressions" not in news


def test_a_rule_explains_itself() -> None:
    (rule,) = log(made([BROKEN, verdict()]))["tool"]["driver"]["rules"]
    check = checks()[CHECK]
    assert (rule["id"], rule["shortDescription"]["text"]) == (CHECK, check.rule)
    assert check.why in rule["fullDescription"]["text"]
    assert check.spec in rule["help"]["text"]
    assert f"conformance explain {CHECK}" in rule["help"]["text"]
    assert rule["defaultConfiguration"] == {"level": "error"}


def test_each_result_finds_its_rule_by_its_index() -> None:
    lines = [
        verdict(f"chat.{name}", "fail", level=level)
        for name, level in (("z", "must"), ("a", "may"), ("m", "should"))
    ]
    found = log(made([*lines, verdict("chat.a", "fail", level="may", name="other/x")]))
    rules = found["tool"]["driver"]["rules"]
    assert [one["id"] for one in rules] == ["chat.a", "chat.m", "chat.z"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in found["results"])


@pytest.mark.parametrize(
    ("mode", "name", "exchange", "expected"),
    [
        (
            "replay",
            "acme/large",
            "acme/large::chat.basic#1",
            "cassettes/acme/large/chat.basic.yaml",
        ),
        ("replay", "a/l", "a/l::chat.basic@2#1", "cassettes/a/l/chat.basic@2.yaml"),
        ("replay", "acme/large", "transcribed-1", "providers/acme.toml"),
        ("live", "acme/large", "acme/large::chat.basic#1", "providers/acme.toml"),
        ("audit", "acme/large", "0f6d", "providers/acme.toml"),
        ("adapter", "litellm:acme/x", "litellm:acme/x::chat.basic#1", "baselines/litellm.toml"),
    ],
)
def test_a_result_points_at_a_file_that_stays(
    mode: str, name: str, exchange: str, expected: str
) -> None:
    (result,) = results(verdict(outcome="fail", name=name, exchange=exchange), mode=mode)
    assert uri(result) == expected


def test_our_own_cassettes_are_found() -> None:
    model = "meta-llama/Meta-Llama-3.1-8B-Instruct"
    provider = "portkey"
    folder = next((ROOT / "cassettes" / provider).iterdir())
    probe = next(folder.glob("*.yaml")).stem
    name = f"{provider}/{folder.name}"
    exchange = f"{name}::{probe}#1"
    (result,) = results(verdict(outcome="fail", name=name, exchange=exchange), mode="replay")
    assert (ROOT / uri(result)).is_file()
    (result,) = results(
        verdict(outcome="fail", name=f"lambda_chat/{model}", exchange=f"::{probe}#1"), mode="replay"
    )
    assert (ROOT / uri(result)).parent.is_dir()


@pytest.mark.parametrize("mode", ["replay", "live", "adapter"])
def test_no_name_leads_out_of_its_folder(mode: str) -> None:
    for provider in ("..", "../../etc", "/etc", "a:..", "a\\..\\b", HOSTILE):
        name = f"{provider}/../x"
        exchange = f"{name}::../../y#1"
        (result,) = results(verdict(outcome="fail", name=name, exchange=exchange), mode=mode)
        folder, *names = uri(result).split("/")
        assert folder in {"cassettes", "providers", "baselines"}
        assert names
        assert not {"", ".", ".."} & set(names)
        assert set("".join(names)) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-~@")


def test_fingerprints_stay_and_tell_targets_apart() -> None:
    (first,) = results(verdict(outcome="fail", at="choices[0].index"))
    (later,) = results(verdict(), verdict(outcome="fail", at="choices[7].index", got="9"))
    (other,) = results(verdict(outcome="fail", name="acme/small"))
    assert first["partialFingerprints"] == later["partialFingerprints"]
    for name in ("conformance/v1", "primaryLocationLineHash"):
        assert first["partialFingerprints"][name] != other["partialFingerprints"][name]
    assert uri(first) == uri(other)


def test_whose_fault_it_is_is_not_called_what_tools_take_for_a_commit() -> None:
    broken = verdict(outcome="fail", name="litellm:acme/x", blame="provider")
    (result,) = results(broken, mode="adapter")
    assert result["properties"]["fault"] == "provider"
    assert "blame" not in result["properties"]


def test_a_cassette_is_left_to_be_hashed_by_github() -> None:
    (result,) = results(BROKEN, mode="replay")
    assert list(result["partialFingerprints"]) == ["conformance/v1"]


def test_what_is_missing_is_told_by_the_invocation() -> None:
    whole = log(made([BROKEN]))["invocations"]
    assert whole == [{"executionSuccessful": True, "toolExecutionNotifications": []}]
    cut = Run("folder/results.jsonl")
    for line in (run(), {"type": "problem", "message": "no answer"}, verdict(outcome="error")):
        cut.add(line)
    (invocation,) = log(cut)["invocations"]
    assert invocation["executionSuccessful"] is False
    notes = [one["message"]["text"] for one in invocation["toolExecutionNotifications"]]
    assert notes[0].startswith("results.jsonl: it was interrupted")
    assert notes[1] == "results.jsonl: no answer"
    assert notes[2].startswith("acme/large: chat.response_id")


def test_many_problems_are_counted_not_listed() -> None:
    broken = made([BROKEN])
    broken.problems.extend(["no answer"] * 5000)
    notes = log(broken)["invocations"][0]["toolExecutionNotifications"]
    assert len(notes) == 101
    assert notes[-1]["message"]["text"] == "and 4,900 more"


def test_results_over_the_limit_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    levels = ("may", "must", "should", "must")
    lines = [verdict(f"chat.c{n}", "fail", level=level) for n, level in enumerate(levels)]
    found = log(made(lines))
    assert [one["ruleId"] for one in found["results"]] == ["chat.c1", "chat.c3"]
    assert len(found["tool"]["driver"]["rules"]) == 2
    (note,) = found["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("2 more broken rules are left out")


def hostile() -> Run:
    long = HOSTILE * 30_000
    return made(
        [
            target(HOSTILE, software=long),
            verdict(HOSTILE, "fail", at=long, want=long, got=long, name=HOSTILE, known=long),
            verdict(outcome="fail", name=HOSTILE, probe=None, exchange=None, findings=[]),
            *(verdict(outcome="fail", at=f"m{n}{long}", got=long) for n in range(40)),
            {"type": "problem", "message": long},
        ]
    )


def test_hostile_text_stays_text_and_short() -> None:
    text = sarif(grid([hostile()]))
    assert len(text) < 60_000
    assert text.isascii()
    found = log(hostile())
    said = [one["message"]["text"] for one in found["results"]]
    said += [
        one["message"]["text"] for one in found["invocations"][0]["toolExecutionNotifications"]
    ]
    assert not any("](" in one for one in said)
    assert not set("\x00\x1b\u202e\ud800") & set("".join(said))


def test_it_is_valid_by_the_schema_of_oasis(pytestconfig: pytest.Config) -> None:
    validator = Draft4Validator(json.loads(fetched(SARIF, pytestconfig)))
    mixed = made(
        [
            target(),
            BROKEN,
            verdict("chat.a", "fail", known="old", level="should"),
            verdict("chat.b", "flaky", blame="adapter", name="litellm:acme/x"),
            verdict("chat.c", "error", reason="the check failed"),
        ]
    )
    for runs in ([mixed], [hostile()], []):
        document = json.loads(sarif(grid(runs)))
        assert [error.message for error in validator.iter_errors(document)] == []
    assert list(validator.iter_errors({"version": "2.1.0"}))
