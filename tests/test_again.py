"""The commands that pages print ask what a finding rests on, and nothing else."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from results_lines import made, target, verdict

from conformance.cli.choosing import choose
from conformance.report.again import again
from conformance.results.rows import Row

LIVE = "conformance run --live --base-url https://api.acme.example/v1 --model large"


def command(line: dict[str, Any] | None = None, mode: str = "live", **changed: Any) -> str | None:
    """The command for a target, and for a verdict of it where there is one."""
    row = _row(line or verdict(), **changed)
    return again(row, mode, row.results["chat", line["check"]].example if line else None)


def _row(line: dict[str, Any], **changed: Any) -> Row:
    name = str(line["target"])
    about = line | {"capabilities": {"chat": 1}}
    return made([target(name, **changed), about]).rows[name]


def test_a_known_address_needs_no_file() -> None:
    assert command() == f"{LIVE} --api-key-env ACME_KEY"
    assert command(key="") == LIVE
    at = {"base_url": "http://127.0.0.1:8931/v1", "key": ""}
    told = command(verdict(name="127.0.0.1:8931/tiny"), **at)
    assert told == (
        "conformance run --live --base-url http://127.0.0.1:8931/v1 --model tiny "
        "--only chat.response_id --only chat.basic"
    )


def test_through_an_adapter_or_without_an_address_it_is_named() -> None:
    assert command(verdict(name="gate:acme/large"), "adapter") == (
        "conformance run --adapter gate acme/large --only chat.response_id --only chat.basic"
    )
    assert command(base_url="") == "conformance run acme/large"


def test_it_asks_the_probe_that_showed_it_and_judges_the_check() -> None:
    broken = verdict("chat.request_unknown_role_400", probe="errors.unknown_role")
    words = shlex.split(command(broken) or "")
    only = [word for flag, word in pairwise(words) if flag == "--only"]
    choice = choose((), only=only, base_url="https://api.acme.example/v1", model="large")
    assert [probe.id for probe in choice.probes] == ["errors.unknown_role"]
    assert [check.id for check in choice.checks] == ["chat.request_unknown_role_400"]


def test_a_check_that_is_judged_only_where_it_is_asked_for_is_asked_for() -> None:
    assert (command(verdict("chat.response_id", level="may")) or "").endswith(" --level may")


@pytest.mark.parametrize("probe", [None, "*", "no.such", "--json=x"])
def test_without_a_probe_that_is_known_all_are_asked(probe: str | None) -> None:
    told = command(verdict(probe=probe))
    assert told == f"{LIVE} --api-key-env ACME_KEY --only chat.response_id"


@pytest.mark.parametrize(
    ("line", "mode", "changed"),
    [
        (verdict(), "audit", {}),
        (verdict("later.check"), "live", {}),
        (verdict(name="acme/-"), "live", {}),
        (verdict(name="acme/" + "x" * 400), "live", {}),
        (verdict(name="acme/\x1b[31m"), "live", {}),
        (verdict(name="acme/\ud800"), "live", {}),
        (verdict(name="--json=/tmp/x/y"), "live", {"base_url": ""}),
        (verdict(name="gate:--json=/tmp/x"), "adapter", {}),
    ],
)
def test_there_is_none_where_nobody_could_type_it(
    line: dict[str, Any], mode: str, changed: dict[str, Any]
) -> None:
    assert command(line, mode, **changed) is None


def test_a_shell_takes_no_part_of_a_name_for_more_than_a_name(tmp_path: Path) -> None:
    told = command(verdict(name=f"acme/$(touch {tmp_path}/x)`;&"))
    assert told
    assert f"$(touch {tmp_path}/x)`;&" in shlex.split(told)
