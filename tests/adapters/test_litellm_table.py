"""The whole table of parameters: measured anew it is the one in the docs, by either way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
from real_adapters import absent

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "litellm-parameters.md"
ROWS: Final = 18
"""How many providers the table of the user has at least."""

Json = dict[str, Any]
Measure = Callable[..., list[Json]]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    for package in ("litellm", "google.auth"):
        if not find_spec(package.partition(".")[0]):
            absent(f"{package} is not installed")
    version = metadata.version("litellm")
    if f"LiteLLM SDK {version}\n" not in PAGE.read_text("utf-8"):
        absent(f"{PAGE.name} is of another LiteLLM than {version}: measure it again")


@pytest.fixture(scope="module")
def measure(tmp_path_factory: pytest.TempPathFactory) -> Measure:
    """Runs ``conformance params`` over everything, and gives its lines."""

    def lines(*options: str) -> list[Json]:
        folder = tmp_path_factory.mktemp("table")
        where = ["--json", str(folder / "x.jsonl"), "--md", str(folder / "x.md")]
        # A process each: what one leaves behind in LiteLLM is not the other's.
        code = "from conformance.cli import main; main()"
        command = [sys.executable, "-c", code, "params", "--adapter", "litellm", *where, *options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # our own command
        assert done.returncode == 0, done.stderr
        (folder / "x.md").replace(folder.parent / "last.md")
        return [json.loads(one) for one in (folder / "x.jsonl").read_text("utf-8").splitlines()]

    return lines


@pytest.fixture(scope="module")
def table(measure: Measure) -> list[Json]:
    return [line for line in measure() if line["type"] == "param"]


def test_it_is_the_one_in_the_docs(
    table: list[Json], tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert table
    made = (tmp_path_factory.getbasetemp() / "last.md").read_text("utf-8")
    again = "conformance params --adapter litellm --md docs/litellm-parameters.md"
    assert made == PAGE.read_text("utf-8"), again


def test_it_has_every_row_column_and_mode(table: list[Json], seeds: Path) -> None:
    document = next(p for p in seeds.glob("004*")).read_text("utf-8")
    heading = next(line for line in document.splitlines() if line.startswith("| Provider |"))
    columns = {name.strip() for name in heading.split("|")} - {"", "Provider"}
    asked = {(line["target"], line["dropping"]) for line in table}
    targets = {target for target, _ in asked}
    assert len(columns) == ROWS <= len({target.partition("/")[0] for target in targets})
    for target, dropping in asked:
        measured = {
            line["param"]
            for line in table
            if (line["target"], line["dropping"]) == (target, dropping)
        }
        assert columns <= measured, target
    assert {dropping for _, dropping in asked} == {"off", "on"}


def test_led_to_a_server_it_fares_the_same(measure: Measure, table: list[Json]) -> None:
    """But for what the adapter makes depend on the address it is led to."""
    served = [line for line in measure("--served") if line["type"] == "param"]
    differ = {
        (line["target"], line["param"], other["disposition"])
        for line, other in zip(table, served, strict=True)
        if line["disposition"] != other["disposition"]
    }
    page = (ROOT / "docs" / "adapters.md").read_text("utf-8")
    section = page.partition("## Where the two ways differ")[2].partition("\n## ")[0]
    listed = {
        tuple(cell.strip().strip("`") for cell in line.strip("|").split("|"))
        for line in section.splitlines()
        if line.startswith("| `litellm:")
    }
    assert differ == listed
