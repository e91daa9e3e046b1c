"""The page about a provider in Chromium: it asks for nothing, runs nothing, and fits a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inert_markdown import WORST, damaged
from results_lines import evidence, made, target, verdict

from conformance.compare.grid import grid
from conformance.report.provider import page_html
from conformance.results.reading import Run


def problems(browser: Any, folder: Path, run: Run, **context: Any) -> list[str]:
    """What should not happen when the page about a run is opened."""
    of = grid([run])
    file = folder / "page.html"
    file.write_text(page_html(of.lines, of), encoding="utf-8")
    wrong: list[str] = []
    page = browser.new_context(**context).new_page()
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("request", lambda request: wrong.append(request.url))
    page.goto(file.as_uri())
    wrong.remove(file.as_uri())
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > page.viewport_size["width"]:
        wrong.append(f"{width} pixels wide")
    page.context.close()
    return wrong


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_and_fits(browser: Any, tmp_path: Path, width: int, scheme: str) -> None:
    run = made([target(), verdict("chat.response_id", "fail"), evidence()])
    size = {"width": width, "height": 800}
    assert not problems(browser, tmp_path, run, viewport=size, color_scheme=scheme)


def test_nothing_in_it_runs_or_is_wider_than_a_phone(browser: Any, tmp_path: Path) -> None:
    size = {"width": 390, "height": 800}
    for text in WORST:
        run = damaged(text, ["acme/large", f"acme/{text}"])
        assert not problems(browser, tmp_path, run, viewport=size)
