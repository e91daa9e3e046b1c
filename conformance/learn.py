"""Writes what fails into a provider's file as known failures, and takes out what no longer does."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from conformance.model import Level, Verdict
from conformance.report.board import Board
from conformance.report.terminal import example
from conformance.targets import SHIPPED, Known, Target

FIRST_ENTRY = re.compile(r"^\[\[known\]\]", re.MULTILINE)


def learn(board: Board, targets: Sequence[Target], folder: Path | None) -> Iterator[Path]:
    """Bring the ``[[known]]`` entries of every provider in ``board`` up to date.

    Yields the files that changed. A reason and a date that are there stay; entries of models that
    were not part of this run stay as well. They stand at the end of the file.
    """
    by_provider: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        if target.name in board.rows:
            by_provider[target.provider].append(target)
    for provider, members in by_provider.items():
        path = _file(provider, folder)
        if path is None:
            continue
        before = path.read_text("utf-8")
        first = FIRST_ENTRY.search(before)
        head = before[: first.start()] if first else before
        entries = "".join(_entry(known) for known in _known(board, members))
        after = head.rstrip() + "\n" + entries
        if after != before:
            path.write_text(after, "utf-8")
            yield path


def _file(provider: str, folder: Path | None) -> Path | None:
    paths = [place / f"{provider}.toml" for place in (folder, SHIPPED) if place]
    return next((path for path in paths if path.exists()), None)


def _known(board: Board, targets: Sequence[Target]) -> Iterator[Known]:
    """What is known from now on, by check and outcome."""
    ran = {target.model for target in targets}
    failing: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for target in targets:
        row = board.rows[target.name]
        for level in (Level.MUST, Level.SHOULD):
            for verdict in (*row.failures(level), *row.failures(level, known=True)):
                failing[verdict.check, verdict.outcome].append(verdict)
    before = {(known.check, known.outcome): known for known in targets[0].known}
    for key in sorted(failing.keys() | before.keys()):
        known = _updated(key, before.get(key), failing.get(key, []), ran)
        if known.models:
            yield known


def _updated(
    key: tuple[str, str], old: Known | None, verdicts: Sequence[Verdict], ran: set[str]
) -> Known:
    """One entry: for the models that fail now, and for those that were not asked."""
    models = {verdict.model for verdict in verdicts}
    kept = [
        pattern
        for pattern in (old.models if old else ())
        if any(fnmatchcase(model, pattern) for model in models)
        or not any(fnmatchcase(model, pattern) for model in ran)
    ]
    new = sorted(m for m in models if not any(fnmatchcase(m, pattern) for pattern in kept))
    return Known(
        check=key[0],
        reason=old.reason if old else example(verdicts[0].findings[0]),
        models=(*kept, *new),
        outcome=key[1],
        since=old.since if old else datetime.now(UTC).date().isoformat(),
    )


def _entry(known: Known) -> str:
    """An entry as TOML; JSON strings of printable text are TOML strings too."""
    lines = [
        "",
        "[[known]]",
        f"check = {json.dumps(known.check)}",
        f"models = {json.dumps(list(known.models))}",
        f"outcome = {json.dumps(known.outcome)}",
        f"reason = {json.dumps(known.reason, ensure_ascii=False)}",
    ]
    if known.since:
        lines.append(f"since = {known.since}")
    return "\n".join(lines) + "\n"
