"""The worked example of a user's own adapter: what is found, known, and said of it in the docs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from gate_changes import OTHER_FATES

EXAMPLE: Final = Path(__file__).parent / "example_adapter"
DOCS: Final = Path(__file__).parent.parent / "docs/adapters.md"
KINDS: Final = ("python", "toml")
TARGET: Final = "anthropic/claude-haiku-4-5"
RUN: Final = ("run", "--adapter", "our_adapter")
FAULTS: Final = {
    ("adapter.param_forwarded", "must", "fail"),  # user, and a format that is no schema
    ("stream.usage_absent_when_off", "should", "fail"),
    ("structured.json_object_parses", "must", "ignored"),
    ("structured.json_schema_name_required", "should", "fail"),
    ("structured.unknown_type_400", "should", "fail"),
    ("tools.choice_without_tools_400", "should", "fail"),
}
"""The check, its level and the outcome of each fault of the adapter."""
LOST: Final = {"user", "response_format"}
REFUSED: Final = {
    *("frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "metadata"),
    *("modalities", "n", "no_such_parameter", "prediction", "presence_penalty", "prompt_cache_key"),
    *("reasoning_effort", "safety_identifier", "seed", "service_tier", "store", "top_k"),
    *("top_logprobs", "verbosity", "web_search_options"),
}
DELIVERED: Final = {
    "forwarded": {"temperature", "max_tokens", "top_p", "stream"},
    "renamed": {"max_completion_tokens", "stop"},
    "translated": {"tools", "tool_choice", "parallel_tool_calls", "stream_options"},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, in which it was run once, a baseline written, and run again."""
    folder = tmp_path_factory.mktemp("example") / "project"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    conformance(folder, "first", *RUN, "--json", "first.jsonl")
    conformance(folder, "wrote", "baseline", "update", "our_adapter")
    conformance(folder, "second", *RUN, "--json", "second.jsonl")
    return folder


def conformance(folder: Path, name: str, *words: str) -> None:
    """Run the command as a shell would, without a key; its output and exit code are kept."""
    made = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", "from conformance.cli import main; main()", *words],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    (folder / f"{name}.txt").write_text(f"{made.stdout}\nexit code {made.returncode}\n", "utf-8")


def failures(results: Path) -> list[dict[str, Any]]:
    """The verdicts about what is held against an adapter."""
    lines = map(json.loads, results.read_text("utf-8").splitlines())
    return [one for one in lines if one.get("findings") and one["outcome"] != "lenient"]


def told(results: Path) -> list[dict[str, Any]]:
    """What results say; the answers that are shown as evidence bear the time."""
    lines = map(json.loads, results.read_text("utf-8").splitlines())
    return [one for one in lines if one["type"] not in {"run", "evidence"}]


def test_the_first_run_finds_the_faults_and_nothing_else(project: Path) -> None:
    found = failures(project / "first.jsonl")
    assert {(one["check"], one["level"], one["outcome"]) for one in found} == FAULTS
    assert {(one["target"], one["blame"], one["known"]) for one in found} == {
        (f"our_adapter:{TARGET}", "adapter", None)
    }
    assert "exit code 1" in (project / "first.txt").read_text("utf-8")


def test_it_finds_what_became_of_each_parameter(project: Path) -> None:
    table = tomllib.loads((project / "baselines/our_adapter.toml").read_text("utf-8"))
    cells = table["parameters"][TARGET]
    by_fate: dict[str, set[str]] = {}
    for parameter, cell in cells.items():
        fates = re.findall(r"(?:^|\| dropping: )(\w+):", cell)
        by_fate.setdefault(" | ".join(fates), set()).add(parameter)
    assert by_fate == {
        **DELIVERED,
        "sent_by_default": {"no_parameter"},
        "lost | dropped": LOST,
        "raised | dropped": REFUSED,
    }


def test_with_its_baseline_it_is_green(project: Path) -> None:
    found = failures(project / "second.jsonl")
    assert {(one["check"], one["level"], one["outcome"]) for one in found} == FAULTS
    assert all(one["known"] for one in found)
    assert "exit code 0" in (project / "second.txt").read_text("utf-8")


def test_led_to_a_server_it_fares_the_same(project: Path) -> None:
    conformance(project, "served", *RUN, "--served", "--json", "served.jsonl")
    made = [told(project / f"{name}.jsonl") for name in ("second", "served")]
    assert made[0] == made[1]
    assert len(made[0]) > 100


def blocks(language: str) -> list[str]:
    """The blocks of the docs' worked example that are in this language."""
    section = DOCS.read_text("utf-8").partition("## A worked example\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


def test_the_docs_show_the_file_as_it_is() -> None:
    assert blocks("toml") == [(EXAMPLE / "adapters/our_adapter.toml").read_text("utf-8")]


def test_the_docs_first_adapter_answers_whole_and_in_streams(tmp_path: Path) -> None:
    page = DOCS.read_text("utf-8").partition("## One of your own\n")[2]
    source, file = (page.partition(f"```{kind}\n")[2].partition("```")[0] for kind in KINDS)
    (tmp_path / "adapters").mkdir()
    (tmp_path / "our_gateway.py").write_text(source, "utf-8")
    (tmp_path / "adapters/our_gateway.toml").write_text(file, "utf-8")
    asking = [word for probe in ("chat.basic", "stream.basic") for word in ("--only", probe)]
    conformance(tmp_path, "docs", "run", "--adapter", "our_gateway", *asking, "--json", "d.jsonl")
    assert "exit code 0" in (tmp_path / "docs.txt").read_text("utf-8")
    checks = {one["check"] for one in told(tmp_path / "d.jsonl") if one.get("outcome") == "pass"}
    assert {"chat.response_id", "stream.chunk_id_constant"} <= checks


def test_the_docs_show_what_is_printed(project: Path) -> None:
    source = (EXAMPLE / "our_adapter.py").read_text("utf-8")
    for before, after in OTHER_FATES["temperature is lost"][0].items():
        source = source.replace(before, after)
    (project / "our_adapter.py").write_text(source, "utf-8")
    conformance(project, "third", *RUN)
    names = ("first", "wrote", "second", "third")
    printed = "".join((project / f"{name}.txt").read_text("utf-8") for name in names).splitlines()
    there = iter(printed)
    shown = [line for block in blocks("console") for line in block.splitlines()]
    said = [line for line in shown if line not in ("…", "green", "red") and line[:2] != "$ "]
    assert len(said) > 8
    assert [line for line in said if line not in there] == []
    assert [line for line in printed if line.startswith("exit code")] == [
        f"exit code {code}" for code in (1, 0, 0, 1)
    ]
