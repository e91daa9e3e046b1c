"""The layers stay apart: each part imports only what stands below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "conformance"
PURE = {"model", "jsontext", "sse", "schema", "mutate", "pictures"}
VIEWS = PURE | {"replies", "recognise", "registry"}
ASKING = {"model", "replies", "recognise", "targets", "probe", "pictures"}
RUNNING = VIEWS | {"engine", "expect", "probe", "routes", "runner", "samples", "targets", "traffic"}
MAY_IMPORT = {
    "model": set[str](),
    "jsontext": {"model"},
    "sse": {"model"},
    "schema": {"model"},
    "mutate": {"model"},
    "spelling": set[str](),
    "scrub": {"model", "spelling"},
    "pictures": set[str](),
    "cost": {"model", "jsontext"},
    "replies": PURE | {"replies"},
    "recognise": PURE | {"replies"},
    "registry": {"model", "mutate", "suites"},
    "dialects": PURE | {"replies", "recognise", "dialects", "targets"},
    "dispositions": {
        *("model", "jsontext", "recognise", "replies", "scrub"),
        *("dialects", "dispositions"),
    },
    "suites": VIEWS | {"suites", "dialects", "dispositions"},
    "blame": {"model", "recognise", "registry", "replies"},
    "targets": {"model"},
    "toml_file": {"targets"},
    "provider_file": {"model", "scrub", "targets", "toml_file"},
    "adapter_file": {"model", "scrub", "targets", "toml_file"},
    "probe": ASKING | {"probes"},
    "probes": ASKING | {"probes"},
    "traffic": {"model", "jsontext", "scrub", "spelling", "traffic"},
    "reference": {"model", "pictures", "reference"},
    "routes": {"model", "cost", "reference", "routes", "targets", "traffic"},
    "runner": ASKING | {"routes", "scrub"},
    "planning": RUNNING | {"cost"},
    "fuzz": ASKING | {"fuzz", "jsontext", "probes", "routes", "runner", "traffic"},
    "samples": {"model", "targets", "traffic"},
    "expect": {"model", "targets"},
    "capability": {"replies"},
    "engine": VIEWS | {"blame", "capability", "scrub"},
    "upstream": VIEWS | {"dialects", "reference", "serve", "targets", "traffic", "upstream"},
    "adapting": {"adapter_file", "adapting", "jsontext", "model", "routes", "targets", "upstream"},
    "baseline": {"learn", "model", "targets", "toml_file"},
    "proof": VIEWS | {"engine", "reference"},
    "serve": VIEWS | {"engine", "proof", "reference", "serve"},
    "answers": VIEWS | {"dispositions", "engine", "probes", "targets"},
    "results": {"model", "results", "schema", "scrub", "sse", "targets", "traffic"},
    "compare": {"capability", "compare", "model", "results"},
    "report": VIEWS
    | {"capability", "compare", "dispositions", "engine", "proof", "report", "results", "scrub"}
    | {"targets", "probe"},
    "learn": {"provider_file", "expect", "model", "report", "targets"},
    "account": {"answers", "capability", "model", "replies", "report", "results", "targets"},
    "session": RUNNING | {"account", "report", "results"},
    "gate": RUNNING | {"baseline", "dispositions", "learn", "session"},
}
DISK_AND_NETWORK = {"httpx", "socket", "urllib.request", "vcr", "requests"}
WORLDLY = {"traffic", "routes", "serve", "upstream", "adapting"}
FRONT_ENDS = {"click", "rich", "pytest"}
FRONT = {"cli", "plugin", "pytest_plugin", "__init__"}
"""What knows everything, and holds nothing."""


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def part(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [f for f in sorted(PACKAGE.rglob("*.py")) if part(f) not in FRONT]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_part_imports_only_what_is_below_it(file: Path) -> None:
    ours = {name.split(".")[1] for name in imported(file) if name.startswith("conformance.")}
    parts = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()}
    assert ours & parts <= MAY_IMPORT[part(file)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_only_the_edges_touch_the_world(file: Path) -> None:
    names = imported(file)
    if part(file) not in WORLDLY:
        assert not names & DISK_AND_NETWORK
    if part(file) != "report":
        assert not names & FRONT_ENDS
