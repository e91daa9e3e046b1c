"""A Chromium for the tests of pages. Without one they are skipped, unless it is demanded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conformance.compare.grid import Grid
from conformance.report.html import page as page_of

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


@dataclass
class Watched:
    """A page of the browser's, and everything that should not have happened on it."""

    page: Any
    wrong: list[str] = field(default_factory=list)

    def watch(self) -> None:
        page = self.page
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))
        page.on("popup", lambda _: self.wrong.append("popup"))
        page.on("console", self._said)
        page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.wrong.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith("file://"):
            self.wrong.append(f"request: {request.url}")


def _missing(reason: str) -> None:
    if os.environ.get("CONFORMANCE_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The machine's own Chromium, headless; while it is there, so is an event loop of its own."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  # may be missing
    except ImportError:
        _missing("playwright is not installed (extra: browser)")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        _missing("there is no chromium on this machine")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield started
        started.close()


Open = Callable[..., Any]


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of a grid from a file; at the end nothing may have gone wrong on it."""
    watched: list[Watched] = []

    def open_(grid: Grid, fragment: str = "", before: str = "", **context: Any) -> Any:
        file = tmp_path / "matrix.html"
        file.write_text(page_of(grid), encoding="utf-8")
        one = Watched(browser.new_context(**context).new_page())
        one.watch()
        one.page.add_init_script(before)
        watched.append(one)
        one.page.set_default_timeout(10_000)
        one.page.goto(f"{file.as_uri()}{fragment}")
        one.page.wait_for_selector("html.ready")
        return one.page

    yield open_
    for one in watched:
        one.page.context.close()
    assert [wrong for one in watched for wrong in one.wrong] == []
