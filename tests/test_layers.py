"""The layers stay apart: each part imports only what stands below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "conformance"
PURE = {"model", "jsontext", "sse", "schema", "mutate"}
VIEWS = PURE | {"replies", "recognise", "registry"}
MAY_IMPORT = {
    "model": set[str](),
    "jsontext": {"model"},
    "sse": {"model"},
    "schema": {"model"},
    "mutate": {"model"},
    "scrub": {"model"},
    "replies": PURE | {"replies"},
    "recognise": PURE | {"replies"},
    "registry": {"model", "mutate", "suites"},
    "suites": VIEWS | {"suites"},
    "traffic": {"model", "jsontext", "traffic"},
    "reference": {"model", "reference"},
    "engine": VIEWS | {"scrub"},
    "proof": VIEWS | {"engine", "reference"},
    "report": VIEWS | {"engine", "proof", "report", "scrub"},
}
DISK_AND_NETWORK = {"httpx", "socket", "urllib.request", "vcr", "requests"}
FRONT_ENDS = {"click", "rich", "pytest"}


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


FILES = [f for f in sorted(PACKAGE.rglob("*.py")) if part(f) not in ("cli", "__init__")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_part_imports_only_what_is_below_it(file: Path) -> None:
    ours = {name.split(".")[1] for name in imported(file) if name.startswith("conformance.")}
    parts = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()}
    assert ours & parts <= MAY_IMPORT[part(file)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_only_the_edges_touch_the_world(file: Path) -> None:
    names = imported(file)
    if part(file) != "traffic":
        assert not names & DISK_AND_NETWORK
    if part(file) != "report":
        assert not names & FRONT_ENDS
