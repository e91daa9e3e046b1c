"""How large the page of a large matrix is, and how soon it can be used.

A matrix of TARGETS x COLUMNS, in which every BROKEN-th cell is broken and has an exchange of its
own as evidence, is made into a page, and opened from a file in Chromium. Usable means: the script
has run, and the browser has painted what it left. Printed are the measures, and each as a part of
its limit; the exit code is 1 where one is over it.

    python bench/page.py [TARGETS, default 200] [COLUMNS, default 150]
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import sync_playwright

from conformance.capability import TITLES
from conformance.compare.grid import Grid, grid
from conformance.registry import checks
from conformance.report.html import page
from conformance.results.reading import Run

BROKEN: Final = 8
PARAMETERS: Final = 40
PER_CELL: Final = 12
"""Checks that held in a cell."""
WORDS: Final = 250
"""Words of an answer."""
REPEATS: Final = 3
MEGABYTES: Final = 10
READY: Final = 2.0
"""Seconds until the page can be used."""
OPENED: Final = 1.0
"""Seconds until the first evidence is there: all of it is unpacked then."""
FILTERED: Final = 0.5
ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]

Line = dict[str, Any]


def lines(targets: int, columns: int) -> Iterator[Line]:
    """The lines of a results file."""
    lots = random.Random(columns)  # noqa: S311  # not for secrets: the same file each time
    names = sorted(checks())
    capabilities = [*TITLES, *(f"area{i}" for i in range(columns))][: columns - PARAMETERS]
    vocabulary = [
        "".join(lots.choices("abcdefghijklmnopqrstuvwxyz", k=lots.randint(2, 9)))
        for _ in range(5000)
    ]
    yield {
        "type": "run",
        "started": "2026-11-28T03:00:00+00:00",
        "mode": "live",
        "tool": "conformance",
        "revision": "2026-08-21",
    }
    for number in range(targets):
        name = f"provider{number // 8}/model-{number}"
        yield target(name)
        for place, capability in enumerate(capabilities):
            for check in lots.sample(names, PER_CELL):
                yield verdict(name, check, capability)
            if (number + place) % BROKEN == 0:
                check = lots.choice(names)
                yield verdict(name, check, capability, broken=True)
                yield evidence(name, check, " ".join(lots.choices(vocabulary, k=WORDS)))
        for parameter in range(PARAMETERS):
            what = "ignored" if (number + parameter) % BROKEN == 0 else "honoured"
            yield {
                "type": "param",
                "target": name,
                "param": f"parameter_{parameter}",
                "dropping": "off",
                "documented": True,
                "declared": None,
                "disposition": what,
                "evidence": f"params.parameter_{parameter} was {what}",
            }


def target(name: str) -> Line:
    """A target's line."""
    provider, _, model = name.partition("/")
    return {
        "type": "target",
        "target": name,
        "provider": provider,
        "model": model,
        "title": provider.title(),
        "source": "live",
        "software": "",
        "recorded": ["2026-11-21T03:00:00+00:00"] * 2,
        "base_url": "https://api.example/v1",
        "key": "API_KEY",
        "claims": None,
    }


def verdict(name: str, check: str, capability: str, *, broken: bool = False) -> Line:
    """A verdict's line."""
    provider, _, model = name.partition("/")
    finding = {"at": "choices[0].message.content", "want": "a string", "got": "null"}
    return {
        "type": "verdict",
        "target": name,
        "provider": provider,
        "model": model,
        "probe": "chat.basic",
        "check": check,
        "level": "must",
        "outcome": "fail" if broken else "pass",
        "known": None,
        "findings": [finding] if broken else [],
        "exchange": f"{name}::chat.basic#1",
        "provenance": "live",
        "recorded_at": None,
        "repeat": {"k": 1, "n": 1},
        "capabilities": {capability: 1},
    }


def evidence(name: str, check: str, text: str) -> Line:
    """The exchange behind a broken cell."""
    choice = {"index": 0, "message": {"role": "assistant", "content": None}}
    body = json.dumps({"choices": [choice], "text": text}, indent=2)
    return {
        "type": "evidence",
        "target": name,
        "check": check,
        "exchange": f"{name}::chat.basic#1",
        "method": "POST",
        "url": "https://api.example/v1/chat/completions",
        "headers": [["content-type", "application/json"], ["authorization", "Bearer [key]"]],
        "request": {"text": f'{{"messages":[{{"role":"user","content":"{text[:400]}"}}]}}'},
        "status": 200,
        "response_headers": [["content-type", "application/json"]],
        "response": {"text": body, "mark": [body.index("null"), body.index("null") + 4]},
    }


def made(targets: int, columns: int) -> Grid:
    """The matrix of one run."""
    run = Run("made.jsonl")
    for line in lines(targets, columns):
        run.add(line)
    return grid([run])


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds, in the browser."""

    ready: float
    opened: float
    filtered: float


PAINTED: Final = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


def opened(browser: Any, file: Path) -> Times:
    """Opens the page, a cell in it, and filters it."""
    tab = browser.new_page()
    start = time.perf_counter()
    tab.goto(file.as_uri(), wait_until="domcontentloaded")
    tab.wait_for_selector("html.ready")
    tab.evaluate(PAINTED)
    ready = time.perf_counter()
    tab.locator("td.b").first.click()
    tab.wait_for_selector("dialog[open] section")
    seen = time.perf_counter()
    tab.keyboard.press("Escape")
    again = time.perf_counter()
    tab.click(".legend button[data-state=b]")
    tab.evaluate(PAINTED)
    end = time.perf_counter()
    tab.close()
    return Times(ready - start, seen - ready, end - again)


def main() -> int:
    """Measure and print; 1 where a limit is passed."""
    targets, columns = (*map(int, sys.argv[1:]), *(200, 150)[len(sys.argv) - 1 :])[:2]
    matrix = made(targets, columns)
    broken = sum(bool(cell.broken) for line in matrix.lines for cell in line.cells)
    start = time.perf_counter()
    text = page(matrix)
    wrote = time.perf_counter() - start
    print(f"{len(matrix.lines)} targets x {len(matrix.columns)} columns, {broken:,} with evidence")
    print(f"made in {wrote:.2f} s")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "matrix.html"
        file.write_text(text, encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        times = [opened(browser, file) for _ in range(REPEATS)]
        browser.close()
        size = file.stat().st_size / 1e6
    measures = [
        ("size", size, MEGABYTES, "MB"),
        ("until usable", statistics.median(t.ready for t in times), READY, "s"),
        ("first evidence", statistics.median(t.opened for t in times), OPENED, "s"),
        ("filtered", statistics.median(t.filtered for t in times), FILTERED, "s"),
    ]
    for what, found, limit, unit in measures:
        print(f"{what:<15} {found:6.2f} {unit:<2} of {limit:>4} ({found / limit:.0%})")
    return int(any(found > limit for _, found, limit, _ in measures))


if __name__ == "__main__":
    raise SystemExit(main())
