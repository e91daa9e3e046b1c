"""The example adapter as a server: what goes wrong over HTTP only is found there."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from gate_changes import Edits

from conformance.cli import main

EXAMPLE: Final = Path(__file__).parent / "example_adapter"
CHANGES: Final[dict[str, tuple[Edits, str, str]]] = {
    "every error is a 500": (
        {"self.answer(error.status_code,": "self.answer(500,"},
        "adapter.error_status_preserved",
        "adapter.refused",
    ),
    "Retry-After is no header": (
        {'{"retry-after": wait} if wait else {}': "{}"},
        "adapter.retry_after_preserved",
        "adapter.busy",
    ),
    "a stream has no end": (
        {'self.event("[DONE]")': "pass"},
        "stream.done_present",
        "stream.basic",
    ),
    "an error in a stream is an end": (
        {"self.event(json.dumps(told(str(error))))": 'self.event("[DONE]")'},
        "adapter.stream_error_reported",
        "adapter.stream_error",
    ),
}
"""What is changed, the rule that is broken by it, and the probe that shows it."""


def ran(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str
) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of ``conformance run`` through the gateway in ``folder``, and the failures."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OUR_ADAPTER", str(folder))
    python = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{python}{os.pathsep}{os.environ['PATH']}")
    told = ["--adapter", "our_gateway", "--json", "results.jsonl", *options]
    result = CliRunner().invoke(main, ["run", *told])
    lines = map(json.loads, (folder / "results.jsonl").read_text("utf-8").splitlines())
    return result.exit_code, [one for one in lines if one.get("findings")]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_what_speaks_http_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    edits, check, probe = CHANGES[name]
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    only = ("--only", check, "--only", probe)
    assert ran(folder, monkeypatch, *only) == (0, [])
    source = (folder / "our_gateway.py").read_text("utf-8")
    for before, after in edits.items():
        assert source.count(before) == 1, before
        source = source.replace(before, after)
    (folder / "our_gateway.py").write_text(source, "utf-8")
    code, found = ran(folder, monkeypatch, *only)
    assert {(one["check"], one["blame"]) for one in found} == {(check, "adapter")}
    assert code == 1
