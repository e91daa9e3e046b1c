"""How much of the researched rulebook the checks decide, and that the rest is accounted for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.registry import checks

LEFT_OUT = Path(__file__).parent.parent / "docs" / "left-out.md"

Rule = dict[str, Any]


@pytest.fixture(scope="module")
def rules(rulebook: Path) -> list[Rule]:
    text = (rulebook / "rules.yaml").read_text(encoding="utf-8")
    found: list[Rule] = yaml.load(text, Loader=yaml.CSafeLoader)["rules"]
    return found


def check_of(rule: str) -> str:
    """The id of the check that is named after a rule."""
    suite, _, name = rule.partition(".")
    return f"{suite}.{name.replace('.', '_')}"


def decided(rule: Rule) -> bool:
    covered = {name for check in checks().values() for name in check.covers}
    return check_of(rule["id"]) in checks() or rule["id"] in covered


@pytest.mark.parametrize(
    ("kind", "level", "share"),
    [("exchange", "MUST", 0.9), ("exchange", "SHOULD", 0.6), ("set", "MUST", 0.7)],
)
def test_enough_rules_are_decided(rules: list[Rule], kind: str, level: str, share: float) -> None:
    asked = [rule for rule in rules if (rule["kind"], rule["level"]) == (kind, level)]
    assert sum(map(decided, asked)) >= share * len(asked)


def test_a_rule_that_is_not_decided_is_listed_with_a_reason(rules: list[Rule]) -> None:
    listed = set(
        re.findall(r"^\| `([a-z0-9_.]+)` \| .*\w.* \|$", LEFT_OUT.read_text(), re.MULTILINE)
    )
    asked = [rule for rule in rules if rule["kind"] in ("exchange", "set", "wire")]
    missing = {rule["id"] for rule in asked if not decided(rule)}
    assert listed == missing


def test_a_rule_for_probes_that_is_not_decided_is_listed_with_a_reason(rules: list[Rule]) -> None:
    section = LEFT_OUT.read_text().partition("## Rules about requests made for them")[2]
    listed = re.findall(r"^- `([a-z0-9_.]+)`: .*\w.*$", section.partition("\n## ")[0], re.MULTILINE)
    asked = [rule for rule in rules if rule["kind"] == "probe"]
    assert listed == sorted(rule["id"] for rule in asked if not decided(rule))


def test_what_a_check_covers_is_a_rule(rules: list[Rule]) -> None:
    known = {rule["id"] for rule in rules}
    assert {name for check in checks().values() for name in check.covers} <= known


def test_no_check_is_stricter_than_its_rule(rules: list[Rule]) -> None:
    order = ["must", "should", "may"]
    for rule in rules:
        check = checks().get(check_of(rule["id"]))
        if check:
            assert order.index(check.level) >= order.index(rule["level"].lower()), check.id
