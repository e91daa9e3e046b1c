"""What is written down agrees with what is there."""

from __future__ import annotations

import re
from pathlib import Path

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
