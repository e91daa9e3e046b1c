"""Changes made on purpose in the example adapter: each turns the gate red, and it says why."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result
from gate_changes import BROKEN_RULES, OTHER_FATES, Edits

from conformance import baseline
from conformance.adapter_file import read
from conformance.adapting import adapted
from conformance.cli import main
from conformance.engine import Audit, Checks
from conformance.expect import Expectations
from conformance.gate import PARAMETERS, Gate, plan_of
from conformance.probe import probes
from conformance.session import Session

EXAMPLE: Final = Path(__file__).parent / "example_adapter"
TARGET: Final = "our_adapter:anthropic/claude-haiku-4-5"
_numbers: Final = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the example with the baseline of it as it is; modules of changes come beside it."""
    copy = tmp_path_factory.mktemp("gate") / "example"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path, modules = sys.path[:], set(sys.modules)
    with chdir(copy):
        wrote = CliRunner().invoke(main, ["baseline", "update", "our_adapter"])
        assert wrote.exit_code == 0, wrote.output
        yield copy
    sys.path[:] = path
    for name in {name for name in sys.modules if name.startswith("our_adapter")} - modules:
        del sys.modules[name]


def changed(folder: Path, edits: Edits) -> Path:
    """The file of an adapter that differs from the example's in ``edits``, and nothing else."""
    module = f"our_adapter_{next(_numbers)}"
    source = (EXAMPLE / "our_adapter.py").read_text("utf-8")
    for before, after in edits.items():
        assert source.count(before) == 1, before
        source = source.replace(before, after)
    (folder / f"{module}.py").write_text(source, "utf-8")
    importlib.invalidate_caches()
    given = (EXAMPLE / "adapters/our_adapter.toml").read_text("utf-8")
    file = folder / module / "our_adapter.toml"
    file.parent.mkdir()
    file.write_text(given.replace("our_adapter:chat", f"{module}:chat"), "utf-8")
    return file


def run(file: Path, *options: str) -> tuple[Result, list[dict[str, Any]]]:
    """``conformance run`` through the adapter of ``file``, and its results."""
    lines = file.parent / "results.jsonl"
    told = ["--adapters", str(file.parent), "--json", str(lines), *options]
    result = CliRunner().invoke(main, ["run", "--adapter", "our_adapter", *told])
    return result, [json.loads(line) for line in lines.read_text("utf-8").splitlines()]


def told(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What results say; the answers that are shown as evidence bear the time."""
    return [one for one in lines if one["type"] not in {"run", "evidence"}]


def news_of(file: Path) -> list[str]:
    """What is news of parameters alone, through the adapter of ``file``."""
    adapter = read(file)
    gate = Gate(
        baseline.read(Path("baselines/our_adapter.toml")),
        Session(Audit(Checks(())), Expectations(adapter.targets), None),
    )
    asking = [one for one in probes().values() if one.suite == PARAMETERS]
    with adapted(adapter) as route:
        asyncio.run(gate.run(route, plan_of(adapter.targets, asking, drops=True), lambda _: None))
    assert not gate.session.problems
    return list(gate.news(adapter.targets, date(2026, 11, 28)))


def test_without_a_change_it_is_green_and_always_says_the_same(folder: Path) -> None:
    (first, before), (second, after) = run(changed(folder, {})), run(changed(folder, {}))
    assert first.exit_code == second.exit_code == 0, first.output
    assert told(before) == told(after)
    assert first.output == second.output
    assert not news_of(changed(folder, {}))


@pytest.mark.parametrize("name", BROKEN_RULES)
def test_a_rule_that_is_broken_is_news(folder: Path, name: str) -> None:
    edits, check, probe = BROKEN_RULES[name]
    result, lines = run(changed(folder, edits), "--only", check, "--only", probe)
    found = [one for one in lines if one.get("check") == check and one.get("findings")]
    assert found, f"{check} does not notice"
    assert {(one["target"], one["blame"], one["known"]) for one in found} == {
        (TARGET, "adapter", None)
    }
    assert f"{TARGET} {check}: the adapter's fault" in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize("name", OTHER_FATES)
def test_another_fate_of_a_parameter_is_news(folder: Path, name: str) -> None:
    edits, parameter, fate = OTHER_FATES[name]
    news = news_of(changed(folder, edits))
    about = f"anthropic/claude-haiku-4-5, {parameter}: was "
    told = [one.partition("; is ")[2] for one in news if one.startswith(about)]
    assert told, news
    assert fate in told[0]


def test_a_whole_run_compares_the_parameters_too(folder: Path) -> None:
    edits, parameter, fate = OTHER_FATES["temperature is lost"]
    result, lines = run(changed(folder, edits))
    news = [one["message"] for one in lines if one["type"] == "news"]
    assert sum(fate in one and f"{parameter}: was forwarded" in one for one in news) == 1
    assert result.exit_code == 1


QUICKLY = pytest.mark.parametrize(
    "words", [["--quick"], ["anthropic/*", "--only", "tools.*"]], ids=["quick", "in part"]
)


@QUICKLY
def test_a_run_in_part_tells_which_of_its_probes_are_no_longer_answered(
    folder: Path, words: list[str]
) -> None:
    # Whatever rules that breaks were broken before, by other probes.
    file = changed(folder, {'answer["tool_calls"] = calls': 'raise AdapterError("no calls", 500)'})
    _, lines = run(file, *words)
    failing = {(one["check"], one["outcome"]) for one in lines if one.get("findings")}
    known = "".join(
        f'\n[[known]]\ncheck = "{check}"\noutcome = "{outcome}"\nreason = "x"\n'
        for check, outcome in failing
    )
    excusing = file.parent / "baseline.toml"
    excusing.write_text(Path("baselines/our_adapter.toml").read_text("utf-8") + known, "utf-8")
    result, lines = run(file, *words, "--baseline", str(excusing))
    assert all(one["known"] for one in lines if one.get("findings"))
    news = [one["message"] for one in lines if one["type"] == "news"]
    assert news
    assert all("was answered well; is " in one and "500" in one for one in news), news
    assert result.exit_code == 1


@QUICKLY
def test_what_a_run_in_part_did_not_ask_is_no_news(folder: Path, words: list[str]) -> None:
    result, lines = run(changed(folder, {}), *words)
    assert not [one for one in lines if one["type"] == "news"]
    assert result.exit_code == 0, result.output


def test_a_quick_run_compares_the_parameters_too(folder: Path) -> None:
    edits, parameter, fate = OTHER_FATES["temperature is lost"]
    _, lines = run(changed(folder, edits), "--quick")
    news = [one["message"] for one in lines if one["type"] == "news"]
    assert [fate in one and f"{parameter}: was forwarded" in one for one in news] == [True]
