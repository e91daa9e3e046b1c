"""``results.jsonl``: one line for the run, one a verdict, one for its end.

A file without its last line is an interrupted run. Values that a server sent are shortened to a
line of text each, so that a result is never larger than what it is about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from conformance import __version__
from conformance.model import (
    Finding,
    Level,
    Outcome,
    Provenance,
    Source,
    Verdict,
    show,
)
from conformance.schema import REVISION
from conformance.scrub import Scrubber

MOST: Final = 10**9
"""The highest count that is believed."""
TAIL: Final = 4096
"""Bytes that the last line fits into."""


class ResultsFile:
    """Writes results to an open text file as they come."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def start(self, mode: str, argv: list[str]) -> None:
        """Write the run's line; ``argv`` may hold secrets, which are masked."""
        self.line(
            {
                "type": "run",
                "tool": f"conformance {__version__}",
                "revision": REVISION,
                "mode": mode,
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "argv": [Scrubber().text(word) for word in argv],
            }
        )

    def verdict(self, verdict: Verdict) -> None:
        """Write one verdict."""
        self.line(verdict_line(verdict))

    def skipped(self, target: str, probe: str, reason: str) -> None:
        """Write that a target does not have what a probe is about."""
        self.line({"type": "skipped", "target": target, "probe": probe, "reason": reason})

    def problem(self, message: str) -> None:
        """Write what kept the run from being complete."""
        self.line({"type": "problem", "message": message})

    def news(self, message: str) -> None:
        """Write something about known failures that somebody should look at."""
        self.line({"type": "news", "message": message})

    def end(
        self,
        exchanges: int,
        judged: int,
        unreadable: int,
        outcomes: Mapping[Outcome, int],
        *,
        whole: bool = True,
    ) -> None:
        """Write the last line: counts of exchanges, of broken entries, and of verdicts.

        ``whole`` says that no probe and no check was left out.
        """
        self.line(
            {
                "type": "end",
                "exchanges": exchanges,
                "judged": judged,
                "left_out": exchanges - judged,
                "unreadable": unreadable,
                "outcomes": dict(sorted(outcomes.items())),
                "whole": whole,
            }
        )

    def line(self, line: dict[str, Any]) -> None:
        """Write one line."""
        self._file.write(json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n")


def is_complete(path: Path) -> bool:
    """Whether a results file is there and has its last line. Raises OSError."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        last = file.read().rstrip().rpartition(b"\n")[2]
    return last.startswith(b'{"type":"end"')


def verdict_line(verdict: Verdict) -> dict[str, Any]:
    """A verdict as its line of ``results.jsonl``."""
    provenance = verdict.provenance
    line: dict[str, Any] = {
        "type": "verdict",
        "target": verdict.target,
        "provider": verdict.provider,
        "model": verdict.model,
        "probe": verdict.probe,
        "check": verdict.check,
        "level": verdict.level,
        "outcome": verdict.outcome,
        "known": verdict.known,
        "findings": [_finding(finding) for finding in verdict.findings],
        "exchange": verdict.exchange,
        "provenance": provenance.source if provenance else None,
        "recorded_at": provenance.recorded_at if provenance else None,
        "repeat": {"k": verdict.repeat[0], "n": verdict.repeat[1]},
    }
    if verdict.capabilities:
        line["capabilities"] = dict(verdict.capabilities)
    if verdict.reason:
        line["reason"] = verdict.reason
    if verdict.blame:
        line["blame"] = verdict.blame
    return line


def verdict_of(line: Mapping[str, Any]) -> Verdict:
    """The verdict a line is about; its values are the texts that were written.

    Raises KeyError, TypeError or ValueError for a line of another form.
    """
    source, times = line["provenance"], line["repeat"]
    at = _said(line["recorded_at"])
    found = line["findings"]
    return Verdict(
        provider=_text(line["provider"]),
        model=_text(line["model"]),
        check=_text(line["check"]),
        level=Level(line["level"]),
        outcome=Outcome(line["outcome"]),
        findings=tuple(Finding(_text(f["at"]), _text(f["want"]), _text(f["got"])) for f in found),
        reason=_said(line.get("reason")),
        exchange=_said(line["exchange"]),
        provenance=Provenance(Source(source), recorded_at=at) if source else None,
        repeat=(_count(times["k"]), _count(times["n"])),
        probe=_said(line["probe"]),
        known=_said(line["known"]),
        blame=_said(line.get("blame")),
        capabilities=tuple((n, _count(k)) for n, k in line.get("capabilities", {}).items()),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= MOST:
        raise TypeError(f"{value!r:.40} is no count")
    return value


def _said(value: Any) -> str | None:
    return None if value is None else _text(value)


def _finding(finding: Finding) -> dict[str, str]:
    return {"at": show_place(finding.at), "want": wanted(finding.want), "got": show(finding.got)}


def wanted(want: Any) -> str:
    """A finding's ``want`` as text: a phrase as it is, any other value as JSON."""
    return want[:200] if isinstance(want, str) else show(want)


def show_place(at: str) -> str:
    """A place of bounded length; member names in it are a server's."""
    return at if len(at) <= 200 else f"{at[:200]}…"  # noqa: PLR2004  # as long as a shown value
