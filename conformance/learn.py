"""Writes what fails into a provider's file as known failures, and takes out what no longer does."""

from __future__ import annotations

import glob
import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from conformance.expect import covers
from conformance.model import Level, Outcome, Verdict
from conformance.provider_file import SHIPPED
from conformance.report.board import Board
from conformance.report.terminal import example
from conformance.targets import BadProvider, Known, Target

FIRST_ENTRY: Final = re.compile(r"^[ \t]*\[\[\s*known\s*\]\]", re.MULTILINE)


def learn(board: Board, targets: Sequence[Target], folder: Path) -> Iterator[Path]:
    """Bring the ``[[known]]`` entries of every provider in ``board`` up to date.

    Yields the files that changed: those in ``folder``, else those shipped. Reasons and dates that
    are there stay, and so do the entries of models and checks that had no say in this run. The
    entries stand at the end of the file; what is above them is left as it is.

    Raises BadProvider for a file that has more than entries below the first of them, and OSError.
    """
    by_provider: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        if target.name in board.rows:
            by_provider[target.provider].append(target)
    for provider, members in by_provider.items():
        places = (place / f"{provider}.toml" for place in (folder, SHIPPED))
        path = next((path for path in places if path.exists()), None)
        if path and _write(path, list(_known(board, members))):
            yield path


def _write(path: Path, known: Sequence[Known]) -> bool:
    """Replace the entries at the end of the file; says whether that changed anything."""
    before = path.read_bytes().decode()  # line ends stay as they are
    first = FIRST_ENTRY.search(before)
    head = before[: first.start()] if first else before
    after = head.rstrip() + "\n" + "".join(map(_entry, known))
    if after == before or not (first or known):
        return False
    if _but_known(after) != _but_known(before):
        raise BadProvider(f"{path}: known failures can't be written; move them to the file's end")
    path.write_bytes(after.encode())
    return True


def _but_known(text: str) -> dict[str, Any]:
    """What a file says besides; nothing if it is no longer TOML."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
    table.pop("known", None)
    return table


def _known(board: Board, targets: Sequence[Target]) -> Iterator[Known]:
    """What is known from now on, by check."""
    failing: dict[str, list[Verdict]] = defaultdict(list)
    told: dict[str, set[str]] = defaultdict(set)
    for target in targets:
        row = board.rows[target.name]
        for area in row.areas.values():
            for check in area.told:
                told[check].add(target.model)
        for level in (Level.MUST, Level.SHOULD):
            for verdict in (*row.failures(level), *row.failures(level, known=True)):
                failing[verdict.check].append(verdict)
    kept = [_kept(one, failing[one.check], told[one.check]) for one in targets[0].known]
    new = [
        made
        for check, verdicts in failing.items()
        for made in _new(check, [v for v in verdicts if not _is_covered(v, kept)])
    ]
    yield from sorted([*(one for one in kept if one.models), *new], key=lambda one: one.check)


def _kept(known: Known, failing: Sequence[Verdict], told: set[str]) -> Known:
    """An entry without the models that no longer fail; one that comes and goes stays."""
    broken = {verdict.model for verdict in failing if covers(known, verdict)}
    models = [
        pattern
        for pattern in known.models
        if known.outcome == Outcome.FLAKY
        or any(fnmatchcase(model, pattern) for model in broken)
        or not any(fnmatchcase(model, pattern) for model in told)
    ]
    return replace(known, models=tuple(models))


def _is_covered(verdict: Verdict, known: Sequence[Known]) -> bool:
    return any(
        covers(one, verdict) and any(fnmatchcase(verdict.model, p) for p in one.models)
        for one in known
    )


def _new(check: str, verdicts: Sequence[Verdict]) -> Iterator[Known]:
    """An entry for each outcome that nobody knew of."""
    for outcome in sorted({verdict.outcome for verdict in verdicts}):
        same = [verdict for verdict in verdicts if verdict.outcome == outcome]
        yield Known(
            check=check,
            reason=example(same[0].findings[0]),
            models=tuple(sorted(glob.escape(verdict.model) for verdict in same)),
            outcome=outcome,
            since=datetime.now(UTC).date().isoformat(),
        )


def _entry(known: Known) -> str:
    models = ", ".join(map(_string, known.models))
    lines = [
        "",
        "[[known]]",
        f"check = {_string(known.check)}",
        f"models = [{models}]",
        f"outcome = {_string(known.outcome)}",
        f"reason = {_string(known.reason)}",
    ]
    if known.since:
        lines.append(f"since = {known.since}")
    return "\n".join(lines) + "\n"


def _string(text: str) -> str:
    """A TOML string: as in JSON, but that TOML has DEL escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
