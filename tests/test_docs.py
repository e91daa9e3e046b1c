"""What is written down agrees with what is there."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest

import conformance
from conformance.registry import checks
from conformance.report.catalogue import page

ROOT = Path(__file__).parent.parent


def test_the_page_of_checks_is_up_to_date() -> None:
    written = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    assert written == page(checks().values()), "run: conformance checks --md docs/checks.md"


def test_every_check_named_in_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    suites = {check.suite for check in checks().values()}
    named = {
        name
        for name in re.findall(r"\b([a-z]+\.[a-z]+_[a-z_]+)\b", text)
        if name.split(".")[0] in suites
    }
    assert named
    assert named <= checks().keys()


def test_links_lead_somewhere() -> None:
    for page_path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page_path.read_text(encoding="utf-8")):
            assert (page_path.parent / link).exists(), f"{page_path.name}: {link}"


def test_the_library_works_as_its_docstring_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {"host": "x.test", "method": "POST", "path": "/v1/chat/completions", "status": 200}
    (tmp_path / "recording.jsonl").write_text(json.dumps(broken | {"response_body": "{}"}))
    monkeypatch.chdir(tmp_path)
    example = textwrap.dedent(str(conformance.__doc__).partition("::\n")[2])
    exec(example, {})  # noqa: S102  # our own documentation
    assert "chat.response_id" in capsys.readouterr().out
