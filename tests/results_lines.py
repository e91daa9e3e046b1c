"""Lines of results files, as short as a test wants to write them, and what is read from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conformance.results.reading import Run

Line = dict[str, Any]
DAY = "2026-11-21T03:40:03+00:00"


def run(started: str = "2026-11-28T03:00:00+00:00", mode: str = "live") -> Line:
    return {
        "type": "run",
        "tool": "conformance 0.1.0",
        "revision": "2026-08-21",
        "mode": mode,
        "started": started,
        "argv": ["run"],
    }


def target(name: str = "acme/large", **changed: Any) -> Line:
    provider, _, model = name.partition("/")
    line = {
        "type": "target",
        "target": name,
        "provider": provider,
        "model": model,
        "title": provider.title(),
        "source": "live",
        "software": "",
        "recorded": [DAY, DAY],
        "base_url": f"https://api.{provider}.example/v1",
        "key": "ACME_KEY",
        "claims": None,
    }
    return line | changed


def verdict(
    check: str = "chat.response_id",
    outcome: str = "pass",
    at: str | None = None,
    want: str = "a non-empty string id",
    got: str = "missing",
    **changed: Any,
) -> Line:
    """A verdict; with findings where ``at`` says where, or the outcome is one that has some."""
    name = changed.pop("name", "acme/large")
    provider, _, model = name.partition("/")
    place = at or ("id" if outcome in {"fail", "ignored", "flaky", "lenient"} else None)
    line = {
        "type": "verdict",
        "target": name,
        "provider": provider,
        "model": model,
        "probe": "chat.basic",
        "check": check,
        "level": "must",
        "outcome": outcome,
        "known": None,
        "findings": [{"at": place, "want": want, "got": got}] if place else [],
        "exchange": f"{name}::chat.basic#1",
        "provenance": "live",
        "recorded_at": DAY,
        "repeat": {"k": 1, "n": 1},
    }
    return line | changed


def passage(text: str, mark: tuple[int, int] | None = None, *, whole: bool = True) -> Line:
    return {"text": text, "mark": mark, "whole": whole}


def evidence(check: str = "chat.response_id", name: str = "acme/large", **changed: Any) -> Line:
    line = {
        "type": "evidence",
        "target": name,
        "check": check,
        "exchange": f"{name}::chat.basic#1",
        "method": "POST",
        "url": f"https://api.{name.partition('/')[0]}.example/v1/chat/completions",
        "headers": [["content-type", "application/json"], ["authorization", "Bearer [key]"]],
        "request": passage('{"model":"large","messages":[{"role":"user","content":"Hi"}]}'),
        "status": 200,
        "response_headers": [["content-type", "application/json"]],
        "response": passage('{\n  "id": null\n}', (10, 14)),
    }
    return line | changed


def param(name: str = "stop", disposition: str = "honoured", **changed: Any) -> Line:
    line = {
        "type": "param",
        "target": "acme/large",
        "param": name,
        "dropping": "off",
        "documented": None,
        "declared": None,
        "disposition": disposition,
        "evidence": "params.stop_string_honoured passed",
    }
    return line | changed


def skipped(probe: str, reason: str, name: str = "acme/large") -> Line:
    return {"type": "skipped", "target": name, "probe": probe, "reason": reason}


def end(*, whole: bool = True) -> Line:
    outcomes: dict[str, int] = {}
    counts = {"exchanges": 1, "judged": 1, "left_out": 0, "unreadable": 0}
    return {"type": "end", **counts, "outcomes": outcomes, "whole": whole}


def made(
    lines: Iterable[Mapping[str, Any]],
    started: str = "2026-11-28T03:00:00+00:00",
    *,
    whole: bool = True,
) -> Run:
    """The run that these lines make, with a beginning and an end."""
    found = Run("made.jsonl")
    for line in (run(started), *lines, end(whole=whole)):
        found.add(line)
    return found
