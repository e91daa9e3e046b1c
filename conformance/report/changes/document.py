"""Changes as one JSON object; ``schemas/report/changes-1.json`` describes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from conformance.compare.causes import Cause
from conformance.compare.changes import Change, Changes, Turn
from conformance.compare.kinds import Kind
from conformance.report.changes.sections import GROUPED, grouped
from conformance.report.inert import name
from conformance.results.reading import Run

VERSION: Final = 1
LONGEST: Final = 1000
"""Characters of a text; what we write is shorter."""


def document(changes: Changes) -> dict[str, Any]:
    """All changes, each with the number of its cause."""
    groups = [(kind, cause) for kind in GROUPED for cause in grouped(changes.of(kind))]
    return {
        "version": VERSION,
        "old": _side(changes.old),
        "new": _side(changes.new),
        "compared": {
            "targets": changes.targets,
            "rules": changes.compared,
            "parameters": changes.parameters,
        },
        "unchanged_failures": {"all": changes.staying, "known": changes.staying_known},
        "unsure": changes.unsure,
        "added": _texts(changes.added),
        "gone": _texts(changes.gone),
        "causes": [_cause(kind, cause) for kind, cause in groups],
        "changes": _changes(changes.found, groups),
        "parameters": [_turn(turn) for turn in changes.turns],
    }


def _side(run: Run) -> dict[str, Any]:
    return {
        "path": _text(run.path),
        "started": _text(run.started),
        "mode": _text(run.mode),
        "tool": _text(run.tool),
        "revision": _text(run.revision),
        "complete": run.complete,
        "targets": len(run.rows),
    }


def _cause(kind: Kind, cause: Cause) -> dict[str, Any]:
    example = cause.example
    return {
        "kind": kind,
        "owner": _text(cause.owner),
        "level": cause.level,
        "place": _text(cause.place),
        "want": _text(cause.want),
        "got": _text(cause.got),
        "checks": _texts(cause.checks),
        "targets": _texts(cause.targets),
        "failures": len(cause.failures),
        "example": {
            "target": _text(example.target),
            "check": _text(example.check),
            "probe": _maybe(example.verdict.probe),
            "exchange": _maybe(example.verdict.exchange),
        },
    }


def _changes(found: Iterable[Change], groups: Iterable[tuple[Kind, Cause]]) -> list[dict[str, Any]]:
    number = {
        (kind, failure.target, failure.check): place
        for place, (kind, cause) in enumerate(groups)
        for failure in cause.failures
    }
    return [
        {
            "kind": change.kind,
            "target": _text(change.target),
            "check": _text(change.check),
            "level": change.level,
            "before": change.before,
            "after": change.after,
            "times": {"k": change.times[0], "n": change.times[1]},
            "known": _maybe(change.known),
            "reason": _text(change.reason),
            "cause": number.get((change.kind, change.target, change.check)),
        }
        for change in found
    ]


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "target": _text(turn.target),
        "param": _text(turn.name),
        "dropping": "on" if turn.dropping else "off",
        "before": turn.before,
        "after": turn.after,
        "evidence": _text(turn.evidence),
    }


def _texts(texts: Iterable[str]) -> list[str]:
    return list(map(_text, texts))


def _text(text: str) -> str:
    """A text as it is, while it is short; two long ones that differ stay two."""
    return text if len(text) <= LONGEST else name(text)


def _maybe(text: str | None) -> str | None:
    return None if text is None else _text(text)
